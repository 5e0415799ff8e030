//! # What it checks
//! That no ext4 filesystem the guest mounts has the features `project` and `quota` together.
//!
//! # Why
//! Alibaba Cloud does not support the pair since 2020-12; either alone is fine.
//!
//! # How it is found
//! Bits 0x2000 and 0x100 of `s_feature_ro_compat`, at byte 0x64 of the superblock, on each ext4 filesystem that
//! `FileSystemAccepted` judges.
//!
//! # How to mend it
//! With the filesystem unmounted: `tune2fs -O ^project,^quota DEVICE && e2fsck -f DEVICE`.

use super::fs_02_ext4_without_64bit::check_features;
use super::volumes::ext;
use super::{Case, Finding, Judged, Rule, Verifiable};

/// FS-03.
pub const RULE: Rule = Rule {
    id: "FS-03",
    name: "Ext4WithoutProjectQuota",
    code: "Ext4ProjectAndQuota",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("fs_03_ext4_without_project_quota.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    const BOTH: u32 = ext::RO_COMPAT_PROJECT | ext::RO_COMPAT_QUOTA;
    check_features(
        case,
        |f| f.ro_compat & BOTH == BOTH,
        |name, at| {
            Finding::new(format!("ext4 on {at} has the features project and quota together ({})", case.cited()))
                .remedy(format!("Unmounted: `tune2fs -O ^project,^quota DEVICE && e2fsck -f DEVICE` ({name})."))
        },
    )
}
