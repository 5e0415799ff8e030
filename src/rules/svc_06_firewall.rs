//! # What it checks
//! That no packet filter starts with the guest.
//!
//! # Why
//! Alibaba Cloud asks for the firewall to be switched off: a security group filters in front of the instance. A filter that
//! blocks TCP port 22 leaves an instance that nobody reaches.
//!
//! # How it is found
//! By what starts at boot: firewalld, ufw (with `ENABLED=yes`), SuSEfirewall2, nftables, iptables, ip6tables,
//! netfilter-persistent and others, units and scripts of one's own, hooks of ifupdown and NetworkManager that load rules; on
//! FreeBSD ipfw, pf and ipfilter in rc.conf. Their rules are followed for a new
//! connection to TCP port 22 from anywhere, and for the answers to it: it passes, it is blocked, or what is not read leaves it open. A filter without
//! a single rule that drops is only noted.
//!
//! # How to mend it
//! `systemctl disable --now firewalld` (or nftables, iptables, netfilter-persistent, SuSEfirewall2), `ufw disable`,
//! `chkconfig iptables off`; where a script loads the rules, take that line out of it; FreeBSD: `sysrc firewall_enable=NO pf_enable=NO ipfilter_enable=NO`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::inspect::facts::{Firewall, Passage, When};

/// SVC-06.
pub const RULE: Rule = Rule {
    id: "SVC-06",
    name: "FirewallDisabled",
    code: "FirewallEnabled",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("svc_06_firewall.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let firewalls = known(case.unix()?.firewall.as_ref(), "the packet filters")?;
    let filtering: Vec<&Firewall> =
        firewalls.iter().filter(|f| f.starts.when == When::Boot && f.ssh != Passage::Open).collect();
    let mut finding = Finding::default();
    for firewall in firewalls {
        finding = finding.seen(format!("{} starts", name(firewall)), firewall.starts.by.clone());
        if !firewall.place.is_empty() && firewall.ssh != Passage::Open {
            finding = finding.seen(format!("TCP port 22: {}", words(firewall.ssh)), firewall.place.clone());
        }
    }
    if !filtering.is_empty() {
        let told =
            filtering.iter().map(|firewall| format!("{} starts at boot{}", name(firewall), consequence(firewall)));
        let message = told.collect::<Vec<_>>().join("; ");
        let remedy = filtering.iter().map(|firewall| off(case, firewall)).collect::<Vec<_>>().join(" ");
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Doubt));
    }
    if let Some(unknown) = firewalls.iter().find(|f| f.starts.when == When::Unknown) {
        return Ok(Verdict::missing(format!("whether {} starts: {}", name(unknown), shown(&unknown.starts.by))));
    }
    let Some(first) = firewalls.first() else { return Ok(Verdict::passed("no packet filter starts at boot")) };
    let message = match first.starts.when {
        When::Boot => format!("{} starts at boot and filters nothing", name(first)),
        _ => format!("{} does not start at boot, but when a program asks for it", name(first)),
    };
    Ok(Finding { message, ..finding }.remedy(off(case, first)).fail(Grade::Note))
}

/// A name of our own list, escaped all the same: it came by the wire.
fn name(firewall: &Firewall) -> String {
    shown(&firewall.name).trim_matches('"').to_owned()
}

fn words(ssh: Passage) -> &'static str {
    match ssh {
        Passage::Open => "nothing is filtered",
        Passage::Passes => "passes",
        Passage::Blocked => "blocked",
        Passage::Unknown => "not known",
    }
}

fn consequence(firewall: &Firewall) -> String {
    let place = if firewall.place.is_empty() { String::new() } else { format!(" ({})", shown(&firewall.place)) };
    match firewall.ssh {
        Passage::Open | Passage::Passes => "; SSH on TCP port 22 passes".to_owned(),
        Passage::Blocked if over_v6(firewall) => format!("; it blocks TCP port 22 over IPv6{place}"),
        Passage::Unknown if over_v6(firewall) => {
            format!("; whether TCP port 22 passes over IPv6 is not known{place}")
        }
        Passage::Blocked => format!("; it blocks TCP port 22{place}: the instance will be unreachable"),
        Passage::Unknown => format!("; whether TCP port 22 passes is not known{place}"),
    }
}

fn over_v6(firewall: &Firewall) -> bool {
    firewall.ipv6 || firewall.name == "ip6tables"
}

/// The command that switches it off, for the init that starts it.
fn off(case: &Case, firewall: &Firewall) -> String {
    let name = name(firewall);
    let by = firewall.starts.by.as_str();
    let command = match firewall.name.as_str() {
        "ipfw" => "sysrc firewall_enable=NO".to_owned(),
        "pf" | "ipfilter" => format!("sysrc {name}_enable=NO"),
        "ufw" => "ufw disable".to_owned(),
        // A line of a script, or a unit of one's own.
        "iptables-restore" | "ip6tables-restore" | "nft" | "iptables" | "ip6tables" if own_unit(by) => {
            format!("systemctl disable --now {}", by.rsplit('/').next().unwrap_or_default())
        }
        "iptables-restore" | "ip6tables-restore" | "nft" => return take_out(by),
        "iptables" | "ip6tables" if by.rsplit_once(':').is_some() => return take_out(by),
        "a packet filter" => return "Switch every packet filter off in the guest.".to_owned(),
        "SuSEfirewall2" if by.contains("/rc") => {
            "chkconfig SuSEfirewall2_setup off; chkconfig SuSEfirewall2_init off".to_owned()
        }
        _ if by.contains("/runlevels/") => format!("rc-update del {name}"),
        _ if by.contains("/rc") && matches!(case.os_id(), "debian" | "ubuntu") => format!("update-rc.d {name} disable"),
        _ if by.contains("/rc") => format!("chkconfig {name} off"),
        _ => format!("systemctl disable --now {name}"),
    };
    format!("In the guest: `{command}`.")
}

/// The file of a unit with a name of its own, and no link by which a target wants one.
fn own_unit(by: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@".contains(c);
    by.starts_with("/etc/systemd/system/")
        && by.ends_with(".service")
        && !by.contains(".wants/")
        && !by.contains(".requires/")
        && by.chars().all(plain)
}

fn take_out(place: &str) -> String {
    format!("Take out the command at {}, which loads the rules.", shown(place))
}
