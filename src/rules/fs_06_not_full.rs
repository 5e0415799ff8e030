//! # What it checks
//! That the filesystems the system writes to have room left.
//!
//! # Why
//! Alibaba Cloud asks to make sure that the system disk is not full: its tools and cloud-init write to it, and a system
//! without room for its logs may not start.
//!
//! # How it is found
//! Free blocks, those reserved for root counted as free, and free inodes of `/` and of what is mounted on `/var`, `/etc` and
//! `/tmp`; of Windows the volume that holds it. Nothing free is a failure, less than 64 MiB or 100 inodes a warning, less
//! than 10 % and 1 GiB a note. (These thresholds are ours: the documents say only `not full`.)
//!
//! # How to mend it
//! Delete what is not needed (`journalctl --vacuum-size=50M`, `apt-get clean`, `yum clean all`), or enlarge the disk:
//! `qemu-img resize IMAGE +10G`, then partition and filesystem (`growpart`, `resize2fs`, `xfs_growfs`). FreeBSD:
//! `pkg clean -a`; `gpart recover DISK`, `gpart resize -i N DISK`, `growfs /`.

use super::fs_01_file_system_accepted::perhaps_mounted;
use super::text::{decimal, join};
use super::volumes::{described, written_at};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::inspect::facts::{Family, Usage, Volume};

/// FS-06.
pub const RULE: Rule = Rule {
    id: "FS-06",
    name: "SystemDiskNotFull",
    code: "SystemDiskFull",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("fs_06_not_full.rs"),
    check,
};

const MIB: u64 = 1 << 20;

/// How a FreeBSD is mended.
const OF_FREEBSD: &str = "Delete what is not needed (`pkg clean -a`), or enlarge the disk: `qemu-img resize IMAGE +10G`, then in the guest `gpart recover DISK`, `gpart resize -i N DISK` and `growfs /`.";

fn check(case: &Case) -> Judged {
    let root = case.root()?;
    let windows = case.guest()?.family == Family::Windows;
    let alone = windows || case.coreos();
    let others = case.facts.volumes.iter().filter(|v| v.name != root.name && !alone);
    let others = others.filter_map(|v| Some((v, written_at(case.facts, v)?)));
    let judged: Vec<(&Volume, &str)> = std::iter::once((root, "/")).chain(others).collect();
    let mut finding = Finding { remedy: case.freebsd().then(|| OF_FREEBSD.to_owned()), ..Finding::default() };
    let mut low: Vec<(Grade, String)> = Vec::new();
    let mut undecided = None;
    for (volume, at) in &judged {
        let what = format!("how full {} ({}) is", volume.name, described(volume));
        let usage = match known(volume.usage.as_ref(), &what) {
            Ok(usage) => usage,
            Err(verdict) => {
                undecided = undecided.or(Some(verdict));
                continue;
            }
        };
        let (left, name) = (left(usage), &volume.name);
        // Windows mounts nothing on a path: its volume has a letter that only its registry knows.
        let (seen, told) = if windows {
            (format!("{left} on {name}, the volume of Windows"), format!("{name}, the volume of Windows: {left}"))
        } else {
            (format!("{left} on {}", shown(at)), format!("{name} on {}: {left}", shown(at)))
        };
        finding = finding.seen(seen, name.clone());
        low.extend(grade(usage).map(|grade| (grade, told)));
    }
    low.sort_by_key(|(grade, _)| *grade);
    finding.message = join(&low.iter().map(|(_, what)| what.clone()).collect::<Vec<_>>(), 4);
    if let Some((Grade::Breach, _)) = low.first() {
        return Ok(finding.fail(Grade::Breach));
    }
    if let Some(verdict) = undecided {
        return Err(verdict);
    }
    if let Some(volume) = perhaps_mounted(case, &judged).filter(|_| !alone) {
        let name = &volume.name;
        return Ok(Verdict::missing(format!("where the system mounts {name} is not known: /etc/fstab was not read")));
    }
    if let Some((grade, _)) = low.first() {
        return Ok(finding.fail(*grade));
    }
    let message = finding.evidence.first().map(|e| e.what.clone()).unwrap_or_default();
    case.unless_truncated(&["volumes", "fstab.entries"], Finding { message, ..finding }.pass())
}

/// How little is left; `None` where it is enough.
fn grade(usage: &Usage) -> Option<Grade> {
    let inodes = usage.free_inodes.unwrap_or(u64::MAX);
    match usage.free_bytes {
        0 => Some(Grade::Breach),
        _ if inodes == 0 => Some(Grade::Breach),
        free if free < 64 * MIB || inodes < 100 => Some(Grade::Doubt),
        free if free < usage.total_bytes / 10 && free < 1024 * MIB => Some(Grade::Note),
        _ => None,
    }
}

fn left(usage: &Usage) -> String {
    let inodes = usage.free_inodes.map(|inodes| format!(", {inodes} inodes")).unwrap_or_default();
    format!("{} MiB of {} MiB{inodes} are free", decimal(usage.free_bytes, MIB), decimal(usage.total_bytes, MIB))
}
