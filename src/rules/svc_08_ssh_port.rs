//! # What it checks
//! That an SSH server starts with the guest, takes its configuration, and listens on TCP port 22.
//!
//! # Why
//! Alibaba Cloud asks for port 22: without it nobody logs in but by the console. Whether the security group of the instance
//! lets it through is the cloud's side, and not in the image.
//!
//! # How it is found
//! Starting: `ssh.service`, `sshd.service`, `ssh.socket` or `sshd.socket` wanted by the default target, a start link, an
//! upstart job, a runlevel of OpenRC, `sshd_enable` on FreeBSD. Running: its program is there, each keyword of sshd_config
//! is one that the program knows and takes where it stands, the service that a `Port` names is in `/etc/services`, the user
//! `sshd` is there where the release demands it, and a host key that is not open to others is there or made at boot. Only the
//! usual names (`ssh_host_*_key`) are made by themselves. Listening: `Port` and `ListenAddress` of sshd_config with
//! what it includes, options on sshd's command line, or `ListenStream` of the socket with its drop-ins.
//!
//! # How to mend it
//! Debian, Ubuntu: `apt-get install openssh-server && systemctl enable ssh`. Others: `systemctl enable sshd`. Older systems:
//! `chkconfig sshd on`. FreeBSD: `sysrc sshd_enable=YES`. What its configuration lacks, `sshd -t` says. Port: `Port 22` in `/etc/ssh/sshd_config`, and no `ListenAddress`.

use super::text::join;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown, starting};
use crate::inspect::facts::{CloudInit, Fact, Init, Linux, Listen, Ssh, When};

/// SVC-08.
pub const RULE: Rule = Rule {
    id: "SVC-08",
    name: "SshPort22Open",
    code: "SshPort22",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("svc_08_ssh_port.rs"),
    check,
};

/// The port the documents name.
const PORT: u16 = 22;

fn check(case: &Case) -> Judged {
    let linux = case.unix()?;
    let ssh = known(linux.ssh.as_ref(), "the SSH server")?;
    let by = starting::told(&ssh.starts.by);
    let idle = match ssh.starts.when {
        When::Boot => None,
        When::Unknown => return Ok(Verdict::missing(format!("whether an SSH server starts: {by}"))),
        When::Demand => return Ok(Verdict::missing(format!("the SSH server starts when something asks for it: {by}"))),
        When::Kept => Some(format!("the SSH server is kept from starting by {by}")),
        When::Never => Some("an SSH server is there, and nothing starts it".to_owned()),
        When::Absent => Some("no SSH server is there".to_owned()),
    };
    if let Some(message) = idle {
        let finding = Finding::new(message).remedy(enable(case, ssh));
        let finding = if ssh.starts.by.is_empty() { finding } else { finding.seen("starts", ssh.starts.by.clone()) };
        // What the kernel line says stands in the entry that is started.
        let entry = linux.boot.as_ref().and_then(Fact::known).filter(|_| by_kernel_line(&ssh.starts.by));
        let finding = match entry {
            Some(boot) => finding.seen("the default entry", boot.entry.place.clone()),
            None => finding,
        };
        return Ok(finding.fail(Grade::Doubt));
    }
    let finding = Finding::default().seen("starts", ssh.starts.by.clone());
    if let Some(refused) = &ssh.refused {
        let message = format!(
            "an SSH server is started and does not run: {} ({})",
            shown(&refused.value).trim_matches('"'),
            shown(&refused.place)
        );
        let finding = Finding { message, ..finding }.seen(refused.value.clone(), refused.place.clone());
        return Ok(finding.remedy(mend(case, &refused.place)).fail(Grade::Doubt));
    }
    if ssh.keyless {
        match linux.cloud_init.as_ref().map(|fact| fact.known().map(CloudInit::starts)) {
            Some(Some(true)) => {}
            Some(Some(false)) => {
                let message = "an SSH server is started and does not run: no host key of it is in the image, and nothing \
                               was found that makes one";
                return Ok(Finding { message: message.to_owned(), ..finding }
                    .remedy("In the guest: `ssh-keygen -A`, or have cloud-init make host keys at the first boot.")
                    .fail(Grade::Doubt));
            }
            _ => return Ok(Verdict::missing("whether cloud-init makes the host keys that the image lacks")),
        }
    }
    if let Some(why) = &ssh.undecided {
        return Ok(Verdict::missing(format!("where the SSH server listens is not known: {}", shown(why))));
    }
    let finding = ssh.listens.iter().fold(finding, |finding, listen| finding.seen(at(listen), place(listen)));
    let reached: Vec<&Listen> = ssh.listens.iter().filter(|listen| listen.port == PORT && is_reached(listen)).collect();
    if reached.is_empty() {
        let places: Vec<String> =
            ssh.listens.iter().map(|listen| format!("{} ({})", at(listen), place(listen))).collect();
        let message = if places.is_empty() {
            "the SSH server listens on no TCP port".to_owned()
        } else if let Some(family) = &ssh.family {
            let (value, at) = (shown(&family.value), shown(&family.place));
            format!(
                "the SSH server listens on IPv6 alone ({} at {}) and not on TCP port {PORT} for everyone",
                value.trim_matches('"'),
                at.trim_matches('"')
            )
        } else {
            format!("the SSH server listens on {} and not on TCP port {PORT} for everyone", join(&places, 4))
        };
        return Ok(Finding { message, ..finding }.remedy(listen(ssh)).fail(Grade::Doubt));
    }
    let message =
        format!("an SSH server starts and listens on TCP port {PORT}; the security group has to allow it, too");
    let finding = Finding { message, ..finding };
    let narrow = reached.iter().all(|listen| !is_any(&listen.address)).then(|| reached.first()).flatten();
    let finding = match narrow {
        Some(one) => finding.note(Grade::Note, format!("only at {}, which the instance may not have", at(one))),
        None => finding,
    };
    Ok(keys(linux, ssh, root(ssh, finding)).pass())
}

