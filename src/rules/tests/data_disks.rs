//! SIZ-05, and the rules that look at each disk.

use crate::inspect::Facts;
use crate::inspect::facts::{Access, Holds, Missing, Scheme, TroubleKind, UnsafeReference};
use crate::profiles;
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Waived};
use crate::report::{Overall, RuleResult, judge, judge_disks};
use crate::rules::fixture::{
    A2018_06, A2020, ALIBABA, GIB, TENCENT, container, data_disk, healthy, outcome, result_with, table, trouble,
    troubled,
};
use crate::rules::{DataDisk, Request};

/// A rule of 2020-12 on a healthy system disk with one data disk.
fn with(id: &str, change: impl FnOnce(&mut DataDisk)) -> RuleResult {
    of(A2020, id, change)
}

fn of(profile: &str, id: &str, change: impl FnOnce(&mut DataDisk)) -> RuleResult {
    let mut disk = data_disk("data1");
    change(&mut disk);
    result_with(profile, id, &[disk], |_, _| {})
}

#[test]
fn a_data_disk_is_within_the_range_of_the_form_and_holds_its_image() {
    let gib = |bytes: u64| move |f: &mut Facts| container(f).virtual_size_bytes = Some(bytes);
    let rows: &[(u64, Option<i32>, Outcome, &str)] = &[
        (20 * GIB, None, Pass, "data disk of 20 GiB (the smallest that holds the image); the range is 5 to 2000 GiB"),
        (20 * GIB, Some(20), Pass, "20 GiB (asked for)"),
        (20 * GIB, Some(100), Pass, "100 GiB"),
        (20 * GIB, Some(2000), Pass, "2000 GiB"),
        (20 * GIB, Some(2001), Fail, "data disk of 2001 GiB (asked for); the range is 5 to 2000 GiB"),
        (GIB, None, Pass, "data disk of 5 GiB"),
        (GIB, Some(5), Pass, "5 GiB"),
        (GIB, Some(4), Fail, "data disk of 4 GiB"),
        (20 * GIB + 1, Some(20), Fail, "data disk 20 GiB (asked for)"),
        (20 * GIB + 1, None, Pass, "21 GiB"),
        (2000 * GIB, None, Pass, "2000 GiB"),
        (2000 * GIB + 1, None, Fail, "the largest data disk is 2000 GiB"),
        (2000 * GIB + 1, Some(2000), Fail, "the largest data disk is 2000 GiB"),
    ];
    for (bytes, asked, wanted, says) in rows {
        for profile in ALIBABA {
            let rule = of(profile, "SIZ-05", |disk| {
                gib(*bytes)(&mut disk.facts);
                disk.size_gib = *asked;
            });
            assert_eq!(rule.result, *wanted, "{bytes} {asked:?}: {}", rule.message);
            assert!(rule.message.starts_with("data disk `data1`: ") && rule.message.contains(says), "{}", rule.message);
            assert_eq!(rule.code, if *wanted == Pass { "Passed" } else { "DataDiskSizeOutOfRange" });
        }
    }
    let small = with("SIZ-05", |disk| disk.size_gib = Some(10));
    assert_eq!(small.remedy, "Set spec.dataDisks[].sizeGiB to at least 20.");
    assert_eq!(small.evidence[0].place, "VHD header of data disk `data1`");
}

#[test]
fn a_data_disk_s_size_that_is_not_known_is_unknown_and_one_that_is_wrong_anyway_fails() {
    assert_eq!(outcome(A2020, "SIZ-05", |_, _| {}), NotApplicable, "there is none");
    let unread = |kind| {
        move |disk: &mut DataDisk| {
            container(&mut disk.facts).virtual_size_bytes = None;
            container(&mut disk.facts).trouble = Some(troubled(kind));
        }
    };
    assert_eq!(with("SIZ-05", |disk| container(&mut disk.facts).virtual_size_bytes = None).result, Unknown);
    assert_eq!(with("SIZ-05", unread(TroubleKind::Unsupported)).result, Unknown);
    assert_eq!(with("SIZ-05", unread(TroubleKind::Limit)).code, "LimitExceeded");
    assert_eq!(with("SIZ-05", unread(TroubleKind::Corrupt)).result, NotApplicable, "IMG-01 says it");
    assert_eq!(with("IMG-01", unread(TroubleKind::Corrupt)).result, Fail);
    assert_eq!(with("SIZ-05", |disk| disk.facts = Facts::default()).result, Unknown);
    let wrong = with("SIZ-05", |disk| {
        disk.facts = Facts::default();
        disk.size_gib = Some(4);
    });
    assert_eq!(wrong.result, Fail, "whatever the image is");
}

