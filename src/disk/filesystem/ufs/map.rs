//! From bytes of a file to bytes of the volume: addresses of blocks, and blocks of such addresses
//! (FreeBSD, sys/ufs/ufs/ufs_bmap.c).

use std::ops::Range;

use super::inode::{DIRECT, Inode};
use super::{LAYER, Ufs};
use crate::disk::bytes::{to_u64, to_usize, u32_le, u64_le};
use crate::disk::{Error, Result};

/// Bytes that follow each other in the file and on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First byte in the file.
    pub logical: u64,
    /// First byte on the volume.
    pub physical: u64,
    /// How many; never zero.
    pub len: u64,
}

/// The runs of the bytes `wanted`, in order, at most one a block. What lies between them is holes, which read as zeros.
pub(super) fn runs(ufs: &Ufs, inode: &Inode, wanted: Range<u64>) -> Result<Vec<Run>> {
    let mut map = Map { ufs, wanted, runs: Vec::new() };
    let block = ufs.superblock.block;
    let per_block = block.checked_div(ufs.superblock.address_size()).unwrap_or(1);
    let direct = to_u64(DIRECT).saturating_mul(block);
    map.table(&inode.addresses, inode.addresses_at, &Table { level: 0, start: 0, span: direct })?;
    let mut start = direct;
    let mut span = block;
    for level in 1..=3_usize {
        span = span.saturating_mul(per_block);
        let slot = DIRECT.saturating_add(level).saturating_sub(1);
        map.pointer(&inode.addresses, inode.addresses_at, slot, &Table { level, start, span })?;
        start = start.saturating_add(span);
    }
    if map.wanted.end > start {
        return Err(Error::corrupt(LAYER, inode.at, "the file is larger than its addresses reach"));
    }
    Ok(map.runs)
}

/// What an address stands for: a block of data at level 0, a block of addresses above; and which bytes of the file.
struct Table {
    level: usize,
    start: u64,
    span: u64,
}

/// Collects what is wanted.
struct Map<'a> {
    ufs: &'a Ufs,
    wanted: Range<u64>,
    runs: Vec<Run>,
}

impl Map<'_> {
    /// The addresses of a table that lies at byte `at`, each for `level` levels of addresses below it.
    fn table(&mut self, raw: &[u8], at: u64, table: &Table) -> Result<()> {
        let per_block = self.ufs.superblock.block.checked_div(self.ufs.superblock.address_size()).unwrap_or(1).max(1);
        let mut span = self.ufs.superblock.block;
        for _ in 0..table.level {
            span = span.saturating_mul(per_block);
        }
        let from = self.wanted.start.max(table.start).saturating_sub(table.start);
        let to = self.wanted.end.min(table.start.saturating_add(table.span)).saturating_sub(table.start);
        let slots = from.checked_div(span).unwrap_or_default()..to.div_ceil(span.max(1));
        for slot in slots {
            let start = table.start.saturating_add(slot.saturating_mul(span));
            self.pointer(raw, at, to_usize(LAYER, slot)?, &Table { level: table.level, start, span })?;
        }
        Ok(())
    }

    /// Follows the address in a slot; zero is a hole at every level. The depth is that of `target`, at most three.
    fn pointer(&mut self, raw: &[u8], at: u64, slot: usize, target: &Table) -> Result<()> {
        let from = self.wanted.start.max(target.start);
        let to = self.wanted.end.min(target.start.saturating_add(target.span));
        let width = to_usize(LAYER, self.ufs.superblock.address_size())?;
        let place = slot.saturating_mul(width);
        let address = if width == 4 { u32_le(LAYER, raw, place)?.into() } else { u64_le(LAYER, raw, place)? };
        if from >= to || address == 0 {
            return Ok(());
        }
        let at = at.saturating_add(to_u64(place));
        let physical = address.saturating_mul(self.ufs.superblock.fragment);
        let Some(level) = target.level.checked_sub(1) else {
            let physical = physical.saturating_add(from.saturating_sub(target.start));
            let len = to.saturating_sub(from);
            self.ufs.check(physical, len, at)?;
            self.push(Run { logical: from, physical, len });
            return Ok(());
        };
        let block = self.ufs.metadata(physical, at)?;
        self.table(&block, physical, &Table { level, start: target.start, span: target.span })
    }

    fn push(&mut self, run: Run) {
        match self.runs.last_mut() {
            Some(last)
                if last.logical.saturating_add(last.len) == run.logical
                    && last.physical.saturating_add(last.len) == run.physical =>
            {
                last.len = last.len.saturating_add(run.len);
            }
            _ => self.runs.push(run),
        }
    }
}
