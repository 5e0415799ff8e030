//! A disk that becomes larger: its second partition table moves to the new end.
//!
//! A guest that finds the second table elsewhere than in the last sector says that its disk is damaged, and some programs
//! refuse to change such a disk. Where the disk has no GUID partition table there is nothing to move.

use super::disk::Patch;
use super::{LAYER, SECTOR};
use crate::disk::bytes::{range, to_u64, to_usize, u32_le, u64_le};
use crate::disk::{Error, Result};

/// Bytes of the start of the disk that are enough for every table that is moved, where the disk has as many: sgdisk may put
/// the entries just before the first partition.
pub const HEAD: usize = 1 << 20;

/// How a first table is mended, where the second is good.
const REMEDY: &str = "`sgdisk -e` of the disk as RAW writes it anew from the second one";

const SIGNATURE: &[u8] = b"EFI PART";
/// Sector sizes that disks have.
const SECTORS: [u64; 2] = [SECTOR, 4096];
/// Offsets in the header (UEFI 2.10, table 5.5 "GPT Header").
const HEADER_LEN: usize = 12;
const CRC: usize = 16;
const OWN_LBA: usize = 24;
const ALTERNATE_LBA: usize = 32;
const LAST_USABLE_LBA: usize = 48;
const ENTRIES_LBA: usize = 72;
const ENTRIES: usize = 80;
const ENTRY_LEN: usize = 84;
const ENTRIES_CRC: usize = 88;
/// Bytes of a header before what is reserved, and of the smallest entry.
const SMALLEST_HEADER: u32 = 92;
const SMALLEST_ENTRY: u32 = 128;
/// Offset of a partition's last sector in its entry (table 5.6 "GPT Partition Entry").
const LAST_LBA: usize = 40;
/// Offsets in the protective MBR (table 5.4), and the type of the partition that stands for all of the disk.
const MBR_ENTRIES: std::ops::Range<usize> = 446..510;
const MBR_TYPE: usize = 4;
const MBR_START: usize = 8;
const MBR_SECTORS: usize = 12;
const PROTECTIVE: u8 = 0xee;

/// What changes on a disk of `size` bytes, so that its second table lies at its end: the protective MBR, the first header,
/// and the second table. `head` is the start of the disk, [`HEAD`] bytes or all of it. Nothing where there is no table, or
/// where it lies right.
///
/// # Errors
/// `Corrupt` where the first table is damaged or reaches past the new end; `Limit` where it is larger than is read.
pub fn backup_gpt(head: &[u8], size: u64) -> Result<Vec<Patch>> {
    let is_header =
        |sector: &u64| head.get(usize::try_from(*sector).ok()?..)?.starts_with(SIGNATURE).then_some(*sector);
    let Some(sector) = SECTORS.iter().find_map(is_header) else {
        return if protective(head).next().is_some() {
            let what = "a protective MBR, but no first header of a GUID partition table";
            Err(Error::corrupt(LAYER, SECTOR, format!("{what}: {REMEDY}")))
        } else {
            Ok(Vec::new())
        };
    };
    let table = Table::parse(head, sector)?;
    let last = (size / sector).checked_sub(1).ok_or_else(|| Error::corrupt(LAYER, sector, "the disk has no sector"))?;
    if table.alternate == last {
        return Ok(Vec::new());
    }
    let entries_lba = last.saturating_sub(to_u64(table.entries.len()).div_ceil(sector));
    let last_usable = entries_lba.saturating_sub(1);
    if table.last_used > last_usable || table.last_usable > last_usable {
        let what = "the partition table reaches past the new end of the disk";
        return Err(Error::corrupt(LAYER, sector, what));
    }
    let first = table.header(&[(ALTERNATE_LBA, last), (LAST_USABLE_LBA, last_usable)]);
    let second = table.header(&[
        (OWN_LBA, last),
        (ALTERNATE_LBA, 1),
        (LAST_USABLE_LBA, last_usable),
        (ENTRIES_LBA, entries_lba),
    ]);
    let byte = |lba: u64| lba.saturating_mul(sector);
    let sectors = u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    let mut patches: Vec<Patch> = protective(head)
        .filter(|at| stands_for_all(head, *at, table.alternate))
        .map(|at| Patch { at: to_u64(at.saturating_add(MBR_SECTORS)), bytes: sectors.clone() })
        .collect();
    patches.push(Patch { at: sector, bytes: first });
    patches.push(Patch { at: byte(entries_lba), bytes: table.entries.to_vec() });
    patches.push(Patch { at: byte(last), bytes: second });
    Ok(patches)
}

