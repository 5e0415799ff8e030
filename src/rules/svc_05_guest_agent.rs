//! # What it checks
//! That qemu-guest-agent is not in the image (or that it is, where a profile asks for it).
//!
//! # Why
//! Alibaba Cloud does not support images with qemu-ga: services that ECS needs may be unavailable. An agent that is
//! installed and does not start counts all the same.
//!
//! # How it is found
//! By the package in the state installed, or a program `qemu-ga` in `/usr/bin`, `/usr/sbin` or `/usr/local`. A udev rule or
//! a unit that a removed package left behind is no agent. Whether it starts is told beside it.
//!
//! # How to mend it
//! Debian, Ubuntu: `apt-get purge qemu-guest-agent`. CentOS, RHEL: `yum remove qemu-guest-agent`. openSUSE, SUSE: `zypper
//! remove qemu-guest-agent`. Alpine: `apk del qemu-guest-agent`. FreeBSD: `pkg delete qemu-guest-agent`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::api::Expect;
use crate::inspect::facts::{Agent, Evident, When};

/// SVC-05.
pub const RULE: Rule = Rule {
    id: "SVC-05",
    name: "QemuGuestAgentAbsent",
    code: "QemuGuestAgentInstalled",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("svc_05_guest_agent.rs"),
    check,
};

/// What the documents call it.
const NAME: &str = "qemu-guest-agent";

fn check(case: &Case) -> Judged {
    let agent = known(case.unix()?.agent.as_ref(), NAME)?;
    Ok(match (case.wanted.expect.unwrap_or(Expect::Absent), &agent.installed) {
        (Expect::Any, Some(installed)) => {
            Verdict::not_applicable(format!("{NAME} is installed: {}", shown(&installed.value)))
        }
        (Expect::Any, None) => Verdict::not_applicable(format!("{NAME} is not installed")),
        (Expect::Absent, None) => Verdict::passed(format!("{NAME} is not installed")),
        (Expect::Absent, Some(installed)) => {
            seen(agent, installed).remedy(removed(case, installed)).fail(Grade::Breach)
        }
        (Expect::Present, None) => Finding::new(format!("{NAME} is not installed"))
            .remedy(format!("Install {NAME} with the distribution's package manager."))
            .fail(Grade::Breach),
        (Expect::Present, Some(installed)) => match agent.starts.when {
            When::Boot | When::Demand => seen(agent, installed).pass(),
            When::Unknown => {
                Verdict::missing(format!("whether {NAME} starts is not known: {}", shown(&agent.starts.by)))
            }
            When::Kept | When::Never | When::Absent => seen(agent, installed)
                .narrowed("Disabled")
                .remedy(format!("In the guest: `systemctl enable {NAME}`."))
                .fail(Grade::Breach),
        },
    })
}

/// The agent, and whether it starts.
fn seen(agent: &Agent, installed: &Evident) -> Finding {
    let starts = match agent.starts.when {
        When::Boot => "starts at boot",
        When::Demand => "starts when the machine has its device",
        When::Kept => "is kept from starting",
        When::Never | When::Absent => "does not start",
        When::Unknown => "may start",
    };
    let version = if agent.version.is_empty() { String::new() } else { format!(" {}", shown(&agent.version)) };
    let finding = Finding::new(format!("{NAME}{version} is installed ({}) and {starts}", shown(&installed.place)))
        .seen(format!("{NAME} ({})", installed.value), installed.place.clone());
    if agent.starts.by.is_empty() { finding } else { finding.seen(starts, agent.starts.by.clone()) }
}

fn removed(case: &Case, installed: &Evident) -> String {
    if installed.value == "program" && !case.freebsd() {
        return format!(
            "In the guest: remove the package that {} belongs to, or the file itself.",
            shown(&installed.place)
        );
    }
    let command = match case.os_id() {
        _ if case.freebsd() => "pkg delete",
        "debian" | "ubuntu" => "apt-get purge",
        "centos" | "rhel" | "rocky" | "almalinux" | "alinux" | "fedora" | "ol" => "yum remove",
        "opensuse" | "opensuse-leap" | "sles" | "sles_sap" | "sled" => "zypper remove",
        "alpine" => "apk del",
        _ if installed.value == "dpkg" => "apt-get purge",
        _ => return format!("Remove the package {NAME} in the guest."),
    };
    format!("In the guest: `{command} {NAME}`.")
}
