//! FAT and exFAT. Their label is an entry of the root directory, of which the first cluster is looked at.

use super::Content;
use super::sample::{Sample, label, label_utf16};
use crate::disk::Result;

/// Largest numbers of clusters (Microsoft FAT specification, "FAT Type Determination", as libblkid bounds them).
const FAT12_MOST: u64 = 0xff4;
const FAT16_MOST: u64 = 0xfff4;
const FAT32_MOST: u64 = 0x0fff_fff6;
const ENTRY: usize = 32;
/// Bytes of a root directory that are looked at for the label, which is among its first entries.
const LONGEST_ROOT: u64 = 32 << 10;

/// FAT12, FAT16, FAT32.
pub fn vfat(sample: &Sample) -> Result<Option<Content>> {
    let Some(found) = Parameters::parse(sample) else { return Ok(None) };
    let root = sample.fetch(found.root_at, found.root_len)?.unwrap_or_default();
    Ok(Some(Content::filesystem("vfat").uuid(found.serial).label(root_label(&root))))
}

/// Where the root directory lies, and the volume's serial number.
struct Parameters {
    root_at: u64,
    root_len: usize,
    serial: String,
}

impl Parameters {
    /// The BIOS parameter block; `None` when this is not FAT.
    fn parse(sample: &Sample) -> Option<Self> {
        let named = sample.has(0x52, b"FAT32   ")
            || sample.has(0x52, b"MSWIN")
            || [b"FAT12   ", b"FAT16   ", b"FAT     "].iter().any(|name| sample.has(0x36, *name))
            || sample.has(0x36, b"MSDOS");
        // Without a name: a jump, the signature, and not the pseudo boot sector that OS/2 writes on its own.
        let jumps = sample.has(510, &[0x55, 0xaa]) && matches!(sample.u8(0)?, 0xeb | 0xe9);
        let foreign = sample.has(0x36, b"JFS     ") || sample.has(0x36, b"HPFS    ");
        if !named && (!jumps || foreign) {
            return None;
        }
        let sector = u64::from(sample.u16(11)?);
        let cluster = u64::from(sample.u8(13)?);
        let reserved = u64::from(sample.u16(14)?);
        let fats = u64::from(sample.u8(16)?);
        let root_entries = u64::from(sample.u16(17)?);
        let media = sample.u8(21)?;
        let short = u64::from(sample.u16(22)?);
        let long = u64::from(sample.u32(36)?);
        let sectors = match sample.u16(19)? {
            0 => u64::from(sample.u32(32)?),
            sectors => u64::from(sectors),
        };
        let sane = sector.is_power_of_two() && (512..=4096).contains(&sector) && cluster.is_power_of_two();
        if !sane || reserved == 0 || fats == 0 || !(media >= 0xf8 || media == 0xf0) {
            return None;
        }
        let is_32 = short == 0;
        let fat_sectors = if is_32 { long } else { short }.checked_mul(fats)?;
        let root_sectors = root_entries.checked_mul(32)?.div_ceil(sector);
        let before_root = reserved.checked_add(fat_sectors)?;
        let data = sectors.checked_sub(before_root)?.checked_sub(root_sectors)?;
        let clusters = data.checked_div(cluster)?;
        let most = if is_32 {
            FAT32_MOST
        } else if clusters > FAT12_MOST {
            FAT16_MOST
        } else {
            FAT12_MOST
        };
        if fat_sectors == 0 || clusters > most {
            return None;
        }
        let (root_at, root_len, serial_at): (u64, u64, usize) = if is_32 {
            let index = u64::from(sample.u32(44)?).checked_sub(2)?;
            (before_root.checked_add(index.checked_mul(cluster)?)?, cluster.checked_mul(sector)?, 67)
        } else {
            (before_root, root_sectors.checked_mul(sector)?, 39)
        };
        // The serial number is there when the byte before it says so.
        let serial = match sample.u8(serial_at.checked_sub(1)?)? {
            0x28 | 0x29 => serial(sample.u32(serial_at)?),
            _ => String::new(),
        };
        let root_len = usize::try_from(root_len.min(LONGEST_ROOT)).ok()?;
        Some(Self { root_at: root_at.checked_mul(sector)?, root_len, serial })
    }
}

/// A serial number of 32 bits as Windows shows it.
fn serial(number: u32) -> String {
    if number == 0 {
        return String::new();
    }
    let text = format!("{number:08X}");
    let (high, low) = text.split_at(4);
    format!("{high}-{low}")
}

/// The entry with the volume attribute and no data; a long name's part has that attribute with three others.
fn root_label(root: &[u8]) -> String {
    let entries = root.chunks_exact(ENTRY).take_while(|entry| entry.first() != Some(&0));
    for entry in entries {
        let [name @ .., attributes] = entry.get(..12).unwrap_or_default() else { break };
        let cluster = [entry.get(20..22), entry.get(26..28)];
        let empty = cluster.iter().all(|half| *half == Some([0, 0].as_slice()));
        let (free, long) = (name.first() == Some(&0xe5), attributes & 0x3f == 0x0f);
        if empty && !free && !long && attributes & 0x18 == 0x08 {
            return label(name);
        }
    }
    String::new()
}

/// exFAT (exFAT file system specification, sections 3.1 and 7.3).
pub fn exfat(sample: &Sample) -> Result<Option<Content>> {
    if !sample.has(3, b"EXFAT   ") {
        return Ok(None);
    }
    let content = Content::filesystem("exfat").uuid(sample.u32(100).map(serial).unwrap_or_default());
    let Some((at, len)) = exfat_root(sample) else { return Ok(Some(content)) };
    let root = sample.fetch(at, len)?.unwrap_or_default();
    let entry =
        root.chunks_exact(ENTRY).take_while(|entry| entry.first() != Some(&0)).find(|e| e.first() == Some(&0x83));
    let name = entry.and_then(|entry| {
        let units = usize::from(*entry.get(1)?).min(11);
        entry.get(2..)?.get(..units.checked_mul(2)?).map(label_utf16)
    });
    Ok(Some(content.label(name.unwrap_or_default())))
}

/// Place and length of the root directory's first cluster.
fn exfat_root(sample: &Sample) -> Option<(u64, usize)> {
    let sector_shift = u32::from(sample.u8(108)?);
    let cluster_shift = sector_shift.checked_add(u32::from(sample.u8(109)?))?;
    if !(9..=12).contains(&sector_shift) || cluster_shift > 25 {
        return None;
    }
    let heap = u64::from(sample.u32(88)?).checked_shl(sector_shift)?;
    let index = u64::from(sample.u32(96)?).checked_sub(2)?;
    let len = 1_u64.checked_shl(cluster_shift)?.min(LONGEST_ROOT);
    Some((heap.checked_add(index.checked_shl(cluster_shift)?)?, usize::try_from(len).ok()?))
}
