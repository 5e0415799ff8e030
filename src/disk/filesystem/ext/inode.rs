//! Inodes (Documentation/filesystems/ext4/inodes.rst).

use std::sync::Arc;

use super::super::{Node, NodeKind, Stat};
use super::blocks::Blocks;
use super::checksum::{crc32c, without};
use super::ranges::Ranges;
use super::superblock::{self, Superblock};
use super::{LAYER, groups};
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le};
use crate::disk::{Error, Result};

/// `i_block`: extents, block pointers, a short link or the beginning of inline data.
pub(super) const I_BLOCK: usize = 0x28;
pub(super) const I_BLOCK_LEN: usize = 60;

/// Flags: `EXT4_IMMUTABLE_FL` and so on.
const IMMUTABLE: u32 = 0x10;
const APPEND: u32 = 0x20;
const ENCRYPT: u32 = 0x800;
const EXTENTS: u32 = 0x8_0000;
const INLINE_DATA: u32 = 0x1000_0000;
const CASEFOLD: u32 = 0x4000_0000;

/// `EXT4_GOOD_OLD_INODE_SIZE`: `i_extra_isize` follows, and counts from here.
pub(super) const OLD_SIZE: usize = 128;
/// `i_generation`, `l_i_checksum_lo`, `i_checksum_hi`, and the `i_extra_isize` that is enough for the latter.
const GENERATION: usize = 0x64;
const CHECKSUM_LO: usize = 0x7C;
const CHECKSUM_HI: usize = 0x82;
const EXTRA_FOR_CHECKSUM: u16 = 4;

/// The bytes of an inode, and where they are.
#[derive(Clone)]
pub(super) struct RawInode {
    pub number: Node,
    /// Byte offset in the volume.
    pub at: u64,
    /// All of it, `s_inode_size` bytes.
    pub raw: Vec<u8>,
}

/// One inode.
pub(super) struct Inode {
    pub number: Node,
    /// Byte offset in the volume.
    pub at: u64,
    /// All of it, `s_inode_size` bytes.
    pub raw: Vec<u8>,
    /// Size of the content; bounded by nothing.
    pub size: u64,
    /// What fast commits changed of where its content is.
    pub moved: Option<Arc<Ranges>>,
    mode: u16,
    flags: u32,
}

/// Reads inode `node`, which the kernel gives out only with the right checksum (`__ext4_iget`).
pub(super) fn read(superblock: &Superblock, blocks: &Blocks, node: Node) -> Result<Inode> {
    let found = read_raw(superblock, blocks, node)?;
    if !found.checksum_fits(superblock)? {
        return Err(Error::corrupt(LAYER, found.at, format!("the checksum of inode {node} does not match")));
    }
    Inode::parse(superblock, found)
}

/// Reads the bytes of inode `node`.
pub(super) fn read_raw(superblock: &Superblock, blocks: &Blocks, node: Node) -> Result<RawInode> {
    let index = match node.checked_sub(1) {
        Some(index) if node <= superblock.inodes_count => index,
        _ => return Err(Error::corrupt(LAYER, superblock::AT, format!("there is no inode {node}"))),
    };
    let group = index.checked_div(superblock.inodes_per_group).unwrap_or_default();
    let (table, described_at) = groups::inode_table(superblock, blocks, group)?;
    let slot = index.checked_rem(superblock.inodes_per_group).unwrap_or_default();
    // Inode and block size are powers of two: an inode never spans blocks.
    let offset = slot.saturating_mul(superblock.inode_size);
    let block = table.saturating_add(offset.checked_div(blocks.size()).unwrap_or_default());
    let within = offset.checked_rem(blocks.size()).unwrap_or_default();
    let found = blocks.read(block, described_at)?;
    let raw = range(LAYER, &found, to_usize(LAYER, within)?, to_usize(LAYER, superblock.inode_size)?)?.to_vec();
    Ok(RawInode { number: node, at: blocks.offset(block).saturating_add(within), raw })
}

impl RawInode {
    pub(super) fn has_extents(&self) -> Result<bool> {
        Ok(u32_le(LAYER, &self.raw, 0x20)? & EXTENTS != 0)
    }

    pub(super) fn has_inline_data(&self) -> Result<bool> {
        Ok(u32_le(LAYER, &self.raw, 0x20)? & INLINE_DATA != 0)
    }

