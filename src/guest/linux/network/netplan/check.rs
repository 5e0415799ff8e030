//! What netplan refuses in its files: one word that it does not know, and nothing is set up (src/parse.c of netplan).
//!
//! Later versions go on, at boot, with what is left of the definitions (netplan-generate(8)).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use crate::guest::linux::yaml::{items, word};

/// What may stand below `network:`.
const SECTIONS: &[&str] = &["version", "renderer", "openvswitch"];
/// Kinds of links.
const KINDS: &[&str] = &[
    "ethernets",
    "wifis",
    "modems",
    "bridges",
    "bonds",
    "vlans",
    "tunnels",
    "vrfs",
    "nm-devices",
    "dummy-devices",
    "virtual-ethernets",
    "xfrm-interfaces",
];
/// What may stand in the definition of a link of any kind.
const KEYS: &[&str] = &[
    "accept-ra",
    "access-points",
    "activation-mode",
    "addresses",
    "ageing",
    "aging",
    "apn",
    "arp-proxy",
    "auth",
    "auto-config",
    "checksums",
    "critical",
    "delay-virtual-functions-rebind",
    "device-id",
    "dhcp-identifier",
    "dhcp4",
    "dhcp4-overrides",
    "dhcp6",
    "dhcp6-overrides",
    "do-not-fragment",
    "embedded-switch-mode",
    "emit-lldp",
    "extensions",
    "flow-label",
    "gateway4",
    "gateway6",
    "generic-receive-offload",
    "generic-segmentation-offload",
    "hairpin",
    "id",
    "if_id",
    "ignore-carrier",
    "independent",
    "infiniband-mode",
    "interfaces",
    "ipv6-address-generation",
    "ipv6-address-token",
    "ipv6-mtu",
    "ipv6-privacy",
    "key",
    "keys",
    "large-receive-offload",
    "limit",
    "link",
    "link-local",
    "local",
    "mac-learning",
    "macaddress",
    "mark",
    "match",
    "mode",
    "mtu",
    "nameservers",
    "neigh-suppress",
    "network-id",
    "networkmanager",
    "notifications",
    "number",
    "openvswitch",
    "optional",
    "optional-addresses",
    "parameters",
    "password",
    "peer",
    "peers",
    "pin",
    "port",
    "port-mac-learning",
    "port-range",
    "ra-overrides",
    "receive-checksum-offload",
    "regulatory-domain",
    "remote",
    "renderer",
    "routes",
    "routing-policy",
    "set-name",
    "short-circuit",
    "sim-id",
    "sim-operator-id",
    "table",
    "tcp-segmentation-offload",
    "tcp6-segmentation-offload",
    "transmit-checksum-offload",
    "ttl",
    "type-of-service",
    "username",
    "virtual-function-count",
    "wakeonlan",
    "wakeonwlan",
];
/// Kinds of links that are made, and what only one that is found may be told.
const VIRTUAL: &[&str] = &["bonds", "bridges", "vlans", "tunnels", "vrfs"];
const OF_FOUND: &[&str] = &["match", "set-name"];
const MATCH: &[&str] = &["name", "macaddress", "driver"];
const NAMESERVERS: &[&str] = &["search", "addresses"];
const BOOLEANS: &[&str] = &["dhcp4", "dhcp6", "optional", "critical"];
const RENDERERS: &[&str] = &["networkd", "NetworkManager", "sriov", "openvswitch"];

