//! What the kernel keeps for itself of the free blocks, so that nobody, root neither, can write to them: what `df` shows
//! is without it.
//!
//! A reserve against running out in the midst of a change (`xfs_default_resblks`), four blocks and those of the free list
//! a group (`xfs_alloc_set_aside`), and in each group what its trees may still grow by (`xfs_ag_resv_init`).

use super::LAYER;
use super::superblock::Superblock;
use crate::disk::Result;
use crate::disk::bytes::u32_be;

/// `xfs_default_resblks`: a twentieth, at most so many blocks.
const SHARE: u64 = 20;
const MOST: u64 = 8192;
/// `XFS_ALLOC_AGFL_RESERVE`, and as many that a split may take.
const PER_GROUP: u64 = 4 + 4;
/// `XFS_INODES_PER_CHUNK`
const INODES_PER_RECORD: u64 = 64;
/// Header of a block of a group's tree (`XFS_BTREE_SBLOCK_CRC_LEN`), and of a pointer in it.
const HEADER: u64 = 56;
const POINTER: u64 = 4;

/// What a group's headers say that its trees use already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    /// Blocks of the tree of free inodes.
    pub inodes: u64,
    /// Blocks of the tree of shared blocks.
    pub shared: u64,
}

impl Used {
    /// As a group has it that was never written to.
    pub(super) const LEAST: Self = Self { inodes: 1, shared: 1 };

    /// By the sectors of both headers (`agi_fblocks`, `agf_refcount_blocks`). Where the first is not kept up, the kernel
    /// counts the blocks; here one is taken for granted.
    pub(super) fn read(superblock: &Superblock, free: &[u8], inodes: &[u8]) -> Result<Self> {
        let counted = if superblock.features.counts_inode_blocks { u32_be(LAYER, inodes, 340)?.into() } else { 1 };
        let shared = if superblock.features.reflink { u32_be(LAYER, free, 84)?.into() } else { 0 };
        Ok(Self { inodes: counted, shared })
    }
}

/// Blocks kept for the whole filesystem.
pub(super) fn common(superblock: &Superblock) -> u64 {
    let share = superblock.blocks.checked_div(SHARE).unwrap_or_default().min(MOST);
    share.saturating_add(superblock.groups.saturating_mul(PER_GROUP))
}

/// Blocks kept for the trees of a group.
pub(super) fn of_group(superblock: &Superblock, group: u64, used: Used) -> u64 {
    let features = superblock.features;
    let has_log = superblock.log_start != 0 && superblock.group_of(superblock.log_start) == group;
    let log = if has_log { superblock.log_blocks } else { 0 };
    let blocks = superblock.blocks_of(group).saturating_sub(log);
    let tree = |record, key, records| largest_tree(superblock.block_size, record, key, records);
    let mut kept = 0_u64;
    if features.finobt {
        let per_block = superblock.block_size.checked_div(superblock.inode_size).unwrap_or_default();
        let records = blocks.saturating_mul(per_block).checked_div(INODES_PER_RECORD).unwrap_or_default();
        kept = kept.saturating_add(tree(16, 4, records).saturating_sub(used.inodes));
    }
    if features.reflink {
        kept = kept.saturating_add(tree(12, 4, blocks).saturating_sub(used.shared));
    }
    if features.rmapbt {
        let least = blocks.checked_div(100).unwrap_or_default();
        kept = kept.saturating_add(tree(24, 40, blocks).max(least));
    }
    kept
}

/// Blocks of a tree of so many records whose blocks are all half empty (`xfs_btree_calc_size`).
fn largest_tree(block_size: u64, record: u64, key: u64, records: u64) -> u64 {
    let room = block_size.saturating_sub(HEADER);
    let half = |size: u64| room.checked_div(size).unwrap_or_default().checked_div(2).unwrap_or_default().max(2);
    let (mut left, mut blocks, mut each) = (records, 0_u64, half(record));
    while left > 1 {
        left = left.div_ceil(each);
        blocks = blocks.saturating_add(left);
        each = half(key.saturating_add(POINTER));
    }
    blocks
}
