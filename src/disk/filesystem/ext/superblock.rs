//! The superblock: geometry, features, free space (Documentation/filesystems/ext4/super.rst).

use super::super::Usage;
use super::{LAYER, features};
use crate::disk::bytes::{range, u16_le, u32_le};
use crate::disk::{Error, ReadAt, Result};

/// Where it is, whatever the block size.
pub(super) const AT: u64 = 1024;
const LEN: usize = 1024;
/// `EXT4_SUPER_MAGIC`.
const MAGIC: u16 = 0xEF53;
/// `EXT4_MAX_BLOCK_LOG_SIZE` (16) less `EXT4_MIN_BLOCK_LOG_SIZE` (10).
const MAX_LOG_BLOCK_SIZE: u32 = 6;
/// `EXT4_GOOD_OLD_INODE_SIZE`, also that of revision 0.
const MIN_INODE_SIZE: u64 = 128;
/// `EXT4_MIN_DESC_SIZE`, and that with 64bit.
const MIN_DESC_SIZE: u64 = 32;
const MIN_DESC_SIZE_64BIT: u64 = 64;
/// `EXT4_CRC32C_CHKSUM`.
const CHECKSUM_CRC32C: u8 = 1;
const CHECKSUM_AT: usize = 0x3FC;

/// What the superblock says, checked.
pub(super) struct Superblock {
    pub block_size: u64,
    pub blocks_count: u64,
    pub first_data_block: u64,
    pub blocks_per_group: u64,
    pub groups: u64,
    pub inodes_count: u64,
    pub inodes_per_group: u64,
    pub inode_size: u64,
    pub desc_size: u64,
    pub first_meta_bg: u64,
    pub backup_groups: [u64; 2],
    pub usage: Usage,
    compat: u32,
    incompat: u32,
    ro_compat: u32,
}

impl Superblock {
    /// Reads and checks it.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        let raw = volume.read_vec_at(AT, LEN)?;
        let u32_at = |at: usize| u32_le(LAYER, &raw, at);
        let number = |at: usize| u32_at(at).map(u64::from);
        if u16_le(LAYER, &raw, 0x38)? != MAGIC {
            return Err(corrupt(0x38, "no superblock"));
        }
        let dynamic = u32_at(0x4C)? != 0;
        let [compat, incompat, ro_compat] =
            if dynamic { [u32_at(0x5C)?, u32_at(0x60)?, u32_at(0x64)?] } else { [0; 3] };
        features::check(incompat)?;
        if ro_compat & features::RO_COMPAT_METADATA_CSUM != 0 {
            check_checksum(&raw)?;
        }

        let wide = incompat & features::INCOMPAT_64BIT != 0;
        let count =
            |low: usize, high: usize| -> Result<u64> { Ok(number(low)? | if wide { number(high)? << 32 } else { 0 }) };
        let log_block_size = u32_at(0x18)?;
        if log_block_size > MAX_LOG_BLOCK_SIZE {
            return Err(corrupt(0x18, "the block size is out of range"));
        }
        let block_size = 1024_u64 << log_block_size;
        let blocks_count = count(0x4, 0x150)?;
        let inodes_count = number(0)?;
        let first_data_block = number(0x14)?;
        let blocks_per_group = number(0x20)?;
        let groups = blocks_count.saturating_sub(first_data_block).div_ceil(blocks_per_group.max(1));
        let free_blocks = count(0xC, 0x158)?.min(blocks_count);
        let found = Self {
            block_size,
            blocks_count,
            first_data_block,
            blocks_per_group,
            groups,
            inodes_count,
            inodes_per_group: number(0x28)?,
            inode_size: if dynamic { u16_le(LAYER, &raw, 0x58)?.into() } else { MIN_INODE_SIZE },
            desc_size: if wide { u16_le(LAYER, &raw, 0xFE)?.into() } else { MIN_DESC_SIZE },
            first_meta_bg: number(0x104)?,
            backup_groups: [number(0x24C)?, number(0x250)?],
            usage: Usage {
                total_bytes: blocks_count.saturating_mul(block_size),
                free_bytes: free_blocks.saturating_mul(block_size),
                free_inodes: Some(number(0x10)?.min(inodes_count)),
            },
            compat,
            incompat,
            ro_compat,
        };
        found.check(volume.len())?;
        Ok(found)
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
        if !fits(self.desc_size, if self.is_64bit() { MIN_DESC_SIZE_64BIT } else { MIN_DESC_SIZE }) {
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

    pub(super) fn is_64bit(&self) -> bool {
        self.incompat & features::INCOMPAT_64BIT != 0
    }

    pub(super) fn has_meta_bg(&self) -> bool {
        self.incompat & features::INCOMPAT_META_BG != 0
    }

    pub(super) fn has_large_dir(&self) -> bool {
        self.incompat & features::INCOMPAT_LARGE_DIR != 0
    }

    pub(super) fn has_sparse_super(&self) -> bool {
        self.ro_compat & features::RO_COMPAT_SPARSE_SUPER != 0
    }

    pub(super) fn has_sparse_super2(&self) -> bool {
        self.compat & features::COMPAT_SPARSE_SUPER2 != 0
    }
}

fn corrupt(field: u64, what: impl Into<String>) -> Error {
    Error::corrupt(LAYER, AT.saturating_add(field), what)
}

/// The kernel does not mount a filesystem whose superblock fails this (`ext4_superblock_csum_verify`).
fn check_checksum(raw: &[u8]) -> Result<()> {
    if range(LAYER, raw, 0x175, 1)? != [CHECKSUM_CRC32C] {
        return Err(Error::unsupported(LAYER, "a checksum other than crc32c"));
    }
    // ext4 leaves out the final inversion of CRC-32C.
    if !crc32c::crc32c(range(LAYER, raw, 0, CHECKSUM_AT)?) != u32_le(LAYER, raw, CHECKSUM_AT)? {
        return Err(corrupt(0x3FC, "the superblock's checksum does not match"));
    }
    Ok(())
}
