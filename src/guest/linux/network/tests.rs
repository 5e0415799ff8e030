//! Which of the ways to write it down count.

use super::*;
use crate::guest::linux::services::tests::{script, service, targets};
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::{By, V6};

const IFCFG: &str = "/etc/sysconfig/network-scripts/ifcfg-eth0";
const PLUGIN: &str = "/usr/lib64/NetworkManager/1.40.0/libnm-settings-plugin-ifcfg-rh.so";

/// A systemd of which these services start.
fn systemd(names: &[&str]) -> MemoryFs {
    let base = targets().file("/lib/systemd/network/99-default.link", "[Link]");
    names.iter().fold(base, |fs, name| starting(fs, name))
}

fn starting(fs: MemoryFs, name: &str) -> MemoryFs {
    let unit = format!("{name}.service");
    let link = format!("/etc/systemd/system/multi-user.target.wants/{unit}");
    service(fs, &unit, "").link(&link, &format!("/usr/lib/systemd/system/{unit}"))
}

/// Start links of runlevel 3, and the program that follows them.
fn scripts(fs: MemoryFs, dir: &str) -> MemoryFs {
    script(fs, "/etc/init.d/network")
        .file("/sbin/init", "")
        .file("/etc/inittab", "id:3:initdefault:\n")
        .link(&format!("{dir}/S10network"), "/etc/init.d/network")
}

fn network(fs: &MemoryFs) -> Network {
    of(fs, "ro quiet", None)
}

fn of(fs: &MemoryFs, line: &str, cloud_init: Option<&CloudInit>) -> Network {
    whatever(fs, line, cloud_init).unwrap()
}

fn whatever(fs: &MemoryFs, line: &str, cloud_init: Option<&CloudInit>) -> Result<Network> {
    let tree = fs.clone().tree();
    read(&tree, &Services::open(&tree, Some(line))?, line, cloud_init)
}

fn managers(network: &Network) -> Vec<&str> {
    network.managers.iter().map(|m| m.value.as_str()).collect()
}

fn running() -> CloudInit {
    CloudInit {
        installed: Some(Evident::default()),
        enabled_by: Some("/lib/systemd/system-generators/cloud-init-generator".into()),
        ..CloudInit::default()
    }
}

/// Debian's cloud-init writes for ifupdown where that is there, into a file that the stock interfaces(5) sources.
#[test]
fn what_cloud_init_writes_has_to_be_sourced() {
    let of_eni = |interfaces: &str, renderers: &str| {
        let config = format!("system_info:\n  distro: debian\n  network:\n    renderers: [{renderers}]\n");
        let fs = systemd(&["networking"])
            .file("/etc/network/interfaces", interfaces)
            .file("/etc/cloud/cloud.cfg", config)
            .file("/sbin/dhclient", "");
        let fs = ["ifup", "ifdown", "ifquery"].iter().fold(fs, |fs, name| fs.file(&format!("/usr/sbin/{name}"), ""));
        let found = of(&fs.clone(), "ro", Some(&running()));
        let planned = of(&fs.file("/usr/sbin/netplan", ""), "ro", Some(&running()));
        assert!(!renderers.starts_with("netplan") || planned.automatic.is_some(), "{renderers}");
        assert_eq!(found.automatic.is_none(), found.kept.is_some());
        found.kept.map(|kept| format!("{} {}", kept.value, kept.place))
    };
    let lo = "auto lo\niface lo inet loopback\n";
    let told = Some("cloud-init /etc/network/interfaces sources nothing that it writes".to_owned());
    assert_eq!(of_eni(lo, "eni, netplan, networkd"), told);
    assert_eq!(of_eni(lo, "netplan, eni, networkd"), told);
    assert_eq!(of_eni(lo, "networkd, eni"), None);
    for line in ["source /etc/network/interfaces.d/*", "source interfaces.d/*.cfg", "source-directory interfaces.d"] {
        assert_eq!(of_eni(&format!("{lo}{line}\n"), "eni"), None, "{line}");
    }
    assert_eq!(of_eni(&format!("{lo}source /etc/network/interfaces.d/setup\n"), "eni"), told);
}

