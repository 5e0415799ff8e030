//! One judged image, written into the store: the frame around [`copy`] and [`rewrite`], which move the bytes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::checks::{Checks, Found};
use super::copy::{PART, copy};
use super::encode::Target;
use super::existing;
use super::halt::{Halt, joined};
use super::rewrite::{compare, rewrite};
use super::upload::{EXISTS, Existing, Upload};
use super::way::{Way, Wish, choose};
use crate::api::{Destination, Format, Source};
use crate::disk::{Error, Http, ReadAt, Result};
use crate::inspect::Budget;
use crate::inspect::facts::Access;
use crate::inspect::wire::{Message, Refusal, Written};
use crate::source::opening::{First, Object, blocking, open_object};
use crate::source::{CredentialSource, Egress, Meter, is_source_changed};

/// The Job's own deadline ends first.
pub(super) const BUDGET: Budget =
    Budget { requests: u64::MAX, bytes: u64::MAX, time: Duration::from_secs(7 * 24 * 3600) };

/// What is written, and where.
#[derive(Debug, Clone)]
pub struct Job {
    /// The object, and the checksum that it must have.
    pub source: Source,
    /// What its store is asked with.
    pub source_credentials: CredentialSource,
    /// Entity tag that was judged: another object is refused.
    pub etag: Option<String>,
    /// Size that was judged.
    pub size: u64,
    /// The format that was found.
    pub found: Option<Format>,
    /// Where it goes, and how large its disk shall be: `url` is the object's own.
    pub destination: Destination,
    /// What that store is asked with.
    pub destination_credentials: CredentialSource,
    /// Where this program may connect to.
    pub egress: Egress,
    /// What becomes of an object of that name.
    pub existing: Existing,
    /// The format it is written in; `None` leaves the object as it is, unless its disk is to become larger.
    pub target: Option<Target>,
    /// Bytes that the disk may have as a QCOW2 without compression; an image with more is refused.
    pub max_qcow2_bytes: Option<u64>,
}

/// What was written, and what was found out meanwhile.
pub(super) struct Done {
    /// Bytes of the object.
    pub bytes: u64,
    /// Its checksum.
    pub checksum: String,
    /// Bytes of its disk, where that was written anew.
    pub virtual_size_bytes: Option<u64>,
    /// Of the image.
    pub found: Found,
}

impl Done {
    /// An object of `size` bytes that is as it was.
    pub(super) fn copied(size: u64, found: Found) -> Self {
        let checksum = found.source_checksum.clone().unwrap_or_default();
        Self { bytes: size, checksum, virtual_size_bytes: None, found }
    }
}

/// Writes an image, and tells `progress` the bytes done and in all. When `stop` is cancelled the upload is aborted.
///
/// # Errors
/// `Io` when a transport failed or the work was stopped; `Unsupported` and `NotFound` for addresses and credentials that
/// cannot be used. What trying again would not mend is [`Message::Refused`].
pub async fn run(job: &Job, progress: &(dyn Fn(u64, u64) + Sync), stop: &CancellationToken) -> Result<Message> {
    run_and_tell(job, progress, stop).await.map(|(message, _)| message)
}

/// As [`run`]; and true when it made the object that it tells of, and none of its name was there before.
///
/// # Errors
/// As [`run`].
pub async fn run_and_tell(
    job: &Job,
    progress: &(dyn Fn(u64, u64) + Sync),
    stop: &CancellationToken,
) -> Result<(Message, bool)> {
    let unmade = |message: Message| (message, false);
    let checks = Checks::new(job.source.checksum.as_deref(), job.max_qcow2_bytes)?;
    let meter = Arc::new(Meter::default());
    let (object, head) = match open_object(&job.source, &job.source_credentials, &job.egress, &BUDGET, &meter).await? {
        First::Reached { facts, object, head } => {
            if job.etag.is_some() && facts.etag != job.etag || facts.size_bytes != job.size {
                let what = "the object is no longer the one that was judged";
                return Ok(unmade(refused("SourceChanged", what, None)));
            }
            (object, head)
        }
        First::Refused { access: Access::NotFound, http, .. } => {
            return Ok(unmade(refused("SourceNotFound", "the object is no longer there", Some(http))));
        }
        First::Refused { http, .. } => {
            return Ok(unmade(refused("SourceForbidden", "the store refuses to give the object", Some(http))));
        }
    };
    let upload = Upload::to(&job.destination, &job.destination_credentials, &job.egress, job.existing)?;
    let bytes = blocking(object.clone(), head, &meter);
    let ended = tokio::select! {
        ended = write(job, &object, bytes, &upload, &checks, progress) => ended,
        () = stop.cancelled() => Err(Halt::Failed(Error::io("convert", "the work was stopped"))),
    };
    upload.abort().await;
    match ended {
        Ok(Done { bytes, checksum, virtual_size_bytes, found: Found { source_checksum, qcow2_bytes } }) => {
            let url = job.destination.url.clone();
            let etag = upload.etag();
            let written = Written { url, bytes, checksum, etag, virtual_size_bytes, source_checksum, qcow2_bytes };
            Ok((Message::Written(written), upload.made()))
        }
        Err(Halt::Refused(refusal)) => Ok(unmade(Message::Refused(refusal))),
        Err(Halt::Failed(error)) => settle_source(error).map(unmade),
    }
}

async fn write(
    job: &Job,
    object: &Object,
    bytes: Arc<dyn ReadAt>,
    upload: &Upload,
    checks: &Checks,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<Done, Halt> {
    let exists = upload.refuse_existing().await?;
    let Job { found, target, destination, .. } = job.clone();
    let chosen = tokio::task::spawn_blocking(move || choose(bytes, Wish { found, target, destination: &destination }));
    match (joined(chosen.await)?, exists) {
        (Way::Write(disk, target), exists) => {
            let ended = match exists {
                Some(refusal) => Err(refusal.into()),
                None => rewrite(object, (disk.clone(), target), upload, checks, progress).await,
            };
            match ended {
                // An earlier run of the same import wrote it.
                Err(Halt::Refused(refusal)) if refusal.reason == EXISTS && job.existing == Existing::Kept => {
                    compare(object, (disk, target), upload, checks, progress).await
                }
                ended => ended,
            }
        }
        (Way::Copy(disk), exists) => {
            let ended = match exists {
                Some(refusal) => Err(refusal.into()),
                None => copy(object, disk, upload, checks, progress).await,
            };
            match ended {
                // An earlier pod of this Job, or a request whose answer was lost, may have written it.
                Err(Halt::Refused(refusal)) if refusal.reason == EXISTS => {
                    let same = existing::found_if_same(object, disk, upload, PART).await?;
                    let found = same.ok_or(refusal)?;
                    checks.pass(&found)?;
                    Ok(Done::copied(object.size, found))
                }
                ended => ended,
            }
        }
    }
}

/// A failed read of the source: what became of the object is a refusal, a failed transport is not.
fn settle_source(error: Error) -> Result<Message> {
    if is_source_changed(&error) {
        let http = error.http.map(|http| *http);
        return Ok(refused("SourceChanged", "the object changed while it was copied", http));
    }
    Err(error)
}

fn refused(reason: &str, message: &str, http: Option<Http>) -> Message {
    Message::Refused(Refusal { reason: reason.to_owned(), message: message.to_owned(), http })
}

#[cfg(test)]
mod tests;
