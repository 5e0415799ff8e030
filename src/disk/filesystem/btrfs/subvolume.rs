//! Subvolumes: trees of files, listed in the tree of trees.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::super::{Node, NodeKind, Stat};
use super::LAYER;
use super::changes::Tree;
use super::checksum::name_hash;
use super::directory::{Entry, entries};
use super::key::{DIR_ITEM, Key, ROOT_ITEM, ROOT_REF};
use super::node::{MAX_LEVEL, Pointer};
use super::nodes::Nodes;
use super::superblock::Superblock;
use super::tree::Found;
use crate::disk::bytes::{range, to_u64, u32_le, u64_le};
use crate::disk::{Error, Result};

/// `BTRFS_FS_TREE_OBJECTID`: the subvolume that holds all others.
pub(super) const FS_TREE: u64 = 5;
/// `BTRFS_FIRST_FREE_OBJECTID` and `BTRFS_LAST_FREE_OBJECTID` (-256): the numbers of other subvolumes.
const OTHERS: std::ops::RangeInclusive<u64> = 256..=u64::MAX - 255;
/// An inode number has so many bits of a [`Node`], the place of its subvolume in [`Subvolumes`] those above.
const INODE_BITS: u32 = 48;
const MAX_SUBVOLUMES: usize = 4096;
/// A subvolume that is elsewhere or no more: an empty directory (`BTRFS_EMPTY_SUBVOL_DIR_OBJECTID`, in no subvolume).
pub(super) const STUB: Node = 2;

/// True for the number of a tree that holds files.
pub(super) fn is_one(id: u64) -> bool {
    id == FS_TREE || OTHERS.contains(&id)
}

/// What [`STUB`] is (`new_simple_dir`).
pub(super) fn stub() -> Stat {
    let kind = NodeKind::Directory;
    Stat { kind, size: 0, mode: 0o755, uid: 0, gid: 0, attributes: 0, immutable: false, append_only: false }
}

/// A tree of files.
#[derive(Clone)]
pub(super) struct Subvolume {
    pub id: u64,
    pub tree: Tree,
    /// Inode number of its root directory.
    pub dir: u64,
}

/// The tree of trees, and those trees whose logs were replayed.
pub(super) struct Roots {
    pub tree: Tree,
    pub replayed: BTreeMap<u64, Tree>,
}

impl Roots {
    /// The subvolume that is mounted unless another is asked for (`get_default_subvol_objectid`).
    pub(super) fn default(&self, nodes: &Nodes, superblock: &Superblock) -> Result<Subvolume> {
        let key = Key::new(superblock.root_dir, DIR_ITEM, name_hash(b"default"));
        let named = match nodes.item(&self.tree, key)? {
            Some(item) => entries(&item.data, item.at)?.into_iter().find(|entry| entry.name == b"default"),
            None => None,
        };
        let id = named.map_or(FS_TREE, |entry| entry.location.objectid);
        self.find(nodes, id)?
            .ok_or_else(|| Error::corrupt(LAYER, superblock.at, format!("there is no subvolume {id}, the default")))
    }

    /// Subvolume `id`, unless it is deleted or was never there.
    pub(super) fn find(&self, nodes: &Nodes, id: u64) -> Result<Option<Subvolume>> {
        let Some(item) = nodes.last(&self.tree, &Key::all(id, ROOT_ITEM))? else { return Ok(None) };
        let raw = item.data.as_slice();
        let is_deleted = u32_le(LAYER, raw, 216)? == 0;
        let dir = u64_le(LAYER, raw, 168)?;
        let tree = match self.replayed.get(&id) {
            Some(replayed) => replayed.clone(),
            None => root(&item)?.into(),
        };
        Ok((!is_deleted).then_some(Subvolume { id, tree, dir }))
    }

    /// The subvolume that `entry` of directory `dir` in `above` leads to: only if that is where it is
    /// (`fixup_tree_root_location`). A snapshot repeats the entries of what it was taken of, without what they lead to.
    pub(super) fn below(&self, nodes: &Nodes, above: u64, dir: u64, entry: &Entry) -> Result<Option<Subvolume>> {
        let id = entry.location.objectid;
        let Some(back) = nodes.item(&self.tree, Key::new(above, ROOT_REF, id))? else { return Ok(None) };
        // `struct btrfs_root_ref`: directory, sequence, length of the name, name.
        let name = back.data.get(18..).unwrap_or_default();
        if u64_le(LAYER, &back.data, 0)? != dir || name != entry.name {
            return Ok(None);
        }
        self.find(nodes, id)
    }
}

/// Where a tree begins, by its item (`struct btrfs_root_item`, which begins with an inode of 160 bytes).
pub(super) fn root(item: &Found) -> Result<Pointer> {
    let raw = item.data.as_slice();
    let long = |at: usize| u64_le(LAYER, raw, at).map_err(|error| error.at(item.at));
    let level = range(LAYER, raw, 238, 1)?.first().copied().unwrap_or_default();
    if level >= MAX_LEVEL {
        return Err(Error::corrupt(LAYER, item.at, "a tree of too many levels"));
    }
    Ok(Pointer { logical: long(176)?, generation: long(160)?, level })
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
            known.push(of.clone());
        }
        let number = place.map_or(known.len(), |place| place.saturating_add(1));
        Ok(to_u64(number) << INODE_BITS | inode)
    }

    /// True for the root directory of a subvolume.
    pub(super) fn is_root(&self, node: Node) -> Result<bool> {
        self.place(node).map(|(subvolume, inode)| inode == subvolume.dir)
    }

    /// The subvolume and inode number of a node.
    pub(super) fn place(&self, node: Node) -> Result<(Subvolume, u64)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(node >> INODE_BITS).ok().and_then(|number| number.checked_sub(1));
        match place.and_then(|place| known.get(place)) {
            Some(subvolume) => Ok((subvolume.clone(), node & !(u64::MAX << INODE_BITS))),
            None => Err(Error::corrupt(LAYER, 0, format!("there is no node {node}"))),
        }
    }
}
