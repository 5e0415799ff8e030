//! File records (`struct MFT_REC` of linux/fs/ntfs3/ntfs.h).

use super::attribute::{self, Attribute};
use super::{LAYER, disk};
use crate::disk::bytes::{range, to_usize, u16_le, u32_le, u64_le};
use crate::disk::{Error, Result};

/// Flags.
const IN_USE: u16 = 0x1;
const IS_DIRECTORY: u16 = 0x2;

/// A reference: 48 bits of number, 16 of a sequence that tells one use of a record from the next.
pub(super) fn number(reference: u64) -> u64 {
    reference & 0xFFFF_FFFF_FFFF
}

fn sequence(reference: u64) -> u64 {
    reference >> 48
}

/// One record, its update sequence put back.
pub(super) struct Record {
    /// Byte offset in the volume.
    pub at: u64,
    /// What its number in the file table is.
    pub number: u64,
    /// The record this one continues; 0 in a file's own record.
    pub base: u64,
    sequence: u64,
    flags: u16,
    raw: Vec<u8>,
    attributes: usize,
}

impl Record {
    /// Reads what was found at byte `at` of the volume for the record `number`.
    pub(super) fn parse(mut raw: Vec<u8>, number: u64, at: u64) -> Result<Self> {
        disk::restore(&mut raw, b"FILE", at)?;
        let used = to_usize(LAYER, u32_le(LAYER, &raw, 0x18)?.into())?;
        if used > raw.len() {
            return Err(Error::corrupt(LAYER, at, "a file record longer than it is"));
        }
        raw.truncate(used);
        let word = |at| u16_le(LAYER, &raw, at);
        Ok(Self {
            at,
            number,
            base: u64_le(LAYER, &raw, 0x20)?,
            sequence: word(0x10)?.into(),
            flags: word(0x16)?,
            attributes: word(0x14)?.into(),
            raw,
        })
    }

    /// Refuses a record that is not, or no more, what a reference to it was made for.
    pub(super) fn check(self, reference: u64) -> Result<Self> {
        let wanted = sequence(reference);
        // Without a sequence, the reference was made for whatever is there.
        if self.flags & IN_USE == 0 || (wanted != 0 && wanted != self.sequence) {
            let what = format!("file record {} is not in use, or by another file", self.number);
            return Err(Error::corrupt(LAYER, self.at, what));
        }
        Ok(self)
    }

    /// Whether it continues `file`.
    pub(super) fn continues(&self, file: &Self) -> bool {
        let base = sequence(self.base);
        number(self.base) == file.number && (base == 0 || base == file.sequence)
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & IS_DIRECTORY != 0
    }

    /// All attributes in it.
    pub(super) fn attributes(&self) -> Result<Vec<Attribute<'_>>> {
        attribute::all(&self.raw, self.attributes, self.at)
    }

    /// The bytes of its attributes: what a copy of it must agree in.
    pub(super) fn body(&self) -> Result<&[u8]> {
        range(LAYER, &self.raw, self.attributes, self.raw.len().saturating_sub(self.attributes))
    }
}
