//! The status that an import would have in a cluster, by the controller's own functions: what is not in a cluster is left
//! out, Jobs above all.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::conditions::{CONVERTED, Status, reason as word};
use crate::api::{Conversion, CustomImage, ImageImport, ImportProfile};
use crate::controller::judgement::{images, judge, request};
use crate::controller::key::{self, VerdictKey};
use crate::controller::moment::Draft;
use crate::controller::{customimage, plan, reason, snapshot, status, verdict};
use crate::disk::{Error, ErrorKind};
use crate::inspect::Facts;
use crate::inspect::wire::{Refusal, Written};
use crate::report::{self, Report};

/// An import as the API server would have stored it. What a server chooses freely is made of what the import is, so that
/// the same import is the same each time.
pub fn created(mut import: ImageImport) -> ImageImport {
    let meta = &mut import.metadata;
    meta.generation.get_or_insert(1);
    if meta.uid.is_none() {
        let parts = [meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default()];
        meta.uid = Some(uid(&["import", parts[0], parts[1], &import.spec.source.url]));
    }
    import.status = None;
    import
}

/// What stands for the Job's UID in the name of the object: the same content, written by the same version, is the same
/// object.
pub fn job_uid(import: &ImageImport) -> Option<String> {
    let identity = customimage::identity(import)?;
    Some(uid(&["job", &identity.content_key, env!("CARGO_PKG_VERSION")]))
}

/// 128 bits of a hash, as UIDs are written.
fn uid(parts: &[&str]) -> String {
    let hash = key::hash(parts);
    let piece = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    [piece(0, 8), piece(8, 12), piece(12, 16), piece(16, 20), piece(20, 32)].join("-")
}

/// What was found on a disk, and the same as a worker leaves it.
pub struct Found {
    /// The disk.
    pub disk: String,
    /// The facts.
    pub facts: Facts,
    /// As a message.
    pub message: String,
}

/// The import with what was found on its disks, and judged.
pub fn judged(import: &ImageImport, found: &[Found], profile: &ImportProfile, now: Timestamp) -> (ImageImport, Report) {
    let has_destination = import.spec.destination.is_some();
    let mut draft = draft(import, now);
    let name = profile.metadata.name.clone().unwrap_or_default();
    let requested = import.requested_at();
    let facts: Vec<_> = found.iter().map(|found| (found.disk.as_str(), &found.facts)).collect();
    let key_of = |disk| key::inspection(&import.spec, disk, requested.as_deref());
    let keys: Vec<_> = import.spec.disks().map(key_of).collect();
    let verdict_key = VerdictKey::new(import, &key::readings(&keys), &key::profile(&profile.spec), draft.now().0);
    let report = judge(&import.spec, &facts, &name, &profile.spec, &request(import, draft.now().0));
    let mut summary = report::summary(&report);
    summary.profile_generation = profile.metadata.generation.unwrap_or_default();
    let rules = report::conditions(&report);
    let mut stored = import.status.clone().unwrap_or_default();
    for (found, key) in found.iter().zip(&keys) {
        stored = status::with_facts(&stored, &found.disk, key, &found.message);
    }
    let part = status::with_report(&stored, &images(&facts), summary, &rules, draft.now());
    draft.status.last_handled_request_at = requested;
    draft.unread(has_destination);
    verdict::settle(&mut draft, &report, &facts, &verdict_key, has_destination);
    let import = ImageImport { status: Some(part), ..import.clone() };
    (ahead(&import, draft), report)
}

/// The import one of whose disks was written.
pub fn written(import: &ImageImport, disk: &str, written: Written, start: Timestamp, now: Timestamp) -> ImageImport {
    let mut draft = draft(import, now);
    let completion_time = Some(draft.now());
    let mut conversion =
        Conversion { start_time: Some(whole_seconds(start)), completion_time, ..Conversion::default() };
    plan::note_written(&mut conversion, written);
    draft.disk(disk).conversion = Some(conversion);
    ahead(import, draft)
}

/// The import all of whose disks were written, and the record of that.
pub fn imported(import: &ImageImport, now: Timestamp) -> (ImageImport, Option<CustomImage>) {
    let mut draft = draft(import, now);
    let record = customimage::record(import);
    draft.set(CONVERTED, Status::True, word::WRITTEN, "");
    draft.status.custom_image_ref = customimage::identity(import).as_ref().map(customimage::reference);
    draft.done(word::IMPORTED, "The image is in the store");
    (ahead(import, draft), record)
}

/// The import whose copies are gone again.
pub fn dropped(import: &ImageImport) -> ImageImport {
    let mut import = import.clone();
    let disks = import.status.iter_mut().flat_map(|status| &mut status.disks);
    disks.for_each(|disk| disk.conversion = None);
    import
}

/// The import whose image was not written, as it was refused.
pub fn refused(import: &ImageImport, refusal: &Refusal, now: Timestamp) -> ImageImport {
    failed(import, reason::known(&refusal.reason), &refusal.message, now)
}

/// The import whose image was not written, as the work failed.
pub fn broken(import: &ImageImport, error: &Error, now: Timestamp) -> ImageImport {
    let word = match error.kind {
        _ if error.layer.contains("credentials") => word::INVALID_CREDENTIALS,
        ErrorKind::Io | ErrorKind::Limit if error.layer.starts_with("destination") => word::DESTINATION_UNAVAILABLE,
        ErrorKind::Io | ErrorKind::Limit => word::SOURCE_UNAVAILABLE,
        ErrorKind::Unsupported | ErrorKind::NotFound => word::INVALID_SPEC,
        ErrorKind::Corrupt | ErrorKind::Encrypted => word::INTERNAL_ERROR,
    };
    failed(import, word, &error.to_string(), now)
}

/// The import whose work was told to stop.
pub fn stopped(import: &ImageImport, now: Timestamp) -> ImageImport {
    failed(import, word::CANCELLED, "The work was stopped: import the image again to go on", now)
}

/// What becomes of a worker that was not done in its time.
pub fn late(after: Duration) -> Refusal {
    let message = format!("The worker was not done after {} s", after.as_secs());
    Refusal { reason: word::DEADLINE_EXCEEDED.to_owned(), message, http: None }
}

fn failed(import: &ImageImport, reason: &str, message: &str, now: Timestamp) -> ImageImport {
    let mut draft = draft(import, now);
    draft.failing(reason, message);
    ahead(import, draft)
}

/// The import with the draft, and with the snapshot that follows from it.
fn ahead(import: &ImageImport, mut draft: Draft) -> ImageImport {
    draft.status.snapshot = snapshot::of(&import.spec, &draft.status);
    status::ahead(import, &draft.status)
}

fn draft(import: &ImageImport, now: Timestamp) -> Draft {
    Draft::of(import, now, SignedDuration::ZERO)
}

fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}
