//! Row 5: pods that are taken away.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, EvictParams};

use super::gate::Gate;
use super::{attempts, by_way_of, checked, job, running};
use crate::harness::Case;

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
