//! The superblock: geometry, features, free space (Documentation/filesystems/ext4/super.rst).

use super::super::Usage;
use super::checksum::crc32c;
use super::features::Features;
use super::{LAYER, groups};
use crate::disk::bytes::{array, range, u16_le, u32_le};
use crate::disk::{Error, ReadAt, Result};

/// Where it is, whatever the block size.
pub(super) const AT: u64 = 1024;
pub(super) const LEN: usize = 1024;
/// `EXT4_SUPER_MAGIC`.
pub(super) const MAGIC: u16 = 0xEF53;
/// `EXT4_MAX_BLOCK_LOG_SIZE` (16) less `EXT4_MIN_BLOCK_LOG_SIZE` (10).
const MAX_LOG_BLOCK_SIZE: u32 = 6;
/// `EXT4_GOOD_OLD_INODE_SIZE`, also that of revision 0.
const MIN_INODE_SIZE: u64 = 128;
/// `EXT4_MIN_DESC_SIZE`, and that with 64bit.
const MIN_DESC_SIZE: u64 = 32;
const MIN_DESC_SIZE_64BIT: u64 = 64;
/// `EXT4_CRC32C_CHKSUM`.
const CHECKSUM_CRC32C: u8 = 1;
pub(super) const CHECKSUM_AT: usize = 0x3FC;
/// `EXT4_OS_LINUX`: of other makers' inodes the checksum fields are something else.
const OS_LINUX: u32 = 0;
/// `EXT4_VALID_FS`: cleanly unmounted.
pub(super) const STATE_VALID: u16 = 1;

/// What the superblock says, checked.
#[derive(Clone)]
pub(super) struct Superblock {
    /// All of it, as it was found.
    pub raw: Vec<u8>,
    pub block_size: u64,
    pub blocks_count: u64,
    pub first_data_block: u64,
    pub blocks_per_group: u64,
    pub groups: u64,
    /// Bytes of what a bit of the block bitmaps stands for: a block, or with bigalloc a cluster.
    pub cluster_size: u64,
    pub inodes_count: u64,
    pub inodes_per_group: u64,
    pub inode_size: u64,
    pub desc_size: u64,
    pub first_meta_bg: u64,
    pub backup_groups: [u64; 2],
    pub features: Features,
    /// What every crc32c of metadata begins with; `None` without metadata_csum.
    pub seed: Option<u32>,
    free_bytes: u64,
    free_inodes: u64,
}

