//! Directories (xfs_da_format.h). Short ones are in the inode. Longer ones have a space of three parts, addressed like
//! a file: blocks of entries, from 32 GiB on an index of hashes, from 64 GiB on an index of free room.

mod block;
mod hash;
mod index;
mod short;

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::inode::{Format, Inode};
use super::{LAYER, Xfs};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::filesystem::{Node, NodeKind};
use crate::disk::{Error, Result};

/// The most of a directory that is read: about a million entries.
const MAX_BYTES: u64 = 64 << 20;
/// Read at once.
const CHUNK: u64 = 256 << 10;
/// A directory that is not larger is searched without its index: reading it is one request.
const SMALL: u64 = 64 << 10;

/// An entry in use.
pub(super) struct Entry<'a> {
    pub node: Node,
    name: &'a [u8],
}

impl<'a> Entry<'a> {
    /// An entry at byte `at`, refused where the kernel refuses it too (`xfs_dir2_namecheck`, `xfs_dir_ino_validate`).
    fn new(xfs: &Xfs, node: Node, name: &'a [u8], at: u64) -> Result<Self> {
        if name.is_empty() || name.contains(&b'/') || name.contains(&0) {
            return Err(Error::corrupt(LAYER, at, "a directory entry has an impossible name"));
        }
        xfs.superblock
            .inode_at(node)
            .map_err(|_| Error::corrupt(LAYER, at, "a directory entry names an inode that does not exist"))?;
        Ok(Self { node, name })
    }

    /// `.` or `..`.
    pub(super) fn is_dots(&self) -> bool {
        matches!(self.name, b"." | b"..")
    }

    /// The name as [`list`](crate::disk::filesystem::FileSystem::list) shows it.
    pub(super) fn text(&self) -> String {
        self.lossy().into_owned()
    }

    fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name)
    }

    fn is_named(&self, name: &str, ascii_ci: bool) -> bool {
        self.name == name.as_bytes()
            || self.lossy() == name
            || ascii_ci && self.name.iter().copied().map(hash::fold).eq(name.bytes().map(hash::fold))
    }
}

/// Shows every entry to `visit` until it breaks, and gives what it broke with.
pub(super) fn walk<B>(xfs: &Xfs, dir: &Inode, visit: &mut impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    if dir.kind()? != NodeKind::Directory {
        return Err(Error::not_found(LAYER, "not a directory").at(dir.at));
    }
    if dir.format == Format::Local {
        return short::walk(xfs, dir, visit);
    }
    let unit = xfs.superblock.directory_block_size;
    let blocks = dir.size.min(MAX_BYTES).div_ceil(unit);
    let step = CHUNK.checked_div(unit).unwrap_or(1).max(1);
    let mut first = 0_u64;
    while first < blocks {
        let count = step.min(blocks.saturating_sub(first));
        for block in block::read(xfs, dir, first, count)? {
            if let ControlFlow::Break(found) = block.walk(xfs, visit)? {
                return Ok(Some(found));
            }
        }
        first = first.saturating_add(count);
    }
    if dir.size > MAX_BYTES {
        return Err(Error::limit(LAYER, format!("a directory of {} bytes, {MAX_BYTES} were read", dir.size)));
    }
    Ok(None)
}

/// The node called `name`. Names that ignore case, or that were shown lossily, have another hash than what is stored.
pub(super) fn lookup(xfs: &Xfs, dir: &Inode, name: &str) -> Result<Option<Node>> {
    let ascii_ci = xfs.superblock.features.ascii_ci;
    let indexed = dir.kind()? == NodeKind::Directory && dir.format != Format::Local && dir.size > SMALL;
    if indexed && !ascii_ci && !name.contains(char::REPLACEMENT_CHARACTER) {
        return index::lookup(xfs, dir, name);
    }
    walk(xfs, dir, &mut |entry| {
        if entry.is_named(name, ascii_ci) { ControlFlow::Break(entry.node) } else { ControlFlow::Continue(()) }
    })
}

/// The bytes of directory blocks, `count` from `first` on, and where on the volume each begins; `None` for holes.
fn read_blocks(xfs: &Xfs, dir: &Inode, first: u64, count: u64) -> Result<(Vec<u8>, Vec<Option<u64>>)> {
    let (unit, size) = (xfs.superblock.directory_block_size, xfs.superblock.block_size);
    let start = first.saturating_mul(unit);
    let len = count.saturating_mul(unit);
    let mut bytes = vec![0; to_usize(LAYER, len)?];
    let mut found = vec![(None, 0_u64); to_usize(LAYER, count)?];
    let from = start.checked_div(size).unwrap_or_default();
    let to = start.saturating_add(len).checked_div(size).unwrap_or_default();
    for run in xfs.runs(dir, from..to)? {
        let place = run.logical.saturating_mul(size).saturating_sub(start);
        let end = place.saturating_add(run.len.saturating_mul(size));
        if let Some(part) = bytes.get_mut(to_usize(LAYER, place)?..to_usize(LAYER, end)?) {
            xfs.blocks.read_bytes(part, run.at)?;
        }
        for block in 0..run.len {
            let at = block.saturating_mul(size);
            let slot = place.saturating_add(at).checked_div(unit).unwrap_or_default();
            if let Some((first, mapped)) = found.get_mut(to_usize(LAYER, slot)?) {
                first.get_or_insert(run.at.saturating_add(at));
                *mapped = mapped.saturating_add(size);
            }
        }
    }
    let places = found.into_iter().map(|(at, mapped)| match at {
        Some(at) if mapped < unit => Err(Error::corrupt(LAYER, at, "a directory block with a hole in it")),
        at => Ok(at),
    });
    Ok((bytes, places.collect::<Result<_>>()?))
}

/// Bytes of a directory's blocks as offset of the directory.
fn unit(xfs: &Xfs) -> Result<usize> {
    to_usize(LAYER, xfs.superblock.directory_block_size)
}

/// Byte `within` of a structure at `at`.
fn offset(at: u64, within: usize) -> u64 {
    at.saturating_add(to_u64(within))
}
