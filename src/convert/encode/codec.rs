//! Compressed clusters of a QCOW2.

use libdeflater::{CompressionLvl, Compressor as Deflater};
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

/// Of libdeflate: a quarter of the time that zlib needs at QEMU's level, 6, and no more bytes.
///
/// Distances reach over 32 KiB. QEMU compresses with 4 KiB, but the format sets no limit below deflate's own
/// (docs/interop/qcow2.rst, "compression_type"), and who inflates a cluster at once, as QEMU and nbdkit do, looks no
/// window up: zlib's inflate takes the distance from what it wrote. A small window would cost 4 % in bytes.
const ZLIB_LEVEL: i32 = 2;
/// QEMU's (`ZSTD_CLEVEL_DEFAULT`).
const ZSTD_LEVEL: i32 = 3;

/// Compresses clusters, one after the other.
pub enum Packer {
    None,
    Zlib(Box<Deflater>),
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
                let level = CompressionLvl::new(ZLIB_LEVEL).unwrap_or_default();
                Self::Zlib(Box::new(Deflater::new(level)))
            }
            Compression::Zstd => {
                let packer = Compressor::new(ZSTD_LEVEL);
                Self::Zstd(Box::new(packer.map_err(|error| Error::limit(LAYER, format!("zstd: {error}")))?))
            }
        })
    }

    /// Packs a cluster into `out`, which is as long; gives the bytes that it became, where they are fewer.
    pub fn pack(&mut self, cluster: &[u8], out: &mut [u8]) -> Option<usize> {
        // What would not shrink is given up as soon as that shows.
        let out = out.get_mut(..cluster.len().saturating_sub(1))?;
        match self {
            Self::None => None,
            Self::Zlib(packer) => packer.deflate_compress(cluster, out).ok(),
            Self::Zstd(packer) => packer.compress_to_buffer(cluster, out).ok(),
        }
    }
}
