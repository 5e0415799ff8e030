//! # What it checks
//! That cloud-init is installed and starts.
//!
//! # Why
//! Tencent Cloud initialises machines with cloud-init; without it that fails (`CloudInitNotInstalled`), unless the import is
//! forced. Alibaba Cloud asks for it since 2020-12, to set host name, NTP and package sources, and recommended it before.
//!
//! # How it is found
//! Installed: by the package database, or the program itself; configuration left behind by a removed package does not
//! count. Starting: by a unit wanted by a target, the generator or a start link, and nothing that disables it
//! (`/etc/cloud/cloud-init.disabled`, the kernel command line, masked units, ds-identify's `policy: disabled`); on FreeBSD by `cloudinit_enable`. CoreOS has
//! coreos-cloudinit or Ignition instead, which pass.
//!
//! # How to mend it
//! Debian, Ubuntu: `apt-get install cloud-init`. CentOS, RHEL: `yum install cloud-init`. openSUSE, SUSE: `zypper install
//! cloud-init`. Where it is installed: remove `/etc/cloud/cloud-init.disabled`, then `systemctl unmask cloud-init` and
//! `systemctl enable cloud-init-local cloud-init cloud-config cloud-final`, or what the init of the system has in its place.
//! FreeBSD: `pkg install net/cloud-init` and `sysrc
//! cloudinit_enable=YES`.

use super::version::compare;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, commands, shown, starting};
use crate::api::Expect;
use crate::inspect::facts::{CloudInit, Init};

/// The unit that most releases have, and all the stages.
const UNIT: &str = "cloud-init.service";
const STAGES: &[&str] = &["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"];

/// SVC-01.
pub const RULE: Rule = Rule {
    id: "SVC-01",
    name: "CloudInitInstalled",
    code: "CloudInitNotInstalled",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("svc_01_cloud_init.rs"),
    check,
};

/// cloud-init of a Linux or FreeBSD guest.
pub fn found<'a>(case: &Case<'a>) -> Result<&'a CloudInit, Box<Verdict>> {
    known(case.unix()?.cloud_init.as_ref(), "cloud-init")
}

/// Its package.
const NAME: &str = "cloud-init";

fn check(case: &Case) -> Judged {
    let cloud_init = found(case)?;
    match (case.wanted.expect.unwrap_or(Expect::Present), &cloud_init.installed) {
        (Expect::Any, Some(installed)) => {
            Ok(Verdict::not_applicable(format!("installed: {}", shown(&installed.value))))
        }
        (Expect::Any, None) => Ok(Verdict::not_applicable("not installed")),
        (Expect::Absent, Some(installed)) => {
            Ok(Finding::new(format!("cloud-init is installed: {}", shown(&installed.value)))
                .seen(installed.value.clone(), installed.place.clone())
                .remedy("Remove the package cloud-init.")
                .fail(Grade::Breach))
        }
        (Expect::Absent, None) => Ok(Verdict::passed("not installed")),
        (Expect::Present, None) if case.coreos() => Ok(Verdict::missing(
            "CoreOS: neither coreos-cloudinit nor Ignition was found, and a kernel may have it inside",
        )),
        (Expect::Present, None) => {
            let finding = Finding::new("cloud-init is not installed").remedy(install(case));
            Ok(forced(case, finding).fail(Grade::Breach))
        }
        (Expect::Present, Some(installed)) => {
            let finding = Finding::default().seen(named(cloud_init), installed.place.clone());
            Ok(present(case, cloud_init, &installed.value, finding))
        }
    }
}

