//! Installation media: ISO 9660 (ECMA-119) and UDF (ECMA-167), also where a partition table lies over them. A disk that
//! held a medium before it was partitioned keeps the descriptors, which lie before its first partition.

mod tree;

use std::sync::Arc;

use super::{Class, Container, Format, Probe};
use crate::disk::bytes::{array, text, u16_le, u32_le};
use crate::disk::filesystem::recognise;
use crate::disk::{ErrorKind, ReadAt, Result, Slice, partition};
use crate::inspect::facts;

/// Where the volume descriptors start, and how far apart they are: sector 16 of 2048 bytes (ECMA-119 6.2.1, 6.7.1).
const DESCRIPTORS: usize = 0x8000;
const SECTOR: usize = 2048;
/// Descriptors that are looked at; the head holds no more.
const MOST: usize = 16;

const ADVICE: &str = "Start a VM from this ISO in VirtualBox or KVM, install the system on an empty disk, convert that \
                      disk. Converting the ISO itself gives an image that cannot boot.";

/// ISO 9660, hybrid or not.
pub const ISO: Format = Format { name: "ISO", class: Class::Medium, advice: ADVICE, probe: is_iso, open };

/// UDF without ISO 9660.
pub const UDF: Format =
    Format { name: "UDF", class: Class::Medium, advice: ADVICE, probe: is_udf, open: super::name_only };

/// The sectors of a compact disc with their framing, as `.bin` files have them: each begins with a synchronisation field
/// (ECMA-130 14.1).
pub const BIN: Format =
    Format { name: "BIN", class: Class::Medium, advice: ADVICE, probe: has_frames, open: super::name_only };
/// What an installed system lies on, and no partition within a medium: hybrid media have FAT, HFS and squashfs there.
const INSTALLED: &[&str] =
    &["ext2", "ext3", "ext4", "xfs", "btrfs", "ntfs", "ufs", "swap", "LVM2_member", "linux_raid_member", "crypto_LUKS"];
/// Partitions that are looked into.
const MOST_LOOKS: usize = 16;
const FRAME: usize = 2352;
const SYNCHRONISATION: &[u8] = b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0";

fn has_frames(probe: &Probe) -> bool {
    probe.starts_with(SYNCHRONISATION) && probe.has(FRAME, SYNCHRONISATION)
}

/// The 2048 bytes of one descriptor.
fn descriptor(probe: &Probe, index: usize) -> Option<&[u8]> {
    let at = index.checked_mul(SECTOR)?.checked_add(DESCRIPTORS)?;
    probe.head.get(at..at.checked_add(SECTOR)?)
}

fn primary(probe: &Probe) -> Option<&[u8]> {
    descriptor(probe, 0).filter(|found| found.starts_with(b"\x01CD001\x01"))
}

/// Bytes of a logical block.
fn block(primary: &[u8]) -> Option<u64> {
    u16_le("iso", primary, 128).ok().map(u64::from).filter(|block| *block > 0)
}

/// Bytes of the volume of a valid primary volume descriptor (ECMA-119 8.4): type 1, `CD001`, version 1, and a volume that
/// fits the disk, or is cut short: then [`is_left_over`] looks whether its root directory is still there.
fn size(probe: &Probe) -> Option<u64> {
    let found = primary(probe)?;
    let sectors = u32_le("iso", found, 80).ok()?;
    let block = block(found)?;
    let size = u64::from(sectors).checked_mul(block)?;
    (size > 0 && (size <= probe.len || tree::both_orders(found, 80))).then_some(size)
}

fn is_iso(probe: &Probe) -> bool {
    size(probe).is_some()
}

/// True when the medium that `probe` shows is only left over: a system was installed on the whole disk, or a partition that
/// holds a filesystem lies over a part of the medium's own files. A medium has partitions of its own: one over all of it,
/// others that are a file of it, or lie behind its files.
///
/// # Errors
/// `Io` and `Limit`.
pub fn is_left_over(disk: &Arc<dyn ReadAt>, probe: &Probe) -> Result<bool> {
    let end = size(probe).unwrap_or(probe.len).min(probe.len);
    if INSTALLED.contains(&recognise(disk.as_ref())?.type_id.as_str()) {
        return Ok(true);
    }
    let partitions = match partition::read(disk) {
        Ok(table) => table.partitions,
        Err(error) if matches!(error.kind, ErrorKind::Io | ErrorKind::Limit) => return Err(error),
        Err(_) => Vec::new(),
    };
    let files = match primary(probe).and_then(|found| Some((found, block(found)?))) {
        Some((found, block)) => tree::extents(disk.as_ref(), found, block)?,
        None => None,
    };
    if files.is_none() && size(probe).is_some_and(|size| size > probe.len) {
        return Ok(true);
    }
    for found in partitions.iter().filter(|found| found.start_bytes > 0 && found.start_bytes < end).take(MOST_LOOKS) {
        let (from, to) = (found.start_bytes, found.start_bytes.saturating_add(found.size_bytes));
        let over = match &files {
            Some(files) => files.iter().any(|file| {
                let is_file = file.start <= from && to <= file.end;
                from < file.end && file.start < to && !is_file
            }),
            None => true,
        };
        if !over {
            continue;
        }
        let content = recognise(&Slice::new(Arc::clone(disk), found.start_bytes, found.size_bytes))?.type_id;
        // FAT is what an EFI system partition has, which may be all that lies over a small medium.
        if INSTALLED.contains(&content.as_str()) || (files.is_some() && content == "vfat") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An NSR descriptor in the volume recognition sequence (ECMA-167 2/9.1, 3/9.1).
fn is_udf(probe: &Probe) -> bool {
    (0..MOST)
        .filter_map(|index| descriptor(probe, index))
        .any(|found| array::<5>("udf", found, 1).is_ok_and(|id| &id == b"NSR02" || &id == b"NSR03"))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of `Format::open`")]
fn open(_object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let name = primary(probe).and_then(|found| found.get(40..72)).map(|name| text(name, 32)).unwrap_or_default();
    let mut detail = format!("volume \"{}\"", name.trim_end());
    // El Torito 1.0, 2.0: the boot record descriptor has type 0 and this system identifier.
    let boots = |found: &[u8]| found.starts_with(b"\0CD001\x01EL TORITO SPECIFICATION");
    if (1..MOST).filter_map(|index| descriptor(probe, index)).any(boots) {
        detail.push_str(", El Torito boot record");
    }
    if probe.has(510, &[0x55, 0xaa]) {
        detail.push_str(", hybrid");
    }
    if let Some(size) = size(probe).filter(|size| *size > probe.len) {
        detail = format!("{detail}, incomplete: {} of {size} bytes", probe.len);
    }
    Ok(Container::described(facts::Container { detail, ..Default::default() }))
}
