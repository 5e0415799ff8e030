//! Compressed clusters of a QCOW2.

use flate2::{Compress, FlushCompress, Status};
use zstd::bulk::Compressor;

use super::LAYER;
use crate::disk::{Error, Result};

/// How clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Raw deflate (RFC 1951), which QCOW2 calls zlib. Every program that reads QCOW2 reads it.
    Zlib,
    /// One zstd frame (RFC 8878). QEMU reads it since 5.1.
    Zstd,
}

/// The level at which zlib-rs needs a third of the time that zlib needs at QEMU's level, 6, and gives no more bytes.
const ZLIB_LEVEL: u32 = 3;
/// Distances reach over 32 KiB. QEMU compresses with 4 KiB, but the format sets no limit below deflate's own
/// (docs/interop/qcow2.rst, "compression_type"), and who inflates a cluster at once, as QEMU and nbdkit do, looks no
/// window up: zlib's inflate takes the distance from what it wrote. A small window would cost 4 % in bytes.
const ZLIB_WINDOW_BITS: u8 = 15;
/// QEMU's (`ZSTD_CLEVEL_DEFAULT`).
const ZSTD_LEVEL: i32 = 3;

/// Compresses clusters, one after the other.
pub enum Packer {
    None,
    Zlib(Box<Compress>),
    Zstd(Box<Compressor<'static>>),
}

impl Packer {
    /// One of a kind.
    ///
    /// # Errors
    /// `Limit` where there is no memory for it.
    pub fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Zlib => {
                let level = flate2::Compression::new(ZLIB_LEVEL);
                Self::Zlib(Box::new(Compress::new_with_window_bits(level, false, ZLIB_WINDOW_BITS)))
            }
            Compression::Zstd => {
                let packer = Compressor::new(ZSTD_LEVEL);
                Self::Zstd(Box::new(packer.map_err(|error| Error::limit(LAYER, format!("zstd: {error}")))?))
            }
        })
    }

    /// Packs a cluster into `out`, which has [`room`] for it; gives the bytes that it became, where they are fewer.
    pub fn pack(&mut self, cluster: &[u8], out: &mut [u8]) -> Option<usize> {
        let len = match self {
            Self::None => None,
            Self::Zlib(stream) => {
                stream.reset();
                let status = stream.compress(cluster, out, FlushCompress::Finish).ok()?;
                usize::try_from(stream.total_out()).ok().filter(|_| status == Status::StreamEnd)
            }
            Self::Zstd(stream) => stream.compress_to_buffer(cluster, out).ok(),
        };
        len.filter(|len| *len < cluster.len())
    }
}

/// Bytes that a packed cluster has at most. There is always as much room, because zlib-rs 0.6 panics on a stream that is
/// begun anew before the last one had come to its end.
pub fn room(cluster: usize) -> usize {
    // Stored blocks of deflate cost 5 bytes each, those of zstd 3, and either at least one for 16 KiB.
    cluster.saturating_add(cluster / 64).saturating_add(256)
}
