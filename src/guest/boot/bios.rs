//! What a BIOS starts: the code in LBA 0, and what that leads to.

use super::code::Code;
use super::{Disk, LAYER, Outcome, SECTOR, at_byte, end_in, grub, name, syslinux, windows};
use crate::disk::partition::is_freebsd_slice;
use crate::disk::{Error, Result};
use crate::inspect::facts::{DeadEnd, EndKind, Loader, Partition, Role, Scheme, Way};

/// Where the way from LBA 0 leads.
///
/// # Errors
/// `Unsupported` where code is not known, and what the layers below report.
pub fn read(disk: &Disk) -> Result<Outcome> {
    if u64::from(disk.table.sector_bytes) != SECTOR {
        let what = format!("sectors of {} bytes, and a BIOS reads those of 512", disk.table.sector_bytes);
        return Err(Error::unsupported(LAYER, what));
    }
    let outcome = from_disk(disk)?;
    match (disk.windows, &outcome) {
        // Whatever loads it, Windows has its own files on the active partition.
        (Some(generation), Outcome::Way(Way { loader, .. })) if !generation.is_of(*loader) => {
            match active(disk).as_slice() {
                [partition] => windows::files(disk, partition, generation),
                _ => Ok(end(EndKind::NoActive)),
            }
        }
        _ => Ok(outcome),
    }
}

fn from_disk(disk: &Disk) -> Result<Outcome> {
    let Some(sector) = disk.sector(0)? else { return Ok(end(EndKind::NoCode)) };
    let gpt = disk.table.scheme == Scheme::Gpt;
    match Code::of_disk(&sector) {
        Code::Nothing => Ok(end(EndKind::NoCode)),
        Code::NotBootable => Ok(end(EndKind::NotBootable)),
        Code::Grub2 { core } => grub::core(disk, core),
        Code::GrubLegacy { stage, address } => grub::stage(disk, stage, address),
        // In a GPT the code would have to find its partition in the entries of the MBR beside it.
        Code::Active if gpt && !disk.table.hybrid => Ok(end(EndKind::NoActive)),
        Code::Active if !gpt => from_active(disk),
        Code::LegacyBoot if gpt => from_active(disk),
        Code::Numbered(number) if !gpt => {
            let mut named = disk.table.partitions.iter().filter(|p| p.number == u32::from(number));
            named.next().map_or_else(|| Err(unknown()), |partition| from_partition(disk, partition))
        }
        Code::FreebsdGpt => Ok(freebsd(disk)?.unwrap_or_else(|| end(EndKind::NoActive))),
        _ => from_unknown(disk),
    }
}

/// Code that is not known most likely starts what others would start. That it ends where they do is not certain.
fn from_unknown(disk: &Disk) -> Result<Outcome> {
    if let Some(found @ Outcome::Way(_)) = freebsd(disk)? {
        return Ok(found);
    }
    match from_active(disk) {
        Ok(Outcome::End(_)) => Err(unknown()),
        Err(error) if error.kind == crate::disk::ErrorKind::Unsupported => Err(unknown()),
        other => other,
    }
}

fn unknown() -> Error {
    Error::unsupported(LAYER, "the code in LBA 0 is none that this version knows").at(0)
}

fn from_active(disk: &Disk) -> Result<Outcome> {
    match active(disk).as_slice() {
        [] => Ok(end(EndKind::NoActive)),
        [partition] => from_partition(disk, partition),
        _ => Err(Error::unsupported(LAYER, "more than one partition is active")),
    }
}

/// The partitions that are marked to be started.
fn active<'a>(disk: &Disk<'a>) -> Vec<&'a Partition> {
    let gpt = disk.table.scheme == Scheme::Gpt;
    let marked = |p: &&Partition| p.active && p.role != Role::Protective && (gpt || p.number <= 4);
    disk.table.partitions.iter().filter(marked).collect()
}

fn from_partition(disk: &Disk, partition: &Partition) -> Result<Outcome> {
    let name = name(partition);
    let Some(first) = disk.sector(partition.start_bytes)? else { return Ok(end_in(EndKind::NoBootSector, &name)) };
    if is_freebsd_slice(partition) {
        let code = first.iter().any(|byte| *byte != 0);
        let there = at_byte(Loader::Freebsd, Some(name.clone()), partition.start_bytes);
        return Ok(if code { there } else { end_in(EndKind::NoBootSector, &name) });
    }
    // NTFS says in the second one what it loads.
    let second = disk.sector(partition.start_bytes.saturating_add(SECTOR))?.unwrap_or([0; 512]);
    match Code::of_partition(&[first, second].concat()) {
        Code::Nothing => Ok(end_in(EndKind::NoBootSector, &name)),
        Code::NotBootable => Ok(end_in(EndKind::NotBootable, &name)),
        Code::Grub2 { core } => grub::core(disk, core),
        Code::GrubLegacy { stage, address } => grub::stage(disk, stage, address),
        Code::Syslinux { loader } => syslinux::loader(disk, partition, loader),
        Code::Windows(file) => windows::files(disk, partition, windows::Generation::of_file(file)),
        _ => Err(Error::unsupported(LAYER, format!("the boot sector of {name} is none that this version knows"))
            .at(partition.start_bytes)),
    }
}

/// The freebsd-boot partition, which FreeBSD's code in LBA 0 loads whole.
fn freebsd(disk: &Disk) -> Result<Option<Outcome>> {
    let mut boots = disk.table.partitions.iter().filter(|p| p.role == Role::FreebsdBoot);
    let Some(partition) = boots.next() else { return Ok(None) };
    let code = disk.sector(partition.start_bytes)?.is_some_and(|sector| sector.iter().any(|byte| *byte != 0));
    Ok(Some(if code {
        at_byte(Loader::Freebsd, Some(name(partition)), partition.start_bytes)
    } else {
        end_in(EndKind::NoBootSector, &name(partition))
    }))
}

fn end(why: EndKind) -> Outcome {
    Outcome::End(DeadEnd { why, ..DeadEnd::default() })
}
