//! Compressed extents. Whatever the input, no more comes out than was asked for.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::StreamingDecoder;

use super::LAYER;
use crate::disk::bytes::{to_usize, u32_le};
use crate::disk::{Error, Result, lzo};

/// `ZSTD_BTRFS_MAX_WINDOWLOG`: a frame of a larger window is not decompressed by the kernel either.
const LARGEST_WINDOW: u64 = 128 << 10;
/// `LZO_LEN`: the number before all segments, and before each.
const LZO_NUMBER: usize = 4;

/// How an extent is compressed (`enum btrfs_compression_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// A zlib stream (RFC 1950).
    Zlib,
    /// LZO1X, sector by sector.
    Lzo,
    /// One zstd frame (RFC 8878).
    Zstd,
}

impl Method {
    /// By the number in an extent; none is 0.
    pub(super) fn by_number(number: u8) -> Result<Option<Self>> {
        match number {
            0 => Ok(None),
            1 => Ok(Some(Self::Zlib)),
            2 => Ok(Some(Self::Lzo)),
            3 => Ok(Some(Self::Zstd)),
            _ => Err(Error::unsupported(LAYER, format!("compression of kind {number}"))),
        }
    }

    /// The first `size` bytes of what `input`, found at byte `at`, holds. A stream that ends before is as if zeros
    /// followed; what follows a stream is padding.
    pub(super) fn decompress(self, input: &[u8], at: u64, size: usize, sector_size: u64) -> Result<Vec<u8>> {
        let content = match self {
            Self::Zlib => zlib(input, size),
            Self::Zstd => zstd(input, size),
            Self::Lzo => lzo_segments(input, size, to_usize(LAYER, sector_size)?),
        };
        let mut content = content.ok_or_else(|| Error::corrupt(LAYER, at, "an extent that does not decompress"))?;
        content.resize(size, 0);
        Ok(content)
    }
}

fn zlib(input: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut content = vec![0; size];
    let mut stream = Decompress::new(true);
    let status = stream.decompress(input, &mut content, FlushDecompress::Finish).ok()?;
    let is_full = usize::try_from(stream.total_out()) == Ok(size);
    (is_full || status == Status::StreamEnd).then_some(content)
}

fn zstd(input: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(size);
    let stream = StreamingDecoder::new_with_max_window_size(input, LARGEST_WINDOW).ok()?;
    stream.take(u64::try_from(size).ok()?).read_to_end(&mut content).ok()?;
    Some(content)
}

/// The length of all, then segments, each of a length and of what a sector became. A length does not cross the end of a
/// sector: where it would, padding stands instead (`fs/btrfs/lzo.c`).
fn lzo_segments(input: &[u8], size: usize, sector_size: usize) -> Option<Vec<u8>> {
    let number = |at: usize| to_usize(LAYER, u32_le(LAYER, input, at).ok()?.into()).ok();
    let end = number(0)?;
    let mut content = Vec::with_capacity(size);
    let mut at = LZO_NUMBER;
    while at < end && content.len() < size {
        let segment = at.saturating_add(LZO_NUMBER);
        let segment_end = segment.checked_add(number(at)?)?;
        content.extend(lzo::decompress(input.get(segment..segment_end)?, sector_size)?);
        let left = sector_size.saturating_sub(segment_end.checked_rem(sector_size)?);
        at = if left < LZO_NUMBER { segment_end.saturating_add(left) } else { segment_end };
    }
    Some(content)
}
