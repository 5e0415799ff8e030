//! Partition tables: MBR with logical partitions, GPT with its second copy, and what lies there when there is no table.

mod gpt;
mod guid;
mod mbr;
mod role;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::bytes::{range, to_usize};
use super::filesystem::recognise;
use super::{Error, ReadAt, Result, Slice};
use crate::inspect::facts::{GptCopy, Partition, PartitionTable, Role, Scheme};

pub use role::is_windows_dynamic;

/// Enough for an MBR and a GPT of 128 entries with sectors of 512 or 4096 bytes.
const HEAD: u64 = 32 << 10;
/// Linux numbers no more partitions than this (`DISK_MAX_PARTS`).
const MOST_PARTITIONS: usize = 256;
/// Partitions that are looked into to tell a table from leftovers.
const MOST_LOOKS: usize = 16;

/// Reads the partition table of a disk. A disk without one is [`Scheme::None`], with what lies there `instead`.
///
/// # Errors
/// `Corrupt` where a GPT is announced and both copies are damaged, or the chain of logical partitions never ends;
/// `Limit` beyond 256 partitions; and those of the layers below.
pub fn read(disk: &Arc<dyn ReadAt>) -> Result<PartitionTable> {
    let head = disk.read_vec_at(0, to_usize("partition", disk.len().min(HEAD))?)?;
    let signature = range("mbr", &head, 510, 2).map(hex::encode).unwrap_or_default();
    let sector = mbr::Sector::parse(&head).filter(mbr::Sector::is_plausible);
    let mut table = choose(disk, &head, sector.as_ref())?;
    table.signature = signature;
    if table.partitions.len() > MOST_PARTITIONS {
        return Err(Error::limit("partition", format!("more than {MOST_PARTITIONS} partitions")));
    }
    Ok(table)
}

fn choose(disk: &Arc<dyn ReadAt>, head: &[u8], sector: Option<&mbr::Sector>) -> Result<PartitionTable> {
    if let Some(sector) = sector
        && !sector.is_protective()
    {
        return mbr_or_leftover(disk, sector);
    }
    if let Some(gpt) = gpt::primary(disk.as_ref(), head)? {
        return Ok(gpt_table(gpt, GptCopy::Primary, sector));
    }
    // Before a second copy at the far end is believed: one may be left there from an earlier life of the disk.
    let instead = recognise(disk.as_ref())?.type_id;
    if !instead.is_empty() {
        return Ok(no_table(Some(instead)));
    }
    if let Some(gpt) = gpt::backup(disk.as_ref(), head)? {
        return Ok(gpt_table(gpt, GptCopy::Backup, sector));
    }
    match sector {
        Some(_) => Err(Error::corrupt("gpt", 512, "the MBR announces a GPT, and neither copy is valid")),
        None => Ok(no_table(None)),
    }
}

fn gpt_table(gpt: gpt::Gpt, copy: GptCopy, sector: Option<&mbr::Sector>) -> PartitionTable {
    PartitionTable {
        scheme: Scheme::Gpt,
        sector_bytes: gpt.sector_bytes,
        gpt_copy: Some(copy),
        hybrid: sector.is_some_and(mbr::Sector::is_hybrid),
        backup_bytes: (copy == GptCopy::Primary).then_some(gpt.alternate_bytes),
        usable_end_bytes: Some(gpt.usable_end_bytes),
        partitions: gpt.partitions,
        ..Default::default()
    }
}

fn no_table(instead: Option<String>) -> PartitionTable {
    PartitionTable { scheme: Scheme::None, sector_bytes: 512, instead, ..Default::default() }
}

/// A boot sector of a filesystem has the MBR's signature too, and its code may look like entries; and a disk may keep a
/// superblock of a time before it was partitioned. What decides is whether an entry leads to something.
fn mbr_or_leftover(disk: &Arc<dyn ReadAt>, sector: &mbr::Sector) -> Result<PartitionTable> {
    let instead = recognise(disk.as_ref())?.type_id;
    let partitions = mbr::partitions(disk.as_ref(), sector)?;
    if !instead.is_empty() && !holds_anything(disk, &partitions)? {
        return Ok(no_table(Some(instead)));
    }
    Ok(PartitionTable { scheme: Scheme::Mbr, sector_bytes: 512, partitions, ..Default::default() })
}

fn holds_anything(disk: &Arc<dyn ReadAt>, partitions: &[Partition]) -> Result<bool> {
    let real = partitions.iter().filter(|partition| partition.role != Role::Extended);
    for partition in real.filter(|p| p.start_bytes > 0 && p.start_bytes < disk.len()).take(MOST_LOOKS) {
        let content = recognise(&Slice::new(Arc::clone(disk), partition.start_bytes, partition.size_bytes))?;
        if !content.type_id.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
