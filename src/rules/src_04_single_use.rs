//! # What it checks
//! That the import does not rest on a link that reading it spends.
//!
//! # Why
//! Tencent Cloud says of a signed link of COS that it can be used once. An image is read with many requests, so a link that
//! was read here is spent when the cloud follows it.
//!
//! # How it is found
//! By the parameters of a signature in an address of COS. Such a link is not followed at all: nothing is read by it. Links of
//! other stores are only noted.
//!
//! # How to mend it
//! Read the object by `cos://BUCKET/KEY` with the bucket's region and credentials (`spec.source.secretRef`, or the variables of
//! `inspect`), and make a signed link only to hand it to the cloud.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};

/// SRC-04.
pub const RULE: Rule = Rule {
    id: "SRC-04",
    name: "LinkNotSingleUse",
    code: "SignedUrlSingleUse",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("src_04_single_use.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "every rule has this signature")]
fn check(case: &Case) -> Judged {
    let Some(link) = &case.request.link else {
        return Ok(Verdict::not_applicable("the address is no signed link"));
    };
    let finding = Finding::default().seen(format!("signed: {}", link.parameter), case.request.url.clone());
    if link.single_use {
        let message = "a signed link of COS can be used once, so it was not followed: nothing of the image was read";
        return Ok(Finding { message: message.to_owned(), ..finding }.fail(Grade::Breach));
    }
    let message = "the link is signed, and of another store than the cloud's";
    Ok(Finding { message: message.to_owned(), ..finding }.fail(Grade::Note))
}
