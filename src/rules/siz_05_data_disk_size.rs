//! # What it checks
//! That each data disk asked for is of a size the cloud offers, and holds its image.
//!
//! # Why
//! Alibaba Cloud's form takes data disks from 5 to 2000 GiB. A smaller disk than the image's virtual size cannot hold the
//! image. (That is derived, as it is of the system disk: no document names it as a failure.)
//!
//! # How it is found
//! `sizeGiB` of each of `spec.dataDisks`, else the smallest size of the range that holds the image, is compared with the
//! profile's range and with the virtual size in the container's header. The image may be smaller than the range: that is the
//! disk's. An operating system that is found on a data disk is told: an instance starts from its system disk.
//!
//! # How to mend it
//! Ask for a size within the range, and of at least the virtual size, in `sizeGiB` of that disk; an image that is larger
//! than the range must be shrunk first.

use super::siz_03_disk_size::within;
use super::text::{GIB, size};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, volumes};
use crate::api::SizeRange;

/// SIZ-05.
pub const RULE: Rule = Rule {
    id: "SIZ-05",
    name: "DataDiskSizeInRange",
    code: "DataDiskSizeOutOfRange",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("siz_05_data_disk_size.rs"),
    check,
};

/// Where the size is asked for.
const FIELD: &str = "spec.dataDisks[].sizeGiB";

fn check(case: &Case) -> Judged {
    let Some(range) = &case.profile.limits.data_disk_gib else {
        return Ok(Verdict::not_applicable("the cloud names no range"));
    };
    let Some(disk) = case.data_disk else {
        return Ok(Verdict::not_applicable("there is no data disk"));
    };
    let asked = disk.size_gib.map(|gib| u64::try_from(gib).unwrap_or(0));
    // What is wrong whatever the image is.
    if let Some(verdict @ Verdict::Fail(Grade::Breach, _)) = asked.map(|gib| in_range(range, gib, "asked for")) {
        return Ok(verdict);
    }
    let container = case.image()?;
    let Some(bytes) = container.virtual_size_bytes else {
        case.disk()?;
        return Ok(Verdict::missing("the virtual size was not read"));
    };
    let needed = bytes.div_ceil(GIB);
    let (gib, how) = match asked {
        Some(gib) => (gib, "asked for"),
        None => (needed.max(u64::try_from(range.min).unwrap_or(0)), "the smallest that holds the image"),
    };
    let place = format!("{} header", container.format);
    let verdict = match u64::try_from(range.max).unwrap_or(0) {
        max if needed > max => {
            Finding::new(format!("virtual size {}; the largest data disk is {max} GiB", size(bytes)))
                .seen(format!("virtual size: {bytes} bytes"), place)
                .remedy(format!("Shrink what is on the disk, then the disk: `qemu-img resize --shrink IMAGE {max}G`."))
                .fail(Grade::Breach)
        }
        _ if needed > gib => Finding::new(format!("virtual size {}, data disk {gib} GiB ({how})", size(bytes)))
            .seen(format!("virtual size: {bytes} bytes"), place)
            .remedy(format!("Set {FIELD} to at least {needed}."))
            .fail(Grade::Breach),
        _ => in_range(range, gib, how),
    };
    Ok(with_system(case, verdict))
}

fn in_range(range: &SizeRange, gib: u64, how: &str) -> Verdict {
    within(range, gib, how, "data disk", FIELD)
}

/// With a word on the operating system that is on the disk.
fn with_system(case: &Case, verdict: Verdict) -> Verdict {
    let volumes::Root::Found(volume) = volumes::root(case.facts) else { return verdict };
    let note = format!("there is an operating system on {}: an instance starts from its system disk", volume.name);
    match verdict {
        Verdict::Pass(finding) => finding.note(Grade::Note, note).pass(),
        Verdict::Fail(grade, finding) => finding.note(Grade::Note, note).fail(grade),
        other => other,
    }
}
