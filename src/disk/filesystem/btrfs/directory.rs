//! Directories: each entry is there by the hash of its name (`DIR_ITEM`) and by its age (`DIR_INDEX`).

use std::ops::ControlFlow;

use super::LAYER;
use super::checksum::name_hash;
use super::inode::Inode;
use super::key::{DIR_INDEX, DIR_ITEM, KEY_LEN, Key};
use super::nodes::Nodes;
use crate::disk::bytes::{range, u16_le};
use crate::disk::{Error, Result};

/// `struct btrfs_dir_item` before the name.
const HEADER: usize = 30;
const KIND_AT: usize = 29;
/// `BTRFS_NAME_LEN`
const MAX_NAME: usize = 255;

/// An entry: its name, and the key of the inode or of the subvolume it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub location: Key,
    /// `BTRFS_FT_*`
    pub kind: u8,
}

impl Entry {
    /// The name as [`list`](super::FileSystem::list) shows it.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// As it is on disk, of no transaction.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let name_len = u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes();
        [&self.location.bytes()[..], &[0; 10], &name_len, &[self.kind], &self.name].concat()
    }
}

/// The entries packed into one item, which byte `at` of the device begins: those whose names have the same hash.
pub(super) fn entries(raw: &[u8], at: u64) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let (entry, len) = entry(rest).map_err(|error| error.at(at))?;
        entries.push(entry);
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(entries)
}

/// The entry that `raw` begins with, and its length.
fn entry(raw: &[u8]) -> Result<(Entry, usize)> {
    let location = Key::parse(raw, 0)?;
    // After the key: the transaction, the length of the data that follow the name, and that of the name.
    let data_len = usize::from(u16_le(LAYER, raw, KEY_LEN.saturating_add(8))?);
    let name_len = usize::from(u16_le(LAYER, raw, KEY_LEN.saturating_add(10))?);
    if name_len == 0 || name_len > MAX_NAME {
        return Err(Error::corrupt(LAYER, 0, format!("a name of {name_len} bytes")));
    }
    let name = range(LAYER, raw, HEADER, name_len)?.to_vec();
    let kind = raw.get(KIND_AT).copied().unwrap_or_default();
    Ok((Entry { name, location, kind }, HEADER.saturating_add(name_len).saturating_add(data_len)))
}

/// The entry called `name`.
pub(super) fn find(nodes: &Nodes, dir: &Inode, name: &str) -> Result<Option<Entry>> {
    let key = Key::new(dir.number, DIR_ITEM, name_hash(name.as_bytes()));
    if let Some(item) = nodes.item(&dir.subvolume.tree, key)? {
        let named = entries(&item.data, item.at)?.into_iter().find(|entry| entry.name == name.as_bytes());
        if named.is_some() {
            return Ok(named);
        }
    }
    if !name.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(None);
    }
    // A name that is not UTF-8 is asked for as it was listed.
    walk(nodes, dir, |entry| if entry.text() == name { ControlFlow::Break(entry) } else { ControlFlow::Continue(()) })
}

/// Shows every entry to `visit` until it breaks, and gives what it broke with.
pub(super) fn walk<B>(nodes: &Nodes, dir: &Inode, mut visit: impl FnMut(Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    nodes.walk(&dir.subvolume.tree, Key::all(dir.number, DIR_INDEX), &mut |item| {
        for entry in entries(item.data, item.at)? {
            if let ControlFlow::Break(broke_with) = visit(entry) {
                return Ok(ControlFlow::Break(broke_with));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}
