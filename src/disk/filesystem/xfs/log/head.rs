//! Where the log ends and from where it must be replayed (xfs_log_recover.c, `xlog_find_head`, `xlog_find_tail`,
//! `xlog_verify_head`).

use super::super::LAYER;
use super::super::superblock::Superblock;
use super::record::Header;
use super::ring::{BLOCK_LEN, MAGIC, Ring, cycle};
use crate::disk::bytes::{to_u64, to_usize, u32_be};
use crate::disk::{Error, Result};

/// Records may be written out of order, so many blocks before what looks like the head are looked at: eight records
/// of 256 KiB (`XLOG_TOTAL_REC_SHIFT`).
const WINDOW: u64 = 4096;
/// `XLOG_MAX_ICLOGS`: so many records may be torn.
const MAX_TORN: usize = 8;
/// Blocks read after the superblock's last change, where the head of a clean log is.
const GLANCE: u64 = 512;

/// A stretch of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// First block.
    pub tail: u64,
    pub blocks: u64,
}

/// What must be replayed; `None` where the log is clean.
pub(super) fn find(ring: &Ring, superblock: &Superblock) -> Result<Option<Span>> {
    if superblock.features.v5 && is_clean_at(ring, superblock.lsn & 0xFFFF_FFFF)? {
        return Ok(None);
    }
    let Some((head, stop)) = seek(ring)? else { return Ok(None) };
    let count = WINDOW.min(ring.len);
    let first = head.saturating_add(ring.len).saturating_sub(count);
    let window = ring.read(first, count)?;
    let written = first_stale(&window, first, ring, stop)?;
    let newest = |end| {
        let none = || Error::corrupt(LAYER, ring.at(ring.wrap(head)), "no record before the head of the log");
        Newest::before(&window, end).ok_or_else(none)
    };

    // A record that does not end at the head was not written to its end.
    let mut record = newest(written)?;
    if !record.is_whole()? {
        record = newest(record.place)?;
    }
    if record.is_unmount(&window)? {
        return Ok(None);
    }
    if let Some(torn) = first_torn(&window, record.end) {
        record = newest(torn)?;
        if record.is_unmount(&window)? {
            return Ok(None);
        }
    }
    let head = ring.wrap(first.saturating_add(to_u64(record.end)));
    span(ring, head, ring.wrap(first.saturating_add(to_u64(record.place))), &record.header)
}

/// From the tail that the newest record, at block `begins`, names to the head.
fn span(ring: &Ring, head: u64, begins: u64, newest: &Header) -> Result<Option<Span>> {
    let tail = newest.tail & 0xFFFF_FFFF;
    // The newest record may be one round ahead of the tail, and then is before it.
    let fits = match u64::from(newest.cycle).checked_sub(newest.tail >> 32) {
        Some(0) => tail <= begins,
        Some(1) => tail > begins,
        _ => false,
    };
    if tail >= ring.len || !fits {
        return Err(Error::corrupt(LAYER, ring.at(begins), "the tail of the log is not behind its head"));
    }
    let blocks = ring.wrap(head.saturating_add(ring.len).saturating_sub(tail));
    Ok((blocks > 0).then_some(Span { tail, blocks }))
}

/// Whether an unmount record is at the head, and the head soon after block `at`.
fn is_clean_at(ring: &Ring, at: u64) -> Result<bool> {
    if at >= ring.len {
        return Ok(false);
    }
    let window = ring.read(at, GLANCE.min(ring.len.saturating_sub(at)))?;
    let cycles: Vec<u32> = window.chunks_exact(BLOCK_LEN).map(cycle).collect::<Result<_>>()?;
    let falls = cycles.windows(2).position(|pair| matches!(pair, [a, b] if b.checked_add(1) == Some(*a)));
    let Some(end) = falls.map(|last| last.saturating_add(1)) else { return Ok(false) };
    match Newest::before(&window, end) {
        Some(record) if record.end == end => record.is_unmount(&window),
        _ => Ok(false),
    }
}

/// The first block of the round before the newest, by bisection, and the number that no block before it may bear;
/// `None` in a log that was never written. Where all blocks are of one round the head is after the last.
fn seek(ring: &Ring) -> Result<Option<(u64, u32)>> {
    let cycle_at = |block| ring.read(block, 1).and_then(|bytes| cycle(&bytes));
    let first = cycle_at(0)?;
    if first == 0 {
        return Ok(None);
    }
    let last = cycle_at(ring.len.saturating_sub(1))?;
    if last == first {
        return Ok(Some((ring.len, last.wrapping_sub(1))));
    }
    if last == 0 && first != 1 {
        return Err(Error::corrupt(LAYER, ring.at(0), "the log is none"));
    }
    let (mut newer, mut older) = (0, ring.len.saturating_sub(1));
    while older.saturating_sub(newer) > 1 {
        let middle = newer.midpoint(older);
        if cycle_at(middle)? == last { older = middle } else { newer = middle }
    }
    Ok(Some((older, last)))
}

/// Place in the window, which begins at block `first` of the log counted from a round ago, of the first block that an
/// older round left: a record there was not written, though later ones were. At most the whole window.
fn first_stale(window: &[u8], first: u64, ring: &Ring, stop: u32) -> Result<usize> {
    for ((place, block), number) in window.chunks_exact(BLOCK_LEN).enumerate().zip(first..) {
        let stale = if number < ring.len { stop.wrapping_sub(1) } else { stop };
        if cycle(block)? == stale {
            return Ok(place);
        }
    }
    Ok(window.len() / BLOCK_LEN)
}

/// The newest record of a window: its header, where that is, and where the log ends; in blocks of the window.
struct Newest {
    place: usize,
    header: Header,
    end: usize,
}

impl Newest {
    /// The last record that begins before `end`. What bears the mark of a header and is none ends the log.
    fn before(window: &[u8], mut end: usize) -> Option<Self> {
        for (place, block) in window.chunks_exact(BLOCK_LEN).take(end).enumerate().rev() {
            if is_marked(block) {
                match Header::parse(block) {
                    Some(header) => return Some(Self { place, header, end }),
                    None => end = place,
                }
            }
        }
        None
    }

    /// Whether the record ends where the log does.
    fn is_whole(&self) -> Result<bool> {
        Ok(self.place.saturating_add(to_usize(LAYER, self.header.blocks)?) == self.end)
    }

    /// Whether the record says that the filesystem was unmounted, and nothing follows.
    fn is_unmount(&self, window: &[u8]) -> Result<bool> {
        Ok(self.is_whole()? && self.header.is_unmount(from(window, self.place)))
    }
}

/// The first of the last records before block `end` that does not fit its checksum.
fn first_torn(window: &[u8], end: usize) -> Option<usize> {
    let marked = window.chunks_exact(BLOCK_LEN).take(end).enumerate().rev().filter(|(_, block)| is_marked(block));
    let torn = marked
        .take(MAX_TORN)
        .filter(|(place, block)| Header::parse(block).is_none_or(|header| !header.fits(from(window, *place))));
    torn.map(|(place, _)| place).last()
}

fn is_marked(block: &[u8]) -> bool {
    u32_be(LAYER, block, 0) == Ok(MAGIC)
}

/// The window from block `place` on.
fn from(window: &[u8], place: usize) -> &[u8] {
    window.get(place.saturating_mul(BLOCK_LEN)..).unwrap_or_default()
}
