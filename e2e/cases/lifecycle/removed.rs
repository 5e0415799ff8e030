//! `deletionPolicy`: what becomes of an object when its record is deleted.

use std::time::{Duration, Instant};

use image_import::api::{CustomImage, DELETE_OBJECTS, DeletionPolicy, LocalRef};
use k8s_openapi::api::core::v1::{Event, Namespace, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::seen::SeenJobs;
use super::{eventually, no_work_left, out, own_profile, patch, records, small_disk, small_image, written};
use crate::harness::{Case, Store, Triple, import, triple};

/// The record of a small disk with this policy, and the key of its object.
pub(super) async fn recorded(case: &Case, store: &Store, policy: DeletionPolicy) -> (CustomImage, String) {
    let (key, profile) = (small_image(case, store).await, own_profile(case, &["RAW"]).await);
    let mut small = import("small", &key, &profile, &out(case));
    small.spec.deletion_policy = policy;
    case.apply(&small).await.unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    no_work_left(case).await;
    let record = records(case).await.remove(0);
    let key = record.spec.disks[0].url.strip_prefix("s3://images/").expect("in the bucket").to_owned();
    (record, key)
}

async fn delete(case: &Case, record: &CustomImage) {
    case.api::<CustomImage>().delete(&record.name_any(), &DeleteParams::default()).await.expect("the record goes");
}

async fn gone(case: &Case, record: &CustomImage, seconds: u64) {
    eventually("the record is gone", seconds, async || {
        case.api::<CustomImage>().get_opt(&record.name_any()).await.expect("an answer").is_none()
    })
    .await;
}

/// What the events say of objects that stay.
async fn said_to_stay(case: &Case) -> Vec<String> {
    let events = case.api::<Event>().list(&ListParams::default()).await.expect("events").items;
    let stays = events.into_iter().filter(|event| event.reason.as_deref() == Some("ObjectsStay"));
    stays.map(|event| event.message.unwrap_or_default()).collect()
}

/// Waits until an event says that the record's object stays, and gives what it says.
async fn told(case: &Case, record: &CustomImage) -> String {
    eventually("an event says that the object stays", 20, async || !said_to_stay(case).await.is_empty()).await;
    let said = said_to_stay(case).await;
    assert!(said.len() == 1 && said[0].contains(&record.spec.disks[0].url), "{said:?}");
    said[0].clone()
}

#[tokio::test]
async fn a_record_that_deletes_takes_its_object_along() {
    let case = Case::new("removed").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    assert_eq!(record.finalizers(), [DELETE_OBJECTS]);
    let recorded_store = record.spec.store.as_ref().expect("how the object is reached");
    assert_eq!(recorded_store.secret_ref, Some(LocalRef { name: "bucket-writer".into() }));
    assert!(record.spec.disks[0].etag.is_some(), "the store gives entity tags");
    let decided = patch(&case, "small", json!({"spec": {"deletionPolicy": "Retain"}})).await.unwrap_err().to_string();
    assert!(decided.contains("must not change once the image is recorded"), "{decided}");

    delete(&case, &record).await;
    gone(&case, &record, 60).await;
    assert_eq!(written(&case, &store).await, Vec::<String>::new(), "{key}");
    assert_eq!(store.list(&case.namespace).await, [format!("{}/small.img", case.namespace)], "the source stays");
    assert_eq!(said_to_stay(&case).await, Vec::<String>::new());
    no_work_left(&case).await;
    assert_eq!(jobs.made("delete"), 1);

    // Its place is free: the same image is imported once more.
    super::delete(&case, "small").await;
    let again = import("small", &format!("{}/small.img", case.namespace), &case.namespace, &out(&case));
    case.apply(&again).await.unwrap();
    case.wait_for("small", "Ready", "True").await;
    assert_eq!((records(&case).await.len(), written(&case, &store).await.len()), (1, 1));
}

#[tokio::test]
async fn a_record_that_retains_leaves_its_object() {
    let case = Case::new("retained").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Retain).await;
    assert_eq!((record.finalizers().len(), &record.spec.store), (0, &None));
    delete(&case, &record).await;
    gone(&case, &record, 5).await;
    assert_eq!(written(&case, &store).await, [key]);
    assert_eq!(jobs.made("delete"), 0);
}

#[tokio::test]
async fn an_object_that_was_replaced_stays_and_is_told() {
    let case = Case::new("replaced").await;
    let store = case.store().await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    // Of the same size, so that only the entity tag tells.
    let other = small_disk(1);
    store.put(&key, other.clone()).await;
    delete(&case, &record).await;
    gone(&case, &record, 60).await;
    assert!(store.get(&key).await == other, "another object of its name is not deleted");
    let said = told(&case, &record).await;
    assert!(said.contains("entity tag"), "{said}");
}

