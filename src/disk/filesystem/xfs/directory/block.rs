//! Blocks of entries (xfs_da_format.h, `struct xfs_dir2_data_hdr`, `struct xfs_dir2_data_entry`).

use std::ops::ControlFlow;

use super::super::inode::Inode;
use super::super::superblock::Superblock;
use super::super::{LAYER, Xfs, checksum, u8_at};
use super::{Entry, offset, read_blocks, unit};
use crate::disk::bytes::{range, to_usize, u16_be, u32_be, u64_be};
use crate::disk::{Error, Result};

/// What comes before the first entry, without and with checksums, and the checksum's place.
const HEADER_4: usize = 16;
const HEADER_5: usize = 64;
const CRC_AT: usize = 4;
/// `XFS_DIR2_DATA_FREE_TAG`: no entry, but a length follows.
const FREE: u16 = 0xFFFF;
/// Entries begin at multiples of this (`XFS_DIR2_DATA_ALIGN`).
pub(super) const ALIGN: usize = 8;
/// Inode number and length of the name.
const ENTRY_HEADER: usize = 9;
const TAG: usize = 2;

/// A block of entries.
pub(super) struct Block {
    raw: Vec<u8>,
    at: u64,
    ftype: usize,
    /// Where the entries are.
    entries: std::ops::Range<usize>,
}

/// The blocks of entries, `count` from `first` on; holes are passed over.
pub(super) fn read(xfs: &Xfs, dir: &Inode, first: u64, count: u64) -> Result<Vec<Block>> {
    let (bytes, places) = read_blocks(xfs, dir, first, count)?;
    let blocks = bytes.chunks_exact(unit(xfs)?).zip(places);
    blocks.filter_map(|(raw, at)| Some(Block::parse(&xfs.superblock, raw, at?))).collect()
}

/// One place in a block.
enum Slot<'a> {
    Entry { node: u64, name: &'a [u8] },
    Free,
}

impl Block {
    fn parse(superblock: &Superblock, raw: &[u8], at: u64) -> Result<Self> {
        let v5 = superblock.features.v5;
        // A directory of one block has its index at the end of it.
        let alone = match (range(LAYER, raw, 0, 4)?, v5) {
            (b"XDB3", true) | (b"XD2B", false) => true,
            (b"XDD3", true) | (b"XD2D", false) => false,
            _ => return Err(Error::corrupt(LAYER, at, "not a block of directory entries")),
        };
        if v5 && !checksum::fits(raw, CRC_AT) {
            return Err(Error::corrupt(LAYER, at, "a directory block does not fit its checksum"));
        }
        let start = if v5 { HEADER_5 } else { HEADER_4 };
        let mut end = raw.len();
        if alone {
            let tail = end.saturating_sub(8);
            let count = to_usize(LAYER, u32_be(LAYER, raw, tail)?.into())?;
            end = tail.saturating_sub(count.saturating_mul(8));
        }
        if end < start {
            return Err(Error::corrupt(LAYER, at, "the index of a directory block is larger than the block"));
        }
        Ok(Self { raw: raw.to_vec(), at, ftype: usize::from(superblock.features.ftype), entries: start..end })
    }

    /// What is at `place`, and its length.
    fn slot(&self, place: usize) -> Result<(Slot<'_>, usize)> {
        let corrupt = || Error::corrupt(LAYER, offset(self.at, place), "a directory entry of impossible length");
        let raw = self.raw.get(..self.entries.end).unwrap_or_default();
        let (slot, len) = if u16_be(LAYER, raw, place).map_err(|_| corrupt())? == FREE {
            let len = u16_be(LAYER, raw, place.saturating_add(2)).map_err(|_| corrupt())?;
            (Slot::Free, usize::from(len))
        } else {
            let header = range(LAYER, raw, place, ENTRY_HEADER).map_err(|_| corrupt())?;
            let name_len = usize::from(u8_at(header, 8)?);
            let name = range(LAYER, raw, place.saturating_add(ENTRY_HEADER), name_len).map_err(|_| corrupt())?;
            let len = ENTRY_HEADER.saturating_add(name_len).saturating_add(self.ftype).saturating_add(TAG);
            (Slot::Entry { node: u64_be(LAYER, header, 0)?, name }, len.next_multiple_of(ALIGN))
        };
        if len == 0 || !len.is_multiple_of(ALIGN) || len > raw.len().saturating_sub(place) {
            return Err(corrupt());
        }
        Ok((slot, len))
    }

    /// Shows every entry to `visit`.
    pub(super) fn walk<B>(
        &self,
        xfs: &Xfs,
        visit: &mut impl FnMut(&Entry) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        let mut place = self.entries.start;
        while place < self.entries.end {
            let (slot, len) = self.slot(place)?;
            if let Slot::Entry { node, name } = slot
                && let ControlFlow::Break(found) = visit(&Entry::new(xfs, node, name, offset(self.at, place))?)
            {
                return Ok(ControlFlow::Break(found));
            }
            place = place.saturating_add(len);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The entry at `place`, which the index says is there.
    pub(super) fn entry(&self, xfs: &Xfs, place: usize) -> Result<Entry<'_>> {
        let at = offset(self.at, place);
        match self.slot(place)?.0 {
            Slot::Entry { node, name } if place >= self.entries.start => Entry::new(xfs, node, name, at),
            _ => Err(Error::corrupt(LAYER, at, "the index of a directory names an entry that is not there")),
        }
    }
}
