//! The extent tree (Documentation/filesystems/ext4/ifork.rst, "Extent Tree").

use std::ops::Range;

use super::LAYER;
use super::blocks::Blocks;
use super::inode::Inode;
use super::map::{Run, Runs};
use crate::disk::bytes::{range, to_u64, u16_le, u32_le};
use crate::disk::{Error, Result};

/// `EXT4_EXT_MAGIC`.
const MAGIC: u16 = 0xF30A;
/// `EXT4_MAX_EXTENT_DEPTH`.
const MAX_DEPTH: u16 = 5;
/// Size of the header and of an entry of either kind.
const ENTRY: usize = 12;
/// `EXT_INIT_MAX_LEN`: a longer extent is reserved but never written, and its length is what is above.
const MAX_WRITTEN: u64 = 1 << 15;
/// Blocks of the tree one call may visit: enough for a file of 1.3 million fragments.
const MAX_NODES: u32 = 16_384;

/// Collects the runs of an inode with extents.
pub(super) fn map(blocks: &Blocks, inode: &Inode, runs: &mut Runs) -> Result<()> {
    let mut walk = Walk { blocks, runs, nodes_left: MAX_NODES };
    // Logical block numbers have 32 bits.
    walk.node(inode.block()?, inode.block_at(), None, &(0..1 << 32))
}

struct Walk<'a> {
    blocks: &'a Blocks,
    runs: &'a mut Runs,
    nodes_left: u32,
}

/// An entry of a node: its bytes and where they are.
struct Entry<'a> {
    raw: &'a [u8],
    at: u64,
    /// `ee_block`, `ei_block`: first logical block.
    start: u64,
}

impl Walk<'_> {
    /// Visits a node at byte `at` that says something of the logical blocks `covers`. A child's range is within its
    /// parent's and depths count down, so a tree that leads back into itself ends too.
    fn node(&mut self, raw: &[u8], at: u64, depth: Option<u16>, covers: &Range<u64>) -> Result<()> {
        let entries = u16_le(LAYER, raw, 2)?;
        let found_depth = u16_le(LAYER, raw, 6)?;
        if u16_le(LAYER, raw, 0)? != MAGIC
            || entries > u16_le(LAYER, raw, 4)?
            || found_depth > MAX_DEPTH
            || depth.is_some_and(|depth| depth != found_depth)
        {
            return Err(Error::corrupt(LAYER, at, "not a node of an extent tree"));
        }
        let entries = parse(raw, at, usize::from(entries))?;
        let ends = entries.iter().skip(1).map(|next| next.start).chain([covers.end]);
        let mut from = covers.start;
        for (entry, end) in entries.iter().zip(ends) {
            if entry.start < from || entry.start >= end {
                return Err(Error::corrupt(LAYER, entry.at, "extents out of order"));
            }
            from = end;
            let covers = entry.start..end;
            if !self.runs.want(&covers) {
                continue;
            }
            match found_depth.checked_sub(1) {
                None => self.extent(entry, &covers)?,
                Some(below) => self.child(entry, below, &covers)?,
            }
        }
        Ok(())
    }

    /// An index entry leads to a node one level down.
    fn child(&mut self, entry: &Entry, depth: u16, covers: &Range<u64>) -> Result<()> {
        self.nodes_left = self
            .nodes_left
            .checked_sub(1)
            .ok_or_else(|| Error::limit(LAYER, format!("more than {MAX_NODES} extent blocks in one read")))?;
        let low = u64::from(u32_le(LAYER, entry.raw, 4)?);
        let high = u64::from(u16_le(LAYER, entry.raw, 8)?);
        let block = low | high << 32;
        let raw = self.blocks.read(block, entry.at)?;
        self.node(&raw, self.blocks.offset(block), Some(depth), covers)
    }

    /// A leaf entry is an extent.
    fn extent(&mut self, entry: &Entry, covers: &Range<u64>) -> Result<()> {
        let len = u64::from(u16_le(LAYER, entry.raw, 4)?);
        let (len, written) = length(len);
        if len == 0 || entry.start.saturating_add(len) > covers.end {
            return Err(Error::corrupt(LAYER, entry.at, "an extent is empty or overlaps the next one"));
        }
        let high = u64::from(u16_le(LAYER, entry.raw, 6)?);
        let low = u64::from(u32_le(LAYER, entry.raw, 8)?);
        let physical = low | high << 32;
        self.blocks.check(physical, len, entry.at)?;
        if written {
            self.runs.push(Run { logical: entry.start, physical, len });
        }
        Ok(())
    }
}

/// What `ee_len` says: how many blocks, and whether they were written.
pub(super) fn length(raw: u64) -> (u64, bool) {
    if raw > MAX_WRITTEN { (raw.saturating_sub(MAX_WRITTEN), false) } else { (raw, true) }
}

fn parse(raw: &[u8], at: u64, count: usize) -> Result<Vec<Entry<'_>>> {
    let held = range(LAYER, raw, ENTRY, count.saturating_mul(ENTRY))
        .map_err(|_| Error::corrupt(LAYER, at, "an extent node of more entries than it holds"))?;
    held.chunks_exact(ENTRY)
        .zip(1_u64..)
        .map(|(raw, place)| {
            let at = at.saturating_add(place.saturating_mul(to_u64(ENTRY)));
            Ok(Entry { raw, at, start: u64::from(u32_le(LAYER, raw, 0)?) })
        })
        .collect()
}
