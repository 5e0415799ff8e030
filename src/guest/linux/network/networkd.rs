//! systemd-networkd's `.network` files (systemd.network(5), systemd.netdev(5)).

use std::collections::BTreeMap;

use super::files::{layered, text};
use super::first::{self, File, Match, truth};
use super::link::{address, bind, is_loopback, learns6, named, static6};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::ini::Ini;
use crate::guest::linux::{cut, optional};
use crate::inspect::facts::{By, Interface, LinkKind, V4, V6};

/// Where its files lie, the folder that wins first. `/run` is empty before the start.
const DIRS: &[&str] =
    &["/etc/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network"];

/// The interfaces, in the order in which files are tried, without what an earlier file takes. `generated` are the files that a
/// generator writes to `/run` at boot, `cards` the names of an instance's card, where these are known.
///
/// # Errors
/// `Limit` where files match by too many patterns, and what the filesystem reports.
pub fn read(tree: &Tree, command_line: &str, generated: Vec<File>, cards: &[&str]) -> Result<Vec<Interface>> {
    let mut files = files(tree, DIRS, command_line)?;
    for file in generated {
        // /run counts after /etc and before the packages' folders.
        if files.get(&file.name).is_none_or(|own| !own.local) {
            files.insert(file.name.clone(), file);
        }
    }
    first::used(files.into_values(), cards)
}

/// Its files by name; one that does nothing is among them, as it may stand in for another.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as systemd compares")]
pub(super) fn files(tree: &Tree, dirs: &[&str], command_line: &str) -> Result<BTreeMap<String, File>> {
    let mut devices = BTreeMap::new();
    for (_, path) in layered(tree, dirs, |name| name.ends_with(".netdev"))? {
        let Some(text) = text(tree, &path)? else { continue };
        let ini = Ini::of(&text);
        devices.insert(ini.last(&["NetDev"], "Name").to_owned(), kind(ini.last(&["NetDev"], "Kind")));
    }
    let mut found = BTreeMap::new();
    for (name, path) in layered(tree, dirs, |name| name.ends_with(".network"))? {
        let mut file = File { name: name.clone(), local: path.starts_with("/etc/"), ..File::default() };
        // An empty file and a link to /dev/null mask a file of a later folder.
        if let Some(text) = text(tree, &path)?.filter(|text| !text.is_empty()) {
            let mut ini = Ini::of(&text);
            let drop_ins: Vec<String> = dirs.iter().map(|dir| format!("{dir}/{name}.d")).collect();
            let drop_ins: Vec<&str> = drop_ins.iter().map(String::as_str).collect();
            for (_, drop_in) in layered(tree, &drop_ins, |name| name.ends_with(".conf"))? {
                ini.add(&optional(tree.read_text(&drop_in, super::files::MAX_BYTES))?.unwrap_or_default());
            }
            file.matches = Match::of(&ini, command_line);
            if let Some(matches) = &file.matches {
                file.interfaces = interfaces(&ini, matches, &path);
            }
            for interface in &mut file.interfaces {
                interface.rewritten = name.starts_with("10-cloud-init-");
                if let Some(kind) = devices.get(&interface.name) {
                    interface.kind = *kind;
                }
            }
        }
        found.insert(name, file);
    }
    Ok(found)
}

fn kind(netdev: &str) -> LinkKind {
    match netdev.to_ascii_lowercase().as_str() {
        "bond" => LinkKind::Bond,
        "bridge" => LinkKind::Bridge,
        _ => LinkKind::Other,
    }
}

/// What one file is for.
fn interfaces(ini: &Ini, matches: &Match, path: &str) -> Vec<Interface> {
    let line = ini.setting(&["Network"], "DHCP").or_else(|| ini.settings.iter().find(|s| s.section == "Match"));
    let line = line.map_or(1, |s| s.line);
    let any = || Interface { by: By::Pattern, ..named(&matches.shown(), path, line) };
    if truth(ini.last(&["Link"], "Unmanaged")) {
        // Nothing is set up, whatever later files say.
        return vec![Interface { off: true, ..any() }];
    }
    let mut found: Vec<Interface> = Vec::new();
    if !matches.macs.is_empty() {
        for mac in &matches.macs {
            let mut interface = named("", path, line);
            bind(&mut interface, mac);
            found.push(interface);
        }
    } else if matches.is_exact() {
        let names = matches.names.iter().filter(|name| !is_loopback(name));
        found.extend(names.map(|name| named(name, path, line)));
    } else {
        found.push(any());
    }
    for interface in &mut found {
        match matches.kinds.as_slice() {
            [kind] if *kind != LinkKind::Card => interface.kind = *kind,
            _ => {}
        }
        configure(interface, ini);
    }
    found
}

