//! # What it checks
//! That the store lets the object be read.
//!
//! # Why
//! Tencent Cloud lists an object that is not public-read among the causes of `InvalidUrl`: what cannot be read cannot be
//! imported.
//!
//! # How it is found
//! By the store's answer to the first request: 403 refuses the credentials that were given, or their absence. An object
//! that was read with credentials may still be unreadable for the cloud itself, which is told as advice.
//!
//! # How to mend it
//! Give credentials that may read the object (`s3:GetObject`) in `spec.source.secretRef`, or make the object public-read
//! and private-write. For an import in Tencent Cloud's own console: public-read, or a signed link that is still valid.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::inspect::facts::Access;

/// SRC-02.
pub const RULE: Rule = Rule {
    id: "SRC-02",
    name: "SourceReadable",
    code: "InvalidUrl",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("src_02_readable.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "every rule has this signature")]
fn check(case: &Case) -> Judged {
    let source = &case.facts.source;
    if source.local {
        return Ok(Verdict::not_applicable("a file of this machine: no store was asked"));
    }
    let with = if source.signed { "the credentials that were given" } else { "an anonymous request" };
    match source.access {
        Access::Reached if source.signed => Ok(Finding::new("read with the credentials that were given")
            .note(Grade::Note, "the cloud's own console needs a public-read object or a signed link (S4 L76-77)")
            .pass()),
        Access::Reached => Ok(Verdict::passed("read without credentials")),
        Access::NotFound => Ok(case.blocked_by("SourcePresent", "the object does not exist")),
        Access::Other => Ok(Verdict::missing("whether the object can be read was not found out")),
        Access::Forbidden => {
            let mut finding = Finding::new(format!("the store refuses {with}")).narrowed("AccessDenied");
            if let Some(http) = &source.http {
                finding.message = format!("{}: HTTP {} {}", finding.message, http.status, shown(&http.code));
                finding = finding.seen(
                    format!("HTTP {}, code {}, request {}", http.status, shown(&http.code), shown(&http.request_id)),
                    case.request.url.clone(),
                );
            }
            Ok(finding.fail(Grade::Breach))
        }
    }
}
