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
use super::upload::Upload;
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

/// What the encoder tells.
enum Event {
    /// A part of the file.
    Part(u32, Bytes),
    /// The disk is done up to this byte.
    Reached(u64),
}

/// Passes on what the encoder makes. It ends when nobody takes it any more.
struct Channel(mpsc::Sender<Event>);

impl Sink for Channel {
    fn part(&mut self, number: u32, bytes: Bytes) -> Result<()> {
        self.tell(Event::Part(number, bytes))
    }

    fn reached(&mut self, at: u64) -> Result<()> {
        self.tell(Event::Reached(at))
    }
}

impl Channel {
    fn tell(&self, event: Event) -> Result<()> {
        self.0.blocking_send(event).map_err(|_| Error::io("convert", "the work was stopped"))
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
    progress(0, size);
    let whole =
        async { if checks.need_whole_object() { checksum_of(object).await.map_err(Halt::from) } else { Ok(None) } };
    let (totals, source_checksum) = tokio::try_join!(send(disk, target, upload, progress), whole)?;
    let found = Found { source_checksum, qcow2_bytes: qcow2_file(totals.size, totals.data_clusters) };
    checks.pass(&found)?;
    upload.complete().await??;
    let checksum = match totals.sha256 {
        Some(hash) => format!("{SHA256}{}", hex::encode(hash)),
        None => existing::checksum(upload.store(), totals.bytes).await?.ok_or_else(unreadable)?,
    };
    progress(size, size);
    Ok(Done { bytes: totals.bytes, checksum, virtual_size_bytes: Some(totals.size), found })
}

/// Sends all parts of the file.
async fn send(
    disk: Disk,
    target: Target,
    upload: &Upload,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<Totals, Halt> {
    upload.begin().await??;
    let size = disk.size();
    let (events, mut told) = mpsc::channel(1);
    let encoder = tokio::task::spawn_blocking(move || -> Result<Totals> {
        let plan = plan(&disk, target, PART)?;
        encode(&disk, &plan, &mut Channel(events))
    });
    let mut sending = FuturesUnordered::new();
    let mut most = SIDE_BY_SIDE;
    loop {
        tokio::select! {
            event = told.recv(), if sending.len() < most => match event {
                Some(Event::Part(number, bytes)) => {
                    most = side_by_side(bytes.len());
                    sending.push(upload.part(number, bytes));
                }
                Some(Event::Reached(at)) if at < size => progress(at, size),
                Some(Event::Reached(_)) => {}
                None => break,
            },
            Some(sent) = sending.next(), if !sending.is_empty() => sent??,
        }
    }
    let totals = joined(encoder.await)?;
    while let Some(sent) = sending.next().await {
        sent??;
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
