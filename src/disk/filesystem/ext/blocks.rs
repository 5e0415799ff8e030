//! Blocks of the volume, with the few that were read last kept at hand: an inode's table, its extents.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::LAYER;
use super::superblock::Superblock;
use crate::disk::bytes::to_usize;
use crate::disk::{Error, ReadAt, Result};

/// Blocks kept at hand: at most 2 MiB with the largest block size.
const RECENT: usize = 32;

/// The filesystem's blocks.
pub(super) struct Blocks {
    disk: Arc<dyn ReadAt>,
    size: u64,
    count: u64,
    first_data_block: u64,
    recent: Mutex<VecDeque<(u64, Arc<[u8]>)>>,
}

impl Blocks {
    pub(super) fn new(disk: Arc<dyn ReadAt>, superblock: &Superblock) -> Self {
        Self {
            disk,
            size: superblock.block_size,
            count: superblock.blocks_count,
            first_data_block: superblock.first_data_block,
            recent: Mutex::default(),
        }
    }

    /// Bytes a block; never zero.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Byte offset of a block.
    pub(super) fn offset(&self, block: u64) -> u64 {
        block.saturating_mul(self.size)
    }

    /// Refuses blocks that cannot hold what a pointer at byte `at` says (`ext4_inode_block_valid`).
    pub(super) fn check(&self, block: u64, len: u64, at: u64) -> Result<()> {
        if block > self.first_data_block && block.checked_add(len).is_some_and(|end| end <= self.count) {
            return Ok(());
        }
        Err(Error::corrupt(LAYER, at, format!("block {block}, length {len}, is not in the filesystem")))
    }

    /// One block of metadata, which a pointer at byte `at` leads to.
    pub(super) fn read(&self, block: u64, at: u64) -> Result<Arc<[u8]>> {
        self.check(block, 1, at)?;
        if let Some(found) = self.recall(block) {
            return Ok(found);
        }
        let found: Arc<[u8]> = self.disk.read_vec_at(self.offset(block), to_usize(LAYER, self.size)?)?.into();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= RECENT {
            recent.pop_front();
        }
        recent.push_back((block, Arc::clone(&found)));
        Ok(found)
    }

    /// Says that `len` blocks from `first` on will be read.
    pub(super) fn will_read(&self, first: u64, len: u64) -> Result<()> {
        self.disk.will_read(self.offset(first), self.offset(len))
    }

    /// Bytes of blocks that were checked.
    pub(super) fn read_bytes(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.disk.read_exact_at(buf, at)
    }

    fn recall(&self, block: u64) -> Option<Arc<[u8]>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(number, _)| *number == block)?;
        let found = recent.remove(place)?;
        let bytes = Arc::clone(&found.1);
        recent.push_back(found);
        Some(bytes)
    }
}
