//! The items of a log.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, RangeInclusive};

use super::super::LAYER;
use super::super::changes::Tree;
use super::super::key::{DIR_INDEX, DIR_ITEM, DIR_LOG_INDEX, DIR_LOG_ITEM, EXTENT_CSUM, EXTENT_DATA};
use super::super::key::{INODE_EXTREF, INODE_ITEM, INODE_REF, Key, XATTR_ITEM};
use super::super::nodes::Nodes;
use super::super::tree::Found;
use super::refused;
use crate::disk::bytes::u32_le;
use crate::disk::{Error, Result};

/// Most that is kept of a log. A commit every 30 seconds drops it, and so does a log that grows large.
const MAX_ITEMS: usize = 1 << 18;
const MAX_BYTES: usize = 64 << 20;
/// Kinds that are replayed, or need not be.
const KNOWN: [u8; 9] = [
    INODE_ITEM,
    INODE_REF,
    INODE_EXTREF,
    XATTR_ITEM,
    DIR_LOG_ITEM,
    DIR_LOG_INDEX,
    // Written by older kernels beside those by index, which say the same.
    DIR_ITEM,
    DIR_INDEX,
    EXTENT_DATA,
];

/// All items of a log but the checksums.
pub(super) struct Log(BTreeMap<Key, Found>);

impl Log {
    /// Reads `log`. Inodes that had no name left when they were synced are left out, as the kernel skips them.
    pub(super) fn read(nodes: &Nodes, log: &Tree) -> Result<Self> {
        let mut items = BTreeMap::new();
        let mut bytes = 0_usize;
        let (mut logged, mut nameless) = (BTreeSet::new(), BTreeSet::new());
        let all = Key::new(0, 0, 0)..=Key::new(u64::MAX, u8::MAX, u64::MAX);
        nodes.walk::<()>(log, all, &mut |item| {
            let inode = item.key.objectid;
            match item.key.kind {
                EXTENT_CSUM => return Ok(ControlFlow::Continue(())),
                INODE_ITEM => {
                    logged.insert(inode);
                    if u32_le(LAYER, item.data, 40).map_err(|error| error.at(item.at))? == 0 {
                        nameless.insert(inode);
                    }
                }
                kind if !KNOWN.contains(&kind) => {
                    return Err(refused(item.at, &format!("an item of kind {kind} is in it")));
                }
                _ if !logged.contains(&inode) => {
                    return Err(refused(item.at, &format!("it has items of inode {inode} and not the inode")));
                }
                _ => {}
            }
            bytes = bytes.saturating_add(item.data.len());
            if items.len() >= MAX_ITEMS || bytes > MAX_BYTES {
                return Err(Error::limit(LAYER, format!("a log tree of more than {MAX_ITEMS} items")));
            }
            if !nameless.contains(&inode) {
                items.insert(item.key, Found { key: item.key, data: item.data.to_vec(), at: item.at });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Self(items))
    }

    /// In order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Found> {
        self.0.values()
    }

    /// Those in `keys`, in order.
    pub(super) fn range(&self, keys: RangeInclusive<Key>) -> impl Iterator<Item = &Found> {
        self.0.range(keys).map(|(_, item)| item)
    }

    /// The item of one key.
    pub(super) fn get(&self, key: Key) -> Option<&Found> {
        self.0.get(&key)
    }
}