/// Offsets of the entries of an MBR that stand for all of the disk.
fn protective(head: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let signed = head.get(510..512) == Some([0x55, 0xaa].as_slice());
    let is_protective = move |at: &usize| {
        let entry = head.get(*at..at.saturating_add(16)).unwrap_or_default();
        signed && entry.get(MBR_TYPE) == Some(&PROTECTIVE) && u32_le(LAYER, entry, MBR_START) == Ok(1)
    };
    MBR_ENTRIES.step_by(16).filter(is_protective)
}

/// True for an entry that covered the disk up to its `last` sector, or is alone. In an MBR that shows partitions too, it may
/// only keep others from what is before them, and would run into them.
fn stands_for_all(head: &[u8], at: usize, last: u64) -> bool {
    let kind = |at: usize| head.get(at.saturating_add(MBR_TYPE)).copied().unwrap_or_default();
    let entry = head.get(at..at.saturating_add(16)).unwrap_or_default();
    let covers = u32_le(LAYER, entry, MBR_SECTORS).is_ok_and(|n| n == u32::MAX || u64::from(n) >= last);
    covers || MBR_ENTRIES.step_by(16).all(|other| other == at || kind(other) == 0)
}

/// A valid first table.
struct Table<'a> {
    header: &'a [u8],
    entries: &'a [u8],
    alternate: u64,
    last_usable: u64,
    /// Last sector of the partition that ends last.
    last_used: u64,
}

impl<'a> Table<'a> {
    fn parse(head: &'a [u8], sector: u64) -> Result<Self> {
        let damaged = |what: &str| {
            Error::corrupt(LAYER, sector, format!("the first partition table is damaged: {what}: {REMEDY}"))
        };
        let raw = range(LAYER, head, to_usize(LAYER, sector)?, to_usize(LAYER, sector)?)?;
        let len = u32_le(LAYER, raw, HEADER_LEN)?;
        if len < SMALLEST_HEADER || u64::from(len) > sector {
            return Err(damaged("a header of the wrong length"));
        }
        let header = range(LAYER, raw, 0, to_usize(LAYER, u64::from(len))?)?;
        if crc_of_header(header) != u32_le(LAYER, header, CRC)? || u64_le(LAYER, header, OWN_LBA)? != 1 {
            return Err(damaged("its header's checksum or place is wrong"));
        }
        let (count, entry_len) = (u32_le(LAYER, header, ENTRIES)?, u32_le(LAYER, header, ENTRY_LEN)?);
        if !entry_len.is_power_of_two() || entry_len < SMALLEST_ENTRY {
            return Err(damaged("entries of the wrong length"));
        }
        let at = u64_le(LAYER, header, ENTRIES_LBA)?.saturating_mul(sector);
        let entries_len = u64::from(count).saturating_mul(u64::from(entry_len));
        let Ok(entries) = range(LAYER, head, to_usize(LAYER, at)?, to_usize(LAYER, entries_len)?) else {
            let what = format!("a partition table of {entries_len} bytes at {at:#x}, of which {HEAD} bytes are read");
            return Err(Error::limit(LAYER, what).at(sector));
        };
        if crc32fast::hash(entries) != u32_le(LAYER, header, ENTRIES_CRC)? {
            return Err(damaged("its entries' checksum is wrong"));
        }
        let mut last_used = 0;
        for entry in entries.chunks(to_usize(LAYER, u64::from(entry_len))?) {
            // The type of an entry that is not used is all zeros.
            if entry.iter().take(16).any(|byte| *byte != 0) {
                last_used = u64_le(LAYER, entry, LAST_LBA)?.max(last_used);
            }
        }
        Ok(Self {
            header,
            entries,
            alternate: u64_le(LAYER, header, ALTERNATE_LBA)?,
            last_usable: u64_le(LAYER, header, LAST_USABLE_LBA)?,
            last_used,
        })
    }

    /// The header with other fields, sealed.
    fn header(&self, fields: &[(usize, u64)]) -> Vec<u8> {
        let mut header = self.header.to_vec();
        for (at, value) in fields {
            put(&mut header, *at, &value.to_le_bytes());
        }
        let crc = crc_of_header(&header);
        put(&mut header, CRC, &crc.to_le_bytes());
        header
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes.iter_mut().skip(at).zip(value).for_each(|(byte, new)| *byte = *new);
}

/// The checksum of a header, computed as if it were zero.
fn crc_of_header(header: &[u8]) -> u32 {
    let mut copy = header.to_vec();
    put(&mut copy, CRC, &[0; 4]);
    crc32fast::hash(&copy)
}
