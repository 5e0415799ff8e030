//! References: under which names an inode is found (`struct btrfs_inode_ref`, `struct btrfs_inode_extref`).

use super::LAYER;
use super::checksum::reference_hash;
use super::key::{INODE_EXTREF, INODE_REF, Key};
use super::tree::Found;
use crate::disk::Result;
use crate::disk::bytes::{range, u16_le, u64_le};

/// Bytes before the name.
const HEADER: usize = 10;
const EXTENDED_HEADER: usize = 18;

/// One name of an inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The directory it is in.
    pub dir: u64,
    /// Its `DIR_INDEX` there.
    pub index: u64,
    pub name: Vec<u8>,
}

impl Reference {
    /// The key of the item of `kind` that says it of `inode`.
    pub(super) fn key(&self, inode: u64, kind: u8) -> Key {
        match kind {
            INODE_EXTREF => Key::new(inode, kind, reference_hash(self.dir, &self.name)),
            _ => Key::new(inode, INODE_REF, self.dir),
        }
    }

    fn is_of(&self, dir: u64, name: &[u8]) -> bool {
        self.dir == dir && self.name == name
    }
}

/// The references packed into one item.
pub(super) fn references(item: &Found) -> Result<Vec<Reference>> {
    let mut references = Vec::new();
    let mut rest = item.data.as_slice();
    while !rest.is_empty() {
        let (reference, len) = reference(item.key, rest).map_err(|error| error.at(item.at))?;
        references.push(reference);
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(references)
}

/// The reference that `raw` begins with, and its length.
fn reference(key: Key, raw: &[u8]) -> Result<(Reference, usize)> {
    let (dir, header) = match key.kind {
        INODE_EXTREF => (u64_le(LAYER, raw, 0)?, EXTENDED_HEADER),
        _ => (key.offset, HEADER),
    };
    let index = u64_le(LAYER, raw, header.saturating_sub(HEADER))?;
    let len = usize::from(u16_le(LAYER, raw, header.saturating_sub(2))?);
    let name = range(LAYER, raw, header, len)?.to_vec();
    Ok((Reference { dir, index, name }, header.saturating_add(len)))
}

/// The references as they are in an item of `kind`.
pub(super) fn bytes(references: &[Reference], kind: u8) -> Vec<u8> {
    let mut raw = Vec::new();
    for Reference { dir, index, name } in references {
        if kind == INODE_EXTREF {
            raw.extend(dir.to_le_bytes());
        }
        raw.extend(index.to_le_bytes());
        raw.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        raw.extend(name);
    }
    raw
}

/// Whether `references` have the name.
pub(super) fn has(references: &[Reference], dir: u64, name: &[u8]) -> bool {
    references.iter().any(|reference| reference.is_of(dir, name))
}
