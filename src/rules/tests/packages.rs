//! LNX-01, LNX-02, OS-10.

use crate::inspect::Facts;
use crate::inspect::facts::{Changed, Evident, Fact, IssueState, KernelPackage, Packages, TroubleKind};
use crate::report::Outcome::{self, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2020, ALIBABA, TENCENT, critical, guest, issues, linux, outcome, packages, release, result, trouble,
    windows,
};

type Change = fn(&mut Facts, &mut Request);

fn changed(path: &str, found: &str) -> Changed {
    Changed {
        path: path.into(),
        package: "bash".into(),
        wanted: "0a1b2c3d4e5f".into(),
        found: found.into(),
        ..Changed::default()
    }
}

#[test]
fn critical_files_are_graded_by_what_is_wrong() {
    let rows: &[(&str, Change, Outcome)] = &[
        ("as it should be", |_, _| {}, Pass),
        ("a folder is missing", |f, _| critical(f).missing.push("/lib64".into()), Fail),
        ("a file is missing", |f, _| critical(f).changed.push(changed("/bin/bash", "")), Fail),
        ("a file differs", |f, _| critical(f).changed.push(changed("/bin/bash", "ffff")), Warn),
        (
            "an absolute link",
            |f, _| critical(f).absolute.push(Evident { value: "/usr/lib".into(), place: "/lib".into() }),
            Warn,
        ),
        (
            "prelinked",
            |f, _| critical(f).undecided.push(Evident { value: "prelinked".into(), place: "/bin/sh".into() }),
            Unknown,
        ),
        ("nothing is described", |f, _| critical(f).same = 0, Unknown),
        ("no database", |f, _| *packages(f) = Packages::default(), NotApplicable),
        ("an unread database", |f, _| linux(f).packages = Some(trouble(TroubleKind::Unsupported)), Unknown),
        ("a damaged database", |f, _| linux(f).packages = Some(trouble(TroubleKind::Corrupt)), Unknown),
        (
            "a folder is missing and no database",
            |f, _| {
                *packages(f) = Packages::default();
                critical(f).missing.push("/lib".into());
            },
            Fail,
        ),
        ("folders that cannot be read", |f, _| linux(f).critical = Some(trouble(TroubleKind::Corrupt)), Fail),
        ("folders behind a limit", |f, _| linux(f).critical = Some(trouble(TroubleKind::Limit)), Unknown),
        ("Windows", |f, _| _ = windows(f), NotApplicable),
        (
            "CoreOS, which has no package database",
            |f, _| {
                guest(f).release = Some(Fact::Known(release("coreos", "1068.0.0", &[])));
                *packages(f) = Packages::default();
            },
            NotApplicable,
        ),
        (
            "CoreOS, whose /usr lacks a folder",
            |f, _| {
                guest(f).release = Some(Fact::Known(release("coreos", "1068.0.0", &[])));
                *packages(f) = Packages::default();
                critical(f).missing.push("/lib64".into());
            },
            Fail,
        ),
    ];
    for (what, change, wanted) in rows {
        for profile in ALIBABA {
            assert_eq!(outcome(profile, "LNX-01", change), *wanted, "{what} in {profile}");
        }
    }
}

#[test]
fn a_changed_file_is_named_with_its_package_and_what_brings_it_back() {
    for (id, manager, command) in [
        ("debian", "dpkg", "apt-get install --reinstall bash"),
        ("centos", "rpm", "yum reinstall bash"),
        ("sles", "rpm", "zypper install --force bash"),
        ("alpine", "apk", "apk fix --reinstall bash"),
    ] {
        let rule = result(A2020, "LNX-01", |f, _| {
            guest(f).release = Some(Fact::Known(release(id, "7", &[])));
            packages(f).manager = manager.into();
            critical(f).changed.push(changed("/usr/bin/bash", "ffff00001111"));
        });
        assert!(rule.message.contains("\"bash\"") && rule.message.contains("\"/usr/bin/bash\""), "{}", rule.message);
        assert_eq!(rule.evidence[0].place, "/usr/bin/bash");
        assert!(rule.evidence[0].what.contains("ffff00001111") && rule.evidence[0].what.contains("0a1b2c3d4e5f"));
        assert!(rule.remedy.contains(command), "{}", rule.remedy);
    }
    let hostile = result(A2020, "LNX-01", |f, _| {
        let package = "bash`; rm -rf /".to_owned();
        critical(f).changed.push(Changed { package, ..changed("/bin/bash", "ffff") });
    });
    assert!(!hostile.remedy.contains("rm -rf"), "{}", hostile.remedy);
}

