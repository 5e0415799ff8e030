//! What is cached of the cluster: lean imports and records, worker Jobs and pods by our label, profiles.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::core::error_boundary::InvalidObject;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Config};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::key::Stage;
use super::managers;
use super::outcome::owned_by;
use super::plan::JobSeen;
use super::worker::{IMPORT_UID, STAGE};
use crate::api::conditions::LIFECYCLE;
use crate::api::{CustomImage, ImageImport, ImportProfile, ImportedDisk};
use crate::metrics::Metrics;
use crate::report::{MESSAGE_BYTES, clean};

/// A watch that keeps its store, ends never, and tells what was touched, deletions included.
pub type Touched<K> = futures::stream::BoxStream<'static, Result<K, watcher::Error>>;

/// True once a cache holds all there is. The store's own `wait_until_ready` wakes only the last of several waiters, and
/// the controller is one.
pub type Filled = tokio::sync::watch::Receiver<bool>;

/// The caches of one watched namespace, or of all.
#[derive(Clone)]
pub struct Scope {
    /// The namespace; `None`: all.
    pub namespace: Option<String>,
    /// Imports, without managedFields, rule conditions and facts.
    pub imports: Store<ImageImport>,
    /// Records: whose they are, and of which objects.
    pub records: Store<CustomImage>,
    /// Worker Jobs.
    pub jobs: Store<Job>,
    /// Worker pods.
    pub pods: Store<Pod>,
    /// Whether each of these is filled.
    pub filled: [Filled; 4],
}

/// The watches that keep a [`Scope`].
pub struct Watches {
    /// Of imports.
    pub imports: Touched<ImageImport>,
    /// Of records.
    pub records: Touched<CustomImage>,
    /// Of Jobs.
    pub jobs: Touched<Job>,
    /// Of pods.
    pub pods: Touched<Pod>,
}

/// What the cache keeps of an import: of managedFields only who cancelled or suspended it, not rules' conditions, not
/// facts. They are most of its bytes.
pub fn prune(import: &mut ImageImport) {
    managers::prune(import);
    if let Some(annotations) = &mut import.metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    let Some(status) = &mut import.status else { return };
    status.conditions.retain(|c| LIFECYCLE.contains(&c.type_.as_str()));
    for inspection in status.disks.iter_mut().filter_map(|d| d.inspection.as_mut()) {
        inspection.facts = None;
    }
}

/// What the cache keeps of a record: whether it is being deleted and holds on to its objects, and where these are. All else
/// is read when it is deleted.
pub fn prune_record(record: &mut CustomImage) {
    record.metadata.managed_fields = None;
    record.metadata.annotations = None;
    record.metadata.labels = None;
    record.status = None;
    let spec = &mut record.spec;
    spec.operating_system = None;
    spec.platform = None;
    spec.architecture = None;
    spec.boot_modes = vec![];
    spec.verdict = None;
    spec.store = None;
    for text in [&mut spec.profile, &mut spec.content_key, &mut spec.import_uid] {
        *text = String::new();
    }
    for disk in &mut spec.disks {
        *disk = ImportedDisk { url: std::mem::take(&mut disk.url), ..ImportedDisk::default() };
    }
}

impl Scope {
    /// The caches of a namespace, or of all, and the watches that must be polled to keep them.
    pub fn new(client: &Client, namespace: Option<String>, metrics: &Arc<Metrics>) -> (Self, Watches) {
        let ours = Config::default().labels(IMPORT_UID);
        let (imports, import_watch, imports_filled) =
            kept(api(client, namespace.as_deref()), Config::default(), prune, "ImageImport", metrics);
        let (records, record_watch, records_filled) =
            kept(api(client, namespace.as_deref()), Config::default(), prune_record, "CustomImage", metrics);
        let (jobs, job_watch, jobs_filled) =
            kept(api(client, namespace.as_deref()), ours.clone(), |_| {}, "Job", metrics);
        let (pods, pod_watch, pods_filled) = kept(api(client, namespace.as_deref()), ours, |_| {}, "Pod", metrics);
        let watches = Watches { imports: import_watch, records: record_watch, jobs: job_watch, pods: pod_watch };
        let filled = [imports_filled, records_filled, jobs_filled, pods_filled];
        (Self { namespace, imports, records, jobs, pods, filled }, watches)
    }