/// What is refused.
pub struct Refused {
    /// The key that it stands at.
    pub key: String,
    /// In netplan's words.
    pub why: String,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of an answer")]
fn refuse(key: &str, why: String) -> Option<Refused> {
    Some(Refused { key: key.to_owned(), why })
}

fn unknown(key: &str) -> Option<Refused> {
    refuse(key, format!("unknown key '{key}'"))
}

/// What it refuses in one file; `None` where that is nothing that this program knows of.
pub fn file(file: &Map<String, Value>) -> Option<Refused> {
    if let Some(key) = file.keys().find(|key| *key != "network") {
        return unknown(key);
    }
    let network = match file.get("network") {
        Some(Value::Object(network)) => network,
        None | Some(Value::Null) => return None,
        Some(_) => return mapping("network"),
    };
    network.iter().find_map(|(key, value)| match (key.as_str(), value) {
        (_, Value::Null) => None,
        ("renderer", value) => renderer(value),
        ("version", value) if word(Some(value)) != "2" => refuse(key, "Only version 2 is supported".to_owned()),
        (key, _) if SECTIONS.contains(&key) => None,
        (kind, Value::Object(all)) if KINDS.contains(&kind) => {
            all.iter().find_map(|(id, link)| match (id.as_str(), link) {
                ("renderer", value) => renderer(value),
                (_, Value::Object(link)) => {
                    let of_found = |key: &&String| VIRTUAL.contains(&kind) && OF_FOUND.contains(&key.as_str());
                    link.keys().find(of_found).and_then(|key| unknown(key)).or_else(|| definition(link))
                }
                (id, _) => mapping(id),
            })
        }
        (key, _) if KINDS.contains(&key) => mapping(key),
        (key, _) => unknown(key),
    })
}

fn mapping(key: &str) -> Option<Refused> {
    refuse(key, "expected mapping (check indentation)".to_owned())
}

fn renderer(value: &Value) -> Option<Refused> {
    let name = word(Some(value));
    if RENDERERS.contains(&name.as_str()) { None } else { refuse("renderer", format!("unknown renderer '{name}'")) }
}

fn definition(link: &Map<String, Value>) -> Option<Refused> {
    if link.get("match").is_some_and(Value::is_null) {
        return mapping("match");
    }
    // Nothing takes back what an earlier file says.
    link.iter().filter(|(_, value)| !value.is_null()).find_map(|(key, value)| match key.as_str() {
        key if !KEYS.contains(&key) => unknown(key),
        key if BOOLEANS.contains(&key) && !is_boolean(value) => refuse(key, format!("invalid boolean value for {key}")),
        "renderer" => renderer(value),
        "match" => match value {
            Value::Object(all) => all.keys().find(|key| !MATCH.contains(&key.as_str())).and_then(|key| unknown(key)),
            _ => mapping("match"),
        },
        "addresses" => items(Some(value)).iter().filter_map(Value::as_str).find_map(address),
        "nameservers" => {
            value.as_object()?.keys().find(|key| !NAMESERVERS.contains(&key.as_str())).and_then(|key| unknown(key))
        }
        key => scalar(key, &word(Some(value))),
    })
}

/// An address with its prefix length (`handle_generic_addresses`).
fn address(one: &str) -> Option<Refused> {
    let Some((ip, prefix)) = one.split_once('/') else {
        return refuse("addresses", format!("address '{one}' is missing /prefixlength"));
    };
    let Ok(ip) = ip.parse::<IpAddr>() else {
        return refuse("addresses", format!("malformed address '{one}', must be X.X.X.X/NN or X:X:X:X:X:X:X:X/NN"));
    };
    let most = if ip.is_ipv4() { 32 } else { 128 };
    // strtoul(3): what does not begin with a digit is zero.
    let digits = prefix.split(|c: char| !c.is_ascii_digit()).next().filter(|digits| !digits.is_empty());
    let fits = digits.unwrap_or("0").parse::<u32>().is_ok_and(|prefix| prefix <= most);
    if fits { None } else { refuse("addresses", format!("invalid prefix length in address '{one}'")) }
}

/// Keys of one value that are set up by it.
fn scalar(key: &str, value: &str) -> Option<Refused> {
    match key {
        "mtu" if value.parse::<u32>().is_err() => refuse(key, format!("invalid unsigned int value '{value}'")),
        "gateway4" if value.parse::<Ipv4Addr>().is_err() => refuse(key, format!("invalid IPv4 address '{value}'")),
        "gateway6" if value.parse::<Ipv6Addr>().is_err() => refuse(key, format!("invalid IPv6 address '{value}'")),
        "activation-mode" if !matches!(value, "manual" | "off") => {
            refuse(key, "Value of 'activation-mode' needs to be 'manual' or 'off'".to_owned())
        }
        _ => None,
    }
}

/// What one file leaves without what it needs, `network` being this file and those before it
/// (`validate_netdef_grammar`, after each file).
pub fn lacks(own: &Map<String, Value>, network: &Map<String, Value>) -> Option<Refused> {
    let links = own.iter().filter_map(|(kind, all)| Some((kind.as_str(), all.as_object()?)));
    links.flat_map(|(kind, all)| all.iter().map(move |(id, link)| (kind, id, link))).find_map(|(kind, id, link)| {
        let whole = network.get(kind)?.get(id)?;
        let lacks = |key: &str| whole.get(key).is_none_or(Value::is_null);
        if link.get("set-name").is_some() && KINDS.contains(&kind) && lacks("match") {
            return refuse("set-name", format!("{id}: 'set-name:' requires 'match:' properties"));
        }
        let needed = ["id", "link"].into_iter().find(|key| kind == "vlans" && link.is_object() && lacks(key))?;
        refuse(id, format!("{id}: missing '{needed}' property"))
    })
}

/// handle_generic_bool() takes the words of YAML 1.1.
fn is_boolean(value: &Value) -> bool {
    let words = ["true", "on", "yes", "y", "false", "off", "no", "n"];
    match value {
        Value::Bool(_) => true,
        Value::String(text) => words.iter().any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

/// A part of a bond or a bridge, or what a VLAN is on, that no file defines.
pub fn members(network: &Map<String, Value>) -> Option<Refused> {
    let links =
        || network.iter().filter(|(kind, _)| KINDS.contains(&kind.as_str())).filter_map(|(_, all)| all.as_object());
    let known: BTreeSet<&str> = links().flat_map(Map::keys).map(String::as_str).collect();
    // Ports of Open vSwitch are defined elsewhere.
    if network.contains_key("openvswitch") {
        return None;
    }
    links().flatten().find_map(|(id, link)| {
        let parts = items(link.get("interfaces")).iter().filter_map(Value::as_str);
        let part = parts.chain(link.get("link").and_then(Value::as_str)).find(|part| !known.contains(part))?;
        refuse(id, format!("{id}: interface '{part}' is not defined"))
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::guest::linux::yaml::parse;

    /// Keys that came after the version which the test runs.
    const NEWER: &[&str] = &[
        "hairpin",
        "port-mac-learning",
        "peer",
        "ra-overrides",
        "if_id",
        "independent",
        "dummy-devices",
        "virtual-ethernets",
        "xfrm-interfaces",
    ];

    /// What netplan itself says, and whether it wrote anything.
    fn netplan(text: &str) -> (String, bool) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/netplan")).unwrap();
        std::fs::write(root.path().join("etc/netplan/a.yaml"), text).unwrap();
        let run = Command::new("/usr/libexec/netplan/generate").arg("--root-dir").arg(root.path()).output();
        let run = run.expect("netplan is needed (Debian: netplan.io)");
        let wrote = root.path().join("run/systemd/network").exists();
        assert_eq!(run.status.success(), wrote, "{text}");
        (String::from_utf8(run.stderr).unwrap(), wrote)
    }

    fn refused(text: &str) -> Option<Refused> {
        let mut parsed = parse(text, "/x").unwrap();
        file(&parsed).or_else(|| {
            let network = parsed.remove("network")?;
            let network = network.as_object()?;
            lacks(network, network).or_else(|| members(network))
        })
    }

    #[test]
    fn what_netplan_refuses_is_refused_and_nothing_else() {
        let eth0 = |more: &str| format!("network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp6: false\n{more}");
        for text in [
            eth0("      dhcpfour: true\n"),
            eth0("      dhcp4: maybe\n"),
            eth0("      dhcp4: 1\n"),
            eth0("      addresses: [10.0.0.2]\n"),
            eth0("      match: {nam: eth0}\n"),
            eth0("      renderer: sysconfig\n"),
            eth0("      set-name: foo\n"),
            eth0("      set-name:\n"),
            eth0("      match:\n"),
            eth0("      match:\n      set-name: foo\n"),
            eth0("  bonds: {bond0: {set-name: foo}}\n"),
            eth0("  bonds: {bond0: {match: {name: foo}}}\n"),
            eth0("  vlans: {v: {link: eth0}}\n"),
            eth0("  vlans: {v: {id: 5}}\n"),
            eth0("  vlans: {v: {id: 5, link: eth1}}\n"),
            eth0("      mtu: many\n"),
            eth0("      gateway4: here\n"),
            eth0("      gateway6: 10.0.0.1\n"),
            eth0("      activation-mode: automatic\n"),
            eth0("      nameservers: {address: [10.0.0.1]}\n"),
            eth0("      addresses: [10.0.0/24]\n"),
            eth0("      addresses: [10.0.0.2/64]\n"),
            eth0("    eth1:\n"),
            eth0("  ethernet: {}\n"),
            eth0("other: 1\n"),
            eth0("  bonds: {bond0: {interfaces: [eth0, eth1]}}\n"),
            eth0("").replace("version: 2", "version: 1"),
            "network: {ethernets: [eth0]}\n".to_owned(),
        ] {
            let (said, wrote) = netplan(&text);
            assert!(!wrote, "{text}{said}");
            assert!(refused(&text).is_some(), "{text}{said}");
        }
        for text in [
            eth0(""),
            eth0("      dhcp4: Yes\n"),
            eth0("      dhcp4: 'off'\n"),
            eth0("      addresses: [10.0.0.2/24, '10.0.0.3/24': {label: 'eth0:a'}]\n"),
            eth0("      match: {name: 'e*', driver: virtio_net}\n"),
            eth0("    renderer: networkd\n"),
            eth0("      match: {name: 'e*'}\n      set-name: foo\n"),
            eth0("      match: {}\n      set-name: foo\n"),
            eth0("  vlans: {v: {id: 5, link: eth0}}\n"),
            eth0(
                "      mtu: 9000\n      gateway4: 10.0.0.1\n      gateway6: 'fe80::1'\n      activation-mode: manual\n",
            ),
            eth0("      nameservers: {search: [a], addresses: [10.0.0.1]}\n"),
            eth0("      addresses: ['2001:db8::2/128', 10.0.0.2/32]\n"),
            eth0("  bonds: {bond0: {interfaces: [eth0]}}\n"),
        ] {
            let (said, wrote) = netplan(&text);
            assert!(wrote, "{text}{said}");
            assert!(refused(&text).is_none(), "{text}{:?}", refused(&text).map(|what| what.why));
        }
    }

    #[test]
    fn every_key_is_one_of_netplan_s() {
        for key in KEYS.iter().filter(|key| !NEWER.contains(key)) {
            let unknown = format!("unknown key '{key}'");
            let knows = |kind: &&str| {
                let (said, _) = netplan(&format!("network: {{{kind}: {{x: {{{key}: {{}}}}}}}}\n"));
                !said.contains(&unknown)
            };
            let kinds = ["ethernets", "bonds", "vlans", "tunnels", "wifis", "modems", "vrfs"];
            assert!(kinds.iter().any(knows), "{key}");
        }
    }
}
