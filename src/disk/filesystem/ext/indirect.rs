//! Block maps of ext2 and ext3: direct, and through one, two or three blocks of pointers
//! (Documentation/filesystems/ext4/ifork.rst, "Direct/Indirect Block Addressing").

use super::LAYER;
use super::blocks::Blocks;
use super::inode::Inode;
use super::map::{Run, Runs};
use crate::disk::bytes::{to_u64, u32_le};
use crate::disk::{Error, Result};

/// `EXT4_NDIR_BLOCKS`.
const DIRECT: usize = 12;
const POINTER: usize = 4;

/// Collects the runs of an inode with a block map.
pub(super) fn map(blocks: &Blocks, inode: &Inode, runs: &mut Runs) -> Result<()> {
    let mut start = 0_u64;
    let mut span = 1_u64;
    for (slot, raw) in inode.block()?.chunks_exact(POINTER).enumerate() {
        let level = slot.saturating_add(1).saturating_sub(DIRECT);
        if level > 0 {
            span = span.saturating_mul(pointers(blocks));
        }
        let at = pointer_at(inode.block_at(), slot);
        pointer(blocks, u32_le(LAYER, raw, 0)?, &Place { at, level, start, span }, runs)?;
        start = start.saturating_add(span);
    }
    if runs.wanted().end > start {
        return Err(Error::corrupt(LAYER, inode.at, "the file is larger than its block map"));
    }
    Ok(())
}

/// Where a pointer is and which blocks of the file it stands for.
struct Place {
    /// Its byte offset in the volume.
    at: u64,
    /// Blocks of pointers between it and the data.
    level: usize,
    /// First block of the file it stands for, and how many.
    start: u64,
    span: u64,
}

/// Follows a pointer; zero is a hole at every level.
fn pointer(blocks: &Blocks, block: u32, place: &Place, runs: &mut Runs) -> Result<()> {
    let range = place.start..place.start.saturating_add(place.span);
    let block = u64::from(block);
    if block == 0 || !runs.want(&range) {
        return Ok(());
    }
    let Some(level) = place.level.checked_sub(1) else {
        blocks.check(block, 1, place.at)?;
        runs.push(Run { logical: place.start, physical: block, len: 1 });
        return Ok(());
    };
    let table = blocks.read(block, place.at)?;
    let span = place.span.checked_div(pointers(blocks)).unwrap_or(1).max(1);
    let table_at = blocks.offset(block);
    for (slot, raw) in table.chunks_exact(POINTER).enumerate() {
        let start = place.start.saturating_add(to_u64(slot).saturating_mul(span));
        let child = Place { at: pointer_at(table_at, slot), level, start, span };
        pointer(blocks, u32_le(LAYER, raw, 0)?, &child, runs)?;
    }
    Ok(())
}

/// Pointers a block holds; never zero.
fn pointers(blocks: &Blocks) -> u64 {
    blocks.size().checked_div(to_u64(POINTER)).unwrap_or(1).max(1)
}

fn pointer_at(table: u64, slot: usize) -> u64 {
    table.saturating_add(to_u64(slot.saturating_mul(POINTER)))
}
