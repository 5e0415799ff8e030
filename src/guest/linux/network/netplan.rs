//! netplan's YAML (netplan's documentation, "YAML configuration"), and what it makes of several files.

mod check;

use check::Refused;
use serde_json::{Map, Value};

use super::files::{LAYER, layered, text};
use super::first::{File, Match};
use super::link::{address, bind, is_cloud_driver, is_loopback, learns6, named, static6};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::yaml::{items, line_of, merge, parse, truth, word};
use crate::guest::linux::{cut, glob};
use crate::inspect::facts::{By, Interface, LinkKind, V4, V6};

/// Where its files lie: a name in `/etc` stands in for the same name in `/lib`. `/run` is empty before the start.
const DIRS: &[&str] = &["/etc/netplan", "/usr/lib/netplan", "/lib/netplan"];
/// The generator that reads them at boot.
const GENERATORS: &[&str] = &["/usr/lib/systemd/system-generators/netplan", "/lib/systemd/system-generators/netplan"];
/// What cloud-init writes.
const CLOUD_INIT: &str = "50-cloud-init.yaml";
/// Most interfaces of one kind.
const MAX_LINKS: usize = 256;

/// What netplan has others do.
#[derive(Debug, Default)]
pub struct Plan {
    /// What runs it at boot: the generator.
    pub generator: String,
    /// What it writes for systemd-networkd, which it starts.
    pub networkd: Vec<File>,
    /// Interfaces that NetworkManager sets up.
    pub manager: Vec<Interface>,
    /// NetworkManager is to set up whatever has no configuration of its own.
    pub all_by_manager: bool,
}

/// Its files, read in order; `None` where it does not run or has no file. `without_cloud_init` leaves out what cloud-init
/// will write anew.
///
/// # Errors
/// `Unsupported` for a file that is not YAML as this program reads it, and what the filesystem reports.
pub fn read(tree: &Tree, without_cloud_init: bool) -> Result<Option<Plan>> {
    let mut generator = None;
    for path in GENERATORS {
        if generator.is_none() && tree.exists(path)? {
            generator = Some((*path).to_owned());
        }
    }
    let Some(generator) = generator else { return Ok(None) };
    Ok(plan(tree, DIRS, without_cloud_init)?.map(|plan| Plan { generator, ..plan }))
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as netplan compares")]
pub(super) fn plan(tree: &Tree, dirs: &[&str], without_cloud_init: bool) -> Result<Option<Plan>> {
    let mut network = Map::new();
    let mut texts: Vec<(String, String)> = Vec::new();
    for (name, path) in layered(tree, dirs, |name| name.ends_with(".yaml"))? {
        let Some(text) = text(tree, &path)?.filter(|_| !(without_cloud_init && name == CLOUD_INIT)) else { continue };
        let mut file = parse(&text, &path)?;
        if let Some(what) = check::file(&file) {
            return Err(refused(&text, &path, &what));
        }
        if let Some(Value::Object(own)) = file.remove("network") {
            merge(&mut network, own.clone(), true);
            if let Some(what) = check::lacks(&own, &network) {
                return Err(refused(&text, &path, &what));
            }
        }
        texts.push((path, text));
    }
    if texts.is_empty() {
        return Ok(None);
    }
    if let Some(what) = check::members(&network)
        && let Some((path, text)) = texts.last()
    {
        return Err(refused(text, path, &what));
    }
    // The last file that names an interface is where it is shown.
    let place = |id: &str| {
        let found = texts.iter().rev().find_map(|(path, text)| Some((path.as_str(), line_of(text, id)?)));
        found.unwrap_or_else(|| (texts.first().map(|(path, _)| path.as_str()).unwrap_or_default(), 1))
    };
    Ok(Some(of(&network, place)))
}

/// netplan sets up nothing at all then, or, in later versions, what it makes of the rest.
fn refused(text: &str, path: &str, what: &Refused) -> Error {
    let line = line_of(text, &what.key).unwrap_or(1);
    let why = format!("netplan refuses {}:{line}, `netplan generate` says so: {}", cut(path, 64), cut(&what.why, 96));
    Error::unsupported(LAYER, why)
}

/// The plan of one merged `network:` mapping; `place` says where an id stands.
pub fn of<'p>(network: &Map<String, Value>, place: impl Fn(&str) -> (&'p str, u32)) -> Plan {
    let renderer = word(network.get("renderer"));
    let mut plan = Plan { all_by_manager: is_manager(&renderer), ..Plan::default() };
    let mut bonded: Vec<(String, String)> = Vec::new();
    // Bonds name their parts by id.
    let mut links: Vec<(&str, bool, Interface)> = Vec::new();
    for (kind, definitions) in network {
        let Some(definitions) = definitions.as_object() else { continue };
        for (id, definition) in definitions.iter().take(MAX_LINKS) {
            let (path, line) = place(id);
            let Some(found) = kind_of(kind).and_then(|kind| interface(kind, id, definition, path, line)) else {
                continue;
            };
            if found.kind == LinkKind::Bond {
                bonded.extend(items(definition.get("interfaces")).iter().map(|part| (word(Some(part)), id.clone())));
            }
            let own = word(definition.get("renderer"));
            let own = if own.is_empty() { word(definitions.get("renderer")) } else { own };
            let by_manager = is_manager(if own.is_empty() { &renderer } else { &own });
            links.push((id, by_manager, found));
        }
    }
    for (id, by_manager, mut found) in links {
        if let Some((_, bond)) = bonded.iter().find(|(part, _)| part == id && found.kind == LinkKind::Card) {
            found.bond.clone_from(bond);
            found.required = false;
        }
        if by_manager {
            plan.manager.push(found);
        } else {
            let matches = Some(Match::generated(&found));
            let name = format!("10-netplan-{id}.network");
            plan.networkd.push(File { name, local: false, matches, interfaces: vec![found] });
        }
    }
    plan
}