#[test]
fn an_operating_system_on_a_data_disk_is_told() {
    let on_it = |disk: &mut DataDisk| disk.facts.volumes[0].holds = Holds::System;
    let rule = with("SIZ-05", on_it);
    assert_eq!((rule.result, rule.code.as_str()), (Advice, "Passed"));
    assert!(rule.message.contains("there is an operating system on p1"), "{}", rule.message);
    let rule = with("SIZ-05", |disk| disk.facts = healthy());
    assert_eq!(rule.result, Advice);
    let both = with("SIZ-05", |disk| {
        on_it(disk);
        disk.size_gib = Some(10);
    });
    assert!(both.result == Fail && both.message.contains("operating system"), "{}", both.message);
}

#[test]
fn several_data_disks_are_told_by_their_names() {
    let disk = |name: &str, gib| DataDisk { size_gib: Some(gib), ..data_disk(name) };
    let disks = [disk("logs", 20), disk("db", 10), disk("home", 3000)];
    let rule = result_with(A2020, "SIZ-05", &disks, |_, _| {});
    assert_eq!(rule.result, Fail);
    assert!(rule.message.starts_with("data disk `db`: virtual size 20 GiB"), "{}", rule.message);
    assert!(rule.message.contains("; data disk `home`: data disk of 3000 GiB"), "{}", rule.message);
    assert!(!rule.message.contains("logs"), "{}", rule.message);
    assert!(rule.remedy.contains("at least 20"), "of the first: {}", rule.remedy);
}

