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

/// Domains of Tencent Cloud COS, and of Alibaba Cloud OSS (the stores' own pages on domain names).
const COS: &[&str] = &[".myqcloud.com", ".tencentcos.cn", ".tencentcos.com"];
const OSS: &str = ".aliyuncs.com";

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let url = case.request.url.as_str();
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok(Verdict::not_applicable("a file of this machine, no address of an object"));
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (bucket, key) = match scheme.to_ascii_lowercase().as_str() {
        "file" => return Ok(Verdict::not_applicable("a file of this machine, no address of an object")),
        "http" | "https" => match on_the_web(authority, path) {
            Some(named) => named,
            None => return Ok(Verdict::not_applicable("a web server: nothing says which bucket the address means")),
        },
        _ => (authority.to_owned(), path),
    };
    let wrong = match () {
        () if bucket.is_empty() => Some("names neither bucket nor key".to_owned()),
        () if key.is_empty() => Some(format!("names the bucket {} and no object in it", shown(&bucket))),
        () if key.ends_with('/') => Some(format!("names the folder {} and no object in it", shown(key))),
        () => None,
    };
    let Some(wrong) = wrong else {
        return Ok(Finding::new(format!("bucket {}, key {}", shown(&bucket), shown(key)))
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

/// Bucket and key of an address on a host of COS or OSS; `None` on any other.
fn on_the_web<'a>(authority: &str, path: &'a str) -> Option<(String, &'a str)> {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match before_the_store(&host)? {
        "" => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            Some((bucket.to_owned(), key))
        }
        bucket => Some((bucket.to_owned(), path)),
    }
}

/// What stands in a host's name before the store's own: the bucket, or nothing. `None`: no host of COS or OSS.
fn before_the_store(host: &str) -> Option<&str> {
    if let Some(rest) = COS.iter().find_map(|domain| host.strip_suffix(domain)) {
        let (front, _region) = rest.rsplit_once('.')?;
        let (bucket, store) = front.rsplit_once('.').unwrap_or(("", front));
        return matches!(store, "cos" | "cos-internal").then_some(bucket);
    }
    let rest = host.strip_suffix(OSS)?;
    let (bucket, store) = rest.rsplit_once('.').unwrap_or(("", rest));
    store.starts_with("oss-").then_some(bucket)
}
