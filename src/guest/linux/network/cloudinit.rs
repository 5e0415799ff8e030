//! The network that cloud-init is told to set up, or not to, in its own configuration.

use serde_json::{Map, Value};

use super::files::text;
use super::link::{address, bind, is_loopback, learns6, named};
use super::netplan;
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::yaml::{items, line_of, merge, parse, word};
use crate::guest::linux::{PATH_MAX, cloud_init, cut};
use crate::inspect::facts::{Interface, LinkKind, V4, V6};

/// What the kernel line says to turn it off (cloud-init's documentation, "Network configuration").
const KERNEL_LINE: &str = "network-config=disabled";

/// Its order where none is configured (cloudinit/net/renderers.py, `DEFAULT_PRIORITY`).
const PRIORITY: &[&str] = &["eni", "sysconfig", "netplan", "network-manager", "networkd"];

/// What its configuration has it do.
#[derive(Debug, PartialEq, Eq)]
pub enum Config {
    /// Nothing is said: what the cloud tells, or DHCP on the first interface.
    Unset,
    /// Leave the network alone, and where that is said.
    Disabled(String),
    /// These interfaces.
    Interfaces(Vec<Interface>),
}

/// Reads it.
///
/// # Errors
/// `Unsupported` for a file that is not YAML as this program reads it, and what the filesystem reports.
pub fn read(tree: &Tree, command_line: &str) -> Result<Config> {
    if command_line.split_whitespace().any(|word| word == KERNEL_LINE) {
        return Ok(Config::Disabled(format!("kernel command line: {KERNEL_LINE}")));
    }
    let mut network = Map::new();
    let mut place = None;
    for path in cloud_init::files(tree)? {
        // Most files do not speak of it, whatever else they hold.
        let Some(text) = text(tree, &path)?.filter(|text| text.contains("network")) else { continue };
        if let Some(Value::Object(own)) = parse(&text, &path)?.remove("network") {
            merge(&mut network, own, false);
            place = Some((path, text));
        }
    }
    let Some((path, text)) = place else { return Ok(Config::Unset) };
    let line = |key: &str| line_of(&text, key).unwrap_or(1);
    if word(network.get("config")) == "disabled" {
        return Ok(Config::Disabled(cut(&format!("{path}:{}", line("network")), PATH_MAX)));
    }
    Ok(Config::Interfaces(if let Some(Value::Array(entries)) = network.get("config") {
        first_version(entries, &path, line("network"))
    } else {
        let plan = netplan::of(&network, |id| (path.as_str(), line(id)));
        plan.networkd.into_iter().flat_map(|file| file.interfaces).collect()
    }))
}

/// How it sets up the network of a Debian or Ubuntu: the programs that it writes for, of which the first that is there counts
/// (cloud-init's documentation, "Network configuration outputs"); `None` of another distribution.
///
/// # Errors
/// As [`read`].
pub fn renderers(tree: &Tree) -> Result<Option<Vec<String>>> {
    let (mut distro, mut found) = (String::new(), Vec::new());
    for path in cloud_init::files(tree)? {
        let Some(text) = text(tree, &path)?.filter(|text| text.contains("system_info")) else { continue };
        let Some(system) = parse(&text, &path)?.remove("system_info") else { continue };
        if let Some(name) = system.get("distro") {
            distro = word(Some(name));
        }
        if let Some(list) = system.get("network").and_then(|network| network.get("renderers")) {
            found = items(Some(list)).iter().map(|one| word(Some(one))).collect();
        }
    }
    if found.is_empty() {
        found = PRIORITY.iter().map(|name| (*name).to_owned()).collect();
    }
    Ok(matches!(distro.as_str(), "debian" | "ubuntu").then_some(found))
}

