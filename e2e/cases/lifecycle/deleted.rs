//! Deletion at any moment: nothing of the import stays but its record, and a new one of its name starts afresh.

use image_import::api::ImageImport;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};

use super::seen::SeenJobs;
use super::{delete, disk, eventually, no_work_left, out, own_profile, records, small_image, written};
use crate::harness::{Case, GOOD_IMAGE, Store, Triple, import, triple};

/// Starts to import the good image, and returns while the copy is being uploaded: the import and the object's key.
async fn uploading(case: &Case, store: &Store) -> (ImageImport, String) {
    case.apply(&import("good", GOOD_IMAGE, "tencent-cvm", &out(case))).await.unwrap();
    let copying = case.wait("good", "converting", |i| disk(i).conversion.is_some_and(|c| c.job_uid.is_some())).await;
    let own: String = disk(&copying).conversion.unwrap().job_uid.unwrap().chars().take(8).collect();
    let key = format!("{}/good-system-{own}.qcow2", out(case));
    eventually("the copy is being uploaded", 60, async || store.uploading(&key).await).await;
    (copying, key)
}

#[tokio::test]
async fn an_import_deleted_midway_leaves_nothing() {
    let case = Case::new("deleted").await;
    let store = case.store().await;
    let (_, key) = uploading(&case, &store).await;
    delete(&case, "good").await;
    no_work_left(&case).await;
    assert!(!store.uploading(&key).await, "the worker aborts its upload");
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (0, 0));
}

#[tokio::test]
async fn an_import_made_again_under_its_name_while_its_job_runs_is_another() {
    let case = Case::new("recreated").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let (old, key) = uploading(&case, &store).await;
    delete(&case, "good").await;
    let new = import("good", GOOD_IMAGE, "tencent-cvm", &out(&case));
    let new = case.api::<ImageImport>().create(&PostParams::default(), &new).await.expect("the name is free at once");
    assert_ne!(old.uid(), new.uid());
    let done = case.wait_for("good", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    no_work_left(&case).await;
    assert!(!store.uploading(&key).await, "the first worker aborts its upload");
    assert_eq!((jobs.made("inspect"), jobs.made("convert")), (2, 2));
    let found = records(&case).await;
    assert_eq!(found.len(), 1);
    // A worker that was done before it was told to stop leaves its object, which no record names.
    let objects = written(&case, &store).await.len();
    assert!((1..=2).contains(&objects), "{objects} objects");
    assert_eq!(Some(&found[0].spec.import_uid), new.uid().as_ref());
}

#[tokio::test]
async fn an_import_made_again_finds_its_record_and_copies_nothing() {
    let case = Case::new("restored").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let small = import("small", &key, &profile, &out(&case));
    case.apply(&small).await.unwrap();
    let first = case.wait_for("small", "Ready", "True").await;
    delete(&case, "small").await;
    no_work_left(&case).await;
    let (kept, objects) = (records(&case).await, written(&case, &store).await);
    assert_eq!((kept.len(), objects.len()), (1, 1), "the record and its object outlive the import");

    case.apply(&small).await.unwrap();
    let second = case.wait_for("small", "Ready", "True").await;
    assert_ne!(first.uid(), second.uid());
    assert_eq!(triple(&second), Triple::of("True/Imported", None, None));
    assert_eq!(second.status.unwrap().custom_image_ref, first.status.unwrap().custom_image_ref);
    assert_eq!((jobs.made("inspect"), jobs.made("convert")), (2, 1), "each import reads once, and one of them copies");
    assert_eq!((records(&case).await, written(&case, &store).await), (kept, objects));
}

#[tokio::test]
async fn a_namespace_deleted_midway_goes() {
    let case = Case::new("namespace-dies").await;
    let store = case.store().await;
    let (_, key) = uploading(&case, &store).await;
    let namespaces = Api::<Namespace>::all(case.client.clone());
    namespaces.delete(&case.namespace, &DeleteParams::default()).await.unwrap();
    eventually("the namespace is gone", 90, async || namespaces.get_opt(&case.namespace).await.unwrap().is_none())
        .await;
    assert!(!store.uploading(&key).await, "no upload is left");
    // A copy that was completed before its pod was found is an object that nobody records.
    assert!(written(&case, &store).await.len() <= 1);
}
