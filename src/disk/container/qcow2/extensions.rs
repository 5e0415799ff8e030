//! What follows the header's fixed fields ("Header extensions"): a list of kind, length and data, each at a multiple of 8.

use super::LAYER;
use super::header::Header;
use crate::disk::bytes::{range, text, to_u64, to_usize, u32_be, u64_be};
use crate::disk::container::layout::{Missing, There};
use crate::disk::{Error, Result};

const END: u32 = 0;
/// The format of the backing file, and the bytes that QEMU has for its name (`bs->backing_format`).
const BACKING_FORMAT: u32 = 0xe279_2aca;
const LONGEST_FORMAT: usize = 15;
/// Where the key slots of an encrypted image lie.
const CRYPTO_HEADER: u32 = 0x0537_be77;
/// The name of the external data file.
const DATA_FILE: u32 = 0x4441_5441;
/// The directory of persistent bitmaps ("Bitmaps extension").
const BITMAPS: u32 = 0x2385_2875;
const BITMAPS_LEN: usize = 24;
/// QEMU's limits: `QCOW2_MAX_BITMAPS` and `QCOW2_MAX_BITMAP_DIRECTORY_SIZE` of block/qcow2.h.
const MOST_BITMAPS: u32 = 65535;
const LARGEST_DIRECTORY: u64 = 1024 * 65535;
/// `crypt_method` of an image that has a crypto header.
const LUKS: u32 = 2;
/// More extensions than any program writes.
const MOST: usize = 64;

/// The directory of the persistent bitmaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directory {
    /// Byte of the object that names it.
    pub named_at: u64,
    /// Byte of the object where it begins.
    pub at: u64,
    /// Its bytes.
    pub len: u64,
}

/// What the extensions say that reading needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The name of the external data file.
    pub data_file: Option<String>,
    /// The bitmaps, where the header's feature bit says that they hold.
    pub bitmaps: Option<Directory>,
}

impl Extensions {
    /// Reads the extensions between the header and the name of the backing file, or the end of the first cluster.
    ///
    /// # Errors
    /// `Corrupt` at what QEMU opens no image with. `Unsupported` where the list passes the part of the object that is read.
    /// Of an object that ends before they do, `Missing`.
    pub fn parse(header: &Header, head: &[u8], object_len: u64) -> Result<There<Self>> {
        let beyond = |at: u64, ends_at: u64| {
            if to_u64(head.len()) < object_len {
                return Err(Error::unsupported(LAYER, "the header extensions pass the first 64 KiB").at(at));
            }
            let named_at = header.extensions_at;
            Ok(Err(Missing { what: "header extensions", at: named_at, ends_at, named_at }))
        };
        let mut found = Self::default();
        let end = if header.backing_at == 0 { header.cluster_size() } else { header.backing_at };
        let mut at = header.extensions_at;
        for _ in 0..MOST {
            if at >= end {
                return Ok(Ok(found));
            }
            let data_at = at.saturating_add(8);
            let place = to_usize(LAYER, at)?;
            let (Ok(kind), Ok(len)) = (u32_be(LAYER, head, place), u32_be(LAYER, head, place.saturating_add(4))) else {
                return beyond(at, data_at);
            };
            if u64::from(len) > end.saturating_sub(data_at) || data_at > end {
                return Err(Error::corrupt(LAYER, at, format!("a header extension of {len} bytes passes the header")));
            }
            if kind == END {
                return Ok(Ok(found));
            }
            let Ok(data) = range(LAYER, head, to_usize(LAYER, data_at)?, to_usize(LAYER, u64::from(len))?) else {
                return beyond(at, data_at.saturating_add(u64::from(len)));
            };
            found.take(header, kind, data_at, data)?;
            at = data_at.saturating_add(u64::from(len).next_multiple_of(8));
        }
        Err(Error::unsupported(LAYER, format!("more than {MOST} header extensions")).at(at))
    }

    fn take(&mut self, header: &Header, kind: u32, at: u64, data: &[u8]) -> Result<()> {
        match kind {
            BACKING_FORMAT if data.len() > LONGEST_FORMAT => {
                Err(Error::corrupt(LAYER, at, "the name of the backing file's format is too long"))
            }
            CRYPTO_HEADER if header.crypt_method != LUKS => {
                Err(Error::corrupt(LAYER, at, "a crypto header without LUKS encryption"))
            }
            DATA_FILE => {
                self.data_file = Some(text(data, 64));
                Ok(())
            }
            BITMAPS => {
                self.bitmaps = bitmaps(header, at, data)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Count, reserved, size and offset of the directory. A program that does not know bitmaps clears the feature bit as it
/// writes, and what is here no longer holds.
fn bitmaps(header: &Header, at: u64, data: &[u8]) -> Result<Option<Directory>> {
    if data.len() != BITMAPS_LEN {
        return Err(Error::corrupt(LAYER, at, format!("the bitmaps extension has {} bytes, not 24", data.len())));
    }
    if !header.bitmaps_hold() {
        return Ok(None);
    }
    let (count, reserved) = (u32_be(LAYER, data, 0)?, u32_be(LAYER, data, 4)?);
    let (len, offset) = (u64_be(LAYER, data, 8)?, u64_be(LAYER, data, 16)?);
    let fits = (1..=MOST_BITMAPS).contains(&count) && reserved == 0 && len <= LARGEST_DIRECTORY;
    if !fits || !offset.is_multiple_of(header.cluster_size()) {
        return Err(Error::corrupt(LAYER, at, "the bitmaps extension contradicts the format"));
    }
    Ok(Some(Directory { named_at: at.saturating_add(16), at: offset, len }))
}
