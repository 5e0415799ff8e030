//! # What it checks
//! That the guest asks for its address by DHCP.
//!
//! # Why
//! A cloud gives an instance its address by DHCP. With an address of its former home it cannot be reached. Alibaba Cloud's
//! text of 2018 says that DHCP must be enabled, that of 2020-12 asks for it.
//!
//! # How it is found
//! Only what sets up interfaces at boot counts: ifupdown, EL's network-scripts, NetworkManager, systemd-networkd, netplan,
//! wicked, cloud-init unless it is told to leave the network alone, ds-identify switches it off, or it writes for ifupdown what
//! `/etc/network/interfaces` does not source, FreeBSD's `rc.conf`. One
//! interface on DHCP is enough, unless it goes by a name that the card does not get: `ens3` or `!eth0` with `net.ifnames=0`,
//! `eth0` without. Of systemd-networkd's and netplan's files that match one interface only the first one counts,
//! by name; whether one matches that asks for the host or the like is not known.
//! NetworkManager puts a card without a profile on DHCP, unless `no-auto-default` (package NetworkManager-config-server) says
//! not to or it is told to leave the card alone (`unmanaged-devices`, `managed=0`); a profile that is not brought up is one, too. ifupdown and network-scripts need a client program.
//!
//! # How to mend it
//! Set up the first interface for DHCP, bound to no hardware address.

use super::interfaces::{Fit, card, how, listed, network, on_dhcp, seen};
use super::lnx_03_boot_entry::bare;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown, svc_02_datasource};
use crate::guest::linux::network::card_names;
use crate::inspect::facts::{By, Fact, Interface, LinkKind, Network, V4};

/// SVC-10.
pub const RULE: Rule = Rule {
    id: "SVC-10",
    name: "DhcpEnabled",
    code: "DhcpNotEnabled",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("svc_10_dhcp.rs"),
    check,
};

/// The platform on which the cloud does nothing for the network but DHCP.
const BY_HAND: &str = "Others Linux";
/// Managers whose configuration is not read.
const UNREAD: &[&str] = &["dhcpcd", "connman"];

fn check(case: &Case) -> Judged {
    let network = network(case)?;
    // What only a cloud-init sets up that does not run there.
    let off =
        svc_02_datasource::switched_off(case).filter(|_| network.managers.iter().any(|by| by.value == "cloud-init"));
    let runs = |i: &&Interface| off.is_none() || !i.place.starts_with("/etc/cloud/");
    let dhcp: Vec<&Interface> = network.interfaces.iter().filter(|i| on_dhcp(i)).filter(runs).collect();
    if !dhcp.is_empty() && needs_client(network) {
        let names = listed(dhcp.iter().copied(), how);
        return Ok(Finding::new(format!("{names}, but no DHCP client is installed"))
            .narrowed("NoClient")
            .remedy(client(case))
            .fail(Grade::Breach));
    }
    if let Some(by) = network.automatic.as_ref().filter(|by| by.value == "cloud-init" && off.is_none()) {
        let finding = Finding::new("cloud-init sets up the network, by DHCP where the cloud says nothing else");
        return Ok(automatic(case, finding.seen("cloud-init", by.place.clone())).pass());
    }
    if let Some(verdict) = for_another_card(network, &dhcp) {
        return Ok(verdict);
    }
    if !dhcp.is_empty() {
        return Ok(passed(case, network, &dhcp));
    }
    if let Some(why) = off {
        let what = "what else sets up the network is not read as far as cloud-init would replace it";
        return Err(Box::new(Verdict::not_read(format!("{why}; {what}"))));
    }
    // What may be for the cloud's card: NetworkManager puts no card on DHCP for which it has a profile, brought up or not.
    let is_taken = |i: &&Interface| i.kind != LinkKind::Other && (!i.off || i.held) && card(i, network) != Fit::No;
    let taken: Vec<&Interface> = network.interfaces.iter().filter(is_taken).collect();
    if let Some(by) = &network.automatic {
        let finding = Finding::default().seen(by.value.clone(), by.place.clone());
        if taken.is_empty() {
            let message = format!("{} puts interfaces without a profile on DHCP", by.value);
            return Ok(automatic(case, Finding { message, ..finding }).pass());
        }
        if taken.iter().all(|i| card(i, network) == Fit::Perhaps) {
            let message = format!(
                "{}; under another name {} puts the interface on DHCP",
                listed(taken.iter().copied(), how),
                by.value
            );
            let finding = seen(Finding { message, ..finding }, taken.into_iter()).remedy(remedy(network));
            return Ok(finding.fail(Grade::Doubt));
        }
    }
    undecided(case, network)?;
    let mut message = match network.interfaces.as_slice() {
        [] => "no interface is configured".to_owned(),
        some => format!("no interface is on DHCP: {}", listed(some.iter(), how)),
    };
    if let Some(place) = &network.not_automatic {
        message = format!("{message}; NetworkManager is told to leave interfaces without a profile alone ({place})");
    }
    if let Some(kept) = &network.kept {
        let why = if kept.place.is_empty() { "it is not installed" } else { kept.place.as_str() };
        message = format!("{message}; {}, which would set it up, is kept from it: {why}", kept.value);
    }
    let finding = seen(Finding::new(message).remedy(remedy(network)), network.interfaces.iter());
    let finding = network.managers.iter().fold(finding, |f, by| f.seen(by.value.clone(), by.place.clone()));
    Ok(match case.custom_platform() {
        Some(BY_HAND) => finding.note(Grade::Note, "set up the network by hand, through the remote connection"),
        _ => finding,
    }
    .fail(Grade::Breach))
}