#[test]
fn network_manager_without_a_profile_is_dhcp_unless_told_otherwise() {
    let fs = systemd(&["NetworkManager"]);
    let found = network(&fs);
    assert_eq!(managers(&found), ["NetworkManager"]);
    assert_eq!(found.automatic.unwrap().value, "NetworkManager");
    let server = fs.file("/usr/lib/NetworkManager/conf.d/00-server.conf", "[main]\nno-auto-default=*\n");
    let found = network(&server);
    assert_eq!(found.automatic, None);
    assert_eq!(found.not_automatic.as_deref(), Some("/usr/lib/NetworkManager/conf.d/00-server.conf:2"));
    let ubuntu = systemd(&["NetworkManager"]).file(
        "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf",
        "[keyfile]\nunmanaged-devices=*,except:type:wifi\n",
    );
    assert_eq!(network(&ubuntu).automatic, None);
    let desktop = ubuntu
        .file("/lib/systemd/system-generators/netplan", "")
        .file("/etc/netplan/01-network-manager-all.yaml", "network: {version: 2, renderer: NetworkManager}\n");
    assert_eq!(network(&desktop).automatic.unwrap().value, "NetworkManager");
}

/// have_connection_for_device() of NetworkManager's src/core/settings/nm-settings.c takes any profile that fits the card, and
/// a device that is not managed gets none.
#[test]
fn network_manager_makes_no_connection_of_its_own_beside_a_profile_or_for_a_card_it_leaves_alone() {
    let kernel = systemd(&["NetworkManager"]).link("/etc/systemd/network/99-default.link", "/dev/null");
    let profile = |fs: &MemoryFs, text: &str| {
        let path = "/etc/NetworkManager/system-connections/a.nmconnection";
        fs.clone().file(path, text).stat_of(path, |stat| stat.mode = 0o600)
    };
    let eth0 = "[connection]\ntype=ethernet\ninterface-name=eth0\n";
    let found = network(&profile(&kernel, &format!("{eth0}autoconnect=false\n")));
    assert_eq!((found.interfaces[0].off, found.interfaces[0].held), (true, true));
    let found = network(&kernel.clone().file(PLUGIN, "").file(IFCFG, "BOOTPROTO=dhcp\nONBOOT=no\n"));
    assert_eq!((found.interfaces[0].off, found.interfaces[0].held), (true, true));
    let conf = "/etc/NetworkManager/conf.d/a.conf";
    for text in ["[keyfile]\nunmanaged-devices=interface-name:eth*\n", "[device]\nmatch-device=*\nmanaged=0\n"] {
        let left = kernel.clone().file(conf, text);
        let found = network(&left);
        assert_eq!((found.automatic, found.kept.map(|kept| kept.value)), (None, Some("NetworkManager".to_owned())));
        assert!(network(&profile(&left, eth0)).interfaces[0].off, "{text}");
        assert!(network(&profile(&left, "[connection]\ntype=ethernet\n")).interfaces[0].off, "a profile for any card");
        let ifcfg = left.file(PLUGIN, "").file(IFCFG, "BOOTPROTO=dhcp\n");
        assert!(network(&ifcfg).interfaces[0].off, "{text}");
    }
    let slots = systemd(&["NetworkManager"]).file(conf, "[keyfile]\nunmanaged-devices=ens5\n");
    let found = network(&slots);
    assert_eq!((found.automatic, found.interfaces[0].v4), (None, V4::Unknown), "the card's slot is not known");
    let other = systemd(&["NetworkManager"]).file(conf, "[keyfile]\nunmanaged-devices=interface-name:eth*\n");
    assert!(network(&other).automatic.is_some(), "the card gets a predictable name");
}

#[test]
fn udev_brings_up_what_appears_and_network_manager_leaves_stanzas_alone() {
    let stanza =
        |how: &str| systemd(&[]).file("/etc/network/interfaces", format!("{how} eth0\niface eth0 inet dhcp\n"));
    let udev = |fs: MemoryFs| {
        service(fs, "ifup@.service", "").file("/lib/udev/rules.d/80-ifupdown.rules", "").file("/sbin/dhclient", "")
    };
    let found = network(&udev(stanza("allow-hotplug")));
    assert_eq!((managers(&found), found.interfaces[0].off), (vec!["ifupdown"], false));
    assert!(network(&udev(stanza("auto"))).interfaces[0].off, "networking would have to start");
    assert_eq!(managers(&network(&stanza("allow-hotplug"))), [""; 0]);
    let masked = udev(stanza("allow-hotplug")).link("/etc/udev/rules.d/80-ifupdown.rules", "/dev/null");
    assert_eq!(managers(&network(&masked)), [""; 0]);
    let older = service(udev(stanza("allow-hotplug")), "ifup@.service", "ConditionPathIsDirectory=/run/network");
    assert_eq!(network(&older).interfaces[0].v4, V4::Unknown);
    let plugin = "/usr/lib/x86_64-linux-gnu/NetworkManager/1.42.4/libnm-settings-plugin-ifupdown.so";
    let debian = |fs: MemoryFs| starting(fs, "NetworkManager").file(plugin, "");
    let found = network(&debian(stanza("auto")));
    assert_eq!((found.interfaces[0].off, found.interfaces[0].held), (true, true));
    assert!(!network(&udev(debian(stanza("allow-hotplug")))).interfaces[0].off);
}

