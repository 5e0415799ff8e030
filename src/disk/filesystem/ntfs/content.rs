//! The content of a regular file, however it is stored.

use super::LAYER;
use super::attribute::DATA;
use super::file::File;
use super::mft::Mft;
use super::reparse::{self, Reparse};
use super::stream::Stream;
use super::wof::{self, Algorithm, Wof};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, Result};

/// An opened file.
pub(super) enum Content {
    Empty,
    Stream(Stream),
    Compressed(Wof),
}

impl Content {
    /// Opens the content of a file with this reparse point.
    pub(super) fn open(file: &File, mft: &Mft, reparse: Option<Reparse>) -> Result<Self> {
        if let Some(Reparse::Other(tag)) = reparse {
            return Err(reparse::elsewhere(tag).at(file.record.at));
        }
        let data = file.stream(mft, DATA, "")?;
        Ok(match (data, reparse) {
            (None, _) => Self::Empty,
            (Some(data), Some(Reparse::Compressed(how))) => {
                let algorithm = Algorithm::parse(&how).map_err(|error| error.at(file.record.at))?;
                let packed = file.stream(mft, DATA, wof::STREAM)?;
                let missing = || Error::corrupt(LAYER, data.at, "a compressed file without its compressed stream");
                Self::Compressed(Wof { packed: packed.ok_or_else(missing)?, algorithm, size: data.size })
            }
            (Some(data), _) => Self::Stream(data),
        })
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Stream(stream) => stream.size,
            Self::Compressed(wof) => wof.size,
        }
    }

    /// Byte offset in the volume of its beginning, where it is there as it is.
    pub(super) fn place(&self, mft: &Mft) -> Option<u64> {
        match self {
            Self::Stream(stream) => stream.place(&mft.disk, 0),
            _ => None,
        }
    }

    /// Up to `len` bytes from `at` on, fewer at the end.
    pub(super) fn read(&self, mft: &Mft, at: u64, len: usize) -> Result<Vec<u8>> {
        let len = to_usize(LAYER, self.size().saturating_sub(at).min(to_u64(len)))?;
        if len == 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Empty => Ok(Vec::new()),
            Self::Stream(stream) => {
                let mut buf = vec![0; len];
                stream.read(&mft.disk, at, &mut buf)?;
                Ok(buf)
            }
            Self::Compressed(wof) => wof.read(&mft.disk, at, len),
        }
    }
}
