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

    /// Bytes that the cluster was packed to at the start of `out`; `None` where it does not become shorter than `out`.
    pub fn pack(&mut self, cluster: &[u8], out: &mut [u8]) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Zlib(stream) => {
                stream.reset();
                let status = stream.compress(cluster, out, FlushCompress::Finish).ok()?;
                let len = usize::try_from(stream.total_out()).ok()?;
                (status == Status::StreamEnd && len < out.len()).then_some(len)
            }
            Self::Zstd(stream) => stream.compress_to_buffer(cluster, out).ok().filter(|len| *len < out.len()),
        }
    }
}
