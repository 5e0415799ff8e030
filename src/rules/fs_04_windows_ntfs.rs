//! # What it checks
//! That the volumes of a Windows disk are NTFS.
//!
//! # Why
//! All clouds name NTFS for Windows, those of 2018 and Tencent Cloud nothing but NTFS: `Only NTFS file system`. Since
//! 2020-12 Alibaba Cloud says that NTFS is supported, so a data volume of another kind is only warned about there.
//!
//! # How it is found
//! By the boot sectors and superblocks of all volumes. Not judged: EFI system, Microsoft reserved and recovery partitions,
//! and those of the machine's maker. A volume that is encrypted with BitLocker is Unknown.
//!
//! # How to mend it
//! FAT32 becomes NTFS in place: `convert D: /fs:ntfs`. Copy the files of other volumes to one that is NTFS, and remove them
//! from the disk.

use super::text::join;
use super::volumes::{described, partition};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why};
use crate::inspect::facts::{Family, Role, Volume, VolumeClass};

/// FS-04.
pub const RULE: Rule = Rule {
    id: "FS-04",
    name: "WindowsVolumesAreNtfs",
    code: "WindowsFileSystemNotNtfs",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("fs_04_windows_ntfs.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let root = case.root()?;
    if case.guest()?.family != Family::Windows {
        return Ok(Verdict::not_applicable("no Windows system"));
    }
    let accepted = &case.profile.windows_filesystems;
    if accepted.is_empty() {
        return Ok(Verdict::not_applicable("the cloud names no filesystems"));
    }
    // Without its partition, a volume does not show that it is exempt.
    case.complete(&["partitions"])?;
    let judged: Vec<&Volume> =
        case.facts.volumes.iter().filter(|v| v.name == root.name || !is_exempt(case, v)).collect();
    let other = |v: &&Volume| {
        v.class == VolumeClass::Filesystem && !accepted.iter().any(|name| name.eq_ignore_ascii_case(&v.type_id))
    };
    let others: Vec<&Volume> = judged.iter().copied().filter(other).collect();
    let names: Vec<String> = others.iter().map(|v| format!("{} is {}", v.name, described(v))).collect();
    let refused = case.profile.windows_filesystems_only || others.iter().any(|v| v.name == root.name);
    let mut finding = judged.iter().fold(Finding::default(), |finding, v| finding.seen(described(v), v.name.clone()));
    finding.message = format!("{}; accepted: {} ({})", join(&names, 6), accepted.join(", "), case.cited());
    if !others.is_empty() && refused {
        return Ok(finding.fail(Grade::Breach));
    }
    if let Some(why) = judged.iter().find_map(|v| undecided(v)) {
        return Ok(Verdict::Unknown(why));
    }
    if !others.is_empty() {
        return Ok(finding.fail(Grade::Doubt));
    }
    let message = format!("every volume is {}", accepted.join(" or "));
    case.unless_truncated(&["volumes"], Finding { message, ..finding }.pass())
}

/// Partitions that Windows and machines bring along, and that are of another kind by design.
fn is_exempt(case: &Case, volume: &Volume) -> bool {
    let role = partition(case.facts, volume).map(|p| p.role);
    matches!(role, Some(Role::Esp | Role::MicrosoftReserved | Role::Recovery | Role::Oem))
}

/// Why it is not known what is on a volume.
fn undecided(volume: &Volume) -> Option<Why> {
    let (reason, what) = match volume.class {
        VolumeClass::Encrypted => ("VolumeEncrypted", "is encrypted"),
        VolumeClass::Member => ("NotReadYet", "may hold a filesystem and is not read"),
        VolumeClass::Unrecognised | VolumeClass::Other => ("FactMissing", "was not recognised"),
        VolumeClass::Filesystem | VolumeClass::Swap | VolumeClass::Empty => return None,
    };
    Some(Why { reason, message: format!("{} ({}) {what}", volume.name, described(volume)) })
}