#[test]
fn ifcfg_files_count_for_whom_they_are_read_by() {
    let dhcp = |fs: MemoryFs| fs.file(IFCFG, "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n");
    assert_eq!(network(&dhcp(systemd(&[]))).interfaces, [], "nobody reads them");
    let scripts = dhcp(scripts(MemoryFs::new(), "/etc/rc.d/rc3.d"));
    let found = network(&scripts);
    assert_eq!((managers(&found), found.interfaces[0].required), (vec!["network-scripts"], true));
    assert!(found.client_missing);
    assert!(!network(&scripts.clone().file("/usr/sbin/dhclient", "")).client_missing);
    let manager = dhcp(systemd(&["NetworkManager"]));
    let found = network(&manager.clone().file(PLUGIN, ""));
    assert_eq!((found.interfaces[0].v4, found.interfaces[0].required), (V4::Dhcp, false));
    assert!(!found.client_missing, "it has a client of its own");
    assert_eq!(network(&manager).interfaces, [], "EL 10 has no plugin for them");
}

#[test]
fn a_stock_debian_is_what_its_sourced_files_say() {
    let base = systemd(&["networking"])
        .file("/sbin/dhclient", "")
        .file("/etc/network/interfaces", "source /etc/network/interfaces.d/*\n");
    assert_eq!(network(&base).interfaces, []);
    let found = network(&base.clone().file("/etc/network/interfaces.d/eth0", "auto eth0\niface eth0 inet dhcp\n"));
    assert_eq!((found.interfaces[0].v4, managers(&found)), (V4::Dhcp, vec!["ifupdown"]));
    let off = base.link("/etc/systemd/system/networking.service", "/dev/null");
    assert_eq!(network(&off).managers, []);
}

#[test]
fn cloud_init_counts_where_it_manages_the_network() {
    let fs = systemd(&["networking"])
        .file("/etc/network/interfaces", "source /etc/network/interfaces.d/*\n")
        .file("/etc/network/interfaces.d/50-cloud-init", "auto eth0\niface eth0 inet6 static\n address 2001:db8::2\n");
    let found = of(&fs, "ro", Some(&running()));
    assert_eq!((found.interfaces.len(), found.automatic.unwrap().value), (0, "cloud-init".to_owned()));
    let stopped = CloudInit { disabled_by: Some("/etc/cloud/cloud-init.disabled".into()), ..running() };
    let off = fs.clone().file("/etc/cloud/cloud.cfg.d/99-off.cfg", "network: {config: disabled}\n");
    for found in [of(&fs, "ro", Some(&stopped)), of(&off, "ro", Some(&running()))] {
        assert_eq!((found.automatic, found.interfaces[0].v6), (None, V6::Static));
        assert_eq!(managers_of(&found.managers), ["ifupdown"]);
    }
}

fn managers_of(managers: &[Evident]) -> Vec<&str> {
    managers.iter().map(|m| m.value.as_str()).collect()
}

#[test]
fn networkd_counts_when_it_starts_and_netplan_starts_it() {
    let file = ("/usr/lib/systemd/network/zz-default.network", "[Match]\nName=*\n[Network]\nDHCP=yes\n");
    let fs = systemd(&[]).file(file.0, file.1);
    assert_eq!(network(&fs).interfaces, []);
    let wants = "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service";
    let found =
        network(&service(fs.clone(), "systemd-networkd.service", "").link(wants, "../systemd-networkd.service"));
    assert_eq!((found.interfaces[0].by, found.interfaces[0].v4), (By::Pattern, V4::Dhcp), "CoreOS");
    assert!(network(&starting(fs, "systemd-networkd")).interfaces.len() == 1);
    let plan = service(systemd(&[]), "systemd-networkd.service", "")
        .file("/lib/systemd/system-generators/netplan", "")
        .file("/etc/netplan/50.yaml", "network:\n  ethernets:\n    any: {match: {name: 'e*'}, dhcp4: true}\n");
    let found = network(&plan);
    assert_eq!((managers(&found), found.interfaces[0].v4), (vec!["netplan"], V4::Dhcp));
    // A mask keeps netplan's link in /run from starting it.
    let mask = "/etc/systemd/system/systemd-networkd.service";
    let found = network(&plan.link(mask, "/dev/null"));
    assert!(found.interfaces[0].off && found.interfaces[0].v4 == V4::Dhcp, "{found:?}");
    assert_eq!(found.kept.unwrap().place, format!("{mask} (masked)"));
    let manager = systemd(&[])
        .file("/lib/systemd/system-generators/netplan", "")
        .file("/etc/netplan/50.yaml", "network: {renderer: NetworkManager, ethernets: {eth0: {dhcp4: true}}}");
    let found = network(&manager);
    assert_eq!((found.interfaces[0].off, found.kept.unwrap().place), (true, String::new()), "it is not installed");
    assert!(!network(&starting(manager, "NetworkManager")).interfaces[0].off);
}

