//! What an import costs the API server: every write on it and on what belongs to it, as a watch tells them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use image_import::api::{CustomImage, ImageImport};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::harness::{BAD_IMAGE, Case, GOOD_IMAGE, check, import};

/// Writes of the operator for one import.
#[derive(Debug, Default, Clone, Copy)]
pub struct Writes {
    /// Of the import's status; those that only move `progress` are apart.
    pub status: usize,
    /// Of the import's status, nothing but `progress`.
    pub progress: usize,
    /// Jobs created.
    pub created: usize,
    /// Jobs deleted.
    pub deleted: usize,
    /// Of the custom image.
    pub record: usize,
    /// Events, new ones and repeated ones.
    pub events: usize,
    /// Bytes of the facts in the import's status.
    pub facts: usize,
}

impl Writes {
    /// What the goal speaks of. Events are written by the way and lost without harm.
    pub fn counted(self) -> usize {
        self.status + self.created + self.deleted + self.record
    }
}

/// One object as a watch shows it: what happened, and how it was then.
type Seen = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// An import of the good image to its end, and one of the other to its refusal.
pub async fn measure() -> Vec<(&'static str, Writes)> {
    let mut found = Vec::new();
    for (what, image, stores) in [("imported", GOOD_IMAGE, true), ("rejected", BAD_IMAGE, false)] {
        found.push((what, one(image, stores).await));
    }
    found
}

async fn one(image: &str, stores: bool) -> Writes {
    let case = Case::new("bench").await;
    let imports = watch::<ImageImport>(case.api()).await;
    let jobs = watch::<Job>(case.api()).await;
    let records = watch::<CustomImage>(case.api()).await;
    let events = watch::<Event>(case.api()).await;
    let asked = if stores {
        import("bench", image, "tencent-cvm", &case.namespace)
    } else {
        check("bench", image, "tencent-cvm")
    };
    case.apply(&asked).await.unwrap();
    let done = case.settled("bench").await;
    // A Job is deleted after the status is written, and goes when its pod is gone.
    for _ in 0..60 {
        if case.api::<Job>().list(&ListParams::default()).await.unwrap().items.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    if stores {
        for key in case.store().await.list(&case.namespace).await {
            case.store().await.delete(&key).await;
        }
    }
    let (imports, jobs, records, events) = (taken(&imports), taken(&jobs), taken(&records), taken(&events));
    let (progress, status) = status_writes(&imports);
    let facts = done.status.iter().flat_map(|s| &s.disks).filter_map(|d| d.inspection.as_ref()?.facts.as_ref());
    let ours = events.iter().filter(|(_, e)| {
        e["reportingController"].as_str().is_some_and(|c| c.contains("imageimport") || c.contains("image-import"))
    });
    Writes {
        status,
        progress,
        created: jobs.iter().filter(|(kind, _)| *kind == "added").count(),
        deleted: jobs.iter().filter(|(kind, _)| *kind == "deleted").count(),
        record: records.iter().filter(|(kind, _)| *kind != "deleted").count(),
        events: ours.count(),
        facts: facts.map(String::len).max().unwrap_or(0),
    }
}

/// Changes of the import, told apart: of `progress` alone, and others. The first event is the user's own write.
fn status_writes(seen: &[(&'static str, Value)]) -> (usize, usize) {
    let plain = |value: &Value| {
        let mut value = value.clone();
        value["metadata"] = Value::Null;
        if let Some(status) = value["status"].as_object_mut() {
            status.remove("progress");
        }
        value
    };
    let only_progress = |pair: &&[(&str, Value)]| plain(&pair[0].1) == plain(&pair[1].1);
    let changes: Vec<_> = seen.windows(2).filter(|pair| pair[1].0 == "modified").collect();
    let progress = changes.iter().copied().filter(only_progress).count();
    (progress, changes.len() - progress)
}

fn taken(seen: &Seen) -> Vec<(&'static str, Value)> {
    let found = std::mem::take(&mut *seen.lock().unwrap());
    // One object, but a stale list may tell the same state twice.
    let mut versions = BTreeSet::new();
    found
        .into_iter()
        .filter(|(kind, v)| versions.insert((*kind, v["metadata"]["resourceVersion"].to_string())))
        .collect()
}

async fn watch<K>(api: Api<K>) -> Seen
where
    K: Resource<Scope = NamespaceResourceScope> + DeserializeOwned + serde::Serialize + Clone + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let seen = Seen::default();
    let mut version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap_or_default();
    let into = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let Ok(stream) = api.watch(&WatchParams::default(), &version).await else { return };
            let mut stream = stream.boxed();
            while let Some(Ok(event)) = stream.next().await {
                let (kind, object) = match event {
                    WatchEvent::Added(object) => ("added", object),
                    WatchEvent::Modified(object) => ("modified", object),
                    WatchEvent::Deleted(object) => ("deleted", object),
                    WatchEvent::Bookmark(_) | WatchEvent::Error(_) => continue,
                };
                version = object.resource_version().unwrap_or_default();
                into.lock().unwrap().push((kind, serde_json::to_value(object).unwrap()));
            }
        }
    });
    seen
}
