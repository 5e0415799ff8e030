use std::process::Command;

use super::*;
use crate::guest::linux::testarchive;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::By;

fn of(text: &str) -> Vec<Interface> {
    read(&MemoryFs::of_texts(&[(PATH, text)]).tree(), false).unwrap()
}

fn one(text: &str) -> Interface {
    let mut found = of(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found.remove(0)
}

#[test]
fn stanzas_say_how_and_lists_say_when() {
    let i = one("auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n");
    assert_eq!((&*i.name, i.v4, i.required, i.off), ("eth0", V4::Dhcp, true, false));
    assert_eq!(i.place, "/etc/network/interfaces:3");
    let i = one("allow-hotplug eth0\niface eth0 inet dhcp\n");
    assert_eq!((i.required, i.off), (false, false));
    let i = one("iface eth0 inet dhcp\n");
    assert_eq!((i.required, i.off), (false, true), "nothing brings it up");
    let i = one(
        "auto eth0\niface eth0 inet static\n  address 10.0.0.2/24\n  gateway 10.0.0.1\niface eth0 inet6 static\n  address 2001:db8::2\n  netmask 64\n",
    );
    assert_eq!((i.v4, i.v6, &*i.address6), (V4::Static, V6::Static, "2001:db8::2"));
    assert_eq!(one("auto eth0\niface eth0 inet6 auto\n").v6, V6::Auto);
    assert_eq!(one("auto eth0\n# iface eth0 inet dhcp\niface eth0 inet \\\n  manual\n").v4, V4::None);
    assert_eq!(of("auto lo\niface lo inet loopback\n"), []);
    assert_eq!(one("auto eth0\niface eth0 inet dhcp\niface eth0:1 inet static\n  address 10.0.0.9\n").v4, V4::Dhcp);
}

#[test]
fn names_can_be_patterns_other_names_mappings_and_heirs() {
    assert!(one("auto /eth*\niface eth0 inet dhcp\n").required);
    let i = one("auto eth0=home\niface home inet dhcp\n");
    assert_eq!((&*i.name, i.v4, i.required), ("eth0", V4::Dhcp, true));
    let i = one("auto /eth*=eth\niface eth inet dhcp\n");
    assert_eq!((i.by, &*i.name, i.v4, i.required), (By::Pattern, "eth*", V4::Dhcp, true));
    let mapped =
        "auto eth0\nmapping eth0\n  script /x\n  map a home\n  map b work\niface home inet dhcp\niface work inet ";
    assert_eq!(one(&format!("{mapped}dhcp\n")).v4, V4::Dhcp);
    let i = one(&format!("{mapped}static\n  address 10.0.0.2\n"));
    assert_eq!((i.v4, i.required), (V4::Unknown, true), "which one a script picks is not known");
    assert_eq!(
        of("iface base inet dhcp\nauto eth0\niface eth0 inherits base\n").iter().find(|i| i.name == "eth0").unwrap().v4,
        V4::Dhcp
    );
    let loops = "auto a\niface a inherits b\niface b inherits a\n".to_owned() + &"iface a inherits a\n".repeat(500);
    assert!(!by_manager(&MemoryFs::of_texts(&[(PATH, &loops)]).tree(), false).unwrap().is_empty());
}

/// `ifquery --list --all` names none of them.
#[test]
fn what_only_has_a_name_for_others_is_no_card() {
    let names = |text: &str| of(text).into_iter().map(|i| i.name).collect::<Vec<_>>();
    assert_eq!(names("iface base inet dhcp\nauto eth0\niface eth0 inherits base\n"), ["eth0"]);
    assert_eq!(names("iface base0 inet dhcp\nauto eth0\niface eth0 inherits base0\n"), ["eth0"]);
    assert_eq!(names("auto eth0\niface eth0 inet dhcp\niface work inet static\n  address 10.0.0.2\n"), ["eth0"]);
    assert_eq!(names("auto lan\niface lan inet dhcp\n"), ["lan"]);
    assert_eq!(names("auto eth0\niface eth0 inet dhcp\niface eth1 inet dhcp\n"), ["eth0", "eth1"]);
}

#[test]
fn a_pattern_of_hardware_addresses_binds() {
    let i = one("auto /mac/52:54:00:12:34:56=eth0\niface eth0 inet dhcp\n");
    assert_eq!((i.by, &*i.name, i.kind, i.v4), (By::Mac, "52:54:00:12:34:56", LinkKind::Card, V4::Dhcp));
    assert!(i.required && !i.off);
}

#[test]
fn an_address_that_a_command_adds_is_seen() {
    let v6 = |line: &str| {
        let i = one(&format!("auto eth0\niface eth0 inet dhcp\n  {line}\n"));
        (i.v4 == V4::Dhcp && i.v6 == V6::Static).then_some(i.address6)
    };
    let told = Some("2001:db8::2/64".to_owned());
    assert_eq!(v6("up ip -6 addr add 2001:db8::2/64 dev eth0"), told);
    assert_eq!(v6("post-up /sbin/ip address add 2001:db8::2/64 dev $IFACE || true"), told);
    assert_eq!(v6("up ifconfig eth0 inet6 add 2001:db8::2/64"), told);
    for line in [
        "down ip -6 addr add 2001:db8::2/64 dev eth0",
        "up ip addr add 10.0.0.3/24 dev eth0",
        "up ip -6 addr add fe80::2/64 dev eth0",
    ] {
        assert_eq!(v6(line), None, "{line}");
    }
}

#[test]
fn bonds_bridges_and_vlans_are_told_apart() {
    let found = of(
        "auto bond0\niface bond0 inet dhcp\n  bond-slaves eth0 eth1\niface eth0 inet manual\niface eth1 inet manual\n  bond-master bond0\niface vmbr0 inet static\n  bridge_ports eth2\n  address 10.0.0.3\niface eth0.5 inet dhcp\n",
    );
    let kinds: Vec<_> = found.iter().map(|i| (&*i.name, i.kind, &*i.bond)).collect();
    assert_eq!(
        kinds,
        [
            ("bond0", LinkKind::Bond, ""),
            ("eth0", LinkKind::Card, "bond0"),
            ("eth0.5", LinkKind::Other, ""),
            ("eth1", LinkKind::Card, "bond0"),
            ("vmbr0", LinkKind::Bridge, ""),
        ]
    );
}

#[test]
fn a_stock_file_that_only_sources_is_followed() {
    let text = "# stock\nsource /etc/network/interfaces.d/*\n";
    let fs = MemoryFs::of_texts(&[
        (PATH, text),
        ("/etc/network/interfaces.d/setup", "auto eth0\niface eth0 inet dhcp\n"),
        ("/etc/network/interfaces.d/.hidden", "iface eth7 inet dhcp\n"),
    ]);
    let found = read(&fs.clone().tree(), false).unwrap();
    assert_eq!((found.len(), found[0].v4), (1, V4::Dhcp));
    assert_eq!(found[0].place, "/etc/network/interfaces.d/setup:2");
    assert_eq!(of(text), [], "and alone it configures nothing");
    let cloud =
        MemoryFs::of_texts(&[(PATH, text), ("/etc/network/interfaces.d/50-cloud-init", "iface eth0 inet dhcp\n")]);
    assert_eq!(read(&cloud.tree(), true).unwrap(), []);
    let alpine =
        MemoryFs::of_texts(&[(PATH, "auto eth0\niface eth0\n  use dhcp\n")]).link("/sbin/ifup", "/sbin/ifupdown");
    assert_eq!(read(&alpine.tree(), false).unwrap()[0].v4, V4::Dhcp);
    let loops = MemoryFs::of_texts(&[
        (PATH, "source interfaces\nsource interfaces.d/a\n"),
        ("/etc/network/interfaces.d/a", "source interfaces\n"),
    ]);
    assert_eq!(read(&loops.tree(), false).unwrap(), []);
    let many = (0..300)
        .fold(MemoryFs::of_texts(&[(PATH, text)]), |fs, n| fs.file(&format!("/etc/network/interfaces.d/{n}"), ""));
    assert!(read(&many.tree(), false).is_err());
}

/// ifupdown itself says which interfaces it would bring up and which it knows.
#[test]
fn what_is_brought_up_is_what_ifquery_lists() {
    let cases: &[&[(&str, &str)]] = &[
        &[(
            "interfaces",
            "auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\nallow-hotplug eth1\niface eth1 inet dhcp\niface eth2 inet dhcp\n",
        )],
        &[
            ("interfaces", "source interfaces.d/*\n"),
            ("interfaces.d/a.cfg", "auto ens3\niface ens3 inet dhcp\n"),
            ("interfaces.d/b~", "auto ens4\niface ens4 inet dhcp\n"),
        ],
        &[
            ("interfaces", "source-directory interfaces.d\n"),
            ("interfaces.d/a.cfg", "auto ens3\niface ens3 inet dhcp\n"),
            ("interfaces.d/b-1", "auto ens4\niface ens4 inet dhcp\n"),
            ("interfaces.d/c.conf", "auto ens5\niface ens5 inet dhcp\n"),
        ],
        &[(
            "interfaces",
            "auto eth0 \\\n  eth1\niface eth0 inet dhcp\n#auto eth2\n  # iface eth1 inet dhcp\niface eth1 inet manual\niface eth2 inet dhcp\n",
        )],
        &[("interfaces", "iface base inet dhcp\nauto eth0\nauto eth0\niface eth0 inherits base\n")],
    ];
    for files in cases {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("interfaces.d")).unwrap();
        let mut fs = MemoryFs::new();
        for (name, text) in *files {
            std::fs::write(dir.path().join(name), text).unwrap();
            fs = fs.file(&format!("/etc/network/{name}"), text);
        }
        let list = |options: &[&str]| {
            let run = Command::new("ifquery").arg("-i").arg(dir.path().join("interfaces")).args(options).output();
            let out = String::from_utf8(run.expect("ifquery is needed (Debian: ifupdown)").stdout).unwrap();
            let mut names: Vec<String> = out.lines().filter(|name| *name != "lo").map(str::to_owned).collect();
            names.sort();
            names
        };
        let found = read(&fs.tree(), false).unwrap();
        let names = |want: &dyn Fn(&Interface) -> bool| {
            let mut names: Vec<String> = found.iter().filter(|i| want(i)).map(|i| i.name.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&|i| i.required), list(&["--list"]), "{files:?}");
        assert_eq!(names(&|i| !i.required && !i.off), list(&["--list", "--allow=hotplug"]), "{files:?}");
        for interface in found.iter().filter(|i| i.required) {
            let up = Command::new("ifup")
                .args(["--no-act", "--force", "-v", "-i"])
                .arg(dir.path().join("interfaces"))
                .arg(&interface.name)
                .output()
                .unwrap();
            let said = format!("{}{}", String::from_utf8_lossy(&up.stdout), String::from_utf8_lossy(&up.stderr));
            let dhcp = ["dhclient", "udhcpc", "dhcpcd", "No DHCP client"].iter().any(|word| said.contains(word));
            assert_eq!(interface.v4 == V4::Dhcp, dhcp, "{}: {said}", interface.name);
        }
    }
}

