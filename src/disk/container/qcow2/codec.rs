//! Compressed clusters. Whatever the input, at most one cluster comes out.

use std::io::Read;

use flate2::{Decompress, FlushDecompress};
use ruzstd::decoding::StreamingDecoder;

/// A zstd frame may ask for a window; this is the largest that every decoder must support (RFC 8878 3.1.1.1.2), and
/// four times the largest cluster.
const LARGEST_WINDOW: u64 = 8 << 20;

/// How compressed clusters are compressed; one way for the whole image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Raw deflate (RFC 1951), without a zlib header.
    Zlib,
    /// One zstd frame (RFC 8878).
    Zstd,
}

impl Codec {
    pub fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
        }
    }

    /// One cluster of `size` bytes; `None` when the input gives less. The input is padded to sectors, so what follows
    /// the stream's end is of no interest.
    pub fn decompress(self, input: &[u8], size: usize) -> Option<Vec<u8>> {
        let mut cluster = vec![0; size];
        match self {
            Self::Zlib => {
                let mut stream = Decompress::new(false);
                stream.decompress(input, &mut cluster, FlushDecompress::Finish).ok()?;
                (usize::try_from(stream.total_out()) == Ok(size)).then_some(cluster)
            }
            Self::Zstd => {
                let mut stream = StreamingDecoder::new_with_max_window_size(input, LARGEST_WINDOW).ok()?;
                stream.read_exact(&mut cluster).ok().map(|()| cluster)
            }
        }
    }
}
