//! # What it checks
//! That the bucket is in the region in which the image shall be.
//!
//! # Why
//! Tencent Cloud's import reads COS by the internal network of the region: a link of another region is `InvalidUrl`.
//!
//! # How it is found
//! The region in the name of the host, `spec.source.region`, or the one that the store names, against `spec.image.region`.
//! Where one of them is not to be had, nothing is said. It applies to objects of COS, which are handed over as they are.
//!
//! # How to mend it
//! Copy the object to a bucket in the image's region, or import the image where the bucket is.

use super::{Case, Judged, Rule, Verifiable, cloud_store};

/// SRC-05.
pub const RULE: Rule = Rule {
    id: "SRC-05",
    name: "SourceInImageRegion",
    code: "InvalidUrl",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("src_05_same_region.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    cloud_store::in_region_of_image(case, Some("OtherRegion"), None)
}
