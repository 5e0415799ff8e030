//! Inodes (`struct btrfs_inode_item`).

use super::super::{NodeKind, Stat};
use super::LAYER;
use super::key::{INODE_ITEM, Key};
use super::nodes::Nodes;
use super::subvolume::Subvolume;
use crate::disk::bytes::{u32_le, u64_le};
use crate::disk::{Error, Result};

/// `BTRFS_INODE_*`
const NODATASUM: u64 = 1 << 0;
const IMMUTABLE: u64 = 1 << 6;
const APPEND: u64 = 1 << 7;

/// One inode.
pub(super) struct Inode {
    pub subvolume: Subvolume,
    pub number: u64,
    /// Byte offset on the device.
    pub at: u64,
    /// Size of the content; bounded by nothing.
    pub size: u64,
    pub kind: NodeKind,
    mode: u32,
    uid: u32,
    gid: u32,
    flags: u64,
}

impl Inode {
    /// Reads inode `number`.
    pub(super) fn read(nodes: &Nodes, subvolume: Subvolume, number: u64) -> Result<Self> {
        let item = nodes
            .item(&subvolume.tree, Key::new(number, INODE_ITEM, 0))?
            .ok_or_else(|| Error::corrupt(LAYER, 0, format!("there is no inode {number}")))?;
        let word = |at: usize| u32_le(LAYER, &item.data, at);
        let long = |at: usize| u64_le(LAYER, &item.data, at);
        let mode = word(52)?;
        let kind = NodeKind::of_mode(mode)
            .ok_or_else(|| Error::corrupt(LAYER, item.at, format!("mode {mode:#o} is of no kind")))?;
        let (size, flags) = (long(16)?, long(64)?);
        let (uid, gid) = (word(44)?, word(48)?);
        Ok(Self { subvolume, number, at: item.at, size, kind, mode, uid, gid, flags })
    }

    /// Refuses what is not a `kind`, in `words`.
    pub(super) fn check_is(&self, kind: NodeKind, words: &str) -> Result<()> {
        if self.kind == kind {
            return Ok(());
        }
        Err(Error::not_found(LAYER, format!("not {words}")).at(self.at))
    }

    /// True when its content has checksums.
    pub(super) fn is_summed(&self) -> bool {
        self.flags & NODATASUM == 0
    }

    pub(super) fn stat(&self) -> Stat {
        Stat {
            kind: self.kind,
            size: self.size,
            mode: self.mode & 0o7777,
            uid: self.uid,
            gid: self.gid,
            attributes: 0,
            immutable: self.flags & IMMUTABLE != 0,
            append_only: self.flags & APPEND != 0,
        }
    }
}
