//! `/etc/sysconfig/network/ifcfg-*` of SUSE, as wicked and the scripts before it read it (ifcfg(5)).

use super::files::{text, wanted};
use super::link::{address, bind, is_loopback, learns6, named};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::shell::Assignments;
use crate::inspect::facts::{Interface, LinkKind, V4, V6};

const DIR: &str = "/etc/sysconfig/network";
/// Ends of names that are no configurations, and the template.
const LEFT_OVER: &[&str] =
    &["~", ".old", ".bak", ".orig", ".rpmnew", ".rpmorig", ".rpmsave", ".scpmbackup", ".scpm-backup", ".template"];
const CLOUD_INIT: &str = "# Created by cloud-init";

/// The interfaces.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree) -> Result<Vec<Interface>> {
    let mut found = Vec::new();
    let mut parts: Vec<(String, String)> = Vec::new();
    let take = |name: &str| name.starts_with("ifcfg-") && !LEFT_OVER.iter().any(|end| name.ends_with(end));
    for name in wanted(tree, DIR, take)? {
        let path = format!("{DIR}/{name}");
        let Some(text) = text(tree, &path)? else { continue };
        let mut settings = Assignments::default();
        settings.source(&text);
        let suffix = name.strip_prefix("ifcfg-").unwrap_or_default();
        if is_loopback(suffix) {
            continue;
        }
        let slaves = settings
            .iter()
            .filter(|(name, ..)| name.starts_with("BONDING_SLAVE") || name.starts_with("TEAM_PORT_DEVICE"));
        parts.extend(slaves.map(|(_, part, _)| (part.to_owned(), suffix.to_owned())));
        found.push(Interface { rewritten: text.starts_with(CLOUD_INIT), ..interface(&settings, suffix, &path) });
    }
    for link in &mut found {
        if let Some((_, bond)) = parts.iter().find(|(part, _)| *part == link.name) {
            link.bond.clone_from(bond);
        }
    }
    Ok(found)
}

fn interface(settings: &Assignments, suffix: &str, path: &str) -> Interface {
    let line = settings.line(&["BOOTPROTO", "IPADDR", "STARTMODE"]);
    let mut interface = named(suffix, path, line);
    // Names of before udev: eth-id-00:11:22:33:44:55, eth-bus-pci-0000:00:03.0.
    if let Some((_, mac)) = suffix.split_once("-id-") {
        bind(&mut interface, mac);
        interface.kind = LinkKind::Card;
    }
    interface.kind = match () {
        () if settings.yes("BONDING_MASTER") || !settings.get("TEAM_RUNNER").is_empty() => LinkKind::Bond,
        () if settings.yes("BRIDGE") => LinkKind::Bridge,
        () if !settings.get("ETHERDEVICE").is_empty() || settings.get("WIRELESS") == "yes" => LinkKind::Other,
        () => interface.kind,
    };
    let start = settings.get("STARTMODE").to_ascii_lowercase();
    interface.required = matches!(start.as_str(), "auto" | "boot" | "onboot" | "on" | "nfsroot");
    interface.off = matches!(start.as_str(), "off" | "manual" | "");
    let protocol = settings.get("BOOTPROTO").to_ascii_lowercase();
    let words: Vec<&str> = protocol.split(['+', ' ']).collect();
    if words.iter().any(|word| matches!(*word, "dhcp" | "dhcp4")) {
        interface.v4 = V4::Dhcp;
    }
    if words.iter().all(|word| matches!(*word, "static" | "dhcp" | "dhcp4" | "dhcp6" | "")) {
        for (_, value, _) in settings.iter().filter(|(name, ..)| name.starts_with("IPADDR")) {
            if interface.v6 != V6::Static || !value.contains(':') {
                address(&mut interface, value);
            }
        }
    }
    if words.contains(&"dhcp6") {
        learns6(&mut interface, V6::Dhcp);
    } else if words.contains(&"auto6") {
        learns6(&mut interface, V6::Auto);
    }
    interface
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;
    use crate::inspect::facts::By;

    fn one(suffix: &str, text: &str) -> Interface {
        let path = format!("{DIR}/ifcfg-{suffix}");
        read(&MemoryFs::of_texts(&[(&path, text)]).tree()).unwrap().remove(0)
    }

    #[test]
    fn protocols_and_start_modes_are_read() {
        let i = one("eth0", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
        assert_eq!((&*i.name, i.v4, i.v6, i.required, i.off), ("eth0", V4::Dhcp, V6::None, true, false));
        assert_eq!(one("eth0", "BOOTPROTO='dhcp4'\nSTARTMODE='hotplug'\n").v4, V4::Dhcp);
        let i = one("eth0", "BOOTPROTO='dhcp6'\nSTARTMODE='off'\n");
        assert_eq!((i.v4, i.v6, i.off), (V4::None, V6::Dhcp, true));
        let i = one("eth0", "BOOTPROTO='static'\nIPADDR='10.0.0.2/24'\nIPADDR_1='2001:db8::2/64'\nSTARTMODE='auto'\n");
        assert_eq!((i.v4, i.v6), (V4::Static, V6::Static));
        assert_eq!(one("eth0", "BOOTPROTO='none'\nIPADDR='10.0.0.2/24'\n").v4, V4::None);
    }

    #[test]
    fn bonds_bridges_and_old_names_are_known() {
        let fs = MemoryFs::of_texts(&[
            (
                "/etc/sysconfig/network/ifcfg-bond0",
                "BONDING_MASTER='yes'\nBONDING_SLAVE_0='eth0'\nBOOTPROTO='dhcp'\nSTARTMODE=auto\n",
            ),
            ("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='none'\nSTARTMODE='hotplug'\n"),
            ("/etc/sysconfig/network/ifcfg-lo", "IPADDR=127.0.0.1/8\n"),
            ("/etc/sysconfig/network/ifcfg.template", ""),
        ]);
        let found = read(&fs.tree()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].kind, &*found[1].bond), (LinkKind::Bond, "bond0"));
        let i = one("eth-id-00:16:3E:00:00:01", "BOOTPROTO='dhcp'\nSTARTMODE='onboot'\n");
        assert_eq!((i.by, &*i.name, i.kind), (By::Mac, "00:16:3e:00:00:01", LinkKind::Card));
    }
}
