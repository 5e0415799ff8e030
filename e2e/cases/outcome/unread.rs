//! Row 2: a finished pod goes before its message was read.

use image_import::api::ImageImport;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DeleteParams;

use super::gate::Gate;
use super::{attempts, by_way_of, checked, job, running, until};
use crate::harness::{Case, triple};

#[tokio::test]
async fn a_result_that_went_with_its_pod_is_read_again() {
    let case = Case::alone("outcome-unread").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    let pod = running(&case, "web", &[]).await;
    case.wait("web", "being read", |i| triple(i).ready == "Unknown/Inspecting").await;
    case.operator().scale(0).await;
    gate.open();
    let complete = || async {
        let conditions = job(&case, "web").await.status?.conditions?;
        conditions.iter().any(|c| c.type_ == "Complete" && c.status == "True").then_some(())
    };
    until(&case, "end of the worker", async || complete().await).await;
    case.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await.expect("the pod goes");
    case.operator().scale(1).await;
    let import = checked(&case, "web").await;
    assert_eq!(attempts(&import), 2);
    let lost = |i: &ImageImport| i.status.as_ref()?.disks.first()?.inspection.as_ref()?.lost_results;
    assert_eq!(lost(&import), Some(1));
}
