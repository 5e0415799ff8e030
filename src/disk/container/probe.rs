//! The bytes by which a format is told.

use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{ReadAt, Result};

/// Bytes of the head: enough for the volume recognition sequence of ISO 9660 and UDF, which starts at 32 KiB.
const HEAD: u64 = 64 << 10;
/// Bytes of the tail: where VHD and DMG have their footer.
const TAIL: u64 = 512;

/// The first and the last bytes of an object, and its length. Read with two requests, or one when it is small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The first 64 KiB, or all there is.
    pub head: Vec<u8>,
    /// The last 512 bytes, or all there is.
    pub tail: Vec<u8>,
    /// Length of the object.
    pub len: u64,
}

impl Probe {
    /// Reads head and tail.
    ///
    /// # Errors
    /// Those of `bytes`.
    pub fn read(bytes: &dyn ReadAt) -> Result<Self> {
        Self::read_head(bytes)?.with_tail(bytes)
    }

    /// Reads the tail as well.
    ///
    /// # Errors
    /// Those of `bytes`.
    pub fn with_tail(self, bytes: &dyn ReadAt) -> Result<Self> {
        let Self { head, len, .. } = self;
        let tail_at = len.saturating_sub(TAIL);
        let tail = match to_usize("probe", tail_at).ok().and_then(|at| head.get(at..)) {
            Some(tail) if to_u64(head.len()) == len => tail.to_vec(),
            _ => bytes.read_vec_at(tail_at, to_usize("probe", len.min(TAIL))?)?,
        };
        Ok(Self { head, tail, len })
    }

    /// Reads the head alone.
    ///
    /// # Errors
    /// Those of `bytes`.
    pub fn read_head(bytes: &dyn ReadAt) -> Result<Self> {
        let len = bytes.len();
        Ok(Self { head: bytes.read_vec_at(0, to_usize("probe", len.min(HEAD))?)?, tail: Vec::new(), len })
    }

    /// True when the object begins with `magic`.
    pub fn starts_with(&self, magic: &[u8]) -> bool {
        self.head.starts_with(magic)
    }

    /// True when `magic` lies at byte `at` of the head.
    pub fn has(&self, at: usize, magic: &[u8]) -> bool {
        self.head.get(at..).is_some_and(|rest| rest.starts_with(magic))
    }

    /// True when the last 512 bytes begin with `magic`.
    pub fn tail_starts_with(&self, magic: &[u8]) -> bool {
        to_u64(self.tail.len()) == TAIL && self.tail.starts_with(magic)
    }
}
