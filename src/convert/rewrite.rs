//! The disk of one object, written anew.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::checks::{Checks, Found, SHA256};
use super::copy::PART;
use super::encode::{Disk, Sink, Target, Totals, encode, plan};
use super::existing;
use super::halt::{Halt, joined};
use super::job::Done;
use super::look::checksum_of;
use super::upload::{Upload, exists, of_destination};
use crate::disk::container::qcow2_file;
use crate::disk::{Error, Result};
use crate::inspect::wire::Refusal;
use crate::source::opening::Object;

/// Parts on their way at once, where they are small: files of terabytes have parts of hundreds of MiB. In memory are as many,
/// and two parts more.
const SIDE_BY_SIDE: usize = 3;
/// Bytes on their way at once, where that is more than one part.
const ON_THEIR_WAY: usize = 48 << 20;

/// Parts of so many bytes on their way at once.
fn side_by_side(part: usize) -> usize {
    ON_THEIR_WAY.checked_div(part).unwrap_or(SIDE_BY_SIDE).clamp(1, SIDE_BY_SIDE)
}

/// A part of the file.
struct Part {
    /// From 1 on.
    number: u32,
    /// Its first byte's place in the file.
    at: u64,
    bytes: Bytes,
}

/// What becomes of each part.
#[derive(Clone, Copy)]
enum Taker<'a> {
    /// It is sent.
    Sends(&'a Upload),
    /// It is compared with the object that is there.
    Compares(&'a Object),
}

impl Taker<'_> {
    async fn take(&self, part: Part) -> std::result::Result<(), Halt> {
        match self {
            Self::Sends(upload) => Ok(upload.part(part.number, part.bytes).await??),
            Self::Compares(there) if existing::has(there, part.at, &part.bytes).await? => Ok(()),
            Self::Compares(_) => Err(exists().into()),
        }
    }
}

/// What the encoder tells.
enum Event {
    Part(Part),
    /// The disk is done up to this byte.
    Reached(u64),
}

/// Passes on what the encoder makes. It ends when nobody takes it any more.
struct Channel {
    events: mpsc::Sender<Event>,
    /// Bytes of each part but the last.
    part: u64,
}

impl Sink for Channel {
    fn part(&mut self, number: u32, bytes: Bytes) -> Result<()> {
        let at = u64::from(number.saturating_sub(1)).saturating_mul(self.part);
        self.tell(Event::Part(Part { number, at, bytes }))
    }

    fn reached(&mut self, at: u64) -> Result<()> {
        self.tell(Event::Reached(at))
    }
}

impl Channel {
    fn tell(&self, event: Event) -> Result<()> {
        self.events.blocking_send(event).map_err(|_| Error::io("convert", "the work was stopped"))
    }
}

/// Writes the disk of `object` as `target`, and reads all of the object beside it where a checksum is asked for: the disk
/// alone need not be all of it.
pub(super) async fn rewrite(
    object: &Object,
    (disk, target): (Disk, Target),
    upload: &Upload,
    checks: &Checks,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<Done, Halt> {
    let size = disk.size();
    upload.begin().await??;
    let (totals, found) = passed(object, (disk, target), Taker::Sends(upload), checks, progress).await?;
    upload.complete().await??;
    let checksum = match of_file(&totals) {
        Some(checksum) => checksum,
        None => existing::checksum(upload.store(), totals.bytes).await?.ok_or_else(unreadable)?,
    };
    progress(size, size);
    Ok(Done { bytes: totals.bytes, checksum, virtual_size_bytes: Some(totals.size), found })
}

/// The object at the destination as what would be written, when it has just those bytes: each part is compared where
/// [`rewrite`] would send it.
pub(super) async fn compare(
    object: &Object,
    (disk, target): (Disk, Target),
    upload: &Upload,
    checks: &Checks,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<Done, Halt> {
    let size = disk.size();
    let there = existing::open_any(upload.store()).await?.ok_or_else(exists)?;
    let (totals, found) = passed(object, (disk, target), Taker::Compares(&there), checks, progress).await?;
    let checksum = match of_file(&totals) {
        _ if totals.bytes != there.size => return Err(exists().into()),
        Some(checksum) => checksum,
        None => checksum_of(&there).await.map_err(of_destination)?.ok_or_else(unreadable)?,
    };
    upload.note_etag(there.etag.clone());
    progress(size, size);
    Ok(Done { bytes: totals.bytes, checksum, virtual_size_bytes: Some(totals.size), found })
}

/// Encodes the disk, hands each part of the file on, and checks what was found meanwhile.
async fn passed(
    object: &Object,
    (disk, target): (Disk, Target),
    taker: Taker<'_>,
    checks: &Checks,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<(Totals, Found), Halt> {
    progress(0, disk.size());
    let whole =
        async { if checks.need_whole_object() { checksum_of(object).await.map_err(Halt::from) } else { Ok(None) } };
    let (totals, source_checksum) = tokio::try_join!(pass_on(disk, target, taker, progress), whole)?;
    let found = Found { source_checksum, qcow2_bytes: qcow2_file(totals.size, totals.data_clusters) };
    checks.pass(&found)?;
    Ok((totals, found))
}

/// Checksum of a file that was written from front to back.
fn of_file(totals: &Totals) -> Option<String> {
    totals.sha256.map(|hash| format!("{SHA256}{}", hex::encode(hash)))
}

/// Hands on all parts of the file, some side by side.
async fn pass_on(
    disk: Disk,
    target: Target,
    taker: Taker<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<Totals, Halt> {
    let size = disk.size();
    let (events, mut told) = mpsc::channel(1);
    let encoder = tokio::task::spawn_blocking(move || -> Result<Totals> {
        let plan = plan(&disk, target, PART)?;
        encode(&disk, &plan, &mut Channel { events, part: plan.part })
    });
    let mut sending = FuturesUnordered::new();
    let mut most = SIDE_BY_SIDE;
    loop {
        tokio::select! {
            event = told.recv(), if sending.len() < most => match event {
                Some(Event::Part(part)) => {
                    most = side_by_side(part.bytes.len());
                    sending.push(taker.take(part));
                }
                Some(Event::Reached(at)) if at < size => progress(at, size),
                Some(Event::Reached(_)) => {}
                None => break,
            },
            Some(sent) = sending.next(), if !sending.is_empty() => sent?,
        }
    }
    let totals = joined(encoder.await)?;
    while let Some(sent) = sending.next().await {
        sent?;
    }
    Ok(totals)
}

fn unreadable() -> Refusal {
    let message = "the image was written, and the store does not give it back to be checked: the destination's \
                   credentials need the right to read what they wrote";
    Refusal { reason: "DestinationForbidden".to_owned(), message: message.to_owned(), http: None }
}

#[cfg(test)]
mod tests;
