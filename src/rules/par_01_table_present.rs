//! # What it checks
//! That the disk begins with a partition table: MBR or GPT.
//!
//! # Why
//! Clouds boot an image from its partition table. Tencent Cloud answers `PartitionNotPresent` to an image without one, and
//! takes it for damaged or made in a wrong way: usually it is one partition instead of the disk.
//!
//! # How it is found
//! LBA 0 must end in 55AA and hold an entry in range, or either copy of a GPT must be valid with both of its checksums. A
//! filesystem that begins at LBA 0 is told apart first: its boot sector ends in 55AA too. A GPT without the MBR that protects
//! it from LBA 1 on is none to firmware, boot loaders and Linux; nor is a table in sectors of 4096 bytes one to an instance,
//! whose disks have 512. The second copy alone is enough for UEFI firmware, which mends the first
//! from it; a BIOS's boot loader and Linux go by the first. They look for the second in the last sector: where the disk has
//! grown since, and the first is lost, nothing sees a table, and `sgdisk -e` would write an empty one.
//!
//! # How to mend it
//! Make the image of the whole disk, not of a partition: `qemu-img convert -p -O qcow2 /dev/sda IMAGE.qcow2`, with the
//! boot partition in it. `sgdisk -e IMAGE`, of a RAW image, writes both copies of a GPT and the protective MBR anew, where
//! it finds one of them: of a disk that has grown, cut it back to the end of the second first.

use super::text::join;
use super::volumes::guest_format;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::disk::container;
use crate::disk::partition::is_foreign;
use crate::inspect::facts::{BootMode, Fact, Family, GptCopy, PartitionTable, Scheme};

/// PAR-01.
pub const RULE: Rule = Rule {
    id: "PAR-01",
    name: "PartitionTablePresent",
    code: "PartitionNotPresent",
    verifiable: Verifiable::Fully,
    structural: true,
    source: include_str!("par_01_table_present.rs"),
    check,
};

/// Of a disk without the MBR and without the first copy, which sgdisk does not mend.
const NEITHER: &str =
    "Make the image again, of the whole disk: neither the protective MBR nor the first copy is there.";

/// Bytes of a sector of the clouds' disks: virtio's and NVMe's as both offer them.
const SECTOR: u32 = 512;
/// Of a disk of other sectors.
const COUNTED_ANEW: &str = "Write the table anew for sectors of 512 bytes, in a RAW image: \
    `sfdisk --dump $(losetup -f --show -b 4096 IMAGE)`, each start and size times 8 and without the lines `sector-size`, \
    `first-lba` and `last-lba`, into `sfdisk IMAGE`. Or copy the system to a disk with such sectors.";

fn check(case: &Case) -> Judged {
    let table = match case.table_or_damage() {
        Ok(table) => table,
        Err(verdict) => {
            return match *verdict {
                Verdict::Fail(grade, finding) => Ok(Verdict::Fail(grade, finding.narrowed("NoTable"))),
                _ => Err(verdict),
            };
        }
    };
    match table.scheme {
        Scheme::Gpt if table.unprotected => Ok(Finding::new(
            "the GPT has no protective MBR: without an entry of type EE in LBA 0 that begins at LBA 1, firmware, boot loaders \
             and Linux see no partition",
        )
        .narrowed("NoTable")
        .seen_at(format!("signature {}", table.signature), "LBA 0", 0x1fe)
        .remedy(if table.gpt_copy == Some(GptCopy::Backup) { NEITHER.to_owned() } else { rewrite(table) })
        .fail(Grade::Breach)),
        Scheme::Mbr | Scheme::Gpt if table.sector_bytes != SECTOR => Ok(Finding::new(format!(
            "{} counts in sectors of {} bytes, and the disks of an instance have sectors of {SECTOR}: its partitions are not \
             found there",
            described(table),
            table.sector_bytes
        ))
        .narrowed("NoTable")
        .seen_at(format!("signature {}", table.signature), "LBA 0", 0x1fe)
        .remedy(COUNTED_ANEW)
        .fail(Grade::Breach)),
        Scheme::Gpt if table.gpt_copy == Some(GptCopy::Backup) => Ok(by_backup(case, table)),
        Scheme::Mbr | Scheme::Gpt => {
            let signature = format!("signature {}", table.signature);
            let finding = Finding::new(described(table)).seen_at(signature, "LBA 0", 0x1fe);
            let finding = match table.unseen {
                Some(count) => finding
                    .note(Grade::Doubt, format!("{count} more have numbers above 255, which Linux does not see"))
                    .remedy("Number the partitions anew, in a RAW image: `sgdisk -s IMAGE`."),
                None => finding,
            };
            Ok(match table.circle_bytes {
                Some(at) => finding
                    .note(Grade::Note, "the chain of logical partitions leads in a circle; it is read once round")
                    .seen_at("the record it comes back to", "disk", at),
                None => finding,
            }
            .pass())
        }
        Scheme::None => {
            let inner =
                guest_format(case.facts).filter(|inner| table.instead.is_none() || !container::is_by_looks(inner));
            let finding = match (inner, &table.instead) {
                (Some(inner), _) => Finding::new(format!(
                    "the {} image holds no disk: within it is another image or file, {}",
                    case.container()?.format,
                    inner.name
                ))
                .remedy(format!(
                    "Take the inner one out: `qemu-img convert -O raw IMAGE INNER`. Then: {}.",
                    inner.advice
                )),
                // The label of another machine lies on whole disks; a BSD's also on one slice of a disk.
                (None, Some(name)) if is_foreign(name) => Finding::new(format!(
                    "the disk has neither an MBR partition nor a GPT: it is divided by a label of another kind, {}",
                    shown(name)
                ))
                .remedy(
                    "Install the system on a disk with a partition table, MBR or GPT, and make the image of the whole \
                     disk. Where this is the image of one slice of such a disk: make that of the disk.",
                ),
                (None, Some(name)) => Finding::new(format!(
                    "the disk has no partition table; {} begins at byte 0: this is the image of a partition, not of a disk",
                    shown(name)
                )),
                (None, None) => Finding::new("the disk has no partition table"),
            };
            Ok(finding
                .narrowed("NoTable")
                .seen_at(format!("signature {}", table.signature), "LBA 0", 0x1fe)
                .fail(Grade::Breach))
        }
        Scheme::Other => Ok(Verdict::missing("the kind of partition table is not known to this version")),
    }
}

