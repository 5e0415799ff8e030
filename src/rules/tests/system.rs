//! OS-01, OS-08.

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, ReleasePackage, TroubleKind, VolumeClass};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, TENCENT, guest, outcome, packages, release, result, trouble, volume,
};

fn system(id: &'static str, version: &'static str, like: &'static [&'static str]) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| guest(f).release = Some(Fact::Known(release(id, version, like)))
}

/// Columns: Tencent, 2020-12, both of 2018.
#[test]
fn systems_are_judged_by_each_document_s_list() {
    const RHEL: &[&str] = &["rhel", "centos", "fedora"];
    type Row = (&'static str, &'static str, &'static [&'static str], Outcome, Outcome, Outcome);
    let rows: &[Row] = &[
        ("debian", "12", &[], Pass, Fail, Fail),
        ("debian", "10", &[], Pass, Pass, Fail),
        ("debian", "7", &[], Pass, Pass, Pass),
        ("debian", "", &[], Pass, Unknown, Unknown),
        ("centos", "8", RHEL, Pass, Pass, Fail),
        ("centos", "7", RHEL, Pass, Pass, Pass),
        ("centos", "9", RHEL, Pass, Fail, Fail),
        ("ubuntu", "20.04", &["debian"], Pass, Pass, Fail),
        ("ubuntu", "14.04", &["debian"], Pass, Pass, Pass),
        ("ubuntu", "22.04", &["debian"], Pass, Fail, Fail),
        ("opensuse-leap", "15.5", &["suse", "opensuse"], Pass, Pass, Fail),
        ("opensuse", "13.1", &["suse"], Pass, Pass, Pass),
        ("opensuse", "13.2", &["suse"], Pass, Pass, Fail),
        ("opensuse", "42.3", &["suse"], Pass, Pass, Fail),
        ("sles", "15.4", &["suse"], Pass, Pass, Fail),
        ("sles_sap", "12.5", &["suse"], Pass, Pass, Pass),
        ("rhel", "9.2", &["fedora"], Fail, Pass, Pass),
        ("alinux", "3", &["rhel", "fedora"], Fail, Pass, Pass),
        ("alinux", "3", &["rhel", "fedora", "centos", "anolis"], Fail, Pass, Pass),
        ("freebsd", "13.2", &[], Fail, Pass, Pass),
        ("coreos", "681.2.0", &[], Pass, Pass, Pass),
        ("coreos", "681.1.9", &[], Pass, Fail, Fail),
        ("coreos", "1068.0.0", &[], Pass, Pass, Pass),
        ("flatcar", "3510.2.0", &["coreos"], Advice, Advice, Advice),
        ("rocky", "8.10", RHEL, Advice, Fail, Fail),
        ("linuxmint", "21", &["ubuntu", "debian"], Advice, Fail, Fail),
        ("fedora", "40", &[], Fail, Fail, Fail),
    ];
    for (id, version, like, tencent, a2020, a2018) in rows {
        let found = |profile| outcome(profile, "OS-01", system(id, version, like));
        assert_eq!(found(TENCENT), *tencent, "{id} {version} in tencent-cvm");
        assert_eq!(found(A2020), *a2020, "{id} {version} in 2020-12");
        assert_eq!(found(A2018_12), *a2018, "{id} {version} in 2018-12");
        assert_eq!(found(A2018_06), *a2018, "{id} {version} in 2018-06");
    }
}

