//! btrfs on one device, as it is when it is next mounted, its default subvolume as root.
//!
//! Layout after the Linux kernel's include/uapi/linux/btrfs_tree.h and fs/btrfs; names of fields are theirs. Everything
//! is verified by checksum, as there, and read from a second copy where the first is damaged. What was synced after the
//! last commit is in a log and laid over the rest. Of a filesystem on several devices, what this one holds whole copies
//! of is read.

mod changes;
mod checksum;
mod chunk;
mod compression;
mod content;
mod data;
mod directory;
mod extent;
mod features;
mod inode;
mod key;
mod log;
mod node;
mod nodes;
mod reference;
mod subvolume;
mod superblock;
#[cfg(test)]
pub(crate) mod tests;
mod tree;

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Deref};
use std::sync::Arc;

use super::{DirEntry, Entries, FileSystem, FileSystemFormat, Node, NodeKind, PAGE, Stat, Usage};
use crate::disk::bytes::to_usize;
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::{Sign, SignKind};

use changes::Tree;
use chunk::Chunks;
use content::Contents;
use data::Sums;
use directory::Entry;
use inode::Inode;
use key::{CHUNK_ITEM, Key, ROOT_ITEM};
use nodes::Nodes;
use subvolume::{Roots, STUB, Subvolumes};
use superblock::Superblock;

const LAYER: &str = "btrfs";

/// Linux: `PATH_MAX`. No link can be longer.
const MAX_LINK: u64 = 4096;

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["btrfs"], open };

fn open(volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    Ok(Arc::new(Btrfs::open(volume)?))
}

/// A filesystem, seen from the root of one of its subvolumes.
struct Btrfs {
    opened: Arc<Opened>,
    root: Node,
}

/// An opened filesystem.
struct Opened {
    superblock: Superblock,
    nodes: Nodes,
    roots: Roots,
    contents: Contents,
    subvolumes: Subvolumes,
}

impl Deref for Btrfs {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        &self.opened
    }
}

impl Btrfs {
    fn open(volume: Arc<dyn ReadAt>) -> Result<Self> {
        let superblock = superblock::read(volume.as_ref())?;
        let mut nodes = Nodes::new(volume, &superblock, Chunks::system(&superblock)?);
        let mut chunks = Chunks::system(&superblock)?;
        nodes.walk::<()>(&superblock.chunk_root, Key::all(chunk::CHUNKS, CHUNK_ITEM), &mut |item| {
            chunks.insert(item.key, item.data, item.at)?;
            Ok(ControlFlow::Continue(()))
        })?;
        nodes.chunks = chunks;

        let mut roots = Roots { tree: superblock.root.clone(), replayed: BTreeMap::new() };
        let mut sums: Vec<Tree> = roots.find(&nodes, data::CSUM_TREE)?.map(|tree| tree.tree).into_iter().collect();
        if let Some(log_root) = superblock.log_root {
            for replayed in log::replay(&nodes, &superblock, &roots, log_root)? {
                roots.replayed.insert(replayed.subvolume, replayed.tree);
                sums.push(replayed.log);
            }
        }
        let default = roots.default(&nodes, &superblock)?;
        let (checksum, sector_size) = (superblock.checksum, superblock.sector_size);
        let contents = Contents::new(Sums { trees: sums, checksum, sector_size });
        let subvolumes = Subvolumes::default();
        let root = subvolumes.node(&default, default.dir)?;
        let opened = Arc::new(Opened { superblock, nodes, roots, contents, subvolumes });
        Ok(Self { opened, root })
    }
}

impl Opened {
    fn inode(&self, node: Node) -> Result<Inode> {
        let (subvolume, number) = self.subvolumes.place(node)?;
        Inode::read(&self.nodes, subvolume, number)
    }

    fn directory(&self, node: Node) -> Result<Inode> {
        let inode = self.inode(node)?;
        inode.check_is(NodeKind::Directory, "a directory")?;
        Ok(inode)
    }

    /// The root directory of a subvolume.
    fn root_of(&self, id: u64) -> Result<Node> {
        let found = if subvolume::is_one(id) { self.roots.find(&self.nodes, id)? } else { None };
        let found = found.ok_or_else(|| Error::not_found(LAYER, "no such subvolume"))?;
        self.subvolumes.node(&found, found.dir)
    }

