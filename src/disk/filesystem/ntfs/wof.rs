//! Files that Windows compressed one by one (`compact /exe`, CompactOS): their content is in the stream
//! `WofCompressedData`, a table of where each chunk begins, then the chunks (MS-FSCC 2.1.2.9 names the provider; the
//! stream is laid out like a resource of the WIM format).

use super::LAYER;
use super::codec::{lzx, xpress};
use super::disk::Disk;
use super::stream::Stream;
use crate::disk::bytes::{range, to_u64, to_usize, u32_le, u64_le};
use crate::disk::{Error, Result};

/// Name of the stream.
pub(super) const STREAM: &str = "WofCompressedData";
/// `WOF_CURRENT_VERSION`, `WOF_PROVIDER_FILE`, `FILE_PROVIDER_CURRENT_VERSION`.
const VERSION: u32 = 1;
const PROVIDER_FILE: u32 = 2;

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// XPRESS, chunks of so many bytes.
    Xpress(u64),
    /// LZX, chunks of 32 KiB.
    Lzx,
}

impl Algorithm {
    /// Reads the data of the reparse point.
    pub(super) fn parse(data: &[u8]) -> Result<Self> {
        let word = |at| u32_le(LAYER, data, at);
        if word(0)? != VERSION || word(4)? != PROVIDER_FILE || word(8)? != VERSION {
            return Err(Error::unsupported(LAYER, "a file whose content is in a WIM archive"));
        }
        match word(12)? {
            0 => Ok(Self::Xpress(4 << 10)),
            1 => Ok(Self::Lzx),
            2 => Ok(Self::Xpress(8 << 10)),
            3 => Ok(Self::Xpress(16 << 10)),
            other => Err(Error::unsupported(LAYER, format!("compression algorithm {other}"))),
        }
    }

    fn chunk(self) -> u64 {
        match self {
            Self::Xpress(chunk) => chunk,
            Self::Lzx => 32 << 10,
        }
    }

    fn decompress(self, packed: &[u8], size: usize) -> Option<Vec<u8>> {
        match self {
            Self::Xpress(_) => xpress::decompress(packed, size),
            Self::Lzx => lzx::decompress(packed, size),
        }
    }
}

/// A compressed file.
pub(super) struct Wof {
    pub packed: Stream,
    pub algorithm: Algorithm,
    /// Size of the content.
    pub size: u64,
}

impl Wof {
    /// `len` bytes of content from `at` on, all of which are there.
    pub(super) fn read(&self, disk: &Disk, at: u64, len: usize) -> Result<Vec<u8>> {
        let size = self.algorithm.chunk();
        let end = at.saturating_add(to_u64(len));
        let first = at.checked_div(size).unwrap_or_default();
        let bounds = self.bounds(disk, first, end.div_ceil(size))?;
        let (Some(from), Some(to)) = (bounds.first(), bounds.last()) else { return Ok(Vec::new()) };
        let mut packed = vec![0; to_usize(LAYER, to.saturating_sub(*from))?];
        self.packed.read(disk, *from, &mut packed)?;

        let mut out = Vec::with_capacity(len);
        let mut rest = packed.as_slice();
        for (chunk, ends) in (first..).zip(bounds.windows(2)) {
            let &[begin, next] = ends else { continue };
            let chunk_at = chunk.saturating_mul(size);
            let plain = to_usize(LAYER, self.size.saturating_sub(chunk_at).min(size))?;
            let (packed, more) = rest
                .split_at_checked(to_usize(LAYER, next.saturating_sub(begin))?)
                .filter(|(packed, _)| packed.len() <= plain)
                .ok_or_else(|| self.corrupt("a compressed chunk is larger than its content"))?;
            rest = more;
            let content = if packed.len() == plain {
                packed.to_vec()
            } else {
                let content = self.algorithm.decompress(packed, plain);
                content.ok_or_else(|| self.corrupt("a compressed chunk does not decompress"))?
            };
            let from = to_usize(LAYER, at.saturating_sub(chunk_at))?;
            let to = plain.min(to_usize(LAYER, end.saturating_sub(chunk_at))?);
            out.extend_from_slice(range(LAYER, &content, from, to.saturating_sub(from))?);
        }
        Ok(out)
    }

    /// Where the chunks `first .. end` begin in the stream, and where the last of them ends. The first chunk of all
    /// begins behind the table, which counts from there.
    fn bounds(&self, disk: &Disk, first: u64, end: u64) -> Result<Vec<u64>> {
        let width = if self.size > u64::from(u32::MAX) { 8 } else { 4 };
        let chunks = self.size.div_ceil(self.algorithm.chunk());
        let data = chunks.saturating_sub(1).saturating_mul(width);
        let listed = first.max(1)..end.saturating_add(1).min(chunks);
        let count = listed.end.saturating_sub(listed.start);
        let mut table = vec![0; to_usize(LAYER, count.saturating_mul(width))?];
        self.packed.read(disk, listed.start.saturating_sub(1).saturating_mul(width), &mut table)?;

        let mut bounds = if first == 0 { vec![data] } else { Vec::new() };
        for entry in table.chunks_exact(to_usize(LAYER, width)?) {
            let offset = if width == 8 { u64_le(LAYER, entry, 0)? } else { u32_le(LAYER, entry, 0)?.into() };
            bounds.push(data.saturating_add(offset));
        }
        if end >= chunks {
            bounds.push(self.packed.size);
        }
        let fits = |ends: &[u64]| match ends {
            [begin, next] => next.checked_sub(*begin).is_some_and(|len| len <= self.algorithm.chunk()),
            _ => false,
        };
        if bounds.last().is_some_and(|last| *last > self.packed.size) || !bounds.windows(2).all(fits) {
            return Err(self.corrupt("a table of compressed chunks that are not there"));
        }
        Ok(bounds)
    }

    fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(LAYER, self.packed.at, what)
    }
}
