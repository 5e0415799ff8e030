//! What the system mounts from the data disks of its import.

use super::volumes::{at_boot, fstab, unknown_content};
use super::{Case, DataDisk};
use crate::guest::linux::device::{self, Devices};
use crate::inspect::facts::{Fact, Scheme, Volume};

/// Where a system has the files that rules ask for.
const OF_SYSTEM: &[&str] = &["/bin", "/boot", "/etc", "/lib", "/sbin", "/usr", "/usr/lib", "/var", "/var/lib"];
/// The lists by which a volume is found.
const LISTS: &[&str] = &["volumes", "partitions", "partitions.uuid", "partitions.name"];

/// The data disk and the volume that a name means which is written on the volume: UUID, label, name of a partition or of a
/// logical volume.
pub fn holder<'a>(case: &Case<'a>, name: &str) -> Option<(&'a DataDisk, &'a Volume)> {
    case.data_disks.iter().find_map(|disk| Some((disk, devices(disk).resolve_on_any_disk(name)?)))
}

/// Where on the data disks a name may be that is found nowhere, as the end of a sentence.
pub fn may_hold(case: &Case, name: &str) -> Option<String> {
    let mut disks = case.data_disks.iter().filter(|_| device::is_written(name));
    disks.find_map(|disk| unread(disk, name))
}

/// The directory of the system that a data disk holds, or may hold: its files are not read with those of the system.
pub fn part_of_system(case: &Case) -> Option<String> {
    let mounts = fstab(case.facts).filter(|_| !case.data_disks.is_empty())?.entries.iter();
    let mut parts = mounts.filter(|mount| OF_SYSTEM.contains(&mount.target.trim_end_matches('/')));
    parts.find_map(|mount| {
        if mount.volume.is_some() || !at_boot(mount) {
            return None;
        }
        let on = match holder(case, &mount.source) {
            Some((disk, volume)) => format!("is on {}", on(disk, volume)),
            None => format!("may be on {}", may_hold(case, &mount.source)?),
        };
        Some(format!("{} of the system {on}, and its files are not read with the others", mount.target))
    })
}

/// A volume of a data disk in a sentence.
pub fn on(disk: &DataDisk, volume: &Volume) -> String {
    format!("{} of data disk `{}`", volume.name, disk.name)
}

fn devices(disk: &DataDisk) -> Devices<'_> {
    Devices::new(&disk.facts.volumes, disk.facts.table.as_ref().and_then(Fact::known))
}

fn unread(disk: &DataDisk, name: &str) -> Option<String> {
    let facts = &disk.facts;
    let table = facts.table.as_ref().and_then(Fact::known).filter(|table| table.scheme != Scheme::Other);
    let unscanned = facts.volumes.is_empty() && facts.guest.as_ref().is_some_and(|guest| guest.trouble.is_some());
    if table.is_none() || unscanned {
        return Some(format!("data disk `{}`, which cannot be read", disk.name));
    }
    if let Some(volume) = unknown_content(facts) {
        return Some(format!("{}, which cannot be read", on(disk, volume)));
    }
    if facts.truncated.iter().any(|list| LISTS.contains(&list.as_str())) {
        return Some(format!("data disk `{}`, of which not all names are known", disk.name));
    }
    // BusyBox finds it, and which mount(8) the guest has is not known here.
    let volume = devices(disk).resolve_on_any_disk_in_any_case(name)?;
    Some(format!("{}, whose name differs by capitals and small letters", on(disk, volume)))
}
