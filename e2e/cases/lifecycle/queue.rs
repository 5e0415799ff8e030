//! A namespace's share of workers.

use super::seen::SeenJobs;
use super::{own_profile, small_image};
use crate::harness::{Case, check};

/// `maxConcurrentWorkersPerNamespace` of the chart.
const SHARE: usize = 3;

#[tokio::test]
async fn eight_imports_of_a_namespace_never_run_more_than_three_workers() {
    let case = Case::new("share").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let names: Vec<String> = (0..8).map(|i| format!("small-{i}")).collect();
    for name in &names {
        case.apply(&check(name, &key, &profile)).await.unwrap();
    }
    for name in &names {
        case.wait_for(name, "Ready", "True").await;
    }
    assert_eq!(jobs.made("inspect"), 8, "each was read once");
    assert!(jobs.most() <= SHARE, "{} workers at one time", jobs.most());
    assert!(jobs.most() > 1, "they are not read one after the other");
}
