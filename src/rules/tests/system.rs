//! OS-01.

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, TroubleKind};
use crate::report::Outcome::{self, Advice, Fail, Pass, Unknown};
use crate::rules::Request;
use crate::rules::fixture::{A2018_06, A2018_12, A2020, ALIBABA, TENCENT, guest, outcome, release, result, trouble};

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
