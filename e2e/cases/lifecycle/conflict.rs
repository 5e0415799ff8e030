//! Names that are taken: foreign objects are left alone, and the import says what to do.

use image_import::api::{CustomImage, ImageImport};
use image_import::controller::key::{self, Stage};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::seen::SeenJobs;
use super::{out, own_profile, patch, records, small_image, written};
use crate::harness::{Case, Triple, check, condition, import, triple};

fn conflict() -> Triple {
    Triple::of("False/NameConflict", None, Some("True/NameConflict"))
}

/// The name of the first Job that reads for an import.
fn first_job(import: &ImageImport) -> String {
    let key = key::inspection(&import.spec, import.spec.disk("system").unwrap(), None);
    key::job_name(&import.name_any(), &import.uid().unwrap(), "system", Stage::Inspect, &key, 1)
}

/// A Job that never runs.
async fn make_job(case: &Case, name: &str, owners: Value) -> Job {
    let job: Job = serde_json::from_value(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "ownerReferences": owners},
        "spec": {"suspend": true, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "none"}]}}}
    }))
    .unwrap();
    case.api::<Job>().create(&PostParams::default(), &job).await.expect("a Job")
}

#[tokio::test]
async fn a_foreign_job_of_the_name_is_left_alone() {
    let case = Case::new("foreign-job").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let mut small = check("small", &key, &profile);
    small.spec.suspend = true;
    let small = case.apply(&small).await.unwrap();
    let foreign = make_job(&case, &first_job(&small), json!([])).await;
    patch(&case, "small", json!({"spec": {"suspend": false}})).await.unwrap();
    let stalled = case.settled("small").await;
    assert_eq!(triple(&stalled), conflict());
    assert!(condition(&stalled, "Stalled").unwrap().message.contains(&foreign.name_any()));
    let there = case.api::<Job>().get(&foreign.name_any()).await.expect("it is still there");
    assert_eq!((there.uid(), there.metadata.deletion_timestamp), (foreign.uid(), None));
    assert_eq!(jobs.made("inspect"), 0);

    case.api::<Job>().delete(&foreign.name_any(), &DeleteParams::background()).await.unwrap();
    patch(&case, "small", json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "mended"}}}))
        .await
        .unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Checked", None, None));
}

#[tokio::test]
async fn a_job_in_the_imports_name_that_the_operator_did_not_note_is_made_again() {
    let case = Case::new("forged-job").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let mut small = check("small", &key, &profile);
    small.spec.suspend = true;
    let small = case.apply(&small).await.unwrap();
    let owner = json!([{"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "name": "small",
        "uid": small.uid().unwrap(), "controller": true, "blockOwnerDeletion": true}]);
    let forged = make_job(&case, &first_job(&small), owner).await;
    patch(&case, "small", json!({"spec": {"suspend": false}})).await.unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Checked", None, None));
    assert_ne!(super::disk(&done).inspection.unwrap().job_uid, forged.uid(), "it was not believed");
    assert_eq!(jobs.made("inspect"), 1);
}

#[tokio::test]
async fn a_record_of_something_else_is_left_alone_until_another_name_is_chosen() {
    let case = Case::new("foreign-record").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let foreign: CustomImage = serde_json::from_value(json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage", "metadata": {"name": "taken"},
        "spec": {"profile": "p", "contentKey": "k", "importUID": "u", "disks": [{"name": "system", "url": "s3://b/k",
            "format": "RAW", "sizeBytes": 1, "virtualSizeBytes": 1, "checksum": "sha256:0"}]}
    }))
    .unwrap();
    let records_of_operator = Api::<CustomImage>::namespaced(case.as_operator().await, &case.namespace);
    let foreign = records_of_operator.create(&PostParams::default(), &foreign).await.expect("a record");

    let mut small = import("small", &key, &profile, &out(&case));
    small.spec.custom_image_name = Some("taken".into());
    case.apply(&small).await.unwrap();
    let stalled = case.settled("small").await;
    assert_eq!(triple(&stalled), conflict());
    let message = &condition(&stalled, "Stalled").unwrap().message;
    assert!(message.contains("`taken`") && message.contains("`spec.customImageName`"), "{message}");
    let there = case.api::<CustomImage>().get("taken").await.unwrap();
    assert_eq!((there.uid(), &there.spec), (foreign.uid(), &foreign.spec));
    assert_eq!((jobs.made("convert"), written(&case, &store).await.len()), (0, 0), "nothing is copied in vain");

    patch(&case, "small", json!({"spec": {"customImageName": "free"}})).await.unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    assert_eq!(done.status.unwrap().custom_image_ref.unwrap().name, "free");
    assert_eq!((jobs.made("inspect"), jobs.made("convert")), (1, 1));
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (1, 2));
}