    /// The Jobs whose controller has this UID, but for those that send notices.
    pub fn jobs_of(&self, uid: &str) -> Vec<Arc<Job>> {
        self.jobs.state_filter(|job| owned_by(job.metadata.owner_references.as_ref(), uid) && !sends_notice(job))
    }

    /// The Jobs whose controller has this UID and that send notices.
    pub fn notices_of(&self, uid: &str) -> Vec<Arc<Job>> {
        self.jobs.state_filter(|job| owned_by(job.metadata.owner_references.as_ref(), uid) && sends_notice(job))
    }

    /// The pods whose controller has this UID.
    pub fn pods_of(&self, job_uid: &str) -> Vec<Arc<Pod>> {
        self.pods.state_filter(|pod| owned_by(pod.metadata.owner_references.as_ref(), job_uid))
    }
}

/// True for a Job that sends a notice: no work of its import waits for it.
pub fn sends_notice(job: &Job) -> bool {
    job.metadata.labels.as_ref().and_then(|labels| labels.get(STAGE)).is_some_and(|s| s == Stage::Notify.container())
}

/// What a plan has to know of a Job.
pub fn seen(job: &Job) -> JobSeen {
    let conditions = job.status.as_ref().and_then(|s| s.conditions.as_ref());
    let done = |c: &k8s_openapi::api::batch::v1::JobCondition| {
        c.status == "True" && matches!(c.type_.as_str(), "Complete" | "Failed")
    };
    JobSeen {
        name: job.name_any(),
        uid: job.uid().unwrap_or_default(),
        finished: conditions.is_some_and(|c| c.iter().any(done)),
        deleting_since: job.metadata.deletion_timestamp.as_ref().map(|t| t.0),
    }
}

/// Profiles and their watch.
pub fn profiles(client: &Client, metrics: &Arc<Metrics>) -> (Store<ImportProfile>, Touched<ImportProfile>, Filled) {
    kept(Api::all(client.clone()), Config::default(), |p| p.metadata.managed_fields = None, "ImportProfile", metrics)
}

/// Guarded: one object that cannot be read must not hide the others.
fn api<K>(client: &Client, namespace: Option<&str>) -> Api<DeserializeGuard<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn kept<K>(
    api: Api<DeserializeGuard<K>>,
    config: Config,
    lean: impl FnMut(&mut K) + Send + 'static,
    kind: &'static str,
    metrics: &Arc<Metrics>,
) -> (Store<K>, Touched<K>, Filled)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let (fill, filled) = tokio::sync::watch::channel(false);
    let metrics = Arc::clone(metrics);
    let readable = move |event: Result<watcher::Event<DeserializeGuard<K>>, watcher::Error>| {
        if let Err(error) = &event {
            metrics.watch_error(kind);
            // The API server's answer may be in it, with what users wrote.
            tracing::warn!(kind, error = clean(&error.to_string(), MESSAGE_BYTES), "Watch failed");
        }
        futures::future::ready(event.map(|event| only_readable(event, kind)).transpose())
    };
    let stream = watch(api, config.any_semantic().page_size(100))
        .filter_map(readable)
        .default_backoff()
        .modify(lean)
        .reflect(writer)
        .inspect(move |event| {
            if matches!(event, Ok(watcher::Event::InitDone)) {
                fill.send_replace(true);
            }
        })
        .touched_objects();
    (store, resilient(stream).boxed(), filled)
}

/// An event of an object that can be read. One that cannot is as if it were not there.
fn only_readable<K: Resource<DynamicType = ()>>(
    event: watcher::Event<DeserializeGuard<K>>,
    kind: &str,
) -> Option<watcher::Event<K>> {
    let read = |guard: DeserializeGuard<K>| {
        let refused = |e: InvalidObject| {
            let (namespace, name) = (e.metadata.namespace.unwrap_or_default(), e.metadata.name.unwrap_or_default());
            tracing::warn!(kind, namespace, name, error = clean(&e.error, MESSAGE_BYTES), "An object cannot be read");
        };
        guard.0.map_err(refused).ok()
    };
    match event {
        watcher::Event::Apply(guard) => read(guard).map(watcher::Event::Apply),
        watcher::Event::Delete(guard) => read(guard).map(watcher::Event::Delete),
        watcher::Event::InitApply(guard) => read(guard).map(watcher::Event::InitApply),
        watcher::Event::Init => Some(watcher::Event::Init),
        watcher::Event::InitDone => Some(watcher::Event::InitDone),
    }
}

