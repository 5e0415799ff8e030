//! What the user declares, or has settled with the cloud: SRC-09, IMG-03, OS-06, OS-07, OS-08, OS-09, OS-11.

use crate::api::{Acknowledgement, Architecture, OsType};
use crate::inspect::Facts;
use crate::inspect::facts::{Evident, Fact, Family, TroubleKind};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, GIB, TENCENT, container, guest, linux, outcome, packages, release, result,
    troubled, windows,
};

type Change = fn(&mut Facts, &mut Request);

fn qcow2(facts: &mut Facts) {
    container(facts).format = "QCOW2".into();
}

fn acknowledge(request: &mut Request, what: Acknowledgement) {
    request.acknowledgements = vec![what];
}

#[test]
fn the_role_is_told_until_it_is_acknowledged() {
    for profile in ALIBABA {
        assert_eq!(outcome(profile, "SRC-09", |_, _| {}), Advice);
        let rule = result(profile, "SRC-09", |_, r| acknowledge(r, Acknowledgement::ImportRole));
        assert!(rule.result == Pass && rule.message.contains("ImportRole"), "{rule:#?}");
        assert_eq!(outcome(profile, "SRC-09", |_, r| acknowledge(r, Acknowledgement::Qcow2Ticket)), Advice);
    }
}

#[test]
fn qcow2_of_2018_06_is_one_failure_which_a_ticket_lifts() {
    let refused = result(A2018_06, "IMG-03", |f, _| qcow2(f));
    assert_eq!((refused.result, refused.code.as_str()), (Fail, "Qcow2RequiresTicket"));
    assert_eq!(outcome(A2018_06, "IMG-01", |f, _| qcow2(f)), NotApplicable);
    let granted = result(A2018_06, "IMG-03", |f, r| {
        qcow2(f);
        acknowledge(r, Acknowledgement::Qcow2Ticket);
    });
    assert!(granted.result == Pass && granted.message.contains("Qcow2Ticket"), "{granted:#?}");
    let damaged = |f: &mut Facts, _: &mut Request| {
        qcow2(f);
        container(f).trouble = Some(troubled(TroubleKind::Corrupt));
    };
    assert_eq!(outcome(A2018_06, "IMG-01", damaged), Fail, "damage needs no ticket");
    assert_eq!(outcome(A2018_06, "IMG-03", |_, _| {}), NotApplicable, "a VHD needs none");
    assert_eq!(outcome(A2018_06, "IMG-03", |f, _| f.container = None), Unknown);
    assert_eq!(outcome(A2018_12, "IMG-01", |f, _| qcow2(f)), Pass);
}

fn as_platform(profile: &str, id: &str, platform: Option<&str>, change: Change) -> Outcome {
    outcome(profile, id, |f, request| {
        request.platform = platform.map(str::to_owned);
        change(f, request);
    })
}

#[test]
fn a_non_standard_platform_says_what_the_user_does_by_hand() {
    for profile in ALIBABA {
        for (platform, wanted) in [
            (None, NotApplicable),
            (Some("Debian"), NotApplicable),
            (Some("Customized Linux"), Advice),
            (Some("Others Linux"), Advice),
        ] {
            assert_eq!(as_platform(profile, "OS-06", platform, |_, _| {}), wanted, "{profile} {platform:?}");
        }
    }
    let others = |change: Change| {
        result(A2020, "OS-06", |f, r| {
            r.platform = Some("others linux".into());
            change(f, r);
        })
    };
    let listed = others(|_, _| {});
    assert!(listed.message.contains("the password never") && listed.message.contains("S0 L101-105"), "{listed:#?}");
    assert!(listed.message.contains("the system is a listed one"), "{}", listed.message);
    let unlisted = others(|f, _| guest(f).release = Some(Fact::Known(release("fedora", "40", &[]))));
    assert!(unlisted.message.contains("the system is not listed"), "{}", unlisted.message);
    assert!(others(|f, _| guest(f).release = None).message.contains("not known"));
}

#[test]
fn a_customized_linux_has_its_folder_on_a_first_partition_the_cloud_can_write() {
    let rows: &[(&str, Change, Outcome)] = &[
        ("ready", |f, _| guest(f).custom_folder = Some(true), Pass),
        ("no folder", |f, _| guest(f).custom_folder = Some(false), Warn),
        ("not looked at", |_, _| {}, Unknown),
        (
            "XFS",
            |f, _| {
                (f.volumes[0].type_id, f.volumes[0].ext) = ("xfs".into(), None);
                guest(f).custom_folder = Some(true);
            },
            Warn,
        ),
        (
            "5 GiB",
            |f, _| {
                container(f).virtual_size_bytes = Some(5 * GIB);
                guest(f).custom_folder = Some(true);
            },
            Warn,
        ),
    ];
    for (what, change, wanted) in rows {
        assert_eq!(as_platform(A2020, "OS-07", Some("Customized Linux"), *change), *wanted, "{what}");
        for platform in [None, Some("Debian"), Some("Others Linux")] {
            assert_eq!(as_platform(A2020, "OS-07", platform, *change), NotApplicable, "{what} {platform:?}");
        }
    }
}

