//! FreeBSD's `rc.conf` (rc.conf(5)).

use super::files::text;
use super::link::{address, learns6, named};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::shell::Assignments;
use crate::inspect::facts::{By, Evident, Interface, LinkKind, Network, V4, V6};

/// The files, later ones win. What the system ships in `/etc/defaults` configures no interface.
const FILES: &[&str] = &["/etc/rc.conf", "/etc/rc.conf.local", "/etc/rc.conf.d/netif", "/etc/rc.conf.d/network"];
const CLOUD_INIT: &str = "/usr/local/bin/cloud-init";
/// Starts of names of links that are no network cards.
const OTHERS: &[&str] = &["wlan", "tun", "tap", "gif", "gre", "vlan", "epair", "ng", "pflog", "ipfw"];

/// Reads it.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree) -> Result<Network> {
    let mut network = Network::default();
    let mut interfaces: std::collections::BTreeMap<String, Interface> = std::collections::BTreeMap::new();
    for path in FILES {
        let Some(text) = text(tree, path)? else { continue };
        let mut settings = Assignments::default();
        settings.source(&text);
        if network.managers.is_empty() {
            network.managers.push(Evident { value: "rc.conf".to_owned(), place: (*path).to_owned() });
        }
        if settings.yes("cloudinit_enable") && tree.exists(CLOUD_INIT)? {
            let place = format!("{path}:{}", settings.line(&["cloudinit_enable"]));
            network.automatic = Some(Evident { value: "cloud-init".to_owned(), place });
        }
        for (name, value, line) in settings.iter() {
            let Some(rest) = name.strip_prefix("ifconfig_") else { continue };
            let (device, ipv6) = match rest.strip_suffix("_ipv6") {
                Some(device) => (device, true),
                None => (rest.split("_alias").next().unwrap_or(rest), false),
            };
            if device.starts_with("lo") && device.chars().nth(2).is_some_and(|c| c.is_ascii_digit()) {
                continue;
            }
            let alias = rest.contains("_alias");
            let known = interfaces.remove(device);
            let interface = known.unwrap_or_else(|| named(device, path, line));
            interfaces.insert(device.to_owned(), configured(interface, device, value, ipv6, alias));
        }
    }
    // What ifconfig_DEFAULT says is for every interface that nothing else speaks of.
    (network.interfaces, network.more) = super::link::choose(interfaces.into_values().collect(), super::MAX_INTERFACES);
    Ok(network)
}

fn configured(mut interface: Interface, device: &str, value: &str, ipv6: bool, alias: bool) -> Interface {
    if device == "DEFAULT" {
        (interface.by, interface.name) = (By::Pattern, "*".to_owned());
    }
    interface.kind = match device {
        _ if device.starts_with("lagg") => LinkKind::Bond,
        _ if device.starts_with("bridge") => LinkKind::Bridge,
        _ if OTHERS.iter().any(|start| device.starts_with(start)) => LinkKind::Other,
        _ => LinkKind::Card,
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    let is = |wanted: &[&str]| words.iter().any(|word| wanted.iter().any(|one| word.eq_ignore_ascii_case(one)));
    if !ipv6 && !alias && is(&["DHCP", "SYNCDHCP", "NOSYNCDHCP"]) {
        interface.v4 = V4::Dhcp;
    }
    interface.off = interface.off || is(&["NOAUTO"]);
    for pair in words.windows(2) {
        match pair {
            ["inet" | "inet6", one] if interface.v6 != V6::Static || !one.contains(':') => address(&mut interface, one),
            _ => {}
        }
    }
    // "192.0.2.2 netmask ..." is an address without a word before it.
    if let Some(first) = words.first().filter(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
        address(&mut interface, first);
    }
    if ipv6 && is(&["accept_rtadv"]) {
        learns6(&mut interface, V6::Auto);
    }
    interface
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn of(text: &str) -> Network {
        read(&MemoryFs::of_texts(&[("/etc/rc.conf", text)]).tree()).unwrap()
    }

    #[test]
    fn interfaces_are_on_dhcp_by_any_of_its_words() {
        for word in ["DHCP", "SYNCDHCP", "NOSYNCDHCP", "SYNCDHCP mtu 1500"] {
            let network = of(&format!("hostname=a\nifconfig_vtnet0=\"{word}\"\n"));
            assert_eq!((network.interfaces[0].v4, &*network.interfaces[0].name), (V4::Dhcp, "vtnet0"), "{word}");
        }
        let network = of("ifconfig_DEFAULT=\"SYNCDHCP accept_rtadv\"\n");
        assert_eq!((network.interfaces[0].by, network.interfaces[0].v4), (By::Pattern, V4::Dhcp), "the stock image");
        assert_eq!(network.interfaces[0].place, "/etc/rc.conf:1");
        let network = of(
            "ifconfig_em0=\"inet 10.0.0.2 netmask 0xffffff00\"\nifconfig_em0_ipv6=\"inet6 2001:db8::2/64\"\nifconfig_em0_alias0=\"inet 10.0.0.3/32\"\n",
        );
        assert_eq!(network.interfaces.len(), 1);
        assert_eq!((network.interfaces[0].v4, network.interfaces[0].v6), (V4::Static, V6::Static));
        assert_eq!(of("ifconfig_lo0=\"inet 127.0.0.1\"\n#ifconfig_em0=\"DHCP\"\n").interfaces, []);
        assert!(of("ifconfig_em0=\"NOAUTO DHCP\"\n").interfaces[0].off);
    }
}
