//! # What it checks
//! That the partition table is of a kind the cloud takes: some take only MBR.
//!
//! # Why
//! Tencent Cloud does not support GPT, and Alibaba Cloud did not before 2020-12: a machine made from such an image does not
//! start there.
//!
//! # How it is found
//! A protective entry of type 0xEE and a valid GPT header. A hybrid MBR counts as GPT. CoreOS and FreeBSD are listed as
//! supported by the same documents and are GPT by default: they are no exception, and the message names both lines.
//!
//! # How to mend it
//! Convert the table in a copy of the disk: `sgdisk --gpttombr=1:2 DISK` with the numbers of at most four partitions, then
//! reinstall the boot loader for BIOS: `grub-install --target=i386-pc DISK && update-grub`.

use super::par_01_table_present::described;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::inspect::facts::Scheme;

/// PAR-03.
pub const RULE: Rule = Rule {
    id: "PAR-03",
    name: "MbrPartitionTable",
    code: "GptPartitionNotSupported",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("par_03_mbr.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let table = case.table()?;
    let accepted = |name: &str| case.profile.partition_tables.iter().any(|t| t == name);
    match table.scheme {
        Scheme::None => Ok(case.blocked_by("PartitionTablePresent", "the disk has no partition table")),
        Scheme::Other => Ok(Verdict::missing("the kind of partition table is not known to this version")),
        Scheme::Mbr if accepted("MBR") => Ok(Verdict::passed(described(table))),
        Scheme::Gpt if accepted("GPT") => Ok(Verdict::passed(described(table))),
        Scheme::Mbr | Scheme::Gpt => {
            let listed = by_default_gpt(case).map(|both| format!("; {both}")).unwrap_or_default();
            let message = format!(
                "{}; accepted: {} ({}){listed}",
                described(table),
                case.profile.partition_tables.join(", "),
                case.cited()
            );
            let finding = Finding::new(message);
            let finding = match table.scheme {
                Scheme::Gpt => finding.seen_at("EFI PART", "GPT header", u64::from(table.sector_bytes.max(512))),
                _ => finding.seen_at(format!("signature {}", table.signature), "LBA 0", 0x1fe),
            };
            Ok(finding.fail(Grade::Breach))
        }
    }
}

/// The two lines that contradict each other for a system that is GPT by default and listed all the same.
fn by_default_gpt(case: &Case) -> Option<String> {
    let id = case.os_id();
    if !case.coreos() && id != "freebsd" {
        return None;
    }
    let system = case.profile.operating_systems.iter().find(|s| s.ids.iter().any(|i| i == id))?;
    Some(format!("{} is listed ({}) and GPT by default all the same", system.name, system.cite.join("; ")))
}