#[test]
fn an_issue_file_is_graded_by_what_it_names() {
    let set = |state: IssueState, own: bool, names: &'static str| {
        move |f: &mut Facts, _: &mut Request| {
            let issue = &mut issues(f)[0];
            (issue.state, issue.own, issue.names) = (state, own, names.into());
            issue.line = "Welcome".into();
        }
    };
    let rows: &[(IssueState, bool, &'static str, Outcome)] = &[
        (IssueState::Shipped, false, "", Pass),
        (IssueState::Absent, false, "", Pass),
        (IssueState::Generated, false, "", Pass),
        (IssueState::Modified, true, "", Warn),
        (IssueState::Modified, false, "", Fail),
        (IssueState::Modified, false, "ubuntu", Fail),
        (IssueState::Unowned, true, "", Pass),
        (IssueState::Unowned, false, "", Warn),
        (IssueState::Unknown, true, "", Unknown),
        (IssueState::Unknown, false, "", Unknown),
    ];
    for (state, own, names, wanted) in rows {
        for profile in ALIBABA {
            assert_eq!(outcome(profile, "LNX-02", set(*state, *own, names)), *wanted, "{state:?} {own} in {profile}");
        }
    }
    let rule = result(A2020, "LNX-02", set(IssueState::Modified, false, "ubuntu"));
    assert!(rule.message.contains("names \"ubuntu\", not \"debian\""), "{}", rule.message);
    assert!(rule.remedy.contains("--force-confmiss") && rule.remedy.contains("/etc/issue"), "{}", rule.remedy);
    let second = result(A2018_06, "LNX-02", |f, r| {
        set(IssueState::Modified, true, "")(f, r);
        issues(f)[1].state = IssueState::Modified;
    });
    assert!(second.result == Fail && second.message.contains("/etc/issue.net"), "the worse of the two: {second:?}");
}

#[test]
fn an_issue_file_is_undecided_without_its_neighbours() {
    let rows: &[(&str, Change, Outcome)] = &[
        (
            "changed, and no release",
            |f, _| {
                guest(f).release = Some(trouble(TroubleKind::Unsupported));
                issues(f)[0].state = IssueState::Modified;
            },
            Unknown,
        ),
        ("a list without files", |f, _| issues(f).clear(), Unknown),
        ("unread", |f, _| linux(f).issue = Some(trouble(TroubleKind::Unsupported)), Unknown),
        (
            "nothing to compare with, and why",
            |f, _| {
                linux(f).packages = Some(trouble(TroubleKind::Corrupt));
                issues(f)[0].state = IssueState::Unknown;
            },
            Unknown,
        ),
        ("Windows", |f, _| _ = windows(f), NotApplicable),
        ("FreeBSD", |f, _| guest(f).family = crate::inspect::facts::Family::FreeBSD, NotApplicable),
    ];
    for (what, change, wanted) in rows {
        assert_eq!(outcome(A2020, "LNX-02", change), *wanted, "{what}");
    }
    let freebsd = outcome(TENCENT, "OS-10", |f, _| guest(f).family = crate::inspect::facts::Family::FreeBSD);
    assert_eq!(freebsd, Unknown, "no row of its own");
}

