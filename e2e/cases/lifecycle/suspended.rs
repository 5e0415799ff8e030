//! `spec.suspend`: no new work, and a running worker is stopped.

use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use serde_json::json;

use super::seen::SeenJobs;
use super::{disk, no_work_left, out, own_profile, patch, records, small_image, written};
use crate::harness::{Case, GOOD_IMAGE, Triple, check, import, triple};

fn suspended() -> Triple {
    Triple::of("Unknown/Suspended", None, None)
}

#[tokio::test]
async fn a_suspended_import_starts_when_it_is_resumed() {
    let case = Case::new("suspended").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let mut small = check("small", &key, &profile);
    small.spec.suspend = true;
    case.apply(&small).await.unwrap();
    let waiting = case.wait_for("small", "Ready", "Unknown").await;
    assert_eq!(triple(&waiting), suspended());
    assert_eq!(disk(&waiting).inspection, None);
    assert_eq!(jobs.made("inspect"), 0);
    patch(&case, "small", json!({"spec": {"suspend": false}})).await.unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Checked", None, None));
    assert_eq!(jobs.made("inspect"), 1);
}

#[tokio::test]
async fn a_running_copy_is_stopped_by_suspend_and_made_once_after_it() {
    let case = Case::new("paused").await;
    let store = case.store().await;
    case.apply(&import("good", GOOD_IMAGE, "tencent-cvm", &out(&case))).await.unwrap();
    let copying = case.wait("good", "converting", |i| disk(i).conversion.is_some_and(|c| c.job_uid.is_some())).await;
    let stopped = disk(&copying).conversion.unwrap();
    patch(&case, "good", json!({"spec": {"suspend": true}})).await.unwrap();
    let waiting = case.wait("good", "suspended", |i| triple(i) == suspended()).await;
    no_work_left(&case).await;
    assert_eq!(waiting.status.unwrap().custom_image_ref, None);
    assert_eq!(written(&case, &store).await, [""; 0], "a stopped worker leaves no object");
    assert_eq!(case.api::<Job>().list(&ListParams::default()).await.unwrap().items.len(), 0);

    patch(&case, "good", json!({"spec": {"suspend": false}})).await.unwrap();
    let done = case.wait_for("good", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    assert_ne!(disk(&done).conversion.unwrap().job_uid, stopped.job_uid);
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (1, 1));
}