fn by_kernel_line(by: &str) -> bool {
    by.starts_with("kernel command line: ")
}

fn root(ssh: &Ssh, finding: Finding) -> Finding {
    match &ssh.root_login {
        Some(set) if set.value == "no" || set.value == "forced-commands-only" => {
            let note = format!("root may not log in (PermitRootLogin {})", shown(&set.value).trim_matches('"'));
            finding.seen(format!("PermitRootLogin {}", shown(&set.value)), set.place.clone()).note(Grade::Note, note)
        }
        _ => finding,
    }
}

/// cloud-init makes new host keys at the first boot; without it those of the image are every instance's.
fn keys(linux: &Linux, ssh: &Ssh, finding: Finding) -> Finding {
    let renewed = linux.cloud_init.as_ref().and_then(Fact::known).is_none_or(CloudInit::starts);
    if renewed || ssh.host_keys.is_empty() {
        return finding;
    }
    let kinds: Vec<String> = ssh.host_keys.iter().map(|kind| shown(kind).trim_matches('"').to_owned()).collect();
    finding
        .seen(format!("host keys: {}", join(&kinds, 8)), "/etc/ssh")
        .note(Grade::Note, "every instance will have the host keys of the image")
}

/// Every address, or every one of IPv4.
fn is_any(address: &str) -> bool {
    matches!(address, "" | "0.0.0.0" | "*")
}

/// Not on loopback, and not over IPv6 alone: the cloud's network is IPv4.
fn is_reached(listen: &Listen) -> bool {
    let address = listen.address.as_str();
    !(address.starts_with("127.") || address.eq_ignore_ascii_case("localhost") || address.contains(':'))
}

fn at(listen: &Listen) -> String {
    let address = shown(&listen.address);
    let address = address.trim_matches('"');
    match (is_any(&listen.address), listen.address.contains(':')) {
        (true, _) => format!("port {}", listen.port),
        (_, true) => format!("[{address}]:{}", listen.port),
        _ => format!("{address}:{}", listen.port),
    }
}

fn place(listen: &Listen) -> String {
    if listen.place.is_empty() { "the default".to_owned() } else { shown(&listen.place).trim_matches('"').to_owned() }
}

