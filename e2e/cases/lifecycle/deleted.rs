//! Deletion at any moment: nothing of the import stays but its record, and a new one of its name starts afresh.

use image_import::api::ImageImport;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};

use super::seen::SeenJobs;
use super::{delete, disk, eventually, no_work_left, out, own_profile, records, small_disk, small_image, written};
use crate::harness::{Case, Store, Triple, import, triple};

/// How often an import is deleted until one is met midway.
pub(super) const TRIES: u32 = 5;

/// A disk image that takes seconds to copy: longer than it takes until a worker is told to stop.
pub(super) struct Large {
    key: String,
    profile: String,
}

impl Large {
    pub(super) async fn new(case: &Case, store: &Store) -> Self {
        let part = format!("{}/part", case.namespace);
        let key = format!("{}/large.img", case.namespace);
        let mut disk = small_disk(0);
        disk.resize(128 << 20, 0);
        store.put(&part, disk).await;
        store.multiply(&part, 16, &key).await;
        Self { key, profile: own_profile(case, &["RAW"]).await }
    }

    /// Starts to import it, and returns while the copy is being uploaded: the import and the object's key.
    pub(super) async fn uploading(&self, case: &Case, store: &Store) -> (ImageImport, String) {
        case.apply(&import("large", &self.key, &self.profile, &out(case))).await.unwrap();
        let copying =
            case.wait("large", "converting", |i| disk(i).conversion.is_some_and(|c| c.job_uid.is_some())).await;
        let own: String = disk(&copying).conversion.unwrap().job_uid.unwrap().chars().take(8).collect();
        let key = format!("{}/large-system-{own}.raw", out(case));
        eventually("the copy is being uploaded", 60, async || store.uploading(&key).await).await;
        (copying, key)
    }
}

/// A worker may be done before it is told to stop; its object then stays, which no record names. One that is told in
/// time leaves nothing.
#[tokio::test]
async fn an_import_deleted_midway_leaves_nothing() {
    let case = Case::new("deleted").await;
    let store = case.store().await;
    let large = Large::new(&case, &store).await;
    for _ in 0..TRIES {
        let (_, key) = large.uploading(&case, &store).await;
        delete(&case, "large").await;
        no_work_left(&case).await;
        assert!(!store.uploading(&key).await, "the worker aborts its upload");
        assert_eq!(records(&case).await.len(), 0);
        match written(&case, &store).await.as_slice() {
            [] => return,
            [done] => store.delete(done).await,
            more => panic!("objects of one import: {more:?}"),
        }
    }
    panic!("no import was met midway");
}

#[tokio::test]
async fn an_import_made_again_under_its_name_while_its_job_runs_is_another() {
    let case = Case::new("recreated").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let large = Large::new(&case, &store).await;
    let (old, key) = large.uploading(&case, &store).await;
    delete(&case, "large").await;
    let new = import("large", &large.key, &large.profile, &out(&case));
    let new = case.api::<ImageImport>().create(&PostParams::default(), &new).await.expect("the name is free at once");
    assert_ne!(old.uid(), new.uid());
    let done = case.wait_for("large", "Ready", "True").await;
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
    let (_, key) = Large::new(&case, &store).await.uploading(&case, &store).await;
    let namespaces = Api::<Namespace>::all(case.client.clone());
    namespaces.delete(&case.namespace, &DeleteParams::default()).await.unwrap();
    eventually("the namespace is gone", 90, async || namespaces.get_opt(&case.namespace).await.unwrap().is_none())
        .await;
    assert!(!store.uploading(&key).await, "no upload is left");
    // A copy that was completed before its pod was found is an object that nobody records.
    assert!(written(&case, &store).await.len() <= 1);
}
