//! Directories: entries in pieces of 512 bytes, which none of them crosses (FreeBSD, sys/ufs/ufs/dir.h).

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::super::{Node, NodeKind};
use super::inode::Inode;
use super::{LAYER, Ufs};
use crate::disk::bytes::{array, range, to_usize, u16_le, u32_le};
use crate::disk::{Error, Result};

/// `DIRBLKSIZ`.
const PIECE: u64 = 512;
/// The most of a directory that is read: about a million entries.
const MAX_BYTES: u64 = 64 << 20;
/// Read at once.
const CHUNK: u64 = 256 << 10;
/// Fields of an entry before its name.
const HEADER: usize = 8;
/// `UFS_WINO`: the entry hides a name of the layer below (a union mount).
const WHITEOUT: Node = 1;

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

    /// The name to show.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name)
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name.as_bytes() || self.text() == name
    }
}

/// Shows every entry to `visit` until it breaks, and gives what it broke with.
pub(super) fn walk<B>(ufs: &Ufs, dir: &Inode, mut visit: impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    if dir.kind()? != NodeKind::Directory {
        return Err(Error::not_found(LAYER, "not a directory").at(dir.at));
    }
    let size = dir.size.min(MAX_BYTES);
    let mut start = 0_u64;
    while start < size {
        let end = start.saturating_add(CHUNK).min(size.next_multiple_of(PIECE));
        let raw = ufs.bytes(dir, start..end)?;
        for piece in raw.chunks(to_usize(LAYER, PIECE)?) {
            if let ControlFlow::Break(found) = walk_piece(ufs, piece, dir.at, &mut visit)? {
                return Ok(Some(found));
            }
        }
        start = end;
    }
    if dir.size > MAX_BYTES {
        return Err(Error::limit(LAYER, format!("a directory of {} bytes, {MAX_BYTES} were read", dir.size)));
    }
    Ok(None)
}

/// One piece of the directory whose inode is at byte `at`.
fn walk_piece<B>(
    ufs: &Ufs,
    mut rest: &[u8],
    at: u64,
    visit: &mut impl FnMut(&Entry) -> ControlFlow<B>,
) -> Result<ControlFlow<B>> {
    while !rest.is_empty() {
        let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
        // What FreeBSD calls mangled (`ufs_lookup`, `ufs_dirbadentry`).
        if rest.len() < HEADER {
            return Err(corrupt("an entry of the directory is cut short"));
        }
        let len = usize::from(u16_le(LAYER, rest, 4)?);
        let [kind, name_len] = array(LAYER, rest, 6)?;
        // 4.2BSD had a name's length in 16 bits there, of which this is the lower half.
        let name_len = if ufs.superblock.max_fast_link == 0 { kind } else { name_len };
        let fits = HEADER.saturating_add(name_len.into()) <= len && len <= rest.len();
        if len < HEADER || !len.is_multiple_of(4) || !fits {
            return Err(corrupt("an entry of the directory has an impossible length"));
        }
        let node = Node::from(u32_le(LAYER, rest, 0)?);
        let name = range(LAYER, rest, HEADER, name_len.into())?;
        rest = rest.get(len..).unwrap_or_default();
        if node == 0 || node == WHITEOUT {
            continue;
        }
        if name.is_empty() || name.contains(&b'/') || name.contains(&0) {
            return Err(corrupt("an entry of the directory has an impossible name"));
        }
        if let ControlFlow::Break(found) = visit(&Entry { node, name }) {
            return Ok(ControlFlow::Break(found));
        }
    }
    Ok(ControlFlow::Continue(()))
}