/// Which file comes first is what netplan itself writes.
#[test]
fn of_netplan_s_entries_that_match_a_card_the_first_file_counts() {
    let static_first = "network:\n  version: 2\n  ethernets:\n    aaa: {match: {name: 'e*'}, addresses: [10.0.0.2/24]}\n    zzz: {match: {name: eth0}, dhcp4: true}\n";
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("etc/netplan")).unwrap();
    std::fs::write(root.path().join("etc/netplan/a.yaml"), static_first).unwrap();
    let generate =
        std::process::Command::new("/usr/libexec/netplan/generate").arg("--root-dir").arg(root.path()).status();
    assert!(generate.expect("netplan is needed (Debian: netplan.io)").success());
    let mut written: Vec<_> = std::fs::read_dir(root.path().join("run/systemd/network")).unwrap().collect();
    written.sort_by_key(|file| file.as_ref().unwrap().file_name());
    let first = std::fs::read_to_string(written[0].as_ref().unwrap().path()).unwrap();
    assert!(first.contains("Address=10.0.0.2/24"), "{first}");

    let fs = service(systemd(&[]), "systemd-networkd.service", "").file("/lib/systemd/system-generators/netplan", "");
    let found = network(&fs.clone().file("/etc/netplan/a.yaml", static_first));
    assert_eq!((found.interfaces.len(), found.interfaces[0].v4), (1, V4::Static));
    let dhcp = fs.file("/etc/netplan/a.yaml", "network: {ethernets: {eth0: {dhcp4: true}}}");
    assert_eq!(network(&dhcp).interfaces[0].v4, V4::Dhcp);
    // netplan starts systemd-networkd, which reads its own files, too.
    let own = |path: &str| dhcp.clone().file(path, "[Match]\nName=e*\n[Network]\nAddress=10.0.0.2/24\n");
    for (path, first) in [
        ("/etc/systemd/network/09-a.network", V4::Static),
        ("/etc/systemd/network/20-a.network", V4::Dhcp),
        ("/etc/systemd/network/10-netplan-eth0.network", V4::Static),
        ("/usr/lib/systemd/network/10-netplan-eth0.network", V4::Dhcp),
    ] {
        assert_eq!(network(&own(path)).interfaces[0].v4, first, "{path}");
    }
}

/// The first file that fits is the card's, so the address is that file's affair where the card is known to be eth0.
#[test]
fn a_pattern_behind_the_card_s_own_file_is_for_no_card() {
    let own = |first: &str, line: &str| {
        let fs = systemd(&["systemd-networkd"])
            .file("/etc/systemd/network/05.network", first)
            .file("/usr/lib/systemd/network/10.network", "[Match]\nName=e*\n[Network]\nDHCP=yes\n");
        let found = of(&fs, line, None).interfaces;
        found.into_iter().map(|i| (i.name, i.v4)).collect::<Vec<_>>()
    };
    let kernel = "ro net.ifnames=0";
    let e = |v4| ("e*".to_owned(), v4);
    let eth0 = |v4| ("eth0".to_owned(), v4);
    assert_eq!(own("[Match]\nName=eth0\n[Network]\nDHCP=no\n", kernel), [eth0(V4::None)]);
    assert_eq!(own("[Match]\nName=eth0\n[Network]\nAddress=10.0.0.5/24\n", kernel), [eth0(V4::Static)]);
    assert_eq!(own("[Match]\nName=eth*\n[Network]\nDHCP=no\n", kernel), [("eth*".to_owned(), V4::None)]);
    assert_eq!(own("[Match]\nName=eth0\n[Link]\nUnmanaged=yes\n", kernel), [eth0(V4::None)]);
    let of_host = "[Match]\nName=eth0\nHost=x\n[Network]\nDHCP=no\n";
    assert_eq!(own(of_host, kernel), [eth0(V4::None), e(V4::Unknown)], "whether it fits is not known");
    for first in
        ["[Match]\nName=eth1\n[Network]\nDHCP=no\n", "[Match]\nMACAddress=52:54:00:00:00:01\n[Network]\nDHCP=no\n"]
    {
        assert_eq!(own(first, kernel).last(), Some(&e(V4::Dhcp)), "{first}");
    }
    let predictable = own("[Match]\nName=eth0\n[Network]\nDHCP=no\n", "ro");
    assert_eq!(predictable, [eth0(V4::None), e(V4::Dhcp)], "the card has another name");
}

