//! # What it checks
//! That the kernel that starts is the distribution's own.
//!
//! # Why
//! Tencent Cloud recommends the native kernel: others may lack what its machines need.
//!
//! # How it is found
//! The package that the default kernel came in: the one that has its file, and with dpkg where none has, the one that is
//! named after its release. rpm: its vendor is the distribution. dpkg: it is built from the source
//! package `linux` or `linux-signed`, or from one of a flavour that the distribution's kernel team maintains. Names and
//! versions of known third parties (elrepo, liquorix, xanmod) are not; a suffix of the distribution alone proves nothing.
//!
//! # How to mend it
//! Install the distribution's kernel, and make it the default entry. Debian: `apt-get install linux-image-amd64`. Ubuntu:
//! `apt-get install linux-image-generic`. CentOS, RHEL: `yum install kernel`, then `grub2-set-default 0`. SUSE: `zypper
//! install kernel-default`.

use super::lnx_01_critical_files::unread_database;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::inspect::facts::{Fact, Family, KernelPackage};

/// OS-10.
pub const RULE: Rule = Rule {
    id: "OS-10",
    name: "NativeKernel",
    code: "NonNativeKernel",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("os_10_native_kernel.rs"),
    check,
};

/// Parts of names and versions of kernels that third parties build: ELRepo's are `kernel-ml` and `kernel-lt`.
const THIRD_PARTIES: &[&str] = &["elrepo", "kernel-ml", "kernel-lt", "liquorix", "xanmod"];
/// Maintainers of Debian's and Ubuntu's kernels.
const TEAMS: &[&str] =
    &["debian-kernel@lists.debian.org", "kernel-team@lists.ubuntu.com", "canonical kernel team", "ubuntu kernel team"];
/// Words of rpm's vendor, by `ID` of the distribution.
const VENDORS: &[(&str, &[&str])] = &[
    ("alinux", &["alibaba", "alinux", "openanolis", "anolis"]),
    ("almalinux", &["almalinux"]),
    ("amzn", &["amazon"]),
    ("anolis", &["anolis"]),
    ("centos", &["centos"]),
    ("fedora", &["fedora"]),
    ("mariner", &["microsoft"]),
    ("ol", &["oracle"]),
    ("openeuler", &["openeuler"]),
    ("opensuse", &["opensuse", "suse"]),
    ("opensuse-leap", &["opensuse", "suse"]),
    ("opensuse-tumbleweed", &["opensuse", "suse"]),
    ("rhel", &["red hat"]),
    ("rocky", &["rocky"]),
    ("scientific", &["scientific linux"]),
    ("sled", &["suse"]),
    ("sles", &["suse"]),
    ("sles_sap", &["suse"]),
    ("tencentos", &["tencent"]),
];

fn check(case: &Case) -> Judged {
    if case.guest()?.family == Family::Windows {
        return Ok(Verdict::not_applicable("a Windows system"));
    }
    let linux = case.linux()?;
    let Some(Fact::Known(packages)) = &linux.packages else { return Err(unread_database(linux.packages.as_ref())) };
    let Some(kernel) = linux.kernels.first().filter(|kernel| kernel.default) else {
        return Ok(Verdict::missing("which kernel starts is not known"));
    };
    if packages.manager.is_empty() {
        return Ok(Verdict::missing("there is no package database that tells where the kernel comes from"));
    }
    let Some(package) = &packages.kernel else {
        return Ok(Finding::new(format!("the kernel {} is of no package", shown(&kernel.path)))
            .seen(format!("release {}", shown(&kernel.version)), kernel.path.clone())
            .remedy(install(case))
            .fail(Grade::Doubt));
    };
    let what = format!("{} {}", shown(&package.name), shown(&package.version));
    let by = if package.vendor.is_empty() { "nobody".to_owned() } else { shown(&package.vendor) };
    let finding = Finding::default().seen(format!("{what} of {by}"), kernel.path.clone());
    let Some(native) = native(case, &packages.manager, package) else {
        return Ok(Verdict::missing(format!("who builds the kernels of {} is not known", shown(case.os_id()))));
    };
    if native {
        let message = format!("the kernel comes from {what} of {by}");
        return Ok(Finding { message, ..finding }.pass());
    }
    let message =
        format!("the kernel comes from {what} of {by}, and not from the distribution {}", shown(case.os_id()));
    Ok(Finding { message, ..finding }.remedy(install(case)).fail(Grade::Doubt))
}

/// Whether the package is the distribution's own; `None` where that cannot be told.
fn native(case: &Case, manager: &str, package: &KernelPackage) -> Option<bool> {
    let name = format!("{} {} {}", package.name, package.version, package.source).to_lowercase();
    if THIRD_PARTIES.iter().any(|party| name.contains(party)) {
        return Some(false);
    }
    let vendor = package.vendor.to_lowercase();
    let source = if package.source.is_empty() { &package.name } else { &package.source };
    match manager {
        "dpkg" => {
            let own = source == "linux" || source.starts_with("linux-signed");
            let of_team = source.starts_with("linux") && TEAMS.iter().any(|team| vendor.contains(team));
            Some(own || of_team)
        }
        "rpm" => {
            let (_, words) = VENDORS.iter().find(|(id, _)| *id == case.os_id())?;
            Some(words.iter().any(|word| vendor.contains(word)))
        }
        "apk" if case.os_id() == "alpine" => Some(source.starts_with("linux-")),
        _ => None,
    }
}

fn install(case: &Case) -> String {
    let command = match case.os_id() {
        "debian" => "apt-get install linux-image-amd64 && update-grub",
        "ubuntu" => "apt-get install linux-image-generic && update-grub",
        "sles" | "sles_sap" | "sled" | "suse" | "opensuse" | "opensuse-leap" => "zypper install kernel-default",
        "centos" | "rhel" | "rocky" | "almalinux" | "alinux" | "fedora" | "ol" => "yum install kernel",
        _ => return "Install the distribution's own kernel and make it the default entry.".to_owned(),
    };
    format!("In the guest: `{command}`, and make it the default entry (grub-set-default, grub2-set-default).")
}
