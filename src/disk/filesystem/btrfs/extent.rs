//! Extents: where the content of a file is (`struct btrfs_file_extent_item`).

use super::LAYER;
use super::compression::Method;
use super::tree::Item;
use crate::disk::bytes::{range, to_u64, u16_le, u64_le};
use crate::disk::{Error, Result};

/// Where the data of an inline extent begin.
const INLINE_AT: usize = 21;
/// `BTRFS_FILE_EXTENT_*`
pub(super) const INLINE: u8 = 0;
const REGULAR: u8 = 1;
const PREALLOCATED: u8 = 2;
/// `BTRFS_MAX_UNCOMPRESSED` and `BTRFS_MAX_COMPRESSED`: an extent that is compressed is no larger, before and after.
pub(super) const MAX_COMPRESSED: u64 = 128 << 10;

/// A run of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extent<'a> {
    /// First byte in the file, and how many.
    pub at: u64,
    pub len: u64,
    pub source: Source<'a>,
    /// Byte offset of the item on the device.
    pub item_at: u64,
}

/// Where its content is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// All zeros.
    Zeros,
    /// In the item.
    Inline { data: &'a [u8], method: Option<Method> },
    /// As it is, at an address.
    Plain { logical: u64 },
    /// From `offset` on in what `stored` bytes at an address decompress to.
    Compressed { logical: u64, stored: u64, offset: u64, method: Method },
}

impl<'a> Extent<'a> {
    /// An item of kind `EXTENT_DATA`, in a filesystem of sectors of `sector_size` bytes.
    pub(super) fn parse(item: &Item<'a>, sector_size: u64) -> Result<Self> {
        Self::fields(item, sector_size).map_err(|error| error.at(item.at))
    }

    fn fields(item: &Item<'a>, sector_size: u64) -> Result<Self> {
        let raw = item.data;
        let corrupt = |what: &str| Err(Error::corrupt(LAYER, item.at, what));
        let [compression, encryption] = *range(LAYER, raw, 16, 2)? else { return corrupt("an extent cut short") };
        let [kind] = *range(LAYER, raw, 20, 1)? else { return corrupt("an extent cut short") };
        let ram_bytes = u64_le(LAYER, raw, 8)?;
        if encryption != 0 {
            return Err(Error::encrypted(LAYER, "an extent is encrypted"));
        }
        if u16_le(LAYER, raw, 18)? != 0 {
            return Err(Error::unsupported(LAYER, "an extent of another encoding"));
        }
        let method = Method::by_number(compression)?;
        let at = item.key.offset;
        if kind == INLINE {
            let data = raw.get(INLINE_AT..).unwrap_or_default();
            if at != 0 || ram_bytes > MAX_COMPRESSED || (method.is_none() && ram_bytes != to_u64(data.len())) {
                return corrupt("an inline extent that is not the beginning of a file");
            }
            return Ok(Self { at, len: ram_bytes, source: Source::Inline { data, method }, item_at: item.at });
        }
        let [logical, stored, offset, len] =
            [u64_le(LAYER, raw, 21)?, u64_le(LAYER, raw, 29)?, u64_le(LAYER, raw, 37)?, u64_le(LAYER, raw, 45)?];
        // `check_extent_data_item`
        let aligned = |n: u64| n.checked_rem(sector_size) == Some(0);
        if ![at, logical, stored, offset, len].into_iter().all(aligned) || at.checked_add(len).is_none() {
            return corrupt("an extent that is not of whole sectors");
        }
        let source = match (kind, method) {
            (PREALLOCATED, _) => Source::Zeros,
            (REGULAR, _) if logical == 0 => Source::Zeros,
            (REGULAR, None) => Source::Plain { logical: logical.saturating_add(offset) },
            (REGULAR, Some(_)) if stored > MAX_COMPRESSED || offset.saturating_add(len) > MAX_COMPRESSED => {
                return Err(Error::unsupported(LAYER, format!("{stored} compressed bytes in one extent")));
            }
            (REGULAR, Some(method)) => Source::Compressed { logical, stored, offset, method },
            _ => return Err(Error::unsupported(LAYER, format!("an extent of kind {kind}"))),
        };
        Ok(Self { at, len, source, item_at: item.at })
    }
}
