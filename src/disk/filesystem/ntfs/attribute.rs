//! Attributes of a file record (`struct ATTRIB` of linux/fs/ntfs3/ntfs.h).

use super::LAYER;
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le, u64_le};
use crate::disk::{Error, Result};

/// Types of attributes.
pub(super) const STANDARD_INFORMATION: u32 = 0x10;
pub(super) const ATTRIBUTE_LIST: u32 = 0x20;
pub(super) const VOLUME_INFORMATION: u32 = 0x70;
pub(super) const DATA: u32 = 0x80;
pub(super) const INDEX_ROOT: u32 = 0x90;
pub(super) const INDEX_ALLOCATION: u32 = 0xA0;
pub(super) const REPARSE_POINT: u32 = 0xC0;
const END: u32 = 0xFFFF_FFFF;

/// Flags of an attribute. Of the compression methods only LZNT1 was ever defined.
pub(super) const COMPRESSION: u16 = 0x00FF;
pub(super) const LZNT1: u16 = 0x0001;
pub(super) const ENCRYPTED: u16 = 0x4000;

/// Fields every attribute has.
const HEADER: usize = 16;

/// An attribute, or the part of it that is in one record.
pub(super) struct Attribute<'a> {
    /// Byte offset in the volume.
    pub at: u64,
    pub kind: u32,
    pub flags: u16,
    raw: &'a [u8],
    resident: bool,
}

/// What an attribute whose content is in clusters says of it. The sizes are only true in its first part.
pub(super) struct Clusters<'a> {
    pub first: u64,
    /// One past the last.
    pub end: u64,
    pub size: u64,
    /// What lies behind this was never written, and reads as zeros.
    pub valid: u64,
    /// Clusters of a compression unit; 1 where there are none.
    pub unit: u64,
    /// The mapping pairs.
    pub pairs: &'a [u8],
}

/// The attributes of a record: all there is up to the end marker, from byte `first` of `raw` on.
pub(super) fn all(raw: &[u8], first: usize, at: u64) -> Result<Vec<Attribute<'_>>> {
    let mut found = Vec::new();
    let mut rest = raw.get(first..).unwrap_or_default();
    // Each step takes 16 bytes or more of the record, so there is an end.
    loop {
        let at = at.saturating_add(to_u64(raw.len().saturating_sub(rest.len())));
        let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
        let kind = u32_le(LAYER, rest, 0).map_err(|_| corrupt("a file record without an end"))?;
        if kind == END {
            return Ok(found);
        }
        let len = to_usize(LAYER, u32_le(LAYER, rest, 4).map_err(|_| corrupt("an attribute is cut short"))?.into())?;
        let (raw, more) = rest
            .split_at_checked(len)
            .filter(|_| len >= HEADER && len.is_multiple_of(8))
            .ok_or_else(|| corrupt("an attribute of impossible length"))?;
        let resident = raw.get(8) == Some(&0);
        found.push(Attribute { at, kind, flags: u16_le(LAYER, raw, 0xC)?, raw, resident });
        rest = more;
    }
}

impl<'a> Attribute<'a> {
    /// The number that tells it from others of its record.
    pub(super) fn id(&self) -> Result<u16> {
        u16_le(LAYER, self.raw, 0xE)
    }

    /// Its name in UTF-16, empty for most.
    pub(super) fn name(&self) -> Result<&'a [u8]> {
        let len = usize::from(self.raw.get(9).copied().unwrap_or_default()).saturating_mul(2);
        self.range(usize::from(u16_le(LAYER, self.raw, 0xA)?), len)
    }

    /// The content, where it is in the record.
    pub(super) fn value(&self) -> Result<Option<&'a [u8]>> {
        if !self.resident {
            return Ok(None);
        }
        let len = to_usize(LAYER, u32_le(LAYER, self.raw, 0x10)?.into())?;
        self.range(usize::from(u16_le(LAYER, self.raw, 0x14)?), len).map(Some)
    }

    /// Where the content is, where it is not in the record.
    pub(super) fn clusters(&self) -> Result<Clusters<'a>> {
        let number = |at| u64_le(LAYER, self.raw, at).map_err(|_| self.corrupt("an attribute is cut short"));
        let first = number(0x10)?;
        let unit = u32::from(self.raw.get(0x22).copied().unwrap_or_default());
        let pairs = self.raw.get(usize::from(u16_le(LAYER, self.raw, 0x20)?)..);
        Ok(Clusters {
            first,
            // An empty one ends at -1.
            end: number(0x18)?.wrapping_add(1),
            size: number(0x30)?,
            valid: number(0x38)?,
            unit: 1_u64.checked_shl(unit).ok_or_else(|| self.corrupt("an impossible compression unit"))?,
            pairs: pairs.ok_or_else(|| self.corrupt("an attribute is cut short"))?,
        })
    }

    /// First cluster of the content this part says something of.
    pub(super) fn first(&self) -> Result<u64> {
        if self.resident { Ok(0) } else { self.clusters().map(|clusters| clusters.first) }
    }

    pub(super) fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(LAYER, self.at, what)
    }

    fn range(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        range(LAYER, self.raw, at, len).map_err(|_| self.corrupt("the value of an attribute passes its end"))
    }
}

/// Whether UTF-16 bytes are this name.
pub(super) fn is_named(raw: &[u8], name: &str) -> bool {
    name.encode_utf16().flat_map(u16::to_le_bytes).eq(raw.iter().copied())
}
