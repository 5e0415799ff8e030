//! `/etc/sysconfig/network-scripts/ifcfg-*`, as EL's network-scripts and NetworkManager's plugin for them read it
//! (sysconfig.txt of initscripts; nm-settings-ifcfg-rh(5)).

use super::files::{text, wanted};
use super::link::{address, bind, is_loopback, learns6, named, static6};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::shell::Assignments;
use crate::inspect::facts::{Interface, LinkKind, V4, V6};

pub const DIR: &str = "/etc/sysconfig/network-scripts";
/// Settings for all interfaces.
const GLOBAL: &str = "/etc/sysconfig/network";
/// Ends of names that neither program takes for configurations.
const LEFT_OVER: &[&str] =
    &["~", ".bak", ".orig", ".old", ".rpmnew", ".rpmorig", ".rpmsave", ".augnew", ".augtmp", ".cexpected"];
/// The first words of what cloud-init writes.
const CLOUD_INIT: &str = "# Created by cloud-init";

/// The ends of lines of DOS.
const DOS: &str = "\r\n";

/// Whether the scripts, NetworkManager or both read the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers {
    /// The service `network`.
    pub scripts: bool,
    /// NetworkManager, with its plugin.
    pub manager: bool,
}

/// The interfaces.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, readers: Readers) -> Result<Vec<Interface>> {
    let mut global = Assignments::default();
    if let Some(text) = text(tree, GLOBAL)? {
        global.source(&text);
    }
    // The scripts do nothing then.
    if !readers.manager && global.no("NETWORKING") {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in wanted(tree, DIR, is_configuration)? {
        let path = format!("{DIR}/{name}");
        let Some(text) = text(tree, &path)? else { continue };
        let mut settings = global.clone();
        settings.source(&text);
        let suffix = name.strip_prefix("ifcfg-").unwrap_or_default();
        let mut interface = interface(&settings, suffix, &path);
        if let Some(i) = &mut interface {
            // NetworkManager leaves the card of such a file alone.
            i.off |= !readers.scripts && settings.no("NM_CONTROLLED");
            i.held = readers.manager && i.off;
            i.required = readers.scripts && !i.off;
            // To a shell `dhcp` and a carriage return are not `dhcp`, and no card is called so; whether NetworkManager takes
            // it depends on its version.
            if text.contains(DOS) && readers.manager && i.v4 != V4::None {
                i.v4 = V4::Unknown;
            } else if text.contains(DOS) && !readers.manager {
                (i.off, i.required) = (true, false);
            }
            i.rewritten = text.starts_with(CLOUD_INIT);
        }
        found.extend(interface);
    }
    Ok(found)
}

