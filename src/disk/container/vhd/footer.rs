//! The footer and the dynamic disk header (Virtual Hard Disk Image Format Specification 1.0), and what QEMU makes of them.

use super::LAYER;
use crate::disk::bytes::{array, text, to_u64, to_usize, u16_be, u32_be, u64_be};
use crate::disk::container::layout::{Missing, There};
use crate::disk::{Error, ReadAt, Result};

/// First bytes of a footer ("Hard Disk Footer Format") and of a dynamic header ("Dynamic Disk Header Format").
pub const COOKIE: &[u8] = b"conectix";
pub const DYNAMIC_COOKIE: &[u8] = b"cxsparse";
/// Bytes of a footer.
pub const LEN: u64 = 512;
const DYNAMIC_LEN: usize = 1024;

/// Offsets in the footer.
const DATA_OFFSET: usize = 16;
const CREATOR: usize = 28;
const CURRENT_SIZE: usize = 48;
const CYLINDERS: usize = 56;
const HEADS: usize = 58;
const SECTORS: usize = 59;
pub const DISK_TYPE: usize = 60;
pub const CHECKSUM: usize = 64;
/// The disk type of a fixed disk.
pub const FIXED: u32 = 2;
/// Offsets in the dynamic header.
const TABLE_OFFSET: usize = 16;
const TABLE_ENTRIES: usize = 28;
const BLOCK_SIZE: usize = 32;
const DYNAMIC_CHECKSUM: usize = 36;

const SECTOR: u64 = 512;
/// The largest geometry: sectors of a disk that is too large for one.
const LARGEST_GEOMETRY: u64 = 65535 * 16 * 255;
/// Creators whose disks have the size the footer says; those of all others have that of the geometry (QEMU, block/vpc.c;
/// Virtual PC shows a guest only what the geometry covers).
const BY_SIZE: [&[u8; 4]; 5] = [b"win ", b"qem2", b"d2v ", b"CTXS", b"tap\0"];
/// Sectors of the largest disk: 2040 GiB.
const MOST_SECTORS: u64 = 0xff00_0000;
/// Bytes of the smallest block that is read: of smaller ones, which nobody writes, QEMU takes the bitmap to have no byte.
const SMALLEST_BLOCK: u64 = 4096;
/// Entries of the largest table that QEMU reads.
const MOST_ENTRIES: u32 = 0x1fff_ffff;

/// What is needed of a footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Where the dynamic header lies.
    pub data_offset: u64,
    pub creator: [u8; 4],
    /// Bytes of the disk that the guest sees.
    pub size: u64,
    /// Bytes of the disk as the footer states them.
    pub stated: u64,
    pub disk_type: u32,
    /// True when the checksum is right.
    pub sound: bool,
}

impl Footer {
    /// The footer that `raw` begins with, which is whole but for zeros at its end; `None` where there is none.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let len = to_usize(LAYER, LEN).ok()?;
        let mut raw = raw.get(..raw.len().min(len)).filter(|raw| raw.starts_with(COOKIE))?.to_vec();
        raw.resize(len, 0);
        let raw = raw.as_slice();
        let creator: [u8; 4] = array(LAYER, raw, CREATOR).ok()?;
        let byte = |at: usize| raw.get(at).copied().map(u64::from);
        let geometry =
            u64::from(u16_be(LAYER, raw, CYLINDERS).ok()?).saturating_mul(byte(HEADS)?).saturating_mul(byte(SECTORS)?);
        let stated = u64_be(LAYER, raw, CURRENT_SIZE).ok()? / SECTOR;
        let by_size = BY_SIZE.contains(&&creator) || geometry == LARGEST_GEOMETRY;
        Some(Self {
            data_offset: u64_be(LAYER, raw, DATA_OFFSET).ok()?,
            creator,
            size: if by_size { stated } else { geometry }.saturating_mul(SECTOR),
            stated: stated.saturating_mul(SECTOR),
            disk_type: u32_be(LAYER, raw, DISK_TYPE).ok()?,
            sound: is_sealed(raw),
        })
    }

    /// One clause for humans.
    pub fn detail(&self) -> String {
        let kind = match self.disk_type {
            FIXED => "fixed".to_owned(),
            3 => "dynamic".to_owned(),
            4 => "differencing".to_owned(),
            other => format!("disk type {other}"),
        };
        format!("{kind}, made by \"{}\"", text(&self.creator, 4).trim_end())
    }

    /// Refuses what is larger than QEMU opens.
    pub fn check_size(&self) -> Result<()> {
        if self.size / SECTOR > MOST_SECTORS {
            return Err(Error::unsupported(LAYER, "the disk is larger than 2040 GiB"));
        }
        Ok(())
    }
}