fn own_making(f: &mut Facts) {
    guest(f).release = Some(Fact::Known(release("acmeos", "1", &[])));
    packages(f).kernel = None;
}

/// Columns: no ticket acknowledged, OthersLinuxTicket, CustomKernelTicket, both.
#[test]
fn a_system_that_needs_a_ticket_has_one() {
    use Acknowledgement::{CustomKernelTicket, OthersLinuxTicket};
    type Row = (&'static str, Option<&'static str>, fn(&mut Facts), [Outcome; 4]);
    let rows: &[Row] = &[
        ("a distribution", None, |_| {}, [NotApplicable; 4]),
        ("a listed platform", Some("Debian"), |_| {}, [NotApplicable; 4]),
        ("Customized Linux", Some("Customized Linux"), |_| {}, [NotApplicable; 4]),
        ("Others Linux", Some("Others Linux"), |_| {}, [Warn, Pass, Warn, Pass]),
        ("in other letters", Some("others linux"), |_| {}, [Warn, Pass, Warn, Pass]),
        ("of one's own making", None, own_making, [Warn, Warn, Pass, Pass]),
        ("of one's own making as Customized Linux", Some("Customized Linux"), own_making, [Warn, Warn, Pass, Pass]),
        ("both", Some("Others Linux"), own_making, [Warn, Warn, Warn, Pass]),
        (
            "without a name",
            None,
            |f| {
                own_making(f);
                guest(f).release = Some(Fact::Known(release("", "", &[])));
            },
            [Warn, Warn, Pass, Pass],
        ),
        (
            "without packages",
            None,
            |f| {
                own_making(f);
                *packages(f) = crate::inspect::facts::Packages::default();
            },
            [Warn, Warn, Pass, Pass],
        ),
        (
            "its name alone",
            None,
            |f| guest(f).release = Some(Fact::Known(release("acmeos", "1", &[]))),
            [NotApplicable; 4],
        ),
        ("its kernel alone", None, |f| packages(f).kernel = None, [NotApplicable; 4]),
        (
            "based on a distribution",
            None,
            |f| {
                own_making(f);
                guest(f).release = Some(Fact::Known(release("acmeos", "1", &["debian"])));
            },
            [NotApplicable; 4],
        ),
        (
            "a distribution that the cloud does not list",
            None,
            |f| {
                own_making(f);
                guest(f).release = Some(Fact::Known(release("gentoo", "", &[])));
            },
            [NotApplicable; 4],
        ),
        ("FreeBSD", None, |f| guest(f).family = Family::FreeBSD, [NotApplicable; 4]),
        ("Windows", Some("Others Linux"), |f| _ = windows(f), [NotApplicable; 4]),
        ("no release", None, |f| guest(f).release = None, [Unknown; 4]),
        (
            "no release of Others Linux",
            Some("Others Linux"),
            |f| guest(f).release = None,
            [Warn, Unknown, Warn, Unknown],
        ),
        (
            "an unread database",
            None,
            |f| {
                own_making(f);
                linux(f).packages = Some(crate::rules::fixture::trouble(TroubleKind::Corrupt));
            },
            [Unknown; 4],
        ),
        (
            "no kernel",
            None,
            |f| {
                own_making(f);
                linux(f).kernels.clear();
            },
            [Unknown; 4],
        ),
        ("nothing was read", None, |f| f.guest = None, [Unknown; 4]),
    ];
    let given =
        [vec![], vec![OthersLinuxTicket], vec![CustomKernelTicket], vec![OthersLinuxTicket, CustomKernelTicket]];
    for (what, platform, change, wanted) in rows {
        for profile in ALIBABA {
            let found = given.clone().map(|acknowledged| {
                outcome(profile, "OS-08", |f, r| {
                    (r.platform, r.acknowledgements) = (platform.map(str::to_owned), acknowledged);
                    change(f);
                })
            });
            assert_eq!(found, *wanted, "{what} in {profile}");
        }
    }
}

#[test]
fn a_ticket_that_is_missing_is_named_and_so_is_the_one_that_is_there() {
    let both = |acknowledged: &[Acknowledgement]| {
        result(A2020, "OS-08", |f, r| {
            (r.platform, r.acknowledgements) = (Some("Others Linux".into()), acknowledged.to_vec());
            own_making(f);
        })
    };
    let rule = both(&[]);
    assert!(rule.message.contains("declared as Others Linux") && rule.message.contains("\"acmeos\""), "{rule:#?}");
    assert!(rule.message.contains("/boot/vmlinuz-3.2.0") && rule.message.contains("S3 L38; S3 L39"), "{rule:#?}");
    assert!(rule.remedy.contains("[OthersLinuxTicket, CustomKernelTicket]"), "{}", rule.remedy);
    assert_eq!(
        (rule.evidence[0].place.as_str(), rule.code.as_str()),
        ("/boot/vmlinuz-3.2.0", "CustomKernelOsNeedsTicket")
    );
    let half = both(&[Acknowledgement::OthersLinuxTicket]);
    assert!(half.remedy.contains("[CustomKernelTicket]") && !half.message.contains("Others"), "{half:#?}");
    let granted = both(&[Acknowledgement::CustomKernelTicket, Acknowledgement::OthersLinuxTicket]);
    for what in ["acknowledged: OthersLinuxTicket", "acknowledged: CustomKernelTicket"] {
        assert!(granted.message.contains(what), "{}", granted.message);
    }
}