/// Where all that is on DHCP by name is for names that the card does not get: predictable ones while the kernel's are kept,
/// or `eth0` while they are not.
fn for_another_card(network: &Network, dhcp: &[&Interface]) -> Option<Verdict> {
    if network.automatic.is_some() || network.persistent > 0 {
        return None;
    }
    let is_other = |i: &&Interface| {
        is_pattern_for_others(i, network)
            || i.by == By::Name
                && i.kind == LinkKind::Card
                && if network.kernel_names.is_some() {
                    is_numbered(&i.name, &["ens", "enp", "eno", "enP"])
                } else {
                    is_numbered(&i.name, &["eth"])
                }
    };
    let first = dhcp.iter().copied().find(|i| is_other(i))?;
    if !dhcp.iter().all(|i| i.by == By::Mac || is_other(i)) {
        return None;
    }
    let (name, place) = (shown(&first.name).trim_matches('"').to_owned(), &first.place);
    let found = listed(dhcp.iter().copied(), how);
    let (grade, why, remedy) = match &network.kernel_names {
        Some(why) => (
            if first.by == By::Pattern { Grade::Doubt } else { Grade::Breach },
            format!("but the instance's card is eth0 ({why})"),
            format!("At {place}, and wherever else {name} is written, write eth0 for it."),
        ),
        None => (
            Grade::Doubt,
            "but predictable names are given, and the instance's card is hardly that".to_owned(),
            format!(
                "Put net.ifnames=0 on the kernel command line (/etc/default/grub, then update-grub or grub2-mkconfig), or set \
                 up the card by pattern instead of {name}."
            ),
        ),
    };
    Some(seen(Finding::new(format!("{found}, {why}")).remedy(remedy), dhcp.iter().copied()).fail(grade))
}

/// Whether it is for cards with predictable names, or for all but `eth0`, while the kernel's names are kept.
fn is_pattern_for_others(interface: &Interface, network: &Network) -> bool {
    let predictable = interface.name.split_whitespace().all(|word| word.starts_with("en") || word.starts_with('!'));
    network.kernel_names.is_some()
        && (interface.by, interface.kind) == (By::Pattern, LinkKind::Card)
        && predictable
        && card(interface, network) == Fit::No
}

