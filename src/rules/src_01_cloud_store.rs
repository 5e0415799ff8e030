//! # What it checks
//! That the address leads into the object store of the cloud that imports the image.
//!
//! # Why
//! Tencent Cloud takes links of its own COS and calls any other `InvalidUrl`; Alibaba Cloud's form asks for the address that
//! the console of OSS shows.
//!
//! # How it is found
//! By the scheme (`cos://`, `oss://`), the name of the host, or headers that only these stores send (`x-cos-request-id`,
//! `x-oss-request-id`), for a domain of one's own. Nothing else is handed to a cloud as it is: there the rule does not apply.
//!
//! # How to mend it
//! Upload the image to a bucket of the cloud that imports it, and create an ImageImport of that object.

use super::{Case, Finding, Grade, Judged, Rule, Verifiable, cloud_store, shown};
use crate::source::cloud::Cloud;

/// SRC-01.
pub const RULE: Rule = Rule {
    id: "SRC-01",
    name: "SourceInCloudStore",
    code: "ObjectAddressNotOss",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("src_01_cloud_store.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let (wanted, found) = (cloud_store::wanted(case)?, cloud_store::cloud(case)?);
    let finding =
        Finding::new(format!("the object is in {}", found.name())).seen(shown(&case.request.url), "spec.source.url");
    if found == wanted {
        return Ok(finding.pass());
    }
    let message = format!("the object is in {}, and the image is imported from {}", found.name(), wanted.name());
    let sub = (wanted == Cloud::Cos).then_some("NotCosObject");
    Ok(Finding { message, sub, ..finding }.fail(Grade::Breach))
}
