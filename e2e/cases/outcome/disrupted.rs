//! Row 5: pods that are taken away.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, EvictParams};

use super::gate::Gate;
use super::{attempts, by_way_of, checked, job, running, said, stalled, until};
use crate::harness::{Case, condition, triple};

#[tokio::test]
async fn a_drained_worker_begins_again_elsewhere() {
    let case = Case::new("outcome-drain").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let pod = running(&case, "web", &[]).await;
    let first = job(&case, "web").await.uid();
    gate.reached().await;
    case.api::<Pod>().evict(&pod.name_any(), &EvictParams::default()).await.expect("an eviction");
    running(&case, "web", &[pod.uid().unwrap()]).await;
    assert_eq!(job(&case, "web").await.uid(), first, "no other Job");
    gate.open();
    assert_eq!(attempts(&checked(&case, "web").await), 1);
}

#[tokio::test]
async fn a_deleted_worker_begins_again() {
    let case = Case::new("outcome-deleted").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let pod = running(&case, "web", &[]).await;
    let first = job(&case, "web").await.uid();
    gate.reached().await;
    case.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default()).await.expect("the pod goes");
    running(&case, "web", &[pod.uid().unwrap()]).await;
    assert_eq!(job(&case, "web").await.uid(), first, "no other Job");
    gate.open();
    assert_eq!(attempts(&checked(&case, "web").await), 1);
}

#[tokio::test]
async fn a_worker_that_is_evicted_again_and_again_is_given_up() {
    let case = Case::new("outcome-evicted").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let mut seen = Vec::new();
    let stalls = || async {
        let import = case.api::<image_import::api::ImageImport>().get("web").await.expect("the import");
        condition(&import, "Stalled").is_some()
    };
    for _ in 0..6 {
        assert!(!stalls().await, "after {} pods", seen.len());
        let pod = running(&case, "web", &seen).await;
        seen.push(pod.uid().unwrap());
        case.api::<Pod>().evict(&pod.name_any(), &EvictParams::default()).await.expect("an eviction");
    }
    let import = case.settled("web").await;
    assert_eq!(triple(&import), stalled("TooManyDisruptions"), "{}", said(&import));
    assert_eq!(attempts(&import), 1);
    until(&case, "end of the Job", async || super::jobs(&case, "web").await.is_empty().then_some(())).await;
}
