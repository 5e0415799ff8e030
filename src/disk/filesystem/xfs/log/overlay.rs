//! The volume with the log's changes laid over it.
//!
//! Changes that touch a common block are kept in one region, in order. They are made when the region is read, onto
//! what the volume has there: a change that is older than what is there is passed over (`xlog_recover_get_buf_lsn`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::LAYER;
use super::super::superblock::Superblock;
use super::change;
use super::item::{Change, Extent, Fork};
use super::ring::BLOCK;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result, check_range};

/// The most that all changes may hold in memory.
const MAX_HELD: usize = 128 << 20;
/// The most that one region may span, in blocks of 512 bytes: buffers overlap only where blocks were used anew.
const MAX_REGION: u64 = (2 << 20) / BLOCK;

/// The most changes of one region, all of which are made anew whenever it is read.
const MAX_CHANGES: usize = 4096;

/// The volume as it is after the replay.
pub(super) struct Overlay {
    below: Arc<dyn ReadAt>,
    superblock: Superblock,
    /// By their first block of 512 bytes. They do not touch each other.
    regions: BTreeMap<u64, Region>,
    held: usize,
    count: u64,
}

struct Region {
    end: u64,
    changes: Vec<Logged>,
}

/// A change, the how manieth it is, and the place in the log of its transaction.
struct Logged {
    number: u64,
    lsn: u64,
    change: Change,
}

impl Overlay {
    pub(super) fn new(below: Arc<dyn ReadAt>, superblock: Superblock) -> Self {
        Self { below, superblock, regions: BTreeMap::new(), held: 0, count: 0 }
    }

    /// Adds a change that the log made at `lsn`.
    pub(super) fn add(&mut self, change: Change, lsn: u64) -> Result<()> {
        if let Change::Cancel { buffer } = change {
            self.cancel(buffer);
            return Ok(());
        }
        let Some(place) = self.place(&change) else { return Ok(()) };
        self.held = self.held.saturating_add(size(&change));
        let mut region = Region { end: place.end(), changes: Vec::new() };
        let mut start = place.start;
        // Regions do not touch each other, so the first that ends before the place has nothing of it before it either.
        while let Some((at, _)) = self.regions.range(..place.end()).next_back().filter(|(_, r)| r.end > place.start) {
            let at = *at;
            let Some(mut other) = self.regions.remove(&at) else { break };
            start = start.min(at);
            region.end = region.end.max(other.end);
            other.changes.append(&mut region.changes);
            region.changes = other.changes;
        }
        region.changes.sort_by_key(|logged| logged.number);
        let dropped = supersede(&mut region.changes, &change);
        self.held = self.held.saturating_sub(dropped);
        region.changes.push(Logged { number: self.count, lsn, change });
        self.count = self.count.saturating_add(1);
        let span = region.end.saturating_sub(start);
        if self.held > MAX_HELD || span > MAX_REGION || region.changes.len() > MAX_CHANGES {
            return Err(Error::limit(LAYER, "a log of too many changes"));
        }
        self.regions.insert(start, region);
        Ok(())
    }

    /// Forgets what came before of a buffer.
    fn cancel(&mut self, buffer: Extent) {
        for (_, region) in self.regions.range_mut(..buffer.end()).rev().take_while(|(_, r)| r.end > buffer.start) {
            region.changes.retain(|Logged { change, .. }| {
                let kept = of(change) != Some(buffer);
                if !kept {
                    self.held = self.held.saturating_sub(size(change));
                }
                kept
            });
        }
    }

    /// The blocks that a change can change.
    fn place(&self, change: &Change) -> Option<Extent> {
        let Change::Inode { buffer, offset, .. } = change else { return of(change) };
        let start = buffer.start.saturating_add(offset / BLOCK);
        let end = offset.saturating_add(self.superblock.inode_size).div_ceil(BLOCK);
        Some(Extent { start, len: end.saturating_sub(offset / BLOCK) })
    }

