//! The log (xfs_log_format.h): whether it is clean, and if not, what the kernel would make of it, in memory.
//!
//! The log is a ring of records. Every block of a record begins with the number of the round it was written in, so the
//! head is where the number falls. The newest record says where the tail is: between the two are the changes that may
//! not be in place yet. What the kernel does with them at mount is done here too, but for two things. Changes are laid
//! over the volume and made when a block is read, not before: a reader of few files pays for few. And operations that
//! were announced and not finished (intents) are not finished: nearly all of them free space or tend indexes that only
//! a writer needs. Those that move extents of a file (`BUI`, `XMI`) make that file unreadable here.

mod change;
mod head;
mod item;
mod overlay;
mod record;
mod ring;
mod transaction;

use std::collections::HashSet;
use std::sync::Arc;

use super::LAYER;
use super::superblock::Superblock;
use crate::disk::filesystem::Node;
use crate::disk::{Error, ReadAt, Result};

use head::Span;
use item::Change;
use overlay::Overlay;
use ring::Ring;
use transaction::Transactions;

/// The most of a log that is replayed. The kernel keeps a quarter of it free, and writes back long before.
const MAX_BLOCKS: u64 = (512 << 20) / ring::BLOCK;

/// A dirty log.
pub(super) struct Found {
    /// Byte offset of the first record that must be replayed.
    pub at: u64,
    /// Blocks of 512 bytes to replay.
    pub blocks: u64,
}

/// The volume after the replay.
pub(super) struct Replayed {
    pub volume: Arc<dyn ReadAt>,
    pub found: Found,
    /// Inodes whose extents an unfinished operation moves.
    pub unsettled: HashSet<Node>,
}

/// Replays a dirty log; `None` where it is clean. `Unsupported` where that cannot be known.
pub(super) fn replay(superblock: &Superblock, volume: &Arc<dyn ReadAt>) -> Result<Option<Replayed>> {
    if superblock.log_start == 0 {
        return Err(Error::unsupported(LAYER, "the log is on another device"));
    }
    let ring = Ring::new(superblock, volume.as_ref())?;
    let Some(span) = head::find(&ring, superblock)? else { return Ok(None) };
    if superblock.features.log_unknown != 0 {
        let bits = superblock.features.log_unknown;
        return Err(Error::unsupported(LAYER, format!("a dirty log with features that are not read: {bits:#x}")));
    }
    if span.blocks > MAX_BLOCKS {
        return Err(Error::limit(LAYER, format!("a log of {} blocks to replay", span.blocks)));
    }
    let mut overlay = Overlay::new(Arc::clone(volume), superblock.clone());
    let mut intents = item::Intents::default();
    read(&ring, superblock, span, |changes, lsn| {
        changes.into_iter().try_for_each(|change| match change {
            Change::Intent(intent) => {
                intents.note(intent);
                Ok(())
            }
            change => overlay.add(change, lsn),
        })
    })?;
    let found = Found { at: ring.at(span.tail), blocks: span.blocks };
    Ok(Some(Replayed { volume: Arc::new(overlay), found, unsettled: intents.unsettled() }))
}

/// Shows what every committed transaction changes to `apply`, with the place in the log of its beginning.
fn read(
    ring: &Ring,
    superblock: &Superblock,
    span: Span,
    mut apply: impl FnMut(Vec<Change>, u64) -> Result<()>,
) -> Result<()> {
    let mut records = record::Stream::new(ring, superblock, span);
    let mut transactions = Transactions::default();
    while let Some((header, data)) = records.next()? {
        transactions.record(&header, &data, &mut |transaction| {
            apply(item::changes(transaction.items, superblock)?, transaction.lsn)
        })?;
    }
    Ok(())
}