#[tokio::test]
async fn an_object_of_two_records_stays_until_the_last_goes() {
    let case = Case::new("shared").await;
    let store = case.store().await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    let mut second = record.clone();
    second.metadata = kube::core::ObjectMeta {
        name: Some("second".into()),
        finalizers: record.metadata.finalizers.clone(),
        ..Default::default()
    };
    let as_operator = Api::<CustomImage>::namespaced(case.as_operator().await, &case.namespace);
    let second = as_operator.create(&PostParams::default(), &second).await.expect("a record");
    // The operator's cache has to hear of it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    delete(&case, &record).await;
    gone(&case, &record, 60).await;
    assert_eq!(written(&case, &store).await, [key]);
    assert!(told(&case, &record).await.contains("the CustomImage `second` is of the same object"));
    delete(&case, &second).await;
    gone(&case, &second, 60).await;
    assert_eq!(written(&case, &store).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_namespace_goes_within_a_minute_although_a_record_holds_on() {
    let case = Case::new("namespace-dies").await;
    let store = case.store().await;
    let (_, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    let namespaces: Api<Namespace> = Api::all(case.client.clone());
    let begun = Instant::now();
    namespaces.delete(&case.namespace, &DeleteParams::default()).await.expect("the namespace goes");
    eventually("the namespace is gone", 60, async || namespaces.get_opt(&case.namespace).await.unwrap().is_none())
        .await;
    println!("gone after {:?}", begun.elapsed());
    assert_eq!(written(&case, &store).await, [key], "no worker runs in a namespace that is being deleted");
}

#[tokio::test]
async fn a_missing_secret_is_told_and_given_up() {
    let case = Case::new("removed-secret").await;
    let store = case.store().await;
    let patience = case.operator().flag_seconds("deletion-grace").await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    case.api::<Secret>().delete("bucket-writer", &DeleteParams::default()).await.expect("the Secret goes");
    let begun = Instant::now();
    delete(&case, &record).await;
    eventually("the record says what is missing", patience, async || {
        let Some(record) = case.api::<CustomImage>().get_opt(&record.name_any()).await.unwrap() else { return false };
        let status = record.status.unwrap();
        let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
        let attempt = status.deletion.as_ref().map(|deletion| deletion.attempt);
        (ready.status.as_str(), ready.reason.as_str(), attempt) == ("False", "Deleting", Some(1))
            && ready.message.contains("\"bucket-writer\" not found")
    })
    .await;
    gone(&case, &record, patience + 30).await;
    assert!(begun.elapsed() >= Duration::from_secs(patience), "not before its time: {:?}", begun.elapsed());
    assert_eq!(written(&case, &store).await, [key]);
    let said = told(&case, &record).await;
    assert!(said.contains("the Secret has been missing"), "{said}");
}

#[tokio::test]
async fn a_secret_that_comes_back_is_used() {
    let case = Case::new("removed-mended").await;
    let store = case.store().await;
    let (record, _) = recorded(&case, &store, DeletionPolicy::Delete).await;
    let secrets = case.api::<Secret>();
    let kept = secrets.get("bucket-writer").await.unwrap();
    secrets.delete("bucket-writer", &DeleteParams::default()).await.expect("the Secret goes");
    delete(&case, &record).await;
    eventually("a worker is there", 30, async || {
        let record = case.api::<CustomImage>().get(&record.name_any()).await.unwrap();
        record.status.and_then(|status| status.deletion).is_some_and(|deletion| deletion.job_uid.is_some())
    })
    .await;
    let mut back = kept.clone();
    back.metadata = kube::core::ObjectMeta { name: Some("bucket-writer".into()), ..Default::default() };
    secrets.create(&PostParams::default(), &back).await.expect("the Secret comes back");
    gone(&case, &record, 90).await;
    assert_eq!(written(&case, &store).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_the_store_refuses_to_delete_stays_and_is_told() {
    let case = Case::new("removed-forbidden").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    let reader = case.api::<Secret>().get("bucket-reader").await.unwrap();
    let weaker = Patch::Merge(json!({"data": reader.data}));
    case.api::<Secret>().patch("bucket-writer", &PatchParams::default(), &weaker).await.expect("keys that only read");
    delete(&case, &record).await;
    gone(&case, &record, 60).await;
    assert_eq!(written(&case, &store).await, [key]);
    let said = told(&case, &record).await;
    assert!(said.contains("the store refuses to delete"), "{said}");
    assert_eq!(jobs.made("delete"), 1, "trying again does not mend it");
}
