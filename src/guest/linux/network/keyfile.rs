//! NetworkManager's connection profiles (nm-settings-keyfile(5)).

use super::files::{layered, text};
use super::link::{address, bind, is_loopback, learns6, named, static6};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::cut;
use crate::guest::linux::ini::Ini;
use crate::inspect::facts::{By, Interface, LinkKind, V4, V6};

/// Where profiles lie, the folder that wins first. `/run` is empty before the start.
const DIRS: &[&str] = &[LOCAL, "/usr/lib/NetworkManager/system-connections"];
const LOCAL: &str = "/etc/NetworkManager/system-connections";
/// The settings of an Ethernet card, by its name and by the older one.
const ETHERNET: &[&str] = &["ethernet", "802-3-ethernet"];

/// The interfaces that profiles are for.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree) -> Result<Vec<Interface>> {
    let mut found = Vec::new();
    for (name, path) in layered(tree, DIRS, is_profile)? {
        // NetworkManager passes over a profile that others than root may read or write.
        if path.starts_with(LOCAL) && tree.stat(&path)?.mode & 0o077 != 0 {
            continue;
        }
        let Some(text) = text(tree, &path)? else { continue };
        let interface = interface(&Ini::of(&text), &path);
        found.extend(interface.map(|i| Interface { rewritten: name.starts_with("cloud-init-"), ..i }));
    }
    Ok(found)
}

/// Hidden files and those of editors are none; the end `.nmconnection` is not asked for in `/etc`.
fn is_profile(name: &str) -> bool {
    !name.starts_with('.')
        && ![".nmmeta", ".rpmnew", ".rpmsave", ".rpmorig", ".pem", ".der", "~"].iter().any(|end| name.ends_with(end))
}

