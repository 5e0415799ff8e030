//! # What it checks
//! That nothing the container or the partition table names lies past the end of the object or of its disk.
//!
//! # Why
//! An upload that was cut short is accepted by the store and starts nowhere. Objects over 5 GiB are uploaded in parts, as
//! Alibaba Cloud says, and parts get lost. Tencent Cloud answers `PartitionNotPresent`: the image is incomplete.
//!
//! # How it is found
//! The tables of the container are read: QCOW2 L1 and L2 tables, VHD footer and block allocation table, VMDK grain tables.
//! What they name must begin within the object. Of a GPT the second header, the last usable sector and every partition, of
//! an MBR every partition but the protective one, must end within the disk. A GPT whose second header is not in the last
//! sector is that of a disk that has grown: no damage, and only told. A fixed VHD is a RAW disk with a footer at its end, so
//! nothing shows that its end was cut off but the object's name: a RAW disk whose name ends in `.vhd` is not known to be
//! whole unless its GPT reaches to its end.
//!
//! # How to mend it
//! Upload the image again, in parts when it is over 5 GiB, and compare the sizes: `stat -c %s IMAGE`. Where the local file
//! fails this check as well, make the image again, of the whole disk. A RAW disk whose name ends in `.vhd`: rename it, or
//! declare its format.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why};
use crate::inspect::facts::{Checked, Container, Missing, Named, PartitionTable, Scheme};

/// SRC-10.
pub const RULE: Rule = Rule {
    id: "SRC-10",
    name: "UploadComplete",
    code: "UploadIncomplete",
    verifiable: Verifiable::Fully,
    structural: true,
    source: include_str!("src_10_upload_complete.rs"),
    check,
};

/// Things past the end of the disk that are shown.
const SHOWN: usize = 8;

fn check(case: &Case) -> Judged {
    let container = case.image()?;
    if let Some(missing) = &container.missing {
        return Ok(cut_short(case, container, missing));
    }
    case.disk()?;
    match container.checked {
        Checked::Whole => {}
        Checked::Part => {
            return Ok(Verdict::Unknown(Why {
                reason: "LimitExceeded",
                message: format!(
                    "the {} image has more tables than are read to see whether it is whole",
                    container.format
                ),
            }));
        }
        Checked::Nothing => return Ok(Verdict::missing("whether the object is whole was not looked at")),
    }
    let Some(disk) = container.virtual_size_bytes else {
        return Ok(Verdict::missing("the virtual size was not read"));
    };
    let table = case.table()?;
    let scheme = match table.scheme {
        Scheme::Gpt => "GPT",
        Scheme::Mbr => "MBR",
        Scheme::None if may_lack_footer(case, container) => return Ok(footer_or_none()),
        Scheme::None => {
            return Ok(Verdict::passed("all that the container names is there; there is no partition table"));
        }
        Scheme::Other => return Ok(Verdict::missing("the kind of partition table is not known to this version")),
    };
    if let Some(verdict) = past_the_end(table, scheme, disk) {
        return Ok(verdict);
    }
    if may_lack_footer(case, container) && !reaches_end(table, disk) {
        return Ok(footer_or_none());
    }
    let finding = Finding::new("all that the container and the partition table name is there");
    let finding = match table.backup_bytes {
        Some(at) if table.grown(disk) => finding
            .seen_at("second header of the GPT", "disk", at)
            .note(Grade::Note, "the disk has grown since its GPT was written: in the guest, growpart or `sgdisk -e` moves the second header to its end"),
        _ => finding,
    };
    case.unless_truncated(&["partitions"], finding.pass())
}

/// Whether the object may be a fixed VHD whose end was cut off: what is left of it is a RAW disk, under the name of a VHD.
fn may_lack_footer(case: &Case, container: &Container) -> bool {
    let declared = case.request.format.as_deref().is_some_and(|format| format.eq_ignore_ascii_case("RAW"));
    container.format == "RAW" && case.named_format() == Some("VHD") && !declared
}

fn footer_or_none() -> Verdict {
    Verdict::missing(
        "the object's name ends in .vhd, and it has no footer of a VHD: it is a RAW disk of another name, or a fixed VHD \
         whose end was cut off",
    )
}

/// Both copies of the GPT are valid, and the second ends with the disk: nothing of the disk is missing.
fn reaches_end(table: &PartitionTable, disk: u64) -> bool {
    let end = table.backup_bytes.map(|at| at.saturating_add(u64::from(table.sector_bytes)));
    end == Some(disk) && table.other_copy.is_none()
}

/// The object ends before what its container names.
fn cut_short(case: &Case, container: &Container, missing: &Missing) -> Verdict {
    let size = case.facts.source.size_bytes;
    let message = format!(
        "the object has {size} bytes; its {} at byte {} ends at byte {}",
        missing.what, missing.at, missing.ends_at
    );
    Finding::new(message)
        .narrowed("Incomplete")
        .seen_at(format!("{} ({})", missing.what, container.format), "object", missing.at)
        .fail(Grade::Breach)
}

/// The disk ends before what its partition table names.
fn past_the_end(table: &PartitionTable, scheme: &str, disk: u64) -> Option<Verdict> {
    let past = table.past(disk);
    let (farthest, end) = past.first()?;
    let message = format!("the disk has {disk} bytes; {} ends at byte {end}", described(*farthest, scheme));
    let finding =
        past.iter().take(SHOWN).fold(Finding::new(message).narrowed("Incomplete"), |finding, (named, end)| {
            finding.seen(format!("ends at byte {end}"), described(*named, scheme))
        });
    Some(finding.fail(Grade::Breach))
}

fn described(named: Named, scheme: &str) -> String {
    match named {
        Named::Backup => "the second header of the GPT".to_owned(),
        Named::Usable => "what the GPT says is usable".to_owned(),
        Named::Record => format!("a record of logical partitions, to which the {scheme} leads,"),
        Named::Partition(number) => format!("partition {number} of the {scheme}"),
    }
}
