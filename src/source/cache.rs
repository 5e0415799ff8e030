//! Reads of any size and place, made into few requests: units of 128 KiB, read ahead where reading goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::meter::{Meter, Read};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result, ahead, check_range};

/// The cache's unit, and the least that is asked for.
const UNIT: u64 = 128 << 10;
/// The most that is read ahead, in units: 1 MiB.
const AHEAD_MAX: u64 = 8;
/// The most that is asked for at once, in units: 4 MiB, which need not begin where a unit does.
const REQUEST_MAX: u64 = 33;
/// Units between two that are wanted which are fetched with them, rather than with another request.
const GAP: u64 = 2;
/// The most units that are fetched side by side: they are not to push out one another.
const AT_ONCE: usize = 48;
/// Units that are kept: 14 MiB. The whole worker stays below 48 MiB.
const KEPT: usize = 112;
/// The most of them that wait for their first reader: a stream has room beside them.
const WAITING: usize = 64;
/// A unit that came with so many others is part of a stream: once it was read to its end, it goes before all others.
const STREAM: u64 = AHEAD_MAX;
/// The most of a stream that is asked for at once.
const STREAM_MAX: u64 = 4 << 20;
/// Times of use begin here; below are those of units that may go first.
const FRESH: u64 = 1 << 62;
/// And here those of units that were fetched ahead and that nobody has read yet: they go last.
const AWAITED: u64 = FRESH + (1 << 61);

/// Where bytes come from, at a price.
pub(crate) trait Fetch: Send + Sync {
    /// Size in bytes.
    fn len(&self) -> u64;
    /// Exactly the bytes `from .. to`, which lie within the size.
    fn fetch(&self, from: u64, to: u64) -> Result<Bytes>;
    /// Exactly the bytes of each of these ranges, fetched side by side where that is possible.
    fn fetch_all(&self, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>> {
        ranges.iter().map(|(from, to)| self.fetch(*from, *to)).collect()
    }
    /// Refuses when the budget is used up.
    fn check(&self) -> Result<()>;
}

/// A [`ReadAt`] that remembers what it fetched.
pub(crate) struct Cached<F> {
    inner: F,
    meter: Arc<Meter>,
    units: Mutex<Units>,
}

impl<F: Fetch> Cached<F> {
    /// `head` are the first bytes, which were fetched already: at most one unit.
    pub(crate) fn new(inner: F, head: Bytes, meter: Arc<Meter>) -> Self {
        let mut units = Units::default();
        if to_u64(head.len()) == UNIT.min(inner.len()) {
            units.insert(0, head, 1);
        }
        Self { inner, meter, units: Mutex::new(units) }
    }

    /// Notes what a rehearsal announces and is not there.
    fn lacks(&self, units: &Units, at: u64, len: u64) {
        let last = at.saturating_add(len).min(self.inner.len()).saturating_sub(1) / UNIT;
        if len > 0 && (at / UNIT..=last).any(|unit| !units.has(unit)) {
            ahead::lack(at, len);
        }
    }

    fn units(&self) -> MutexGuard<'_, Units> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches exactly these bytes, past the cache, where none of them is there: of a stream nothing is read twice.
    /// False where that is not so. Nothing is locked while bytes are on their way, here or elsewhere: whoever converts a
    /// disk reads it with several threads.
    fn stream(&self, buf: &mut [u8], at: u64) -> Result<bool> {
        let end = at.saturating_add(to_u64(buf.len()));
        let short = to_u64(buf.len()) < UNIT.saturating_mul(STREAM);
        let there = |units: &Units| (at / UNIT..end.div_ceil(UNIT)).any(|unit| units.has(unit));
        if short || there(&self.units()) {
            return Ok(false);
        }
        for (part, from) in
            buf.chunks_mut(to_usize("source", STREAM_MAX)?).zip((at..end).step_by(to_usize("source", STREAM_MAX)?))
        {
            let to = from.saturating_add(to_u64(part.len()));
            let fetched = self.fetch(&[(from, to)])?;
            let Some(bytes) = fetched.first().filter(|bytes| bytes.len() == part.len()) else {
                return Err(sent_less(from));
            };
            part.copy_from_slice(bytes);
        }
        Ok(true)
    }

