//! Directories: a B+ tree of names, its root in the file record, its other nodes in blocks
//! (`struct INDEX_ROOT`, `INDEX_BUFFER`, `NTFS_DE` of linux/fs/ntfs3/ntfs.h).

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::ControlFlow;

use super::attribute::{INDEX_ALLOCATION, INDEX_ROOT};
use super::file::File;
use super::mft::Mft;
use super::stream::Stream;
use super::upcase::{Upcase, units};
use super::{LAYER, disk};
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le, u64_le};
use crate::disk::{Error, Result};

/// The index of names, of `$FILE_NAME` attributes in the order `COLLATION_FILE_NAME`.
const NAMES: &str = "$I30";
const FILE_NAME: u32 = 0x30;
const COLLATION_FILE_NAME: u32 = 1;
/// Windows' blocks are of 4 KiB, or a cluster where that is larger.
const MAX_BLOCK: u64 = 64 << 10;
const MIN_BLOCK: u64 = 512;
/// Levels below the root: with the 30 entries a block of 4 KiB has at the very least, no directory has five.
const MAX_DEPTH: usize = 12;
/// The most of a directory that is read: about half a million names.
const MAX_BYTES: usize = 64 << 20;
/// Where the header of a node is, in the root and in a block.
const ROOT_HEADER: usize = 0x10;
const BLOCK_HEADER: usize = 0x18;
/// Fields of an entry before its key, and of the key before the name.
const ENTRY: usize = 0x10;
const KEY: usize = 0x42;
/// Flags of an entry.
const HAS_CHILD: u16 = 1;
const IS_LAST: u16 = 2;
/// The name space of names that MS-DOS can read, where another entry has the real name.
const DOS: u8 = 2;

/// An opened directory.
pub(super) struct Directory {
    root: Vec<u8>,
    root_at: u64,
    blocks: Option<Stream>,
    block: usize,
    /// What nodes are counted in.
    unit: u64,
    differs_by_case: bool,
}

/// A name.
pub(super) struct Entry<'a> {
    /// The file.
    pub reference: u64,
    /// UTF-16.
    pub name: &'a [u8],
    space: u8,
    child: Option<u64>,
    is_last: bool,
}

impl Entry<'_> {
    /// Whether it is the short form of another name.
    pub(super) fn is_short(&self) -> bool {
        self.space == DOS
    }
}

impl Directory {
    /// Opens the index of a directory.
    pub(super) fn open(file: &File, mft: &Mft) -> Result<Self> {
        let at = file.record.at;
        if !file.record.is_directory() {
            return Err(Error::not_found(LAYER, "not a directory").at(at));
        }
        let root = file.stream(mft, INDEX_ROOT, NAMES)?;
        let root = root.ok_or_else(|| Error::corrupt(LAYER, at, "a directory without an index"))?;
        let value = root.resident().ok_or_else(|| Error::corrupt(LAYER, root.at, "an index root in clusters"))?;
        let number = |at| u32_le(LAYER, value, at).map_err(|error| error.at(root.at));
        if number(0)? != FILE_NAME || number(4)? != COLLATION_FILE_NAME {
            return Err(Error::corrupt(LAYER, root.at, "an index of names that are none"));
        }
        let block = u64::from(number(8)?);
        if !block.is_power_of_two() || !(MIN_BLOCK..=MAX_BLOCK).contains(&block) {
            return Err(Error::corrupt(LAYER, root.at, "the size of index blocks is out of range"));
        }
        Ok(Self {
            root: value.to_vec(),
            root_at: root.at,
            blocks: file.stream(mft, INDEX_ALLOCATION, NAMES)?,
            block: to_usize(LAYER, block)?,
            unit: if block < mft.disk.cluster { MIN_BLOCK } else { mft.disk.cluster },
            differs_by_case: file.standard_information()?.1,
        })
    }

    /// The file of a name: of the very name, or of one that differs in case.
    pub(super) fn lookup(&self, mft: &Mft, upcase: &Upcase, name: &[u16]) -> Result<Option<u64>> {
        let mut node = (self.root.clone(), ROOT_HEADER, self.root_at);
        let mut alike = None;
        for _ in 0..=MAX_DEPTH {
            let mut child = None;
            for entry in entries(&node.0, node.1, node.2)? {
                child = entry.child;
                if entry.is_last {
                    break;
                }
                match upcase.compare(name, entry.name) {
                    Ordering::Greater => continue,
                    Ordering::Less => break,
                    Ordering::Equal => {}
                }
                // Names that differ in case only are neighbours, so the way to one passes the other.
                alike = Some(entry.reference);
                match name.iter().copied().cmp(units(entry.name)) {
                    Ordering::Equal => return Ok(alike),
                    Ordering::Less => break,
                    Ordering::Greater => {}
                }
            }
            match child {
                Some(vcn) => node = self.node(mft, vcn)?,
                None => return Ok(alike.filter(|_| !self.differs_by_case)),
            }
        }
        Err(self.too_deep())
    }