#[test]
fn the_machine_is_one_of_two_and_the_declared_one() {
    let machine = |value: &str| Some(Evident { value: value.into(), place: "/sbin/init".into() });
    for profile in [TENCENT, A2020, A2018_12, A2018_06] {
        for (value, declared, wanted) in [
            ("x86_64", None, Pass),
            ("i386", None, Pass),
            ("aarch64", None, Fail),
            ("x86_64", Some(Architecture::x86_64), Pass),
            ("x86_64", Some(Architecture::i386), Fail),
            ("i386", Some(Architecture::x86_64), Fail),
        ] {
            let found = outcome(profile, "OS-09", |f, r| {
                guest(f).architecture = machine(value);
                r.architecture = declared;
            });
            assert_eq!(found, wanted, "{profile}: {value}, declared {declared:?}");
        }
        assert_eq!(outcome(profile, "OS-09", |f, _| guest(f).architecture = None), Unknown);
        let windows = outcome(profile, "OS-09", |f, _| {
            windows(f);
        });
        assert_eq!(windows, Unknown, "its programs are not read");
    }
    let mixed = result(TENCENT, "OS-09", |f, _| {
        guest(f).architecture = machine("i386");
        linux(f).kernels[0].long_mode = true;
    });
    assert!(mixed.result == Advice && mixed.code == "Passed", "{mixed:#?}");
}

#[test]
fn family_and_platform_are_those_that_were_declared() {
    use OsType::{Linux, Windows};
    let rows: &[(&str, Option<OsType>, Option<&str>, Outcome)] = &[
        ("debian", None, None, NotApplicable),
        ("debian", Some(Linux), None, Pass),
        ("debian", Some(Windows), None, Fail),
        ("debian", None, Some("Debian"), Pass),
        ("debian", None, Some("debian"), Pass),
        ("debian", Some(Linux), Some("CentOS"), Fail),
        ("debian", None, Some("Others Linux"), Pass),
        ("fedora", None, Some("Customized Linux"), Pass),
        ("debian", None, Some("Windows Server 2012"), Fail),
        ("alinux", None, Some("Aliyun"), Pass),
        ("sles", None, Some("SUSE"), Pass),
        ("rhel", None, Some("RedHat"), Pass),
        ("debian", None, Some("Plan 9"), Unknown),
        ("", None, Some("Debian"), Unknown),
    ];
    for (id, os_type, platform, wanted) in rows {
        let found = outcome(A2020, "OS-11", |f, r| {
            guest(f).release = Some(Fact::Known(release(id, "7", &[])));
            (r.os_type, r.platform) = (*os_type, platform.map(str::to_owned));
        });
        assert_eq!(found, *wanted, "{id}, declared {os_type:?} {platform:?}");
    }
    // The form of 2018-12 has SUSE for both (C-14); that of 2018-06 has openSUSE.
    for (profile, platform, wanted) in
        [(A2018_12, "SUSE", Pass), (A2018_12, "openSUSE", Pass), (A2018_06, "SUSE", Fail), (A2018_06, "openSUSE", Pass)]
    {
        let found = outcome(profile, "OS-11", |f, r| {
            guest(f).release = Some(Fact::Known(release("opensuse", "13.1", &[])));
            r.platform = Some(platform.into());
        });
        assert_eq!(found, wanted, "openSUSE, declared {platform} in {profile}");
    }
    let of_family = |family: Family, os_type, platform: Option<&str>| {
        outcome(A2020, "OS-11", |f, r| {
            guest(f).family = family;
            (r.os_type, r.platform) = (os_type, platform.map(str::to_owned));
        })
    };
    assert_eq!(of_family(Family::Unknown, Some(Linux), None), Unknown);
    assert_eq!(of_family(Family::FreeBSD, Some(Linux), None), Pass);
    assert_eq!(of_family(Family::Windows, Some(Linux), None), Fail);
    assert_eq!(of_family(Family::Windows, None, Some("Others Linux")), Fail);
    assert_eq!(of_family(Family::Windows, Some(Windows), Some("Windows Server 2012")), Unknown);
    assert_eq!(of_family(Family::Windows, None, Some("Microsoft Windows Server 2012")), Unknown);
    assert_eq!(of_family(Family::Linux, None, Some("Microsoft Windows Server 2012")), Fail);
}
