//! Compressed units. Whatever the input, at most one unit comes out.

use std::io::Read;

use flate2::{Decompress, FlushDecompress};
use ruzstd::decoding::StreamingDecoder;

use super::layout::Packed;
use crate::disk::bytes::{to_u64, to_usize, u32_le};
use crate::disk::{Error, ErrorKind, ReadAt, Result};

/// A zstd frame may ask for a window; this is the largest that every decoder must support (RFC 8878 3.1.1.1.2), and
/// four times the largest cluster.
const LARGEST_WINDOW: u64 = 8 << 20;
/// Bytes of a grain marker before its data: the grain's sector, and the size of the data at 8 (Virtual Disk Format 5.0,
/// "Stream-Optimized Compressed Sparse Extents").
pub const MARKER: u64 = 12;
const MARKED_SIZE: usize = 8;

/// How a unit is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// QCOW2: raw deflate (RFC 1951), without a zlib header.
    Deflate,
    /// QCOW2: one zstd frame (RFC 8878).
    Zstd,
    /// VMDK: a marker with the size of the data, then a zlib stream (RFC 1950).
    Grain,
}

impl Codec {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deflate | Self::Grain => "zlib",
            Self::Zstd => "zstd",
        }
    }

    /// One unit of `size` bytes; `None` when the input gives less, but for a grain, which may be the disk's last one and
    /// short. What follows the stream's end is of no interest: the input is padded to sectors.
    fn decompress(self, input: &[u8], size: usize) -> Option<Vec<u8>> {
        let mut unit = vec![0; size];
        match self {
            Self::Deflate => {
                let mut stream = Decompress::new(false);
                stream.decompress(input, &mut unit, FlushDecompress::Finish).ok()?;
                (usize::try_from(stream.total_out()) == Ok(size)).then_some(unit)
            }
            Self::Zstd => {
                let mut stream = StreamingDecoder::new_with_max_window_size(input, LARGEST_WINDOW).ok()?;
                stream.read_exact(&mut unit).ok().map(|()| unit)
            }
            Self::Grain => {
                let data = usize::try_from(MARKER).ok()?..usize::try_from(marked_end(input)?).ok()?;
                let mut stream = Decompress::new(true);
                let status = stream.decompress(input.get(data)?, &mut unit, FlushDecompress::Finish).ok()?;
                unit.truncate(usize::try_from(stream.total_out()).ok()?);
                (status == flate2::Status::StreamEnd).then_some(unit)
            }
        }
    }
}

/// Bytes of a marker and its data, as the marker says.
fn marked_end(input: &[u8]) -> Option<u64> {
    let len = u32_le("vmdk", input, MARKED_SIZE).ok().filter(|len| *len > 0)?;
    Some(MARKER.saturating_add(u64::from(len)))
}

impl Packed {
    /// The compressed bytes, cut at the end of the object.
    ///
    /// # Errors
    /// Those of the object.
    pub fn input(&self, object: &dyn ReadAt, layer: &'static str) -> Result<Vec<u8>> {
        let there = object.len().saturating_sub(self.at).min(self.len);
        object.read_vec_at(self.at, to_usize(layer, there)?)
    }

    /// The unit's bytes. The caller bounded its size.
    ///
    /// # Errors
    /// `Corrupt` when they do not come out.
    pub fn unpack(&self, input: &[u8], layer: &'static str) -> Result<Vec<u8>> {
        let unit = self.codec.decompress(input, to_usize(layer, self.size)?);
        unit.ok_or_else(|| {
            Error::corrupt(layer, self.at, format!("the {} data of a unit do not unpack", self.codec.name()))
        })
    }

    /// Where the unit would end, if the object ends before that. For the unit that begins last.
    ///
    /// # Errors
    /// Those of the object.
    pub fn cut(&self, object: &dyn ReadAt, layer: &'static str) -> Result<Option<u64>> {
        let stated = self.at.saturating_add(self.len);
        if stated <= object.len() {
            return Ok(None);
        }
        if self.codec == Codec::Grain {
            let input = self.input(object, layer)?;
            let whole = to_u64(input.len());
            let len = if whole < MARKER { Some(MARKER) } else { marked_end(&input) };
            return Ok(len.filter(|len| *len > whole).map(|len| self.at.saturating_add(len)));
        }
        match self.input(object, layer).and_then(|input| self.unpack(&input, layer)) {
            Ok(_) => Ok(None),
            Err(error) if error.kind == ErrorKind::Corrupt => Ok(Some(stated)),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const SIZE: usize = 64 << 10;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        stream.write_all(bytes).unwrap();
        stream.finish().unwrap()
    }

    fn grain(stated: usize, data: &[u8]) -> Vec<u8> {
        [&7_u64.to_le_bytes(), u32::try_from(stated).unwrap().to_le_bytes().as_slice(), data].concat()
    }

    #[test]
    fn what_unpacks_to_more_than_a_unit_gives_no_more() {
        let packed = zlib(&vec![0; 100 << 20]);
        // QEMU too stops when a cluster is full, and takes a grain only as a whole.
        let raw_deflate = &packed[2..];
        assert_eq!(Codec::Deflate.decompress(raw_deflate, SIZE).map(|unit| unit.len()), Some(SIZE));
        assert_eq!(Codec::Grain.decompress(&grain(packed.len(), &packed), SIZE), None);
    }

    #[test]
    fn a_frame_with_a_huge_window_is_refused() {
        // RFC 8878: magic, a header with a window and nothing else, one block of 64 KiB that repeats a byte.
        let block = u32::try_from(SIZE).unwrap() << 3 | 1 << 1 | 1;
        for (log, reads) in [(21, true), (23, true), (24, false), (28, false), (41, false)] {
            let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3], &block.to_le_bytes()[..3], &[9]].concat();
            let unit = Codec::Zstd.decompress(&frame, SIZE);
            assert_eq!(unit, reads.then(|| vec![9; SIZE]), "a window of 2^{log}");
        }
    }

    #[test]
    fn a_grain_is_as_long_as_its_marker_says_and_may_be_the_last() {
        let packed = zlib(&[5; 1000]);
        let follows = [grain(packed.len(), &packed), vec![0xaa; 300]].concat();
        assert_eq!(Codec::Grain.decompress(&follows, SIZE), Some(vec![5; 1000]));
        for stated in [0, packed.len() - 1, packed.len() + 1, 1 << 31] {
            let whole = Codec::Grain.decompress(&grain(stated, &packed), SIZE);
            assert_eq!(whole, None, "{stated}");
        }
        assert_eq!(Codec::Grain.decompress(&[0; 11], SIZE), None);
    }
}
