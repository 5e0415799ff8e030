//! Inodes (FreeBSD, sys/ufs/ufs/dinode.h: `struct ufs1_dinode`, `struct ufs2_dinode`).

use super::super::{Node, NodeKind, Stat};
use super::superblock::{Superblock, Version};
use super::{LAYER, Ufs};
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le, u64_le};
use crate::disk::{Error, Result};

/// `di_flags`: set by the owner, or by the superuser.
const IMMUTABLE: u32 = 0x2 | 0x2_0000;
const APPEND: u32 = 0x4 | 0x4_0000;
/// `SF_SNAPSHOT`: a picture of the filesystem, whose addresses have meanings of their own.
const SNAPSHOT: u32 = 0x20_0000;
/// `UFS_NDADDR` and `UFS_NIADDR`: addresses of data, and of one, two, three levels of addresses.
pub(super) const DIRECT: usize = 12;
pub(super) const ADDRESSES: usize = 15;

/// One inode.
pub(super) struct Inode {
    /// Byte offset in the volume.
    pub at: u64,
    /// Size of the content; bounded by nothing.
    pub size: u64,
    /// Byte offset of `di_db` in the volume, and the addresses from there on.
    pub addresses_at: u64,
    pub addresses: Vec<u8>,
    mode: u16,
    uid: u32,
    gid: u32,
    flags: u32,
    blocks: u64,
}

/// Reads inode `node` (`ino_to_fsba`).
pub(super) fn read(ufs: &Ufs, node: Node) -> Result<Inode> {
    let superblock = &ufs.superblock;
    let group = node.checked_div(superblock.inodes_per_group).unwrap_or_default();
    if group >= superblock.groups {
        return Err(Error::corrupt(LAYER, superblock.at, format!("there is no inode {node}")));
    }
    let base = superblock.fragments_per_group.saturating_mul(group);
    let start = base.saturating_add(superblock.group_offset.saturating_mul(group & !superblock.group_mask));
    let index = node.checked_rem(superblock.inodes_per_group).unwrap_or_default();
    let table = start.saturating_add(superblock.inodes_at).saturating_mul(superblock.fragment);
    let at = table.saturating_add(index.saturating_mul(superblock.inode_size()));
    // A table is whole blocks, and a block whole inodes.
    let within = at.saturating_sub(table).checked_rem(superblock.block).unwrap_or_default();
    let block = ufs.metadata(at.saturating_sub(within), superblock.at)?;
    let raw = range(LAYER, &block, to_usize(LAYER, within)?, to_usize(LAYER, superblock.inode_size())?)?;
    Inode::parse(superblock, raw, at)
}

impl Inode {
    fn parse(superblock: &Superblock, raw: &[u8], at: u64) -> Result<Self> {
        let number = |at: usize| u32_le(LAYER, raw, at);
        let mode = u16_le(LAYER, raw, 0)?;
        if mode == 0 {
            return Err(Error::corrupt(LAYER, at, "the inode is not in use"));
        }
        let (addresses, width) = if superblock.version == Version::One { (40, 4) } else { (112, 8) };
        let [uid, gid] = match superblock.version {
            Version::One if superblock.narrow_owners => [u16_le(LAYER, raw, 4)?, u16_le(LAYER, raw, 6)?].map(u32::from),
            Version::One => [number(112)?, number(116)?],
            Version::Two => [number(4)?, number(8)?],
        };
        let (size, flags, blocks) = match superblock.version {
            Version::One => (u64_le(LAYER, raw, 8)?, number(100)?, number(104)?.into()),
            Version::Two => (u64_le(LAYER, raw, 16)?, number(88)?, u64_le(LAYER, raw, 24)?),
        };
        let addresses_at = at.saturating_add(to_u64(addresses));
        let addresses = range(LAYER, raw, addresses, ADDRESSES.saturating_mul(width))?.to_vec();
        Ok(Self { at, size, addresses_at, addresses, mode, uid, gid, flags, blocks })
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
            uid: self.uid,
            gid: self.gid,
            attributes: 0,
            immutable: self.flags & IMMUTABLE != 0,
            append_only: self.flags & APPEND != 0,
        })
    }

    pub(super) fn is_snapshot(&self) -> bool {
        self.flags & SNAPSHOT != 0
    }

    /// The target of a link that is in the place of the addresses (`ufs_readlink`; without the limit, as NetBSD does).
    pub(super) fn fast_link(&self, max: u64) -> Option<&[u8]> {
        if self.size < max || (max == 0 && self.blocks == 0) {
            return self.addresses.get(..usize::try_from(self.size).ok()?);
        }
        None
    }
}
