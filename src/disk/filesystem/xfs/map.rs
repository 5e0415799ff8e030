//! From blocks of a file to bytes of the volume, in runs (xfs_format.h, "Data/attribute fork bmap btree").

use std::ops::Range;

use super::blocks::Blocks;
use super::inode::{Format, Inode};
use super::superblock::Superblock;
use super::{LAYER, checksum};
use crate::disk::bytes::{range, to_u64, to_usize, u16_be, u64_be};
use crate::disk::{Error, Result};

/// An extent: 128 bits.
const RECORD: usize = 16;
/// A key or a pointer of the tree.
const WORD: usize = 8;
/// Level and number of records, at the beginning of the root in an inode.
const ROOT_HEADER: usize = 4;
/// `XFS_BTREE_LBLOCK_LEN`, `XFS_BTREE_LBLOCK_CRC_LEN`, and where the latter has its checksum.
pub(super) const HEADER_4: usize = 24;
pub(super) const HEADER_5: usize = 72;
const CRC_AT: usize = 64;
/// `XFS_BTREE_MAXLEVELS`.
const MAX_LEVELS: u16 = 9;
/// Blocks of the tree one call may visit: enough for four million fragments.
const MAX_BLOCKS: u32 = 16_384;

/// Blocks that follow each other in the file and on the volume, as one extent has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First block in the file.
    pub logical: u64,
    /// Byte offset on the volume.
    pub at: u64,
    /// How many blocks; never zero.
    pub len: u64,
}

/// The runs of a stretch of a file, in order. What lies between them reads as zeros: holes, and blocks that were
/// reserved but never written. There is at most one run a wanted block.
pub(super) fn runs(superblock: &Superblock, blocks: &Blocks, inode: &Inode, wanted: Range<u64>) -> Result<Vec<Run>> {
    let (fork, at) = inode.fork()?;
    let mut walk = Walk { superblock, blocks, wanted, found: Vec::new(), blocks_left: MAX_BLOCKS };
    // Logical block numbers have 54 bits.
    let all = 0..1 << 54;
    match inode.format {
        Format::Extents => {
            let count = to_usize(LAYER, inode.extents)?.saturating_mul(RECORD);
            let records = fork.get(..count);
            let records = records.ok_or_else(|| Error::corrupt(LAYER, at, "more extents than the inode holds"))?;
            walk.leaf(records, at, &all)?;
        }
        Format::Tree => {
            let level = u16_be(LAYER, fork, 0)?;
            if !(1..MAX_LEVELS).contains(&level) {
                return Err(Error::corrupt(LAYER, at, "the root of an extent tree is of a wrong level"));
            }
            walk.index(fork, ROOT_HEADER, u16_be(LAYER, fork, 2)?, at, level, &all)?;
        }
        Format::Local | Format::None => return Err(Error::corrupt(LAYER, inode.at, "an inode without extents")),
    }
    Ok(walk.found)
}

struct Walk<'a> {
    superblock: &'a Superblock,
    blocks: &'a Blocks,
    wanted: Range<u64>,
    found: Vec<Run>,
    blocks_left: u32,
}

impl Walk<'_> {
    /// Keys and pointers after the header of a node at byte `at` that says something of the blocks `covers`. A child's
    /// range is within its parent's and levels count down, so a tree that leads back into itself ends too.
    fn index(
        &mut self,
        node: &[u8],
        header: usize,
        count: u16,
        at: u64,
        level: u16,
        covers: &Range<u64>,
    ) -> Result<()> {
        let room = node.len().saturating_sub(header) / (2 * WORD);
        let count = usize::from(count);
        if count == 0 || count > room {
            return Err(Error::corrupt(LAYER, at, "an extent tree's node of impossible length"));
        }
        let keys = range(LAYER, node, header, count.saturating_mul(WORD))?;
        let pointers = header.saturating_add(room.saturating_mul(WORD));
        let pointers = range(LAYER, node, pointers, count.saturating_mul(WORD))?;
        let keys: Vec<u64> = keys.chunks_exact(WORD).map(|key| u64_be(LAYER, key, 0)).collect::<Result<_>>()?;
        let ends = keys.iter().skip(1).copied().chain([covers.end]);
        let mut from = covers.start;
        for ((start, end), pointer) in keys.iter().copied().zip(ends).zip(pointers.chunks_exact(WORD)) {
            if start < from || start >= end {
                return Err(Error::corrupt(LAYER, at, "keys of an extent tree out of order"));
            }
            from = end;
            if start < self.wanted.end && self.wanted.start < end {
                let below = level.saturating_sub(1);
                self.child(u64_be(LAYER, pointer, 0)?, at, below, &(start..end))?;
            }
        }
        Ok(())
    }

    /// The node that a pointer at byte `from` leads to.
    fn child(&mut self, block: u64, from: u64, level: u16, covers: &Range<u64>) -> Result<()> {
        self.blocks_left = self
            .blocks_left
            .checked_sub(1)
            .ok_or_else(|| Error::limit(LAYER, format!("more than {MAX_BLOCKS} blocks of extents in one read")))?;
        let at = self.superblock.block_at(block, 1, from)?;
        let node = self.blocks.read(at, self.superblock.block_size)?;
        let v5 = self.superblock.features.v5;
        let (magic, header) = if v5 { (b"BMA3", HEADER_5) } else { (b"BMAP", HEADER_4) };
        if range(LAYER, &node, 0, 4)? != magic || u16_be(LAYER, &node, 4)? != level {
            return Err(Error::corrupt(LAYER, at, "not a node of an extent tree"));
        }
        if v5 && !checksum::fits(&node, CRC_AT) {
            return Err(Error::corrupt(LAYER, at, "a node of an extent tree does not fit its checksum"));
        }
        let count = u16_be(LAYER, &node, 6)?;
        if level > 0 {
            return self.index(&node, header, count, at, level, covers);
        }
        let records = range(LAYER, &node, header, usize::from(count).saturating_mul(RECORD))
            .map_err(|_| Error::corrupt(LAYER, at, "a leaf of more extents than it holds"))?;
        self.leaf(records, at.saturating_add(to_u64(header)), covers)
    }

    /// Extents at byte `at` (`xfs_bmbt_disk_get_all`): a flag for those never written, 54 bits of the first block in
    /// the file, 52 of the first on the volume, 21 of the length.
    fn leaf(&mut self, records: &[u8], at: u64, covers: &Range<u64>) -> Result<()> {
        let mut from = covers.start;
        for (record, place) in records.chunks_exact(RECORD).zip(0_u64..) {
            let (high, low) = (u64_be(LAYER, record, 0)?, u64_be(LAYER, record, WORD)?);
            let logical = high << 1 >> 10;
            let physical = (high & 0x1FF) << 43 | low >> 21;
            let len = low & 0x1F_FFFF;
            let at = at.saturating_add(place.saturating_mul(to_u64(RECORD)));
            let end = logical.saturating_add(len);
            if len == 0 || logical < from || end > covers.end {
                return Err(Error::corrupt(LAYER, at, "an extent is empty or overlaps another one"));
            }
            from = end;
            let disk_at = self.superblock.block_at(physical, len, at)?;
            let written = high >> 63 == 0;
            let (start, end) = (logical.max(self.wanted.start), end.min(self.wanted.end));
            if written && start < end {
                let skip = start.saturating_sub(logical).saturating_mul(self.superblock.block_size);
                let len = end.saturating_sub(start);
                self.found.push(Run { logical: start, at: disk_at.saturating_add(skip), len });
            }
        }
        Ok(())
    }
}
