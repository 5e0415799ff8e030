//! # What it checks
//! That a Linux system disk has one volume with a filesystem: its root.
//!
//! # Why
//! Alibaba Cloud supports only a single root partition, because it resizes and configures that one. A default RHEL
//! installation has a `/boot` of its own and breaks this; swap is tolerated by the cloud's own tools and only warned about.
//!
//! # How it is found
//! Every partition, logical volume and md volume that holds a filesystem is counted, mounted or not. EFI system, BIOS boot,
//! PReP, freebsd-boot and Microsoft reserved partitions, empty partitions and LVM physical volumes do not count; an
//! encrypted volume counts as a filesystem; the partitions of a CoreOS disk count as one.
//!
//! # How to mend it
//! Move the files into the root filesystem and remove the partition: copy its content over the mount point, delete its
//! line in `/etc/fstab`, run `grub-install` and `update-grub` (or `grub2-mkconfig`), delete the partition. FreeBSD: `gpart
//! delete -i N DISK`; its loader needs no command.

use super::text::join;
use super::volumes::{described, is_helper, mounted_at, partition};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::disk::partition::is_coreos;
use crate::inspect::facts::{Family, Volume, VolumeClass};

/// PAR-05.
pub const RULE: Rule = Rule {
    id: "PAR-05",
    name: "SingleRootPartition",
    code: "MultipleLinuxPartitions",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("par_05_single_partition.rs"),
    check,
};

/// How a FreeBSD is mended.
const OF_FREEBSD: &str = "Move the files into the root filesystem: copy them over the mount point, delete its line in /etc/fstab, then `gpart delete -i N DISK`.";

fn check(case: &Case) -> Judged {
    let root = case.root()?;
    let guest = case.guest()?;
    if guest.family == Family::Windows {
        return Ok(Verdict::not_applicable("Windows system disks may have several partitions"));
    }
    // Without its partition, a volume does not show that it is only for booting.
    case.complete(if case.coreos() { &["partitions", "partitions.name"] } else { &["partitions"] })?;
    let others: Vec<&Volume> = case.facts.volumes.iter().filter(|v| v.name != root.name && counts(case, v)).collect();
    let filesystems: Vec<&Volume> = others
        .iter()
        .copied()
        .filter(|v| matches!(v.class, VolumeClass::Filesystem | VolumeClass::Encrypted))
        .collect();
    let mounted: Vec<&Volume> = filesystems.iter().copied().filter(|v| mounted_at(case.facts, v).is_some()).collect();
    let list =
        |volumes: &[&Volume]| join(&volumes.iter().map(|v| described_with_mount(case, v)).collect::<Vec<_>>(), 6);

    let mut finding = Finding { remedy: case.freebsd().then(|| OF_FREEBSD.to_owned()), ..Finding::default() };
    for volume in std::iter::once(&root).chain(&others) {
        let at =
            mounted_at(case.facts, volume).map_or_else(|| "not mounted".to_owned(), |at| format!("on {}", shown(at)));
        finding = finding.seen(format!("{} {at}", described(volume)), volume.name.clone());
    }
    if !mounted.is_empty() {
        let because =
            if mounted.iter().any(|v| mounted_at(case.facts, v) == Some("/boot")) { ", among them /boot" } else { "" };
        let message = format!("besides the root {} the system mounts {}{because}", root.name, list(&mounted));
        return Ok(Finding { message, ..finding }.fail(Grade::Breach));
    }
    let fstab_unread = guest.linux.as_ref().is_none_or(|l| l.fstab.as_ref().and_then(|f| f.known()).is_none());
    if !filesystems.is_empty() && fstab_unread {
        let what = list(&filesystems);
        return Ok(Verdict::missing(format!("whether the system mounts {what} is not known: /etc/fstab was not read")));
    }
    if let Some(array) = case.facts.volumes.iter().find(|v| v.class == VolumeClass::Member && v.trouble.is_some()) {
        return Ok(Verdict::not_read(format!(
            "{} ({}) may hold a filesystem and is not read",
            array.name,
            described(array)
        )));
    }
    if !others.is_empty() {
        let message = format!("besides the root {} there is {}, which nothing mounts", root.name, list(&others));
        let message = if filesystems.is_empty() {
            format!("besides the root {} there is {}", root.name, list(&others))
        } else {
            message
        };
        return case.unless_truncated(&["volumes"], Finding { message, ..finding }.fail(Grade::Doubt));
    }
    let message = format!("{} is the only one", root.name);
    case.unless_truncated(&["volumes"], Finding { message, ..finding }.pass())
}

/// Whether a volume is one more beside the root.
fn counts(case: &Case, volume: &Volume) -> bool {
    let coreos = || partition(case.facts, volume).is_some_and(is_coreos);
    matches!(volume.class, VolumeClass::Filesystem | VolumeClass::Encrypted | VolumeClass::Swap)
        && !is_helper(case.facts, volume)
        && !(case.coreos() && coreos())
}

fn described_with_mount(case: &Case, volume: &Volume) -> String {
    match mounted_at(case.facts, volume) {
        Some(at) => format!("{} ({} on {})", volume.name, described(volume), shown(at)),
        None => format!("{} ({})", volume.name, described(volume)),
    }
}
