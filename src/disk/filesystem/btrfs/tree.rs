//! Trees: items found by their keys.

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use super::LAYER;
use super::key::Key;
use super::node::{Entries, Node, Pointer};
use super::nodes::Nodes;
use crate::disk::{Error, Result};

/// Nodes one call may visit: a directory of a million entries.
const MAX_NODES: u32 = 16_384;

/// An item of a leaf.
pub(super) struct Item<'a> {
    pub key: Key,
    pub data: &'a [u8],
    /// Byte offset of the data on the device.
    pub at: u64,
}

/// An item on its own.
pub(super) struct Found {
    pub key: Key,
    pub data: Vec<u8>,
    pub at: u64,
}

/// What is done with an item; a break ends the walk.
pub(super) type Visit<'a, B> = &'a mut dyn FnMut(&Item) -> Result<ControlFlow<B>>;

impl Nodes {
    /// Shows the items in `keys` of the tree at `root` to `visit`, in order, and gives what it broke with.
    pub(super) fn walk_committed<B>(
        &self,
        root: &Pointer,
        keys: RangeInclusive<Key>,
        visit: Visit<'_, B>,
    ) -> Result<Option<B>> {
        let mut walk = Walk { nodes: self, keys, visit, nodes_left: MAX_NODES };
        match walk.node(&*self.read(root)?)? {
            ControlFlow::Continue(()) => Ok(None),
            ControlFlow::Break(broke_with) => Ok(Some(broke_with)),
        }
    }

    /// The last item in `keys` of the tree at `root`.
    pub(super) fn last_committed(&self, root: &Pointer, keys: &RangeInclusive<Key>) -> Result<Option<Found>> {
        let mut node = self.read(root)?;
        // Levels count down, so this ends.
        loop {
            match &node.entries {
                Entries::Items(items) => {
                    let end = items.partition_point(|(key, _)| key <= keys.end());
                    let last = end.checked_sub(1).and_then(|place| items.get(place));
                    return Ok(last.filter(|(key, _)| keys.contains(key)).map(|(key, place)| {
                        let (data, at) = node.data(place);
                        Found { key: *key, data: data.to_vec(), at }
                    }));
                }
                Entries::Children(children) => {
                    let end = children.partition_point(|(key, _)| key <= keys.end());
                    let Some((key, child)) = end.checked_sub(1).and_then(|place| children.get(place)) else {
                        return Ok(None);
                    };
                    node = self.child(*key, child)?;
                }
            }
        }
    }

    /// A child begins with the key its parent knows it by (`btrfs_verify_level_key`). As keys ascend, no node can be
    /// reached twice.
    fn child(&self, key: Key, child: &Pointer) -> Result<Arc<Node>> {
        let node = self.read(child)?;
        if node.first() != Some(key) {
            return Err(Error::corrupt(LAYER, node.at, "a node of other keys than what leads to it"));
        }
        Ok(node)
    }
}

struct Walk<'a, B> {
    nodes: &'a Nodes,
    keys: RangeInclusive<Key>,
    visit: Visit<'a, B>,
    nodes_left: u32,
}

impl<B> Walk<'_, B> {
    /// Visits what a node holds. Levels count down, so the depth is bounded.
    fn node(&mut self, node: &Node) -> Result<ControlFlow<B>> {
        match &node.entries {
            Entries::Items(items) => {
                let first = items.partition_point(|(key, _)| key < self.keys.start());
                for (key, place) in items.iter().skip(first).take_while(|(key, _)| key <= self.keys.end()) {
                    let (data, at) = node.data(place);
                    if let ControlFlow::Break(broke_with) = (self.visit)(&Item { key: *key, data, at })? {
                        return Ok(ControlFlow::Break(broke_with));
                    }
                }
            }
            Entries::Children(children) => {
                // The child before the first that begins in the range may end in it.
                let first = children.partition_point(|(key, _)| key <= self.keys.start()).saturating_sub(1);
                let end = *self.keys.end();
                for (key, child) in children.iter().skip(first).take_while(|(key, _)| *key <= end) {
                    self.nodes_left = self
                        .nodes_left
                        .checked_sub(1)
                        .ok_or_else(|| Error::limit(LAYER, format!("more than {MAX_NODES} nodes in one read")))?;
                    let child = self.nodes.child(*key, child)?;
                    if let ControlFlow::Break(broke_with) = self.node(&child)? {
                        return Ok(ControlFlow::Break(broke_with));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