/// Columns: `ID`, `VERSION_ID`, manager, its release packages, and what is made of it: Tencent, 2020-12.
#[test]
fn the_release_file_is_held_against_the_package_database() {
    type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], Outcome, Outcome);
    let rows: &[Row] = &[
        ("debian", "7", "dpkg", &[("base-files", "7.1wheezy11")], Pass, Pass),
        ("debian", "10", "dpkg", &[("base-files", "10.3+deb10u13")], Pass, Pass),
        ("debian", "10", "dpkg", &[("base-files", "12.4+deb12u5")], Pass, Warn),
        ("debian", "10", "dpkg", &[("base-files", "24.2.1-10.3+deb10u13-buster")], Pass, Pass),
        ("debian", "10", "dpkg", &[("base-files", "11ubuntu5.8")], Warn, Warn),
        ("debian", "10", "dpkg", &[], Pass, Pass),
        ("debian", "10", "", &[], Pass, Pass),
        ("ubuntu", "20.04", "dpkg", &[("base-files", "11ubuntu5.8")], Pass, Pass),
        ("ubuntu", "20.04", "dpkg", &[("base-files", "12.4+deb12u5")], Warn, Warn),
        ("centos", "7", "rpm", &[("centos-release", "7-9.2009.1.el7.centos"), ("epel-release", "7-14")], Pass, Pass),
        ("centos", "5", "rpm", &[("centos-release", "10:5-11.el5.centos")], Pass, Pass),
        ("centos", "8", "rpm", &[("centos-stream-release", "8.6-1.el8")], Pass, Pass),
        ("centos", "8", "rpm", &[("centos-linux-release", "8.5-1.2111.el8")], Pass, Pass),
        ("centos", "8", "rpm", &[("rocky-release", "8.9-1.6.el8")], Warn, Warn),
        ("centos", "7", "rpm", &[("centos-release", "6-10.el6.centos.12.3")], Pass, Warn),
        ("centos", "7", "rpm", &[("redhat-release-server", "7.9-8.el7"), ("centos-release", "7-9.2009")], Pass, Pass),
        ("centos", "7", "rpm", &[("epel-release", "9-4")], Pass, Pass),
        ("rhel", "7.9", "rpm", &[("redhat-release-5Server", "5.11.0.0-1")], Fail, Pass),
        ("rhel", "7.9", "rpm", &[("centos-release", "7-9")], Fail, Warn),
        ("sles", "12.5", "rpm", &[("sles-release", "12.5-9.5.2")], Pass, Pass),
        ("opensuse", "13.1", "rpm", &[("openSUSE-release", "13.1-1.10")], Pass, Pass),
        ("centos", "9", "rpm", &[("centos-release", "7-9")], Pass, Fail),
    ];
    for (id, version, manager, installed, tencent, a2020) in rows {
        for (profile, wanted) in [(TENCENT, tencent), (A2020, a2020)] {
            let rule = result(profile, "OS-01", |f, r| {
                system(id, version, &[])(f, r);
                packages(f).manager = (*manager).into();
                let package = |(name, version): &(&str, &str)| ReleasePackage {
                    name: (*name).into(),
                    version: (*version).into(),
                };
                packages(f).release = installed.iter().map(package).collect();
            });
            assert_eq!(rule.result, *wanted, "{id} {version} with {installed:?} in {profile}: {}", rule.message);
        }
    }
    let with = |manager: &str, name: &str| {
        result(A2020, "OS-01", |f, r| {
            system("centos", "7", &[])(f, r);
            packages(f).manager = manager.into();
            packages(f).release = vec![ReleasePackage { name: name.into(), version: "8.9-1".into() }];
        })
    };
    let rule = with("rpm", "rocky-release");
    assert!(
        rule.message.contains("\"rocky-release\" \"8.9-1\", though \"/etc/os-release\" says ID=\"centos\""),
        "{rule:#?}"
    );
    assert!(rule.remedy.contains("yum reinstall rocky-release"), "{}", rule.remedy);
    let hostile = with("rpm", "redhat-release-`rm -rf /`");
    assert!(hostile.result == Warn && !hostile.remedy.contains("rm -rf"), "{hostile:#?}");
}

#[test]
fn an_unlisted_system_names_what_it_is_the_list_and_the_way_out() {
    let rule = result(A2020, "OS-01", system("debian", "12", &[]));
    assert_eq!(rule.code, "OsVersionNotSupported");
    assert!(rule.message.contains("\"debian 12\"") && rule.message.contains("S0 L89-99"), "{}", rule.message);
    assert!(rule.remedy.contains("Customized Linux or Others Linux") && rule.remedy.contains("S0 L103"));
    assert_eq!(rule.evidence[0].place, "/etc/os-release");
    let tencent = result(TENCENT, "OS-01", system("rhel", "9", &["fedora"]));
    assert!(tencent.message.contains("like \"fedora\""), "{}", tencent.message);
    assert!(!tencent.remedy.contains("Others Linux"));
}