/// Whether a name is one of these words and what begins with a digit.
fn is_numbered(name: &str, words: &[&str]) -> bool {
    let rest = words.iter().find_map(|word| name.strip_prefix(word));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `Unknown` where what was not read may be what asks for the address.
fn undecided(case: &Case, network: &Network) -> Result<(), Box<Verdict>> {
    if let Some(unread) = network.interfaces.iter().find(|i| i.v4 == V4::Unknown) {
        let what = format!("what is set up at {} depends on what the image does not tell", unread.place);
        return Err(Box::new(Verdict::not_read(what)));
    }
    if let Some(unread) = network.managers.iter().find(|by| UNREAD.contains(&by.value.as_str())) {
        return Err(Box::new(Verdict::not_read(format!("{} sets up the network, and is not read", unread.value))));
    }
    if network.managers.is_empty() {
        return Err(Box::new(Verdict::not_read("nothing that this version knows sets up the network at boot")));
    }
    let linux = case.facts.guest.as_ref().and_then(|guest| guest.linux.as_ref());
    if let Some(Fact::Unreadable(trouble)) = linux.and_then(|linux| linux.cloud_init.as_ref()) {
        return Err(Box::new(Verdict::missing(format!(
            "cloud-init may set up the network, and could not be read: {}",
            trouble.what
        ))));
    }
    case.complete(&["network.interfaces"])
}

/// Only scripts bring interfaces up, and there is no program for them to call.
fn needs_client(network: &Network) -> bool {
    let by_scripts = |value: &str| matches!(value, "ifupdown" | "network-scripts");
    network.client_missing && network.managers.iter().all(|by| by_scripts(&by.value))
}

fn passed(case: &Case, network: &Network, dhcp: &[&Interface]) -> Verdict {
    let mut finding = seen(Finding::new(listed(dhcp.iter().copied(), how)), dhcp.iter().copied());
    let fixed = |i: &&Interface| i.kind == LinkKind::Card && i.v4 == V4::Static && !i.off;
    let first = network.interfaces.iter().filter(fixed).find(|i| i.by == By::Name && i.name == "eth0");
    // Where the kernel's names are kept, what is said of eth0 by name is said of the card.
    let named = network.kernel_names.is_some() && dhcp.iter().any(|i| i.by == By::Name && i.name == "eth0");
    let pattern = network.interfaces.iter().filter(fixed).find(|i| i.by == By::Pattern && card(i, network) != Fit::No);
    if let Some(first) = first {
        finding = finding.note(Grade::Doubt, format!("eth0 itself has a static address ({})", first.place));
    } else if let Some(other) = pattern.filter(|_| !named).or_else(|| before(network, dhcp)) {
        finding = finding.note(Grade::Doubt, format!("but {}", listed(std::iter::once(other), how)));
    }
    if network.automatic.is_none() && dhcp.iter().all(|i| i.by == By::Mac) {
        let note = "bound to a hardware address, which the cloud's interface does not have";
        finding =
            finding.note(Grade::Doubt, note).remedy("Remove HWADDR, mac-address, macaddress or MACAddress there.");
    }
    automatic(case, finding).pass()
}

/// A name that the card may have, and that systemd-networkd sets up otherwise before a pattern has it on DHCP: of two files
/// for one card the first is used, and those of a name that come after a pattern for it are not among the interfaces.
fn before<'a>(network: &'a Network, dhcp: &[&Interface]) -> Option<&'a Interface> {
    let by_networkd = |i: &Interface| i.place.contains(".network:") || i.place.contains("/netplan/");
    let names = card_names(network.kernel_names.is_some());
    let is_other = |i: &&Interface| {
        (i.by, i.kind) == (By::Name, LinkKind::Card)
            && matches!(i.v4, V4::Static | V4::None)
            && i.bond.is_empty()
            && by_networkd(i)
            && names.contains(&i.name.as_str())
    };
    let all = dhcp.iter().all(|i| i.by == By::Pattern && by_networkd(i));
    network.interfaces.iter().find(is_other).filter(|_| all)
}

fn automatic(case: &Case, finding: Finding) -> Finding {
    match case.custom_platform() {
        Some(BY_HAND) => finding.note(Grade::Note, "the network is set up automatically"),
        _ => finding,
    }
}

