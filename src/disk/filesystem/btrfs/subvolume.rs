//! Subvolumes: trees of files, listed in the tree of trees.

use std::sync::{Mutex, PoisonError};

use super::super::{Node, NodeKind, Stat};
use super::LAYER;
use super::checksum::name_hash;
use super::directory::{Entry, entries};
use super::key::{DIR_ITEM, Key, ROOT_ITEM, ROOT_REF};
use super::node::{MAX_LEVEL, Pointer};
use super::nodes::Nodes;
use super::superblock::Superblock;
use crate::disk::bytes::{range, to_u64, u32_le, u64_le};
use crate::disk::{Error, Result};

/// `BTRFS_FS_TREE_OBJECTID`: the subvolume that holds all others.
const FS_TREE: u64 = 5;
/// An inode number has so many bits of a [`Node`], the place of its subvolume in [`Subvolumes`] those above.
const INODE_BITS: u32 = 48;
const MAX_SUBVOLUMES: usize = 4096;
/// A subvolume that is elsewhere or no more: an empty directory (`BTRFS_EMPTY_SUBVOL_DIR_OBJECTID`, in no subvolume).
pub(super) const STUB: Node = 2;

/// What [`STUB`] is (`new_simple_dir`).
pub(super) fn stub() -> Stat {
    let kind = NodeKind::Directory;
    Stat { kind, size: 0, mode: 0o755, uid: 0, gid: 0, attributes: 0, immutable: false, append_only: false }
}

/// A tree of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subvolume {
    pub id: u64,
    pub root: Pointer,
    /// Inode number of its root directory.
    pub dir: u64,
}

impl Subvolume {
    /// The one that is mounted unless another is asked for (`get_default_subvol_objectid`).
    pub(super) fn default(nodes: &Nodes, superblock: &Superblock) -> Result<Self> {
        let key = Key::new(superblock.root_dir, DIR_ITEM, name_hash(b"default"));
        let named = match nodes.item(&superblock.root, key)? {
            Some(item) => entries(&item.data, item.at)?.into_iter().find(|entry| entry.name == b"default"),
            None => None,
        };
        let id = named.map_or(FS_TREE, |entry| entry.location.objectid);
        Self::find(nodes, &superblock.root, id)?
            .ok_or_else(|| Error::corrupt(LAYER, superblock.at, format!("there is no subvolume {id}, the default")))
    }

    /// Subvolume `id`, unless it is deleted or was never there.
    pub(super) fn find(nodes: &Nodes, roots: &Pointer, id: u64) -> Result<Option<Self>> {
        let Some(item) = nodes.last(roots, &Key::all(id, ROOT_ITEM))? else { return Ok(None) };
        // `struct btrfs_root_item`, which begins with an inode of 160 bytes.
        let raw = item.data.as_slice();
        let long = |at: usize| u64_le(LAYER, raw, at).map_err(|error| error.at(item.at));
        let level = range(LAYER, raw, 238, 1)?.first().copied().unwrap_or_default();
        if level >= MAX_LEVEL {
            return Err(Error::corrupt(LAYER, item.at, "a tree of too many levels"));
        }
        let root = Pointer { logical: long(176)?, generation: long(160)?, level };
        let is_deleted = u32_le(LAYER, raw, 216)? == 0;
        Ok((!is_deleted).then_some(Self { id, root, dir: long(168)? }))
    }

    /// The subvolume that `entry` of directory `dir` in this one leads to: only if that is where it is
    /// (`fixup_tree_root_location`). A snapshot repeats the entries of what it was taken of, without what they lead to.
    pub(super) fn below(&self, nodes: &Nodes, roots: &Pointer, dir: u64, entry: &Entry) -> Result<Option<Self>> {
        let id = entry.location.objectid;
        let Some(back) = nodes.item(roots, Key::new(self.id, ROOT_REF, id))? else { return Ok(None) };
        // `struct btrfs_root_ref`: directory, sequence, length of the name, name.
        let name = back.data.get(18..).unwrap_or_default();
        if u64_le(LAYER, &back.data, 0)? != dir || name != entry.name {
            return Ok(None);
        }
        Self::find(nodes, roots, id)
    }
}

/// Subvolumes that nodes were given out of: a node's high bits are one more than the place here.
#[derive(Default)]
pub(super) struct Subvolumes(Mutex<Vec<Subvolume>>);

impl Subvolumes {
    /// The node of inode `inode` of `of`; the same one each time.
    pub(super) fn node(&self, of: &Subvolume, inode: u64) -> Result<Node> {
        if inode >> INODE_BITS != 0 {
            return Err(Error::unsupported(LAYER, format!("inode number {inode}")));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|known| known.id == of.id);
        if place.is_none() {
            if known.len() >= MAX_SUBVOLUMES {
                return Err(Error::limit(LAYER, format!("more than {MAX_SUBVOLUMES} subvolumes")));
            }
            known.push(*of);
        }
        let number = place.map_or(known.len(), |place| place.saturating_add(1));
        Ok(to_u64(number) << INODE_BITS | inode)
    }

    /// The subvolume and inode number of a node.
    pub(super) fn place(&self, node: Node) -> Result<(Subvolume, u64)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(node >> INODE_BITS).ok().and_then(|number| number.checked_sub(1));
        match place.and_then(|place| known.get(place)) {
            Some(subvolume) => Ok((*subvolume, node & !(u64::MAX << INODE_BITS))),
            None => Err(Error::corrupt(LAYER, 0, format!("there is no node {node}"))),
        }
    }
}
