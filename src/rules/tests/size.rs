//! SIZ-01, SIZ-02, SIZ-03, SIZ-04.

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, SizeRange, TroubleKind, Usage};
use crate::report::Outcome::{self, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, GIB, TENCENT, container, outcome, result, table, trouble,
};

/// 50 GB, which is less than 50 GiB.
const GB50: u64 = 50_000_000_000;

/// An image of that size, and the bounds of its size as QCOW2.
fn sized(format: &'static str, object: u64, lower: u64, upper: u64) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        f.source.size_bytes = object;
        container(f).format = format.into();
        container(f).virtual_size_bytes = Some(100 * GIB);
        container(f).qcow2_bytes = Some(SizeRange { lower, upper });
    }
}

#[test]
fn the_size_of_a_qcow2_is_its_own_and_that_of_others_is_counted() {
    let rows: &[(&'static str, u64, u64, u64, Outcome)] = &[
        ("QCOW2", GB50, GB50, GB50, Pass),
        ("QCOW2", GB50 + 1, 1, 1, Warn),
        ("QCOW2", 50 * GIB, 1, 1, Warn),
        ("QCOW2", 50 * GIB + 1, 1, 1, Fail),
        // Compressed: only a conversion would make it too large.
        ("QCOW2", 20 * GIB, 60 * GIB, 60 * GIB, Warn),
        ("QCOW2", 20 * GIB, 30 * GIB, 60 * GIB, Warn),
        // The object's own size does not count.
        ("VHD", 80 * GIB, GB50, GB50, Pass),
        ("VHD", 20 * GIB, 50 * GIB, 50 * GIB, Warn),
        ("VHD", 20 * GIB, 50 * GIB + 1, 50 * GIB + 1, Fail),
        ("VMDK", 20 * GIB, 51 * GIB, 70 * GIB, Fail),
        ("VMDK", 20 * GIB, 40 * GIB, 70 * GIB, Warn),
        ("RAW", 100 * GIB, 1 << 20, 100 * GIB, Warn),
        ("RAW", 40 * GIB, 1 << 20, 40 * GIB, Pass),
    ];
    for (format, object, lower, upper, wanted) in rows {
        let rule = result(TENCENT, "SIZ-02", sized(format, *object, *lower, *upper));
        assert_eq!(rule.result, *wanted, "{format} {object} {lower} {upper}: {}", rule.message);
        assert_eq!(rule.code, if *wanted == Pass { "Passed" } else { "InvalidFormatSize" });
        assert!(rule.message.contains("50 GiB"), "{}", rule.message);
        if *wanted != Pass {
            assert!(rule.message.starts_with("ActualSize: "), "{}", rule.message);
            assert!(rule.remedy.contains("offline instance"), "{}", rule.remedy);
        }
    }
}

#[test]
fn what_the_filesystems_use_is_told_and_fails_nothing() {
    let using = |used: u64| {
        move |f: &mut Facts, r: &mut Request| {
            sized("RAW", 100 * GIB, 1 << 20, 100 * GIB)(f, r);
            let usage = Usage { total_bytes: 100 * GIB, free_bytes: 100 * GIB - used, free_inodes: None };
            f.volumes[0].usage = Some(Fact::Known(usage));
        }
    };
    let most = result(TENCENT, "SIZ-02", using(50 * GIB));
    assert!(most.result == Warn && most.message.contains("the filesystems use 50 GiB"), "{}", most.message);
    assert_eq!(outcome(TENCENT, "SIZ-02", using(90 * GIB)), Warn, "blocks of zeros count as used");
    let overlapping = outcome(TENCENT, "SIZ-02", |f, r| {
        using(60 * GIB)(f, r);
        table(f).overlaps = vec![[1, 2]];
    });
    assert_eq!(overlapping, Warn, "it may have been counted twice");
    let exact = outcome(TENCENT, "SIZ-02", |f, r| {
        using(60 * GIB)(f, r);
        container(f).qcow2_bytes = Some(SizeRange { lower: 30 * GIB, upper: 30 * GIB });
    });
    assert_eq!(exact, Pass, "the tables know better");
}

#[test]
fn an_actual_size_that_was_not_found_out_is_unknown() {
    for format in ["QCOW2", "VHD", "RAW", "VMDK"] {
        let unmeasured = |f: &mut Facts, _: &mut Request| {
            container(f).format = format.into();
            container(f).qcow2_bytes = None;
        };
        assert_eq!(outcome(TENCENT, "SIZ-02", unmeasured), Unknown, "{format}");
    }
    assert_eq!(outcome(TENCENT, "SIZ-02", |f, _| container(f).format = "gzip".into()), NotApplicable);
    let unopened = |kind| {
        move |f: &mut Facts, _: &mut Request| {
            container(f).format = "QCOW2".into();
            container(f).trouble = match trouble::<()>(kind) {
                Fact::Unreadable(trouble) => Some(trouble),
                Fact::Known(()) => None,
            };
        }
    };
    assert_eq!(outcome(TENCENT, "SIZ-02", unopened(TroubleKind::Unsupported)), Unknown);
    assert_eq!(outcome(TENCENT, "SIZ-02", unopened(TroubleKind::Corrupt)), NotApplicable);
}

#[test]
fn virtual_size_fails_beyond_gib_and_warns_between_gb_and_gib() {
    for (bytes, wanted) in [
        (40 * GIB, Pass),
        (500_000_000_000, Pass),
        (500_000_000_001, Warn),
        (500 * GIB, Warn),
        (500 * GIB + 1, Fail),
        (2048 * GIB, Fail),
    ] {
        let rule = result(TENCENT, "SIZ-01", |f, _| container(f).virtual_size_bytes = Some(bytes));
        assert_eq!(rule.result, wanted, "{bytes}");
        assert_eq!(rule.code, if wanted == Pass { "Passed" } else { "InvalidFormatSize" });
        assert!(rule.message.contains(&bytes.to_string()));
    }
    let message = |bytes| result(TENCENT, "SIZ-01", |f, _| container(f).virtual_size_bytes = Some(bytes)).message;
    assert!(message(500 * GIB + 512).ends_with("the limit is 500 GiB, this is 512 bytes more"));
    assert!(message(501 * GIB).ends_with("the limit is 500 GiB, this is 1 GiB (1073741824 bytes) more"));
    assert!(message(500 * GIB).ends_with("the limit is 500 GiB"));
}

#[test]
fn the_system_disk_is_within_the_range_of_the_form() {
    for (asked, a2020, a2018) in
        [(39, Fail, Fail), (40, Pass, Pass), (465, Pass, Pass), (466, Pass, Warn), (500, Pass, Warn), (501, Fail, Fail)]
    {
        assert_eq!(outcome(A2020, "SIZ-03", |_, r| r.system_disk_size_gib = Some(asked)), a2020, "{asked}");
        for profile in [A2018_12, A2018_06] {
            assert_eq!(outcome(profile, "SIZ-03", |_, r| r.system_disk_size_gib = Some(asked)), a2018, "{asked}");
        }
    }
    let default = result(A2020, "SIZ-03", |f, _| container(f).virtual_size_bytes = Some(4 * GIB));
    assert!(default.result == Pass && default.message.contains("40 GiB"), "{}", default.message);
    assert_eq!(outcome(A2020, "SIZ-03", |f, _| container(f).virtual_size_bytes = Some(2048 * GIB)), Fail);
}

#[test]
fn the_system_disk_holds_the_virtual_size_not_the_usage() {
    for profile in ALIBABA {
        assert_eq!(outcome(profile, "SIZ-04", |_, _| {}), Pass);
        let small = result(profile, "SIZ-04", |f, r| {
            container(f).virtual_size_bytes = Some(60 * GIB + 1);
            r.system_disk_size_gib = Some(60);
        });
        assert_eq!((small.result, small.code.as_str()), (Fail, "SystemDiskSmallerThanImage"));
        assert!(small.remedy.contains("at least 61"), "{}", small.remedy);
        assert_eq!(outcome(profile, "SIZ-04", |f, _| container(f).virtual_size_bytes = Some(500 * GIB)), Pass);
        let huge = result(profile, "SIZ-04", |f, _| container(f).virtual_size_bytes = Some(2048 * GIB));
        assert!(huge.result == Fail && huge.message.contains("largest"), "{}", huge.message);
    }
}
