//! UFS1 and UFS2, the filesystems of FreeBSD, in little-endian byte order.
//!
//! Layout after FreeBSD's sys/ufs. One that was not left cleanly is read as it is, as FreeBSD itself mounts it
//! read-only: soft updates keep what is on disk consistent but for space and links not yet given back, and their
//! journal (SU+J) tells only which those are. Nothing is verified by check hashes.

mod directory;
mod inode;
mod map;
mod superblock;
#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::recent::Recent;
use super::{DirEntry, Entries, FileSystem, FileSystemFormat, Node, NodeKind, Stat, Usage};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::{Sign, SignKind};

use inode::Inode;
use superblock::Superblock;

const LAYER: &str = "ufs";

/// `UFS_ROOTINO`.
const ROOT: Node = 2;
/// No link can be longer: `MAXPATHLEN` is 1024 there, 4096 elsewhere.
const MAX_LINK: u64 = 4096;
/// Blocks of inodes and addresses kept at hand: at most 2 MiB.
const KEPT: usize = 32;

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["ufs"], open };

fn open(volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    let superblock = Superblock::read(volume.as_ref())?;
    Ok(Arc::new(Ufs { disk: volume, superblock, recent: Recent::new(KEPT) }))
}

/// An opened filesystem.
struct Ufs {
    disk: Arc<dyn ReadAt>,
    superblock: Superblock,
    recent: Recent<Vec<u8>>,
}

impl Ufs {
    /// Refuses bytes that are not in the filesystem, which an address at byte `said_at` leads to.
    fn check(&self, at: u64, len: u64, said_at: u64) -> Result<()> {
        if at.checked_add(len).is_some_and(|end| end <= self.superblock.bytes) {
            return Ok(());
        }
        Err(Error::corrupt(LAYER, said_at, format!("{len} bytes at {at:#x} are not in the filesystem")))
    }

    /// A block of inodes or addresses at byte `at`, which byte `said_at` leads to.
    fn metadata(&self, at: u64, said_at: u64) -> Result<Arc<Vec<u8>>> {
        self.check(at, self.superblock.block, said_at)?;
        let len = to_usize(LAYER, self.superblock.block)?;
        self.recent.get(at, || self.disk.read_vec_at(at, len))
    }

    /// The bytes `wanted` of a file's content; the allocation is their number.
    fn bytes(&self, inode: &Inode, wanted: Range<u64>) -> Result<Vec<u8>> {
        if inode.is_snapshot() {
            return Err(Error::unsupported(LAYER, "the content of a snapshot").at(inode.at));
        }
        let mut content = vec![0; to_usize(LAYER, wanted.end.saturating_sub(wanted.start))?];
        for run in map::runs(self, inode, wanted.clone())? {
            let from = to_usize(LAYER, run.logical.saturating_sub(wanted.start))?;
            let to = from.saturating_add(to_usize(LAYER, run.len)?);
            let Some(part) = content.get_mut(from..to) else { continue };
            self.disk.read_exact_at(part, run.physical)?;
        }
        Ok(content)
    }
}

impl FileSystem for Ufs {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        inode::read(self, node)?.stat()
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        let found = directory::walk(self, &inode::read(self, dir)?, |entry| {
            if entry.is_named(name) { ControlFlow::Break(entry.node) } else { ControlFlow::Continue(()) }
        })?;
        found.ok_or_else(|| Error::not_found(LAYER, "no such name"))
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        let mut entries = Entries::new(max);
        let over = directory::walk(self, &inode::read(self, dir)?, |entry| {
            if entry.is_dots() {
                return ControlFlow::Continue(());
            }
            entries.push(DirEntry { name: entry.text().into_owned(), node: entry.node })
        })?;
        entries.end(LAYER, over)
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let inode = inode::read(self, file)?;
        if inode.kind()? != NodeKind::File {
            return Err(Error::not_found(LAYER, "not a regular file").at(inode.at));
        }
        let end = at.saturating_add(to_u64(len)).min(inode.size);
        if at >= end {
            return Ok(Vec::new());
        }
        self.bytes(&inode, at..end)
    }

    fn read_link(&self, link: Node) -> Result<String> {
        let inode = inode::read(self, link)?;
        if inode.kind()? != NodeKind::Link {
            return Err(Error::not_found(LAYER, "not a symbolic link").at(inode.at));
        }
        if inode.size == 0 || inode.size > MAX_LINK {
            return Err(Error::corrupt(LAYER, inode.at, format!("a symbolic link of {} bytes", inode.size)));
        }
        let target = match inode.fast_link(self.superblock.max_fast_link) {
            Some(target) => target.to_vec(),
            None => self.bytes(&inode, 0..inode.size)?,
        };
        let target = target.split(|b| *b == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(target).into_owned())
    }

    fn usage(&self) -> Result<Usage> {
        Ok(self.superblock.usage.clone())
    }

    fn signs(&self) -> Result<Vec<Sign>> {
        let Superblock { at, clean, flags, .. } = self.superblock;
        let mut signs = Vec::new();
        let mut note = |field: u64, value: String| {
            signs.push(Sign { kind: SignKind::Dirty, at: at.saturating_add(field), value });
        };
        if !clean {
            let journal = flags & superblock::SOFT_UPDATES_JOURNAL != 0;
            let journal = if journal { ", and its soft-updates journal was not replayed" } else { "" };
            note(209, format!("fs_clean is 0{journal}"));
        }
        if flags & (superblock::UNCLEAN | superblock::NEEDS_FSCK) != 0 {
            note(1312, format!("fs_flags are {flags:#x}"));
        }
        Ok(signs)
    }
}
