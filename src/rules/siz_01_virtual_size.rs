//! # What it checks
//! That the disk the guest sees is not larger than the cloud takes.
//!
//! # Why
//! Tencent Cloud refuses an image whose `virtual size` is over 500G (`InvalidFormatSize`).
//!
//! # How it is found
//! From the container's header, in bytes: QCOW2 `size`, the VHD footer's current size, VMDK capacity; of RAW the size of the
//! object. It is what `qemu-img info` prints as `virtual size`. The document writes G and GB and points to a tool that
//! counts in GiB, so only more than the limit in GiB fails, and a size between GB and GiB is warned about.
//!
//! # How to mend it
//! Shrink the guest's last filesystem and partition, then the disk: `qemu-img resize --shrink IMAGE 500G`.

use super::text::{GB, GIB, decimal, size};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};

/// SIZ-01.
pub const RULE: Rule = Rule {
    id: "SIZ-01",
    name: "VirtualSizeWithinLimit",
    code: "InvalidFormatSize",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("siz_01_virtual_size.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let Some(limit) = case.profile.limits.virtual_size_gib else {
        return Ok(Verdict::not_applicable("the cloud names no limit"));
    };
    let container = case.image()?;
    let Some(bytes) = container.virtual_size_bytes else {
        case.disk()?;
        return Ok(Verdict::missing("the virtual size was not read"));
    };
    let limit = u64::try_from(limit).unwrap_or(0);
    let excess = match bytes.saturating_sub(limit.saturating_mul(GIB)) {
        0 => String::new(),
        // Less than what two decimals of a GiB show.
        few if few < GIB / 100 => format!(", this is {few} bytes more"),
        many => format!(", this is {} more", size(many)),
    };
    let finding = Finding::new(format!(
        "virtual size {}, {} GB; the limit is {limit} GiB{excess}",
        size(bytes),
        decimal(bytes, GB)
    ))
    .seen(format!("virtual size: {bytes} bytes"), format!("{} header", container.format))
    .narrowed("VirtualSize")
    .remedy(format!(
        "Shrink the guest's last filesystem and partition, then the disk: `qemu-img resize --shrink IMAGE {limit}G`."
    ));
    Ok(match () {
        () if bytes > limit.saturating_mul(GIB) => finding.fail(Grade::Breach),
        () if bytes > limit.saturating_mul(GB) => finding.fail(Grade::Doubt),
        () => Finding { sub: None, remedy: None, ..finding }.pass(),
    })
}
