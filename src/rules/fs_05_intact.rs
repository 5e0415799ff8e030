//! # What it checks
//! That no filesystem on the disk says of itself that it is damaged or was not left cleanly.
//!
//! # Why
//! Alibaba Cloud asks to verify the integrity of the filesystem before an import. A filesystem with errors is mounted
//! read-only, or not at all, when the instance starts.
//!
//! # How it is found
//! By a bounded check, not a full one as `fsck` makes it. ext: the state, recorded errors, orphans, a journal to replay, and
//! after its replay the checksums of superblock, descriptors and root inode, and what the superblock's copies say. XFS: the
//! flags for repair and for an unfinished mkfs, a log to replay, the checksums of the headers. NTFS: the dirty flag,
//! `$MFTMirr`, a log to replay, a hibernated system. FAT, btrfs, UFS: their own marks. Checks that Windows has been asked to
//! make at its next start (`BootExecute`) are not looked for.
//!
//! # How to mend it
//! Unmounted: `e2fsck -f DEVICE`, `xfs_repair DEVICE`, `fsck.vfat -a DEVICE`; in Windows `chkdsk C: /f` and a full shut-down
//! (`shutdown /s /t 0`, without fast startup). A journal or log is replayed when the filesystem is mounted once.

use super::text::join;
use super::volumes::{assembled, described, filesystem};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why, shown};
use crate::inspect::facts::{Fact, Sign, SignKind, Volume, VolumeClass};

/// FS-05.
pub const RULE: Rule = Rule {
    id: "FS-05",
    name: "FileSystemIntact",
    code: "FileSystemIntegrity",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("fs_05_intact.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    case.root()?;
    let mut finding = Finding::default();
    let mut signs: Vec<(Grade, String)> = Vec::new();
    let mut undecided = None;
    for volume in &case.facts.volumes {
        match health(volume) {
            Ok(found) => {
                for sign in found {
                    let what = format!("{} ({}): {}", volume.name, described(volume), told(sign));
                    signs.push((grade(volume, sign.kind), what));
                    finding =
                        finding.seen_at(format!("{} {}", told(sign), shown(&sign.value)), volume.name.clone(), sign.at);
                }
            }
            Err(verdict) => match *verdict {
                Verdict::Unknown(why) => undecided = undecided.or(Some(why)),
                verdict => return Ok(verdict),
            },
        }
    }
    signs.sort_by_key(|(grade, _)| *grade);
    let named: Vec<String> = signs.iter().map(|(_, what)| what.clone()).collect();
    finding.message = join(&named, 4);
    match (signs.first(), undecided) {
        (Some((Grade::Breach, _)), _) => Ok(finding.fail(Grade::Breach)),
        (Some(_), Some(why)) => {
            Ok(Verdict::Unknown(Why { message: format!("{}; {}", why.message, finding.message), ..why }))
        }
        (None, Some(why)) => Ok(Verdict::Unknown(why)),
        (Some((grade, _)), None) => Ok(finding.fail(*grade)),
        (None, None) => {
            let passed = Finding::new("no filesystem says that it is damaged")
                .note(Grade::Note, "passed a bounded check, which is not a full fsck");
            case.unless_truncated(&["volumes"], passed.pass())
        }
    }
}

/// What a volume says of its health; nothing where it has no filesystem.
fn health(volume: &Volume) -> Result<&[Sign], Box<Verdict>> {
    let name = format!("{} ({})", volume.name, described(volume));
    match (volume.class, &volume.health) {
        (VolumeClass::Swap | VolumeClass::Empty | VolumeClass::Unrecognised, _) => Ok(&[]),
        (VolumeClass::Member, _) if assembled(volume) => Ok(&[]),
        (_, Some(Fact::Known(signs))) => Ok(signs),
        (_, Some(Fact::Unreadable(trouble))) => Err(Box::new(Verdict::of_trouble(&name, trouble))),
        (_, None) => Err(Box::new(match &volume.trouble {
            Some(trouble) => Verdict::of_trouble(&name, trouble),
            None => Verdict::missing(format!("{name} was not looked at")),
        })),
    }
}

/// How bad a sign is. The copies of NTFS's first records differ on volumes that work.
fn grade(volume: &Volume, kind: SignKind) -> Grade {
    let ext = filesystem(volume).starts_with("ext");
    match kind {
        SignKind::Errors if ext => Grade::Breach,
        SignKind::NeedsRepair | SignKind::InProgress | SignKind::ChecksumMismatch => Grade::Breach,
        SignKind::BackupMismatch if volume.type_id != "ntfs" => Grade::Breach,
        _ => Grade::Doubt,
    }
}

/// A sign in words.
fn told(sign: &Sign) -> &'static str {
    match sign.kind {
        SignKind::Errors => "it has errors that were not repaired",
        SignKind::NeedsRepair => "it asks to be repaired",
        SignKind::InProgress => "it was left while it was being made",
        SignKind::ChecksumMismatch => "a checksum does not fit",
        SignKind::BackupMismatch => "two copies of its metadata differ",
        SignKind::LogNeedsReplay => "its journal has to be replayed",
        SignKind::Orphans => "files were deleted while they were open",
        SignKind::ErrorsRecorded => "errors were recorded once",
        SignKind::Dirty => "it was not left cleanly",
        SignKind::Hibernated => "a hibernated system holds it",
        SignKind::CheckAskedFor => "a check at the next start was asked for",
        SignKind::JournalElsewhere => "its journal is on another device",
        SignKind::PartElsewhere => "a part of it is on another device",
        SignKind::LargeBlocks => "its blocks are larger than the memory pages of x86 machines",
        SignKind::Other => "it says something this version does not know",
    }
}
