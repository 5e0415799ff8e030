//! # What it checks
//! That the image as a file is not larger than the cloud takes.
//!
//! # Why
//! Tencent Cloud refuses an image whose `disk size` is over 50G (`InvalidFormatSize`), and counts the size of the image
//! converted to QCOW2.
//!
//! # How it is found
//! A QCOW2 image is judged by its own size; what it would be if it were converted once more, without compression, is told,
//! and warned about when only that is too large. Other formats are judged by the size they would have as QCOW2 with
//! clusters of 64 KiB, as `qemu-img measure` counts it: from the tables of a dynamic VHD or a VMDK. RAW and fixed VHD hold
//! every byte, and only reading all of them tells what is empty: what the filesystems use is told, and a disk that may be too
//! large is warned about. The document writes G and GB and points to a tool that counts in GiB: a size between GB and GiB is
//! warned about too.
//!
//! # How to mend it
//! Delete what is not needed, give the free space back (`virt-sparsify IMAGE SMALLER.qcow2`), and convert:
//! `qemu-img convert -p -c -O qcow2 INPUT OUTPUT.qcow2`. Files up to 500 GB can be moved by Tencent Cloud's offline instance
//! migration instead (S4 L96).

use super::text::{GB, GIB, decimal, size};
use super::volumes::used_bytes;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::inspect::facts::{Container, SizeRange};

/// SIZ-02.
pub const RULE: Rule = Rule {
    id: "SIZ-02",
    name: "ActualSizeWithinLimit",
    code: "InvalidFormatSize",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("siz_02_actual_size.rs"),
    check,
};

/// What is judged: more than `least` is certain to be there, more than `most` is not.
struct Judgement {
    least: u64,
    most: u64,
    how: String,
}

fn check(case: &Case) -> Judged {
    let Some(limit) = case.profile.limits.file_size_gib else {
        return Ok(Verdict::not_applicable("the cloud names no limit"));
    };
    let limit = u64::try_from(limit).unwrap_or(0);
    let container = case.image()?;
    let own = container.format.eq_ignore_ascii_case("QCOW2").then_some(case.facts.source.size_bytes);
    let judged = match own {
        // More is not needed to know that it is too large.
        Some(object) if object > limit.saturating_mul(GIB) => {
            Judgement { least: object, most: object, how: format!("the object has {}", both(object)) }
        }
        _ => judgement(case, own)?,
    };
    let finding = Finding::new(format!("{}; the limit is {limit} GiB", judged.how)).narrowed("ActualSize");
    let finding = finding.seen(format!("object: {} bytes", case.facts.source.size_bytes), container.format.clone());
    Ok(match () {
        () if judged.least > limit.saturating_mul(GIB) => finding.fail(Grade::Breach),
        () if judged.most > limit.saturating_mul(GB) => finding.fail(Grade::Doubt),
        () => Finding { sub: None, ..finding }.pass(),
    })
}

/// The judgement of an image whose tables are needed for it; `own`: the size that counts whatever they say.
fn judgement(case: &Case, own: Option<u64>) -> Result<Judgement, Box<Verdict>> {
    let container = case.disk()?;
    let Some(range) = container.qcow2_bytes else {
        return Err(Box::new(Verdict::missing("the size as QCOW2 was not found out")));
    };
    if let Some(object) = own {
        let how = format!("the object has {}; converted again without compression {}", both(object), between(range));
        return Ok(Judgement { least: object, most: object.max(range.upper), how });
    }
    let raised = bounds(case, container, range);
    let how = if raised.lower > range.lower {
        format!("the filesystems use {}; as QCOW2 at most {}", both(raised.lower), both(raised.upper))
    } else {
        format!("as QCOW2 {}", between(range))
    };
    // What filesystems use is no lower bound: blocks of zeros count as used, and take no space in a QCOW2.
    Ok(Judgement { least: range.lower, most: raised.upper, how })
}

/// The size as QCOW2, its lower bound raised by what the filesystems use.
pub fn bounds(case: &Case, container: &Container, range: SizeRange) -> SizeRange {
    if range.is_exact() {
        return range;
    }
    let used = used_bytes(case.facts).min(container.virtual_size_bytes.unwrap_or(0));
    SizeRange { lower: range.lower.max(used).min(range.upper), ..range }
}

fn both(bytes: u64) -> String {
    format!("{}, {} GB", size(bytes), decimal(bytes, GB))
}

fn between(range: SizeRange) -> String {
    if range.is_exact() {
        return both(range.upper);
    }
    format!("at least {}, at most {}", both(range.lower), both(range.upper))
}
