//! Which of the ways to write it down count.

use super::*;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::{By, V6};

const MANAGER: &str = "/etc/systemd/system/multi-user.target.wants/NetworkManager.service";
const NETWORKD: &str = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
const NETWORKING: &str = "/etc/systemd/system/multi-user.target.wants/networking.service";
const IFCFG: &str = "/etc/sysconfig/network-scripts/ifcfg-eth0";
const PLUGIN: &str = "/usr/lib64/NetworkManager/1.40.0/libnm-settings-plugin-ifcfg-rh.so";

fn systemd() -> MemoryFs {
    MemoryFs::of_texts(&[("/lib/systemd/systemd", ""), ("/lib/systemd/network/99-default.link", "[Link]")])
}

fn network(fs: &MemoryFs) -> Network {
    read(&fs.clone().tree(), "ro quiet", None).unwrap()
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

#[test]
fn network_manager_without_a_profile_is_dhcp_unless_told_otherwise() {
    let fs = systemd().file(MANAGER, "");
    let found = network(&fs);
    assert_eq!(managers(&found), ["NetworkManager"]);
    assert_eq!(found.automatic.unwrap().value, "NetworkManager");
    let server = fs.file("/usr/lib/NetworkManager/conf.d/00-server.conf", "[main]\nno-auto-default=*\n");
    let found = network(&server);
    assert_eq!(found.automatic, None);
    assert_eq!(found.not_automatic.as_deref(), Some("/usr/lib/NetworkManager/conf.d/00-server.conf:2"));
    let ubuntu = systemd().file(MANAGER, "").file(
        "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf",
        "[keyfile]\nunmanaged-devices=*,except:type:wifi\n",
    );
    assert_eq!(network(&ubuntu).automatic, None);
    let desktop = ubuntu
        .file("/lib/systemd/system-generators/netplan", "")
        .file("/etc/netplan/01-network-manager-all.yaml", "network: {version: 2, renderer: NetworkManager}\n");
    assert_eq!(network(&desktop).automatic.unwrap().value, "NetworkManager");
}

#[test]
fn ifcfg_files_count_for_whom_they_are_read_by() {
    let dhcp = systemd().file(IFCFG, "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n");
    assert_eq!(network(&dhcp).interfaces, [], "nobody reads them");
    let scripts = dhcp.clone().file("/etc/rc.d/rc3.d/S10network", "");
    let found = network(&scripts);
    assert_eq!((managers(&found), found.interfaces[0].required), (vec!["network-scripts"], true));
    assert!(found.client_missing);
    assert!(!network(&scripts.clone().file("/usr/sbin/dhclient", "")).client_missing);
    let manager = dhcp.clone().file(MANAGER, "").file(PLUGIN, "");
    let found = network(&manager);
    assert_eq!((found.interfaces[0].v4, found.interfaces[0].required), (V4::Dhcp, false));
    assert!(!found.client_missing, "it has a client of its own");
    assert_eq!(network(&dhcp.file(MANAGER, "")).interfaces, [], "EL 10 has no plugin for them");
}

#[test]
fn a_stock_debian_is_what_its_sourced_files_say() {
    let base = systemd()
        .file(NETWORKING, "")
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
    let fs = systemd()
        .file(NETWORKING, "")
        .file("/etc/network/interfaces", "source /etc/network/interfaces.d/*\n")
        .file("/etc/network/interfaces.d/50-cloud-init", "auto eth0\niface eth0 inet6 static\n address 2001:db8::2\n");
    let found = read(&fs.clone().tree(), "ro", Some(&running())).unwrap();
    assert_eq!((found.interfaces.len(), found.automatic.unwrap().value), (0, "cloud-init".to_owned()));
    let stopped = CloudInit { disabled_by: Some("/etc/cloud/cloud-init.disabled".into()), ..running() };
    let off = fs.clone().file("/etc/cloud/cloud.cfg.d/99-off.cfg", "network: {config: disabled}\n");
    for found in [read(&fs.tree(), "ro", Some(&stopped)), read(&off.tree(), "ro", Some(&running()))] {
        let found = found.unwrap();
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
    let fs = systemd().file(file.0, file.1);
    assert_eq!(network(&fs).interfaces, []);
    let found =
        network(&fs.clone().file("/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service", ""));
    assert_eq!((found.interfaces[0].by, found.interfaces[0].v4), (By::Pattern, V4::Dhcp), "CoreOS");
    assert!(network(&fs.file(NETWORKD, "")).interfaces.len() == 1);
    let plan = systemd()
        .file("/lib/systemd/system-generators/netplan", "")
        .file("/etc/netplan/50.yaml", "network:\n  ethernets:\n    any: {match: {name: 'e*'}, dhcp4: true}\n");
    let found = network(&plan);
    assert_eq!((managers(&found), found.interfaces[0].v4), (vec!["netplan"], V4::Dhcp));
}

#[test]
fn suse_is_set_up_by_wicked_and_others_are_named() {
    let fs = systemd()
        .file("/etc/sysconfig/network/config", "")
        .file("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
    let wicked = fs.clone().file("/etc/systemd/system/multi-user.target.wants/wicked.service", "");
    let found = network(&wicked);
    assert_eq!((managers(&found), found.interfaces[0].v4), (vec!["wicked"], V4::Dhcp));
    let old = MemoryFs::of_texts(&[("/etc/sysconfig/network/config", ""), ("/etc/init.d/rc3.d/S02network", "")])
        .file("/etc/sysconfig/network/ifcfg-eth-id-00:16:3e:00:00:01", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
    assert_eq!(network(&old).interfaces[0].by, By::Mac);
    let other = systemd().file("/etc/systemd/system/multi-user.target.wants/connman.service", "");
    assert_eq!(managers(&network(&other)), ["connman"]);
}

#[test]
fn many_interfaces_are_counted_and_eight_are_kept() {
    let text: Vec<String> = (0..20).map(|n| format!("auto eth{n}\niface eth{n} inet dhcp")).collect();
    let fs = systemd().file(NETWORKING, "").file("/etc/network/interfaces", text.join("\n"));
    let found = network(&fs);
    assert_eq!((found.interfaces.len(), found.more), (8, 12));
}

#[test]
fn whatever_the_files_hold_it_ends() {
    let junk = "\u{0}[]{}=*\\\"'#-: \n".repeat(2000);
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\nnetwork: {}\n";
    for text in [junk.as_str(), &deep, bomb] {
        let fs = systemd()
            .file(MANAGER, "")
            .file(NETWORKD, "")
            .file(NETWORKING, "")
            .file(PLUGIN, "")
            .file("/lib/systemd/system-generators/netplan", "")
            .file(IFCFG, text)
            .file("/etc/network/interfaces", text)
            .file("/etc/systemd/network/a.network", text)
            .file("/usr/lib/NetworkManager/system-connections/a.nmconnection", text)
            .file("/etc/NetworkManager/NetworkManager.conf", text);
        let _ = read(&fs.clone().tree(), text, Some(&running()));
        let _ = read(&fs.clone().file("/etc/netplan/a.yaml", text).tree(), text, None);
        let _ = read(&fs.file("/etc/cloud/cloud.cfg", text).tree(), text, Some(&running()));
        let _ = freebsd(&MemoryFs::of_texts(&[("/etc/rc.conf", text)]).tree());
    }
}