    /// Unit `number`; fetched, with what the read needs up to `last` and more where reading goes on, when it is not there.
    fn unit(&self, number: u64, last: u64) -> Result<Bytes> {
        let count = {
            let mut units = self.units();
            if let Some(bytes) = units.get(number) {
                return Ok(bytes);
            }
            units.missing(number, last)
        };
        let first = self.load(&[(number, count)])?;
        first.ok_or_else(|| sent_less(number.saturating_mul(UNIT)))
    }

    /// Fetches ranges side by side, and notes for whom.
    fn fetch(&self, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>> {
        let start = Instant::now();
        let fetched = self.inner.fetch_all(ranges)?;
        let took = start.elapsed();
        for (from, to) in ranges.iter().copied() {
            let wanted_for = ahead::wanted_by(from, to);
            self.meter.remember(Read { at: from, len: to.saturating_sub(from), wanted_for, took });
        }
        Ok(fetched)
    }

    /// Fetches runs of units (first, count), one request each. Gives the first unit of all.
    fn load(&self, runs: &[(u64, u64)]) -> Result<Option<Bytes>> {
        let size = self.inner.len();
        let range = |(first, count): &(u64, u64)| {
            let end = first.saturating_add(*count).saturating_mul(UNIT);
            (first.saturating_mul(UNIT), end.min(size))
        };
        let ranges: Vec<(u64, u64)> = runs.iter().map(range).collect();
        let fetched = self.fetch(&ranges)?;
        let mut units = self.units();
        let mut head = None;
        for ((from, to), mut bytes) in ranges.into_iter().zip(fetched) {
            let (first, count) = (from / UNIT, to.saturating_sub(from).div_ceil(UNIT));
            // What is fetched ahead is many things, and no stream.
            let fetched_with = if ahead::fetching() { count.min(STREAM.saturating_sub(1)) } else { count };
            for unit in first..first.saturating_add(count) {
                let part = bytes.split_to(bytes.len().min(to_usize("source", UNIT)?));
                // A copy: a slice would keep the whole answer alive as long as its last unit.
                let part = Bytes::copy_from_slice(&part);
                head.get_or_insert_with(|| part.clone());
                units.insert(unit, part, fetched_with);
                if ahead::fetching() {
                    units.await_reader(unit);
                }
            }
        }
        Ok(head)
    }
}

/// What a store did that sent less than it said.
fn sent_less(at: u64) -> Error {
    Error::io("source", "the store sent less than was asked for").at(at)
}

/// Runs (first, count) of units, each at most one request: over a gap that is smaller than another request is worth, where
/// nothing of it is there already.
fn runs(wanted: &BTreeSet<u64>, units: &Units) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for unit in wanted {
        let joins = |(first, count): (u64, u64)| {
            let end = first.saturating_add(count);
            let long = unit.saturating_sub(first) >= REQUEST_MAX;
            !long && unit.saturating_sub(end) <= GAP && (end..*unit).all(|between| !units.has(between))
        };
        match runs.last_mut() {
            Some(last) if joins(*last) => last.1 = unit.saturating_sub(last.0).saturating_add(1),
            _ => runs.push((*unit, 1)),
        }
    }
    runs
}

impl<F: Fetch> ReadAt for Cached<F> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range("source", self.len(), at, buf.len())?;
        self.inner.check()?;
        let last = at.saturating_add(to_u64(buf.len())).saturating_sub(1) / UNIT;
        if ahead::rehearsing() {
            let units = self.units();
            if let Some(first) = (at / UNIT..=last).find(|unit| !units.has(*unit)) {
                ahead::lack(first.saturating_mul(UNIT), units.missing(first, last).saturating_mul(UNIT));
                return Err(ahead::lacking(at));
            }
        }
        if self.stream(buf, at)? {
            return Ok(());
        }
        let (mut rest, mut at) = (buf, at);
        while !rest.is_empty() {
            let bytes = self.unit(at / UNIT, last)?;
            let found = bytes.get(to_usize("source", at % UNIT)?..).unwrap_or_default();
            let count = found.len().min(rest.len());
            let (Some(part), true) = (found.get(..count), count > 0) else {
                return Err(sent_less(at));
            };
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(part);
            if count == found.len() {
                self.units().read_to_its_end(at / UNIT);
            }
            rest = later;
            at = at.saturating_add(to_u64(count));
        }
        Ok(())
    }

    fn will_read(&self, at: u64, len: u64) -> Result<()> {
        self.will_read_all(&[(at, len)])
    }

    fn will_read_all(&self, places: &[(u64, u64)]) -> Result<()> {
        self.inner.check()?;
        if ahead::rehearsing() {
            let units = self.units();
            for (at, len) in places {
                self.lacks(&units, *at, *len);
            }
            return Ok(());
        }
        let runs = {
            let units = self.units();
            let mut wanted = BTreeSet::new();
            for (at, len) in places {
                let most = at.saturating_add(UNIT.saturating_mul(REQUEST_MAX));
                let end = at.saturating_add(*len).min(self.inner.len()).min(most);
                let missing = (at / UNIT..end.div_ceil(UNIT)).filter(|unit| !units.has(*unit));
                wanted.extend(missing.take(AT_ONCE.saturating_sub(wanted.len())));
            }
            runs(&wanted, &units)
        };
        self.load(&runs).map(drop)
    }
}

