//! The log: what was synced after the last commit (fs/btrfs/tree-log.c).
//!
//! `fsync` copies the items of what is synced to a tree of its own, one for each subvolume, and ranges of directories in
//! which nothing else is left. What the kernel does with them at mount is done here too, to trees in memory: names that
//! are gone are taken out, inodes copied, then names put in and contents exchanged. Nothing is done to what only a writer
//! or nobody sees here: link counts, inodes without a name, attributes, the trees of extents and of checksums.
//!
//! Where the kernel would give up, or where what is found is not what it writes, the filesystem is refused.

mod extents;
mod items;
mod names;
mod references;
mod replay;

use std::ops::ControlFlow;

use super::LAYER;
use super::changes::Tree;
use super::key::{Key, ROOT_ITEM};
use super::node::Pointer;
use super::nodes::Nodes;
use super::subvolume::{self, Roots};
use super::superblock::Superblock;
use super::tree::Found;
use crate::disk::{Error, Result};

use items::Log;
use replay::Replay;

/// `BTRFS_TREE_LOG_OBJECTID` (-6)
const LOG_TREE: u64 = u64::MAX - 5;
/// Most subvolumes that have one.
const MAX_LOGS: usize = 256;

/// A subvolume whose log was replayed.
pub(super) struct Replayed {
    pub subvolume: u64,
    /// Its tree after that.
    pub tree: Tree,
    /// The log, for the checksums in it.
    pub log: Tree,
}

/// Replays the logs that the tree at `log_root` lists (`btrfs_recover_log_trees`).
pub(super) fn replay(
    nodes: &Nodes,
    superblock: &Superblock,
    roots: &Roots,
    log_root: Pointer,
) -> Result<Vec<Replayed>> {
    let mut logs = Vec::new();
    nodes.walk::<()>(&log_root.into(), Key::all(LOG_TREE, ROOT_ITEM), &mut |item| {
        if logs.len() >= MAX_LOGS {
            return Err(Error::limit(LAYER, format!("log trees of more than {MAX_LOGS} subvolumes")));
        }
        logs.push(Found { key: item.key, data: item.data.to_vec(), at: item.at });
        Ok(ControlFlow::Continue(()))
    })?;
    let mut replayed = Vec::new();
    for found in logs {
        let id = found.key.offset;
        if !subvolume::is_one(id) {
            return Err(refused(found.at, &format!("of tree {id}, which holds no files")));
        }
        // A subvolume that was deleted needs none.
        let Some(subvolume) = roots.find(nodes, id)? else { continue };
        let log = Tree::from(subvolume::root(&found)?);
        let items = Log::read(nodes, &log)?;
        let tree = Replay::new(nodes, superblock, &items, subvolume.tree).run()?;
        replayed.push(Replayed { subvolume: id, tree, log });
    }
    Ok(replayed)
}

/// A log that is not as the kernel writes it, or that it would not replay either.
fn refused(at: u64, what: &str) -> Error {
    Error::unsupported(LAYER, format!("a log tree that cannot be replayed: {what}")).at(at)
}
