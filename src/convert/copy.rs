//! The copy of one object, unchanged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::existing;
use super::upload::{EXISTS, Upload};
use crate::api::{Destination, Source};
use crate::disk::{Error, Http, Result};
use crate::inspect::Budget;
use crate::inspect::facts::Access;
use crate::inspect::wire::{Message, Refusal, Written};
use crate::source::opening::{First, Object, open_object};
use crate::source::{CredentialSource, Egress, Meter, is_source_changed};

/// Bytes of a part: twice this is in memory at a time.
const PART: u64 = 8 << 20;
/// S3 takes so many parts of an upload, and no more (Amazon S3 user guide, "Multipart upload limits").
const PARTS_MAX: u64 = 10_000;
/// The Job's own deadline ends first.
pub(super) const BUDGET: Budget =
    Budget { requests: u64::MAX, bytes: u64::MAX, time: Duration::from_secs(7 * 24 * 3600) };

/// What is copied, and where.
#[derive(Debug, Clone)]
pub struct Copy {
    /// The object.
    pub source: Source,
    /// What its store is asked with.
    pub source_credentials: CredentialSource,
    /// Entity tag that was judged: another object is refused.
    pub etag: Option<String>,
    /// Size that was judged.
    pub size: u64,
    /// Where it goes: `url` is the object's own.
    pub destination: Destination,
    /// What that store is asked with.
    pub destination_credentials: CredentialSource,
    /// Where this program may connect to.
    pub egress: Egress,
    /// An object of that name may be replaced: nobody else writes one.
    pub overwrite: bool,
}

/// Copies an object, and tells `progress` the bytes done and in all. When `stop` is cancelled the upload is aborted.
///
/// # Errors
/// `Io` when a transport failed or the work was stopped; `Unsupported` and `NotFound` for addresses and credentials that
/// cannot be used. What trying again would not mend is [`Message::Refused`].
pub async fn copy(job: &Copy, progress: &(dyn Fn(u64, u64) + Sync), stop: &CancellationToken) -> Result<Message> {
    let meter = Arc::new(Meter::default());
    let object = match open_object(&job.source, &job.source_credentials, &job.egress, &BUDGET, &meter).await? {
        First::Reached { facts, object, .. } => {
            if job.etag.is_some() && facts.etag != job.etag || facts.size_bytes != job.size {
                return Ok(refused("SourceChanged", "the object is no longer the one that was judged", None));
            }
            object
        }
        First::Refused { access: Access::NotFound, http, .. } => {
            return Ok(refused("SourceNotFound", "the object is no longer there", Some(http)));
        }
        First::Refused { http, .. } => {
            return Ok(refused("SourceForbidden", "the store refuses to give the object", Some(http)));
        }
    };
    let upload = Upload::to(&job.destination, &job.destination_credentials, &job.egress, job.overwrite)?;
    let work = async {
        let ended = match upload.refuse_existing().await? {
            Some(refusal) => Err(refusal),
            None => transfer(&object, &upload, progress).await?,
        };
        match ended {
            // An earlier pod of this Job, or a request whose answer was lost, may have written it.
            Err(refusal) if refusal.reason == EXISTS => {
                Ok(existing::checksum_if_same(&object, upload.store(), PART).await?.ok_or(refusal))
            }
            ended => Ok(ended),
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = stop.cancelled() => Err(Error::io("convert", "the work was stopped")),
    };
    upload.abort().await;
    match ended {
        Ok(Ok(checksum)) => {
            Ok(Message::Written(Written { url: job.destination.url.clone(), bytes: object.size, checksum }))
        }
        Ok(Err(refusal)) => Ok(Message::Refused(refusal)),
        Err(error) => settle_source(error),
    }
}

/// Moves the bytes: while one part is sent, the next is fetched. Gives the checksum.
async fn transfer(
    object: &Object,
    upload: &Upload,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<std::result::Result<String, Refusal>> {
    let size = object.size;
    let mut hash = Sha256::new();
    progress(0, size);
    if size <= PART {
        let bytes = fetch(object, 0, size).await?;
        hash.update(&bytes);
        if let Err(refusal) = upload.put(bytes).await? {
            return Ok(Err(refusal));
        }
    } else {
        let step = part_size(size);
        if let Err(refusal) = upload.begin().await? {
            return Ok(Err(refusal));
        }
        let mut part = fetch(object, 0, step).await?;
        let mut from = 0u64;
        while !part.is_empty() {
            hash.update(&part);
            let next = from.saturating_add(step).min(size);
            let (sent, fetched) = tokio::join!(upload.part(part), fetch(object, next, next.saturating_add(step)));
            if let Err(refusal) = sent? {
                return Ok(Err(refusal));
            }
            (part, from) = (fetched?, next);
            if from < size {
                progress(from, size);
            }
        }
        if let Err(refusal) = upload.complete().await? {
            return Ok(Err(refusal));
        }
    }
    progress(size, size);
    Ok(Ok(format!("sha256:{}", hex::encode(hash.finalize()))))
}

pub(super) async fn fetch(object: &Object, from: u64, to: u64) -> Result<Bytes> {
    let to = to.min(object.size);
    if from >= to { Ok(Bytes::new()) } else { object.get(from..to).await }
}

/// Size of the parts of an object of `size` bytes, in whole MiB.
fn part_size(size: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    size.div_ceil(PARTS_MAX).div_ceil(MIB).saturating_mul(MIB).max(PART)
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
