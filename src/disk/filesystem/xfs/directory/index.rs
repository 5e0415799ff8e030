//! The index of a directory: hashes of names and where their entries are (xfs_da_format.h, `struct xfs_dir2_leaf`),
//! below a tree where one block does not hold them (`struct xfs_da_intnode`).

use super::super::inode::Inode;
use super::super::{LAYER, Xfs, checksum};
use super::block::ALIGN;
use super::{block, hash, read_blocks};
use crate::disk::bytes::{range, to_u64, to_usize, u16_be, u32_be};
use crate::disk::filesystem::Node;
use crate::disk::{Error, Result};

/// `XFS_DIR2_LEAF_OFFSET`: where the index is.
const START: u64 = 32 << 30;
/// Magic numbers without and with checksums: a leaf that is alone, one of several, a node.
const LEAVES_4: [u16; 2] = [0xD2F1, 0xD2FF];
const LEAVES_5: [u16; 2] = [0x3DF1, 0x3DFF];
const NODE_4: u16 = 0xFEBE;
const NODE_5: u16 = 0x3EBE;
/// Headers of either, and the checksum's place in the latter.
const HEADER_4: usize = 16;
const HEADER_5: usize = 64;
const CRC_AT: usize = 12;
/// A hash and what it leads to.
const PAIR: usize = 8;
/// Blocks of the index one search visits (`XFS_DA_NODE_MAXDEPTH` and leaves of equal hashes), and entries it compares.
const MAX_BLOCKS: u32 = 64;
const MAX_COMPARED: u32 = 1024;

/// A block of the index.
struct IndexBlock {
    is_leaf: bool,
    /// In a node, how many levels there are from here down.
    level: u16,
    /// Block of the file with the next leaf, 0 where this is the last.
    next: u64,
    pairs: Vec<(u32, u32)>,
}

/// The node called `name`.
pub(super) fn lookup(xfs: &Xfs, dir: &Inode, name: &str) -> Result<Option<Node>> {
    let wanted = hash::of(name.as_bytes());
    let size = xfs.superblock.block_size;
    let mut at = START.checked_div(size).unwrap_or_default();
    let mut above: Option<u16> = None;
    let mut compared = 0_u32;
    for _ in 0..MAX_BLOCKS {
        let block = read(xfs, dir, at)?;
        if !block.is_leaf {
            if above.is_some_and(|above| block.level >= above) {
                return Err(Error::corrupt(LAYER, dir.at, "the index of a directory does not go down"));
            }
            above = Some(block.level);
            match block.pairs.iter().find(|(hash, _)| *hash >= wanted) {
                Some((_, below)) => at = u64::from(*below),
                None => return Ok(None),
            }
            continue;
        }
        above = Some(0);
        for (found, address) in &block.pairs {
            if *found > wanted {
                return Ok(None);
            }
            // Address 0 is that of an entry that was removed.
            if *found < wanted || *address == 0 {
                continue;
            }
            compared = compared.saturating_add(1);
            if compared > MAX_COMPARED {
                return Err(Error::limit(LAYER, format!("more than {MAX_COMPARED} names of one hash")));
            }
            if let Some(node) = compare(xfs, dir, *address, name)? {
                return Ok(Some(node));
            }
        }
        if block.next == 0 {
            return Ok(None);
        }
        at = block.next;
    }
    Err(Error::limit(LAYER, format!("more than {MAX_BLOCKS} blocks of a directory's index for one name")))
}

/// Whether the entry at `address`, in units of eight bytes, has the name.
fn compare(xfs: &Xfs, dir: &Inode, address: u32, name: &str) -> Result<Option<Node>> {
    let place = u64::from(address).saturating_mul(to_u64(ALIGN));
    let unit = xfs.superblock.directory_block_size;
    let number = place.checked_div(unit).unwrap_or_default();
    let within = to_usize(LAYER, place.checked_rem(unit).unwrap_or_default())?;
    let blocks = block::read(xfs, dir, number, 1)?;
    let block = blocks.first();
    let block = block.ok_or_else(|| Error::corrupt(LAYER, dir.at, "the index of a directory leads into a hole"))?;
    let entry = block.entry(xfs, within)?;
    Ok((entry.name == name.as_bytes()).then_some(entry.node))
}

/// The block of the index at block `at` of the file.
fn read(xfs: &Xfs, dir: &Inode, at: u64) -> Result<IndexBlock> {
    let (unit, size) = (xfs.superblock.directory_block_size, xfs.superblock.block_size);
    let number = at.saturating_mul(size).checked_div(unit).unwrap_or_default();
    let (raw, places) = read_blocks(xfs, dir, number, 1)?;
    let hole = || Error::corrupt(LAYER, dir.at, "the index of a directory has a hole");
    let at = places.first().copied().flatten().ok_or_else(hole)?;
    let v5 = xfs.superblock.features.v5;
    let (leaves, node, header) = if v5 { (LEAVES_5, NODE_5, HEADER_5) } else { (LEAVES_4, NODE_4, HEADER_4) };
    let magic = u16_be(LAYER, &raw, 8)?;
    let is_leaf = leaves.contains(&magic);
    if !is_leaf && magic != node || v5 && !checksum::fits(&raw, CRC_AT) {
        return Err(Error::corrupt(LAYER, at, "not a block of a directory's index"));
    }
    // Count and level (in leaves: removed entries) are the last fields but padding.
    let count_at = if v5 { 56 } else { 12 };
    let count = usize::from(u16_be(LAYER, &raw, count_at)?);
    let pairs = range(LAYER, &raw, header, count.saturating_mul(PAIR))
        .map_err(|_| Error::corrupt(LAYER, at, "more entries than a block of a directory's index holds"))?;
    let pair = |pair: &[u8]| Ok((u32_be(LAYER, pair, 0)?, u32_be(LAYER, pair, 4)?));
    Ok(IndexBlock {
        is_leaf,
        level: u16_be(LAYER, &raw, count_at.saturating_add(2))?,
        next: u32_be(LAYER, &raw, 0)?.into(),
        pairs: pairs.chunks_exact(PAIR).map(pair).collect::<Result<_>>()?,
    })
}