/// What one profile is for; `None` for the loopback interface and what is no profile.
fn interface(ini: &Ini, path: &str) -> Option<Interface> {
    let connection = |key: &str| ini.last(&["connection"], key);
    // Where the type is missing, the one section of a type tells it.
    let typed = ini.has(ETHERNET);
    let kind = match connection("type") {
        "ethernet" | "802-3-ethernet" => LinkKind::Card,
        "bond" | "team" => LinkKind::Bond,
        "bridge" => LinkKind::Bridge,
        "" if typed => LinkKind::Card,
        "" | "loopback" => return None,
        _ => LinkKind::Other,
    };
    let first = |new: &str, old: &str| if connection(new).is_empty() { connection(old) } else { connection(new) };
    let name = connection("interface-name");
    if is_loopback(name) {
        return None;
    }
    let line = ini.setting(&["ipv4"], "method").or_else(|| ini.setting(&["connection"], "id")).map_or(1, |s| s.line);
    let matched = ini.last(&["match"], "interface-name");
    let mut interface = match (name, matched) {
        // A profile that names no interface is for any.
        ("", "") => Interface { by: By::Pattern, ..named("*", path, line) },
        ("", patterns) => Interface { by: By::Pattern, ..named(patterns, path, line) },
        (name, _) => named(name, path, line),
    };
    interface.kind = kind;
    let mac = ini.last(ETHERNET, "mac-address");
    if !mac.is_empty() {
        bind(&mut interface, mac);
    }
    interface.off = matches!(connection("autoconnect"), "false" | "no" | "0");
    interface.held = interface.off;
    let controller = first("controller", "master");
    if !controller.is_empty() {
        if matches!(first("port-type", "slave-type"), "bond" | "team") {
            interface.bond = cut(controller, 64);
        }
        return Some(interface);
    }
    // A profile that says nothing of a family gets what the program would have written: auto.
    let has = |section: &str| ini.settings.iter().any(|s| s.section == section && s.key.starts_with("address"));
    interface.v4 = match ini.last(&["ipv4"], "method") {
        "" | "auto" => V4::Dhcp,
        "manual" | "shared" => V4::Static,
        _ if has("ipv4") => V4::Static,
        _ => V4::None,
    };
    let method = ini.last(&["ipv6"], "method");
    if !matches!(method, "ignore" | "disabled") {
        let addresses = ini.settings.iter().filter(|s| s.section == "ipv6" && s.key.starts_with("address"));
        for one in addresses.flat_map(|s| s.value.split(';')).filter_map(|v| v.split(',').next()) {
            if !one.trim().is_empty() && interface.v6 != V6::Static {
                address(&mut interface, one.trim());
            }
        }
        let gateway = ini.last(&["ipv6"], "gateway");
        if !gateway.is_empty() && interface.v6 != V6::Static {
            static6(&mut interface, gateway);
        }
    }
    if method == "dhcp" {
        learns6(&mut interface, V6::Dhcp);
    }
    Some(interface)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::testarchive;
    use crate::guest::testing::MemoryFs;

    fn with(name: &str, text: &str) -> MemoryFs {
        let path = format!("{LOCAL}/{name}");
        MemoryFs::new().file(&path, text).stat_of(&path, |stat| stat.mode = 0o600)
    }

    fn one(text: &str) -> Interface {
        let mut found = read(&with("a.nmconnection", text).tree()).unwrap();
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn a_profile_is_bound_to_a_name_an_address_or_nothing() {
        let i = one("[connection]\nid=a\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=auto\n");
        assert_eq!((i.by, &*i.name, i.v4, i.off), (By::Name, "ens3", V4::Dhcp, false));
        assert_eq!(i.place, "/etc/NetworkManager/system-connections/a.nmconnection:7");
        let i = one(
            "[connection]\ntype=ethernet\nautoconnect=false\n[ethernet]\nmac-address=52:54:00:AA:BB:CC\n[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\n",
        );
        assert_eq!((i.by, &*i.name, i.v4, i.off), (By::Mac, "52:54:00:aa:bb:cc", V4::Static, true));
        assert!(i.held, "have_connection_for_device() asks for no autoconnect");
        assert_eq!(one("[connection]\ntype=ethernet\n").by, By::Pattern);
        let i = one("[connection]\ntype=ethernet\n[match]\ninterface-name=en*;eth*;\n");
        assert_eq!((i.by, &*i.name, i.v4), (By::Pattern, "en*;eth*;", V4::Dhcp));
    }

    #[test]
    fn ipv6_is_static_only_with_an_address() {
        let v6 = |section: &str| one(&format!("[connection]\ntype=ethernet\n[ipv6]\n{section}")).v6;
        assert_eq!(v6("method=auto\naddr-gen-mode=stable-privacy\n"), V6::None);
        assert_eq!(v6("method=ignore\naddress1=2001:db8::2/64\n"), V6::None);
        assert_eq!(v6("method=manual\naddress1=2001:db8::2/64,2001:db8::1\n"), V6::Static);
        assert_eq!(v6("method=manual\naddresses=2001:db8::2/64;\n"), V6::Static);
        assert_eq!(v6("method=dhcp\n"), V6::Dhcp);
    }

    #[test]
    fn ports_belong_to_their_bond() {
        let port = "[connection]\ntype=ethernet\ninterface-name=eth1\nmaster=bond0\nslave-type=bond\n";
        assert_eq!((&*one(port).bond, one(port).v4), ("bond0", V4::None));
        assert_eq!(one("[connection]\ntype=bond\ninterface-name=bond0\n").kind, LinkKind::Bond);
        assert_eq!(one("[connection]\ntype=wifi\n").kind, LinkKind::Other);
    }

    #[test]
    fn what_others_may_read_is_passed_over_as_the_program_does() {
        let text = "[connection]\ntype=ethernet\n";
        let open = with("a.nmconnection", text).stat_of(&format!("{LOCAL}/a.nmconnection"), |s| s.mode = 0o644);
        assert_eq!(read(&open.tree()).unwrap(), []);
        let packaged = MemoryFs::of_texts(&[("/usr/lib/NetworkManager/system-connections/a.nmconnection", text)]);
        assert_eq!(read(&packaged.tree()).unwrap().len(), 1);
        assert_eq!(read(&with(".a.swp", text).tree()).unwrap(), []);
        assert_eq!(read(&with("a~", text).tree()).unwrap(), []);
        assert_eq!(
            read(&with("lo.nmconnection", "[connection]\ntype=loopback\ninterface-name=lo\n").tree()).unwrap(),
            []
        );
    }

    #[test]
    fn the_profiles_of_network_manager_s_own_tests_are_read() {
        let Some(dir) = testarchive("linux-config/networkmanager-ifcfg-keyfile-dev.tar.xz") else { return };
        let of =
            |name: &str| one(&std::fs::read_to_string(dir.path().join("keyfile/tests/keyfiles").join(name)).unwrap());
        for (name, by, v4, kind) in [
            ("Test_MAC_Old_Format", By::Mac, V4::Dhcp, LinkKind::Card),
            ("Test_Missing_ID_UUID", By::Mac, V4::Dhcp, LinkKind::Card),
            ("Test_Wired_TLS_Path_Missing", By::Pattern, V4::Dhcp, LinkKind::Card),
            ("Test_Missing_Vlan_Flags", By::Mac, V4::Dhcp, LinkKind::Other),
            ("Test_GSM_Connection", By::Pattern, V4::Dhcp, LinkKind::Other),
            ("Test_minimal_2", By::Pattern, V4::Dhcp, LinkKind::Card),
        ] {
            let i = of(name);
            assert_eq!((i.by, i.v4, i.kind), (by, v4, kind), "{name}");
        }
        assert_eq!(of("Test_Bridge_Main").kind, LinkKind::Bridge);
    }
}
