//! # What it checks
//! That the format the user declared is the format of the object.
//!
//! # Why
//! The cloud's form asks for the format and fails on a wrong one; and a reader that trusts a declaration over the bytes can
//! be made to follow references it should not.
//!
//! # How it is found
//! `spec.source.format` is compared with what the object's own signatures say. Nothing declared, nothing to compare.
//!
//! # How to mend it
//! Correct `spec.source.format`, or leave it out.

use super::case::{Kind, kind};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};

/// IMG-05.
pub const RULE: Rule = Rule {
    id: "IMG-05",
    name: "DeclaredFormatMatches",
    code: "DeclaredFormatMismatch",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("img_05_declared_format.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let Some(declared) = &case.request.format else {
        return Ok(Verdict::not_applicable("no format was declared"));
    };
    let container = case.container()?;
    let found = &container.format;
    if kind(found) == Kind::Iso {
        case.image()?;
    }
    if found.eq_ignore_ascii_case(declared) {
        return Ok(Verdict::passed(format!("{found}, as declared")));
    }
    Ok(Finding::new(format!("declared as {}, found {found}", shown(declared)))
        .seen_at(format!("first bytes {}", container.magic), "object", 0)
        .remedy(format!("Set spec.source.format to {found}, or leave it out."))
        .fail(Grade::Breach))
}
