//! Group descriptors: where each group's inode table is, and how much of it is free
//! (Documentation/filesystems/ext4/group_descr.rst).

use std::ops::Range;

use super::LAYER;
use super::blocks::Blocks;
use super::checksum::{crc16, crc32c, without};
use super::superblock::{self, Superblock};
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le};
use crate::disk::{Error, Result};

/// Fields of a descriptor: `bg_free_blocks_count`, `bg_free_inodes_count`, `bg_inode_table`, each with its high half,
/// and `bg_checksum`.
const FREE_BLOCKS: (usize, usize) = (0xC, 0x2C);
const FREE_INODES: (usize, usize) = (0xE, 0x2E);
const INODE_TABLE: (usize, usize) = (0x8, 0x28);
pub(super) const CHECKSUM: Range<usize> = 0x1E..0x20;
/// Where the high halves begin.
const WIDE: usize = 0x20;
/// Blocks of descriptors that are read to count what is free: 16,384 GiB with the usual sizes.
const MAX_TABLES: u64 = 2048;

/// The first block of a group's inode table, and the byte offset of the descriptor that says so.
pub(super) fn inode_table(superblock: &Superblock, blocks: &Blocks, group: u64) -> Result<(u64, u64)> {
    if group >= superblock.groups {
        return Err(Error::corrupt(LAYER, superblock::AT, format!("there is no group {group}")));
    }
    let per_block = per_block(superblock);
    let table = group.checked_div(per_block).unwrap_or_default();
    let slot = group.checked_rem(per_block).unwrap_or_default().saturating_mul(superblock.desc_size);
    let block = table_block(superblock, table, per_block);
    let raw = blocks.read(block, superblock::AT)?;
    let at = blocks.offset(block).saturating_add(slot);
    let raw = range(LAYER, &raw, to_usize(LAYER, slot)?, to_usize(LAYER, superblock.desc_size)?)?;
    let (low, high) = INODE_TABLE;
    let high = if superblock.features.is_64bit() { u64::from(u32_le(LAYER, raw, high)?) } else { 0 };
    Ok((u64::from(u32_le(LAYER, raw, low)?) | high << 32, at))
}

/// Free clusters and inodes of all groups.
pub(super) fn free(superblock: &Superblock, blocks: &Blocks) -> Result<(u64, u64)> {
    let half = |raw: &[u8], (low, high): (usize, usize)| -> Result<u64> {
        let high = if superblock.features.is_64bit() { u64::from(u16_le(LAYER, raw, high)?) } else { 0 };
        Ok(u64::from(u16_le(LAYER, raw, low)?) | high << 16)
    };
    let (mut clusters, mut inodes) = (0_u64, 0_u64);
    let counted = for_each(superblock, blocks, MAX_TABLES, |_, raw, _| {
        clusters = clusters.saturating_add(half(raw, FREE_BLOCKS)?);
        inodes = inodes.saturating_add(half(raw, FREE_INODES)?);
        Ok(())
    })?;
    if counted < superblock.groups {
        return Err(Error::limit(LAYER, format!("free space of {} groups, {counted} were read", superblock.groups)));
    }
    Ok((clusters, inodes))
}

/// Shows `visit` the descriptors of the first `tables` blocks of them, each with its group and byte offset; gives how
/// many there were.
pub(super) fn for_each(
    superblock: &Superblock,
    blocks: &Blocks,
    tables: u64,
    mut visit: impl FnMut(u64, &[u8], u64) -> Result<()>,
) -> Result<u64> {
    let per_block = per_block(superblock);
    let size = to_usize(LAYER, superblock.desc_size)?;
    let wanted = superblock.groups.div_ceil(per_block).min(tables);
    // Without meta_bg they follow each other.
    if !superblock.features.has_meta_bg() {
        blocks.will_read(table_block(superblock, 0, per_block), wanted)?;
    }
    let mut group = 0_u64;
    for table in 0..wanted {
        let block = table_block(superblock, table, per_block);
        let raw = blocks.read(block, superblock::AT)?;
        for (raw, slot) in raw.chunks_exact(size).zip(0_u64..) {
            if group >= superblock.groups {
                break;
            }
            visit(group, raw, blocks.offset(block).saturating_add(slot.saturating_mul(to_u64(size))))?;
            group = group.saturating_add(1);
        }
    }
    Ok(group)
}

/// Whether a descriptor's checksum is the one it should have (`ext4_group_desc_csum`); so it is where there is none.
pub(super) fn checksum_fits(superblock: &Superblock, group: u64, raw: &[u8]) -> Result<bool> {
    let found = u16_le(LAYER, raw, CHECKSUM.start)?;
    let number = u32::try_from(group).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(seed) = superblock.seed {
        let sum = crc32c(crc32c(seed, &number), &without(raw, &[CHECKSUM]));
        return Ok(sum & 0xFFFF == u32::from(found));
    }
    if superblock.features.has_gdt_csum() && !superblock.features.has_metadata_csum() {
        let sum = crc16(crc16(!0, &superblock.uuid()?), &number);
        let sum = crc16(sum, range(LAYER, raw, 0, CHECKSUM.start)?);
        return Ok(crc16(sum, raw.get(WIDE..).unwrap_or_default()) == found);
    }
    Ok(true)
}

/// Descriptors a block holds; never zero.
fn per_block(superblock: &Superblock) -> u64 {
    superblock.block_size.checked_div(superblock.desc_size).unwrap_or(1).max(1)
}

/// The block that holds block `table` of the descriptors (the kernel's `descriptor_loc`).
fn table_block(superblock: &Superblock, table: u64, per_block: u64) -> u64 {
    // The superblock is in block 1 only where blocks are as small as its offset.
    let superblock_block = u64::from(superblock.block_size == superblock::AT);
    if !superblock.features.has_meta_bg() || table < superblock.first_meta_bg {
        return superblock_block.saturating_add(1).saturating_add(table);
    }
    let group = table.saturating_mul(per_block);
    // bigalloc counts from block 0 also with blocks of 1024 bytes: then block 0 precedes the superblock.
    let before = u64::from(table == 0 && superblock_block == 1 && superblock.first_data_block == 0);
    first_block(superblock, group).saturating_add(u64::from(has_superblock(superblock, group))).saturating_add(before)
}

/// A group's first block, where a copy of the superblock is if it has one.
pub(super) fn first_block(superblock: &Superblock, group: u64) -> u64 {
    group.saturating_mul(superblock.blocks_per_group).saturating_add(superblock.first_data_block)
}

/// The first two groups but the first one that begin with a copy of the superblock.
pub(super) fn backups(superblock: &Superblock) -> impl Iterator<Item = u64> + '_ {
    let groups = if superblock.features.has_sparse_super2() { superblock.backup_groups } else { [1, 3] };
    groups.into_iter().filter(|group| *group != 0 && *group < superblock.groups)
}

/// Whether a group begins with a copy of the superblock (`ext4_bg_has_super`).
fn has_superblock(superblock: &Superblock, group: u64) -> bool {
    if group == 0 {
        true
    } else if superblock.features.has_sparse_super2() {
        superblock.backup_groups.contains(&group)
    } else if group == 1 || !superblock.features.has_sparse_super() {
        true
    } else {
        [3, 5, 7].into_iter().any(|base| is_power_of(group, base))
    }
}

fn is_power_of(number: u64, base: u64) -> bool {
    let powers = std::iter::successors(Some(base), |power| power.checked_mul(base));
    powers.take_while(|power| *power <= number).any(|power| power == number)
}