    /// A region as the replay leaves it.
    fn replayed(&self, start: u64, region: &Region) -> Result<Vec<u8>> {
        let len = to_usize(LAYER, region.end.saturating_sub(start).saturating_mul(BLOCK))?;
        let mut bytes = self.below.read_vec_at(start.saturating_mul(BLOCK), len)?;
        for Logged { lsn, change: made, .. } in &region.changes {
            let Some(place) = self.place(made) else { continue };
            let from = to_usize(LAYER, place.start.saturating_sub(start).saturating_mul(BLOCK))?;
            let to = from.saturating_add(to_usize(LAYER, place.len.saturating_mul(BLOCK))?);
            let Some(part) = bytes.get_mut(from..to) else { continue };
            match made {
                Change::Buffer { pieces, .. } => change::buffer(&self.superblock, part, pieces, *lsn),
                Change::Inodes { first, generation, .. } => {
                    change::new_inodes(&self.superblock, part, *first, *generation)?;
                }
                Change::Inode { offset, core, fork, .. } => {
                    let within = to_usize(LAYER, offset % BLOCK)?;
                    let end = within.saturating_add(to_usize(LAYER, self.superblock.inode_size)?);
                    let at = place.start.saturating_mul(BLOCK).saturating_add(offset % BLOCK);
                    let inode = part.get_mut(within..end).unwrap_or_default();
                    change::inode(&self.superblock, inode, core, fork.as_ref(), *lsn).map_err(|error| error.at(at))?;
                }
                Change::Cancel { .. } | Change::Intent(_) => {}
            }
        }
        Ok(bytes)
    }
}

impl ReadAt for Overlay {
    fn len(&self) -> u64 {
        self.below.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range(LAYER, self.len(), at, buf.len())?;
        self.below.read_exact_at(buf, at)?;
        let end = at.saturating_add(to_u64(buf.len()));
        let touched = self.regions.range(..end.div_ceil(BLOCK)).rev();
        for (start, region) in touched.take_while(|(_, region)| region.end.saturating_mul(BLOCK) > at) {
            let bytes = self.replayed(*start, region)?;
            let region_at = start.saturating_mul(BLOCK);
            let skip = to_usize(LAYER, at.saturating_sub(region_at))?;
            let place = to_usize(LAYER, region_at.saturating_sub(at))?;
            let from = bytes.get(skip..).unwrap_or_default();
            buf.iter_mut().skip(place).zip(from).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }

    fn will_read(&self, at: u64, len: u64) -> Result<()> {
        self.below.will_read(at, len)
    }
}

/// The buffer a change is of, by which it is cancelled.
fn of(change: &Change) -> Option<Extent> {
    match change {
        Change::Buffer { buffer, .. } | Change::Inodes { buffer, .. } | Change::Inode { buffer, .. } => Some(*buffer),
        Change::Cancel { .. } | Change::Intent(_) => None,
    }
}

/// Roughly what a change holds in memory.
fn size(change: &Change) -> usize {
    let held = match change {
        Change::Buffer { pieces, .. } => pieces.iter().map(|(_, piece)| piece.len().saturating_add(32)).sum(),
        Change::Inode { core, fork: Some(Fork::Plain(fork) | Fork::Root(fork)), .. } => {
            core.len().saturating_add(fork.len())
        }
        Change::Inode { core, fork: None, .. } => core.len(),
        Change::Inodes { .. } | Change::Cancel { .. } | Change::Intent(_) => 0,
    };
    held.saturating_add(128)
}

/// Forgets what a newer change makes anew in any case: where the older one is made the newer one is too. Gives what
/// that no longer holds.
fn supersede(changes: &mut Vec<Logged>, newer: &Change) -> usize {
    // Inodes of a buffer do not touch each other: what came between of others does not matter.
    let matters = |logged: &Logged| match (&logged.change, newer) {
        (Change::Inode { buffer: a, offset: i, .. }, Change::Inode { buffer: b, offset: j, .. }) => (a, i) == (b, j),
        _ => true,
    };
    let Some(place) = changes.iter().rposition(matters) else { return 0 };
    let Some(Logged { change: last, .. }) = changes.get_mut(place) else { return 0 };
    let before = size(last);
    match (&mut *last, newer) {
        (Change::Buffer { buffer: a, pieces: old }, Change::Buffer { buffer: b, pieces: new }) if *a == *b => {
            let covers = |at: usize, len: usize| {
                new.iter()
                    .any(|(from, piece)| *from <= at && at.saturating_add(len) <= from.saturating_add(piece.len()))
            };
            old.retain(|(at, piece)| !covers(*at, piece.len()));
            before.saturating_sub(size(last))
        }
        (
            Change::Inode { buffer: a, offset: i, fork: old, .. },
            Change::Inode { buffer: b, offset: j, fork: new, .. },
        ) if (*a, *i) == (*b, *j) && (new.is_some() || old.is_none()) => {
            changes.remove(place);
            before
        }
        _ => 0,
    }
}
