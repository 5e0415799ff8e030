//! Trees with changes laid over them.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use super::LAYER;
use super::key::Key;
use super::node::Pointer;
use super::nodes::Nodes;
use super::tree::{Found, Item, Visit};
use crate::disk::{Error, Result};

/// Most items that change. A log is written out long before: 32 seconds are between two commits.
const MAX_CHANGES: usize = 1 << 19;

/// A tree as it is read: what lies on the device, and what was changed since.
#[derive(Clone)]
pub(super) struct Tree {
    pub root: Pointer,
    changes: Option<Arc<Changes>>,
}

/// An item that is new or another, with the byte offset it was found at; or none, where it is gone.
type Change = Option<(Vec<u8>, u64)>;

/// By the keys of the items.
#[derive(Clone, Default)]
struct Changes(BTreeMap<Key, Change>);

impl From<Pointer> for Tree {
    fn from(root: Pointer) -> Self {
        Self { root, changes: None }
    }
}

impl Tree {
    /// Puts an item in place of whatever has its key.
    pub(super) fn put(&mut self, item: Found) -> Result<()> {
        self.change(item.key, Some((item.data, item.at)))
    }

    /// Takes an item out.
    pub(super) fn remove(&mut self, key: Key) -> Result<()> {
        self.change(key, None)
    }

    /// What is changed in `keys`, in order.
    fn changes_in(&self, keys: &RangeInclusive<Key>) -> impl DoubleEndedIterator<Item = (&Key, &Change)> {
        let changes = self.changes.iter().filter(|_| !keys.is_empty());
        changes.flat_map(|changes| changes.0.range(keys.clone()))
    }

    fn change(&mut self, key: Key, change: Change) -> Result<()> {
        let changes = &mut Arc::make_mut(self.changes.get_or_insert_default()).0;
        if changes.len() >= MAX_CHANGES {
            return Err(Error::limit(LAYER, format!("a log tree that changes more than {MAX_CHANGES} items")));
        }
        changes.insert(key, change);
        Ok(())
    }
}

impl Nodes {
    /// Shows the items of `tree` in `keys` to `visit`, in order, and gives what it broke with.
    pub(super) fn walk<B>(&self, tree: &Tree, keys: RangeInclusive<Key>, visit: Visit<'_, B>) -> Result<Option<B>> {
        let mut ahead = tree.changes_in(&keys).peekable();
        let broke = self.walk_committed(&tree.root, keys.clone(), &mut |item| {
            while let Some((key, change)) = ahead.next_if(|(key, _)| **key < item.key) {
                if let ControlFlow::Break(broke_with) = show(*key, change, visit)? {
                    return Ok(ControlFlow::Break(broke_with));
                }
            }
            match ahead.next_if(|(key, _)| **key == item.key) {
                Some((key, change)) => show(*key, change, visit),
                None => visit(item),
            }
        })?;
        if broke.is_some() {
            return Ok(broke);
        }
        for (key, change) in ahead {
            if let ControlFlow::Break(broke_with) = show(*key, change, visit)? {
                return Ok(Some(broke_with));
            }
        }
        Ok(None)
    }

    /// The last item of `tree` in `keys`.
    pub(super) fn last(&self, tree: &Tree, keys: &RangeInclusive<Key>) -> Result<Option<Found>> {
        let mut committed = self.last_committed(&tree.root, keys)?;
        for (key, change) in tree.changes_in(keys).rev() {
            if committed.as_ref().is_some_and(|found| found.key > *key) {
                break;
            }
            if let Some((data, at)) = change {
                return Ok(Some(Found { key: *key, data: data.clone(), at: *at }));
            }
            if committed.as_ref().is_some_and(|found| found.key == *key) {
                committed = match key.before() {
                    Some(before) => self.last_committed(&tree.root, &(*keys.start()..=before))?,
                    None => None,
                };
            }
        }
        Ok(committed)
    }

    /// The item of one key.
    pub(super) fn item(&self, tree: &Tree, key: Key) -> Result<Option<Found>> {
        self.last(tree, &(key..=key))
    }
}

/// Shows a changed item, unless it is gone.
fn show<B>(key: Key, change: &Change, visit: Visit<'_, B>) -> Result<ControlFlow<B>> {
    match change {
        Some((data, at)) => visit(&Item { key, data, at: *at }),
        None => Ok(ControlFlow::Continue(())),
    }
}
