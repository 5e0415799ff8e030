//! Contents of files: runs that were logged take the place of what they overlap.

use super::super::LAYER;
use super::super::extent::INLINE;
use super::super::key::{EXTENT_DATA, Key};
use super::super::tree::Found;
use super::refused;
use super::replay::Replay;
use crate::disk::bytes::{range, u64_le};
use crate::disk::{Error, Result};

/// Fields of `struct btrfs_file_extent_item`.
const RAM_BYTES: usize = 8;
const KIND: usize = 20;
const LOGICAL: usize = 21;
const OFFSET: usize = 37;
const LEN: usize = 45;

impl Replay<'_> {
    /// Puts a run in its place (`replay_one_extent`).
    pub(super) fn extent(&mut self, logged: &Found) -> Result<()> {
        let inode = logged.key.objectid;
        if self.kind_of(inode)?.is_none() {
            return Err(refused(logged.at, &format!("content of inode {inode}, which is not there")));
        }
        let (start, is_inline) = (logged.key.offset, is_inline(logged)?);
        if !is_inline && self.get(logged.key)?.is_some_and(|held| held.data == logged.data) {
            return Ok(());
        }
        let end = start.checked_add(len(logged)?);
        let end =
            if is_inline { end.and_then(|end| end.checked_next_multiple_of(self.superblock.sector_size)) } else { end };
        let end = end.ok_or_else(|| Error::corrupt(LAYER, logged.at, "an extent past the end of any file"))?;
        self.drop_extents(logged, start, end)?;
        let is_hole = !is_inline && u64_le(LAYER, &logged.data, LOGICAL)? == 0;
        if is_hole && self.superblock.no_holes {
            return Ok(());
        }
        self.tree.put(Found { key: logged.key, data: logged.data.clone(), at: logged.at })
    }

    /// Takes bytes `start..end` out of the file that `cause` is of (`btrfs_drop_extents`).
    pub(super) fn drop_extents(&mut self, cause: &Found, start: u64, end: u64) -> Result<()> {
        let key = |at: u64| Key::new(cause.key.objectid, EXTENT_DATA, at);
        let Some(last) = end.checked_sub(1).filter(|last| *last >= start) else { return Ok(()) };
        let first = self.nodes.last(&self.tree, &(key(0)..=key(start)))?.map_or(start, |item| item.key.offset);
        for held in self.collect(key(first)..=key(last))? {
            let at = held.key.offset;
            let held_end = at.saturating_add(len(&held)?);
            if held_end <= start {
                continue;
            }
            if is_inline(&held)? && (at < start || end < held_end) {
                return Err(refused(cause.at, "a part of an inline extent is replaced"));
            }
            self.tree.remove(held.key)?;
            if at < start {
                let data = with(&held, LEN, start.saturating_sub(at));
                self.tree.put(Found { key: held.key, data, at: held.at })?;
            }
            if end < held_end {
                let offset = u64_le(LAYER, &held.data, OFFSET)?.saturating_add(end.saturating_sub(at));
                let rest = Found { key: key(end), data: with(&held, OFFSET, offset), at: held.at };
                let data = with(&rest, LEN, held_end.saturating_sub(end));
                self.tree.put(Found { data, ..rest })?;
            }
        }
        Ok(())
    }
}

fn is_inline(item: &Found) -> Result<bool> {
    Ok(range(LAYER, &item.data, KIND, 1)? == [INLINE])
}

/// Bytes of the file that an extent is of.
fn len(item: &Found) -> Result<u64> {
    let field = if is_inline(item)? { RAM_BYTES } else { LEN };
    u64_le(LAYER, &item.data, field).map_err(|error| error.at(item.at))
}

/// The item's data with another number in a field.
fn with(item: &Found, field: usize, number: u64) -> Vec<u8> {
    let mut data = item.data.clone();
    if let Some(place) = data.get_mut(field..).and_then(|rest| rest.get_mut(..8)) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    data
}
