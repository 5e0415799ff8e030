//! Partition tables: MBR with logical partitions, GPT with its second copy, and what lies there when there is no table.

mod foreign;
mod gpt;
mod guid;
mod mbr;
mod overlap;
mod role;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::bytes::{range, to_usize};
use super::filesystem::recognise;
use super::{Error, ErrorKind, ReadAt, Result, Slice};
use crate::inspect::facts::{GptCopy, Partition, PartitionTable, Role, Scheme, Trouble};

pub use foreign::{BSD, is_foreign};
pub use role::{is_bsd_slice, is_coreos, is_coreos_root, is_coreos_usr, is_freebsd_slice};

/// Enough for an MBR and a GPT of 128 entries with sectors of 512 or 4096 bytes.
const HEAD: u64 = 32 << 10;
/// Linux numbers no more partitions than this (`DISK_MAX_PARTS`), the disk among them.
const MOST_PARTITIONS: usize = 256;
const LAST_NUMBER: u32 = 255;
/// Sectors of disks that do not have the usual 512 bytes.
const LARGE_SECTOR: u32 = 4096;
/// Partitions that are looked into to tell a table from leftovers.
const MOST_LOOKS: usize = 16;

/// Reads the partition table of a disk. A disk without one is [`Scheme::None`], with what lies there `instead`.
///
/// # Errors
/// `Corrupt` where a GPT is announced and both copies are damaged, or the chain of logical partitions never ends;
/// `Limit` beyond 256 partitions, or where the only copy of a GPT has entries of more than 1 MiB; and those of the layers
/// below.
pub fn read(disk: &Arc<dyn ReadAt>) -> Result<PartitionTable> {
    let head = disk.read_vec_at(0, to_usize("partition", disk.len().min(HEAD))?)?;
    let signature = range("mbr", &head, 510, 2).map(hex::encode).unwrap_or_default();
    let sector = mbr::Sector::parse(&head).filter(mbr::Sector::is_plausible);
    let mut table = choose(disk, &head, sector.as_ref())?;
    table.signature = signature;
    table.overlaps = overlap::pairs(&table.partitions);
    if table.partitions.len() > MOST_PARTITIONS {
        return Err(Error::limit("partition", format!("more than {MOST_PARTITIONS} partitions")));
    }
    Ok(table)
}

fn choose(disk: &Arc<dyn ReadAt>, head: &[u8], sector: Option<&mbr::Sector>) -> Result<PartitionTable> {
    if let Some(sector) = sector
        && !sector.is_protective()
    {
        return mbr_or_leftover(disk, head, sector);
    }
    let first = match gpt::primary(disk.as_ref(), head)? {
        Ok(gpt) => {
            let second = gpt::alternate(disk.as_ref(), &gpt)?;
            return gpt_table(gpt, GptCopy::Primary, second.err(), sector);
        }
        Err(error) => error,
    };
    // Before a second copy at the far end is believed: one may be left there from an earlier life of the disk.
    if let Some(instead) = instead(disk, head)? {
        return Ok(no_table(Some(instead)));
    }
    let second = match gpt::backup(disk.as_ref(), head, sector.and_then(mbr::Sector::protected_end))? {
        Ok(gpt) => return gpt_table(gpt, GptCopy::Backup, Some(first), sector),
        Err(error) => error,
    };
    if sector.is_none() {
        return Ok(no_table(None));
    }
    // More entries than are read may be a table all the same.
    if let Some(limit) = [&first, &second].into_iter().find(|error| error.kind == ErrorKind::Limit) {
        return Err(limit.clone());
    }
    let what = format!("the MBR announces a GPT, and neither copy is valid: {}; {}", first.what, second.what);
    Err(Error::corrupt("gpt", first.at.unwrap_or(512), what))
}

fn gpt_table(
    gpt: gpt::Gpt,
    copy: GptCopy,
    other: Option<Error>,
    sector: Option<&mbr::Sector>,
) -> Result<PartitionTable> {
    let all = gpt.partitions.len();
    let partitions: Vec<Partition> = gpt.partitions.into_iter().filter(|one| one.number <= LAST_NUMBER).collect();
    let unseen = u32::try_from(all.saturating_sub(partitions.len())).ok().filter(|unseen| *unseen > 0);
    Ok(PartitionTable {
        scheme: Scheme::Gpt,
        sector_bytes: gpt.sector_bytes,
        gpt_copy: Some(copy),
        other_copy: other.map(Trouble::from_error).transpose()?,
        hybrid: sector.is_some_and(mbr::Sector::is_hybrid),
        unprotected: !sector.is_some_and(mbr::Sector::protects),
        backup_bytes: Some(if copy == GptCopy::Primary { gpt.alternate_bytes } else { gpt.at }),
        usable_end_bytes: Some(gpt.usable_end_bytes),
        unseen,
        partitions,
        ..Default::default()
    })
}

fn no_table(instead: Option<String>) -> PartitionTable {
    PartitionTable { scheme: Scheme::None, sector_bytes: 512, instead, ..Default::default() }
}

/// What begins at the start of the disk: a medium for installing, the label of another machine, or a filesystem.
fn instead(disk: &Arc<dyn ReadAt>, head: &[u8]) -> Result<Option<String>> {
    let recognised = recognise(disk.as_ref())?.type_id;
    // A hybrid medium has an Apple map too.
    if matches!(recognised.as_str(), "iso9660" | "udf") {
        return Ok(Some(recognised));
    }
    let label = foreign::name(head).map(str::to_owned);
    Ok(label.or_else(|| Some(recognised).filter(|name| !name.is_empty())))
}

/// A boot sector of a filesystem has the MBR's signature too, and its code may look like entries; and a disk may keep a
/// superblock of a time before it was partitioned. What decides is whether an entry leads to something.
fn mbr_or_leftover(disk: &Arc<dyn ReadAt>, head: &[u8], sector: &mbr::Sector) -> Result<PartitionTable> {
    let instead = instead(disk, head)?;
    let found = mbr::partitions(disk.as_ref(), sector, 512)?;
    let table = |sector_bytes, found: mbr::Found| PartitionTable {
        scheme: Scheme::Mbr,
        sector_bytes,
        circle_bytes: found.circle,
        lost_record_bytes: found.lost,
        partitions: found.partitions,
        ..Default::default()
    };
    if holds_anything(disk, &found.partitions)? {
        return Ok(table(512, found));
    }
    // Sectors of 4096 bytes do not show. Such a table need not fit, as the end of the disk may have been cut off; but then
    // a filesystem over all of the disk is not to be taken for that of a partition: it has copies of its superblock.
    let fits = sector.end().saturating_mul(LARGE_SECTOR.into()) <= disk.len();
    if fits || instead.is_none() {
        let large = mbr::partitions(disk.as_ref(), sector, LARGE_SECTOR)?;
        if holds_anything(disk, &large.partitions)? {
            return Ok(table(LARGE_SECTOR, large));
        }
    }
    Ok(if instead.is_some() { no_table(instead) } else { table(512, found) })
}

fn holds_anything(disk: &Arc<dyn ReadAt>, partitions: &[Partition]) -> Result<bool> {
    let real = partitions.iter().filter(|partition| partition.role != Role::Extended);
    for partition in real.filter(|p| p.start_bytes > 0 && p.start_bytes < disk.len()).take(MOST_LOOKS) {
        let content = recognise(&Slice::new(Arc::clone(disk), partition.start_bytes, partition.size_bytes))?;
        if !content.type_id.is_empty() || role::is_bsd_slice(partition) {
            return Ok(true);
        }
    }
    Ok(false)
}