fn is_manager(renderer: &str) -> bool {
    renderer == "NetworkManager"
}

fn kind_of(section: &str) -> Option<LinkKind> {
    Some(match section {
        "ethernets" => LinkKind::Card,
        "bonds" => LinkKind::Bond,
        "bridges" => LinkKind::Bridge,
        "vlans" | "wifis" | "modems" | "tunnels" | "vrfs" | "dummy-devices" | "virtual-ethernets" | "nm-devices" => {
            LinkKind::Other
        }
        _ => return None,
    })
}

fn interface(kind: LinkKind, id: &str, definition: &Value, path: &str, line: u32) -> Option<Interface> {
    let matched = definition.get("match").filter(|m| kind == LinkKind::Card && !m.is_null());
    let field = |key: &str| word(matched.and_then(|m| m.get(key)));
    let (name, mac) = (field("name"), field("macaddress"));
    let mut interface = match () {
        () if matched.is_none() => Interface { by: By::Name, ..named(id, path, line) },
        () if !name.is_empty() => named(&name, path, line),
        () => Interface { by: By::Pattern, ..named("*", path, line) },
    };
    if is_loopback(&interface.name) {
        return None;
    }
    let drivers = matched.and_then(|m| m.get("driver")).filter(|driver| !driver.is_null());
    let drivers = drivers.map(|one| {
        one.as_array().map_or_else(|| vec![word(Some(one))], |all| all.iter().map(|d| word(Some(d))).collect())
    });
    if drivers.is_some_and(|all| !is_cloud_driver(|name| all.iter().any(|driver| glob::matches(driver, name)))) {
        return None;
    }
    interface.kind = kind;
    if !mac.is_empty() {
        bind(&mut interface, &mac);
    }
    if truth(definition.get("dhcp4")) {
        interface.v4 = V4::Dhcp;
    }
    let addresses = items(definition.get("addresses")).iter().filter_map(|one| match one {
        Value::String(address) => Some(address.as_str()),
        // An address with options is the one key of a mapping.
        Value::Object(options) => options.keys().next().map(String::as_str),
        _ => None,
    });
    for one in addresses {
        if interface.v6 != V6::Static || !one.contains(':') {
            address(&mut interface, one);
        }
    }
    let gateways = items(definition.get("routes")).iter().map(|route| word(route.get("via")));
    for gateway in gateways.chain([word(definition.get("gateway6"))]).filter(|gateway| gateway.contains(':')) {
        if interface.v6 != V6::Static {
            static6(&mut interface, &gateway);
        }
    }
    if truth(definition.get("dhcp6")) {
        learns6(&mut interface, V6::Dhcp);
    } else if truth(definition.get("accept-ra")) {
        learns6(&mut interface, V6::Auto);
    }
    interface.off = matches!(word(definition.get("activation-mode")).as_str(), "manual" | "off");
    interface.required = !truth(definition.get("optional")) && !interface.off && interface.by != By::Pattern;
    Some(interface)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::{first, networkd};
    use super::*;
    use crate::guest::linux::testarchive;
    use crate::guest::testing::MemoryFs;

    const GENERATOR: &str = "/lib/systemd/system-generators/netplan";

    fn networkd_of(files: &[(&str, &str)]) -> Vec<Interface> {
        let fs = MemoryFs::of_texts(files).file(GENERATOR, "");
        read(&fs.tree(), false).unwrap().unwrap().networkd.into_iter().flat_map(|file| file.interfaces).collect()
    }

    fn one(ethernets: &str) -> Interface {
        let text = format!("network:\n  version: 2\n  ethernets:\n{ethernets}");
        let mut found = networkd_of(&[("/etc/netplan/a.yaml", &text)]);
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn a_pattern_is_one_and_a_name_is_bound() {
        let i = one("    all:\n      match: {name: \"en*\"}\n      dhcp4: yes\n");
        assert_eq!((i.by, &*i.name, i.v4, i.required), (By::Pattern, "en*", V4::Dhcp, false));
        let i = one("    eth0:\n      dhcp4: true\n      optional: true\n");
        assert_eq!((i.by, &*i.name, i.v4, i.required), (By::Name, "eth0", V4::Dhcp, false));
        assert_eq!(i.place, "/etc/netplan/a.yaml:4");
        let i =
            one("    ens3:\n      match: {macaddress: '52:54:00:AA:BB:CC'}\n      set-name: ens3\n      dhcp4: on\n");
        assert_eq!((i.by, &*i.name), (By::Mac, "52:54:00:aa:bb:cc"));
        assert_eq!(one("    x:\n      match: {}\n      dhcp4: true\n").by, By::Pattern);
        assert_eq!(one("    x:\n      match: {driver: virtio_net}\n      dhcp4: true\n").by, By::Pattern);
        let i = one("    eth0:\n      addresses: [10.0.0.2/24, '2001:db8::2/64']\n      gateway6: 2001:db8::1\n");
        assert_eq!((i.v4, i.v6, &*i.address6), (V4::Static, V6::Static, "2001:db8::2/64"));
        assert_eq!(
            one("    eth0:\n      addresses:\n        - '2001:db8::2/64':\n            lifetime: 0\n").v6,
            V6::Static
        );
    }

    #[test]
    fn later_files_are_laid_over_earlier_ones() {
        let packaged =
            ("/lib/netplan/00-a.yaml", "network: {renderer: NetworkManager, ethernets: {eth0: {dhcp4: true}}}");
        let local = (
            "/etc/netplan/10-b.yaml",
            "network:\n  renderer: networkd\n  ethernets:\n    eth0:\n      dhcp4: false\n      addresses: [10.0.0.2/24]\n",
        );
        let found = networkd_of(&[packaged, local]);
        assert_eq!((found.len(), found[0].v4), (1, V4::Static));
        assert_eq!(found[0].place, "/etc/netplan/10-b.yaml:4");
        assert_eq!(networkd_of(&[packaged, ("/etc/netplan/00-a.yaml", "")]), [], "the same name stands in for it");
        let tree = MemoryFs::of_texts(&[packaged]).tree();
        assert!(read(&tree, false).unwrap().is_none(), "nothing runs it");
        let cloud = ("/etc/netplan/50-cloud-init.yaml", local.1);
        let tree = MemoryFs::of_texts(&[cloud]).file(GENERATOR, "").tree();
        assert!(read(&tree, true).unwrap().is_none());
        let desktop =
            MemoryFs::of_texts(&[("/etc/netplan/01.yaml", "network: {version: 2, renderer: NetworkManager}")]);
        assert!(read(&desktop.file(GENERATOR, "").tree(), false).unwrap().unwrap().all_by_manager);
    }

    #[test]
    fn what_netplan_may_refuse_as_a_whole_is_not_known() {
        let wrong = "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n      dhcpfour: true\n";
        let fs = MemoryFs::of_texts(&[("/etc/netplan/a.yaml", wrong)]).file(GENERATOR, "");
        let error = read(&fs.tree(), false).unwrap_err().to_string();
        assert!(error.contains("/etc/netplan/a.yaml:5") && error.contains("unknown key 'dhcpfour'"), "{error}");
    }

    /// `netplan generate` of 0.106 says the same of the two files, in either order.
    #[test]
    fn a_name_is_given_to_what_is_matched_in_this_file_or_one_before() {
        let of = |files: [&str; 2]| {
            let [a, b] = files;
            let fs = MemoryFs::of_texts(&[("/etc/netplan/a.yaml", a), ("/etc/netplan/b.yaml", b)]);
            read(&fs.file(GENERATOR, "").tree(), false)
        };
        let named = "network:\n  ethernets:\n    eth0:\n      set-name: foo\n";
        let matched = "network: {ethernets: {eth0: {match: {name: 'e*'}, dhcp4: true}}}";
        assert!(of([matched, named]).is_ok());
        let error = of([named, matched]).unwrap_err().to_string();
        assert!(error.contains("/etc/netplan/a.yaml:4") && error.contains("'set-name:' requires 'match:'"), "{error}");
    }

    /// The generator itself is the judge of its own examples: what it writes for systemd-networkd is read back.
    #[test]
    fn the_examples_mean_what_netplan_makes_of_them() {
        let Some(dir) = testarchive("linux-config/netplan-examples.tar.xz") else { return };
        let mut compared = 0;
        for entry in std::fs::read_dir(dir.path().join("examples")).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(root.path().join("etc/netplan")).unwrap();
            std::fs::write(root.path().join("etc/netplan/a.yaml"), &text).unwrap();
            let generate = Command::new("/usr/libexec/netplan/generate").arg("--root-dir").arg(root.path()).output();
            // What this version of it refuses says nothing.
            if !generate.expect("netplan is needed (Debian: netplan.io)").status.success() {
                continue;
            }
            let written = root.path().join("run/systemd/network");
            let mut fs = MemoryFs::new();
            for file in std::fs::read_dir(&written).into_iter().flatten().flatten() {
                let to = format!("/run/systemd/network/{}", file.file_name().to_string_lossy());
                fs = fs.file(&to, std::fs::read(file.path()).unwrap());
            }
            let theirs = networkd::files(&fs.tree(), &["/run/systemd/network"], "").unwrap();
            let theirs = first::used(theirs.into_values(), &[]).unwrap();
            let tree = MemoryFs::of_texts(&[("/etc/netplan/a.yaml", &text)]).tree();
            let ours = plan(&tree, DIRS, false).unwrap().unwrap().networkd;
            let ours = networkd::read(&tree, "", ours, &[]).unwrap();
            for their in theirs.iter().filter(|i| i.kind != LinkKind::Other && !i.name.contains("vrf")) {
                let our = ours.iter().find(|i| i.name == their.name);
                let our = our.unwrap_or_else(|| panic!("{}: {their:#?} of {ours:#?}", path.display()));
                assert_eq!(
                    (our.by, our.v4, our.v6),
                    (their.by, their.v4, their.v6),
                    "{}: {}",
                    path.display(),
                    our.name
                );
                assert_eq!(our.bond, their.bond, "{}: {}", path.display(), our.name);
                assert_eq!(our.required, their.required && their.bond.is_empty(), "{}: {}", path.display(), our.name);
                compared += 1;
            }
        }
        assert!(compared > 15, "{compared}");
    }
}
