//! # What it checks
//! That the system disk asked for is of a size the cloud offers.
//!
//! # Why
//! Alibaba Cloud's form takes system disks from 40 to 500 GiB.
//!
//! # How it is found
//! `spec.image.systemDiskSizeGiB` is compared with the profile's range. Without it the smallest disk of the range that
//! holds the image is taken. The documents of 2018 give the same figures in GB as well: a size that only fits the range in
//! GiB is warned about.
//!
//! # How to mend it
//! Ask for a size within the range in `spec.image.systemDiskSizeGiB`; an image that is larger must be shrunk first.

use super::text::{GB, GIB};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::api::SizeRange;

/// SIZ-03.
pub const RULE: Rule = Rule {
    id: "SIZ-03",
    name: "SystemDiskSizeInRange",
    code: "SystemDiskSizeOutOfRange",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("siz_03_disk_size.rs"),
    check,
};

/// The size that is asked for, in GiB, and how it came about: what the user said, else the smallest that holds the image.
pub fn asked(case: &Case, range: &SizeRange) -> Result<(u64, &'static str), Box<Verdict>> {
    if let Some(asked) = case.request.system_disk_size_gib {
        return Ok((u64::try_from(asked).unwrap_or(0), "asked for"));
    }
    let container = case.image()?;
    let Some(bytes) = container.virtual_size_bytes else {
        case.disk()?;
        return Err(Box::new(Verdict::missing("the virtual size was not read")));
    };
    Ok((bytes.div_ceil(GIB).max(u64::try_from(range.min).unwrap_or(0)), "the smallest that holds the image"))
}

fn check(case: &Case) -> Judged {
    let Some(range) = &case.profile.limits.system_disk_gib else {
        return Ok(Verdict::not_applicable("the cloud names no range"));
    };
    let (gib, how) = asked(case, range)?;
    Ok(within(range, gib, how, "system disk", "spec.image.systemDiskSizeGiB"))
}

/// Whether a disk of `gib` is within the range of such disks; `field`: where its size is asked for.
pub fn within(range: &SizeRange, gib: u64, how: &str, disk: &str, field: &str) -> Verdict {
    let (min, max) = (u64::try_from(range.min).unwrap_or(0), u64::try_from(range.max).unwrap_or(0));
    let finding = Finding::new(format!("{disk} of {gib} GiB ({how}); the range is {min} to {max} GiB"))
        .seen(format!("{gib} GiB"), field);
    if gib < min || gib > max {
        let remedy = format!("Set {field} to {min} to {max}; shrink an image that is larger.");
        return finding.remedy(remedy).fail(Grade::Breach);
    }
    if range.stated_in_gb && gib.saturating_mul(GIB) > max.saturating_mul(GB) {
        let largest = max.saturating_mul(GB) / GIB;
        let message = format!("{}; it is more than {max} GB, as the document has it", finding.message);
        let remedy = format!("Set {field} to at most {largest} to fit either reading.");
        return Finding { message, ..finding }.remedy(remedy).fail(Grade::Doubt);
    }
    finding.pass()
}
