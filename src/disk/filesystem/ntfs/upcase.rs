//! Names, and their order: by their upper case, as the volume's own table `$UpCase` has it.

use std::cmp::Ordering;

use super::LAYER;
use super::attribute::DATA;
use super::mft::Mft;
use crate::disk::bytes::u16_le;
use crate::disk::{Error, Result};

const UPCASE: u64 = 10;
/// The upper case of 65536 UTF-16 units.
const LEN: u64 = 128 << 10;

/// The table.
pub(super) struct Upcase(Vec<u8>);

impl Upcase {
    pub(super) fn read(mft: &Mft) -> Result<Self> {
        let file = mft.file(UPCASE)?;
        let table = file.stream(mft, DATA, "")?;
        let table = table.ok_or_else(|| Error::corrupt(LAYER, file.record.at, "there is no table of upper case"))?;
        Ok(Self(table.bytes(&mft.disk, LEN)?))
    }

    fn of(&self, unit: u16) -> u16 {
        u16_le(LAYER, &self.0, usize::from(unit).saturating_mul(2)).unwrap_or(unit)
    }

    /// `COLLATION_FILE_NAME` without its last word on names that differ in case only.
    pub(super) fn compare(&self, one: &[u16], other: &[u8]) -> Ordering {
        one.iter().map(|unit| self.of(*unit)).cmp(units(other).map(|unit| self.of(unit)))
    }
}

/// UTF-16 units of little-endian bytes.
pub(super) fn units(raw: &[u8]) -> impl Iterator<Item = u16> + '_ {
    raw.chunks_exact(2).map(|pair| pair.iter().rev().fold(0, |unit, byte| unit << 8 | u16::from(*byte)))
}

/// A name as text; what is not UTF-16 is replaced.
pub(super) fn text(raw: &[u8]) -> String {
    char::decode_utf16(units(raw)).map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
