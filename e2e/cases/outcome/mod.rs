//! What becomes of a worker Job: every row of the outcome table, on a real kubelet.
//!
//! Workers are held at a [`gate::Gate`] between them and the store, so that something can happen to them, and end as a
//! case wants by what is done to their [`process::Process`]. Both need the cluster's node to be this machine.

mod deadline;
mod disrupted;
mod gate;
mod lost_node;
mod missing;
mod never_comes;
mod process;
mod refused;
mod unread;
mod worker;

use std::time::Duration;

use image_import::api::ImageImport;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::GOOD_IMAGE;
use crate::harness::{Case, Triple, check, condition, kubectl, triple};

/// An import of the good image that is only checked, by way of this endpoint.
fn by_way_of(name: &str, endpoint: &str) -> ImageImport {
    let mut import = check(name, GOOD_IMAGE, "tencent-cvm");
    import.spec.source.endpoint = Some(endpoint.to_owned());
    import
}

/// `Ready` is False for this reason, and nothing more is tried until something changes.
fn stalled(reason: &str) -> Triple {
    Triple { ready: format!("False/{reason}"), reconciling: None, stalled: Some(format!("True/{reason}")) }
}

/// `Ready` is False for this reason, and it is tried again.
fn retried(reason: &str) -> Triple {
    Triple::of(&format!("False/{reason}"), Some("True/ProgressingWithRetry"), None)
}

/// Message of `Ready`.
fn said(import: &ImageImport) -> String {
    condition(import, "Ready").map(|c| c.message.clone()).unwrap_or_default()
}

/// Asks again and again until there is an answer, at most two minutes.
async fn until<T>(case: &Case, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..480 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    case.dump();
    panic!("no {what} within two minutes");
}

async fn jobs(case: &Case, import: &str) -> Vec<Job> {
    let all = case.api::<Job>().list(&ListParams::default()).await.expect("Jobs");
    all.items.into_iter().filter(|job| job.owner_references().iter().any(|owner| owner.name == import)).collect()
}

async fn pods(case: &Case, import: &str) -> Vec<Pod> {
    let all = case.api::<Pod>().list(&ListParams::default()).await.expect("pods");
    let of = |pod: &Pod| pod.annotations().get("imageimport.dev/import").is_some_and(|name| name == import);
    all.items.into_iter().filter(of).collect()
}

/// The import's pod that runs and is none of those.
async fn running(case: &Case, import: &str, other_than: &[String]) -> Pod {
    let state = |pod: &Pod| pod.status.as_ref()?.container_statuses.as_ref()?.first()?.state.clone();
    until(case, "running pod", async || {
        let new = |pod: &Pod| !other_than.contains(&pod.uid().unwrap()) && pod.metadata.deletion_timestamp.is_none();
        let mut pods = pods(case, import).await.into_iter();
        pods.find(|pod| new(pod) && state(pod).is_some_and(|s| s.running.is_some()))
    })
    .await
}

/// The import's pod, whatever its state.
async fn any_pod(case: &Case, import: &str) -> Pod {
    until(case, "pod", async || pods(case, import).await.pop()).await
}

async fn job(case: &Case, import: &str) -> Job {
    until(case, "Job", async || jobs(case, import).await.pop()).await
}

async fn patch_job(case: &Case, job: &Job, spec: Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    case.api::<Job>().patch(&job.name_any(), &PatchParams::default(), &patch).await.expect("the Job changes");
}

/// Waits until the import is well, and no Job of it is left.
async fn checked(case: &Case, import: &str) -> ImageImport {
    let done = case.settled(import).await;
    assert_eq!(triple(&done), Triple::of("True/Checked", None, None), "{}", said(&done));
    until(case, "end of the Job", async || jobs(case, import).await.is_empty().then_some(())).await;
    done
}

/// Asks for another reading, as one does who has mended what was wrong, and waits for it.
async fn mended(case: &Case, import: &str) -> ImageImport {
    let now = Patch::Merge(json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "mended"}}}));
    case.api::<ImageImport>().patch(import, &PatchParams::default(), &now).await.expect("a request");
    let seen = |i: &ImageImport| i.status.as_ref().is_some_and(|s| s.last_handled_request_at.is_some());
    case.wait(import, "read again", seen).await;
    checked(case, import).await
}

/// How many Jobs the import's reading took.
fn attempts(import: &ImageImport) -> i32 {
    import.status.as_ref().and_then(|s| s.disks.first()?.inspection.as_ref()?.attempt).unwrap_or_default()
}

/// Something outside of the case's namespace, which goes with this value.
struct Borrowed(&'static str, String);

impl Drop for Borrowed {
    fn drop(&mut self) {
        kubectl(&["delete", self.0, &self.1, "--ignore-not-found", "--wait=false"]);
    }
}
