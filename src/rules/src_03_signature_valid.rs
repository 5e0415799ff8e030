//! # What it checks
//! That a signed link is still valid.
//!
//! # Why
//! A link of a private object whose signature has ended is `InvalidUrl` for Tencent Cloud.
//!
//! # How it is found
//! In the link's own parameters, before any request: `q-sign-time` and `q-key-time` (COS), `X-Amz-Date` with `X-Amz-Expires`,
//! `Expires`, `x-oss-date` with `x-oss-expires` (OSS), `se` (Azure). An address without a signature has nothing that ends.
//!
//! # How to mend it
//! Make a new link that is valid for longer than the work takes, or read the object with credentials.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};

/// SRC-03.
pub const RULE: Rule = Rule {
    id: "SRC-03",
    name: "SignatureValid",
    code: "InvalidUrl",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("src_03_signature_valid.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "every rule has this signature")]
fn check(case: &Case) -> Judged {
    let Some(link) = &case.request.link else {
        return Ok(Verdict::not_applicable("the address is no signed link"));
    };
    let Some((end, parameter)) = link.ends else {
        return Ok(Verdict::missing(format!("the link is signed ({}), and nothing says until when", link.parameter)));
    };
    let place = format!("{parameter} of {}", case.request.url);
    let finding = Finding::default().seen(format!("ends at {end}"), place);
    if link.expired(case.request.now) {
        let message = format!("the link ended at {end}, and it is {} now", case.request.now);
        return Ok(Finding { message, ..finding }.narrowed("SignatureExpired").fail(Grade::Breach));
    }
    Ok(Finding { message: format!("the link is valid until {end}"), ..finding }.pass())
}
