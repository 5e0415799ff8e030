//! What tells of the object's length where there are more L2 tables than are read. The L1 table says where each of them
//! lies; the reference counts, whether any cluster past the end of the object is in use. That takes two or three reads. A
//! count alone may be a leak, which harms nobody, so the counts prove that an object is whole and never that it is not.

use super::header::entry_at;
use super::map::Map;
use crate::disk::container::pages::PAGE;
use crate::disk::container::scan::Scan;
use crate::disk::{ErrorKind, Result};

/// Bytes of a refcount table that QEMU opens at most (`QCOW_MAX_REFTABLE_SIZE`).
const LARGEST_TABLE: u64 = 8 << 20;
/// Bits 9 to 63 of a refcount table entry ("Host cluster management").
const OFFSET: u64 = !0x1ff;

/// Entries of an L1 table that are looked at: 4 MiB of them, which is a disk of 256 TiB in clusters of 64 KiB.
const MOST_ENTRIES: u64 = 512 << 10;

/// Completes what a pass found that did not reach all tables.
///
/// # Errors
/// `Corrupt` at an entry of the L1 table that contradicts the format, and those of the object.
pub fn complete(map: &Map, found: &mut Scan) -> Result<()> {
    if found.complete || found.missing.is_some() || map.header.counts_may_lie() || map.header.l1_needed() > MOST_ENTRIES
    {
        return Ok(());
    }
    if let Some(lost) = map.lost_table()? {
        found.miss(lost);
        return Ok(());
    }
    match none_past_the_end(map) {
        Err(error) if error.kind == ErrorKind::Corrupt => {}
        proven => found.complete = proven?,
    }
    Ok(())
}

/// True when no cluster past the end of the object has a reference count.
fn none_past_the_end(map: &Map) -> Result<bool> {
    let header = &map.header;
    let per_block = header.cluster_size().saturating_mul(8).checked_shr(header.refcount_order).unwrap_or(1).max(1);
    let first = map.pages.object.len().div_ceil(header.cluster_size());
    let table = header.refcount_table_clusters.saturating_mul(header.cluster_size()).min(LARGEST_TABLE);
    let block = first.checked_div(per_block).unwrap_or(0);
    if block >= table / 8 {
        return Ok(true);
    }
    let entry = |index: u64| entry_at(header.refcount_table_at, index);
    let word = |at: u64| map.pages.page(at)?.u64_be(at);
    for later in block.saturating_add(1)..table / 8 {
        if word(entry(later))? & OFFSET != 0 {
            return Ok(false);
        }
    }
    let counts_at = word(entry(block))? & OFFSET;
    if counts_at == 0 {
        return Ok(true);
    }
    // Counts of less than a byte begin at its lowest bit.
    let bit = first.checked_rem(per_block).unwrap_or(0).checked_shl(header.refcount_order).unwrap_or(0);
    let at = counts_at.saturating_add(bit / 8);
    let shared = map.pages.page(at)?.byte(at)?.checked_shr(u32::try_from(bit % 8).unwrap_or(0)).unwrap_or(0);
    Ok(shared == 0 && zeros(map, at.saturating_add(1), counts_at.saturating_add(header.cluster_size()))?)
}

/// True when the object has nothing but zeros from `at` to `end`.
fn zeros(map: &Map, mut at: u64, end: u64) -> Result<bool> {
    while at < end {
        let page = map.pages.page(at)?;
        let from = usize::try_from(at.saturating_sub(page.start)).unwrap_or(usize::MAX);
        let to = usize::try_from(end.saturating_sub(page.start)).unwrap_or(usize::MAX).min(page.bytes.len());
        match page.bytes.get(from..to) {
            Some(bytes) if bytes.iter().all(|byte| *byte == 0) => {}
            _ => return Ok(false),
        }
        at = page.start.saturating_add(PAGE);
    }
    Ok(true)
}