/// Each rule on objects and containers, by what is wrong with the data disk alone.
#[test]
fn what_is_wrong_with_the_object_of_a_data_disk_is_said_of_it() {
    type Row = (&'static str, &'static str, fn(&mut DataDisk), Outcome, &'static str);
    let rows: &[Row] = &[
        (TENCENT, "SRC-02", |d| d.facts.source.access = Access::Forbidden, Fail, "refuses"),
        (TENCENT, "SRC-06", |d| d.facts.source.access = Access::NotFound, Fail, "no such object"),
        (
            A2020,
            "SRC-10",
            |d| container(&mut d.facts).missing = Some(Missing { what: "footer".into(), at: 1, ends_at: 2 }),
            Fail,
            "ends at byte 2",
        ),
        (A2020, "IMG-01", |d| container(&mut d.facts).format = "VMDK".into(), Fail, "the object is VMDK"),
        (A2020, "IMG-02", |d| container(&mut d.facts).format = "ISO".into(), Fail, "ISO image"),
        (A2018_06, "IMG-03", |d| container(&mut d.facts).format = "QCOW2".into(), Fail, "ticket"),
        (
            A2020,
            "IMG-04",
            |d| {
                container(&mut d.facts).format = "RAW".into();
                d.facts.source.size_bytes = 20 * GIB;
            },
            Advice,
            "would be smaller",
        ),
        (A2020, "IMG-05", |d| d.format = Some("RAW".into()), Fail, "declared as \"RAW\", found VHD"),
        (
            A2020,
            "IMG-07",
            |d| {
                container(&mut d.facts).unsafe_references =
                    vec![UnsafeReference { what: "backing file".into(), at: 8, value: "/etc/shadow".into() }];
            },
            Fail,
            "backing file",
        ),
        (
            TENCENT,
            "SIZ-02",
            |d| {
                container(&mut d.facts).format = "QCOW2".into();
                d.facts.source.size_bytes = 51 * GIB;
            },
            Fail,
            "the limit is 50 GiB",
        ),
        (A2020, "FRM-03", |d| d.url = "s3://images/".into(), Fail, "no object in it"),
    ];
    for (profile, id, change, wanted, says) in rows {
        let rule = of(profile, id, change);
        assert_eq!(rule.result, *wanted, "{id}: {}", rule.message);
        assert!(rule.message.starts_with("data disk `data1`: ") && rule.message.contains(says), "{}", rule.message);
        assert!(rule.evidence.iter().all(|e| e.place.ends_with(" of data disk `data1`")), "{:?}", rule.evidence);
        assert!(!rule.remedy.contains("spec.source."), "{}", rule.remedy);
        let whole = of(profile, id, |_| {});
        assert!(matches!(whole.result, Pass | NotApplicable | Advice), "{id}: {}", whole.message);
    }
    let declared = with("IMG-05", |disk| disk.format = Some("RAW".into()));
    assert_eq!(declared.remedy, "Set spec.dataDisks[].source.format to VHD, or leave it out.");
}

#[test]
fn other_rules_look_at_the_system_disk_alone() {
    let mut bare = data_disk("data1");
    // A filesystem on the whole disk.
    table(&mut bare.facts).scheme = Scheme::None;
    table(&mut bare.facts).partitions.clear();
    bare.facts.boot_modes = None;
    for profile in profiles::built_in() {
        let name = profile.metadata.name.clone().unwrap();
        let alone = judge(&healthy(), &name, &profile.spec, &Request::default());
        let both = judge_disks(&healthy(), std::slice::from_ref(&bare), &name, &profile.spec, &Request::default());
        assert_eq!(both.verdict, Overall::Compliant, "{name}");
        for (alone, both) in alone.rules.iter().zip(&both.rules) {
            let asked_of_data_disks = matches!(alone.id.as_str(), "SIZ-05" | "FRM-03");
            let wanted = if asked_of_data_disks { (NotApplicable, Pass) } else { (alone.result, alone.result) };
            assert_eq!((alone.result, both.result), wanted, "{name}: {both:?}");
        }
    }
}

/// What another rule says of a system disk has to be decided of a data disk, which that rule does not look at.
#[test]
fn a_data_disk_is_not_passed_for_a_rule_that_does_not_look_at_it() {
    let damaged = with("SRC-10", |disk| disk.facts.table = Some(trouble(TroubleKind::Corrupt)));
    assert_eq!(damaged.result, Unknown);
    assert!(damaged.message.contains("data disk `data1`: the partition table is damaged"), "{}", damaged.message);
    let inside = |disk: &mut DataDisk| container(&mut disk.facts).guest_format = Some("ISO".into());
    assert_eq!(of(A2018_06, "SRC-10", inside).result, Unknown);
    let iso = with("IMG-02", inside);
    assert!(iso.result == Fail && !iso.remedy.contains("install the system"), "{}", iso.remedy);
    let ticket = |disk: &mut DataDisk| container(&mut disk.facts).format = "QCOW2".into();
    assert_eq!(of(A2018_06, "IMG-01", ticket).result, Pass, "IMG-03 says it");
    for access in [Access::NotFound, Access::Forbidden] {
        let rule = with("IMG-01", |disk| {
            disk.facts = Facts::default();
            disk.facts.source.access = access;
        });
        assert_eq!(rule.result, Unknown, "{}", rule.message);
    }
}

#[test]
fn a_waiver_lowers_the_failure_of_each_disk_and_no_damage() {
    use crate::api::Waiver;
    let waived = |id: &str, rule: &str, both: bool, change: fn(&mut Facts)| {
        let mut disk = data_disk("data1");
        change(&mut disk.facts);
        result_with(A2020, id, &[disk], |f, r| {
            if both {
                change(f);
            }
            r.waivers =
                vec![Waiver { rule: rule.into(), justification: "tested by hand".into(), expiration_time: None }];
        })
    };
    let vmdk: fn(&mut Facts) = |f| container(f).format = "VMDK".into();
    let one = waived("IMG-01", "ImageFormatAccepted", false, vmdk);
    assert_eq!((one.result, one.code.as_str()), (Waived, "ImageFormatNotSupported"));
    assert!(one.message.starts_with("data disk `data1`: waived (tested by hand): "), "{}", one.message);
    let both = waived("IMG-01", "ImageFormatAccepted", true, vmdk);
    assert!(both.result == Waived && both.message.starts_with("system disk: waived"), "{}", both.message);
    assert!(both.message.contains("; data disk `data1`: waived"), "{}", both.message);
    let damaged: fn(&mut Facts) = |f| container(f).trouble = Some(troubled(TroubleKind::Corrupt));
    assert_eq!(waived("IMG-01", "ImageFormatAccepted", false, damaged).result, Fail);
}

#[test]
fn whom_a_rule_is_for_is_decided_by_the_system_disk() {
    use crate::api::Guests;
    let mut disk = data_disk("data1");
    crate::rules::fixture::windows(&mut disk.facts);
    disk.format = Some("RAW".into());
    let mut spec = profiles::get(A2020).unwrap().spec;
    for (guests, wanted) in [(Guests::All, Fail), (Guests::Linux, Fail), (Guests::Windows, NotApplicable)] {
        spec.rules.iter_mut().find(|rule| rule.name == "DeclaredFormatMatches").unwrap().guests = guests;
        let report = judge_disks(&healthy(), std::slice::from_ref(&disk), A2020, &spec, &Request::default());
        assert_eq!(report.rules.iter().find(|rule| rule.id == "IMG-05").unwrap().result, wanted, "{guests:?}");
    }
}
