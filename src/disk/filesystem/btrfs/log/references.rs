//! Names that inodes say they have: the log's take the place of the subvolume's.

use super::super::key::{DIR_INDEX, INODE_EXTREF, INODE_REF, Key};
use super::super::reference::{self, Reference, references};
use super::super::tree::Found;
use super::names::one;
use super::refused;
use super::replay::Replay;
use crate::disk::Result;

impl Replay<'_> {
    /// Puts in the names that an item of the log has (`add_inode_ref`).
    pub(super) fn references(&mut self, logged: &Found) -> Result<()> {
        let inode = logged.key.objectid;
        let wanted = references(logged)?;
        let mut is_settled = false;
        for reference in &wanted {
            // A directory that was not logged: the name is not either.
            if self.kind_of(reference.dir)?.is_none() {
                return Ok(());
            }
            let mode = self.kind_of(inode)?;
            let mode =
                mode.ok_or_else(|| refused(logged.at, &format!("names of inode {inode}, which is not there")))?;
            if self.is_in_directory(reference, inode)? {
                continue;
            }
            if !is_settled {
                if self.is_root(reference, inode)? {
                    return Ok(());
                }
                is_settled = self.settle_names(reference, inode, logged)?;
            }
            if self.held(reference, inode, logged.key.kind)? {
                self.unlink(reference.dir, inode, &reference.name, logged)?;
            }
            if let Some(other) = self.named(reference.dir, &reference.name)? {
                self.drop_entry(reference.dir, &other, logged)?;
            }
            self.link(reference, inode, entry_kind(mode), false, logged)?;
        }
        // `unlink_old_inode_refs`
        while let Some(old) = self.first_old(logged.key, &wanted, |_| true)? {
            self.unlink(old.dir, inode, &old.name, logged)?;
        }
        self.tree.put(Found { key: logged.key, data: logged.data.clone(), at: logged.at })
    }

    /// True where the directory has just this name for the inode (`inode_in_dir`).
    fn is_in_directory(&self, reference: &Reference, inode: u64) -> Result<bool> {
        let indexed = self.get(Key::new(reference.dir, DIR_INDEX, reference.index))?;
        let indexed = indexed.as_ref().map(one).transpose()?.filter(|entry| entry.name == reference.name);
        let named = self.named(reference.dir, &reference.name)?;
        Ok([indexed, named].iter().all(|entry| entry.as_ref().is_some_and(|entry| entry.location.objectid == inode)))
    }

    /// True for the root directory, which is its own parent.
    fn is_root(&self, reference: &Reference, inode: u64) -> Result<bool> {
        Ok(reference.dir == inode && self.get(Key::new(inode, INODE_REF, inode))?.is_some())
    }

    /// Takes out names of the inode that the log does not have, and what is in the place of `reference`
    /// (`__add_inode_ref`). True where the inode had names in this directory: they are not looked at again then.
    fn settle_names(&mut self, reference: &Reference, inode: u64, cause: &Found) -> Result<bool> {
        let mut is_settled = false;
        for kind in [INODE_REF, INODE_EXTREF] {
            let key = reference.key(inode, kind);
            is_settled |= self.get(key)?.is_some();
            let logged = self.log.get(key).map(references).transpose()?.unwrap_or_default();
            while let Some(old) = self.first_old(key, &logged, |old| old.dir == reference.dir)? {
                self.unlink(old.dir, inode, &old.name, cause)?;
            }
        }
        let indexed = self.get(Key::new(reference.dir, DIR_INDEX, reference.index))?;
        if let Some(other) = indexed.as_ref().map(one).transpose()?.filter(|entry| entry.name == reference.name) {
            self.drop_entry(reference.dir, &other, cause)?;
        }
        if let Some(other) = self.named(reference.dir, &reference.name)? {
            self.drop_entry(reference.dir, &other, cause)?;
        }
        Ok(is_settled)
    }

    /// The first name in the subvolume's item that is `of` those asked for and not among `kept`.
    fn first_old(&self, key: Key, kept: &[Reference], of: impl Fn(&Reference) -> bool) -> Result<Option<Reference>> {
        let held = self.get(key)?.as_ref().map(references).transpose()?.unwrap_or_default();
        Ok(held.into_iter().find(|held| of(held) && !reference::has(kept, held.dir, &held.name)))
    }

    /// Whether the subvolume's item of `kind` has the name, with whatever index.
    fn held(&self, wanted: &Reference, inode: u64, kind: u8) -> Result<bool> {
        let held = self.get(wanted.key(inode, kind))?.as_ref().map(references).transpose()?.unwrap_or_default();
        Ok(reference::has(&held, wanted.dir, &wanted.name))
    }
}

/// `BTRFS_FT_*` of a mode (`fs_umode_to_ftype`).
fn entry_kind(mode: u32) -> u8 {
    match mode & 0xF000 {
        0x8000 => 1,
        0x4000 => 2,
        0x2000 => 3,
        0x6000 => 4,
        0x1000 => 5,
        0xC000 => 6,
        0xA000 => 7,
        _ => 0,
    }
}
