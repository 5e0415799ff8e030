//! BSD disklabels (sys/disklabel.h of FreeBSD, OpenBSD and NetBSD): what slices an MBR partition, a GPT partition, or a
//! whole disk once more. Partition `a` of slice 1 is the volume `p1/a`: FreeBSD's `ada0s1a`, and `disk/a` its `ada0a`.
//! Linux would count these on from the logical partitions, in the order it meets them.

use std::sync::Arc;

use super::{Found, Made, opened, troubled};
use crate::disk::bytes::{range, to_usize, u16_le, u32_le};
use crate::disk::partition::{BSD, is_bsd_slice, is_freebsd_slice};
use crate::disk::{Error, ReadAt, Result, Slice};
use crate::inspect::facts::{Partition, PartitionTable, Role};

const LAYER: &str = "bsd";
/// The label is in the second sector of what it slices.
const LABEL: usize = 512;
const MAGIC: u32 = 0x8256_4557;
/// Offsets in the label: sector size, version (OpenBSD), second magic number, count of partitions, partitions.
const SECTOR_SIZE: usize = 40;
const VERSION: usize = 114;
const SECOND_MAGIC: usize = 132;
const COUNT: usize = 138;
const PARTITIONS: usize = 148;
const PARTITION: usize = 16;
/// No BSD has more.
const MOST: u16 = 22;
/// Which partition is the whole slice.
const RAW: usize = 2;
/// Types of a partition (`fstypes`).
const UNUSED: u8 = 0;
const SWAP: u8 = 1;

/// One partition, in bytes from the start of the slice.
struct Entry {
    letter: char,
    at: u64,
    len: u64,
    swap: bool,
}

/// The partitions of the disklabels among `found`.
///
/// # Errors
/// `Io` and `Limit`.
pub fn assemble(found: &mut [Found], table: &PartitionTable) -> Result<Vec<Made>> {
    let mut made = Vec::new();
    for (after, (volume, bytes)) in found.iter_mut().enumerate().filter(|(_, (volume, _))| volume.type_id == BSD) {
        let slice = table.partitions.iter().find(|partition| Some(partition.number) == volume.partition);
        let entries = match entries(bytes.as_ref(), slice) {
            Ok(entries) => entries,
            Err(error) => {
                troubled(volume, error)?;
                continue;
            }
        };
        if entries.is_empty() {
            let what = "no partition of the disklabel lies in its slice";
            troubled(volume, Error::unsupported(LAYER, what))?;
            continue;
        }
        opened(volume);
        for entry in entries {
            made.push(Made {
                after,
                name: format!("{}/{}", volume.name, entry.letter),
                size_bytes: entry.len,
                type_id: String::new(),
                role: if entry.swap { Role::BsdSwap } else { Role::Plain },
                bytes: Ok(Arc::new(Slice::new(Arc::clone(bytes), entry.at, entry.len))),
            });
        }
    }
    Ok(made)
}

/// True where a partition is one for BSD and has a label that slices it.
pub fn is_sliced(bytes: &dyn ReadAt, partition: &Partition) -> Result<bool> {
    Ok(is_bsd_slice(partition) && !entries(bytes, Some(partition))?.is_empty())
}

/// The partitions in a slice, as Linux tells them (block/partitions/msdos.c, `parse_bsd`): those that are not the whole of
/// it and lie in it.
fn entries(bytes: &dyn ReadAt, slice: Option<&Partition>) -> Result<Vec<Entry>> {
    let sectors = bytes.read_vec_at(0, to_usize(LAYER, bytes.len().min(1024))?)?;
    let Ok(label) = range(LAYER, &sectors, LABEL, 512) else { return Ok(Vec::new()) };
    if u32_le(LAYER, label, 0)? != MAGIC || u32_le(LAYER, label, SECOND_MAGIC)? != MAGIC {
        return Ok(Vec::new());
    }
    let sector = u64::from(if u32_le(LAYER, label, SECTOR_SIZE)? == 4096 { 4096_u32 } else { 512 });
    let raw = label.get(PARTITIONS..).unwrap_or_default();
    let raw_at = raw.chunks_exact(PARTITION).nth(RAW).map_or(Ok(0), |raw| u32_le(LAYER, raw, 4))?;
    // FreeBSD counts from the start of the slice where the whole slice starts at 0, everything else from the disk's. A label
    // without a slice says itself where it is.
    let (origin, size) = match slice {
        Some(slice) if is_freebsd_slice(slice) && raw_at == 0 => (0, slice.size_bytes),
        Some(slice) => (slice.start_bytes, slice.size_bytes),
        None => (u64::from(raw_at).saturating_mul(sector), bytes.len()),
    };
    let wide = !slice.is_none_or(is_freebsd_slice) && u16_le(LAYER, label, VERSION)? == 1;
    let count = usize::from(u16_le(LAYER, label, COUNT)?.min(MOST));
    let mut found = Vec::new();
    for (letter, raw) in ('a'..='z').zip(raw.chunks_exact(PARTITION).take(count)) {
        let kind = raw.get(12).copied().unwrap_or(UNUSED);
        if kind == UNUSED {
            continue;
        }
        // OpenBSD has upper halves where others have the size of a fragment.
        let upper = |at| if wide { u16_le(LAYER, raw, at).map(u64::from) } else { Ok(0) };
        let sectors = |low, high| Ok::<u64, Error>(u64::from(u32_le(LAYER, raw, low)?) | upper(high)? << 32);
        let (len, at) = (sectors(0, 10)?.saturating_mul(sector), sectors(4, 8)?.saturating_mul(sector));
        let Some(at) = at.checked_sub(origin).filter(|at| at.checked_add(len).is_some_and(|end| end <= size)) else {
            continue;
        };
        if len > 0 && (at, len) != (0, size) {
            found.push(Entry { letter, at, len, swap: kind == SWAP });
        }
    }
    Ok(found)
}
