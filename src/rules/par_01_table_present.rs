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
//! it is none to firmware, boot loaders and Linux. The second copy alone is enough for UEFI firmware, which mends the first
//! from it; a BIOS's boot loader and Linux go by the first.
//!
//! # How to mend it
//! Make the image of the whole disk, not of a partition: `qemu-img convert -p -O qcow2 /dev/sda IMAGE.qcow2`, with the
//! boot partition in it. `sgdisk -e IMAGE`, of a RAW image, writes both copies of a GPT and the protective MBR anew.

use super::text::join;
use super::volumes::guest_format;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
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

const REMEDY: &str = "Write both copies and the protective MBR anew, in a RAW image of the disk: `sgdisk -e IMAGE`.";

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
            "the GPT has no protective MBR: without an entry of type EE in LBA 0, firmware, boot loaders and Linux see no \
             partition",
        )
        .narrowed("NoTable")
        .seen_at(format!("signature {}", table.signature), "LBA 0", 0x1fe)
        .remedy(REMEDY)
        .fail(Grade::Breach)),
        Scheme::Gpt if table.gpt_copy == Some(GptCopy::Backup) => Ok(by_backup(case, table)),
        Scheme::Mbr | Scheme::Gpt => {
            let signature = format!("signature {}", table.signature);
            let finding = Finding::new(described(table)).seen_at(signature, "LBA 0", 0x1fe);
            Ok(match table.circle_bytes {
                Some(at) => finding
                    .note(Grade::Note, "the chain of logical partitions leads in a circle; it is read once round")
                    .seen_at("the record it comes back to", "disk", at),
                None => finding,
            }
            .pass())
        }
        Scheme::None => {
            let finding = match (guest_format(case.facts), &table.instead) {
                (Some(inner), _) => Finding::new(format!(
                    "the {} image holds no disk: its first bytes are those of {}, an image or archive within the image",
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
    let finding = Finding::new(described(table)).seen_at("no valid header", "LBA 1", u64::from(table.sector_bytes));
    let ways = case.facts.boot_modes.as_ref().and_then(Fact::known).map(|modes| modes.ways.as_slice());
    let bios_alone = ways.is_some_and(|ways| !ways.is_empty() && ways.iter().all(|way| way.mode == BootMode::Bios));
    let linux = case.facts.guest.as_ref().is_some_and(|guest| guest.family == Family::Linux);
    if bios_alone && linux {
        let message = format!("{}, and what a BIOS starts goes by the first, as Linux does", finding.message);
        return Finding { message, ..finding }.narrowed("NoTable").remedy(REMEDY).fail(Grade::Breach);
    }
    let note = "Linux goes by the first copy, until UEFI firmware or sgdisk has mended it";
    finding.note(Grade::Doubt, note).remedy(REMEDY).pass()
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
