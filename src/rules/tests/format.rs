//! IMG-01, IMG-02, IMG-04, IMG-05, IMG-07.

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, SizeRange, Trouble, TroubleKind, UnsafeReference, Usage, VolumeClass};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Waived};
use crate::report::{Overall, judge};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, GIB, TENCENT, container, healthy, outcome, result, table, volume,
};

fn format(name: &'static str) -> impl Fn(&mut Facts, &mut Request) {
    move |facts, _| container(facts).format = name.into()
}

/// An object that is no image: nothing behind the container is known.
fn unopened(name: &'static str) -> impl Fn(&mut Facts, &mut Request) {
    move |facts, _| {
        let object = container(facts);
        object.format = name.into();
        object.virtual_size_bytes = None;
        facts.table = None;
        facts.volumes.clear();
        facts.guest = None;
    }
}

fn waive(rule: &str) -> crate::api::Waiver {
    crate::api::Waiver { rule: rule.into(), justification: "ticket 1".into(), expiration_time: None }
}

#[test]
fn each_cloud_has_its_own_formats() {
    for (name, tencent, a2020, a2018_12, a2018_06) in [
        ("RAW", Pass, Pass, Pass, Pass),
        ("VHD", Pass, Pass, Pass, Pass),
        ("QCOW2", Pass, Pass, Pass, NotApplicable),
        ("VMDK", Pass, Fail, Fail, Fail),
    ] {
        let found = [TENCENT, A2020, A2018_12, A2018_06].map(|p| outcome(p, "IMG-01", format(name)));
        assert_eq!(found, [tencent, a2020, a2018_12, a2018_06], "{name}");
    }
    for name in ["VHDX", "VDI", "gzip", "tar", "ISO", "word of a newer version"] {
        assert_eq!(outcome(TENCENT, "IMG-01", unopened(name)), Fail, "{name}");
    }
    assert_eq!(result(TENCENT, "IMG-01", unopened("gzip")).code, "InvalidFormatSize");
    assert_eq!(result(A2020, "IMG-01", unopened("gzip")).code, "ImageFormatNotSupported");
    let small = result(TENCENT, "IMG-01", |f, r| {
        unopened("data")(f, r);
        f.source.size_bytes = 40;
    });
    assert!(small.message.contains("the object is of 40 bytes, too small for a disk image"), "{}", small.message);
    assert!(result(A2020, "IMG-01", format("VMDK")).remedy.contains("qemu-img convert -p -O qcow2"));
    assert!(result(A2018_06, "IMG-01", format("VMDK")).remedy.contains("-O vpc"));
}

#[test]
fn a_damaged_container_fails_with_its_byte_and_cannot_be_waived() {
    let damaged = |facts: &mut Facts, request: &mut Request| {
        let trouble = Trouble { kind: TroubleKind::Corrupt, layer: "vhd".into(), at: Some(512), what: "no BAT".into() };
        unopened("VHD")(facts, request);
        container(facts).trouble = Some(trouble);
        request.waivers.push(waive("ImageFormatAccepted"));
    };
    let rule = result(TENCENT, "IMG-01", damaged);
    assert_eq!(rule.result, Fail);
    assert!(rule.message.contains("0x200"), "{}", rule.message);
    assert_eq!(outcome(TENCENT, "PAR-01", damaged), NotApplicable);
    assert_eq!(outcome(TENCENT, "IMG-07", damaged), NotApplicable);
}

#[test]
fn a_readable_image_of_another_format_can_be_waived_and_an_archive_cannot() {
    let with = |name: &'static str| {
        move |facts: &mut Facts, request: &mut Request| {
            format(name)(facts, request);
            request.waivers.push(waive("ImageFormatAccepted"));
        }
    };
    let rule = result(A2018_06, "IMG-01", with("VMDK"));
    assert_eq!(rule.result, Waived);
    assert!(rule.message.contains("ticket 1"));
    assert_eq!(outcome(TENCENT, "IMG-01", with("gzip")), Fail);
}

#[test]
fn an_image_that_is_only_recognised_leaves_its_contents_unknown() {
    for id in ["PAR-01", "PAR-02", "OS-01", "DRV-01", "SVC-01", "IMG-07"] {
        assert_eq!(outcome(TENCENT, id, unopened("VHDX")), Unknown, "{id}");
        assert_eq!(outcome(TENCENT, id, unopened("gzip")), NotApplicable, "{id}");
    }
}

