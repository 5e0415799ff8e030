//! The superblock: geometry and counters (xfs_format.h, `struct xfs_dsb`), and from numbers of blocks and inodes to
//! bytes of the volume.

use super::features::Features;
use super::{LAYER, checksum, u8_at};
use crate::disk::bytes::{array, range, to_usize, u16_be, u32_be, u64_be};
use crate::disk::{Error, ReadAt, Result};

/// `XFS_MAX_SECTORSIZE`, and the smallest.
const MAX_SECTOR: u64 = 32 << 10;
const MIN_SECTOR: u64 = 512;
/// `XFS_MIN_AG_BLOCKS`.
const MIN_GROUP_BLOCKS: u64 = 64;
/// `sb_crc`.
const CRC_AT: usize = 224;

/// What the superblock says, checked.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    pub features: Features,
    pub block_size: u64,
    pub sector_size: u64,
    pub inode_size: u64,
    pub directory_block_size: u64,
    /// All blocks, blocks an allocation group, allocation groups.
    pub blocks: u64,
    pub group_blocks: u64,
    pub groups: u64,
    group_block_log: u32,
    inodes_per_block_log: u32,
    pub root: u64,
    /// First block of the log, 0 where it is on another device, and its length.
    pub log_start: u64,
    pub log_blocks: u64,
    /// `sb_lsn`: where in the log the last change of the superblock is.
    pub lsn: u64,
    /// UUID of the filesystem, which the log bears, and the one all metadata bear.
    pub uuid: [u8; 16],
    pub meta_uuid: [u8; 16],
    pub free_blocks: u64,
    /// `sb_rblocks`: blocks of the realtime section.
    pub realtime_blocks: u64,
    pub in_progress: bool,
    /// Whether the checksum fits; true before version 5.
    pub intact: bool,
}

