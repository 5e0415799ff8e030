//! Tables of a container, read and kept in pages: no table is ever held whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cache::{Block, Cache};
use crate::disk::bytes::to_usize;
use crate::disk::{Error, ReadAt, Result};

/// Bytes of a page, which begins at a multiple of it: no more than the source fetches at least.
pub const PAGE: u64 = 64 << 10;
const KEPT: usize = 4 << 20;
/// What tables of nothing are compared with, many entries at a time.
const ZEROS: [u8; 2048] = [0; 2048];

/// The pages of one object.
pub struct Pages {
    pub object: Arc<dyn ReadAt>,
    layer: &'static str,
    kept: Cache,
    fetched: AtomicU64,
    jumps: AtomicU64,
    /// Byte of the object after the page that was read last.
    last: AtomicU64,
}

impl Pages {
    pub fn new(layer: &'static str, object: Arc<dyn ReadAt>) -> Self {
        let [fetched, jumps, last] = [0, 0, u64::MAX].map(AtomicU64::new);
        Self { object, layer, kept: Cache::new(KEPT), fetched, jumps, last }
    }

    /// The page that holds byte `at`, cut at the end of the object.
    pub fn page(&self, at: u64) -> Result<Page> {
        let start = at & !PAGE.saturating_sub(1);
        let bytes = self.kept.get_or(start, || {
            self.fetched.fetch_add(1, Ordering::Relaxed);
            if self.last.swap(start.saturating_add(PAGE), Ordering::Relaxed) != start {
                self.jumps.fetch_add(1, Ordering::Relaxed);
            }
            self.object.read_vec_at(start, to_usize(self.layer, PAGE.min(self.object.len().saturating_sub(start)))?)
        })?;
        Ok(Page { start, bytes, layer: self.layer })
    }

    /// Pages that were read from the object so far.
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// How many of them did not follow the one that was read before: those cost a request each.
    pub fn jumps(&self) -> u64 {
        self.jumps.load(Ordering::Relaxed)
    }
}

/// A piece of a table.
pub struct Page {
    pub start: u64,
    pub bytes: Block,
    layer: &'static str,
}

impl Page {
    /// First byte of the object after the page.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(PAGE)
    }

    fn array<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        let found = at.checked_sub(self.start).and_then(|at| {
            let at = usize::try_from(at).ok()?;
            self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
        });
        found.ok_or_else(|| Error::corrupt(self.layer, at, "a table passes the end of the object"))
    }

    /// True when the page holds the bytes from `at` to `end` of the object, and all of them are zero.
    pub fn is_zero(&self, at: u64, end: u64) -> bool {
        let place = |at: u64| at.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let bytes = place(at).zip(place(end)).and_then(|(from, to)| self.bytes.get(from..to));
        bytes.is_some_and(|bytes| bytes.chunks(ZEROS.len()).all(|part| ZEROS.get(..part.len()) == Some(part)))
    }

    /// The byte at byte `at` of the object.
    pub fn byte(&self, at: u64) -> Result<u8> {
        self.array(at).map(u8::from_be_bytes)
    }
    /// The big-endian 64-bit entry at byte `at` of the object.
    pub fn u64_be(&self, at: u64) -> Result<u64> {
        self.array(at).map(u64::from_be_bytes)
    }
    /// The big-endian 32-bit entry at byte `at` of the object.
    pub fn u32_be(&self, at: u64) -> Result<u32> {
        self.array(at).map(u32::from_be_bytes)
    }
    /// The little-endian 32-bit entry at byte `at` of the object.
    pub fn u32_le(&self, at: u64) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
}
