//! The guest's view of a disk that is laid out by tables.

use std::sync::Arc;

use super::cache::{Block, Cache};
use super::layout::{Extent, Layout, Packed};
use crate::disk::ahead::rehearsing;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::slice::check_range;
use crate::disk::{Error, ReadAt, Result};

/// Bytes of unpacked units that are kept.
const KEPT: usize = 4 << 20;
/// Of a unit of at least this size few are kept, and each costs much: its pieces that were wanted are kept beside them,
/// as many bytes as here, for filesystems want a few small ones of many units again and again.
const LARGE: u64 = 512 << 10;
const KEPT_PIECES: usize = 2 << 20;
/// Bytes of such a piece, which begins at a multiple of it.
const PIECE: u64 = 8 << 10;
/// A unit of at least this size that is wanted as a whole is part of a stream: nobody will want it again.
const STREAMED: usize = 64 << 10;
/// Places that lie next to each other are fetched together: at most so many bytes at once, and over gaps that cost less
/// than another request.
const TOGETHER: u64 = 4 << 20;
const GAP: u64 = 64 << 10;
/// Fetched ahead with a unit that is wanted: what lies beside it in the object lies beside it on the disk, only closer.
const AROUND: u64 = 512 << 10;

/// The disk. A hole costs no request, and neighbouring units are read together.
pub struct Disk {
    layout: Arc<dyn Layout>,
    /// Unpacked units, by where on the disk they begin.
    units: Cache,
    /// Pieces of large ones, likewise.
    pieces: Cache,
}

impl Disk {
    /// What `layout` says.
    pub fn new(layout: Arc<dyn Layout>) -> Self {
        Self { layout, units: Cache::new(KEPT), pieces: Cache::new(KEPT_PIECES) }
    }

    fn object(&self) -> &dyn ReadAt {
        self.layout.pages().object.as_ref()
    }

    /// Plain bytes of the object. Its last cluster need not be whole: what is missing there reads as zeros.
    fn read_raw(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let there = self.object().len().saturating_sub(at).min(to_u64(buf.len()));
        let (stored, missing) = self.split(buf, there)?;
        missing.fill(0);
        if stored.is_empty() { Ok(()) } else { self.object().read_exact_at(stored, at) }
    }

    /// Part of a unit, from byte `at` of the disk on.
    fn read_packed(&self, buf: &mut [u8], packed: &Packed, at: u64) -> Result<()> {
        let in_pieces = packed.size >= LARGE && buf.len() < STREAMED;
        if in_pieces && self.read_pieces(buf, at) {
            return Ok(());
        }
        let layer = self.layout.layer();
        let unit = self.unit(packed, buf.len())?;
        let start = to_usize(layer, at.saturating_sub(packed.start))?;
        let found = unit.get(start..start.saturating_add(buf.len()));
        buf.copy_from_slice(
            found.ok_or_else(|| Error::corrupt(layer, packed.at, "a unit unpacks to less than its size"))?,
        );
        if in_pieces {
            self.keep_pieces(&unit, packed.start, at, at.saturating_add(to_u64(buf.len())));
        }
        Ok(())
    }

    /// The unit, for somebody who wants `len` bytes of it.
    fn unit(&self, packed: &Packed, len: usize) -> Result<Block> {
        let unpack = || {
            let layer = self.layout.layer();
            let unit = packed.input(self.object(), layer).and_then(|input| {
                self.units.make_room(packed.size);
                packed.unpack(&input, layer)
            });
            if unit.is_err() && rehearsing() {
                self.object().will_read(packed.at & !AROUND.saturating_sub(1), AROUND)?;
            }
            unit
        };
        // A rehearsal will.
        let whole = len >= STREAMED && to_u64(len) == packed.size && !rehearsing();
        if whole { unpack().map(Block::new) } else { self.units.get_or(packed.start, unpack) }
    }

    /// Fills `buf` from byte `at` of the disk on, where all pieces of it are kept.
    fn read_pieces(&self, mut buf: &mut [u8], mut at: u64) -> bool {
        while !buf.is_empty() {
            let Some(piece) = self.pieces.get(piece_of(at)) else { return false };
            let skipped = usize::try_from(at.saturating_sub(piece_of(at))).unwrap_or(usize::MAX);
            let Some(found) = piece.get(skipped..).filter(|found| !found.is_empty()) else { return false };
            let len = found.len().min(buf.len());
            let Some((now, later)) = buf.split_at_mut_checked(len) else { return false };
            now.copy_from_slice(found.get(..len).unwrap_or_default());
            (buf, at) = (later, at.saturating_add(to_u64(len)));
        }
        true
    }

