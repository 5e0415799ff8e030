//! The journal, replayed in memory: what a guest that was not shut down will find on its next start.
//!
//! Layout after Documentation/filesystems/ext4/journal.rst and include/linux/jbd2.h; what is replayed and what is
//! refused is what the kernel decides in fs/jbd2/recovery.c. Of the replayed blocks only their places are kept.

mod fast;
mod log;
mod overlay;
mod replay;
mod scan;
mod superblock;
mod tags;

use std::sync::Arc;

use super::LAYER;
use super::blocks::Blocks;
use super::inode;
use super::superblock::{Superblock, corrupt};
use crate::disk::{Error, ReadAt, Result};

pub(super) use fast::Record;
use log::Log;
use overlay::Overlay;

/// The volume as it is after the replay.
pub(super) struct Replayed {
    pub volume: Arc<dyn ReadAt>,
    /// Transactions that were replayed.
    pub transactions: u32,
    /// What fast commits noted after the last of them, in order.
    pub fast: Vec<Record>,
}

/// Replays the journal of a filesystem that asks for it; `None` where there is nothing in it.
///
/// # Errors
/// `Corrupt` where the kernel refuses to mount, `Unsupported` for a journal on another device.
pub(super) fn replay(volume: &Arc<dyn ReadAt>, superblock: &Superblock) -> Result<Option<Replayed>> {
    if !superblock.features.has_journal() {
        return Ok(None);
    }
    // s_journal_inum, s_journal_dev.
    let inode = match (superblock.u32_at(0xE0)?, superblock.u32_at(0xE4)?) {
        (0, 0) => return Err(corrupt(0xE0, "a journal to replay, and none named")),
        (0, _) => return Err(Error::unsupported(LAYER, "the journal to replay is on another device")),
        (inode, 0) => inode,
        _ => return Err(corrupt(0xE0, "both a journal's inode and a journal's device are named")),
    };
    let blocks = Blocks::new(Arc::clone(volume), superblock);
    let mut log = Log::open(&blocks, inode::read(superblock, &blocks, inode.into())?)?;
    if log.superblock.start == 0 {
        return Ok(None);
    }
    let scanned = scan::scan(&mut log)?;
    let there_are = volume.len().checked_div(superblock.block_size).unwrap_or_default();
    let replaced = replay::replaced(&mut log, &scanned, there_are)?;
    let fast = fast::read(&mut log, scanned.end_sequence, superblock.inode_size)?;
    let volume = Arc::new(Overlay::new(Arc::clone(volume), superblock.block_size, replaced));
    Ok(Some(Replayed { volume, transactions: scanned.transactions, fast }))
}
