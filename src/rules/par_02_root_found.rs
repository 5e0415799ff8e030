//! # What it checks
//! That a volume of the disk holds an operating system.
//!
//! # Why
//! Tencent Cloud answers `RootPartitionNotFound`, and has seen four causes: a package file, a data disk, a boot partition,
//! a wrong file. No cloud can start an image without a system.
//!
//! # How it is found
//! Every partition and logical volume is opened and looked at: a Linux root has `/etc` with `/usr` or `/bin` and a release
//! file or an init. A volume that is recognised and cannot be read (encrypted, or of a kind this version does not read)
//! makes the answer Unknown, never a failure. So does a root that is mounted only with another device, a journal or an XFS
//! realtime section, or by the newest kernels, for its large blocks.
//!
//! # How to mend it
//! Make the image of the disk the system starts from. A data disk belongs to an import of its own, beside a system disk.

use super::text::join;
use super::volumes::{Root, described, iso_inside, root};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::inspect::facts::{Fact, Family, Holds, Scheme, SignKind, Volume};

/// PAR-02.
pub const RULE: Rule = Rule {
    id: "PAR-02",
    name: "RootPartitionFound",
    code: "RootPartitionNotFound",
    verifiable: Verifiable::Fully,
    structural: true,
    source: include_str!("par_02_root_found.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    case.disk()?;
    if let Some(name) = iso_inside(case.facts)
        && !case.applies("NotIsoImage")
    {
        return Ok(Finding::new(format!("the disk is an installation medium ({name})"))
            .narrowed("UploadedInstallationMedia")
            .seen_at(name, "disk", 0x8000)
            .remedy(super::img_02_not_iso::REMEDY)
            .fail(Grade::Breach));
    }
    let table = case.table()?;
    match root(case.facts) {
        Root::Found(_) if case.facts.guest.as_ref().is_some_and(|g| g.family == Family::Windows) => {
            Ok(Verdict::not_read("Windows systems are recognised, and not judged by this version"))
        }
        Root::Found(volume) => {
            let place = format!("the system is on {} ({})", volume.name, described(volume));
            Ok(match mounting(volume) {
                Some(what) => Verdict::not_read(format!("{place}, and {what}")),
                None => Finding::new(place).seen(described(volume), volume.name.clone()).pass(),
            })
        }
        Root::None(_) if table.scheme == Scheme::None => {
            Ok(case.blocked_by("PartitionTablePresent", "the disk has no partition table"))
        }
        Root::None(holds) => Ok(missing(case, holds)),
        // One cause, one failure: what is damaged because the disk ends too early is told where that is.
        Root::Undecided(verdict) if matches!(*verdict, Verdict::Fail(..)) && cut_short(case) => {
            Ok(case.blocked_by("UploadComplete", "the disk ends before what its partition table names"))
        }
        Root::Undecided(verdict) => Err(verdict),
    }
}

/// What mounting a volume takes that may not be there when it starts.
fn mounting(volume: &Volume) -> Option<&'static str> {
    let signs = volume.health.as_ref().and_then(Fact::known)?;
    signs.iter().find_map(|sign| match sign.kind {
        SignKind::JournalElsewhere => Some("its journal is on another device, without which it is not mounted"),
        SignKind::PartElsewhere => Some("a part of it is on another device, without which it is not mounted"),
        SignKind::LargeBlocks => Some(
            "its blocks are larger than the memory pages of x86 machines: Linux mounts ext4 with such blocks from 6.19 \
             on, XFS from 6.12 on, and what the kernel of this system can do is not known",
        ),
        _ => None,
    })
}

fn cut_short(case: &Case) -> bool {
    let size = case.facts.container.as_ref().and_then(|c| c.virtual_size_bytes);
    size.is_some_and(|size| case.table().is_ok_and(|table| !table.past(size).is_empty()))
}

fn missing(case: &Case, holds: Holds) -> Verdict {
    let (sub, message, remedy) = match holds {
        Holds::Installer => (
            "UploadedInstallationMedia",
            "the disk holds an installer, not an installed system",
            "Install the system on an empty disk and make the image of that disk.",
        ),
        Holds::Boot => (
            "UploadedBootPartition",
            "the disk holds kernels and a boot loader, and no system: a boot partition was uploaded alone",
            "Make the image of the whole disk, with the root partition in it.",
        ),
        Holds::Data => (
            "UploadedDataDisk",
            "the disk holds files, and none of them is a system's: this is a data disk",
            "Make the image of the disk the system starts from.",
        ),
        _ => (
            "UploadedWrongFile",
            "the disk holds neither a system nor data nor boot files",
            "See that the right file was uploaded, and that it is the image of the disk the system starts from.",
        ),
    };
    let mut finding = Finding::new(message).narrowed(sub).remedy(remedy);
    for volume in &case.facts.volumes {
        let label = if volume.label.is_empty() { String::new() } else { format!(", label {}", shown(&volume.label)) };
        let top: Vec<String> = volume.top.iter().map(|name| shown(name)).collect();
        let top = if top.is_empty() { String::new() } else { format!(", with {}", join(&top, 8)) };
        finding = finding.seen(format!("{}{label}{top}", described(volume)), volume.name.clone());
    }
    finding.fail(Grade::Breach)
}
