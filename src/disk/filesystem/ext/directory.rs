//! Directories, read block by block (Documentation/filesystems/ext4/directory.rst). The blocks of a hash tree look
//! like blocks of unused entries, so every directory is a linear one.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::super::{Node, NodeKind};
use super::inode::{I_BLOCK, Inode};
use super::{Ext, LAYER, casefold, inline, map};
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le};
use crate::disk::{Error, Result};

/// The most of a directory that is read: about a million entries.
const MAX_BYTES: u64 = 64 << 20;
/// Read at once.
const CHUNK: u64 = 256 << 10;
/// Fields of an entry before its name, and the shortest entry: with a name of one byte, padded to four.
const HEADER: usize = 8;
const MIN_ENTRY: usize = 12;

/// An entry in use.
pub(super) struct Entry<'a> {
    pub node: Node,
    name: &'a [u8],
}

impl Entry<'_> {
    /// `.` or `..`.
    pub(super) fn is_dots(&self) -> bool {
        matches!(self.name, b"." | b"..")
    }

    /// The name as [`list`](super::FileSystem::list) shows it.
    pub(super) fn text(&self) -> String {
        self.lossy().into_owned()
    }

    fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name)
    }
}

/// The node called `name`, as the guest would find it. A name that [`list`](super::FileSystem::list) had to make
/// readable is found by that too.
///
/// # Errors
/// `Unsupported` where the directory ignores case and it takes more than is read here to tell whether a name fits.
pub(super) fn find(ext: &Ext, dir: &Inode, name: &[u8]) -> Result<Option<Node>> {
    let mut undecided = false;
    let found = walk(ext, dir, |entry| {
        if entry.name == name || entry.lossy().as_bytes() == name {
            return ControlFlow::Break(entry.node);
        }
        if dir.ignores_case() {
            match casefold::equal(entry.name, name) {
                Some(true) => return ControlFlow::Break(entry.node),
                Some(false) => {}
                None => undecided = true,
            }
        }
        ControlFlow::Continue(())
    })?;
    if found.is_none() && undecided {
        let what = "a name in a directory that ignores case, beside one of a script whose case is not read";
        return Err(Error::unsupported(LAYER, what).at(dir.at));
    }
    Ok(found)
}

/// Shows every entry to `visit` until it breaks, and gives what it broke with.
pub(super) fn walk<B>(ext: &Ext, dir: &Inode, mut visit: impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    if dir.kind()? != NodeKind::Directory {
        return Err(Error::not_found(LAYER, "not a directory").at(dir.at));
    }
    dir.check_readable()?;
    let Some(changed) = ext.changes.names(dir.number) else { return walk_volume(ext, dir, &mut visit) };
    if !changed.new {
        let mut visit = |entry: &Entry| {
            if changed.names.contains_key(entry.name) { ControlFlow::Continue(()) } else { visit(entry) }
        };
        if let Some(found) = walk_volume(ext, dir, &mut visit)? {
            return Ok(Some(found));
        }
    }
    for (name, node) in &changed.names {
        let Some(node) = *node else { continue };
        if let ControlFlow::Break(found) = visit(&Entry { node, name }) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The entries on the volume.
fn walk_volume<B>(ext: &Ext, dir: &Inode, visit: &mut impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    if dir.has_inline_data() {
        return walk_inline(ext, dir, visit);
    }
    let size = ext.blocks.size();
    let blocks = dir.size.min(MAX_BYTES).div_ceil(size);
    let step = CHUNK.checked_div(size).unwrap_or(1).max(1);
    let mut first = 0_u64;
    while first < blocks {
        let end = first.saturating_add(step).min(blocks);
        // Holes hold no entries; the kernel passes over them too.
        for run in map::runs(&ext.blocks, dir, first..end)? {
            let at = ext.blocks.offset(run.physical);
            let mut raw = vec![0; to_usize(LAYER, run.len.saturating_mul(size))?];
            ext.blocks.read_bytes(&mut raw, at)?;
            for (block, place) in raw.chunks_exact(to_usize(LAYER, size)?).zip(0_u64..) {
                let at = at.saturating_add(place.saturating_mul(size));
                if let ControlFlow::Break(found) = walk_block(ext, block, at, visit)? {
                    return Ok(Some(found));
                }
            }
        }
        first = end;
    }
    if dir.size > MAX_BYTES {
        return Err(Error::limit(LAYER, format!("a directory of {} bytes, {MAX_BYTES} were read", dir.size)));
    }
    Ok(None)
}

fn walk_inline<B>(ext: &Ext, dir: &Inode, visit: &mut impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    let content = inline::content(dir)?;
    for (area, offset) in inline::directory_areas(&content) {
        let at = dir.at.saturating_add(to_u64(I_BLOCK.saturating_add(offset)));
        if let ControlFlow::Break(found) = walk_block(ext, area, at, visit)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// One block (or inline area) at byte `at`: entries that fill it to its end.
fn walk_block<B>(
    ext: &Ext,
    block: &[u8],
    at: u64,
    visit: &mut impl FnMut(&Entry) -> ControlFlow<B>,
) -> Result<ControlFlow<B>> {
    let mut rest = block;
    while !rest.is_empty() {
        let at = at.saturating_add(to_u64(block.len().saturating_sub(rest.len())));
        let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
        if rest.len() < HEADER {
            return Err(corrupt("a directory entry is cut short"));
        }
        let len = entry_len(u16_le(LAYER, rest, 4)?, block.len());
        let name_len = usize::from(range(LAYER, rest, 6, 1)?.first().copied().unwrap_or_default());
        if len < MIN_ENTRY || !len.is_multiple_of(4) || len > rest.len() || HEADER.saturating_add(name_len) > len {
            return Err(corrupt("a directory entry of impossible length"));
        }
        let node = Node::from(u32_le(LAYER, rest, 0)?);
        let name = range(LAYER, rest, HEADER, name_len)?;
        rest = rest.get(len..).unwrap_or_default();
        if node == 0 {
            continue;
        }
        // What the kernel refuses too (`ext4_check_dir_entry`, `verify_dirent_name`).
        if node > ext.superblock.inodes_count {
            return Err(corrupt("a directory entry names an inode that does not exist"));
        }
        if name.is_empty() || name.contains(&b'/') || name.contains(&0) {
            return Err(corrupt("a directory entry has an impossible name"));
        }
        if let ControlFlow::Break(found) = visit(&Entry { node, name }) {
            return Ok(ControlFlow::Break(found));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// `ext4_rec_len_from_disk`: 16 bits are too few for blocks of 64 KiB, so the two lowest bits serve as the highest.
fn entry_len(raw: u16, block: usize) -> usize {
    let len = usize::from(raw);
    if block < 1 << 16 {
        len
    } else if len == 0 || len == 0xFFFF {
        1 << 16
    } else {
        (len & 0xFFFC) | (len & 3) << 16
    }
}