/// A watch's errors are logged and counted where they come up; the stream itself goes on after its backoff.
fn resilient<K: Send>(
    stream: impl Stream<Item = Result<K, watcher::Error>> + Send,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send {
    stream.filter(|item| futures::future::ready(item.is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_that_cannot_be_read_does_not_hide_the_others() {
        let import = |expires: &str| {
            json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "metadata": {"name": "a"},
                "spec": {"source": {"url": "s3://b/k"}, "profileRef": {"name": "p"},
                    "waivers": [{"rule": "R", "justification": "x", "expirationTime": expires}]}})
        };
        let items = ["2027-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-14:00", "2028-01-01T00:00:00Z"].map(import);
        let list = json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImportList", "metadata": {}, "items": items});
        let list: kube::core::ObjectList<DeserializeGuard<ImageImport>> = serde_json::from_value(list).unwrap();
        let readable = list.items.into_iter().map(|item| only_readable(watcher::Event::InitApply(item), "ImageImport"));
        assert_eq!(readable.map(|event| event.is_some()).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_job_that_sends_a_notice_is_known_by_its_stage() {
        for (stage, notice) in [("notify", true), ("inspect", false), ("convert", false), ("delete", false)] {
            let job = json!({"metadata": {"labels": {STAGE: stage}}});
            assert_eq!(sends_notice(&serde_json::from_value(job).unwrap()), notice, "{stage}");
        }
        assert!(!sends_notice(&Job::default()));
    }

    #[test]
    fn the_cache_keeps_what_decides_and_no_more() {
        let mut import: ImageImport = serde_json::from_value(json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
            "metadata": {"name": "a", "managedFields": [{"manager": "kubectl"}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "imageimport.dev/requestedAt": "1"}},
            "spec": {"source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}},
            "status": {
                "disks": [{"name": "system", "inspection": {"key": "k", "facts": "v1:...", "attempt": 1}}],
                "conditions": [
                    {"type": "Ready", "status": "True", "reason": "Checked", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                    {"type": "VirtioInstalled", "status": "True", "reason": "Passed", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        }))
        .unwrap();
        prune(&mut import);
        assert_eq!(import.metadata.managed_fields, None);
        assert_eq!(import.requested_at().as_deref(), Some("1"));
        assert_eq!(import.metadata.annotations.as_ref().unwrap().len(), 1);
        let status = import.status.unwrap();
        assert_eq!(status.conditions.iter().map(|c| c.type_.as_str()).collect::<Vec<_>>(), ["Ready"]);
        let inspection = status.disks[0].inspection.as_ref().unwrap();
        assert_eq!(
            (inspection.key.as_deref(), inspection.facts.as_ref(), inspection.attempt),
            (Some("k"), None, Some(1))
        );
    }

    #[test]
    fn the_cache_keeps_of_a_record_that_it_leaves_and_what_it_is_of() {
        let mut record: CustomImage = serde_json::from_value(json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage",
            "metadata": {"name": "a", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["f"],
                "labels": {"a": "b"}, "annotations": {"a": "b"}, "managedFields": [{"manager": "kubectl"}]},
            "spec": {"profile": "p", "contentKey": "k", "importUID": "i", "architecture": "x86_64", "bootModes": ["BIOS"],
                "verdict": {"counts": {"passed": 1, "failed": 0, "warned": 0, "advised": 0, "undetermined": 0, "waived": 0}},
                "deletionPolicy": "Delete", "store": {"region": "r"}, "disks": [{"name": "system", "url": "s3://b/k",
                "format": "RAW", "sizeBytes": 1, "virtualSizeBytes": 1, "checksum": "sha256:0"}]},
            "status": {"observedGeneration": 1}
        }))
        .unwrap();
        prune_record(&mut record);
        let kept = json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage",
            "metadata": {"name": "a", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["f"]},
            "spec": {"profile": "", "contentKey": "", "importUID": "", "deletionPolicy": "Delete", "disks": [{"name": "",
                "url": "s3://b/k", "format": "", "sizeBytes": 0, "virtualSizeBytes": 0, "checksum": ""}]}
        });
        assert_eq!(serde_json::to_value(record).unwrap(), kept);
    }
}
