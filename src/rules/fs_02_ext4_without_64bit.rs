//! # What it checks
//! That no ext4 filesystem the guest mounts has the feature `64bit`.
//!
//! # Why
//! Alibaba Cloud does not support it since 2020-12. Its own tool says what follows: such a disk cannot be resized. Every
//! `mke2fs` since 1.43 sets the feature by default, so most images of recent systems have it.
//!
//! # How it is found
//! Bit 0x80 of `s_feature_incompat`, at byte 0x60 of the superblock, on each ext4 filesystem that `FileSystemAccepted`
//! judges. The feature list is shown as `tune2fs -l` prints it.
//!
//! # How to mend it
//! With the filesystem unmounted: `e2fsck -f DEVICE && resize2fs -s DEVICE`. Or waive the rule, if disks of this image will
//! not be resized.

use super::volumes::ext;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, fs_01_file_system_accepted as fs_01, shown};
use crate::inspect::facts::{ExtFeatures, Volume};

/// FS-02.
pub const RULE: Rule = Rule {
    id: "FS-02",
    name: "Ext4Without64Bit",
    code: "Ext4Feature64bit",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("fs_02_ext4_without_64bit.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    check_features(
        case,
        |f| f.incompat & ext::INCOMPAT_64BIT != 0,
        |name, at| {
            Finding::new(format!(
                "ext4 on {at} has the feature 64bit ({}); by the cloud's own tool its disk cannot be resized",
                case.cited()
            ))
            .remedy(format!("Unmounted: `e2fsck -f DEVICE && resize2fs -s DEVICE` ({name})."))
        },
    )
}

/// Judges the feature words of every ext4 filesystem that FS-01 judges.
pub fn check_features(case: &Case, bad: fn(&ExtFeatures) -> bool, found: impl Fn(&str, &str) -> Finding) -> Judged {
    let judged = fs_01::judged(case)?;
    let ext4: Vec<&(&Volume, &str)> = judged.iter().filter(|(v, _)| super::volumes::filesystem(v) == "ext4").collect();
    for (volume, at) in &ext4 {
        match &volume.ext {
            Some(features) if bad(features) => {
                return Ok(found(&volume.name, &shown(at))
                    .seen_at(names(features), format!("{} superblock", volume.name), 1024)
                    .fail(Grade::Breach));
            }
            Some(_) => {}
            None => return Ok(Verdict::missing(format!("the features of {} were not read", volume.name))),
        }
    }
    if let Some(volume) = fs_01::perhaps_mounted(case, &judged).filter(|v| v.ext.as_ref().is_some_and(bad)) {
        return Ok(Verdict::missing(format!(
            "whether the system mounts {} is not known: /etc/fstab was not read",
            volume.name
        )));
    }
    let verdict = match ext4.first() {
        None => return Ok(Verdict::not_applicable("no ext4 filesystem is mounted")),
        Some((volume, _)) => Finding::new("no such feature")
            .seen_at(volume.ext.as_ref().map(names).unwrap_or_default(), format!("{} superblock", volume.name), 1024)
            .pass(),
    };
    case.unless_truncated(&["volumes"], verdict)
}

/// Names of feature bits, as e2fsprogs spells them; empty where it knows none.
const COMPAT: &[(u32, &str)] = &[
    (0x1, "dir_prealloc"),
    (0x2, "imagic_inodes"),
    (0x4, "has_journal"),
    (0x8, "ext_attr"),
    (0x10, "resize_inode"),
    (0x20, "dir_index"),
    (0x40, "lazy_bg"),
    (0x80, "snapshot_bitmap"),
    (0x200, "sparse_super2"),
    (0x400, "fast_commit"),
    (0x800, "stable_inodes"),
    (0x1000, "orphan_file"),
];
const INCOMPAT: &[(u32, &str)] = &[
    (0x1, "compression"),
    (0x2, "filetype"),
    (0x4, "needs_recovery"),
    (0x8, "journal_dev"),
    (0x10, "meta_bg"),
    (0x40, "extent"),
    (0x80, "64bit"),
    (0x100, "mmp"),
    (0x200, "flex_bg"),
    (0x400, "ea_inode"),
    (0x1000, "dirdata"),
    (0x2000, "metadata_csum_seed"),
    (0x4000, "large_dir"),
    (0x8000, "inline_data"),
    (0x10000, "encrypt"),
    (0x20000, "casefold"),
];
const RO_COMPAT: &[(u32, &str)] = &[
    (0x1, "sparse_super"),
    (0x2, "large_file"),
    (0x4, "btree_dir"),
    (0x8, "huge_file"),
    (0x10, "uninit_bg"),
    (0x20, "dir_nlink"),
    (0x40, "extra_isize"),
    (0x80, "snapshot"),
    (0x100, "quota"),
    (0x200, "bigalloc"),
    (0x400, "metadata_csum"),
    (0x800, "replica"),
    (0x1000, "read-only"),
    (0x2000, "project"),
    (0x4000, "shared_blocks"),
    (0x8000, "verity"),
    (0x10000, "orphan_present"),
];

/// The feature list as `tune2fs -l` prints it.
pub fn names(features: &ExtFeatures) -> String {
    let word = |bits: u32, table: &[(u32, &'static str)], unknown: char| {
        (0..u32::BITS)
            .filter(move |i| bits & (1 << i) != 0)
            .map(|i| {
                let known = table.iter().find(|(bit, _)| *bit == 1 << i);
                known.map_or_else(|| format!("FEATURE_{unknown}{i}"), |(_, name)| (*name).to_owned())
            })
            .collect::<Vec<_>>()
    };
    let words = [
        word(features.compat, COMPAT, 'C'),
        word(features.incompat, INCOMPAT, 'I'),
        word(features.ro_compat, RO_COMPAT, 'R'),
    ];
    words.concat().join(" ")
}
