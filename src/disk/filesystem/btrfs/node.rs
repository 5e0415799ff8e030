//! Nodes of trees (`struct btrfs_header`), checked before anything in them is believed.

use std::ops::Range;

use super::LAYER;
use super::checksum::Checksum;
use super::key::{KEY_LEN, Key};
use super::superblock::CSUM_ROOM;
use crate::disk::bytes::{range, to_u64, to_usize, u32_le, u64_le};
use crate::disk::{Error, Result};

/// `BTRFS_MAX_LEVEL`: leaves are level 0.
pub(super) const MAX_LEVEL: u8 = 8;
const HEADER: usize = 101;
/// `struct btrfs_item` and `struct btrfs_key_ptr`.
const ITEM: usize = 25;
const KEY_POINTER: usize = 33;

/// What leads to a node, and what must be found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    pub logical: u64,
    pub generation: u64,
    pub level: u8,
}

/// A node: items in a leaf, pointers to the nodes one level down in others.
pub(super) struct Node {
    /// Byte offset on the device.
    pub at: u64,
    pub entries: Entries,
    raw: Vec<u8>,
}

/// In the order of their keys.
pub(super) enum Entries {
    Items(Vec<(Key, Range<usize>)>),
    Children(Vec<(Key, Pointer)>),
}

/// What every node of a filesystem has in common.
pub(super) struct Kind {
    pub checksum: Checksum,
    pub metadata_uuid: [u8; 16],
}

impl Node {
    /// Checks the bytes `raw` of byte `at` against what led here (`btree_read_extent_buffer`, `btrfs_validate_*`).
    pub(super) fn parse(raw: Vec<u8>, at: u64, pointer: &Pointer, kind: &Kind) -> Result<Self> {
        let corrupt = |what: &str| Err(Error::corrupt(LAYER, at, what));
        if !kind.checksum.fits(raw.get(CSUM_ROOM..).unwrap_or_default(), &raw) {
            return corrupt("the checksum of a node does not match");
        }
        if range(LAYER, &raw, 0x20, 16)? != kind.metadata_uuid || u64_le(LAYER, &raw, 0x30)? != pointer.logical {
            return corrupt("another node than the one that was looked for");
        }
        if u64_le(LAYER, &raw, 0x50)? != pointer.generation {
            return corrupt("a node of another generation than what leads to it");
        }
        if range(LAYER, &raw, 0x64, 1)? != [pointer.level] {
            return corrupt("a node of another level than what leads to it");
        }
        let count = to_usize(LAYER, u32_le(LAYER, &raw, 0x60)?.into())?;
        let entries = match pointer.level.checked_sub(1) {
            None => Entries::Items(entries(&raw, count, ITEM, |entry| item(&raw, entry))?),
            Some(level) => Entries::Children(entries(&raw, count, KEY_POINTER, |entry| child(entry, level))?),
        };
        let in_order = match &entries {
            Entries::Items(items) => items.is_sorted_by(|(a, _), (b, _)| a < b),
            Entries::Children(children) => !children.is_empty() && children.is_sorted_by(|(a, _), (b, _)| a < b),
        };
        if !in_order {
            return corrupt("the keys of a node are out of order");
        }
        Ok(Self { at, entries, raw })
    }

    /// The first key.
    pub(super) fn first(&self) -> Option<Key> {
        match &self.entries {
            Entries::Items(items) => items.first().map(|(key, _)| *key),
            Entries::Children(children) => children.first().map(|(key, _)| *key),
        }
    }

    /// The data of an item, and where on the device they are.
    pub(super) fn data(&self, place: &Range<usize>) -> (&[u8], u64) {
        (self.raw.get(place.clone()).unwrap_or_default(), self.at.saturating_add(to_u64(place.start)))
    }
}

/// The key and what `rest` makes of each entry of `len` bytes.
fn entries<T>(raw: &[u8], count: usize, len: usize, rest: impl Fn(&[u8]) -> Result<T>) -> Result<Vec<(Key, T)>> {
    range(LAYER, raw, HEADER, count.saturating_mul(len))?
        .chunks_exact(len)
        .map(|entry| Ok((Key::parse(entry, 0)?, rest(entry)?)))
        .collect()
}

/// Where the data of an item are: its offset counts from the end of the header.
fn item(raw: &[u8], entry: &[u8]) -> Result<Range<usize>> {
    let number = |at: usize| u32_le(LAYER, entry, at).and_then(|n| to_usize(LAYER, n.into()));
    let (start, len) = (number(KEY_LEN)?.saturating_add(HEADER), number(21)?);
    range(LAYER, raw, start, len)?;
    Ok(start..start.saturating_add(len))
}

fn child(entry: &[u8], level: u8) -> Result<Pointer> {
    Ok(Pointer { logical: u64_le(LAYER, entry, KEY_LEN)?, generation: u64_le(LAYER, entry, 25)?, level })
}