/// True when the checksum of a footer is right.
pub fn is_sealed(raw: &[u8]) -> bool {
    sum_is_right(raw, CHECKSUM)
}

/// The sum of all bytes but those of the checksum itself, inverted ("Checksum").
fn sum_is_right(raw: &[u8], at: usize) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    let Some(own) = raw.get(at..at.saturating_add(4)) else { return false };
    u32_be(LAYER, raw, at).is_ok_and(|stated| stated == !sum(raw).wrapping_sub(sum(own)))
}

/// What is needed of a dynamic header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dynamic {
    pub at: u64,
    pub table_at: u64,
    /// Entries of the table: the disk may need fewer.
    pub entries: u32,
    /// Bytes of a block's data.
    pub block_size: u64,
    /// True when the checksum is right. QEMU does not look at it.
    pub sound: bool,
}

impl Dynamic {
    /// Reads the header that `footer`, which lies at `footer_at`, points at; `Missing` where the object ends before it does.
    pub fn read(object: &dyn ReadAt, footer: &Footer, footer_at: u64) -> Result<There<Self>> {
        let at = footer.data_offset;
        let named_at = footer_at.saturating_add(to_u64(DATA_OFFSET));
        // As the specification has it of a fixed disk.
        if at == u64::MAX {
            return Err(Error::corrupt(LAYER, named_at, "the footer of a dynamic disk names no header"));
        }
        let len = to_u64(DYNAMIC_LEN);
        if let Some(missing) = Missing::unless_within(object.len(), "dynamic disk header", named_at, at, len) {
            return Ok(Err(missing));
        }
        let raw = object.read_vec_at(at, DYNAMIC_LEN)?;
        if !raw.starts_with(DYNAMIC_COOKIE) {
            return Err(Error::corrupt(LAYER, at, "there is no dynamic disk header where the footer says"));
        }
        let block_size = u32_be(LAYER, &raw, BLOCK_SIZE)?;
        let field = |offset: u64| at.saturating_add(offset);
        if !block_size.is_power_of_two() || u64::from(block_size) < SECTOR {
            return Err(Error::corrupt(LAYER, field(32), format!("a block size of {block_size}")));
        }
        let block_size = u64::from(block_size);
        if block_size < SMALLEST_BLOCK {
            return Err(Error::unsupported(LAYER, format!("blocks of {block_size} bytes")).at(field(32)));
        }
        let entries = u32_be(LAYER, &raw, TABLE_ENTRIES)?;
        let needed = footer.size.div_ceil(block_size);
        if u64::from(entries) < needed || entries > MOST_ENTRIES {
            let what = format!("the block allocation table has {entries} entries, the size needs {needed}");
            return Err(Error::corrupt(LAYER, field(28), what));
        }
        let table_at = u64_be(LAYER, &raw, TABLE_OFFSET)?;
        if !table_at.is_multiple_of(4) {
            return Err(Error::unsupported(LAYER, "a block allocation table at an odd place").at(field(16)));
        }
        Ok(Ok(Self { at, table_at, entries, block_size, sound: sum_is_right(&raw, DYNAMIC_CHECKSUM) }))
    }

    /// Byte of the object after the header.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(to_u64(DYNAMIC_LEN))
    }
}