#[test]
fn a_kernel_is_native_by_who_built_its_package() {
    const DEBIAN: &str = "Debian Kernel Team <debian-kernel@lists.debian.org>";
    const UBUNTU: &str = "Canonical Kernel Team <kernel-team@lists.ubuntu.com>";
    type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, Outcome);
    let rows: &[Row] = &[
        ("debian", "dpkg", "linux-image-6.1.0-18-amd64", "6.1.76-1", "linux-signed-amd64", DEBIAN, Pass),
        ("debian", "dpkg", "linux-image-6.5.0-0.deb12.4-amd64", "6.5.10-1~bpo12+1", "linux-signed-amd64", DEBIAN, Pass),
        ("debian", "dpkg", "linux-image-2.6.32-5-amd64", "2.6.32-48", "linux-2.6", DEBIAN, Pass),
        ("debian", "dpkg", "linux-image-6.1.9", "6.1.9-1", "linux-upstream", "root <root@build>", Warn),
        ("debian", "dpkg", "linux-image-6.1.9", "6.1.9-1", "", "root <root@build>", Warn),
        ("debian", "dpkg", "linux-image-6.7.2-x64v3-xanmod1", "6.7.2-x64v3-xanmod1", "linux-xanmod", DEBIAN, Warn),
        ("debian", "dpkg", "linux-image-6.8-liquorix-amd64", "6.8-1", "linux", DEBIAN, Warn),
        ("debian", "dpkg", "pve-kernel-6.2.16-3-pve", "6.2.16-3", "pve-kernel", "Proxmox Support Team", Warn),
        ("ubuntu", "dpkg", "linux-image-5.4.0-1-generic", "5.4.0-1.2", "linux-signed", UBUNTU, Pass),
        ("ubuntu", "dpkg", "linux-image-unsigned-5.4.0-1-kvm", "5.4.0-1.2", "linux-kvm", UBUNTU, Pass),
        ("centos", "rpm", "kernel", "3.10.0-1160.el7", "kernel-3.10.0-1160.el7.src.rpm", "CentOS", Pass),
        ("centos", "rpm", "kernel-ml", "6.7-1.el7.elrepo", "kernel-ml", "The ELRepo Project", Warn),
        ("centos", "rpm", "kernel", "3.10.0-1160.el7", "", "", Warn),
        ("centos", "rpm", "kernel", "3.10.0-1160.el7", "", "somebody", Warn),
        ("rhel", "rpm", "kernel-core", "5.14.0-362.el9", "", "Red Hat, Inc.", Pass),
        ("sles", "rpm", "kernel-default", "5.14.21", "", "SUSE LLC <https://www.suse.com/>", Pass),
        ("opensuse-leap", "rpm", "kernel-default", "5.14.21", "", "openSUSE", Pass),
        ("alinux", "rpm", "kernel", "5.10.134-16.al8", "", "Alibaba Cloud", Pass),
        ("unheardof", "rpm", "kernel", "5", "", "Unheard Of", Unknown),
        ("alpine", "apk", "linux-virt", "6.6", "linux-lts", "", Pass),
    ];
    for (id, manager, name, version, source, vendor, wanted) in rows {
        let rule = result(TENCENT, "OS-10", |f, _| {
            guest(f).release = Some(Fact::Known(release(id, "7", &[])));
            let (name, version) = ((*name).to_owned(), (*version).to_owned());
            let kernel = KernelPackage { name, version, source: (*source).into(), vendor: (*vendor).into() };
            *packages(f) = Packages { manager: (*manager).into(), kernel: Some(kernel), ..Packages::default() };
        });
        assert_eq!(rule.result, *wanted, "{name}: {}", rule.message);
        assert!(*wanted == Unknown || rule.message.contains(name), "{}", rule.message);
    }
}

#[test]
fn a_kernel_without_package_or_database_is_told_apart() {
    let rows: &[(&str, Change, Outcome)] = &[
        ("of no package", |f, _| packages(f).kernel = None, Warn),
        ("no database", |f, _| *packages(f) = Packages::default(), Unknown),
        ("an unread database", |f, _| linux(f).packages = Some(trouble(TroubleKind::Corrupt)), Unknown),
        ("no default kernel", |f, _| linux(f).kernels[0].default = false, Unknown),
        ("Windows", |f, _| _ = windows(f), NotApplicable),
    ];
    for (what, change, wanted) in rows {
        assert_eq!(outcome(TENCENT, "OS-10", change), *wanted, "{what}");
    }
    let rule = result(TENCENT, "OS-10", |f, _| packages(f).kernel = None);
    assert!(rule.message.contains("/boot/vmlinuz-3.2.0") && rule.remedy.contains("linux-image-amd64"), "{rule:?}");
}
