//! # What it checks
//! That the filesystem of `/`, and of everything else on the disk that the guest mounts, is of a kind the cloud supports.
//!
//! # Why
//! Alibaba Cloud supports xfs, ext3 and ext4, because it opens the image and writes network and password settings into it.
//! ext2 is opened by its tools all the same and only warned about.
//!
//! # How it is found
//! By superblocks, with `/etc/fstab` naming what is mounted. ext2, ext3 and ext4 are told apart by their feature words, as
//! libblkid does. Not judged: the EFI system partition, swap, network and pseudo filesystems, entries with `noauto`.
//!
//! # How to mend it
//! Copy the files to a new filesystem and swap the two: `mkfs.ext4 -O ^64bit,^metadata_csum NEW`, `cp -a`, then correct
//! `/etc/fstab` and the boot loader. ext2 becomes ext3 in place: `tune2fs -j DEVICE`.

use super::volumes::{described, filesystem, fstab, is_helper, mounted_at};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why, shown};
use crate::inspect::facts::{Family, Volume, VolumeClass};

/// FS-01.
pub const RULE: Rule = Rule {
    id: "FS-01",
    name: "FileSystemAccepted",
    code: "FileSystemNotSupported",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("fs_01_file_system_accepted.rs"),
    check,
};

/// The volumes that are judged: the root first, then what is mounted beside it, each with its mount point.
pub fn judged<'a>(case: &Case<'a>) -> Result<Vec<(&'a Volume, &'a str)>, Box<Verdict>> {
    let root = case.root()?;
    if case.guest()?.family == Family::Windows {
        return Err(Box::new(Verdict::not_applicable("a Windows system")));
    }
    // Without its partition, a volume does not show that it is only for booting.
    case.complete(&["partitions"])?;
    let others = case.facts.volumes.iter().filter(|v| v.name != root.name && !is_helper(case.facts, v));
    let others = others
        .filter(|v| matches!(v.class, VolumeClass::Filesystem | VolumeClass::Encrypted | VolumeClass::Unrecognised));
    let mounted = others.filter_map(|v| mounted_at(case.facts, v).map(|at| (v, at)));
    Ok(std::iter::once((root, "/")).chain(mounted).collect())
}

/// The first filesystem that may be mounted though nobody could read where.
pub fn perhaps_mounted<'a>(case: &Case<'a>, judged: &[(&Volume, &str)]) -> Option<&'a Volume> {
    if fstab(case.facts).is_some() {
        return None;
    }
    case.facts.volumes.iter().find(|v| {
        v.class == VolumeClass::Filesystem && !is_helper(case.facts, v) && !judged.iter().any(|(j, _)| j.name == v.name)
    })
}

fn check(case: &Case) -> Judged {
    let judged = judged(case)?;
    let freebsd = case.guest()?.family == Family::FreeBSD;
    let accepted = &case.profile.linux_filesystems;
    if accepted.is_empty() {
        return Ok(Verdict::not_applicable("the cloud names no filesystems"));
    }
    let mut finding = Finding::default();
    let mut worst: Option<(Grade, String)> = None;
    let mut undecided = None;
    for (volume, at) in &judged {
        let name = filesystem(volume);
        finding = finding.seen(format!("{} on {}", described(volume), shown(at)), volume.name.clone());
        let grade = match (volume.class, name) {
            (VolumeClass::Encrypted, _) => {
                undecided = Some(Why {
                    reason: "VolumeEncrypted",
                    message: format!("{} on {} is encrypted", volume.name, shown(at)),
                });
                continue;
            }
            (_, "") => {
                undecided = Some(Why {
                    reason: "FactMissing",
                    message: format!("what is on {} was not recognised", volume.name),
                });
                continue;
            }
            (_, "ufs") if freebsd => {
                finding.notes.push((
                    Grade::Note,
                    "UFS on FreeBSD is tolerated, though the document does not name it".to_owned(),
                ));
                continue;
            }
            (_, name) if accepted.iter().any(|a| a == name) => continue,
            (_, "ext2") => Grade::Doubt,
            (_, "zfs" | "zfs_member") if freebsd => Grade::Doubt,
            _ => Grade::Breach,
        };
        let message = format!(
            "{} on {} is {name}; accepted: {} ({}){}",
            volume.name,
            shown(at),
            accepted.join(", "),
            case.cited(),
            btrfs(case, name)
        );
        worst = match worst {
            Some((g, m)) if g < grade => Some((g, m)),
            Some((g, m)) if g == grade => Some((g, format!("{m}; {message}"))),
            _ => Some((grade, message)),
        };
    }
    if let Some((Grade::Breach, message)) = worst {
        return Ok(Finding { message, ..finding }.fail(Grade::Breach));
    }
    if let Some(why) = undecided {
        return Ok(Verdict::Unknown(why));
    }
    if let Some(volume) = perhaps_mounted(case, &judged).filter(|v| !accepted.iter().any(|a| a == filesystem(v))) {
        let what = format!("{} ({})", volume.name, described(volume));
        return Ok(Verdict::missing(format!("whether the system mounts {what} is not known: /etc/fstab was not read")));
    }
    if let Some((grade, message)) = worst {
        let remedy = "Make it ext3 in place: `tune2fs -j DEVICE`, and correct the type in /etc/fstab.";
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(grade));
    }
    let message =
        judged.iter().map(|(v, at)| format!("{} on {}", filesystem(v), shown(at))).collect::<Vec<_>>().join(", ");
    case.unless_truncated(&["volumes"], Finding { message, ..finding }.pass())
}

/// The contradiction about SUSE: the system is listed, its default filesystem is not.
fn btrfs(case: &Case, name: &str) -> String {
    let id = case.os_id();
    let listed = case.profile.operating_systems.iter().find(|s| s.ids.iter().any(|i| i == id));
    match listed {
        Some(system) if name == "btrfs" => {
            format!("; {} is listed ({}) with btrfs as its default all the same", system.name, system.cite.join("; "))
        }
        _ => String::new(),
    }
}