#[test]
fn the_remedy_leads_to_a_listed_version_from_either_side() {
    let remedy = |profile, id, version| result(profile, "OS-01", system(id, version, &[])).remedy;
    for (profile, id, version, way) in [
        (A2020, "debian", "12", "or reinstall the guest with an older, listed version: this one is newer"),
        (A2018_06, "opensuse", "42.3", "or reinstall the guest with an older, listed version"),
        (A2020, "debian", "5", "or upgrade the guest to a listed version"),
        (A2020, "ubuntu", "17.10", "or upgrade the guest to a listed version"),
        (A2020, "coreos", "600.0.0", "or upgrade the guest to a listed version"),
        (A2020, "fedora", "40", "or reinstall the guest with a listed system"),
        (TENCENT, "fedora", "40", "Reinstall the guest with a listed system."),
    ] {
        let remedy = remedy(profile, id, version);
        assert!(remedy.contains(way), "{id} {version}: {remedy}");
        assert_eq!(remedy.starts_with("Declare spec.image.platform"), profile != TENCENT, "{remedy}");
    }
}

#[test]
fn centos_stream_passes_and_is_noted() {
    for profile in [A2020, TENCENT] {
        let rule = result(profile, "OS-01", |f, r| {
            system("centos", "8", &["rhel", "fedora"])(f, r);
            let Some(Fact::Known(release)) = &mut guest(f).release else { unreachable!() };
            release.pretty_name = "CentOS Stream 8".into();
        });
        assert!(rule.result == Advice && rule.message.contains("names only CentOS"), "{profile}: {}", rule.message);
        assert_eq!(rule.code, "Passed", "the claim holds: the condition is True");
    }
}

#[test]
fn a_declared_custom_platform_passes_and_names_what_was_found() {
    for profile in ALIBABA {
        for platform in ["Customized Linux", "Others Linux"] {
            let rule = result(profile, "OS-01", |f, request| {
                system("debian", "12", &[])(f, request);
                request.platform = Some(platform.into());
            });
            assert_eq!(rule.result, Pass);
            assert!(rule.message.contains("debian 12") && rule.message.contains(platform), "{}", rule.message);
        }
    }
    let tencent = outcome(TENCENT, "OS-01", |f, request| {
        system("fedora", "40", &[])(f, request);
        request.platform = Some("Others Linux".into());
    });
    assert_eq!(tencent, Fail, "Tencent Cloud has no such platforms");
}

#[test]
fn an_unidentified_system_is_unknown_and_a_damaged_release_file_fails() {
    assert_eq!(outcome(TENCENT, "OS-01", system("", "", &[])), Unknown);
    assert_eq!(outcome(TENCENT, "OS-01", |f, _| guest(f).release = Some(trouble(TroubleKind::Unsupported))), Unknown);
    let rule = result(TENCENT, "OS-01", |f, _| guest(f).release = Some(trouble(TroubleKind::Corrupt)));
    assert!(rule.result == Fail && rule.message.contains("0x1000"), "{}", rule.message);
}

/// There is nothing to read: it is on no list.
#[test]
fn a_system_that_no_file_names_is_not_listed() {
    let nameless = |f: &mut Facts, _: &mut Request| guest(f).release = Some(trouble(TroubleKind::NotFound));
    for profile in [TENCENT, A2020, A2018_12, A2018_06] {
        let rule = result(profile, "OS-01", nameless);
        assert!(
            rule.result == Fail
                && rule.message.contains("no release file says what system this is, so that it is not listed ("),
            "{rule:?}"
        );
    }
    let declared = outcome(A2020, "OS-01", |f, r| {
        nameless(f, r);
        r.platform = Some("Others Linux".into());
    });
    assert_eq!(declared, Pass);
    let unread = result(A2020, "OS-01", |f, r| {
        nameless(f, r);
        f.volumes.push(volume(2, "crypto_LUKS", VolumeClass::Encrypted));
    });
    assert!(unread.result == Unknown && unread.message.contains("one may be on p2"), "{unread:?}");
    // By the kernel's package it is a distribution's all the same.
    assert_eq!(outcome(A2020, "OS-08", nameless), NotApplicable);
    let own = result(A2020, "OS-08", |f, r| {
        nameless(f, r);
        packages(f).kernel = None;
    });
    assert!(own.result == Warn && own.message.contains("a system without a name"), "{own:?}");
}