    /// Where an entry of `dir` leads to.
    fn node(&self, dir: &Inode, entry: &Entry) -> Result<Node> {
        match entry.location.kind {
            key::INODE_ITEM => self.subvolumes.node(&dir.subvolume, entry.location.objectid),
            ROOT_ITEM => match self.roots.below(&self.nodes, dir.subvolume.id, dir.number, entry)? {
                Some(below) => self.subvolumes.node(&below, below.dir),
                None => Ok(STUB),
            },
            kind => Err(Error::corrupt(LAYER, dir.at, format!("an entry that leads to an item of kind {kind}"))),
        }
    }
}

impl FileSystem for Btrfs {
    fn root(&self) -> Node {
        self.root
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        if node == STUB {
            return Ok(subvolume::stub());
        }
        Ok(self.inode(node)?.stat())
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        let absent = || Error::not_found(LAYER, "no such name");
        if dir == STUB {
            return Err(absent());
        }
        let dir = self.directory(dir)?;
        let entry = directory::find(&self.nodes, &dir, name)?.ok_or_else(absent)?;
        self.node(&dir, &entry)
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        if dir == STUB {
            return Ok(Vec::new());
        }
        let dir = self.directory(dir)?;
        let mut found = Entries::new(max);
        let over = directory::walk(&self.nodes, &dir, |entry| found.push(entry))?;
        let found = found.end(LAYER, over)?;
        found.iter().map(|entry| Ok(DirEntry { name: entry.text(), node: self.node(&dir, entry)? })).collect()
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let inode = self.inode(file)?;
        inode.check_is(NodeKind::File, "a regular file")?;
        self.contents.read(&self.nodes, &inode, at, len)
    }

    fn read_link(&self, link: Node) -> Result<String> {
        let inode = self.inode(link)?;
        inode.check_is(NodeKind::Link, "a symbolic link")?;
        if inode.size == 0 || inode.size > MAX_LINK {
            return Err(Error::corrupt(LAYER, inode.at, format!("a symbolic link of {} bytes", inode.size)));
        }
        let target = self.contents.read(&self.nodes, &inode, 0, to_usize(LAYER, inode.size)?)?;
        let target = target.split(|b| *b == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(target).into_owned())
    }

    fn usage(&self) -> Result<Usage> {
        Ok(self.superblock.usage.clone())
    }

    fn subvolume(&self, which: &super::Subvolume) -> Result<Arc<dyn FileSystem>> {
        let root = match which {
            super::Subvolume::Id(0) => self.root_of(subvolume::FS_TREE)?,
            super::Subvolume::Id(id) => self.root_of(*id)?,
            super::Subvolume::Path(path) => {
                let mut root = self.root_of(subvolume::FS_TREE)?;
                for name in path.split('/').filter(|name| !name.is_empty()) {
                    root = self.lookup(root, name)?;
                }
                root
            }
        };
        // A directory within one is none, nor is the place of one that is elsewhere.
        if root == STUB || !self.subvolumes.is_root(root)? {
            return Err(Error::not_found(LAYER, "not a subvolume"));
        }
        Ok(Arc::new(Self { opened: Arc::clone(&self.opened), root }))
    }

    fn signs(&self) -> Result<Vec<Sign>> {
        let mut signs = Vec::new();
        if self.superblock.log_root.is_some() {
            let value = format!("what was synced since the last commit, of {} subvolumes", self.roots.replayed.len());
            signs.push(Sign { kind: SignKind::LogNeedsReplay, at: self.superblock.at.saturating_add(0x60), value });
        }
        if self.superblock.sector_size > PAGE {
            let value = format!("sectors of {} bytes", self.superblock.sector_size);
            signs.push(Sign { kind: SignKind::LargeBlocks, at: self.superblock.at.saturating_add(0x90), value });
        }
        if self.superblock.at != superblock::PRIMARY {
            let value = format!("primary superblock, read from the mirror at {:#x}", self.superblock.at);
            signs.push(Sign { kind: SignKind::ChecksumMismatch, at: superblock::PRIMARY, value });
        }
        if self.superblock.flags & features::FLAG_ERROR != 0 {
            let value = format!("flags {:#x}", self.superblock.flags);
            signs.push(Sign { kind: SignKind::Errors, at: self.superblock.at.saturating_add(0x38), value });
        }
        Ok(signs)
    }
}
