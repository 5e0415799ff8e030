//! The controller of records: it looks at those that are being deleted and hold on to their objects.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::plan::{Act, Plan};
use super::{Subject, discard, step};
use crate::api::conditions::{READY, Stamp, Status, find, reason as word};
use crate::api::{CustomImage, CustomImageStatus, DELETE_OBJECTS, Destination};
use crate::controller::context::Context;
use crate::controller::customimage::write_status;
use crate::controller::events;
use crate::controller::look::{self, Error, Result};
use crate::controller::queue::Kind;
use crate::convert::StoredObject;

/// True when a record has our finalizer.
pub fn holds_on(record: &CustomImage) -> bool {
    record.finalizers().iter().any(|finalizer| finalizer == DELETE_OBJECTS)
}

/// True when its objects are to be deleted now.
pub fn leaves(record: &CustomImage) -> bool {
    record.metadata.deletion_timestamp.is_some() && holds_on(record)
}

/// A look at a record, counted.
///
/// # Errors
/// What is worth a backoff.
pub async fn reconcile(record: Arc<CustomImage>, context: Arc<Context>) -> Result<Action> {
    if !leaves(&record) {
        return Ok(Action::await_change());
    }
    let uid = record.uid().unwrap_or_default();
    look::counted(&context.shared, "customimage", &uid, Box::pin(look(&record, &context))).await
}

/// When to look again after an error.
#[expect(clippy::needless_pass_by_value, reason = "the runtime's signature")]
pub fn retry(record: Arc<CustomImage>, error: &Error, context: Arc<Context>) -> Action {
    let delay = context.shared.backoff.failed(&record.uid().unwrap_or_default());
    tracing::warn!(namespace = record.namespace(), name = record.name_any(), %error, "Record will be looked at again");
    Action::requeue(delay)
}

async fn look(cached: &CustomImage, context: &Context) -> Result<Action> {
    let api: Api<CustomImage> = Api::namespaced(context.shared.client.clone(), &cached.namespace().unwrap_or_default());
    // The cache has neither the objects nor what was noted; and a Job is noted before the cache hears of it.
    let live = api.get_opt(&cached.name_any()).await?.filter(|live| live.uid() == cached.uid() && leaves(live));
    let Some(record) = live else { return Ok(Action::await_change()) };
    let subject = subject(&record);
    let plan = step(context, &subject).await?;
    match &plan.act {
        Act::Done => {
            tracing::info!(namespace = subject.namespace, name = subject.name, "Deleted the objects of a record");
            release(&api, &record).await?;
        }
        Act::GiveUp(why) => {
            events::publish(&context.shared, &record.object_ref(&()), vec![subject.told(why)]).await;
            release(&api, &record).await?;
        }
        Act::Rest | Act::Start(_) => write_status(&api, &record, &status(&record, &plan)).await?,
    }
    discard(context, &subject, &plan).await?;
    Ok(plan.again.map_or_else(Action::await_change, |again| Action::requeue(again.unsigned_abs().max(look::CAUGHT_UP))))
}

/// What is deleted with a record.
fn subject(record: &CustomImage) -> Subject {
    let spec = &record.spec;
    let store = spec.store.clone().unwrap_or_default();
    let objects = spec.disks.iter().map(|disk| StoredObject {
        destination: Destination {
            url: disk.url.clone(),
            region: store.region.clone(),
            endpoint: store.endpoint.clone(),
            addressing: store.addressing,
            ..Destination::default()
        },
        size_bytes: u64::try_from(disk.size_bytes).unwrap_or_default(),
        etag: disk.etag.clone(),
    });
    Subject {
        kind: Kind::Record,
        namespace: record.namespace().unwrap_or_default(),
        name: record.name_any(),
        uid: record.uid().unwrap_or_default(),
        owner: record.controller_owner_ref(&()).unwrap_or_default(),
        import_uid: spec.import_uid.clone(),
        objects: objects.collect(),
        secret: store.secret_ref,
        noted: record.status.as_ref().and_then(|status| status.deletion.clone()).unwrap_or_default(),
    }
}

