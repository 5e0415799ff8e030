//! # What it checks
//! That the image's region is the one of the OSS bucket.
//!
//! # Why
//! Alibaba Cloud's form takes as the image's region the one of the bucket that the file was uploaded to
//! (`InvalidOSSBucket.NotMatched`).
//!
//! # How it is found
//! The region in the name of the host, `spec.source.region`, or the one that the store names, against `spec.image.region`.
//! Where one of them is not to be had, nothing is said. It applies to objects of OSS, which are handed over as they are.
//!
//! # How to mend it
//! Set `spec.image.region` to the bucket's region, or copy the object to a bucket in the image's.

use super::{Case, Judged, Rule, Verifiable, cloud_store};

/// SRC-08.
pub const RULE: Rule = Rule {
    id: "SRC-08",
    name: "BucketRegionMatches",
    code: "BucketRegionMismatch",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("src_08_bucket_region.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    cloud_store::in_region_of_image(case, None, None)
}