fn client(case: &Case) -> String {
    let command = match case.os_id() {
        "debian" | "ubuntu" => "apt-get install isc-dhcp-client",
        "centos" | "rhel" | "rocky" | "almalinux" | "alinux" | "fedora" | "ol" => "yum install dhclient",
        "alpine" => "apk add dhcpcd",
        _ => return "Install a DHCP client with the distribution's package manager.".to_owned(),
    };
    format!("In the guest: `{command}`.")
}

/// A file of a name that sorts before all others: only the first one that matches is used.
fn networkd(network: &Network, name: &str) -> String {
    let files =
        || network.interfaces.iter().filter_map(|i| i.place.rsplit('/').next()).filter(|f| f.contains(".network:"));
    let file = ["01", "00", "0", "!"].map(|start| format!("{start}-{name}.network"));
    let first = file.iter().find(|own| files().all(|other| own.as_str() < other)).unwrap_or(&file[3]);
    format!(
        "In /etc/systemd/network/{first}, which must sort before all others that match: `[Match]`, `Name={name}`, `[Network]`, `DHCP=yes`, and no Address."
    )
}

fn remedy(network: &Network) -> String {
    let has = |name: &str| network.managers.iter().any(|by| by.value == name);
    let first = network.interfaces.iter().find(|i| i.by == By::Name && i.kind == LinkKind::Card);
    let name = first.map_or("eth0", |i| i.name.as_str());
    let kept = network.kept.as_ref();
    match () {
        () if kept.is_some_and(|kept| kept.value == "systemd-networkd") => {
            "In the guest: `systemctl unmask systemd-networkd.service`; where it is not there, install systemd-networkd.".to_owned()
        }
        () if kept.is_some_and(|kept| kept.value == "cloud-init") => {
            "In /etc/network/interfaces write the line `source /etc/network/interfaces.d/*`.".to_owned()
        }
        () if kept.is_some_and(|kept| kept.value == "network-scripts") => format!(
            "In the guest: `sed -i 's/\\r$//' /etc/sysconfig/network-scripts/ifcfg-{name}`."
        ),
        () if has("netplan") => {
            // Another entry beside one that matches the card would not be used.
            let is_own = |i: &&Interface| i.kind == LinkKind::Card && i.by != By::Mac && i.place.contains("/netplan/");
            let of = match network.interfaces.iter().find(is_own) {
                Some(own) => format!("In the entry at {}: `dhcp4: true`, and no addresses", own.place),
                None => format!("In /etc/netplan set `dhcp4: true` for {name} and remove its addresses"),
            };
            format!("{of}, then `netplan generate`.")
        }
        () if has("NetworkManager") && kept.is_some_and(|kept| kept.value == "NetworkManager") => format!(
            "Take what leaves {name} alone out of {}; then NetworkManager puts it on DHCP where it has no profile.",
            kept.map(|kept| kept.place.as_str()).unwrap_or_default()
        ),
        () if has("NetworkManager") => format!(
            "In the guest: `nmcli connection add type ethernet ifname {name} con-name {name} ipv4.method auto`, after `nmcli connection delete` of the old profile."
        ),
        () if has("network-scripts") => {
            format!("In /etc/sysconfig/network-scripts/ifcfg-{name}: BOOTPROTO=dhcp, ONBOOT=yes, and no IPADDR.")
        }
        () if has("wicked") => {
            format!("In /etc/sysconfig/network/ifcfg-{name}: BOOTPROTO='dhcp', STARTMODE='auto', and no IPADDR.")
        }
        () if has("systemd-networkd") => networkd(network, name),
        // What is said of the card by name is not what DEFAULT says.
        () if has("rc.conf") => match first.filter(|first| first.name.starts_with("vtnet")) {
            Some(own) => format!("In the guest: `sysrc ifconfig_{}=SYNCDHCP`.", bare(&own.name)),
            None => "In the guest: `sysrc ifconfig_DEFAULT=SYNCDHCP`.".to_owned(),
        },
        () => format!("In /etc/network/interfaces: `auto {name}` and `iface {name} inet dhcp`."),
    }
}
