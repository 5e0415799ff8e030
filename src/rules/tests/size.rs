//! SIZ-01, SIZ-03, SIZ-04.

use crate::report::Outcome::{Fail, Pass, Warn};
use crate::rules::fixture::{A2018_06, A2018_12, A2020, ALIBABA, GIB, TENCENT, container, outcome, result};

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
