//! Windows on bytes, and bytes in memory.

use std::sync::Arc;

use super::{Error, ReadAt, Result};

/// A window of another [`ReadAt`]: a partition, a logical volume's segment.
pub struct Slice {
    inner: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl Slice {
    /// The bytes `start .. start + len` of `inner`, cut at its end.
    pub fn new(inner: Arc<dyn ReadAt>, start: u64, len: u64) -> Self {
        let len = len.min(inner.len().saturating_sub(start));
        Self { inner, start, len }
    }
}

impl ReadAt for Slice {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range("slice", self.len, at, buf.len())?;
        self.inner.read_exact_at(buf, self.start.saturating_add(at))
    }

    fn will_read(&self, at: u64, len: u64) -> Result<()> {
        self.will_read_all(&[(at, len)])
    }

    fn will_read_all(&self, places: &[(u64, u64)]) -> Result<()> {
        let within = |(at, len): &(u64, u64)| {
            let len = (*len).min(self.len.saturating_sub(*at));
            (len > 0).then(|| (self.start.saturating_add(*at), len))
        };
        self.inner.will_read_all(&places.iter().filter_map(within).collect::<Vec<_>>())
    }
}

/// Bytes in memory: tests, and small files of a guest that are read as images themselves.
pub struct Memory(pub Vec<u8>);

impl ReadAt for Memory {
    fn len(&self) -> u64 {
        super::bytes::to_u64(self.0.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range("memory", self.len(), at, buf.len())?;
        let start = super::bytes::to_usize("memory", at)?;
        let found = self.0.get(start..start.saturating_add(buf.len()));
        buf.copy_from_slice(found.ok_or_else(|| Error::corrupt("memory", at, "read past the end"))?);
        Ok(())
    }
}

/// Refuses a read that passes the end of `len` bytes.
///
/// # Errors
/// `Corrupt`, at `at`, naming the sizes.
pub fn check_range(layer: &'static str, len: u64, at: u64, want: usize) -> Result<()> {
    match at.checked_add(super::bytes::to_u64(want)) {
        Some(end) if end <= len => Ok(()),
        _ => Err(Error::corrupt(layer, at, format!("{want} bytes wanted, but the end is at {len}"))),
    }
}