/// What follows a good stanza, and files beside it.
const BROKEN: &[&[&str]] = &[
    &[""],
    &["iface eth1 inet dhcpp\n"],
    &["iface eth1\n"],
    &["iface eth1 inet\n"],
    &["iface eth1 INET dhcp\n"],
    &["iface eth1 inet DHCP\n"],
    &["iface eth1 foo dhcp inherits eth0\n"],
    &["iface eth1 inet foo inherits eth0\n"],
    &["iface eth1 inherits eth0\n"],
    &["iface eth1 inet inherits eth0 extra\n"],
    &["iface eth1 inherits\n"],
    &["iface eth1 inet dhcp inherits\n"],
    &["iface eth1 inherits eth2\n"],
    &["iface eth1 inet6 auto inherits eth0\n"],
    &["iface eth1 inet dhcp extra more\n"],
    &["iface\n"],
    &["template eth1\n  mtu 1400\n"],
    &["template\n"],
    &["  mtu\n"],
    &["  mtu 1500\n  mtu 1400\n  up a\n  up b\n  foo bar\n"],
    &["auto eth0\n  mtu 1500\n"],
    &["allow-hotplug eth1\n  mtu 1500\n"],
    &["no-auto-down eth0\n  mtu 1500\n"],
    &["no-scripts eth0\n\n# mtu\n"],
    &["rename a=b\nfoo\n"],
    &["source none*\n  mtu 1500\n"],
    &["source\nsource-directory none\nauto\nallow-hotplug\nmapping\n"],
    &["mapping eth1\n  foo bar\n"],
    &["mapping eth1\n  script /x\n  map a\n  map\n"],
    &["mapping eth1\n  script /x\n  script /y\n"],
    &["mapping eth1\n  script /x\nmapping eth2\n  script /y\n"],
    &["\r\nauto eth0\r\n"],
    &["source interfaces.d/*\n", "foo bar\n"],
    &["source interfaces.d/*\n", "auto eth5\niface eth5 inet dhcp\n  mtu\niface eth6 inet dhcp\nauto eth6\n"],
    &["source-directory interfaces.d\n  mtu 1500\n", "auto eth5\niface eth5 inet dhcp\n"],
];

