//! What becomes of an import over its life: edits, restarts, foreign objects, deletion.

mod asked_again;
mod cancelled;
mod changed;
mod conflict;
mod converted;
mod data_disks;
mod deleted;
mod good;
mod killed;
mod leader;
mod mended;
mod notification;
mod profile;
mod queue;
mod released;
mod removed;
mod seen;
mod spare;
mod suspended;
mod waiver;

use std::time::Duration;

use image_import::api::{CustomImage, DiskStatus, ImageImport, ImportProfile};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::harness::{Case, Store, Triple, check, triple};

/// Writes a disk image of 1 MiB with one partition, and gives its key.
async fn small_image(case: &Case, store: &Store) -> String {
    let key = format!("{}/small.img", case.namespace);
    store.put(&key, small_disk(0)).await;
    key
}

/// A raw disk with a master boot record; disks with other numbers have other bytes.
fn small_disk(number: u8) -> Vec<u8> {
    let mut disk = vec![0; 1 << 20];
    disk[440] = number; // the disk's signature
    disk[446..462].copy_from_slice(&[0x80, 0, 2, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 0xff, 7, 0, 0]);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

/// A profile of the case's own that asks for these formats and nothing else. It goes with the case's namespace.
async fn own_profile(case: &Case, formats: &[&str]) -> String {
    let namespace: Namespace = Api::all(case.client.clone()).get(&case.namespace).await.unwrap();
    let profile: ImportProfile = serde_json::from_value(json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImportProfile",
        "metadata": {"name": case.namespace, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Namespace", "name": case.namespace, "uid": namespace.uid().unwrap()}]},
        "spec": {"title": "Formats alone", "revision": 1, "formats": formats, "partitionTables": ["MBR"], "operatingSystems": [],
            "rules": [{"name": "ImageFormatAccepted", "action": "Require", "cite": ["own"]}]}
    }))
    .unwrap();
    profiles(case).create(&PostParams::default(), &profile).await.expect("a profile");
    eventually("the operator knows the profile", 30, async || {
        let profile = profiles(case).get(&case.namespace).await.unwrap();
        profile.status.is_some_and(|s| s.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
    })
    .await;
    case.namespace.clone()
}

/// The import `small` of a small image against a profile of the case's own, checked.
struct Checked {
    store: Store,
    key: String,
    profile: String,
    jobs: seen::SeenJobs,
    import: ImageImport,
}

async fn checked(case: &Case) -> Checked {
    let store = case.store().await;
    let (key, profile) = (small_image(case, &store).await, own_profile(case, &["RAW"]).await);
    let jobs = seen::SeenJobs::start(case).await;
    case.apply(&check("small", &key, &profile)).await.unwrap();
    let import = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&import), Triple::of("True/Checked", None, None));
    Checked { store, key, profile, jobs, import }
}

fn profiles(case: &Case) -> Api<ImportProfile> {
    Api::all(case.client.clone())
}

/// A merge patch on an import.
async fn patch(case: &Case, name: &str, change: Value) -> kube::Result<ImageImport> {
    case.api::<ImageImport>().patch(name, &PatchParams::default(), &Patch::Merge(change)).await
}

async fn delete(case: &Case, name: &str) {
    case.api::<ImageImport>().delete(name, &DeleteParams::default()).await.expect("the import goes");
}

/// The system disk's status.
fn disk(import: &ImageImport) -> DiskStatus {
    let disks = import.status.as_ref().map(|s| s.disks.clone()).unwrap_or_default();
    disks.into_iter().find(|d| d.name == "system").unwrap_or_default()
}

async fn records(case: &Case) -> Vec<CustomImage> {
    case.api::<CustomImage>().list(&ListParams::default()).await.expect("records").items
}

/// Waits for what no watch tells.
async fn eventually<F: Future<Output = bool>>(what: &str, seconds: u64, mut holds: impl FnMut() -> F) {
    let end = std::time::Instant::now() + Duration::from_secs(seconds);
    while !holds().await {
        assert!(std::time::Instant::now() < end, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// No Job is left, and no pod.
async fn no_work_left(case: &Case) {
    eventually("every Job and pod is gone", 60, async || {
        let jobs = case.api::<Job>().list(&ListParams::default()).await.unwrap();
        let pods = case.api::<k8s_openapi::api::core::v1::Pod>().list(&ListParams::default()).await.unwrap();
        jobs.items.is_empty() && pods.items.is_empty()
    })
    .await;
}

/// Keys below the case's folder of images that were written.
async fn written(case: &Case, store: &Store) -> Vec<String> {
    store.list(&out(case)).await
}

/// The folder the case's images are written to.
fn out(case: &Case) -> String {
    format!("{}/out", case.namespace)
}
