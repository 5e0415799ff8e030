//! The bytes by which a volume is recognised.

use crate::disk::bytes::{self, array, range, to_u64, to_usize};
use crate::disk::{ErrorKind, ReadAt, Result};

const LAYER: &str = "recognise";
/// Enough for the farthest superblock that is known by its place: UFS2 at 64 KiB, with the magic near its end.
const HEAD: u64 = 68 << 10;
/// Enough for a version 0.90 md superblock, which lies in the last 128 KiB.
const TAIL: u64 = 128 << 10;

/// Start and end of a volume. Numbers past the end of what was read are `None`: whatever needs them is not there.
pub struct Sample<'a> {
    volume: &'a dyn ReadAt,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl<'a> Sample<'a> {
    pub fn read(volume: &'a dyn ReadAt) -> Result<Self> {
        let head = volume.read_vec_at(0, to_usize(LAYER, volume.len().min(HEAD))?)?;
        let from = volume.len().saturating_sub(TAIL).max(to_u64(head.len()));
        let tail = volume.read_vec_at(from, to_usize(LAYER, volume.len().saturating_sub(from))?)?;
        Ok(Self { volume, head, tail })
    }

    pub fn volume_len(&self) -> u64 {
        self.volume.len()
    }

    /// True when there is something, and all of it is zero.
    pub fn is_zero(&self) -> bool {
        !self.head.is_empty() && self.head.iter().chain(&self.tail).all(|byte| *byte == 0)
    }

    pub fn has(&self, at: usize, magic: &[u8]) -> bool {
        self.head.get(at..).is_some_and(|rest| rest.starts_with(magic))
    }

    pub fn bytes(&self, at: usize, len: usize) -> Option<&[u8]> {
        range(LAYER, &self.head, at, len).ok()
    }

    pub fn u8(&self, at: usize) -> Option<u8> {
        self.head.get(at).copied()
    }

    pub fn u16(&self, at: usize) -> Option<u16> {
        bytes::u16_le(LAYER, &self.head, at).ok()
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        bytes::u32_le(LAYER, &self.head, at).ok()
    }

    pub fn u64(&self, at: usize) -> Option<u64> {
        bytes::u64_le(LAYER, &self.head, at).ok()
    }

    /// A UUID of 16 bytes in the order they are stored; empty when it is all zeros or not there.
    pub fn uuid(&self, at: usize) -> String {
        array(LAYER, &self.head, at).map(uuid).unwrap_or_default()
    }

    /// A label: up to the first NUL, without trailing white space.
    pub fn label(&self, at: usize, len: usize) -> String {
        self.bytes(at, len).map(label).unwrap_or_default()
    }

    /// A label in UTF-16, little-endian.
    pub fn label_utf16(&self, at: usize, len: usize) -> String {
        self.bytes(at, len).map(label_utf16).unwrap_or_default()
    }

    /// Bytes from anywhere on the volume, one request where they were not read yet; `None` past the end, or where the
    /// layers below find them damaged.
    pub fn fetch(&self, at: u64, len: usize) -> Result<Option<Vec<u8>>> {
        if let Some(found) = to_usize(LAYER, at).ok().and_then(|at| self.bytes(at, len)) {
            return Ok(Some(found.to_vec()));
        }
        match self.volume.read_vec_at(at, len) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == ErrorKind::Corrupt => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Bytes of the head or the tail, without a request.
    pub fn near(&self, at: u64, len: usize) -> Option<&[u8]> {
        let tail_at = self.volume.len().saturating_sub(to_u64(self.tail.len()));
        match at.checked_sub(tail_at) {
            Some(at) if !self.tail.is_empty() => range(LAYER, &self.tail, to_usize(LAYER, at).ok()?, len).ok(),
            _ => self.bytes(to_usize(LAYER, at).ok()?, len),
        }
    }
}

/// The usual spelling of a UUID; empty when it is all zeros.
pub fn uuid(raw: [u8; 16]) -> String {
    if raw == [0; 16] {
        return String::new();
    }
    let mut text = hex::encode(raw);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

/// Bytes as a label.
pub fn label(raw: &[u8]) -> String {
    bytes::text(raw, 255).trim_end().to_owned()
}

/// UTF-16 as a label.
pub fn label_utf16(raw: &[u8]) -> String {
    let units: Vec<u16> =
        raw.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?))).collect();
    let units = units.split(|unit| *unit == 0).next().unwrap_or_default();
    let text: String = String::from_utf16_lossy(units).chars().filter(|c| !c.is_control()).take(255).collect();
    text.trim_end().to_owned()
}