/// One line that ifup does not know, and it brings nothing up; in a sourced file it stops reading that one.
#[test]
fn what_ifupdown_refuses_is_refused_with_its_words_and_line() {
    let first =
        ["foo bar\n", "foo\n", "\tfoo bar\n", "Iface eth1 inet dhcp\n", "template eth1\n", "\u{feff}auto eth0\n"];
    let first = first.iter().map(|line| vec![format!("{line}auto eth0\niface eth0 inet dhcp\n")]);
    let after = BROKEN.iter().map(|files| {
        let texts = files.iter().enumerate().map(|(at, text)| {
            if at == 0 { format!("auto eth0\niface eth0 inet dhcp\n{text}") } else { (*text).to_owned() }
        });
        texts.collect()
    });
    for files in first.chain(after) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("interfaces.d")).unwrap();
        let mut fs = MemoryFs::new();
        for (name, text) in ["interfaces", "interfaces.d/a"].iter().zip(&files) {
            std::fs::write(dir.path().join(name), text).unwrap();
            fs = fs.file(&format!("/etc/network/{name}"), text);
        }
        let path = dir.path().join("interfaces");
        let run = Command::new("ifquery").arg("-i").arg(&path).args(["--list", "--all"]).output();
        let run = run.expect("ifquery is needed (Debian: ifupdown)");
        let said = String::from_utf8(run.stderr).unwrap();
        let theirs = said.contains("couldn't read interfaces file").then(|| {
            let told = said.lines().find_map(|line| line.split_once(&format!("{}:", path.display())));
            let (line, why) = told.unwrap().1.split_once(": ").unwrap();
            format!("ifup refuses {PATH}:{line}, `ifquery --list` says so: {why}")
        });
        let ours = read(&fs.clone().tree(), false);
        assert_eq!(ours.as_ref().err().map(|error| error.what.clone()), theirs, "{files:?}: {said}");
        assert!(by_manager(&fs.clone().tree(), false).is_ok(), "{files:?}");
        assert!(read(&fs.clone().link("/usr/sbin/ifup", "ifupdown").tree(), false).is_ok(), "{files:?}");
        let Ok(ours) = ours else { continue };
        let listed = String::from_utf8(run.stdout).unwrap();
        let theirs: Vec<&str> = listed.lines().filter(|name| *name != "lo").collect();
        let ours: Vec<&str> = ours.iter().filter(|i| i.required).map(|i| i.name.as_str()).collect();
        assert_eq!(ours, theirs, "{files:?}: {said}");
    }
}

/// busybox ends at such a line, whatever file that is in.
#[test]
fn busybox_takes_no_sourced_file_that_it_refuses() {
    let fs = MemoryFs::of_texts(&[
        (PATH, "auto eth0\niface eth0 inet dhcp\nsource interfaces.d/*\n"),
        ("/etc/network/interfaces.d/a", "foo bar\n"),
    ]);
    assert_eq!(read(&fs.clone().tree(), false).unwrap().len(), 1);
    let error = read(&fs.link("/sbin/ifup", "/bin/busybox").tree(), false).unwrap_err();
    assert!(error.to_string().contains("/etc/network/interfaces.d/a:1"), "{error}");
}

#[test]
fn a_debian_of_the_collection_has_no_interface_of_its_own() {
    let Some(dir) = testarchive("linux-config/debian-bookworm-etc.tar.xz") else { return };
    let path = dir.path().join("etc/network/interfaces");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(of(&text).iter().filter(|i| i.by == By::Name && i.v4 == V4::Dhcp).count(), 0);
}
