//! Whether the object is whole: nothing that the tables name begins at or past its end.
//!
//! An upload that was cut short loses clusters at the end, and nothing in the header shows it. The reference counts do,
//! with two or three reads: if no cluster past the end of the object is counted as used, none is missing. Only where
//! one is (or where the counts need not be right) every L2 table is read, since a count alone may be a leak, which
//! harms nobody.

use super::map::{Map, PAGE};
use crate::disk::{ErrorKind, Result};

/// Bytes of tables that are read at most; beyond that nothing is claimed. 64 MiB of L2 tables map 512 GiB in clusters
/// of 64 KiB.
const MOST: u64 = 64 << 20;
/// Bytes of a refcount table that QEMU opens at most (`QCOW_MAX_REFTABLE_SIZE`).
const LARGEST_REFCOUNT_TABLE: u64 = 8 << 20;
/// Bits 9 to 63 of a refcount table entry ("Host cluster management").
const OFFSET: u64 = !0x1ff;

/// Proves what can be proved at a bounded price.
///
/// # Errors
/// `Corrupt` at the table entry that names something past the end.
pub fn check(map: &Map) -> Result<()> {
    let counted = match counts_are_clean(map) {
        Ok(clean) => clean && !map.header.counts_may_lie(),
        Err(error) if error.kind == ErrorKind::Corrupt => false,
        Err(error) => return Err(error),
    };
    if counted { Ok(()) } else { check_tables(map) }
}

/// True when no cluster past the end of the object has a reference count.
fn counts_are_clean(map: &Map) -> Result<bool> {
    let header = &map.header;
    let per_block = header.cluster_size().saturating_mul(8).checked_shr(header.refcount_order).unwrap_or(1).max(1);
    let first = map.object.len().div_ceil(header.cluster_size());
    let table = header.refcount_table_clusters.saturating_mul(header.cluster_size()).min(LARGEST_REFCOUNT_TABLE);
    let block = first.checked_div(per_block).unwrap_or(0);
    if block >= table / 8 {
        return Ok(true);
    }
    let entry = |index: u64| super::header::entry_at(header.refcount_table_at, index);
    for later in block.saturating_add(1)..table / 8 {
        if map.word(entry(later))? & OFFSET != 0 {
            return Ok(false);
        }
    }
    let counts_at = map.word(entry(block))? & OFFSET;
    if counts_at == 0 {
        return Ok(true);
    }
    // The bits of the counts that lie past `first`; a byte that holds both kinds is looked at from its own start on.
    let bit = first.checked_rem(per_block).unwrap_or(0).checked_shl(header.refcount_order).unwrap_or(0);
    let start = counts_at.saturating_add(bit.div_ceil(8));
    zeros(map, start, counts_at.saturating_add(header.cluster_size()))
}

/// True when the object has nothing but zeros from `at` to `end`.
fn zeros(map: &Map, mut at: u64, end: u64) -> Result<bool> {
    while at < end {
        let page_at = at & !PAGE.saturating_sub(1);
        let page = map.page(page_at)?;
        let from = usize::try_from(at.saturating_sub(page_at)).unwrap_or(usize::MAX);
        let to = usize::try_from(end.saturating_sub(page_at)).unwrap_or(usize::MAX).min(page.len());
        match page.get(from..to) {
            Some(bytes) if bytes.iter().all(|byte| *byte == 0) => {}
            _ => return Ok(false),
        }
        at = page_at.saturating_add(PAGE);
    }
    Ok(true)
}

/// Reads every L2 table.
fn check_tables(map: &Map) -> Result<()> {
    let header = &map.header;
    let mut read = 0_u64;
    for l1_index in 0..header.l1_needed() {
        if l1_index.is_multiple_of(PAGE / 8) {
            read = read.saturating_add(PAGE);
        }
        if read > MOST {
            break;
        }
        let Some(table) = map.l2_table(l1_index)? else { continue };
        read = read.saturating_add(header.cluster_size().max(PAGE));
        for index in 0..1_u64.checked_shl(header.l2_bits()).unwrap_or(0) {
            map.in_table(table, index, 0)?;
        }
    }
    Ok(())
}
