//! # What it checks
//! That the system disk asked for holds the image, and that any disk the cloud offers does.
//!
//! # Why
//! Alibaba Cloud asks for the disk to be sized by the image's virtual size, not by its usage. A smaller disk cannot hold
//! the image. (The severity is derived from that: the documents ask for it and name no failure.)
//!
//! # How it is found
//! `spec.image.systemDiskSizeGiB`, else the smallest size of the range that holds the image, is compared with the virtual
//! size in the container's header.
//!
//! # How to mend it
//! Ask for at least the virtual size in `spec.image.systemDiskSizeGiB`, or shrink guest and disk.

use super::text::{GIB, size};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, siz_03_disk_size};

/// SIZ-04.
pub const RULE: Rule = Rule {
    id: "SIZ-04",
    name: "SystemDiskHoldsImage",
    code: "SystemDiskSmallerThanImage",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("siz_04_holds_image.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let Some(range) = &case.profile.limits.system_disk_gib else {
        return Ok(Verdict::not_applicable("the cloud names no range"));
    };
    let container = case.image()?;
    let Some(bytes) = container.virtual_size_bytes else {
        case.disk()?;
        return Ok(Verdict::missing("the virtual size was not read"));
    };
    let (gib, how) = siz_03_disk_size::asked(case, range)?;
    let max = u64::try_from(range.max).unwrap_or(0);
    let finding = Finding::new(format!("virtual size {}, system disk {gib} GiB ({how})", size(bytes)))
        .seen(format!("virtual size: {bytes} bytes"), format!("{} header", container.format));
    if bytes > max.saturating_mul(GIB) {
        let message = format!("virtual size {}; the largest system disk is {max} GiB", size(bytes));
        let remedy = format!(
            "Shrink the guest's last filesystem and partition, then the disk: `qemu-img resize --shrink IMAGE {max}G`."
        );
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Breach));
    }
    if bytes > gib.saturating_mul(GIB) {
        let remedy = format!("Set spec.image.systemDiskSizeGiB to at least {}.", bytes.div_ceil(GIB));
        return Ok(finding.remedy(remedy).fail(Grade::Breach));
    }
    Ok(finding.pass())
}
