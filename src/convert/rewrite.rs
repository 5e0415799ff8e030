//! The disk of one object, written in another format.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::copy::PART;
use super::encode::{Disk, Sink, Target, Totals, encode, plan};
use super::existing;
use super::upload::{Accepted, Upload};
use crate::disk::{Error, ErrorKind, ReadAt, Result, container};
use crate::inspect::wire::Refusal;

/// Parts on their way at once; as many bytes of parts are in memory, and two parts more.
const SIDE_BY_SIDE: usize = 3;

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

/// Reads the disk in `bytes` and writes it as `target`. Gives the bytes written and their checksum.
pub(super) async fn rewrite(
    bytes: Arc<dyn ReadAt>,
    target: Target,
    upload: &Upload,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Accepted<(u64, String)> {
    let opened = tokio::task::spawn_blocking(move || open(bytes));
    let disk = match joined(opened.await) {
        Ok(disk) => disk,
        Err(error) => return refused_for(error).map(Err),
    };
    let size = disk.size();
    progress(0, size);
    if let Err(refusal) = upload.begin().await? {
        return Ok(Err(refusal));
    }
    let (events, mut told) = mpsc::channel(1);
    let encoder = tokio::task::spawn_blocking(move || -> Result<Totals> {
        let plan = plan(&disk, target, PART)?;
        encode(&disk, &plan, &mut Channel(events))
    });
    let mut sending = FuturesUnordered::new();
    loop {
        tokio::select! {
            event = told.recv(), if sending.len() < SIDE_BY_SIDE => match event {
                Some(Event::Part(number, bytes)) => sending.push(upload.part(number, bytes)),
                Some(Event::Reached(at)) if at < size => progress(at, size),
                Some(Event::Reached(_)) => {}
                None => break,
            },
            Some(sent) = sending.next(), if !sending.is_empty() => {
                if let Err(refusal) = sent? {
                    return Ok(Err(refusal));
                }
            }
        }
    }
    let totals = match joined(encoder.await) {
        Ok(totals) => totals,
        Err(error) => return refused_for(error).map(Err),
    };
    while let Some(sent) = sending.next().await {
        if let Err(refusal) = sent? {
            return Ok(Err(refusal));
        }
    }
    if let Err(refusal) = upload.complete().await? {
        return Ok(Err(refusal));
    }
    let checksum = match totals.sha256 {
        Some(hash) => format!("sha256:{}", hex::encode(hash)),
        None => match existing::checksum(upload.store(), totals.bytes, PART).await? {
            Some(checksum) => checksum,
            None => return Ok(Err(unreadable())),
        },
    };
    progress(size, size);
    Ok(Ok((totals.bytes, checksum)))
}

fn open(bytes: Arc<dyn ReadAt>) -> Result<Disk> {
    let container = container::open(bytes)?;
    Disk::of(&container).ok_or_else(|| match container.facts.trouble {
        Some(trouble) => Error::unsupported("container", trouble.what),
        None => Error::unsupported("container", format!("{} is not read", container.facts.format)),
    })
}

fn joined<T>(ended: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    match ended {
        Ok(ended) => ended,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::io("convert", "the work was stopped")),
    }
}

/// What ends in the same way however often it is tried: the image's own fault, or what is not read of it.
fn refused_for(error: Error) -> Result<Refusal> {
    let reason = match error.kind {
        ErrorKind::Corrupt => "SourceCorrupt",
        ErrorKind::Unsupported | ErrorKind::Encrypted | ErrorKind::Limit => "ConversionNotSupported",
        ErrorKind::Io | ErrorKind::NotFound => return Err(error),
    };
    Ok(Refusal { reason: reason.to_owned(), message: error.to_string(), http: None })
}

fn unreadable() -> Refusal {
    let message = "the image was written, and the store does not give it back to be checked: the destination's \
                   credentials need the right to read what they wrote";
    Refusal { reason: "DestinationForbidden".to_owned(), message: message.to_owned(), http: None }
}

#[cfg(test)]
mod tests;
