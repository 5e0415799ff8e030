//! One judged image, written into the store: the frame around [`copy`] and [`rewrite`], which move the bytes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::copy::{PART, copy};
use super::encode::Target;
use super::existing;
use super::rewrite::rewrite;
use super::upload::{EXISTS, Upload};
use crate::api::{Destination, Source};
use crate::disk::{Error, Http, Result};
use crate::inspect::Budget;
use crate::inspect::facts::Access;
use crate::inspect::wire::{Message, Refusal, Written};
use crate::source::opening::{First, blocking, open_object};
use crate::source::{CredentialSource, Egress, Meter, is_source_changed};

/// The Job's own deadline ends first.
pub(super) const BUDGET: Budget =
    Budget { requests: u64::MAX, bytes: u64::MAX, time: Duration::from_secs(7 * 24 * 3600) };

/// What is written, and where.
#[derive(Debug, Clone)]
pub struct Job {
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
    /// The format it is written in; `None` leaves the object as it is.
    pub target: Option<Target>,
}

/// Writes an image, and tells `progress` the bytes done and in all. When `stop` is cancelled the upload is aborted.
///
/// # Errors
/// `Io` when a transport failed or the work was stopped; `Unsupported` and `NotFound` for addresses and credentials that
/// cannot be used. What trying again would not mend is [`Message::Refused`].
pub async fn run(job: &Job, progress: &(dyn Fn(u64, u64) + Sync), stop: &CancellationToken) -> Result<Message> {
    let meter = Arc::new(Meter::default());
    let (object, head) = match open_object(&job.source, &job.source_credentials, &job.egress, &BUDGET, &meter).await? {
        First::Reached { facts, object, head } => {
            if job.etag.is_some() && facts.etag != job.etag || facts.size_bytes != job.size {
                return Ok(refused("SourceChanged", "the object is no longer the one that was judged", None));
            }
            (object, head)
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
        let refused = upload.refuse_existing().await?;
        let Some(target) = job.target else {
            let ended = match refused {
                Some(refusal) => Err(refusal),
                None => copy(&object, &upload, progress).await?,
            };
            return match ended {
                // An earlier pod of this Job, or a request whose answer was lost, may have written it.
                Err(refusal) if refusal.reason == EXISTS => {
                    let same = existing::checksum_if_same(&object, &upload, PART).await?;
                    Ok(same.map(|checksum| (object.size, checksum)).ok_or(refusal))
                }
                ended => Ok(ended),
            };
        };
        match refused {
            Some(refusal) => Ok(Err(refusal)),
            None => rewrite(blocking(object, head, &meter), target, &upload, progress).await,
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = stop.cancelled() => Err(Error::io("convert", "the work was stopped")),
    };
    upload.abort().await;
    match ended {
        Ok(Ok((bytes, checksum))) => {
            Ok(Message::Written(Written { url: job.destination.url.clone(), bytes, checksum, etag: upload.etag() }))
        }
        Ok(Err(refusal)) => Ok(Message::Refused(refusal)),
        Err(error) => settle_source(error),
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
