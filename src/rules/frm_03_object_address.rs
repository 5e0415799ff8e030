//! # What it checks
//! That the address is one of an object: that it names a bucket and a key.
//!
//! # Why
//! Both clouds' forms ask for the address that their store's console shows for the uploaded file. An address of a bucket,
//! of a folder, or of the store alone leads to no image (`InvalidOSSObject.Malformed`, `InvalidUrl`).
//!
//! # How it is found
//! In `s3://bucket/key` both are written out. Of an `https://` address on a host of COS (`bucket.cos.REGION.myqcloud.com`)
//! or OSS (`bucket.oss-REGION.aliyuncs.com`) the bucket is what stands before the store's own name, else the first part of
//! the path; the key is the rest of the path. On every other web server nothing says what of an address is a bucket: the
//! rule does not apply there, nor to a file.
//!
//! # How to mend it
//! Copy the address of the object, not of its folder or bucket, from the store's console. The address of an `ImageImport`
//! never changes: create a new one.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::source::cloud::object;

/// FRM-03.
pub const RULE: Rule = Rule {
    id: "FRM-03",
    name: "ObjectAddressComplete",
    code: "ObjectAddressField",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("frm_03_object_address.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let url = case.request.url.as_str();
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok(Verdict::not_applicable("a file of this machine, no address of an object"));
    };
    let scheme = scheme.to_ascii_lowercase();
    let (bucket, key, region) = match (scheme.as_str(), object(url)) {
        ("file", _) => return Ok(Verdict::not_applicable("a file of this machine, no address of an object")),
        (_, Some(found)) => (found.bucket, found.key, found.region),
        ("http" | "https", None) => {
            return Ok(Verdict::not_applicable("a web server: nothing says which bucket the address means"));
        }
        (_, None) => {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            (bucket.to_owned(), key.to_owned(), None)
        }
    };
    let region = region.or_else(|| case.request.bucket_region.clone());
    let wrong = match () {
        () if bucket.is_empty() => Some("names neither bucket nor key".to_owned()),
        () if key.is_empty() => Some(format!("names the bucket {} and no object in it", shown(&bucket))),
        () if key.ends_with('/') => Some(format!("names the folder {} and no object in it", shown(&key))),
        () => None,
    };
    let Some(wrong) = wrong else {
        let region = region.map(|region| format!(", region {}", shown(&region))).unwrap_or_default();
        return Ok(Finding::new(format!("bucket {}{region}, key {}", shown(&bucket), shown(&key)))
            .seen(shown(url), "spec.source.url")
            .pass());
    };
    Ok(Finding::new(format!("the address {wrong}: there is no image for the cloud to read ({})", case.cited()))
        .seen(shown(url), "spec.source.url")
        .remedy(
            "Create an ImageImport whose spec.source.url is the address of the object, as the store's console shows it.",
        )
        .fail(Grade::Breach))
}
