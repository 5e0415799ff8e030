//! # What it checks
//! That the family of the system is declared as Linux where the platform is one for non-standard systems.
//!
//! # Why
//! Alibaba Cloud's form asks for Windows or Linux first, and offers platforms by the answer: `Customized Linux` and `Others
//! Linux` are among those of Linux only.
//!
//! # How it is found
//! `spec.image.osType` is held against `spec.image.platform`. Whether the image is what is declared is another rule's
//! question. Nothing declared, nothing to compare.
//!
//! # How to mend it
//! Set `spec.image.osType` to `Linux`. An image of Windows cannot be imported on such a platform: name its version there.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::api::OsType;

/// FRM-04.
pub const RULE: Rule = Rule {
    id: "FRM-04",
    name: "OsTypeFitsPlatform",
    code: "OsTypeField",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("frm_04_os_type.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let Some(os_type) = case.request.os_type else {
        return Ok(Verdict::not_applicable("no family was declared"));
    };
    let Some(platform) = contradicted(case) else { return Ok(Verdict::passed(format!("{os_type:?}"))) };
    let message = format!(
        "the family is declared as {os_type:?}, and the cloud's form offers the platform {platform} for Linux only ({})",
        case.cited()
    );
    Ok(Finding::new(message)
        .seen(format!("{os_type:?}"), "spec.image.osType")
        .seen(platform, "spec.image.platform")
        .remedy("Set spec.image.osType to Linux; for an image of Windows name its version in spec.image.platform.")
        .fail(Grade::Breach))
}

/// The platform for non-standard systems that was declared with another family than Linux.
pub(super) fn contradicted<'a>(case: &Case<'a>) -> Option<&'a str> {
    case.custom_platform().filter(|_| case.request.os_type == Some(OsType::Windows))
}
