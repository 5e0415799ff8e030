//! # What it checks
//! That the image holds all of its data itself: no backing file, no external data file, no parent, no extents in other
//! files, no unknown features, no encryption.
//!
//! # Why
//! No cloud's document says so, but an image that names another file makes whoever opens it read that file: so hosts
//! lost secrets (CVE-2024-32498 and its like). A part that is missing is missing in the cloud too.
//!
//! # How it is found
//! From the container's own header: QCOW2 `backing_file_offset`, incompatible feature bits and `crypt_method`; VHD disk
//! type 4; VMDK create types and extent lines; any QED. The names found there are shown and never followed.
//!
//! # How to mend it
//! Flatten the image where all of its parts are: `qemu-img convert -p -O qcow2 INPUT OUTPUT.qcow2`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};

/// IMG-07.
pub const RULE: Rule = Rule {
    id: "IMG-07",
    name: "ImageSelfContained",
    code: "UnsafeImageReference",
    verifiable: Verifiable::Fully,
    structural: true,
    source: include_str!("img_07_self_contained.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let container = case.image()?;
    let found: Vec<String> = container.unsafe_references.iter().map(|r| r.what.clone()).collect();
    if found.is_empty() && !container.format.eq_ignore_ascii_case("QED") {
        case.disk()?;
        return Ok(Verdict::passed("all data is in the image itself"));
    }
    if found.is_empty() {
        return Ok(Finding::new("a QED image may lead outside of itself and is not opened")
            .seen_at(format!("first bytes {}", container.magic), "object", 0)
            .fail(Grade::Breach));
    }
    let mut finding = Finding::new(format!("the {} header names: {}", container.format, super::text::join(&found, 4)));
    for reference in &container.unsafe_references {
        finding = finding.seen_at(
            format!("{} {}", reference.what, shown(&reference.value)),
            "container header",
            reference.at,
        );
    }
    if found.iter().any(|what| what.contains("encrypt")) {
        finding = finding.remedy("Decrypt it where the key is: `qemu-img convert -p --object secret,id=k,file=KEYFILE --image-opts driver=qcow2,file.filename=INPUT,encrypt.key-secret=k -O qcow2 OUTPUT.qcow2`.");
    }
    Ok(finding.fail(Grade::Breach))
}
