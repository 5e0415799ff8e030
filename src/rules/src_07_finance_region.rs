//! # What it checks
//! That an image for one of the finance regions comes from a bucket of that region.
//!
//! # Why
//! Tencent Cloud's finance regions of Shanghai and Shenzhen import nothing from the COS of other regions.
//!
//! # How it is found
//! `spec.image.region` is `ap-shanghai-fsi` or `ap-shenzhen-fsi`, and the bucket is in another region, as
//! SourceInImageRegion finds it.
//!
//! # How to mend it
//! Copy the object to a bucket in the finance region.

use super::{Case, Judged, Rule, Verifiable, cloud_store};

/// SRC-07.
pub const RULE: Rule = Rule {
    id: "SRC-07",
    name: "FinanceRegionKept",
    code: "FinanceRegionCrossImport",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("src_07_finance_region.rs"),
    check,
};

/// The cloud's own identifiers; its document has the regions by name.
const FINANCE: &[&str] = &["ap-shanghai-fsi", "ap-shenzhen-fsi"];

fn check(case: &Case) -> Judged {
    cloud_store::in_region_of_image(case, None, Some(FINANCE))
}
