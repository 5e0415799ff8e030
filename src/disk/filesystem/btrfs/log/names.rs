//! Names in directories: each is there by hash, by index, and as a reference of its inode.

use super::super::LAYER;
use super::super::checksum::name_hash;
use super::super::directory::{Entry, entries};
use super::super::key::{DIR_INDEX, DIR_ITEM, DIR_LOG_INDEX, INODE_EXTREF, INODE_ITEM, INODE_REF, Key};
use super::super::reference::{self, Reference, references};
use super::super::tree::Found;
use super::refused;
use super::replay::Replay;
use crate::disk::bytes::{to_u64, u64_le};
use crate::disk::{Error, Result};

/// Room that a leaf has for an item: without its header (101 bytes) and the item's (25).
const LEAF_HEADERS: usize = 126;

impl Replay<'_> {
    /// Takes out of a directory what the log, in the ranges it speaks for, does not have (`replay_dir_deletes`).
    pub(super) fn delete_entries(&mut self, dir: u64) -> Result<()> {
        if self.kind_of(dir)?.is_none() {
            return Ok(());
        }
        let log = self.log;
        let mut next = 0;
        for range in log.range(Key::all(dir, DIR_LOG_INDEX)) {
            let end = u64_le(LAYER, &range.data, 0).map_err(|error| error.at(range.at))?;
            if end < range.key.offset {
                return Err(Error::corrupt(LAYER, range.at, "a range of a directory that ends before it begins"));
            }
            // What two ranges share is looked at once.
            let keys = Key::new(dir, DIR_INDEX, range.key.offset.max(next))..=Key::new(dir, DIR_INDEX, end);
            next = end.saturating_add(1);
            for held in self.collect(keys)? {
                let entry = one(&held)?;
                let logged = log.get(held.key).map(one).transpose()?;
                if logged.is_none_or(|logged| logged.name != entry.name) {
                    self.drop_entry(dir, &entry, range)?;
                }
            }
        }
        Ok(())
    }

    /// Puts in an entry of a directory (`replay_one_name`).
    pub(super) fn entry(&mut self, logged: &Found) -> Result<()> {
        let dir = logged.key.objectid;
        if self.kind_of(dir)?.is_none() {
            return Err(refused(logged.at, &format!("a name in directory {dir}, which is not there")));
        }
        let entry = one(logged)?;
        let is_there = entry.location.kind == INODE_ITEM && self.kind_of(entry.location.objectid)?.is_some();
        let by_name = self.settle(dir, self.named(dir, &entry.name)?, &entry, is_there, logged)?;
        let indexed = self.get(logged.key)?.as_ref().map(one).transpose()?.filter(|held| held.name == entry.name);
        let by_index = self.settle(dir, indexed, &entry, is_there, logged)?;
        if by_name && by_index {
            return Ok(());
        }
        if entry.location.kind != INODE_ITEM {
            return Err(refused(logged.at, "a subvolume's name is in it"));
        }
        // Names that the inode itself says it has are put in with it, and those of inodes that are not there never.
        let wanted = Reference { dir, index: logged.key.offset, name: entry.name };
        let inode = entry.location.objectid;
        let said = self.log.get(wanted.key(inode, INODE_REF)).map(references).transpose()?.unwrap_or_default();
        if is_there && !reference::has(&said, dir, &wanted.name) {
            self.link(&wanted, inode, entry.kind, true, logged)?;
        }
        Ok(())
    }

    /// Makes way for `wanted` where `held` is in its place. True where it is the same (`delete_conflicting_dir_entry`).
    fn settle(&mut self, dir: u64, held: Option<Entry>, wanted: &Entry, is_there: bool, cause: &Found) -> Result<bool> {
        match held {
            Some(held) if held.location == wanted.location && held.kind == wanted.kind => Ok(true),
            Some(held) if is_there => self.drop_entry(dir, &held, cause).map(|()| false),
            _ => Ok(false),
        }
    }

    /// Takes out an entry, whatever inode it leads to (`drop_one_dir_item`).
    pub(super) fn drop_entry(&mut self, dir: u64, entry: &Entry, cause: &Found) -> Result<()> {
        let inode = entry.location.objectid;
        if entry.location.kind != INODE_ITEM {
            return Err(refused(cause.at, "a subvolume's name is taken out"));
        }
        if self.kind_of(inode)?.is_none() {
            return Err(refused(cause.at, &format!("a name of inode {inode}, which is not there, is taken out")));
        }
        self.unlink(dir, inode, &entry.name, cause)
    }

    /// The entry called `name`, by hash.
    pub(super) fn named(&self, dir: u64, name: &[u8]) -> Result<Option<Entry>> {
        let Some(item) = self.get(Key::new(dir, DIR_ITEM, name_hash(name)))? else { return Ok(None) };
        Ok(entries(&item.data, item.at)?.into_iter().find(|entry| entry.name == name))
    }

    /// Takes out a name of an inode, all three items (`btrfs_unlink_inode`).
    pub(super) fn unlink(&mut self, dir: u64, inode: u64, name: &[u8], cause: &Found) -> Result<()> {
        let lost = || refused(cause.at, &format!("a name of inode {inode} is not where it should be"));
        let item = self.get(Key::new(dir, DIR_ITEM, name_hash(name)))?.ok_or_else(lost)?;
        let mut held = entries(&item.data, item.at)?;
        let place = held.iter().position(|entry| entry.name == name).ok_or_else(lost)?;
        held.remove(place);
        let data = held.iter().flat_map(Entry::bytes).collect();
        self.put_or_remove(Found { data, ..item }, cause)?;

        let mut index = None;
        let wanted = Reference { dir, index: 0, name: name.to_vec() };
        for kind in [INODE_REF, INODE_EXTREF] {
            let Some(item) = self.get(wanted.key(inode, kind))? else { continue };
            let mut held = references(&item)?;
            let Some(place) = held.iter().position(|held| held.dir == dir && held.name == name) else { continue };
            index = Some(held.remove(place).index);
            self.put_or_remove(Found { data: reference::bytes(&held, kind), ..item }, cause)?;
            break;
        }
        let key = Key::new(dir, DIR_INDEX, index.ok_or_else(lost)?);
        self.get(key)?.ok_or_else(lost)?;
        self.tree.remove(key)?;
        self.resize(dir, |size| size.saturating_sub(to_u64(name.len()).saturating_mul(2)))
    }

    /// Puts in a name of an inode (`btrfs_add_link`), with the inode's own reference where `refer` says so. What has the
    /// name already stays.
    pub(super) fn link(&mut self, wanted: &Reference, inode: u64, kind: u8, refer: bool, cause: &Found) -> Result<()> {
        if self.named(wanted.dir, &wanted.name)?.is_some() {
            return Ok(());
        }
        if refer {
            let key = wanted.key(inode, INODE_REF);
            let item = self.get(key)?.unwrap_or(Found { key, data: Vec::new(), at: cause.at });
            let mut held = references(&item)?;
            if reference::has(&held, wanted.dir, &wanted.name) {
                return Ok(());
            }
            held.push(wanted.clone());
            self.put_or_remove(Found { data: reference::bytes(&held, INODE_REF), ..item }, cause)?;
        }
        let entry = Entry { name: wanted.name.clone(), location: Key::new(inode, INODE_ITEM, 0), kind };
        let key = Key::new(wanted.dir, DIR_ITEM, name_hash(&wanted.name));
        let mut item = self.get(key)?.unwrap_or(Found { key, data: Vec::new(), at: cause.at });
        item.data.extend(entry.bytes());
        self.put_or_remove(item, cause)?;
        let key = Key::new(wanted.dir, DIR_INDEX, wanted.index);
        if self.get(key)?.is_some() {
            return Err(refused(cause.at, &format!("two names with index {} in a directory", wanted.index)));
        }
        self.tree.put(Found { key, data: entry.bytes(), at: cause.at })?;
        self.resize(wanted.dir, |size| size.saturating_add(to_u64(wanted.name.len()).saturating_mul(2)))
    }

    /// Puts an item in its place, or takes it out where nothing is left of it.
    pub(super) fn put_or_remove(&mut self, item: Found, cause: &Found) -> Result<()> {
        if item.data.is_empty() {
            return self.tree.remove(item.key);
        }
        if item.data.len() > self.superblock.node_size.saturating_sub(LEAF_HEADERS) {
            return Err(refused(cause.at, "more names of one kind than there is room for"));
        }
        self.tree.put(item)
    }
}

/// The entry of an item by index, which has one.
pub(super) fn one(item: &Found) -> Result<Entry> {
    let mut found = entries(&item.data, item.at)?;
    match (found.pop(), found.is_empty()) {
        (Some(entry), true) => Ok(entry),
        _ => Err(Error::corrupt(LAYER, item.at, "an entry of a directory that is not one")),
    }
}