/// The units that are kept, the least recently used of which goes first.
#[derive(Default)]
struct Units {
    by_number: HashMap<u64, Unit>,
    by_use: BTreeMap<u64, u64>,
    clock: u64,
    stale: u64,
}

struct Unit {
    bytes: Bytes,
    /// How many units came with the same request.
    fetched_with: u64,
    used: u64,
}

impl Units {
    fn has(&self, number: u64) -> bool {
        self.by_number.contains_key(&number)
    }

    /// How many units to fetch from `first` on, which is missing, for a read up to `last`: more where reading goes on,
    /// stopping before what is there already.
    fn missing(&self, first: u64, last: u64) -> u64 {
        // A miss right after units that were fetched together means a stream: twice as much this time.
        let before = first.checked_sub(1).and_then(|before| self.fetched_with(before));
        let ahead = before.map_or(1, |n| n.saturating_mul(2)).min(AHEAD_MAX);
        let want = last.saturating_sub(first).saturating_add(1).max(ahead).min(REQUEST_MAX);
        (1..want).find(|n| self.has(first.saturating_add(*n))).unwrap_or(want)
    }

    fn fetched_with(&self, number: u64) -> Option<u64> {
        self.by_number.get(&number).map(|unit| unit.fetched_with)
    }

    fn get(&mut self, number: u64) -> Option<Bytes> {
        // What a rehearsal reads will be read; what was fetched for that goes last as it is.
        let awaited = self.by_number.get(&number).is_some_and(|unit| unit.used >= AWAITED);
        if !(ahead::rehearsing() && awaited) {
            let now = self.now();
            self.rank(number, now);
        }
        self.by_number.get(&number).map(|unit| unit.bytes.clone())
    }

    fn rank(&mut self, number: u64, used: u64) {
        let Some(unit) = self.by_number.get_mut(&number) else { return };
        self.by_use.remove(&unit.used);
        unit.used = used;
        self.by_use.insert(used, number);
    }

    /// Keeps a unit that was fetched ahead until it is read.
    fn await_reader(&mut self, number: u64) {
        if self.by_use.range(AWAITED..).count() < WAITING {
            let used = self.now().saturating_add(AWAITED - FRESH);
            self.rank(number, used);
        }
    }

    /// Of a stream nothing is read twice: such a unit would only push out what is.
    fn read_to_its_end(&mut self, number: u64) {
        if !ahead::rehearsing() && self.fetched_with(number).is_some_and(|n| n >= STREAM) {
            self.stale = self.stale.saturating_add(1);
            self.rank(number, self.stale);
        }
    }

    fn now(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        FRESH.saturating_add(self.clock)
    }

    fn insert(&mut self, number: u64, bytes: Bytes, fetched_with: u64) {
        let now = self.now();
        let unit = Unit { bytes, fetched_with, used: now };
        if let Some(old) = self.by_number.insert(number, unit) {
            self.by_use.remove(&old.used);
        }
        self.by_use.insert(now, number);
        while self.by_number.len() > KEPT {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.by_number.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