/// The first of the files that was written on another system, each of its values ended by a carriage return.
///
/// # Errors
/// What the filesystem reports.
pub fn of_dos(tree: &Tree) -> Result<Option<String>> {
    for name in wanted(tree, DIR, is_configuration)? {
        let path = format!("{DIR}/{name}");
        if text(tree, &path)?.is_some_and(|text| text.contains(DOS)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// An alias (`eth0:1`) or a range adds addresses to an interface of a file of its own.
fn is_configuration(name: &str) -> bool {
    name.strip_prefix("ifcfg-")
        .is_some_and(|suffix| !suffix.is_empty() && !suffix.contains(':') && !suffix.contains("-range"))
        && !LEFT_OVER.iter().any(|end| name.ends_with(end))
}

/// What one file configures; `None` for the loopback interface.
fn interface(settings: &Assignments, suffix: &str, path: &str) -> Option<Interface> {
    let device = settings.get("DEVICE");
    let device = if device.is_empty() { suffix } else { device };
    if is_loopback(device) {
        return None;
    }
    let line = settings.line(&["BOOTPROTO", "IPADDR", "IPADDR0", "DEVICE"]);
    let mut interface = named(device, path, line);
    if let Some(kind) = kind(settings) {
        interface.kind = kind;
    }
    if !settings.get("HWADDR").is_empty() {
        bind(&mut interface, settings.get("HWADDR"));
    }
    interface.off = settings.no("ONBOOT");
    let bond = ["MASTER", "MASTER_UUID", "TEAM_MASTER"].iter().find(|name| !settings.get(name).is_empty());
    if let Some(bond) = bond {
        interface.bond = crate::guest::linux::cut(settings.get(bond), 64);
        return Some(interface);
    }
    if !settings.get("BRIDGE").is_empty() {
        return Some(interface);
    }
    match settings.get("BOOTPROTO").to_ascii_lowercase().as_str() {
        "dhcp" | "bootp" => interface.v4 = V4::Dhcp,
        _ if settings.iter().any(|(name, value, _)| is_address(name) && !value.is_empty()) => interface.v4 = V4::Static,
        _ => {}
    }
    if !settings.no("IPV6INIT") {
        for name in ["IPV6ADDR", "IPV6ADDR_SECONDARIES", "IPV6_DEFAULTGW"] {
            if let Some(one) = settings.get(name).split_whitespace().next()
                && interface.v6 != V6::Static
            {
                if name == "IPV6_DEFAULTGW" { static6(&mut interface, one) } else { address(&mut interface, one) }
            }
        }
        if settings.yes("DHCPV6C") {
            learns6(&mut interface, V6::Dhcp);
        }
    }
    Some(interface)
}

/// `IPADDR`, `IPADDR0`, `IPADDR_1`.
fn is_address(name: &str) -> bool {
    name.strip_prefix("IPADDR").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '_'))
}

fn kind(settings: &Assignments) -> Option<LinkKind> {
    if settings.yes("VLAN") {
        return Some(LinkKind::Other);
    }
    if !settings.get("BONDING_OPTS").is_empty() || settings.yes("BONDING_MASTER") {
        return Some(LinkKind::Bond);
    }
    let of_type = |name: &str| match settings.get(name).to_ascii_lowercase().as_str() {
        "" => None,
        "ethernet" | "teamport" => Some(LinkKind::Card),
        "bond" | "team" => Some(LinkKind::Bond),
        "bridge" | "ovsbridge" => Some(LinkKind::Bridge),
        _ => Some(LinkKind::Other),
    };
    of_type("DEVICETYPE").filter(|kind| *kind == LinkKind::Bond).or_else(|| of_type("TYPE"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::testarchive;
    use crate::guest::testing::MemoryFs;
    use crate::inspect::facts::By;

    const SCRIPTS: Readers = Readers { scripts: true, manager: false };
    const MANAGER: Readers = Readers { scripts: false, manager: true };

    fn one(name: &str, text: &str) -> Interface {
        let path = format!("{DIR}/ifcfg-{name}");
        let mut found = read(&MemoryFs::of_texts(&[(&path, text)]).tree(), SCRIPTS).unwrap();
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn a_protocol_is_what_the_last_assignment_says() {
        let i = one("eth0", "DEVICE=eth0\nBOOTPROTO=static # was: dhcp\nBOOTPROTO=\"dhcp\"\nONBOOT=yes\n");
        assert_eq!((i.by, &*i.name, i.v4, i.required), (By::Name, "eth0", V4::Dhcp, true));
        assert_eq!(i.place, "/etc/sysconfig/network-scripts/ifcfg-eth0:3");
        let i = one("eth0", "DEVICE='eth0'\nBOOTPROTO=none\nIPADDR=10.0.0.2\nPREFIX=24\n");
        assert_eq!((i.v4, i.off, i.required), (V4::Static, false, true), "no ONBOOT is yes");
        let i = one("ens33", "TYPE=Ethernet\nBOOTPROTO=dhcp\nONBOOT=no\n");
        assert_eq!((&*i.name, i.off, i.required), ("ens33", true, false), "as the installer of CentOS 7 leaves it");
        assert_eq!(one("eth0", "BOOTPROTO=none\n").v4, V4::None);
    }

    /// A shell that sources it has `dhcp` and a carriage return.
    #[test]
    fn a_file_of_dos_configures_nothing() {
        let path = format!("{DIR}/ifcfg-eth0");
        let fs = MemoryFs::of_texts(&[(&path, "DEVICE=eth0\r\nBOOTPROTO=dhcp\r\nONBOOT=yes\r\n")]);
        let of = |readers| read(&fs.clone().tree(), readers).unwrap().remove(0);
        let by_scripts = of(SCRIPTS);
        assert_eq!((by_scripts.off, by_scripts.required), (true, false));
        assert_eq!((of(MANAGER).off, of(MANAGER).v4), (false, V4::Unknown));
        assert_eq!(of(Readers { scripts: true, manager: true }).v4, V4::Unknown);
        assert_eq!(of_dos(&fs.clone().tree()).unwrap(), Some(path));
    }

    #[test]
    fn a_hardware_address_binds_and_parts_of_a_bond_belong_to_it() {
        let i = one("eth0", "DEVICE=eth0\nHWADDR=52:54:00:AB:CD:EF\nBOOTPROTO=dhcp\n");
        assert_eq!((i.by, &*i.name), (By::Mac, "52:54:00:ab:cd:ef"));
        let i = one("eth1", "DEVICE=eth1\nMASTER=bond0\nSLAVE=yes\nBOOTPROTO=none\n");
        assert_eq!((i.kind, &*i.bond), (LinkKind::Card, "bond0"));
        assert_eq!(one("bond0", "DEVICE=bond0\nBONDING_OPTS=\"mode=1\"\nBOOTPROTO=dhcp\n").kind, LinkKind::Bond);
        assert_eq!(one("t0", "DEVICE=t0\nDEVICETYPE=Team\nBOOTPROTO=dhcp\n").kind, LinkKind::Bond);
        assert_eq!(one("eth0.5", "DEVICE=eth0.5\nVLAN=yes\n").kind, LinkKind::Other);
    }

    #[test]
    fn a_static_ipv6_address_is_told_from_what_the_installer_writes() {
        let anaconda = "BOOTPROTO=dhcp\nIPV6INIT=yes\nIPV6_AUTOCONF=yes\nIPV6_DEFROUTE=yes\nIPV6_FAILURE_FATAL=no\n";
        assert_eq!(one("eth0", anaconda).v6, V6::None);
        let i = one("eth0", "IPV6INIT=yes\nIPV6ADDR=2001:db8::2/64\nIPV6_DEFAULTGW=2001:db8::1\n");
        assert_eq!((i.v6, &*i.address6), (V6::Static, "2001:db8::2/64"));
        assert_eq!(one("eth0", "IPV6INIT=no\nIPV6ADDR=2001:db8::2/64\n").v6, V6::None);
        assert_eq!(one("eth0", "DHCPV6C=yes\n").v6, V6::Dhcp);
        assert_eq!(one("eth0", "IPV6ADDR=fe80::1/64\n").v6, V6::None);
        let global = MemoryFs::of_texts(&[
            (GLOBAL, "NETWORKING=yes\nIPV6_DEFAULTGW=2001:db8::1\n"),
            ("/etc/sysconfig/network-scripts/ifcfg-eth0", "BOOTPROTO=dhcp\n"),
        ]);
        assert_eq!(read(&global.tree(), SCRIPTS).unwrap()[0].address6, "2001:db8::1");
    }

    #[test]
    fn loopback_aliases_and_left_overs_are_no_interfaces() {
        let fs =
            ["ifcfg-lo", "ifcfg-eth0:1", "ifcfg-eth0.bak", "ifcfg-eth0~", "ifcfg-eth0.rpmnew", "route-eth0", "ifup"]
                .iter()
                .fold(MemoryFs::new(), |fs, name| fs.file(&format!("{DIR}/{name}"), "BOOTPROTO=dhcp\n"));
        assert_eq!(read(&fs.tree(), SCRIPTS).unwrap(), []);
        let off =
            MemoryFs::of_texts(&[(GLOBAL, "NETWORKING=no\n"), (&format!("{DIR}/ifcfg-eth0"), "BOOTPROTO=dhcp\n")]);
        assert_eq!(read(&off.clone().tree(), SCRIPTS).unwrap(), []);
        assert_eq!(read(&off.tree(), MANAGER).unwrap().len(), 1);
        let apart = MemoryFs::of_texts(&[(&format!("{DIR}/ifcfg-eth0"), "NM_CONTROLLED=no\nBOOTPROTO=dhcp\n")]);
        let left = read(&apart.clone().tree(), MANAGER).unwrap();
        assert_eq!((left.len(), left[0].off, left[0].held), (1, true, true), "and no other connection is made for it");
        assert_eq!(read(&apart.tree(), Readers { scripts: true, manager: true }).unwrap().len(), 1);
    }

    /// The names of the collection's files tell the case.
    #[test]
    fn the_files_of_network_manager_s_own_tests_are_read() {
        let Some(dir) = testarchive("linux-config/networkmanager-ifcfg-keyfile-dev.tar.xz") else { return };
        let text =
            |name: &str| std::fs::read_to_string(dir.path().join("ifcfg-rh/tests/network-scripts").join(name)).unwrap();
        for (name, v4, v6, kind) in [
            ("ifcfg-test-wired-static-no-prefix-16", V4::Static, V6::None, LinkKind::Card),
            ("ifcfg-test-wired-ipv4-manual-4", V4::Static, V6::None, LinkKind::Card),
            ("ifcfg-test-wired-static-bootproto", V4::Static, V6::None, LinkKind::Card),
            ("ifcfg-test-wired-dhcp-plus-ip", V4::Dhcp, V6::Static, LinkKind::Card),
            ("ifcfg-test-wired-dhcp-send-hostname", V4::Dhcp, V6::None, LinkKind::Card),
            ("ifcfg-test-wired-ipv6-only-1", V4::None, V6::Static, LinkKind::Card),
            ("ifcfg-test-bond-mode-numeric", V4::Dhcp, V6::None, LinkKind::Bond),
            ("ifcfg-test-bridge-missing-stp", V4::Dhcp, V6::None, LinkKind::Bridge),
            ("ifcfg-test-vlan-interface", V4::Static, V6::None, LinkKind::Other),
            ("ifcfg-test-wifi-open-auto", V4::Dhcp, V6::None, LinkKind::Other),
            ("ifcfg-test-infiniband", V4::Static, V6::None, LinkKind::Other),
            ("ifcfg-test-onboot-no", V4::None, V6::None, LinkKind::Card),
        ] {
            let i = one("x", &text(name));
            assert_eq!((i.v4, i.v6, i.kind), (v4, v6, kind), "{name}:\n{}", text(name));
            assert_eq!(i.off, text(name).contains("ONBOOT=no"), "{name}");
        }
        assert!(!one("x", &text("ifcfg-test-bond-slave")).bond.is_empty());
    }
}
