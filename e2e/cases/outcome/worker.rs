//! Row 1 to 3: how a worker ends.

use image_import::api::ImageImport;
use kube::ResourceExt;
use serde_json::json;

use super::gate::Gate;
use super::process::Process;
use super::{attempts, by_way_of, checked, job, jobs, patch_job, pods, retried, running, said, stalled, until};
use crate::harness::{Case, triple};

/// Starts an import, waits until its worker is held, does something to it, and waits until the import rests.
async fn ended(case: &Case, gate: &Gate, name: &str, end: impl Fn(&Process)) -> ImageImport {
    case.apply(&by_way_of(name, &gate.endpoint)).await.expect("an import");
    let pod = running(case, name, &[]).await;
    end(&Process::of(&pod));
    case.settled(name).await
}

#[tokio::test]
async fn a_worker_that_crashes_is_not_started_again_and_its_log_is_kept() {
    let case = Case::new("outcome-crash").await;
    let gate = Gate::holding(&case).await;
    let ended = futures::future::join_all(
        [
            ("internal", "InternalError", "exit code 70"),
            ("panic", "WorkerCrashed", "exit code 101"),
            ("abort", "WorkerCrashed", "exit code 134"),
            ("segfault", "WorkerCrashed", "exit code 139"),
        ]
        .map(async |(name, reason, message)| {
            let import = ended(&case, &gate, name, |process| match name {
                "internal" => process.exit(70),
                "panic" => process.exit(101),
                "abort" => process.exit(134),
                _ => process.crash(),
            })
            .await;
            (name, reason, message, import)
        }),
    )
    .await;
    for (name, reason, message, import) in ended {
        assert_eq!(triple(&import), stalled(reason), "{}", said(&import));
        assert!(said(&import).contains(message), "{}", said(&import));
        assert_eq!(jobs(&case, name).await.len(), 1, "the Job stays for its log");
        assert_eq!(pods(&case, name).await.len(), 1, "and its one pod");
    }
}

#[tokio::test]
async fn a_worker_that_cannot_use_its_credentials_is_looked_at_again_later() {
    let case = Case::new("outcome-config").await;
    let gate = Gate::holding(&case).await;
    let import = ended(&case, &gate, "web", |process| process.exit(78)).await;
    assert_eq!(triple(&import), stalled("InvalidCredentials"), "{}", said(&import));
    until(&case, "end of the Job", async || jobs(&case, "web").await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_worker_out_of_memory_is_told_from_one_that_was_killed() {
    let case = Case::new("outcome-memory").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    // One attempt is as good as four.
    patch_job(&case, &job(&case, "web").await, json!({"backoffLimit": 0})).await;
    let pod = running(&case, "web", &[]).await;
    gate.reached().await;
    Process::of(&pod).squeeze();
    gate.open();
    let import = case.settled("web").await;
    assert_eq!(triple(&import), stalled("WorkerOutOfMemory"), "{}", said(&import));
    assert!(said(&import).contains("memory limit of "), "{}", said(&import));
    assert_eq!(jobs(&case, "web").await.len(), 1, "the Job stays for its log");
}

#[tokio::test]
async fn a_worker_that_is_killed_is_started_again_by_its_job() {
    let case = Case::new("outcome-killed").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let pod = running(&case, "web", &[]).await;
    let first = job(&case, "web").await.uid();
    Process::of(&pod).signal("KILL");
    running(&case, "web", &[pod.uid().unwrap()]).await;
    assert_eq!(job(&case, "web").await.uid(), first, "no other Job");
    gate.open();
    assert_eq!(attempts(&checked(&case, "web").await), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_tried_again_for_ever() {
    let case = Case::new("outcome-transport").await;
    let gate = Gate::refusing(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let failing = case.wait_for("web", "Ready", "False").await;
    assert_eq!(triple(&failing), retried("SourceUnavailable"), "{}", said(&failing));
    assert_eq!(attempts(&failing), 1);
    gate.open();
    assert_eq!(attempts(&checked(&case, "web").await), 2);
}

#[tokio::test]
async fn a_worker_that_ends_well_without_a_word_is_repeated_three_times() {
    let case = Case::new("outcome-silent").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let pod = running(&case, "web", &seen).await;
        assert_eq!(jobs(&case, "web").await.len(), 1, "one Job at a time");
        seen.push(pod.uid().unwrap());
        Process::of(&pod).exit(0);
    }
    let import = case.settled("web").await;
    assert_eq!(triple(&import), stalled("ResultLost"), "{}", said(&import));
    assert_eq!(attempts(&import), 4);
    until(&case, "end of the Job", async || jobs(&case, "web").await.is_empty().then_some(())).await;
}