#[test]
fn suse_is_set_up_by_wicked_and_others_are_named() {
    let fs = systemd(&["wicked"])
        .file("/etc/sysconfig/network/config", "")
        .file("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
    let found = network(&fs);
    assert_eq!((managers(&found), found.interfaces[0].v4), (vec!["wicked"], V4::Dhcp));
    let without =
        systemd(&["wicked"]).file("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
    assert_eq!(managers(&network(&without)), ["wicked"]);
    let old = scripts(MemoryFs::new(), "/etc/init.d/rc3.d")
        .file("/etc/sysconfig/network/config", "")
        .file("/etc/sysconfig/network/ifcfg-eth-id-00:16:3e:00:00:01", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
    assert_eq!(network(&old).interfaces[0].by, By::Mac);
    assert_eq!(managers(&network(&systemd(&["connman"]))), ["connman"]);
}

#[test]
fn what_starts_decides_and_where_that_is_not_known_nothing_is() {
    let file = ("/etc/network/interfaces", "auto eth0\niface eth0 inet dhcp\n");
    let alpine = MemoryFs::of_texts(&[("/sbin/openrc", ""), ("/sbin/init", ""), file]);
    let alpine =
        script(alpine, "/etc/init.d/networking").link("/etc/runlevels/boot/networking", "/etc/init.d/networking");
    assert_eq!(managers(&network(&alpine)), ["ifupdown"]);
    let ubuntu = MemoryFs::of_texts(&[("/etc/init/rc.conf", ""), file])
        .file("/etc/init/networking.conf", "start on runlevel [2345]\nexec ifup -a\n");
    assert_eq!(managers(&network(&ubuntu)), ["ifupdown"]);
    let unit = service(systemd(&[]), "network.service", "");
    let native = script(unit, "/etc/init.d/network").link("/etc/rc3.d/S10network", "/etc/init.d/network");
    assert_eq!(managers(&network(&native)), Vec::<&str>::new(), "a unit counts before a script of its name");
    assert_eq!(
        managers(&network(&MemoryFs::of_texts(&[file]).file("/sbin/init", "").file("/etc/inittab", ""))),
        [""; 0]
    );
    let error = whatever(&systemd(&["networking"]), "init=/opt/own", None).unwrap_err();
    assert!(error.to_string().contains("whether NetworkManager starts"), "{error}");
}

#[test]
fn many_interfaces_are_counted_and_eight_are_kept() {
    let text: Vec<String> = (0..20).map(|n| format!("auto eth{n}\niface eth{n} inet dhcp")).collect();
    let fs = systemd(&["networking"]).file("/etc/network/interfaces", text.join("\n"));
    let found = network(&fs);
    assert_eq!((found.interfaces.len(), found.more), (8, 12));
}

#[test]
fn whatever_the_files_hold_it_ends() {
    let junk = "\u{0}[]{}=*\\\"'#-: \n".repeat(2000);
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\nnetwork: {}\n";
    for text in [junk.as_str(), &deep, bomb] {
        let fs = systemd(&["NetworkManager", "systemd-networkd", "networking"])
            .file(PLUGIN, "")
            .file("/lib/systemd/system-generators/netplan", "")
            .file(IFCFG, text)
            .file("/etc/network/interfaces", text)
            .file("/etc/systemd/network/a.network", text)
            .file("/usr/lib/NetworkManager/system-connections/a.nmconnection", text)
            .file("/etc/NetworkManager/NetworkManager.conf", text);
        let _ = whatever(&fs, text, Some(&running()));
        let _ = whatever(&fs.clone().file("/etc/netplan/a.yaml", text), text, None);
        let _ = whatever(&fs.file("/etc/cloud/cloud.cfg", text), text, Some(&running()));
        let _ = freebsd(&MemoryFs::of_texts(&[("/etc/rc.conf", text)]).tree());
    }
}