impl Superblock {
    /// Reads and checks it, its checksum too: the kernel does not mount what fails that
    /// (`ext4_superblock_csum_verify`).
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        let found = Self::read_unverified(volume)?;
        if found.features.has_metadata_csum() {
            if range(LAYER, &found.raw, 0x175, 1)? != [CHECKSUM_CRC32C] {
                return Err(Error::unsupported(LAYER, "a checksum other than crc32c"));
            }
            if !checksum_fits(&found.raw)? {
                return Err(corrupt(0x3FC, "the superblock's checksum does not match"));
            }
        }
        found.check(volume.len())?;
        Ok(found)
    }

    /// Reads and checks all but the checksum: as a journal leaves it.
    pub(super) fn read_replayed(volume: &dyn ReadAt) -> Result<Self> {
        let found = Self::read_unverified(volume)?;
        found.check(volume.len())?;
        Ok(found)
    }

    fn read_unverified(volume: &dyn ReadAt) -> Result<Self> {
        let raw = volume.read_vec_at(AT, LEN)?;
        let u32_at = |at: usize| u32_le(LAYER, &raw, at);
        let number = |at: usize| u32_at(at).map(u64::from);
        if u16_le(LAYER, &raw, 0x38)? != MAGIC {
            return Err(corrupt(0x38, "no superblock"));
        }
        // Revision 0 knows neither features nor other sizes of inodes.
        let dynamic = u32_at(0x4C)? != 0;
        let features = Features::of(&raw)?;
        features.check()?;
        let wide = features.is_64bit();
        let count =
            |low: usize, high: usize| -> Result<u64> { Ok(number(low)? | if wide { number(high)? << 32 } else { 0 }) };
        let log_block_size = u32_at(0x18)?;
        if log_block_size > MAX_LOG_BLOCK_SIZE {
            return Err(corrupt(0x18, "the block size is out of range"));
        }
        let block_size = 1024_u64 << log_block_size;
        let log_cluster_size = u32_at(0x1C)?;
        let cluster_size = if features.has_bigalloc() {
            1024_u64.checked_shl(log_cluster_size).filter(|size| log_cluster_size < 32 && *size >= block_size)
        } else {
            Some(block_size)
        };
        let blocks_count = count(0x4, 0x150)?;
        let inodes_count = number(0)?;
        let first_data_block = number(0x14)?;
        let blocks_per_group = number(0x20)?;
        let groups = blocks_count.saturating_sub(first_data_block).div_ceil(blocks_per_group.max(1));
        Ok(Self {
            block_size,
            blocks_count,
            first_data_block,
            blocks_per_group,
            groups,
            cluster_size: cluster_size.ok_or_else(|| corrupt(0x1C, "the cluster size is out of range"))?,
            inodes_count,
            inodes_per_group: number(0x28)?,
            inode_size: if dynamic { u16_le(LAYER, &raw, 0x58)?.into() } else { MIN_INODE_SIZE },
            desc_size: if wide { u16_le(LAYER, &raw, 0xFE)?.into() } else { MIN_DESC_SIZE },
            first_meta_bg: number(0x104)?,
            backup_groups: [number(0x24C)?, number(0x250)?],
            seed: seed(&raw, &features)?,
            free_bytes: count(0xC, 0x158)?.min(blocks_count).saturating_mul(block_size),
            free_inodes: number(0x10)?.min(inodes_count),
            features,
            raw,
        })
    }

    /// What the kernel checks before it mounts (`ext4_check_geometry`, `ext4_block_group_meta_init`).
    fn check(&self, volume_len: u64) -> Result<()> {
        let fits = |size: u64, min: u64| size.is_power_of_two() && size >= min && size <= self.block_size;
        let end = self.blocks_count.checked_mul(self.block_size);
        if end.is_none_or(|end| end > volume_len) {
            return Err(corrupt(0x4, format!("{} blocks are more than the volume holds", self.blocks_count)));
        }
        if self.first_data_block >= self.blocks_count {
            return Err(corrupt(0x14, "the first data block is past the end"));
        }
        if self.blocks_per_group == 0 {
            return Err(corrupt(0x20, "groups without blocks"));
        }
        if !fits(self.inode_size, MIN_INODE_SIZE) {
            return Err(corrupt(0x58, "the inode size is out of range"));
        }
        if !fits(self.desc_size, if self.features.is_64bit() { MIN_DESC_SIZE_64BIT } else { MIN_DESC_SIZE }) {
            return Err(corrupt(0xFE, "the group descriptor size is out of range"));
        }
        // One block of bits says which inodes of a group are used.
        if self.inodes_per_group == 0 || self.inodes_per_group > self.block_size.saturating_mul(8) {
            return Err(corrupt(0x28, "the number of inodes a group is out of range"));
        }
        if self.inodes_count > self.groups.saturating_mul(self.inodes_per_group) {
            return Err(corrupt(0x0, "more inodes than the groups hold"));
        }
        Ok(())
    }

    /// How full it is. Blocks reserved for root are free ones.
    pub(super) fn usage(&self, blocks: &super::blocks::Blocks) -> Result<Usage> {
        // While it is mounted the counts are kept in the descriptors alone (`ext4_count_free_clusters`).
        let clean = u16_le(LAYER, &self.raw, 0x3A)? & STATE_VALID != 0 && !self.features.needs_recovery();
        let (free_bytes, free_inodes) = if clean {
            (self.free_bytes, self.free_inodes)
        } else {
            let (clusters, inodes) = groups::free(self, blocks)?;
            (clusters.saturating_mul(self.cluster_size), inodes)
        };
        let total_bytes = self.blocks_count.saturating_mul(self.block_size);
        Ok(Usage {
            total_bytes,
            free_bytes: free_bytes.min(total_bytes),
            free_inodes: Some(free_inodes.min(self.inodes_count)),
        })
    }

    /// A number of 32 bits that only one place asks for.
    pub(super) fn u32_at(&self, at: usize) -> Result<u32> {
        u32_le(LAYER, &self.raw, at)
    }

    pub(super) fn uuid(&self) -> Result<[u8; 16]> {
        array(LAYER, &self.raw, 0x68)
    }
}

/// Whether the checksum of a superblock is the one it should have.
pub(super) fn checksum_fits(raw: &[u8]) -> Result<bool> {
    Ok(crc32c(!0, range(LAYER, raw, 0, CHECKSUM_AT)?) == u32_le(LAYER, raw, CHECKSUM_AT)?)
}

/// `s_checksum_seed` where it is told, else made of the UUID.
fn seed(raw: &[u8], features: &Features) -> Result<Option<u32>> {
    if !features.has_metadata_csum() || u32_le(LAYER, raw, 0x48)? != OS_LINUX {
        return Ok(None);
    }
    if features.has_csum_seed() {
        return u32_le(LAYER, raw, 0x270).map(Some);
    }
    Ok(Some(crc32c(!0, range(LAYER, raw, 0x68, 16)?)))
}

pub(super) fn corrupt(field: u64, what: impl Into<String>) -> Error {
    Error::corrupt(LAYER, AT.saturating_add(field), what)
}