    /// Whether its checksum is the one it should have (`ext4_inode_csum_verify`); so it is where there is none. An
    /// inode that was never used has none either.
    pub(super) fn checksum_fits(&self, superblock: &Superblock) -> Result<bool> {
        let Some(seed) = superblock.seed else { return Ok(true) };
        if self.raw.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        let raw = self.raw.as_slice();
        let number = u32::try_from(self.number).unwrap_or(u32::MAX).to_le_bytes();
        let seed = crc32c(crc32c(seed, &number), range(LAYER, raw, GENERATION, 4)?);
        let low = CHECKSUM_LO..CHECKSUM_LO.saturating_add(2);
        let found = u32::from(u16_le(LAYER, raw, low.start)?);
        if raw.len() <= OLD_SIZE || u16_le(LAYER, raw, OLD_SIZE)? < EXTRA_FOR_CHECKSUM {
            return Ok(crc32c(seed, &without(raw, &[low])) & 0xFFFF == found);
        }
        let high = CHECKSUM_HI..CHECKSUM_HI.saturating_add(2);
        let found = found | u32::from(u16_le(LAYER, raw, high.start)?) << 16;
        Ok(crc32c(seed, &without(raw, &[low, high])) == found)
    }
}

impl Inode {
    pub(super) fn parse(superblock: &Superblock, found: RawInode) -> Result<Self> {
        let RawInode { number, at, raw } = found;
        let mode = u16_le(LAYER, &raw, 0)?;
        let links = u16_le(LAYER, &raw, 0x1A)?;
        if mode == 0 || links == 0 {
            return Err(Error::corrupt(LAYER, at, "the inode is not in use"));
        }
        let low = u64::from(u32_le(LAYER, &raw, 0x4)?);
        let high = u64::from(u32_le(LAYER, &raw, 0x6C)?);
        let flags = u32_le(LAYER, &raw, 0x20)?;
        let mut inode = Self { number, at, raw, size: low, moved: None, mode, flags };
        // Of others than files the high half meant something else once (`ext4_isize`).
        if superblock.features.has_large_dir() || inode.kind()? == NodeKind::File {
            inode.size = low | high << 32;
        }
        Ok(inode)
    }

    pub(super) fn kind(&self) -> Result<NodeKind> {
        NodeKind::of_mode(self.mode.into())
            .ok_or_else(|| Error::corrupt(LAYER, self.at, format!("mode {:#o} is of no kind", self.mode)))
    }

    pub(super) fn stat(&self) -> Result<Stat> {
        Ok(Stat {
            kind: self.kind()?,
            size: self.size,
            mode: u32::from(self.mode & 0o7777),
            uid: self.owner(0x2, 0x78)?,
            gid: self.owner(0x18, 0x7A)?,
            attributes: 0,
            immutable: self.has(IMMUTABLE),
            append_only: self.has(APPEND),
        })
    }

    /// `i_uid` or `i_gid`: two halves, the high one among what Linux added (`osd2`).
    fn owner(&self, low: usize, high: usize) -> Result<u32> {
        let half = |at| u16_le(LAYER, &self.raw, at).map(u32::from);
        Ok(half(low)? | half(high)? << 16)
    }

    /// Refuses content that is encrypted.
    pub(super) fn check_readable(&self) -> Result<()> {
        if self.has(ENCRYPT) {
            return Err(Error::encrypted(LAYER, "the inode is encrypted (fscrypt)").at(self.at));
        }
        Ok(())
    }

    /// `i_block`.
    pub(super) fn block(&self) -> Result<&[u8]> {
        range(LAYER, &self.raw, I_BLOCK, I_BLOCK_LEN)
    }

    /// Byte offset of `i_block` in the volume.
    pub(super) fn block_at(&self) -> u64 {
        self.at.saturating_add(to_u64(I_BLOCK))
    }

    /// The target of a link that is short enough to be in `i_block`.
    pub(super) fn fast_link(&self) -> Option<&[u8]> {
        if self.has(ENCRYPT | EXTENTS | INLINE_DATA) || self.size >= to_u64(I_BLOCK_LEN) {
            return None;
        }
        self.block().ok()?.get(..usize::try_from(self.size).ok()?)
    }

    pub(super) fn has_extents(&self) -> bool {
        self.has(EXTENTS)
    }

    pub(super) fn has_inline_data(&self) -> bool {
        self.has(INLINE_DATA)
    }

    pub(super) fn ignores_case(&self) -> bool {
        self.has(CASEFOLD)
    }

    fn has(&self, any: u32) -> bool {
        self.flags & any != 0
    }
}
