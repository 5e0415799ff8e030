//! Interfaces as configurations name them.

use crate::guest::linux::{PATH_MAX, cut};
use crate::inspect::facts::{By, Interface, LinkKind, V4, V6};

/// Longest name, pattern or address that is kept.
const NAME_MAX: usize = 64;
/// Starts of names of links that are not network cards.
const OTHERS: &[&str] =
    &["wl", "ww", "ppp", "tun", "tap", "dummy", "docker", "veth", "vlan", "ib", "sit", "gre", "wg", "vmnet", "vti"];

/// The drivers of the cards that a cloud gives: virtio's on KVM, the front end on Xen.
const CLOUD_DRIVERS: &[&str] = &["virtio_net", "vif"];

/// Whether a condition on the driver may hold of a cloud's card.
pub fn is_cloud_driver(fits: impl Fn(&str) -> bool) -> bool {
    CLOUD_DRIVERS.iter().any(|name| fits(name))
}

/// An interface by name, or by pattern where the name is one; nothing is said of its addresses.
pub fn named(name: &str, path: &str, line: u32) -> Interface {
    let by = if name.contains(['*', '?', '[']) { By::Pattern } else { By::Name };
    Interface {
        by,
        name: cut(name, NAME_MAX),
        kind: kind_of(name),
        v4: V4::None,
        place: cut(&format!("{path}:{line}"), PATH_MAX),
        ..Interface::default()
    }
}

/// Binds it to a hardware address instead.
pub fn bind(interface: &mut Interface, mac: &str) {
    (interface.by, interface.name) = (By::Mac, cut(&mac.to_lowercase(), NAME_MAX));
}

/// Gives it a static IPv6 address or gateway.
pub fn static6(interface: &mut Interface, address: &str) {
    (interface.v6, interface.address6) = (V6::Static, cut(address, NAME_MAX));
}

/// A static address of either family, with or without a prefix length.
pub fn address(interface: &mut Interface, address: &str) {
    if address.contains(':') {
        // What every interface has anyway is no address of the network.
        if !address.to_lowercase().starts_with("fe80:") {
            static6(interface, address);
        }
    } else if address.contains('.') && interface.v4 != V4::Dhcp {
        interface.v4 = V4::Static;
    }
}

/// Says that an address comes by router advertisements or DHCPv6, where none is written down.
pub fn learns6(interface: &mut Interface, how: V6) {
    if interface.v6 != V6::Static && !(how == V6::Auto && interface.v6 == V6::Dhcp) {
        interface.v6 = how;
    }
}

/// The loopback interface is nobody's network.
pub fn is_loopback(name: &str) -> bool {
    name == "lo" || name.starts_with("lo:")
}

/// What a name usually stands for.
fn kind_of(name: &str) -> LinkKind {
    match name {
        name if name.starts_with("bond") || name.starts_with("team") => LinkKind::Bond,
        name if name.starts_with("br") || name.starts_with("virbr") => LinkKind::Bridge,
        name if name.contains('.') || OTHERS.iter().any(|start| name.starts_with(start)) => LinkKind::Other,
        _ => LinkKind::Card,
    }
}

/// At most `max` of them: what is on DHCP, has a static IPv6 address, or is a required or static card comes first, all in
/// their order. And how many are left out.
pub fn choose(mut all: Vec<Interface>, max: usize) -> (Vec<Interface>, u32) {
    let more = u32::try_from(all.len().saturating_sub(max)).unwrap_or(u32::MAX);
    if more == 0 {
        return (all, 0);
    }
    let weighty = |i: &Interface| i.kind == LinkKind::Card && i.bond.is_empty() && (i.required || i.v4 == V4::Static);
    let wanted: [&dyn Fn(&Interface) -> bool; 4] = [
        &|i| i.v4 == V4::Dhcp && !i.off && i.kind != LinkKind::Other,
        &|i| i.v6 == V6::Static && !i.rewritten,
        &|i| weighty(i) && i.by != By::Pattern,
        &|i| i.kind == LinkKind::Card && i.by != By::Pattern,
    ];
    let mut keep = std::collections::BTreeSet::new();
    for (want, some) in wanted.into_iter().zip([1, 1, 2, 2]) {
        keep.extend(all.iter().enumerate().filter(|(_, i)| want(i)).map(|(at, _)| at).take(some));
    }
    for at in 0..all.len() {
        if keep.len() < max {
            keep.insert(at);
        }
    }
    let mut at = 0_usize;
    all.retain(|_| {
        let kept = keep.contains(&at);
        at = at.saturating_add(1);
        kept
    });
    (all, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weighty_ones_are_kept() {
        let mut all: Vec<Interface> = (0..20).map(|n| named(&format!("vlan{n}"), "/x", 1)).collect();
        all[15].kind = LinkKind::Card;
        all[15].v4 = V4::Dhcp;
        all[17].v6 = V6::Static;
        for at in [18, 19] {
            (all[at].kind, all[at].required) = (LinkKind::Card, true);
        }
        let (kept, more) = choose(all, 8);
        let names: Vec<&str> = kept.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["vlan0", "vlan1", "vlan2", "vlan3", "vlan15", "vlan17", "vlan18", "vlan19"]);
        assert_eq!(more, 12);
    }
}
