//! # What it checks
//! That neither the object nor the disk inside its container is an ISO image.
//!
//! # Why
//! An installation medium is not an installed system. Alibaba Cloud lists ISO files as not supported; an ISO that was
//! only converted to another format is still one, and cannot boot as a disk.
//!
//! # How it is found
//! `CD001` at byte 0x8001 with a valid primary volume descriptor, or a UDF volume recognition sequence, looked for in the
//! object and in the guest view of every container, before any partition table is believed: hybrid media have both.
//! One ISO fails one rule; those on format, partitions and contents then have nothing to add.
//!
//! # How to mend it
//! Start a VM from this ISO in VirtualBox or KVM, install the system on an empty disk, convert that disk. Converting the
//! ISO itself gives an image that cannot boot.

use super::case::{Kind, kind};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, volumes};

/// IMG-02.
pub const RULE: Rule = Rule {
    id: "IMG-02",
    name: "NotIsoImage",
    code: "IsoImageNotSupported",
    verifiable: Verifiable::Fully,
    structural: true,
    source: include_str!("img_02_not_iso.rs"),
    check,
};

/// What to do with an ISO image, for every rule that meets one.
pub fn remedy(case: &Case) -> &'static str {
    if case.data_disk.is_some() { ON_DATA_DISK } else { REMEDY }
}

/// That of a data disk.
const ON_DATA_DISK: &str = "Copy the files of this ISO image to a filesystem on an empty disk, and upload that disk.";
/// That of a system disk.
pub const REMEDY: &str = "Start a VM from this ISO in VirtualBox or KVM, install the system on an empty disk, convert that disk. Converting the ISO itself gives an image that cannot boot.";

fn check(case: &Case) -> Judged {
    let container = case.container()?;
    match kind(&container.format) {
        Kind::Iso => {
            let what = format!("the object is an ISO image {}", container.detail);
            return Ok(Finding::new(what.trim_end())
                .seen_at("ISO 9660 or UDF", "object", 0x8000)
                .remedy(remedy(case))
                .fail(Grade::Breach));
        }
        Kind::Other => return Ok(Verdict::passed(format!("{} is no ISO image", container.format))),
        Kind::Image => {}
    }
    case.disk()?;
    Ok(match volumes::iso_inside(case.facts) {
        Some(name) => {
            Finding::new(format!("the {} image holds an ISO image ({name}) instead of a disk", container.format))
                .seen_at(name, "disk", 0x8000)
                .remedy(remedy(case))
                .fail(Grade::Breach)
        }
        None if case.facts.table.is_none() => Verdict::missing("the start of the disk was not looked at"),
        None => Verdict::passed("no ISO image"),
    })
}
