//! # What it checks
//! That the description is one that the cloud takes.
//!
//! # Why
//! Alibaba Cloud's form has a field for what its list shall say of an image. The document sets no limit; the page on the API
//! behind the form does: 2 to 256 characters, and no web address at the beginning (`InvalidDescription.Malformed`). Since
//! that is not in the document, the rule only warns.
//!
//! # How it is found
//! The characters of `spec.image.description` are counted, and its beginning is looked at. No description, nothing to judge.
//!
//! # How to mend it
//! Give `spec.image.description` 2 to 256 characters, begin it with a word, or leave it out.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};

/// FRM-09.
pub const RULE: Rule = Rule {
    id: "FRM-09",
    name: "DescriptionAccepted",
    code: "DescriptionField",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("frm_09_description.rs"),
    check,
};

/// Characters of a description (Alibaba Cloud's API, ImportImage, "Description").
const LENGTH: std::ops::RangeInclusive<usize> = 2..=256;
/// What it must not begin with (the same page).
const ADDRESSES: &[&str] = &["http://", "https://"];

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let Some(description) = &case.request.description else {
        return Ok(Verdict::not_applicable("no description was given"));
    };
    let count = description.chars().count();
    let finding = Finding::default().seen(shown(description), "spec.image.description");
    let mut wrong = Vec::new();
    if !LENGTH.contains(&count) {
        wrong.push(format!("has {count} character{}", if count == 1 { "" } else { "s" }));
    }
    if let Some(address) = ADDRESSES.iter().find(|address| description.to_ascii_lowercase().starts_with(**address)) {
        wrong.push(format!("begins with {address}"));
    }
    if wrong.is_empty() {
        return Ok(Finding { message: format!("{count} characters"), ..finding }.pass());
    }
    let message = format!(
        "the description {}: the cloud's API takes {} to {} characters that do not begin with a web address, and may \
         refuse the import (its own page; {} only has the field)",
        wrong.join(" and "),
        LENGTH.start(),
        LENGTH.end(),
        case.cited()
    );
    Ok(Finding { message, ..finding }.fail(Grade::Doubt))
}
