//! The table of internal snapshots ("Snapshots"). The active disk is what is imported, so no snapshot is followed; but QEMU
//! opens no image of which an entry has more extra data than it keeps.

use super::LAYER;
use super::header::Header;
use crate::disk::container::pages::Pages;
use crate::disk::{Error, Result};

/// Bytes of an entry before its extra data and its strings, and where in it their lengths lie.
const FIXED: u64 = 40;
const ID_SIZE: u64 = 12;
const NAME_SIZE: u64 = 14;
const EXTRA_SIZE: u64 = 36;
/// `QCOW_MAX_SNAPSHOT_EXTRA_DATA` of block/qcow2.h.
const MOST_EXTRA: u64 = 1024;
/// Pages and entries that are looked at: a table of a thousand snapshots.
const MOST_PAGES: u64 = 8;
const MOST: u32 = 4096;

/// Looks through the entries that are there.
///
/// # Errors
/// `Corrupt` at an entry that QEMU opens no image with, and those of the object.
pub fn check(header: &Header, pages: &Pages) -> Result<()> {
    let end = pages.fetched().saturating_add(MOST_PAGES);
    let mut at = header.snapshots_at;
    for number in 0..header.snapshots.min(MOST) {
        // Past the end of the object QEMU reads zeros, which are an entry too.
        if at.saturating_add(FIXED) > pages.object.len() || pages.fetched() >= end {
            return Ok(());
        }
        let byte = |at: u64| pages.page(at)?.byte(at).map(u64::from);
        // A field may lie across two pages.
        let field = |at: u64, len: u64| -> Result<u64> {
            (0..len).try_fold(0_u64, |value, index| Ok(value << 8_u32 | byte(at.saturating_add(index))?))
        };
        let extra = field(at.saturating_add(EXTRA_SIZE), 4)?;
        if extra > MOST_EXTRA {
            let what = format!("snapshot {number} has {extra} bytes of extra data, and QEMU opens no more than 1024");
            return Err(Error::corrupt(LAYER, at.saturating_add(EXTRA_SIZE), what));
        }
        let strings = field(at.saturating_add(ID_SIZE), 2)?.saturating_add(field(at.saturating_add(NAME_SIZE), 2)?);
        at = at
            .saturating_add(FIXED)
            .saturating_add(extra)
            .saturating_add(strings)
            .checked_next_multiple_of(8)
            .unwrap_or(u64::MAX);
    }
    Ok(())
}