impl Superblock {
    /// Reads and checks it.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        let first = volume.read_vec_at(0, to_usize(LAYER, MIN_SECTOR)?)?;
        if range(LAYER, &first, 0, 4)? != b"XFSB" {
            return Err(Error::corrupt(LAYER, 0, "no superblock"));
        }
        let sector_size = u64::from(u16_be(LAYER, &first, 102)?);
        if !sector_size.is_power_of_two() || !(MIN_SECTOR..=MAX_SECTOR).contains(&sector_size) {
            return Err(Error::corrupt(LAYER, 102, "the sector size is out of range"));
        }
        let raw =
            if sector_size == MIN_SECTOR { first } else { volume.read_vec_at(0, to_usize(LAYER, sector_size)?)? };
        let found = Self::parse(&raw, sector_size)?;
        found.check(&raw, volume.len())?;
        Ok(found)
    }

    fn parse(raw: &[u8], sector_size: u64) -> Result<Self> {
        let features = Features::read(raw)?;
        let wide = |at| u64_be(LAYER, raw, at);
        let number = |at| u32_be(LAYER, raw, at).map(u64::from);
        let log = |at| u8_at(raw, at).map(u32::from);
        let block_size = number(4)?;
        let uuid = array(LAYER, raw, 32)?;
        Ok(Self {
            features,
            block_size,
            sector_size,
            inode_size: u16_be(LAYER, raw, 104)?.into(),
            directory_block_size: block_size.checked_shl(log(192)?).unwrap_or_default(),
            blocks: wide(8)?,
            group_blocks: number(84)?,
            groups: number(88)?,
            group_block_log: log(124)?,
            inodes_per_block_log: log(123)?,
            root: wide(56)?,
            log_start: wide(48)?,
            log_blocks: number(96)?,
            lsn: if features.v5 { wide(240)? } else { 0 },
            uuid,
            meta_uuid: if features.meta_uuid { array(LAYER, raw, 248)? } else { uuid },
            free_blocks: wide(144)?,
            realtime_blocks: wide(16)?,
            in_progress: u8_at(raw, 126)? != 0,
            intact: !features.v5 || checksum::fits(raw, CRC_AT),
        })
    }

    /// What the kernel checks before it mounts (`xfs_validate_sb_common`, `xfs_check_sizes`).
    fn check(&self, raw: &[u8], volume_len: u64) -> Result<()> {
        let corrupt = |at, what: &str| Err(Error::corrupt(LAYER, at, what));
        let log_of = |at| u8_at(raw, at).map(|log| 1_u64.checked_shl(log.into()).unwrap_or_default());
        let min_inode = if self.features.v5 { 512 } else { 256 };
        if !self.block_size.is_power_of_two()
            || !(512..=65_536).contains(&self.block_size)
            || log_of(120)? != self.block_size
        {
            return corrupt(4, "the block size is out of range");
        }
        if !self.inode_size.is_power_of_two()
            || !(min_inode..=2048).contains(&self.inode_size)
            || self.block_size.checked_div(self.inode_size) != Some(log_of(123)?)
        {
            return corrupt(104, "the inode size is out of range");
        }
        if !(self.block_size..=65_536).contains(&self.directory_block_size) {
            return corrupt(192, "the size of directory blocks is out of range");
        }
        if self.group_blocks < MIN_GROUP_BLOCKS || log_of(124)? != self.group_blocks.next_power_of_two() {
            return corrupt(84, "the size of allocation groups is out of range");
        }
        let most = self.group_blocks.saturating_mul(self.groups);
        if self.groups == 0 || self.blocks > most || self.blocks <= most.saturating_sub(self.group_blocks) {
            return corrupt(88, "the number of allocation groups does not fit the number of blocks");
        }
        if self.blocks.checked_mul(self.block_size).is_none_or(|end| end > volume_len) {
            return Err(Error::corrupt(LAYER, 8, format!("{} blocks are more than the volume holds", self.blocks)));
        }
        self.inode_at(self.root).map(drop).map_err(|_| Error::corrupt(LAYER, 56, "there is no root directory"))
    }

    /// Blocks of a group; the last one may be shorter.
    pub(super) fn blocks_of(&self, group: u64) -> u64 {
        self.blocks.saturating_sub(group.saturating_mul(self.group_blocks)).min(self.group_blocks)
    }

    /// The group that a block is in.
    pub(super) fn group_of(&self, block: u64) -> u64 {
        split(block, self.group_block_log).0
    }

    /// Byte offset of block `block` of `group`.
    pub(super) fn group_block_at(&self, group: u64, block: u64) -> u64 {
        group.saturating_mul(self.group_blocks).saturating_add(block).saturating_mul(self.block_size)
    }

    /// Byte offset of `len` blocks from `block` on, which a pointer at byte `from` leads to (`xfs_verify_fsbext`).
    pub(super) fn block_at(&self, block: u64, len: u64, from: u64) -> Result<u64> {
        let (group, within) = split(block, self.group_block_log);
        if group < self.groups && within.checked_add(len).is_some_and(|end| end <= self.blocks_of(group)) {
            return Ok(self.group_block_at(group, within));
        }
        Err(Error::corrupt(LAYER, from, format!("block {block:#x}, length {len}, is not in the filesystem")))
    }

    /// Byte offset of an inode; `Corrupt` where there can be none of that number (`xfs_verify_ino`).
    pub(super) fn inode_at(&self, node: u64) -> Result<u64> {
        let (block, slot) = split(node, self.inodes_per_block_log);
        let at = self.block_at(block, 1, 0).ok().filter(|_| node != 0);
        let at = at.ok_or_else(|| Error::corrupt(LAYER, 0, format!("there is no inode {node}")))?;
        Ok(at.saturating_add(slot.saturating_mul(self.inode_size)))
    }

    /// Number of the inode at the beginning of block `block` of `group`.
    pub(super) fn first_inode_of(&self, group: u64, block: u64) -> u64 {
        let joined = group.checked_shl(self.group_block_log).unwrap_or_default() | block;
        joined.checked_shl(self.inodes_per_block_log).unwrap_or_default()
    }
}

/// The high part of `number` and its `low` lowest bits.
fn split(number: u64, low: u32) -> (u64, u64) {
    let high = number.checked_shr(low).unwrap_or_default();
    (high, number ^ high.checked_shl(low).unwrap_or_default())
}
