//! CoreOS and its kin: the root is empty before the first boot, the system is the `/usr` that the boot loader takes, and
//! the kernel lies on the EFI system partition (Flatcar's documentation, "Disk layout").

use super::{MountPoint, Readable, Root};
use crate::disk::partition::{is_coreos_root, is_coreos_usr};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::device::Devices;
use crate::guest::linux::optional;
use crate::inspect::facts::{Family, Partition, Role};

/// Folders of the root that are links into `/usr`, made at the first boot.
const LINKS: &[&str] = &["bin", "sbin", "lib", "lib64"];
/// Where what the machine's maker adds is mounted, of old and since 2022.
const OEM: &[&str] = &["/usr/share/oem", "/oem"];

/// The root with all that the system mounts on it; `None` where the disk is laid out otherwise.
///
/// # Errors
/// What the filesystems report.
pub fn find(volumes: &[Readable], devices: &Devices) -> Result<Option<Root>> {
    let partitioned = |volume: &Readable| devices.partition_of(&volume.name);
    let root = volumes.iter().find(|volume| partitioned(volume).is_some_and(is_coreos_root));
    let (Some(root), Some(usr)) = (root, usr(volumes, devices)?) else { return Ok(None) };
    let at_root = MountPoint { at: "/".to_owned(), volume: root.name.clone(), inside: String::new() };
    let mut found = Root {
        volume: root.name.clone(),
        family: Family::Linux,
        tree: Tree::new(root.fs.clone()),
        mounts: vec![at_root],
        rivals: Vec::new(),
    };
    found.mount("/usr", usr, None)?;
    for name in LINKS {
        let at = format!("/{name}");
        if optional(found.tree.stat_link(&at))?.is_none() {
            optional(found.tree.bind(&at, &format!("/usr/{name}"), false))?;
        }
    }
    let by = |wanted: fn(&Partition) -> bool| volumes.iter().find(|volume| partitioned(volume).is_some_and(wanted));
    if let Some(esp) = by(|partition| partition.role == Role::Esp) {
        found.mount("/boot", esp, None)?;
    }
    if let Some(oem) = by(|partition| partition.name == "OEM") {
        OEM.iter().try_for_each(|at| found.mount(at, oem, None))?;
    }
    found.mount_by_fstab(volumes, devices)?;
    Ok(Some(found))
}

/// Of the two the one of the higher priority that holds a system, or the first such.
fn usr<'v>(volumes: &'v [Readable], devices: &Devices) -> Result<Option<&'v Readable>> {
    let mut best: Option<(u8, &Readable)> = None;
    let mut unread: Option<(u8, &str)> = None;
    for partition in devices.partitions.iter().filter(|partition| is_coreos_usr(partition)) {
        let Some(volume) = devices.by_number(partition.number) else { continue };
        let priority = partition.priority.unwrap_or_default();
        if volume.trouble.is_some() && unread.is_none_or(|(other, _)| priority > other) {
            unread = Some((priority, &volume.name));
        }
        let Some(readable) = volumes.iter().find(|readable| readable.name == volume.name) else { continue };
        let is_better = best.is_none_or(|(other, _)| priority > other);
        if is_better && Tree::new(readable.fs.clone()).exists("/lib/os-release")? {
            best = Some((priority, readable));
        }
    }
    match (best, unread) {
        (Some((priority, _)), Some((higher, name))) if higher > priority => {
            Err(Error::unsupported("coreos", format!("{name} is the /usr that starts, and could not be read")))
        }
        _ => Ok(best.map(|(_, volume)| volume)),
    }
}
