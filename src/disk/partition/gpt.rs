//! GUID partition table (UEFI 2.10, chapter 5.3). A copy is valid when its header and its entries have the right CRC
//! and the header says that it lies where it was found.

use super::{guid, role};
use crate::disk::bytes::{array, range, to_usize, u32_le, u64_le};
use crate::disk::{Error, ErrorKind, ReadAt, Result};
use crate::inspect::facts::Partition;

const LAYER: &str = "gpt";
const SIGNATURE: &[u8] = b"EFI PART";
/// Sector sizes that disks have.
const SECTORS: [u32; 2] = [512, 4096];
/// Bytes of the header before what is reserved.
const HEADER: u32 = 92;
const CRC: usize = 16;
/// The array of a usual table has 16 KiB; this is the largest that is read.
const LARGEST_ARRAY: u64 = 1 << 20;
/// Characters of a name.
const NAME: usize = 36;

/// A valid copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpt {
    pub sector_bytes: u32,
    /// Where the other copy lies, as this one says.
    pub alternate_bytes: u64,
    pub usable_end_bytes: u64,
    pub partitions: Vec<Partition>,
}

/// The first copy, where it is valid. `head` is the start of the disk.
pub fn primary(disk: &dyn ReadAt, head: &[u8]) -> Result<Option<Gpt>> {
    for sector in SECTORS {
        let header = range(LAYER, head, to_usize(LAYER, u64::from(sector))?, 512).ok().map(<[u8]>::to_vec);
        if let Some(header) = header.and_then(|raw| Header::parse(raw, sector, 1)) {
            return settle(header.table(disk));
        }
    }
    Ok(None)
}

/// The second copy, where it is valid: in the last sector, or where the first one's header says.
pub fn backup(disk: &dyn ReadAt, head: &[u8]) -> Result<Option<Gpt>> {
    for sector in SECTORS {
        let size = u64::from(sector);
        let stated = to_usize(LAYER, size).ok().and_then(|at| range(LAYER, head, at, 512).ok());
        let stated = stated.and_then(|raw| Header::parse(raw.to_vec(), sector, 1)).map(|header| header.alternate);
        let last = disk.len().checked_div(size).unwrap_or(0).saturating_sub(1);
        for lba in [Some(last), stated.filter(|lba| *lba != last)].into_iter().flatten() {
            let Some(raw) = settle(disk.read_vec_at(lba.saturating_mul(size), 512).map(Some))? else { continue };
            let Some(header) = Header::parse(raw, sector, lba) else { continue };
            if let Some(table) = settle(header.table(disk))? {
                return Ok(Some(table));
            }
        }
    }
    Ok(None)
}

/// A damaged copy is none.
fn settle<T>(result: Result<Option<T>>) -> Result<Option<T>> {
    match result {
        Err(error) if error.kind == ErrorKind::Corrupt => Ok(None),
        other => other,
    }
}

struct Header {
    sector_bytes: u32,
    alternate: u64,
    last_usable: u64,
    array_at: u64,
    entries: u32,
    entry_bytes: u32,
    array_crc: u32,
}

impl Header {
    /// The header in `raw`, found in sector `lba`; `None` when it is not valid.
    fn parse(mut raw: Vec<u8>, sector_bytes: u32, lba: u64) -> Option<Self> {
        let u32_at = |raw: &[u8], at| u32_le(LAYER, raw, at).ok();
        let u64_at = |raw: &[u8], at| u64_le(LAYER, raw, at).ok();
        let size = u32_at(&raw, 12)?;
        if !raw.starts_with(SIGNATURE) || size < HEADER || u64_at(&raw, 24)? != lba {
            return None;
        }
        let stated = u32_at(&raw, CRC)?;
        // The CRC covers the header with its own field zero.
        raw.get_mut(CRC..CRC.saturating_add(4))?.fill(0);
        let covered = raw.get(..usize::try_from(size).ok()?)?;
        let header = Self {
            sector_bytes,
            alternate: u64_at(&raw, 32)?,
            last_usable: u64_at(&raw, 48)?,
            array_at: u64_at(&raw, 72)?.checked_mul(u64::from(sector_bytes))?,
            entries: u32_at(&raw, 80)?,
            entry_bytes: u32_at(&raw, 84)?,
            array_crc: u32_at(&raw, 88)?,
        };
        (crc32fast::hash(covered) == stated && header.entry_bytes >= 128 && header.entry_bytes.is_multiple_of(8))
            .then_some(header)
    }

    /// The entries; `None` when they are not what the CRC was made of.
    fn table(&self, disk: &dyn ReadAt) -> Result<Option<Gpt>> {
        let bytes = u64::from(self.entries).saturating_mul(u64::from(self.entry_bytes));
        if bytes > LARGEST_ARRAY {
            return Err(Error::limit(LAYER, format!("{} entries of {} bytes", self.entries, self.entry_bytes)));
        }
        if self.array_at.checked_add(bytes).is_none_or(|end| end > disk.len()) {
            return Ok(None);
        }
        let array = disk.read_vec_at(self.array_at, to_usize(LAYER, bytes)?)?;
        if crc32fast::hash(&array) != self.array_crc {
            return Ok(None);
        }
        let entries = array.chunks_exact(to_usize(LAYER, u64::from(self.entry_bytes))?.max(1));
        let partitions = (1_u32..).zip(entries).filter_map(|(number, entry)| self.partition(number, entry).transpose());
        Ok(Some(Gpt {
            sector_bytes: self.sector_bytes,
            alternate_bytes: self.bytes(self.alternate),
            usable_end_bytes: self.bytes(self.last_usable.saturating_add(1)),
            partitions: partitions.collect::<Result<_>>()?,
        }))
    }

    /// One entry; `None` when it is unused.
    fn partition(&self, number: u32, entry: &[u8]) -> Result<Option<Partition>> {
        let kind: [u8; 16] = array(LAYER, entry, 0)?;
        if kind == [0; 16] {
            return Ok(None);
        }
        let (first, last) = (u64_le(LAYER, entry, 32)?, u64_le(LAYER, entry, 40)?);
        let name = entry.get(56..).unwrap_or_default().chunks_exact(2).take(NAME);
        let name: Vec<u16> = name.filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?))).collect();
        let name = name.split(|unit| *unit == 0).next().unwrap_or_default();
        let type_id = guid::text(kind);
        Ok(Some(Partition {
            number,
            start_bytes: self.bytes(first),
            // An entry that ends before it starts has no sector; whoever opens it says so.
            size_bytes: last.saturating_add(1).checked_sub(first).map_or(0, |sectors| self.bytes(sectors)),
            role: role::of_gpt(&type_id),
            type_id,
            active: false,
            uuid: guid::text(array(LAYER, entry, 16)?),
            name: String::from_utf16_lossy(name).chars().filter(|c| !c.is_control()).collect(),
        }))
    }

    fn bytes(&self, sectors: u64) -> u64 {
        sectors.saturating_mul(u64::from(self.sector_bytes))
    }
}