/// Version 1: a list of interfaces, each with subnets.
fn first_version(entries: &[Value], path: &str, line: u32) -> Vec<Interface> {
    // A hardware address takes the place of a name, by which bonds name their parts.
    let mut found: Vec<(String, Interface)> = Vec::new();
    let mut bonded: Vec<(String, String)> = Vec::new();
    for entry in entries.iter().take(256) {
        let name = word(entry.get("name"));
        let kind = match word(entry.get("type")).as_str() {
            "physical" => LinkKind::Card,
            "bond" => LinkKind::Bond,
            "bridge" => LinkKind::Bridge,
            "vlan" => LinkKind::Other,
            _ => continue,
        };
        if is_loopback(&name) {
            continue;
        }
        if kind == LinkKind::Bond {
            bonded.extend(items(entry.get("bond_interfaces")).iter().map(|part| (word(Some(part)), name.clone())));
        }
        let mut interface = Interface { kind, required: true, ..named(&name, path, line) };
        let mac = word(entry.get("mac_address"));
        if kind == LinkKind::Card && !mac.is_empty() {
            bind(&mut interface, &mac);
        }
        for subnet in items(entry.get("subnets")) {
            match word(subnet.get("type")).as_str() {
                "dhcp" | "dhcp4" => interface.v4 = V4::Dhcp,
                "dhcp6" | "ipv6_dhcpv6-stateful" | "ipv6_dhcpv6-stateless" => learns6(&mut interface, V6::Dhcp),
                "ipv6_slaac" => learns6(&mut interface, V6::Auto),
                "static" | "static6" => address(&mut interface, &word(subnet.get("address"))),
                _ => {}
            }
        }
        found.push((name, interface));
    }
    for (part, bond) in bonded {
        for (_, interface) in found.iter_mut().filter(|(name, _)| *name == part) {
            interface.bond.clone_from(&bond);
        }
    }
    found.into_iter().map(|(_, interface)| interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::testarchive;
    use crate::guest::testing::MemoryFs;
    use crate::inspect::facts::By;

    fn of(files: &[(&str, &str)]) -> Config {
        read(&MemoryFs::of_texts(files).tree(), "ro quiet").unwrap()
    }

    #[test]
    fn the_last_file_says_whether_it_manages_the_network() {
        assert_eq!(of(&[("/etc/cloud/cloud.cfg", "users: [default]\n# network: {config: disabled}\n")]), Config::Unset);
        let off = ("/etc/cloud/cloud.cfg.d/99-off.cfg", "network: {config: disabled}\n");
        assert_eq!(of(&[off]), Config::Disabled(format!("{}:1", off.0)));
        assert_eq!(of(&[("/etc/cloud/cloud.cfg.d/99-off.cfg.bak", off.1)]), Config::Unset);
        let on = (
            "/etc/cloud/cloud.cfg.d/50-net.cfg",
            "network:\n  version: 1\n  config:\n  - {type: physical, name: eth0, subnets: [{type: dhcp}]}\n",
        );
        assert!(matches!(of(&[on]), Config::Interfaces(found) if found[0].v4 == V4::Dhcp && found[0].name == "eth0"));
        assert!(matches!(of(&[on, off]), Config::Disabled(_)));
        let tree = MemoryFs::new().tree();
        assert!(matches!(read(&tree, "ro network-config=disabled").unwrap(), Config::Disabled(_)));
        let second = (
            "/etc/cloud/cloud.cfg.d/50-net.cfg",
            "network:\n  version: 2\n  ethernets:\n    all: {match: {name: 'e*'}, dhcp4: yes}\n",
        );
        assert!(
            matches!(of(&[second]), Config::Interfaces(found) if found[0].by == By::Pattern && found[0].v4 == V4::Dhcp)
        );
    }

    /// The names of the collection's files tell the case.
    #[test]
    fn the_examples_of_cloud_init_s_documentation_are_read() {
        let Some(dir) = testarchive("linux-config/cloud-init-doc-network-examples.tar.xz") else { return };
        let of = |name: &str| {
            let path = dir.path().join(format!("doc/examples/network-config-v1-{name}.yaml"));
            match of(&[("/etc/cloud/cloud.cfg.d/a.cfg", &std::fs::read_to_string(path).unwrap())]) {
                Config::Interfaces(found) => found,
                other => panic!("{name}: {other:?}"),
            }
        };
        let cards = |name: &str| of(name).into_iter().filter(|i| i.kind == LinkKind::Card && i.bond.is_empty()).count();
        assert_eq!(cards("physical-3-nic"), 4, "whatever its name says");
        assert_eq!(cards("bonded-pair"), 1, "its comment says so");
        assert_eq!(of("bonded-pair").iter().filter(|i| i.bond == "bond0" && i.by == By::Mac).count(), 2);
        assert_eq!(of("physical-dhcp")[0].v4, V4::Dhcp);
        assert_eq!(of("subnet-dhcp")[0].v4, V4::Dhcp);
        assert_eq!(of("subnet-static")[0].v4, V4::Static);
        assert_eq!(of("subnet-multiple")[0].v4, V4::Dhcp);
        assert!(of("bridge").iter().any(|i| i.kind == LinkKind::Bridge));
        assert!(of("vlan").iter().any(|i| i.kind == LinkKind::Other));
    }
}
