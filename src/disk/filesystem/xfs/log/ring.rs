//! The log's blocks, which follow each other in a circle.

use super::super::LAYER;
use super::super::superblock::Superblock;
use crate::disk::bytes::{to_usize, u32_be};
use crate::disk::{Error, ReadAt, Result};

/// A "basic block" (`BBSIZE`), the log's unit whatever the sector size.
pub(super) const BLOCK: u64 = 512;
pub(super) const BLOCK_LEN: usize = 512;
/// `XLOG_HEADER_MAGIC_NUM`: the first four bytes of a record, and of no other block.
pub(super) const MAGIC: u32 = 0xFEED_BABE;

/// The log as a ring.
pub(super) struct Ring<'a> {
    volume: &'a dyn ReadAt,
    start: u64,
    /// Blocks of it; never zero.
    pub len: u64,
}

impl<'a> Ring<'a> {
    pub(super) fn new(superblock: &Superblock, volume: &'a dyn ReadAt) -> Result<Self> {
        let start = superblock.block_at(superblock.log_start, superblock.log_blocks, 48)?;
        let len = superblock.log_blocks.saturating_mul(superblock.block_size) / BLOCK;
        if len == 0 {
            return Err(Error::corrupt(LAYER, 96, "a log without blocks"));
        }
        Ok(Self { volume, start, len })
    }

    /// Byte offset of a block in the volume.
    pub(super) fn at(&self, block: u64) -> u64 {
        self.start.saturating_add(block.saturating_mul(BLOCK))
    }

    /// `block` blocks from the start, the circle gone round as often as it takes.
    pub(super) fn wrap(&self, block: u64) -> u64 {
        block.checked_rem(self.len).unwrap_or_default()
    }

    /// `count` blocks from `first` on, the end joined to the beginning. The caller bounds `count`.
    pub(super) fn read(&self, first: u64, count: u64) -> Result<Vec<u8>> {
        let first = self.wrap(first);
        let count = count.min(self.len);
        let before = count.min(self.len.saturating_sub(first));
        let mut bytes = self.volume.read_vec_at(self.at(first), bytes_of(before)?)?;
        if before < count {
            let rest = count.saturating_sub(before);
            bytes.extend(self.volume.read_vec_at(self.at(0), bytes_of(rest)?)?);
        }
        Ok(bytes)
    }
}

fn bytes_of(blocks: u64) -> Result<usize> {
    to_usize(LAYER, blocks.saturating_mul(BLOCK))
}

/// The round a block was written in (`xlog_get_cycle`): its first word, or its second at the beginning of a record.
pub(super) fn cycle(block: &[u8]) -> Result<u32> {
    match u32_be(LAYER, block, 0)? {
        MAGIC => u32_be(LAYER, block, 4),
        cycle => Ok(cycle),
    }
}
