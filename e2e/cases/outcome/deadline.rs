//! Row 3: the Job's time is up.

use serde_json::json;

use super::gate::Gate;
use super::{by_way_of, job, jobs, patch_job, running, said, stalled, until};
use crate::harness::{Case, triple};

#[tokio::test]
async fn a_worker_past_its_deadline_is_given_up() {
    let case = Case::new("outcome-deadline").await;
    let gate = Gate::holding(&case).await;
    case.apply(&by_way_of("web", &gate.endpoint)).await.expect("an import");
    running(&case, "web", &[]).await;
    gate.reached().await;
    patch_job(&case, &job(&case, "web").await, json!({"activeDeadlineSeconds": 1})).await;
    let import = case.settled("web").await;
    assert_eq!(triple(&import), stalled("DeadlineExceeded"), "{}", said(&import));
    until(&case, "end of the Job", async || jobs(&case, "web").await.is_empty().then_some(())).await;
}