#[test]
fn one_iso_fails_one_rule() {
    let failing = |profile: &str, change: &dyn Fn(&mut Facts, &mut Request)| {
        let (mut facts, mut request) = (healthy(), Request::default());
        change(&mut facts, &mut request);
        let spec = crate::profiles::get(profile).unwrap().spec;
        let report = judge(&facts, profile, &spec, &request);
        assert_eq!(report.verdict, Overall::NonCompliant);
        let judged =
            |r: &&crate::report::RuleResult| !matches!(r.result, Outcome::NotApplicable | Pass) && r.id != "SRC-09";
        report.rules.iter().filter(judged).map(|r| format!("{} {}", r.id, r.message)).collect::<Vec<_>>()
    };
    for profile in [TENCENT, A2018_12, A2018_06] {
        let rules = failing(profile, &unopened("ISO"));
        assert!(rules.len() == 1 && rules[0].starts_with("IMG-01 "), "{profile}: {rules:?}");
    }
    let rules = failing(A2020, &unopened("ISO"));
    assert!(rules.len() == 1 && rules[0].starts_with("IMG-02 "), "{rules:?}");

    let inside = |facts: &mut Facts, request: &mut Request| {
        unopened("QCOW2")(facts, request);
        container(facts).virtual_size_bytes = Some(40 << 30);
        container(facts).guest_format = Some("ISO".into());
        facts.table = Some(crate::inspect::facts::Fact::Known(crate::inspect::facts::PartitionTable::default()));
    };
    let rules = failing(A2020, &inside);
    assert!(rules.len() == 1 && rules[0].starts_with("IMG-02 "), "{rules:?}");
    let rules = failing(TENCENT, &inside);
    assert!(rules.len() == 1 && rules[0].starts_with("PAR-02 UploadedInstallationMedia"), "{rules:?}");
}

#[test]
fn an_image_inside_an_image_fails_as_no_disk_and_says_what_it_is() {
    let nested = |facts: &mut Facts, request: &mut Request| {
        unopened("QCOW2")(facts, request);
        container(facts).virtual_size_bytes = Some(40 << 30);
        container(facts).guest_format = Some("VDI".into());
        let none = crate::inspect::facts::Scheme::None;
        facts.table = Some(Fact::Known(crate::inspect::facts::PartitionTable { scheme: none, ..Default::default() }));
    };
    for profile in [A2020, TENCENT] {
        let rule = result(profile, "PAR-01", nested);
        assert_eq!(rule.result, Fail);
        assert!(
            rule.message.contains("the QCOW2 image holds no disk: within it is another image or file, VDI"),
            "{}",
            rule.message
        );
        assert_eq!(result(profile, "PAR-02", nested).result, Outcome::NotApplicable);
    }
    assert_eq!(result(A2020, "IMG-02", nested).result, Pass);
}

#[test]
fn a_file_that_only_looks_like_one_does_not_outweigh_a_filesystem() {
    let nested = |instead: Option<&'static str>, format: &'static str| {
        result(A2020, "PAR-01", |facts, request| {
            unopened("QCOW2")(facts, request);
            container(facts).virtual_size_bytes = Some(40 << 30);
            container(facts).guest_format = Some(format.into());
            let scheme = crate::inspect::facts::Scheme::None;
            let instead = instead.map(str::to_owned);
            facts.table =
                Some(Fact::Known(crate::inspect::facts::PartitionTable { scheme, instead, ..Default::default() }));
        })
    };
    for (instead, format, said) in [
        (None, "tar", "another image or file, tar"),
        (Some("ext4"), "tar", "begins at byte 0"),
        (Some("crypto_LUKS"), "LUKS", "another image or file, LUKS"),
    ] {
        let rule = nested(instead, format);
        assert!(rule.result == Fail && rule.message.contains(said), "{}", rule.message);
    }
    let luks = nested(None, "LUKS");
    assert!(luks.remedy.contains("Decrypt it first"), "{}", luks.remedy);
}

#[test]
fn an_encrypted_disk_is_decrypted_and_not_converted() {
    for profile in ALIBABA.into_iter().chain([TENCENT]) {
        let rule = result(profile, "IMG-01", unopened("LUKS"));
        assert!(
            rule.result == Fail && rule.remedy.contains("Decrypt it first, where the key is: cryptsetup"),
            "{rule:?}"
        );
    }
}

#[test]
fn an_iso_cannot_be_waived() {
    let rule = result(A2020, "IMG-02", |facts, request| {
        unopened("ISO")(facts, request);
        request.waivers.push(waive("NotIsoImage"));
    });
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "IsoImageNotSupported"));
    assert!(rule.remedy.contains("install the system on an empty disk"));
    assert_eq!(outcome(A2020, "IMG-02", |_, _| {}), Pass);
}

#[test]
fn a_wrong_declaration_fails_and_none_is_not_judged() {
    for profile in ALIBABA.into_iter().chain([TENCENT]) {
        assert_eq!(outcome(profile, "IMG-05", |_, _| {}), NotApplicable);
        assert_eq!(outcome(profile, "IMG-05", |_, r| r.format = Some("VHD".into())), Pass);
        let rule = result(profile, "IMG-05", |_, r| r.format = Some("QCOW2".into()));
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "DeclaredFormatMismatch"));
    }
}

