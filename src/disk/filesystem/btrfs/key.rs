//! Keys, which every tree is sorted by: object, kind of item, offset (`struct btrfs_disk_key`).

use std::ops::RangeInclusive;

use super::LAYER;
use crate::disk::Result;
use crate::disk::bytes::{range, u64_le};

/// Bytes on disk.
pub(super) const KEY_LEN: usize = 17;

/// Kinds of items: `BTRFS_*_KEY`.
pub(super) const INODE_ITEM: u8 = 1;
pub(super) const INODE_REF: u8 = 12;
pub(super) const INODE_EXTREF: u8 = 13;
pub(super) const XATTR_ITEM: u8 = 24;
pub(super) const DIR_LOG_ITEM: u8 = 60;
pub(super) const DIR_LOG_INDEX: u8 = 72;
pub(super) const DIR_ITEM: u8 = 84;
pub(super) const DIR_INDEX: u8 = 96;
pub(super) const EXTENT_DATA: u8 = 108;
pub(super) const EXTENT_CSUM: u8 = 128;
pub(super) const ROOT_ITEM: u8 = 132;
pub(super) const ROOT_REF: u8 = 156;
pub(super) const CHUNK_ITEM: u8 = 228;

/// The name of an item. The order of the fields is the order of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub objectid: u64,
    pub kind: u8,
    pub offset: u64,
}

impl Key {
    pub(super) fn new(objectid: u64, kind: u8, offset: u64) -> Self {
        Self { objectid, kind, offset }
    }

    /// Every key of one kind that an object may have.
    pub(super) fn all(objectid: u64, kind: u8) -> RangeInclusive<Self> {
        Self::new(objectid, kind, 0)..=Self::new(objectid, kind, u64::MAX)
    }

    /// The greatest key that is less.
    pub(super) fn before(self) -> Option<Self> {
        if let Some(offset) = self.offset.checked_sub(1) {
            return Some(Self { offset, ..self });
        }
        let offset = u64::MAX;
        match self.kind.checked_sub(1) {
            Some(kind) => Some(Self { kind, offset, ..self }),
            None => Some(Self { objectid: self.objectid.checked_sub(1)?, kind: u8::MAX, offset }),
        }
    }

    /// As it is on disk.
    pub(super) fn bytes(self) -> Vec<u8> {
        [&self.objectid.to_le_bytes()[..], &[self.kind], &self.offset.to_le_bytes()].concat()
    }

    /// The key at byte `at` of `raw`.
    pub(super) fn parse(raw: &[u8], at: usize) -> Result<Self> {
        let raw = range(LAYER, raw, at, KEY_LEN)?;
        let kind = range(LAYER, raw, 8, 1)?.first().copied().unwrap_or_default();
        Ok(Self { objectid: u64_le(LAYER, raw, 0)?, kind, offset: u64_le(LAYER, raw, 9)? })
    }
}