fn enable(case: &Case, ssh: &Ssh) -> String {
    let install = match case.os_id() {
        "debian" | "ubuntu" => "apt-get install openssh-server && ",
        "opensuse" | "opensuse-leap" | "sles" | "sles_sap" | "sled" => "zypper install openssh && ",
        "alpine" => "apk add openssh && ",
        _ => "yum install openssh-server && ",
    };
    let install = if ssh.starts.when == When::Absent { install } else { "" };
    let name = unit(case).trim_end_matches(".service");
    let on = match () {
        () if case.freebsd() => "sysrc sshd_enable=YES".to_owned(),
        () if case.coreos() => "systemctl enable sshd.socket".to_owned(),
        () if case.os_id() == "alpine" => "rc-update add sshd default".to_owned(),
        () => starting::enable(case, &[name]),
    };
    let released = Some(ssh.starts.by.as_str()).filter(|_| ssh.starts.when == When::Kept);
    let released = released.and_then(|by| starting::release(case, by, unit(case)));
    match (released, starting::init(case)) {
        // What keeps it does so whether it is enabled or not, and its link may be there or not.
        (Some(sentence), Init::Upstart) => sentence,
        (Some(sentence), _) => format!("{sentence} Then `{on}`."),
        (None, Init::Upstart) if install.is_empty() && name == "ssh" => {
            "In /etc/init/ssh.conf write `start on runlevel [2345]`, and no `manual` in /etc/init/ssh.override."
                .to_owned()
        }
        (None, _) => format!("In the guest: `{install}{on}`."),
    }
}

/// What makes it run again, by what keeps it.
fn mend(case: &Case, place: &str) -> String {
    let is_unit = [".service", ".service.d/"].iter().any(|part| place.contains(part));
    match place.rsplit_once(':') {
        _ if place == "/etc/passwd" => {
            "In the guest: `useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd`.".to_owned()
        }
        _ if place.starts_with('/') && !place.contains(':') && place.contains("key") => {
            format!("In the guest: `chmod 600 {}`, and of the other host keys.", shown(place).trim_matches('"'))
        }
        _ if is_unit => format!(
            "Mend {}, and install the server anew where its program is gone; `systemd-analyze verify {}` shows what is left.",
            shown(place),
            unit(case)
        ),
        Some(_) => format!("In the guest: mend or remove line {}; then `sshd -t` has to say nothing.", shown(place)),
        None => "Install the SSH server anew, with its configuration; then `sshd -t` has to say nothing.".to_owned(),
    }
}

fn unit(case: &Case) -> &'static str {
    if matches!(case.os_id(), "debian" | "ubuntu") { "ssh.service" } else { "sshd.service" }
}

fn listen(ssh: &Ssh) -> String {
    if ssh.socket {
        return "In the guest: `systemctl edit ssh.socket`, and under [Socket] the lines `ListenStream=` and `ListenStream=22`."
            .to_owned();
    }
    let mut parts = Vec::new();
    for one in ssh.listens.iter().filter(|one| one.port != PORT && one.option) {
        let part = format!("`-p {}` at {}", one.port, place(one));
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let by_option = !parts.is_empty();
    let six =
        ssh.family.as_ref().map(|family| (family.value == "-6", shown(&family.place).trim_matches('"').to_owned()));
    if let Some((true, place)) = &six {
        parts.push(format!("`-6` at {place}"));
    }
    let removed = (!parts.is_empty()).then(|| format!("Remove {}.", join(&parts, 4)));
    let family = six.filter(|(option, _)| !option).map(|(_, place)| format!("At {place} write `AddressFamily any`."));
    let rest = ssh.listens.iter().any(|one| !one.place.is_empty() && !one.option && !is_six(ssh, one));
    let configured = (rest || (!by_option && ssh.family.is_none())).then(|| {
        "In /etc/ssh/sshd_config, and in what it includes, write `Port 22` for other ports and remove ListenAddress."
            .to_owned()
    });
    [removed, family, configured].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Whether an address is that of the family alone, on the right port.
fn is_six(ssh: &Ssh, listen: &Listen) -> bool {
    ssh.family.is_some() && listen.address == "::" && listen.port == PORT
}
