//! The replay of one subvolume's log: inodes first, then what is in directories, then names of inodes and contents.

use std::cell::Cell;
use std::ops::{ControlFlow, RangeInclusive};

use super::super::LAYER;
use super::super::changes::Tree;
use super::super::key::{DIR_INDEX, EXTENT_DATA, INODE_EXTREF, INODE_ITEM, INODE_REF, Key};
use super::super::nodes::Nodes;
use super::super::superblock::Superblock;
use super::super::tree::Found;
use super::items::Log;
use super::refused;
use crate::disk::bytes::{u32_le, u64_le};
use crate::disk::filesystem::NodeKind;
use crate::disk::{Error, Result};

/// Items that may be looked at while one log is replayed: names in directories, runs of files.
const MAX_LOOKS: usize = 1 << 22;
/// Where in an inode its size is.
const SIZE: std::ops::Range<usize> = 16..24;

/// A replay under way.
pub(super) struct Replay<'a> {
    pub nodes: &'a Nodes,
    pub superblock: &'a Superblock,
    pub log: &'a Log,
    /// The subvolume's tree, as far as it is changed.
    pub tree: Tree,
    looks_left: Cell<usize>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(nodes: &'a Nodes, superblock: &'a Superblock, log: &'a Log, tree: Tree) -> Self {
        Self { nodes, superblock, log, tree, looks_left: Cell::new(MAX_LOOKS) }
    }

    /// The tree after all of the log (`replay_one_buffer`, in the order of its stages).
    pub(super) fn run(mut self) -> Result<Tree> {
        for item in self.log.all().filter(|item| item.key.kind == INODE_ITEM) {
            self.inode(item)?;
        }
        for item in self.log.all().filter(|item| item.key.kind == DIR_INDEX) {
            self.entry(item)?;
        }
        for item in self.log.all() {
            match item.key.kind {
                INODE_REF | INODE_EXTREF => self.references(item)?,
                EXTENT_DATA => self.extent(item)?,
                _ => {}
            }
        }
        Ok(self.tree)
    }

    /// Copies an inode (`overwrite_item`), without what it no longer has.
    fn inode(&mut self, logged: &Found) -> Result<()> {
        let kind = kind(logged)?;
        if kind == NodeKind::Directory {
            self.delete_entries(logged.key.objectid)?;
        }
        let mut found = Found { key: logged.key, data: logged.data.clone(), at: logged.at };
        match self.get(logged.key)? {
            Some(held) => {
                let is_alike = self::kind(&held)? == kind;
                let sizes = (size(&held)?, size(logged)?);
                // Of generation 0 where all that was logged is that it exists.
                if u64_le(LAYER, &logged.data, 0)? == 0 {
                    found = held;
                    if is_alike && kind == NodeKind::File && sizes.1 != 0 {
                        set_size(&mut found, sizes.1);
                    }
                } else if is_alike && kind == NodeKind::Directory {
                    set_size(&mut found, sizes.0);
                }
            }
            None if kind == NodeKind::Directory => set_size(&mut found, 0),
            None => {}
        }
        let end = size(&found)?.checked_next_multiple_of(self.superblock.sector_size);
        self.tree.put(found)?;
        if kind == NodeKind::File {
            let end = end.ok_or_else(|| refused(logged.at, "a file of nearly 2^64 bytes"))?;
            self.drop_extents(logged, end, u64::MAX)?;
        }
        Ok(())
    }

    /// Changes the size of a directory, which counts its names twice.
    pub(super) fn resize(&mut self, dir: u64, change: impl FnOnce(u64) -> u64) -> Result<()> {
        if let Some(mut inode) = self.get(Key::new(dir, INODE_ITEM, 0))? {
            let size = change(size(&inode)?);
            set_size(&mut inode, size);
            self.tree.put(inode)?;
        }
        Ok(())
    }

    /// The inode's kind, if the subvolume has it.
    pub(super) fn kind_of(&self, inode: u64) -> Result<Option<u32>> {
        let found = self.get(Key::new(inode, INODE_ITEM, 0))?;
        found.map(|found| u32_le(LAYER, &found.data, 52)).transpose()
    }

    /// The item of one key in the tree as it is now.
    pub(super) fn get(&self, key: Key) -> Result<Option<Found>> {
        self.nodes.item(&self.tree, key)
    }

    /// The items in `keys` in the tree as it is now.
    pub(super) fn collect(&self, keys: RangeInclusive<Key>) -> Result<Vec<Found>> {
        let mut items = Vec::new();
        self.nodes.walk::<()>(&self.tree, keys, &mut |item| {
            let left = self.looks_left.get().checked_sub(1);
            self.looks_left.set(left.ok_or_else(|| {
                Error::limit(LAYER, format!("a log tree that is laid over more than {MAX_LOOKS} items"))
            })?);
            items.push(Found { key: item.key, data: item.data.to_vec(), at: item.at });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(items)
    }
}

fn kind(inode: &Found) -> Result<NodeKind> {
    let mode = u32_le(LAYER, &inode.data, 52).map_err(|error| error.at(inode.at))?;
    NodeKind::of_mode(mode).ok_or_else(|| refused(inode.at, &format!("an inode of mode {mode:#o}")))
}

fn size(inode: &Found) -> Result<u64> {
    u64_le(LAYER, &inode.data, SIZE.start)
}

fn set_size(inode: &mut Found, size: u64) {
    if let Some(field) = inode.data.get_mut(SIZE) {
        field.copy_from_slice(&size.to_le_bytes());
    }
}