/// A GPT whose first copy is damaged.
fn by_backup(case: &Case, table: &PartitionTable) -> Verdict {
    let disk = case.container().ok().and_then(|container| container.virtual_size_bytes);
    let astray = disk.and_then(|disk| table.stray_backup(disk));
    let leads = table.leads_to_backup();
    let finding = Finding::new(described(table));
    let finding = match table.other_copy.as_ref().and_then(|other| other.at).filter(|_| leads) {
        Some(at) => finding.seen_at("no valid entries", "first copy of the GPT", at),
        None => finding.seen_at("no valid header", "LBA 1", u64::from(table.sector_bytes)),
    };
    let fails = |finding: Finding, why: &str, remedy: String| {
        let message = format!("{}, {why}", finding.message);
        Finding { message, ..finding }.narrowed("NoTable").remedy(remedy).fail(Grade::Breach)
    };
    let ways = case.facts.boot_modes.as_ref().and_then(Fact::known).map(|modes| modes.ways.as_slice());
    let only = |mode| ways.is_some_and(|ways| !ways.is_empty() && ways.iter().all(|way| way.mode == mode));
    let linux = case.facts.guest.as_ref().is_some_and(|guest| guest.family == Family::Linux);
    match astray {
        Some(end) if !leads => {
            let why = "and the disk has grown since: firmware, Linux and sgdisk look for the second copy in the last sector, \
                       and see no table";
            let seen = finding.seen_at("second header", "disk", end.saturating_sub(u64::from(table.sector_bytes)));
            fails(seen, why, cut_back(table, end))
        }
        Some(_) if table.is_damaged() && (linux || only(BootMode::Uefi)) => {
            let why = "and the disk has grown since: firmware and Linux look for the second copy in the last sector";
            fails(finding, why, rewrite(table))
        }
        _ if linux && only(BootMode::Bios) => {
            fails(finding, "and what a BIOS starts goes by the first, as Linux does", rewrite(table))
        }
        Some(_) => {
            let note = "the disk has grown since: only what goes by the first header finds the second copy, until sgdisk \
                        has mended it";
            finding.note(Grade::Doubt, note).remedy(rewrite(table)).pass()
        }
        None => {
            let note = "Linux goes by the first copy, until UEFI firmware or sgdisk has mended it";
            finding.note(Grade::Doubt, note).remedy(rewrite(table)).pass()
        }
    }
}

/// How both copies are written anew, where sgdisk finds one.
fn rewrite(table: &PartitionTable) -> String {
    format!("Write both copies and the protective MBR anew, in a RAW image of the disk: {}.", sgdisk(table))
}

/// The same where it finds none, as the disk ends after `end`.
fn cut_back(table: &PartitionTable, end: u64) -> String {
    format!(
        "In a RAW image of the disk, cut it back to the end of the second copy: `truncate -s {end} IMAGE`. Then write both \
         copies anew: {}. Only then let it grow: before that, `sgdisk -e` writes an empty table.",
        sgdisk(table)
    )
}

/// The command. Of a file sgdisk takes sectors for the usual ones.
fn sgdisk(table: &PartitionTable) -> String {
    match table.sector_bytes {
        512 => "`sgdisk -e IMAGE`".to_owned(),
        bytes => format!("`sgdisk -e $(losetup -f --show -b {bytes} IMAGE)`"),
    }
}

/// The table in one clause: `GPT with 3 partitions, by its backup copy`.
pub fn described(table: &PartitionTable) -> String {
    let scheme = match table.scheme {
        Scheme::Mbr => "MBR",
        Scheme::Gpt => "GPT",
        Scheme::None => "no table",
        Scheme::Other => "unknown",
    };
    let mut parts = vec![format!("{scheme} with {} partition(s)", table.partitions.len())];
    if table.hybrid {
        parts.push("hybrid with MBR entries of its own".to_owned());
    }
    if table.gpt_copy == Some(GptCopy::Backup) {
        parts.push("read from the backup copy: the first one is damaged".to_owned());
    }
    join(&parts, 3)
}
