//! # What it checks
//! That an image that is mostly empty is stored in a format that leaves out what is empty.
//!
//! # Why
//! Alibaba Cloud recommends VHD (2018-06), later QCOW2 or VHD, because there is less to transfer.
//!
//! # How it is found
//! RAW images and fixed VHDs hold every byte of the disk. Where the filesystems use less than half of the object, a compact
//! format is recommended. (The threshold is ours: the documents name none.)
//!
//! # How to mend it
//! `qemu-img convert -p -O qcow2 INPUT OUTPUT.qcow2`, or `-O vpc -o subformat=dynamic,force_size=on` for a VHD.

use super::siz_02_actual_size::bounds;
use super::text::{join, size};
use super::volumes::unmeasured_bytes;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::inspect::facts::Container;

/// IMG-04.
pub const RULE: Rule = Rule {
    id: "IMG-04",
    name: "CompactFormatUsed",
    code: "PreferCompactFormat",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("img_04_compact_format.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let preferred = &case.profile.preferred_formats;
    if preferred.is_empty() {
        return Ok(Verdict::not_applicable("the cloud recommends no format"));
    }
    let container = case.disk()?;
    if !is_plain(container) {
        return Ok(Verdict::passed(format!("{} {} leaves out what is empty", container.format, container.detail)));
    }
    let Some(range) = container.qcow2_bytes else {
        return Ok(Verdict::missing("how much of the disk is in use was not found out"));
    };
    let object = case.facts.source.size_bytes;
    let least = bounds(case, container, range).lower;
    if least >= object / 2 {
        return Ok(Verdict::passed(format!("at least {} of {} are in use", size(least), size(object))));
    }
    // Without the volumes it is not known what is in use.
    case.table()?;
    case.complete(&["volumes"])?;
    if case.facts.volumes.is_empty() {
        return Ok(Verdict::missing("there is no volume that tells how much of the disk is in use"));
    }
    let unmeasured = unmeasured_bytes(case.facts);
    if least.saturating_add(unmeasured) >= object / 2 {
        return Ok(Verdict::missing(format!("how much of {} is in use was not found out", size(unmeasured))));
    }
    let formats = join(preferred, 3).replace(", ", " or ");
    let message =
        format!("the object has {}; the filesystems use {}: {formats} would be smaller", size(object), size(least));
    Ok(Finding::new(message).seen(format!("object: {object} bytes"), container.format.clone()).fail(Grade::Note))
}

/// Whether the object holds every byte of the disk.
fn is_plain(container: &Container) -> bool {
    match container.format.to_ascii_uppercase().as_str() {
        "RAW" => true,
        "VHD" => container.detail.starts_with("fixed"),
        _ => false,
    }
}
