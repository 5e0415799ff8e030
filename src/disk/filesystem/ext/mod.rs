//! ext2, ext3, ext4: one reader, as the kernel's ext4 driver reads all three.
//!
//! Layout after the Linux kernel's Documentation/filesystems/ext4 and fs/ext4/ext4.h; names of fields are theirs.
//! A filesystem that was not unmounted is read as the guest will find it: its journal is replayed in memory. Checksums
//! are verified of the superblock, of inodes and of the journal: what the kernel refuses for one is `Corrupt`.

mod blocks;
mod casefold;
mod changes;
mod checksum;
mod directory;
mod extents;
mod features;
mod groups;
mod indirect;
mod inline;
mod inode;
mod journal;
mod map;
mod ranges;
mod signs;
mod superblock;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{DirEntry, Entries, FileSystem, FileSystemFormat, Node, NodeKind, Stat, Usage};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result};

use crate::inspect::facts::Sign;
use blocks::Blocks;
use changes::Changes;
use inode::Inode;
use superblock::Superblock;

const LAYER: &str = "ext4";

/// `EXT4_ROOT_INO`.
const ROOT: Node = 2;
/// Linux: `PATH_MAX`. No link can be longer.
const MAX_LINK: u64 = 4096;

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["ext2", "ext3", "ext4"], open };

fn open(volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    Ok(Arc::new(Ext::open(volume)?))
}

/// An opened filesystem.
struct Ext {
    /// As it was found.
    found: Superblock,
    /// After the replay of the journal; the same where there is nothing to replay.
    superblock: Superblock,
    blocks: Blocks,
    changes: Changes,
    /// Transactions that were replayed, and what fast commits noted after them.
    replayed: (u32, usize),
}

impl Ext {
    fn open(volume: Arc<dyn ReadAt>) -> Result<Self> {
        let found = Superblock::read(volume.as_ref())?;
        let replayed = if found.features.needs_recovery() { journal::replay(&volume, &found)? } else { None };
        let Some(replayed) = replayed else {
            let (blocks, superblock) = (Blocks::new(volume, &found), found.clone());
            return Ok(Self { found, superblock, blocks, changes: Changes::default(), replayed: (0, 0) });
        };
        let superblock = Superblock::read_replayed(replayed.volume.as_ref())?;
        let blocks = Blocks::new(replayed.volume, &superblock);
        let counts = (replayed.transactions, replayed.fast.len());
        let mut ext = Self { found, superblock, blocks, changes: Changes::default(), replayed: counts };
        changes::apply(&mut ext, replayed.fast)?;
        Ok(ext)
    }

    fn inode(&self, node: Node) -> Result<Inode> {
        match self.changes.inode(&self.superblock, node)? {
            Some(inode) => Ok(inode),
            None => inode::read(&self.superblock, &self.blocks, node),
        }
    }

    /// Fills `buf` with the content of `inode` from `at` on; what is not mapped stays as it is.
    fn fill(&self, inode: &Inode, at: u64, buf: &mut [u8]) -> Result<()> {
        let size = self.blocks.size();
        let end = at.saturating_add(to_u64(buf.len()));
        let first = at.checked_div(size).unwrap_or_default();
        for run in map::runs(&self.blocks, inode, first..end.div_ceil(size))? {
            let run_at = run.logical.saturating_mul(size);
            let from = run_at.max(at);
            let to = run_at.saturating_add(run.len.saturating_mul(size)).min(end);
            let range = to_usize(LAYER, from.saturating_sub(at))?..to_usize(LAYER, to.saturating_sub(at))?;
            let Some(part) = buf.get_mut(range) else { continue };
            let disk_at = self.blocks.offset(run.physical).saturating_add(from.saturating_sub(run_at));
            self.blocks.read_bytes(part, disk_at)?;
        }
        Ok(())
    }

    /// Up to `len` bytes of content, fewer at the end. The allocation is at most `len`.
    fn content(&self, inode: &Inode, at: u64, len: usize) -> Result<Vec<u8>> {
        inode.check_readable()?;
        let rest = inode.size.saturating_sub(at);
        let mut buf = vec![0; to_usize(LAYER, rest.min(to_u64(len)))?];
        if buf.is_empty() {
            return Ok(buf);
        }
        if inode.has_inline_data() {
            let data = inline::content(inode)?;
            let held = data.get(to_usize(LAYER, at)?..).unwrap_or_default();
            buf.iter_mut().zip(held).for_each(|(to, from)| *to = *from);
        } else {
            self.fill(inode, at, &mut buf)?;
        }
        Ok(buf)
    }
}

impl FileSystem for Ext {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        self.inode(node)?.stat()
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        let inode = self.inode(dir)?;
        directory::find(self, &inode, name.as_bytes())?.ok_or_else(|| Error::not_found(LAYER, "no such name"))
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        let mut entries = Entries::new(max);
        let over = directory::walk(self, &self.inode(dir)?, |entry| {
            if entry.is_dots() {
                return ControlFlow::Continue(());
            }
            entries.push(DirEntry { name: entry.text(), node: entry.node })
        })?;
        entries.end(LAYER, over)
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let inode = self.inode(file)?;
        match inode.kind()? {
            NodeKind::File => self.content(&inode, at, len),
            _ => Err(Error::not_found(LAYER, "not a regular file").at(inode.at)),
        }
    }

    fn read_link(&self, link: Node) -> Result<String> {
        let inode = self.inode(link)?;
        if inode.kind()? != NodeKind::Link {
            return Err(Error::not_found(LAYER, "not a symbolic link").at(inode.at));
        }
        if inode.size == 0 || inode.size > MAX_LINK {
            return Err(Error::corrupt(LAYER, inode.at, format!("a symbolic link of {} bytes", inode.size)));
        }
        let size = to_usize(LAYER, inode.size)?;
        let target = match inode.fast_link() {
            Some(target) => target.to_vec(),
            None => self.content(&inode, 0, size)?,
        };
        let target = target.split(|b| *b == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(target).into_owned())
    }

    fn usage(&self) -> Result<Usage> {
        self.superblock.usage(&self.blocks)
    }

    fn signs(&self) -> Result<Vec<Sign>> {
        signs::signs(self)
    }
}