#[test]
fn what_leads_outside_of_the_image_fails_and_is_never_followed() {
    let backing = |facts: &mut Facts, _: &mut Request| {
        container(facts).unsafe_references =
            vec![UnsafeReference { what: "backing file".into(), at: 0x68, value: "/etc/shadow\u{1b}[2J".into() }];
        facts.table = None;
        facts.volumes.clear();
        facts.guest = None;
    };
    for profile in ALIBABA.into_iter().chain([TENCENT]) {
        let rule = result(profile, "IMG-07", backing);
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "UnsafeImageReference"));
        assert_eq!(rule.evidence[0].offset, Some(0x68));
        assert!(!rule.evidence[0].what.contains('\u{1b}'));
        assert_eq!(outcome(profile, "PAR-02", backing), NotApplicable);
        let waived = outcome(profile, "IMG-07", |facts, request| {
            backing(facts, request);
            request.waivers.push(waive("ImageSelfContained"));
        });
        assert_eq!(waived, Fail, "no waiver lowers it");
        assert_eq!(outcome(profile, "IMG-07", |_, _| {}), Pass);
    }
    assert_eq!(outcome(TENCENT, "IMG-07", unopened("QED")), Fail);
}

#[test]
fn a_disk_that_is_mostly_empty_is_better_stored_compactly() {
    let plain = |format: &'static str, detail: &'static str, used: u64| {
        move |f: &mut Facts, _: &mut Request| {
            f.source.size_bytes = 40 * GIB;
            container(f).format = format.into();
            container(f).detail = detail.into();
            container(f).qcow2_bytes = Some(SizeRange { lower: 1 << 20, upper: 40 * GIB });
            let usage = Usage { total_bytes: 40 * GIB, free_bytes: 40 * GIB - used, free_inodes: None };
            f.volumes[0].usage = Some(Fact::Known(usage));
        }
    };
    for (profile, formats) in [(A2020, "QCOW2 or VHD"), (A2018_12, "QCOW2 or VHD"), (A2018_06, ": VHD would")] {
        for (format, detail) in [("RAW", ""), ("VHD", "fixed, made by \"win\"")] {
            assert_eq!(outcome(profile, "IMG-04", plain(format, detail, 20 * GIB)), Pass);
            let rule = result(profile, "IMG-04", plain(format, detail, 20 * GIB - 4096));
            assert_eq!((rule.result, rule.code.as_str()), (Advice, "PreferCompactFormat"));
            assert!(rule.message.contains(formats), "{}", rule.message);
        }
        for (format, detail) in [("VHD", "dynamic"), ("QCOW2", "version 3")] {
            assert_eq!(outcome(profile, "IMG-04", plain(format, detail, GIB)), Pass);
        }
    }
    let with = |class, gib: u64| {
        move |f: &mut Facts, r: &mut Request| {
            plain("RAW", "", 8 * GIB)(f, r);
            f.volumes.push(crate::inspect::facts::Volume { size_bytes: gib * GIB, ..volume(2, "", class) });
        }
    };
    assert_eq!(outcome(A2020, "IMG-04", with(VolumeClass::Encrypted, 30)), Unknown, "it may be full");
    assert_eq!(outcome(A2020, "IMG-04", with(VolumeClass::Swap, 4)), Advice, "even if it were full");
    assert_eq!(outcome(A2020, "IMG-04", with(VolumeClass::Empty, 30)), Advice);
    let without = |change: fn(&mut Facts)| {
        move |f: &mut Facts, r: &mut Request| {
            plain("RAW", "", 8 * GIB)(f, r);
            change(f);
        }
    };
    let unmeasured = without(|f| {
        f.volumes[0].size_bytes = 40 * GIB;
        f.volumes[0].usage = None;
    });
    assert_eq!(outcome(A2020, "IMG-04", without(|f| f.table = None)), Unknown);
    assert_eq!(outcome(A2020, "IMG-04", without(|f| f.volumes.clear())), Unknown);
    assert_eq!(outcome(A2020, "IMG-04", unmeasured), Unknown);
    assert_eq!(outcome(A2020, "IMG-04", without(|f| container(f).qcow2_bytes = None)), Unknown);
    assert_eq!(outcome(A2020, "IMG-04", unopened("gzip")), NotApplicable);
}

#[test]
fn logical_partitions_in_a_circle_are_told_and_refuse_nothing() {
    let circle = result(TENCENT, "PAR-01", |f, _| table(f).circle_bytes = Some(1 << 20));
    assert_eq!(circle.result, Advice, "{}", circle.message);
    assert!(circle.message.contains("in a circle"), "{}", circle.message);
}

#[test]
fn an_image_that_says_it_is_damaged_is_told_to_be_mended() {
    for profile in [TENCENT, A2020] {
        let rule = result(profile, "IMG-01", |f, _| container(f).marked_corrupt = true);
        assert_eq!(rule.result, Outcome::Warn, "{rule:?}");
        assert!(rule.remedy.contains("`qemu-img check -r all IMAGE`"), "{}", rule.remedy);
    }
}
