//! Headers of the allocation groups: free space, and whether they are whole (xfs_format.h, `struct xfs_agf`,
//! `struct xfs_agi`).

use super::reserve::{self, Used};
use super::superblock::Superblock;
use super::{LAYER, checksum};
use crate::disk::bytes::{range, to_usize, u32_be};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::{Sign, SignKind};

/// Groups whose headers a check reads. A filesystem that grew from a small image has thousands, each a request.
const MAX_CHECKED: u64 = 64;
/// Groups whose free space is added up.
const MAX_SUMMED: u64 = 4096;
/// `XFS_AGF_CRC_OFF`, `XFS_AGI_CRC_OFF`.
const AGF_CRC: usize = 216;
const AGI_CRC: usize = 312;

/// Blocks that can still be written: those that are free, without what the kernel keeps. The superblock counts them
/// unless `is_stale`; then only the groups do (`xfs_initialize_perag_data`): free, in the reserve of the group's own trees,
/// and used by those trees.
///
/// How much is kept depends on what the trees of each group use, which matters where little is left.
pub(super) fn writable_blocks(superblock: &Superblock, volume: &dyn ReadAt, is_stale: bool) -> Result<u64> {
    let common = reserve::common(superblock);
    if !is_stale {
        let groups = 0..superblock.groups.min(MAX_SUMMED);
        let kept =
            groups.map(|group| reserve::of_group(superblock, group, Used::LEAST)).fold(common, u64::saturating_add);
        let left = superblock.free_blocks.saturating_sub(kept);
        if superblock.groups > MAX_CHECKED && left > superblock.blocks.checked_div(10).unwrap_or_default() {
            return Ok(left);
        }
    }
    if superblock.groups > MAX_SUMMED {
        return Err(Error::limit(LAYER, format!("the free space of {} allocation groups", superblock.groups)));
    }
    let sector = to_usize(LAYER, superblock.sector_size)?;
    let (mut free, mut kept) = (0_u64, common);
    for group in 0..superblock.groups {
        let at = superblock.group_block_at(group, 0).saturating_add(superblock.sector_size);
        let raw = volume.read_vec_at(at, sector.saturating_mul(2))?;
        let (header, inodes) = raw.split_at(sector);
        if range(LAYER, header, 0, 4)? != b"XAGF" {
            return Err(Error::corrupt(LAYER, at, format!("allocation group {group} has no header")));
        }
        let held = [48, 52, 60].into_iter().map(|field| u32_be(LAYER, header, field).map(u64::from));
        let held = held.sum::<Result<u64>>()?;
        free = free.saturating_add(held.min(superblock.blocks_of(group)));
        kept = kept.saturating_add(reserve::of_group(superblock, group, Used::read(superblock, header, inodes)?));
    }
    let free = if is_stale { free } else { superblock.free_blocks };
    Ok(free.saturating_sub(kept))
}

/// What is wrong with the headers of the first groups.
pub(super) fn signs(superblock: &Superblock, volume: &dyn ReadAt) -> Result<Vec<Sign>> {
    let sector = to_usize(LAYER, superblock.sector_size)?;
    let mut signs = Vec::new();
    for group in 0..superblock.groups.min(MAX_CHECKED) {
        let start = superblock.group_block_at(group, 0).saturating_add(superblock.sector_size);
        let raw = volume.read_vec_at(start, sector.saturating_mul(2))?;
        let (free, inodes) = raw.split_at(sector);
        for (header, magic, crc_at, at) in
            [(free, "XAGF", AGF_CRC, start), (inodes, "XAGI", AGI_CRC, start.saturating_add(superblock.sector_size))]
        {
            let whole = header.starts_with(magic.as_bytes());
            if !whole || superblock.features.v5 && !checksum::fits(header, crc_at) {
                let what = if whole { "does not fit its checksum" } else { "is not there" };
                let value = format!("{magic} of allocation group {group} {what}");
                signs.push(Sign { kind: SignKind::ChecksumMismatch, at, value });
            }
        }
    }
    Ok(signs)
}