    /// Shows every name to `visit` until it breaks, and gives what it broke with.
    pub(super) fn walk<B>(&self, mft: &Mft, mut visit: impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
        if let Some(blocks) = &self.blocks {
            blocks.announce(&mft.disk)?;
        }
        let mut walk = Walk { directory: self, mft, seen: HashSet::new(), visit: &mut visit };
        match walk.node(&self.root, ROOT_HEADER, self.root_at, 0)? {
            ControlFlow::Break(found) => Ok(Some(found)),
            ControlFlow::Continue(()) => Ok(None),
        }
    }

    /// The block of a node: its bytes, where its header is in them, where they are in the volume.
    fn node(&self, mft: &Mft, vcn: u64) -> Result<(Vec<u8>, usize, u64)> {
        let blocks =
            self.blocks.as_ref().ok_or_else(|| Error::corrupt(LAYER, self.root_at, "an index without its blocks"))?;
        let at = vcn.saturating_mul(self.unit);
        let mut raw = vec![0; self.block];
        blocks.read(&mft.disk, at, &mut raw)?;
        let at = blocks.place(&mft.disk, at).unwrap_or(blocks.at);
        disk::restore(&mut raw, b"INDX", at)?;
        if u64_le(LAYER, &raw, 0x10)? != vcn {
            return Err(Error::corrupt(LAYER, at, "an index block that belongs elsewhere"));
        }
        Ok((raw, BLOCK_HEADER, at))
    }

    fn too_deep(&self) -> Error {
        Error::corrupt(LAYER, self.root_at, "an index that is too deep")
    }
}

struct Walk<'a, V> {
    directory: &'a Directory,
    mft: &'a Mft,
    seen: HashSet<u64>,
    visit: &'a mut V,
}

impl<V> Walk<'_, V> {
    /// A node and those below it, in order. No node is visited twice, so there is an end.
    fn node<B>(&mut self, raw: &[u8], header: usize, at: u64, depth: usize) -> Result<ControlFlow<B>>
    where
        V: FnMut(&Entry) -> ControlFlow<B>,
    {
        if depth > MAX_DEPTH {
            return Err(self.directory.too_deep());
        }
        for entry in entries(raw, header, at)? {
            if let Some(vcn) = entry.child {
                if !self.seen.insert(vcn) {
                    return Err(Error::corrupt(LAYER, at, "an index leads back into itself"));
                }
                if self.seen.len().saturating_mul(self.directory.block) > MAX_BYTES {
                    return Err(Error::limit(LAYER, format!("a directory of more than {MAX_BYTES} bytes")).at(at));
                }
                let (raw, header, at) = self.directory.node(self.mft, vcn)?;
                let found = self.node(&raw, header, at, depth.saturating_add(1))?;
                if found.is_break() {
                    return Ok(found);
                }
            }
            if entry.is_last {
                break;
            }
            let found = (self.visit)(&entry);
            if found.is_break() {
                return Ok(found);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The entries of a node with its header at byte `header` of `raw`, up to the one that ends them.
fn entries(raw: &[u8], header: usize, at: u64) -> Result<Vec<Entry<'_>>> {
    let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
    let number = |at| -> Result<usize> { to_usize(LAYER, u32_le(LAYER, raw, at)?.into()) };
    let first = number(header).map_err(|_| corrupt("an index node is cut short"))?;
    let end = number(header.saturating_add(4)).map_err(|_| corrupt("an index node is cut short"))?;
    let held = range(LAYER, raw, header, end).map_err(|_| corrupt("an index node longer than it is"))?;
    let mut rest = held.get(first..).unwrap_or_default();
    let mut found = Vec::new();
    // Each step takes 16 bytes or more of the node, so there is an end.
    loop {
        let at = at.saturating_add(to_u64(header.saturating_add(held.len()).saturating_sub(rest.len())));
        let entry = parse(rest, at)?;
        let is_last = entry.0.is_last;
        found.push(entry.0);
        if is_last {
            return Ok(found);
        }
        rest = rest.get(entry.1..).unwrap_or_default();
    }
}

/// The entry at the beginning of `rest`, and its length.
fn parse(rest: &[u8], at: u64) -> Result<(Entry<'_>, usize)> {
    let corrupt = |_| Error::corrupt(LAYER, at, "an index entry of impossible length");
    let len = usize::from(u16_le(LAYER, rest, 8).map_err(corrupt)?);
    let raw = range(LAYER, rest, 0, len.max(ENTRY)).map_err(corrupt)?;
    let flags = u16_le(LAYER, raw, 0xC)?;
    let child = match flags & HAS_CHILD {
        0 => None,
        _ => Some(u64_le(LAYER, raw, raw.len().saturating_sub(8))?),
    };
    let reference = u64_le(LAYER, raw, 0)?;
    if flags & IS_LAST != 0 {
        return Ok((Entry { reference, name: &[], space: 0, child, is_last: true }, raw.len()));
    }
    let key = range(LAYER, raw, ENTRY, usize::from(u16_le(LAYER, raw, 0xA)?)).map_err(corrupt)?;
    let [name_len, space] = crate::disk::bytes::array(LAYER, key, KEY.saturating_sub(2)).map_err(corrupt)?;
    let name = range(LAYER, key, KEY, usize::from(name_len).saturating_mul(2)).map_err(corrupt)?;
    Ok((Entry { reference, name, space, child, is_last: false }, raw.len()))
}
