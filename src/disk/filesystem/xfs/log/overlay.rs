//! The volume with the log's changes laid over it.
//!
//! Changes that touch a common block are kept in one region, in order. They are made when the region is read, onto
//! what the volume has there: a change that is older than what is there is passed over (`xlog_recover_get_buf_lsn`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::superblock::Superblock;
use super::super::{LAYER, checksum, inode, map, u8_at};
use super::item::{Change, Extent, Fork};
use super::ring::BLOCK;
use crate::disk::bytes::{array, range, to_u64, to_usize, u16_be, u16_le, u64_be};
use crate::disk::{Error, ReadAt, Result, check_range};

/// The most that all changes may hold in memory.
const MAX_HELD: usize = 128 << 20;
/// The most that one region may span, in blocks of 512 bytes: buffers overlap only where blocks were used anew.
const MAX_REGION: u64 = (2 << 20) / BLOCK;
/// `DI_MAX_FLUSH`.
const MAX_FLUSH: u16 = 0xFFFF;

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
        if self.held > MAX_HELD || region.end.saturating_sub(start) > MAX_REGION {
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
        for Logged { lsn, change, .. } in &region.changes {
            let Some(place) = self.place(change) else { continue };
            let from = to_usize(LAYER, place.start.saturating_sub(start).saturating_mul(BLOCK))?;
            let to = from.saturating_add(to_usize(LAYER, place.len.saturating_mul(BLOCK))?);
            let Some(part) = bytes.get_mut(from..to) else { continue };
            match change {
                Change::Buffer { pieces, .. } => self.change_buffer(part, pieces, *lsn),
                Change::Inodes { first, generation, .. } => self.make_inodes(part, *first, *generation)?,
                Change::Inode { offset, core, fork, .. } => {
                    let within = to_usize(LAYER, offset % BLOCK)?;
                    let end = within.saturating_add(to_usize(LAYER, self.superblock.inode_size)?);
                    let at = place.start.saturating_mul(BLOCK).saturating_add(offset % BLOCK);
                    let inode = part.get_mut(within..end).unwrap_or_default();
                    self.change_inode(inode, core, fork.as_ref(), *lsn).map_err(|error| error.at(at))?;
                }
                Change::Cancel { .. } | Change::Intent(_) => {}
            }
        }
        Ok(bytes)
    }

    fn change_buffer(&self, buffer: &mut [u8], pieces: &[(usize, Vec<u8>)], lsn: u64) {
        if self.superblock.features.v5
            && let Some(seal) = checksum::seal(buffer)
            && let (Ok(found), Ok(uuid)) = (u64_be(LAYER, buffer, seal.lsn), array(LAYER, buffer, seal.uuid))
            && (uuid == self.superblock.meta_uuid || uuid == self.superblock.uuid)
            && found != 0
            && found != u64::MAX
            && found >= lsn
        {
            return;
        }
        for (at, piece) in pieces {
            put(buffer, *at, piece);
        }
        if self.superblock.features.v5
            && let Some(seal) = checksum::seal(buffer)
        {
            checksum::renew(buffer, seal.crc);
        }
    }

    /// `xfs_ialloc_inode_init`, of version 3 alone: others are logged as buffers.
    fn make_inodes(&self, buffer: &mut [u8], first: u64, generation: u32) -> Result<()> {
        let size = to_usize(LAYER, self.superblock.inode_size)?;
        for (inode, node) in buffer.chunks_exact_mut(size).zip(first..) {
            inode.fill(0);
            put(inode, 0, &inode::MAGIC);
            put(inode, 4, &[3]);
            put(inode, 92, &generation.to_be_bytes());
            put(inode, 96, &[0xFF; 4]);
            put(inode, 152, &node.to_be_bytes());
            put(inode, 160, &self.superblock.meta_uuid);
            checksum::renew(inode, inode::CRC_AT);
        }
        Ok(())
    }

    /// `xlog_recover_inode_commit_pass2`.
    fn change_inode(&self, inode: &mut [u8], core: &[u8], fork: Option<&Fork>, lsn: u64) -> Result<()> {
        let corrupt = |what| Error::corrupt(LAYER, 0, what);
        if range(LAYER, inode, 0, 2)? != inode::MAGIC || u16_le(LAYER, core, 0)?.to_be_bytes() != inode::MAGIC {
            return Err(corrupt("the log changes an inode that is none"));
        }
        let v5 = self.superblock.features.v5;
        if u8_at(inode, 4)? >= 3 {
            let found = u64_be(LAYER, inode, 112)?;
            if found != 0 && found != u64::MAX && found > lsn {
                return Ok(());
            }
        }
        if !v5 {
            let (found, logged) = (u16_be(LAYER, inode, 30)?, u16_le(LAYER, core, 30)?);
            if logged < found && !(found == MAX_FLUSH && logged < MAX_FLUSH / 2) {
                return Ok(());
            }
        }
        put_core(inode, core, lsn)?;
        let place = inode::data_fork(inode)?;
        let target = inode.get_mut(place).unwrap_or_default();
        match fork {
            Some(Fork::Plain(content)) => {
                let too_long = || corrupt("the log has an inode's fork that passes its end");
                let len = content.len();
                target.get_mut(..len).ok_or_else(too_long)?.copy_from_slice(content);
            }
            Some(Fork::Root(root)) => put_root(target, root, v5)?,
            None => {}
        }
        if v5 {
            checksum::renew(inode, inode::CRC_AT);
        }
        Ok(())
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
    let Some(Logged { change: last, .. }) = changes.last_mut() else { return 0 };
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
            changes.pop();
            before
        }
        _ => 0,
    }
}