fn present(case: &Case, cloud_init: &CloudInit, installed: &str, finding: Finding) -> Verdict {
    if case.coreos() && matches!(installed, "coreos-cloudinit" | "ignition") {
        let message = format!("{installed} initialises the machine");
        return Finding { message, ..finding }.note(Grade::Note, "CoreOS has no cloud-init of its own").pass();
    }
    let disabled = match (&cloud_init.disabled_by, &cloud_init.enabled_by) {
        (Some(by), _) => Some(format!("kept from starting by {}", starting::told(by))),
        (None, None) => Some("started by nothing".to_owned()),
        (None, Some(_)) => None,
    };
    if let Some(why) = disabled {
        let by = cloud_init.disabled_by.clone().unwrap_or_default();
        let message = format!("cloud-init is installed and {why}");
        let finding = Finding { message, ..finding }.narrowed("Disabled").remedy(enable(case, &by));
        let finding = forced(case, finding);
        return if by.is_empty() { finding } else { finding.seen("disables it", by) }.fail(Grade::Breach);
    }
    let starts = cloud_init.enabled_by.clone().unwrap_or_default();
    let finding = finding.seen("starts it", starts);
    if let Some(since) = &case.profile.datasource_since
        && !cloud_init.version.is_empty()
        && compare(&cloud_init.version, since).is_lt()
    {
        let message =
            format!("cloud-init {} is older than {since}, which the cloud asks for", shown(&cloud_init.version));
        return Finding { message, ..finding }.remedy(upgrade(case, since)).fail(Grade::Doubt);
    }
    Finding { message: named(cloud_init), ..finding }.pass()
}

/// It with its version, where that is known.
fn named(cloud_init: &CloudInit) -> String {
    match cloud_init.version.as_str() {
        "" => "cloud-init, of a version that is not known".to_owned(),
        version => format!("cloud-init {}", shown(version)),
    }
}

/// What a forced import asks for in its place: the cloud's page on it, to which its document leads.
fn forced(case: &Case, finding: Finding) -> Finding {
    match case.wanted.forced.filter(|_| case.request.force) {
        Some(_) => finding.note(
            Grade::Note,
            "the import is forced: at boot a script of the image's own has to read /qcloud_action/os.conf from the CD labelled \
             config-2; whether there is one is not looked at, and every other rule stays",
        ),
        None => finding,
    }
}

fn install(case: &Case) -> String {
    let command = match commands::install(case, NAME) {
        Some(command) => command,
        None if case.freebsd() => "pkg install net/cloud-init && sysrc cloudinit_enable=YES".to_owned(),
        None => return "Install cloud-init with the distribution's package manager.".to_owned(),
    };
    format!("In the guest: `{command}`.")
}

fn upgrade(case: &Case, since: &str) -> String {
    let command = match commands::upgrade(case, NAME) {
        Some(command) => command,
        None if case.freebsd() => "pkg upgrade net/cloud-init".to_owned(),
        None => return format!("Upgrade cloud-init to {since} or later with the distribution's package manager."),
    };
    format!("In the guest: `{command}`, which has to bring {since} or later.")
}

fn enable(case: &Case, by: &str) -> String {
    if case.freebsd() {
        return "In the guest: `sysrc cloudinit_enable=YES`.".to_owned();
    }
    let init = starting::init(case);
    // A mask of one unit is often one of several; links may be missing, too.
    if by.ends_with(".service (masked)") {
        let sentence = starting::release(case, by, UNIT).unwrap_or_default();
        let command = sentence.strip_prefix("In the guest: `").and_then(|rest| rest.strip_suffix("`."));
        return enabled(case, init, &command.map(|command| format!("{command} && ")).unwrap_or_default());
    }
    if let Some(sentence) = starting::release(case, by, UNIT).filter(|_| !by.starts_with("/etc/cloud/")) {
        return sentence;
    }
    let first = match by {
        path if path.starts_with("/etc/cloud/cloud-init.disabled") => "rm /etc/cloud/cloud-init.disabled && ",
        policy if policy.starts_with("/etc/cloud/ds-identify.cfg") => {
            return "In the guest: `sed -i '/^[[:space:]]*policy[[:space:]]*:/d' /etc/cloud/ds-identify.cfg`."
                .to_owned();
        }
        line if line.contains("kernel") || line.contains("cmdline") => {
            let word = line.strip_prefix("kernel command line: ").unwrap_or("cloud-init=disabled");
            return commands::off_the_line(case, shown(word).trim_matches('"'));
        }
        _ => "",
    };
    enabled(case, init, first)
}

/// The commands that have all of it start, after `first`.
fn enabled(case: &Case, init: Init, first: &str) -> String {
    let parts = STAGES.join(" ");
    let command = match init {
        Init::Systemd | Init::Unknown => format!("systemctl unmask {parts}; systemctl enable {parts}"),
        // Its jobs start by themselves, unless a file beside them says `manual`.
        Init::Upstart if case.os_id() == "ubuntu" => "rm -f /etc/init/cloud-*.override".to_owned(),
        _ => starting::enable(case, STAGES),
    };
    format!("In the guest: `{first}{command}`.")
}
