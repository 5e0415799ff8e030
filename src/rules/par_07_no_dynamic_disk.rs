//! # What it checks
//! That a Windows disk is a basic disk: neither a dynamic disk nor part of a storage pool.
//!
//! # Why
//! Tencent Cloud does not support logical volume management on Windows. (Its Linux requirements do not name it: LVM there is
//! followed like a partition.)
//!
//! # How it is found
//! By the types of the partitions: 42 in an MBR, the two GUIDs of the Logical Disk Manager and that of Storage Spaces in a
//! GPT.
//!
//! # How to mend it
//! Copy the system to a basic disk and make the image of that: Windows converts a dynamic disk back only when it is empty.

use super::text::join;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::inspect::facts::{Family, Partition, Role, Scheme};

/// PAR-07.
pub const RULE: Rule = Rule {
    id: "PAR-07",
    name: "NoWindowsDynamicDisk",
    code: "LvmNotSupported",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("par_07_no_dynamic_disk.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let table = case.table()?;
    let found: Vec<&Partition> =
        table.partitions.iter().filter(|p| matches!(p.role, Role::DynamicDisk | Role::StorageSpaces)).collect();
    let family = case.facts.guest.as_ref().map_or(Family::Unknown, |guest| guest.family);
    // The GUIDs are nobody else's; other systems have used the types of an MBR.
    if !found.is_empty() && (family == Family::Windows || table.scheme == Scheme::Gpt) {
        let names: Vec<String> = found.iter().map(|p| described(p)).collect();
        let finding = Finding::new(format!("{} ({})", join(&names, 4), case.cited()));
        let finding = found.iter().fold(finding, |finding, p| {
            finding.seen_at(format!("type {}", p.type_id), format!("partition {}", p.number), p.start_bytes)
        });
        return Ok(finding.fail(Grade::Breach));
    }
    case.guest()?;
    if family != Family::Windows {
        return Ok(Verdict::missing("which system is on the disk is not known"));
    }
    case.unless_truncated(&["partitions"], Verdict::passed("no partition of a dynamic disk or a storage pool"))
}

fn described(partition: &Partition) -> String {
    let what = if partition.role == Role::StorageSpaces { "a storage pool" } else { "a dynamic disk" };
    format!("partition {} is part of {what}", partition.number)
}