fn put(to: &mut [u8], at: usize, bytes: &[u8]) {
    to.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}

/// The core of an inode, its numbers turned (`xfs_log_dinode_to_disk`). The link to the next deleted inode stays, the
/// count of writes begins anew, and the place in the log is that of this change.
fn put_core(inode: &mut [u8], core: &[u8], lsn: u64) -> Result<()> {
    // Offset and length of every number; times are pairs or one number, and are not read.
    const NUMBERS: [(usize, usize); 19] = [
        (2, 2),
        (8, 4),
        (12, 4),
        (16, 4),
        (20, 2),
        (22, 2),
        (32, 4),
        (36, 4),
        (40, 4),
        (44, 4),
        (48, 4),
        (52, 4),
        (56, 8),
        (64, 8),
        (72, 4),
        (76, 4),
        (80, 2),
        (90, 2),
        (92, 4),
    ];
    const NUMBERS_3: [(usize, usize); 5] = [(24, 8), (104, 8), (120, 8), (128, 4), (152, 8)];
    let v3 = u8_at(core, 4)? == 3;
    range(LAYER, core, 0, if v3 { 176 } else { 96 })?;
    let more = if v3 { NUMBERS_3.as_slice() } else { &[] };
    for (at, len) in NUMBERS.iter().chain(more) {
        let number: Vec<u8> = range(LAYER, core, *at, *len)?.iter().rev().copied().collect();
        put(inode, *at, &number);
    }
    // Version, format; offset of the attribute fork and its format.
    put(inode, 4, range(LAYER, core, 4, 2)?);
    put(inode, 6, &[0; 2]);
    put(inode, 82, range(LAYER, core, 82, 2)?);
    if v3 {
        put(inode, 112, &lsn.to_be_bytes());
        put(inode, 160, range(LAYER, core, 160, 16)?);
    } else {
        put(inode, 24, &[0; 8]);
    }
    Ok(())
}

/// The root of a tree of extents: in memory a whole block, in the inode without what it says of itself
/// (`xfs_bmbt_to_bmdr`).
fn put_root(fork: &mut [u8], root: &[u8], v5: bool) -> Result<()> {
    let header = if v5 { map::HEADER_5 } else { map::HEADER_4 };
    let count = usize::from(u16_be(LAYER, root, 6)?);
    let keys = range(LAYER, root, header, count.saturating_mul(8))?;
    let room = root.len().saturating_sub(header) / 16;
    let pointers = range(LAYER, root, header.saturating_add(room.saturating_mul(8)), count.saturating_mul(8))?;
    let room = fork.len().saturating_sub(4) / 16;
    if count > room {
        return Err(Error::corrupt(LAYER, 0, "the log has a tree of extents that its inode cannot hold"));
    }
    put(fork, 0, range(LAYER, root, 4, 4)?);
    put(fork, 4, keys);
    put(fork, 4_usize.saturating_add(room.saturating_mul(8)), pointers);
    Ok(())
}