    /// Keeps the pieces of `at .. end` that lie within `unit`, which begins at byte `start` of the disk.
    fn keep_pieces(&self, unit: &[u8], start: u64, at: u64, end: u64) {
        let mut piece = piece_of(at);
        while piece < end {
            let next = piece.saturating_add(PIECE);
            let place = |at: u64| at.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            if let Some(bytes) = place(piece).zip(place(next)).and_then(|(from, to)| unit.get(from..to)) {
                self.pieces.put(piece, &Block::new(bytes.to_vec()));
            }
            piece = next;
        }
    }

    /// Announces what `at .. end` is stored in, so that what lies together comes with one request. Writers that compress
    /// several units at once do not keep the guest's order, and store plain what does not shrink. Returns how far that
    /// was done.
    fn announce(&self, at: u64, end: u64) -> Result<u64> {
        let mut places = Vec::new();
        let next = self.places(at, end, &mut places)?;
        will_read(self.object(), places)?;
        Ok(next)
    }

    /// Collects where in the object `at .. end` is stored, and returns how far that was done.
    fn places(&self, at: u64, end: u64, places: &mut Vec<(u64, u64)>) -> Result<u64> {
        let mut next = at;
        let mut total = 0_u64;
        while next < end && total < TOGETHER {
            let (extent, run) = self.layout.find(next, end.saturating_sub(next))?;
            let run = run.min(end.saturating_sub(next)).min(TOGETHER);
            let place = match extent {
                Extent::Hole | Extent::Zero | Extent::Missing(_) => None,
                Extent::Raw { at } => Some((at, run)),
                Extent::Packed(Packed { at, len, .. }) => Some((at, len)),
            };
            if let Some((from, len)) = place {
                places.push((from, from.saturating_add(len)));
                total = total.saturating_add(len);
            }
            next = next.saturating_add(run);
        }
        Ok(next)
    }

    /// `buf` in two, the first part of `len` bytes.
    fn split<'a>(&self, buf: &'a mut [u8], len: u64) -> Result<(&'a mut [u8], &'a mut [u8])> {
        let layer = self.layout.layer();
        let len = to_usize(layer, len)?;
        buf.split_at_mut_checked(len).ok_or_else(|| Error::corrupt(layer, 0, "a read past its own end"))
    }
}

/// Where the piece begins that holds byte `at` of the disk.
fn piece_of(at: u64) -> u64 {
    at & !PIECE.saturating_sub(1)
}

/// Announces places (from, to) of an object: those that lie close together as one.
pub fn will_read(object: &dyn ReadAt, mut places: Vec<(u64, u64)>) -> Result<()> {
    places.sort_unstable();
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (from, to) in places {
        let to = to.min(object.len());
        match spans.last_mut() {
            _ if from >= to => {}
            Some(last) if from <= last.1.saturating_add(GAP) => last.1 = last.1.max(to),
            _ => spans.push((from, to)),
        }
    }
    let spans: Vec<_> = spans.into_iter().map(|(from, to)| (from, to.saturating_sub(from))).collect();
    object.will_read_all(&spans)
}

impl ReadAt for Disk {
    fn len(&self) -> u64 {
        self.layout.size()
    }

    fn read_exact_at(&self, mut buf: &mut [u8], mut at: u64) -> Result<()> {
        check_range(self.layout.layer(), self.len(), at, buf.len())?;
        let mut announced = at;
        while !buf.is_empty() {
            let want = to_u64(buf.len());
            let (extent, run) = self.layout.find(at, want)?;
            if run < want && at >= announced {
                announced = self.announce(at, at.saturating_add(want))?;
            }
            let run = run.clamp(1, want);
            let (now, later) = self.split(buf, run)?;
            match extent {
                Extent::Hole | Extent::Zero => now.fill(0),
                Extent::Raw { at: host } => self.read_raw(now, host)?,
                Extent::Packed(packed) => self.read_packed(now, &packed, at)?,
                Extent::Missing(missing) => return Err(missing.error(self.layout.layer())),
            }
            buf = later;
            at = at.saturating_add(run);
        }
        Ok(())
    }

    /// Passed on as places of the object, within what is announced at once.
    fn will_read(&self, at: u64, len: u64) -> Result<()> {
        self.will_read_all(&[(at, len)])
    }

    fn will_read_all(&self, places: &[(u64, u64)]) -> Result<()> {
        let mut stored = Vec::new();
        for (at, len) in places.iter().filter(|(at, len)| *len > 0 && *at < self.len()) {
            self.places(*at, at.saturating_add(*len).min(self.len()), &mut stored)?;
        }
        will_read(self.object(), stored)
    }
}