fn configure(interface: &mut Interface, ini: &Ini) {
    let network = |key| ini.last(&["Network"], key);
    interface.bond = cut(network("Bond"), 64);
    let activation = ini.last(&["Link"], "ActivationPolicy");
    interface.off = matches!(activation, "manual" | "down" | "always-down");
    let required = ini.last(&["Link"], "RequiredForOnline");
    interface.required =
        !interface.off && interface.by != By::Pattern && !matches!(required, "no" | "false" | "0" | "off");
    if !interface.bond.is_empty() {
        return;
    }
    let (v4, v6) = match network("DHCP").to_ascii_lowercase().as_str() {
        "ipv4" | "v4" => (true, false),
        "ipv6" | "v6" => (false, true),
        "both" => (true, true),
        other => (truth(other), truth(other)),
    };
    if v4 {
        interface.v4 = V4::Dhcp;
    }
    for one in ini.all(&["Network", "Address"], "Address") {
        if interface.v6 != V6::Static || !one.contains(':') {
            address(interface, one);
        }
    }
    for gateway in ini.all(&["Network", "Route"], "Gateway") {
        if gateway.contains(':') && !gateway.starts_with('_') && interface.v6 != V6::Static {
            static6(interface, gateway);
        }
    }
    if v6 {
        learns6(interface, V6::Dhcp);
    } else if truth(network("IPv6AcceptRA")) {
        learns6(interface, V6::Auto);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::testarchive;
    use crate::guest::testing::MemoryFs;

    fn of(files: &[(&str, &str)]) -> Vec<Interface> {
        read(&MemoryFs::of_texts(files).tree(), "root=/dev/vda1 ro", Vec::new(), &[]).unwrap()
    }

    fn one(text: &str) -> Interface {
        let mut found = of(&[("/etc/systemd/network/10-a.network", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found.remove(0)
    }

    #[test]
    fn an_interface_is_matched_by_name_pattern_or_address() {
        let i = one("[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n");
        assert_eq!((i.by, &*i.name, i.v4, i.v6, i.required), (By::Name, "eth0", V4::Dhcp, V6::None, true));
        assert_eq!(i.place, "/etc/systemd/network/10-a.network:5");
        let i = one("[Match]\nName=en* !ens9\n[Network]\nDHCP=yes\n");
        assert_eq!((i.by, i.v4, i.v6, i.required), (By::Pattern, V4::Dhcp, V6::Dhcp, false));
        let i = one("[Match]\nMACAddress=52:54:00:AA:BB:CC\n[Network]\nAddress=10.0.0.2/24\n");
        assert_eq!((i.by, i.v4), (By::Mac, V4::Static));
        assert_eq!(one("[Match]\nDriver=virtio_net\n[Network]\nDHCP=yes\n").by, By::Pattern);
        let two = of(&[("/etc/systemd/network/a.network", "[Match]\nName=eth0 eth1\n[Network]\nDHCP=yes\n")]);
        assert_eq!(two.len(), 2);
        assert_eq!(one("[Match]\nName=eth0\n[Network]\nDHCP=yes\nDHCP=no\n").v4, V4::None);
        assert!(!one("[Match]\nName=eth0\n[Link]\nRequiredForOnline=no\n[Network]\nDHCP=yes\n").required);
    }

    #[test]
    fn static_ipv6_is_an_address_or_a_gateway() {
        assert_eq!(
            one("[Match]\nName=e\n[Network]\nAddress=10.0.0.1/24\nAddress=2001:db8::2/64\n").address6,
            "2001:db8::2/64"
        );
        assert_eq!(one("[Match]\nName=e\n[Network]\nDHCP=yes\n[Route]\nGateway=2001:db8::1\n").v6, V6::Static);
        assert_eq!(one("[Match]\nName=e\n[Network]\nIPv6AcceptRA=yes\n").v6, V6::Auto);
        assert_eq!(one("[Match]\nName=e\n[Network]\nAddress=2001:db8::2/64\nAddress=\n").v6, V6::None);
    }

    #[test]
    fn the_file_of_the_first_folder_counts_and_masks() {
        let packaged = ("/usr/lib/systemd/network/zz-default.network", "[Match]\nName=*\n[Network]\nDHCP=yes\n");
        assert_eq!(of(&[packaged])[0].place, format!("{}:4", packaged.0), "CoreOS");
        let own = ("/etc/systemd/network/zz-default.network", "[Match]\nName=*\n[Network]\nDHCP=no\n");
        assert_eq!(of(&[packaged, own])[0].v4, V4::None);
        assert_eq!(of(&[packaged, (own.0, "")]), []);
        let masked = MemoryFs::of_texts(&[packaged]).link(own.0, "/dev/null");
        assert_eq!(read(&masked.tree(), "", Vec::new(), &[]).unwrap(), []);
        let drop_in = ("/etc/systemd/network/zz-default.network.d/a.conf", "[Network]\nDHCP=ipv6\n");
        assert_eq!(of(&[packaged, drop_in])[0].v4, V4::None);
    }

    #[test]
    fn the_first_file_that_matches_is_the_only_one() {
        let second = ("/etc/systemd/network/20-b.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n");
        let after = |text: &str| of(&[("/usr/lib/systemd/network/10-a.network", text), second]);
        let fixed = "[Network]\nAddress=10.0.0.2/24\n";
        let taken = |how: &str| {
            let found = after(&format!("[Match]\n{how}\n{fixed}"));
            found.iter().all(|i| i.v4 == V4::Static)
        };
        for how in ["Name=e*", "Name=*", "Name=en* eth?", "Type=ether", "Name=!ens*", "Driver=virtio*"] {
            assert!(taken(how), "{how}");
        }
        for how in
            ["Name=en*", "Name=!eth0 eth1", "Name=e* !eth0", "MACAddress=52:54:00:00:00:01", "Kind=bond", "Type=wlan"]
        {
            assert!(!taken(how), "{how}");
        }
        let unmanaged = after("[Match]\nName=*\n[Link]\nUnmanaged=yes\n");
        assert_eq!((unmanaged.len(), unmanaged[0].off, unmanaged[0].v4), (1, true, V4::None));
        let pattern = ("/etc/systemd/network/30-c.network", "[Match]\nName=eth*\n[Network]\nDHCP=yes\n");
        let first = |text: &str| of(&[("/etc/systemd/network/10-a.network", text), pattern]).len();
        assert_eq!(first(&format!("[Match]\nName=e*\n{fixed}")), 1);
        assert_eq!(first(&format!("[Match]\nName=eth0\n{fixed}")), 2, "another eth may be there");
        assert_eq!(first(&format!("[Match]\nName=eth?\n{fixed}")), 2);
        let here = after(&format!("[Match]\nName=eth0\nHost=web1\n{fixed}"));
        assert_eq!(here[1].v4, V4::Unknown, "whether the first one matches is not known");
        for (how, wanted) in [
            ("Host=web1", V4::Unknown),
            ("Architecture=arm64", V4::Unknown),
            ("Virtualization=vm", V4::Dhcp),
            ("KernelCommandLine=root", V4::Dhcp),
        ] {
            assert_eq!(one(&format!("[Match]\nName=eth0\n{how}\n[Network]\nDHCP=yes\n")).v4, wanted, "{how}");
        }
    }

    #[test]
    fn many_patterns_are_refused() {
        let name = |n: u32| format!("/etc/systemd/network/{n}.network");
        let files = (0..100).fold(MemoryFs::new(), |fs, n| fs.file(&name(n), format!("[Match]\nName=x{n}* y{n}*\n")));
        assert!(read(&files.tree(), "", Vec::new(), &[]).is_err());
    }

    #[test]
    fn what_is_shipped_for_containers_is_not_for_a_card() {
        let host0 = "[Match]\nVirtualization=container\nName=host0\n\n[Network]\nDHCP=yes\n";
        assert_eq!(of(&[("/lib/systemd/network/80-container-host0.network", host0)]), []);
        let ve = "[Match]\nName=ve-*\nKind=veth\n\n[Network]\nDHCPServer=yes\nAddress=0.0.0.0/28\n";
        assert_eq!(of(&[("/lib/systemd/network/80-container-ve.network", ve)]), []);
        let wifi = "[Match]\nType=wlan\n[Network]\nDHCP=yes\n";
        assert_eq!(of(&[("/lib/systemd/network/80-wifi.network", wifi)]), []);
        assert_eq!(of(&[("/etc/systemd/network/a.network", "[Match]\n[Network]\nDHCP=yes\n")]), []);
        assert_eq!(of(&[("/etc/systemd/network/a.network", "[Match]\nName=*\nKernelCommandLine=!root\n")]), []);
        let vmware = "[Match]\nDriver=vmxnet3\n[Network]\nDHCP=yes\n";
        assert_eq!(of(&[("/etc/systemd/network/a.network", vmware)]), [], "no card of a cloud");
    }

    #[test]
    fn bonds_are_known_by_their_devices() {
        let found = of(&[
            ("/etc/systemd/network/b.netdev", "[NetDev]\nName=uplink\nKind=bond\n"),
            ("/etc/systemd/network/b.network", "[Match]\nName=uplink\n[Network]\nDHCP=yes\n"),
            ("/etc/systemd/network/c.network", "[Match]\nName=eth0 eth1\n[Network]\nBond=uplink\n"),
        ]);
        assert_eq!(found[0].kind, LinkKind::Bond);
        assert_eq!(found.iter().filter(|i| i.bond == "uplink" && i.kind == LinkKind::Card).count(), 2);
    }

    #[test]
    fn what_cloud_init_wrote_of_a_bonded_machine_is_read() {
        let Some(dir) = testarchive("linux-config/cloud-init-doc-network-examples.tar.xz") else { return };
        let from = dir.path().join("tests/unittests/net/artifacts/openstack_net_config_v1/etc/systemd/network");
        let mut fs = MemoryFs::new();
        for entry in std::fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            let path = format!("/etc/systemd/network/{}", entry.file_name().to_string_lossy());
            fs = fs.file(&path, std::fs::read(entry.path()).unwrap());
        }
        let found = read(&fs.tree(), "", Vec::new(), &[]).unwrap();
        assert!(found.iter().all(|i| i.rewritten));
        assert!(found.iter().any(|i| i.kind == LinkKind::Bond));
        assert!(found.iter().filter(|i| i.kind == LinkKind::Card).all(|i| !i.bond.is_empty()), "{found:#?}");
    }
}
