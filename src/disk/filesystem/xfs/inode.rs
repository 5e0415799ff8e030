//! Inodes (xfs_format.h, `struct xfs_dinode`).

use super::super::{Node, NodeKind, Stat};
use super::blocks::Blocks;
use super::superblock::Superblock;
use super::{LAYER, checksum, u8_at};
use crate::disk::bytes::{range, to_u64, to_usize, u16_be, u32_be, u64_be};
use crate::disk::{Error, Result};

/// Read at once: what Linux keeps together of inodes of 512 bytes (`XFS_INODE_BIG_CLUSTER_SIZE`, 16 of them, twice).
const CLUSTER: u64 = 16 << 10;
/// `XFS_DINODE_MAGIC`.
pub(super) const MAGIC: [u8; 2] = *b"IN";
/// `di_crc`: there a core of version 1 or 2 ends.
pub(super) const CRC_AT: usize = 100;
/// Size of a core of version 3.
const CORE_3: usize = 176;

/// Flags: `XFS_DIFLAG_IMMUTABLE` and so on, and of the second word `XFS_DIFLAG2_NREXT64`.
const REALTIME: u16 = 0x1;
const IMMUTABLE: u16 = 0x8;
const APPEND: u16 = 0x10;
const LARGE_COUNTS: u64 = 0x10;

/// Where the data fork's content is (`enum xfs_dinode_fmt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// In the inode.
    Local,
    /// In extents, listed in the inode.
    Extents,
    /// In extents, listed in a tree whose root is in the inode.
    Tree,
    /// A device has none.
    None,
}

/// One inode.
pub(super) struct Inode {
    pub node: Node,
    /// Byte offset in the volume.
    pub at: u64,
    /// Size of the content; bounded by nothing.
    pub size: u64,
    pub format: Format,
    /// How many extents the data fork lists.
    pub extents: u64,
    mode: u16,
    flags: u16,
    raw: Vec<u8>,
}

/// Reads inode `node`.
pub(super) fn read(superblock: &Superblock, blocks: &Blocks, node: Node) -> Result<Inode> {
    let at = superblock.inode_at(node)?;
    let (start, bytes) = blocks.read_around(at, CLUSTER)?;
    let within = to_usize(LAYER, at.saturating_sub(start))?;
    let raw = range(LAYER, &bytes, within, to_usize(LAYER, superblock.inode_size)?)?.to_vec();
    Inode::parse(superblock, node, raw, at)
}

/// Where the data fork of an inode is in its bytes: from the end of the core to `di_forkoff`, in units of eight bytes.
pub(super) fn data_fork(raw: &[u8]) -> Result<std::ops::Range<usize>> {
    let start = if u8_at(raw, 4)? == 3 { CORE_3 } else { CRC_AT };
    let end = match usize::from(u8_at(raw, 82)?) {
        0 => raw.len(),
        units => start.saturating_add(units.saturating_mul(8)),
    };
    if end > raw.len() {
        return Err(Error::corrupt(LAYER, 82, "the forks pass the end of the inode"));
    }
    Ok(start..end)
}

impl Inode {
    fn parse(superblock: &Superblock, node: Node, raw: Vec<u8>, at: u64) -> Result<Self> {
        let corrupt = |what: &str| Error::corrupt(LAYER, at, format!("inode {node} {what}"));
        let version = u8_at(&raw, 4)?;
        if range(LAYER, &raw, 0, 2)? != MAGIC {
            return Err(corrupt("is none"));
        }
        // What the kernel refuses too (`xfs_dinode_verify`).
        if (version == 3) != superblock.features.v5 || !(1..=3).contains(&version) {
            return Err(corrupt("is of a wrong version"));
        }
        if version == 3 && !checksum::fits(&raw, CRC_AT) {
            return Err(corrupt("does not fit its checksum"));
        }
        if version == 3 && u64_be(LAYER, &raw, 152)? != node {
            return Err(corrupt("says it is another one"));
        }
        let mode = u16_be(LAYER, &raw, 2)?;
        if mode == 0 {
            return Err(corrupt("is not in use"));
        }
        let size = u64_be(LAYER, &raw, 56)?;
        if size >> 63 != 0 {
            return Err(corrupt("has a negative size"));
        }
        let format = match u8_at(&raw, 5)? {
            0 => Format::None,
            1 => Format::Local,
            2 => Format::Extents,
            3 => Format::Tree,
            other => return Err(Error::unsupported(LAYER, format!("an inode of format {other}")).at(at)),
        };
        let large = version == 3 && u64_be(LAYER, &raw, 120)? & LARGE_COUNTS != 0;
        let extents = if large { u64_be(LAYER, &raw, 24)? } else { u32_be(LAYER, &raw, 76)?.into() };
        let flags = u16_be(LAYER, &raw, 90)?;
        data_fork(&raw).map_err(|_| corrupt("has forks that pass its end"))?;
        Ok(Self { node, at, size, format, extents, mode, flags, raw })
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
            uid: u32_be(LAYER, &self.raw, 8)?,
            gid: u32_be(LAYER, &self.raw, 12)?,
            attributes: 0,
            immutable: self.flags & IMMUTABLE != 0,
            append_only: self.flags & APPEND != 0,
        })
    }

    /// Whether a file's content is on the real-time device.
    pub(super) fn is_realtime(&self) -> bool {
        self.flags & REALTIME != 0
    }

    /// The data fork and its byte offset in the volume.
    pub(super) fn fork(&self) -> Result<(&[u8], u64)> {
        let place = data_fork(&self.raw)?;
        let at = self.at.saturating_add(to_u64(place.start));
        Ok((self.raw.get(place).unwrap_or_default(), at))
    }

    /// Content that is in the inode.
    pub(super) fn local(&self) -> Result<&[u8]> {
        let (fork, at) = self.fork()?;
        let len = to_usize(LAYER, self.size)?;
        fork.get(..len).ok_or_else(|| Error::corrupt(LAYER, at, "content passes the end of the inode"))
    }
}
