//! Group descriptors: where each group's inode table is (Documentation/filesystems/ext4/group_descr.rst).

use super::LAYER;
use super::blocks::Blocks;
use super::superblock::{self, Superblock};
use crate::disk::bytes::{to_usize, u32_le};
use crate::disk::{Error, Result};

/// `bg_inode_table_lo` and `bg_inode_table_hi`.
const INODE_TABLE_LO: usize = 0x8;
const INODE_TABLE_HI: usize = 0x28;

/// The first block of a group's inode table, and the byte offset of the descriptor that says so.
pub(super) fn inode_table(superblock: &Superblock, blocks: &Blocks, group: u64) -> Result<(u64, u64)> {
    if group >= superblock.groups {
        return Err(Error::corrupt(LAYER, superblock::AT, format!("there is no group {group}")));
    }
    let per_block = superblock.block_size.checked_div(superblock.desc_size).unwrap_or(1).max(1);
    let table = group.checked_div(per_block).unwrap_or_default();
    let slot = group.checked_rem(per_block).unwrap_or_default().saturating_mul(superblock.desc_size);
    let block = table_block(superblock, table, per_block);
    let raw = blocks.read(block, superblock::AT)?;
    let slot_at = to_usize(LAYER, slot)?;
    let low = u64::from(u32_le(LAYER, &raw, slot_at.saturating_add(INODE_TABLE_LO))?);
    let high =
        if superblock.is_64bit() { u64::from(u32_le(LAYER, &raw, slot_at.saturating_add(INODE_TABLE_HI))?) } else { 0 };
    Ok((low | high << 32, blocks.offset(block).saturating_add(slot)))
}

/// The block that holds block `table` of the descriptors (the kernel's `descriptor_loc`).
fn table_block(superblock: &Superblock, table: u64, per_block: u64) -> u64 {
    // The superblock is in block 1 only where blocks are as small as its offset.
    let superblock_block = u64::from(superblock.block_size == superblock::AT);
    if !superblock.has_meta_bg() || table < superblock.first_meta_bg {
        return superblock_block.saturating_add(1).saturating_add(table);
    }
    let group = table.saturating_mul(per_block);
    let first = group.saturating_mul(superblock.blocks_per_group).saturating_add(superblock.first_data_block);
    // bigalloc counts from block 0 also with blocks of 1024 bytes: then block 0 precedes the superblock.
    let before = u64::from(table == 0 && superblock_block == 1 && superblock.first_data_block == 0);
    first.saturating_add(u64::from(has_superblock(superblock, group))).saturating_add(before)
}

/// Whether a group begins with a copy of the superblock (`ext4_bg_has_super`).
fn has_superblock(superblock: &Superblock, group: u64) -> bool {
    if group == 0 {
        true
    } else if superblock.has_sparse_super2() {
        superblock.backup_groups.contains(&group)
    } else if group == 1 || !superblock.has_sparse_super() {
        true
    } else {
        [3, 5, 7].into_iter().any(|base| is_power_of(group, base))
    }
}

fn is_power_of(number: u64, base: u64) -> bool {
    let powers = std::iter::successors(Some(base), |power| power.checked_mul(base));
    powers.take_while(|power| *power <= number).any(|power| power == number)
}
