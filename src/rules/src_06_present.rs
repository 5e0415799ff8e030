//! # What it checks
//! That the object exists.
//!
//! # Why
//! Tencent Cloud lists a deleted image file among the causes of `InvalidUrl`.
//!
//! # How it is found
//! By the store's answer to the first request: 404 with `NoSuchKey` or `NoSuchBucket`.
//!
//! # How to mend it
//! Upload the image again, or correct bucket and key in `spec.source.url`. The store's own listing shows what is there:
//! `aws s3 ls s3://BUCKET/PREFIX`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::inspect::facts::Access;

/// SRC-06.
pub const RULE: Rule = Rule {
    id: "SRC-06",
    name: "SourcePresent",
    code: "InvalidUrl",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("src_06_present.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "every rule has this signature")]
fn check(case: &Case) -> Judged {
    let source = &case.facts.source;
    Ok(match source.access {
        Access::Reached => Verdict::passed("the object exists"),
        Access::Forbidden => case.blocked_by("SourceReadable", "the store does not tell"),
        Access::Other => Verdict::missing("whether the object exists was not found out"),
        Access::NotFound => {
            let mut finding = Finding::new("the store has no such object").narrowed("ObjectNotFound");
            if let Some(http) = &source.http {
                finding.message = format!("{}: HTTP {} {}", finding.message, http.status, shown(&http.code));
                finding = finding.seen(
                    format!("HTTP {}, code {}, request {}", http.status, shown(&http.code), shown(&http.request_id)),
                    case.request.url.clone(),
                );
            }
            finding.fail(Grade::Breach)
        }
    })
}
