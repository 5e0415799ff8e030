//! VHD (Virtual Hard Disk Image Format Specification 1.0): the dynamic disk. The fixed one is RAW with a footer.
//!
//! A copy of the footer, the dynamic header and the block allocation table are the front, which is written last; then come
//! the blocks that hold data, in the order of the disk, each behind a bitmap that says that all of it is there, and the
//! footer.

pub mod footer;

use super::parts::{Parts, Written};
use super::{Disk, LAYER, Plan, SECTOR, Sink, Totals, blocks};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, Result};

/// Bytes of a block: the default of the specification, and the only one that all programs read.
pub const BLOCK: u64 = 2 << 20;
/// Bytes of its bitmap: a bit for each sector.
const BITMAP: [u8; 512] = [0xff; 512];
/// Bytes of the footer and of the dynamic header, which are before the table.
const HEADERS: u64 = 512 + 1024;
/// An entry of a block that is not there.
const UNUSED: u32 = u32::MAX;
/// Sectors of the largest disk: 2040 GiB.
const MOST_SECTORS: u64 = 0xff00_0000;

/// Refuses what the format does not hold.
///
/// # Errors
/// `Unsupported` for disks of more than 2040 GiB.
pub fn check(size: u64) -> Result<()> {
    if size.div_ceil(SECTOR) > MOST_SECTORS {
        return Err(Error::unsupported(LAYER, format!("a disk of {size} bytes: a VHD holds 2040 GiB at most")));
    }
    Ok(())
}

/// Bytes of the front.
fn front(size: u64) -> u64 {
    let table = size.div_ceil(BLOCK).saturating_mul(4);
    HEADERS.saturating_add(table.next_multiple_of(SECTOR))
}

/// Bytes of the file at most, when so many blocks are stored.
pub fn most(size: u64, blocks: u64) -> u64 {
    let stored = blocks.saturating_mul(BLOCK.saturating_add(to_u64(BITMAP.len())));
    front(size).saturating_add(stored).saturating_add(SECTOR)
}

/// Writes the disk.
///
/// # Errors
/// Those of the disk and the sink.
pub fn write(disk: &Disk, plan: &Plan, id: [u8; 16], sink: &mut dyn Sink) -> Result<Totals> {
    check(plan.size)?;
    let entries = plan.size.div_ceil(BLOCK);
    let mut table = vec![UNUSED; usize::try_from(entries).unwrap_or(usize::MAX)];
    let mut parts = Parts::new(plan, front(plan.size), sink)?;
    let whole = || Ok(|block: &mut blocks::Block| Ok(std::mem::take(&mut block.bytes)));
    let data_clusters = blocks::each(disk, plan.size, whole, |at, bytes| {
        let entry = usize::try_from(at / BLOCK).ok().and_then(|block| table.get_mut(block));
        if let (Some(entry), Ok(sector)) = (entry, u32::try_from(parts.len() / SECTOR)) {
            *entry = sector;
        }
        parts.write(&BITMAP)?;
        parts.write(&bytes)?;
        parts.zeros(BLOCK.saturating_sub(to_u64(bytes.len())))?;
        parts.reached(at)
    })?;
    let footer = footer::dynamic(plan.size, id);
    parts.write(&footer)?;
    let mut front: Vec<u8> = [footer.as_slice(), &footer::dynamic_header(entries, HEADERS, BLOCK)].concat();
    front.extend(table.iter().flat_map(|entry| entry.to_be_bytes()));
    // What fills up the table's last sector are entries that are not used.
    front.resize(usize::try_from(self::front(plan.size)).unwrap_or(front.len()), 0xff);
    let Written { bytes, parts, sha256 } = parts.finish(&front)?;
    Ok(Totals { bytes, parts, size: plan.size, data_clusters, sha256 })
}
