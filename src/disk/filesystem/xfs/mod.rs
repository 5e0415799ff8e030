//! XFS, version 4 and 5, as Linux reads it.
//!
//! Layout after the Linux kernel's fs/xfs/libxfs (xfs_format.h, xfs_da_format.h, xfs_log_format.h) and "XFS Algorithms
//! & Data Structures"; names of fields are theirs. What version 5 has checksums for is verified where it is read. A log
//! that was left dirty is replayed in memory; see [`log`].

mod blocks;
mod checksum;
mod directory;
mod features;
mod groups;
mod inode;
mod link;
mod log;
mod map;
mod reserve;
mod superblock;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{DirEntry, Entries, FileSystem, FileSystemFormat, Node, NodeKind, PAGE, Stat, Usage};
use crate::disk::bytes::{array, to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::{Sign, SignKind};

use blocks::Blocks;
use inode::Inode;
use superblock::Superblock;

const LAYER: &str = "xfs";

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["xfs"], open };

fn open(volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    Ok(Arc::new(Xfs::open(volume)?))
}

/// An opened filesystem.
struct Xfs {
    superblock: Superblock,
    /// The volume as it is after the replay of the log.
    volume: Arc<dyn ReadAt>,
    blocks: Blocks,
    /// What the log said, where it was dirty.
    log: Option<log::Found>,
    /// Inodes whose extents the log left half moved.
    unsettled: HashSet<Node>,
}

impl Xfs {
    fn open(volume: Arc<dyn ReadAt>) -> Result<Self> {
        let superblock = Superblock::read(volume.as_ref())?;
        let Some(replayed) = log::replay(&superblock, &volume)? else {
            return Ok(Self::new(superblock, volume, None, HashSet::new()));
        };
        // The log may hold changes of the superblock itself, such as those of a filesystem that grew.
        let superblock = Superblock::read(replayed.volume.as_ref())?;
        Ok(Self::new(superblock, replayed.volume, Some(replayed.found), replayed.unsettled))
    }

    fn new(superblock: Superblock, volume: Arc<dyn ReadAt>, log: Option<log::Found>, unsettled: HashSet<Node>) -> Self {
        Self { superblock, blocks: Blocks::new(Arc::clone(&volume)), volume, log, unsettled }
    }

    fn inode(&self, node: Node) -> Result<Inode> {
        inode::read(&self.superblock, &self.blocks, node)
    }

    /// The runs of the blocks `wanted` of an inode.
    fn runs(&self, inode: &Inode, wanted: std::ops::Range<u64>) -> Result<Vec<map::Run>> {
        if self.unsettled.contains(&inode.node) {
            return Err(Error::unsupported(LAYER, "the log was left while extents of this inode moved").at(inode.at));
        }
        map::runs(&self.superblock, &self.blocks, inode, wanted)
    }

    /// Up to `len` bytes of content, fewer at the end. The allocation is at most `len`.
    fn content(&self, inode: &Inode, at: u64, len: usize) -> Result<Vec<u8>> {
        let rest = inode.size.saturating_sub(at);
        let mut buf = vec![0; to_usize(LAYER, rest.min(to_u64(len)))?];
        if buf.is_empty() {
            return Ok(buf);
        }
        let size = self.superblock.block_size;
        let end = at.saturating_add(to_u64(buf.len()));
        let first = at.checked_div(size).unwrap_or_default();
        for run in self.runs(inode, first..end.div_ceil(size))? {
            let run_at = run.logical.saturating_mul(size);
            let from = run_at.max(at);
            let to = run_at.saturating_add(run.len.saturating_mul(size)).min(end);
            let place = to_usize(LAYER, from.saturating_sub(at))?..to_usize(LAYER, to.saturating_sub(at))?;
            let Some(part) = buf.get_mut(place) else { continue };
            self.blocks.read_bytes(part, run.at.saturating_add(from.saturating_sub(run_at)))?;
        }
        Ok(buf)
    }
}

impl FileSystem for Xfs {
    fn root(&self) -> Node {
        self.superblock.root
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        self.inode(node)?.stat()
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        directory::lookup(self, &self.inode(dir)?, name)?.ok_or_else(|| Error::not_found(LAYER, "no such name"))
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        let mut entries = Entries::new(max);
        let over = directory::walk(self, &self.inode(dir)?, &mut |entry| {
            if entry.is_dots() {
                return ControlFlow::Continue(());
            }
            entries.push(DirEntry { name: entry.text(), node: entry.node })
        })?;
        entries.end(LAYER, over)
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let inode = self.inode(file)?;
        if inode.kind()? != NodeKind::File {
            return Err(Error::not_found(LAYER, "not a regular file").at(inode.at));
        }
        if inode.is_realtime() {
            return Err(Error::unsupported(LAYER, "a file on the real-time device").at(inode.at));
        }
        self.content(&inode, at, len)
    }

    fn read_link(&self, link: Node) -> Result<String> {
        let inode = self.inode(link)?;
        if inode.kind()? != NodeKind::Link {
            return Err(Error::not_found(LAYER, "not a symbolic link").at(inode.at));
        }
        let target = link::target(self, &inode)?;
        let target = target.split(|b| *b == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(target).into_owned())
    }

    /// The superblock counts what is free; while the filesystem is mounted only the groups do, which is what the
    /// kernel goes by after it replayed a log. What it keeps for itself is not free.
    fn usage(&self) -> Result<Usage> {
        let is_stale = self.log.is_some() && self.superblock.features.lazy_count;
        let free = groups::writable_blocks(&self.superblock, self.volume.as_ref(), is_stale)?;
        let size = self.superblock.block_size;
        Ok(Usage {
            total_bytes: self.superblock.blocks.saturating_mul(size),
            free_bytes: free.min(self.superblock.blocks).saturating_mul(size),
            free_inodes: None,
        })
    }

    /// The superblock, the state of the log, and the headers of the first 64 allocation groups.
    fn signs(&self) -> Result<Vec<Sign>> {
        let superblock = &self.superblock;
        let mut signs = Vec::new();
        let mut sign = |kind, at, value: String| signs.push(Sign { kind, at, value });
        if superblock.features.needs_repair {
            sign(SignKind::NeedsRepair, 216, "sb_features_incompat has NEEDSREPAIR (0x10)".to_owned());
        }
        if superblock.in_progress {
            sign(SignKind::InProgress, 126, "sb_inprogress is set".to_owned());
        }
        if !superblock.intact {
            sign(SignKind::ChecksumMismatch, 224, "the superblock does not fit its checksum".to_owned());
        }
        if superblock.realtime_blocks != 0 {
            sign(SignKind::PartElsewhere, 16, format!("a realtime section of {} blocks", superblock.realtime_blocks));
        }
        if superblock.block_size > PAGE {
            sign(SignKind::LargeBlocks, 4, format!("blocks of {} bytes", superblock.block_size));
        }
        if let Some(found) = &self.log {
            sign(SignKind::LogNeedsReplay, found.at, format!("{} blocks of 512 bytes to replay", found.blocks));
        }
        signs.extend(groups::signs(superblock, self.volume.as_ref())?);
        Ok(signs)
    }
}

/// The byte of `raw` at `at`.
fn u8_at(raw: &[u8], at: usize) -> Result<u8> {
    Ok(u8::from_be_bytes(array(LAYER, raw, at)?))
}