/// The status of a record while its objects are deleted.
fn status(record: &CustomImage, plan: &Plan) -> CustomImageStatus {
    let stored = record.status.clone().unwrap_or_default();
    let before = find(&stored.conditions, READY).filter(|ready| ready.reason == word::DELETING);
    let message = plan.message.as_deref().or(before.map(|ready| ready.message.as_str()));
    let now = Timestamp::now();
    let stamp = Stamp {
        stored: &stored.conditions,
        now: Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        observed_generation: record.metadata.generation,
    };
    let message = message.unwrap_or("The objects are deleted with the record");
    let ready = stamp.condition(READY, Status::False, word::DELETING, message);
    CustomImageStatus {
        observed_generation: record.metadata.generation,
        deletion: Some(plan.noted.clone()),
        conditions: vec![ready],
        ..stored
    }
}

/// Takes our finalizer off a record, whatever becomes of its objects. False when it had none, or is gone.
///
/// # Errors
/// 409 when the record changed since it was read, and whatever else the API server says.
pub async fn release(api: &Api<CustomImage>, record: &CustomImage) -> kube::Result<bool> {
    if !holds_on(record) {
        return Ok(false);
    }
    let others: Vec<_> = record.finalizers().iter().filter(|finalizer| *finalizer != DELETE_OBJECTS).collect();
    let patch = json!({"metadata": {"resourceVersion": record.resource_version(), "finalizers": others}});
    match api.patch(&record.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Deletion;
    use jiff::SignedDuration;

    fn record() -> CustomImage {
        serde_json::from_value(json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage",
            "metadata": {"name": "web-1", "namespace": "team", "uid": "record-uid", "generation": 2,
                "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["imageimport.dev/delete-objects"]},
            "spec": {"profile": "p", "contentKey": "k", "importUID": "import-uid", "deletionPolicy": "Delete",
                "store": {"endpoint": "https://minio:9000", "addressing": "Path", "secretRef": {"name": "writer"}},
                "disks": [{"name": "system", "url": "s3://store/web.raw", "format": "RAW", "sizeBytes": 42,
                    "virtualSizeBytes": 42, "checksum": "sha256:aa", "etag": "\"e\""}]},
            "status": {"snapshot": {"state": "Available", "sizeBytes": 7}, "conditions": [{"type": "Ready",
                "status": "True", "reason": "Available", "message": "", "lastTransitionTime": "2025-01-01T00:00:00Z"}]}
        }))
        .unwrap()
    }

    #[test]
    fn a_record_says_all_that_its_deletion_needs() {
        let subject = subject(&record());
        assert_eq!(
            serde_json::to_value(&subject.objects).unwrap(),
            json!([{"url": "s3://store/web.raw", "endpoint": "https://minio:9000", "addressing": "Path", "sizeBytes": 42,
                "etag": "\"e\""}])
        );
        assert_eq!((subject.secret.unwrap().name.as_str(), subject.import_uid.as_str()), ("writer", "import-uid"));
        assert_eq!((subject.owner.kind.as_str(), subject.owner.uid.as_str()), ("CustomImage", "record-uid"));
    }

    #[test]
    fn only_a_record_that_is_deleted_and_holds_on_is_looked_at() {
        assert!(leaves(&record()));
        let mut other = record();
        other.metadata.deletion_timestamp = None;
        assert!(!leaves(&other) && holds_on(&other));
        let mut other = record();
        other.metadata.finalizers = Some(vec!["foregroundDeletion".into()]);
        assert!(!leaves(&other));
    }

    #[test]
    fn the_status_tells_how_far_it_is_and_keeps_what_was_told() {
        let told = |record: &CustomImage, message: Option<&str>| {
            let plan = Plan {
                noted: Deletion { attempt: 1, ..Deletion::default() },
                message: message.map(str::to_owned),
                act: Act::Rest,
                again: Some(SignedDuration::from_secs(5)),
                slot: true,
                discard: vec![],
            };
            status(record, &plan)
        };
        let mut record = record();
        let first = told(&record, Some("Attempt 1 of 3 failed"));
        assert_eq!(first.deletion.as_ref().unwrap().attempt, 1);
        assert_eq!(first.snapshot, record.status.as_ref().unwrap().snapshot);
        let ready = &first.conditions[0];
        assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "Deleting"));
        record.status = Some(first.clone());
        assert_eq!(told(&record, None), first);
    }
}
