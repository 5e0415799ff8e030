//! SVC-10 to SVC-13.

use crate::inspect::Facts;
use crate::inspect::facts::{
    By, Datasources, Evident, Fact, Family, Interface, LinkKind, Network, TroubleKind, V4, V6,
};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, TENCENT, cloud_init, guest, interface, linux, network, outcome, release,
    result, trouble,
};

fn by(value: &str) -> Evident {
    Evident { value: value.into(), place: "/etc/systemd/system/multi-user.target.wants/x.service".into() }
}

fn with(change: impl Fn(&mut Network)) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| change(network(f))
}

fn with_interfaces(make: impl Fn() -> Vec<Interface>) -> impl Fn(&mut Facts, &mut Request) {
    with(move |n| n.interfaces = make())
}

fn bound(by: By, name: &str, v4: V4) -> Interface {
    Interface { by, required: false, ..interface(name, v4) }
}

/// Columns: 2020-12, both of 2018.
#[test]
fn dhcp_matters_as_much_as_each_document_says() {
    type Row = (&'static str, fn(&mut Network), Outcome, Outcome);
    let dhcp = || bound(By::Name, "eth0", V4::Dhcp);
    let fixed = || interface("eth0", V4::Static);
    let rows: &[Row] = &[
        ("on DHCP", |_| {}, Pass, Pass),
        ("static", |n| n.interfaces[0].v4 = V4::Static, Warn, Fail),
        ("no address", |n| n.interfaces[0].v4 = V4::None, Warn, Fail),
        ("nothing configured", |n| n.interfaces.clear(), Warn, Fail),
        ("not brought up", |n| n.interfaces[0].off = true, Warn, Fail),
        ("only a VLAN", |n| n.interfaces[0].kind = LinkKind::Other, Warn, Fail),
        ("a bridge", |n| n.interfaces[0].kind = LinkKind::Bridge, Pass, Pass),
        ("no client", |n| n.client_missing = true, Warn, Fail),
        ("by a pattern", |n| n.interfaces[0].by = By::Pattern, Pass, Pass),
        ("bound to another card", |n| n.interfaces[0].by = By::Mac, Warn, Warn),
        ("chosen by a script", |n| n.interfaces[0].v4 = V4::Unknown, Unknown, Unknown),
    ];
    for (what, change, in_2020, in_2018) in rows {
        for (profile, wanted) in [(A2020, in_2020), (A2018_12, in_2018), (A2018_06, in_2018)] {
            let rule = result(profile, "SVC-10", with(change));
            assert_eq!(rule.result, *wanted, "{profile}, {what}: {}", rule.message);
        }
    }
    let rule = result(A2018_06, "SVC-10", with_interfaces(|| vec![fixed()]));
    assert_eq!(rule.code, "DhcpNotEnabled");
    assert!(rule.message.contains("eth0 has a static address (/etc/network/interfaces:4)"), "{}", rule.message);
    assert!(rule.remedy.contains("iface eth0 inet dhcp"), "{}", rule.remedy);
    let two = with_interfaces(move || vec![interface("eth0", V4::Static), Interface { name: "eth1".into(), ..dhcp() }]);
    let rule = result(A2018_06, "SVC-10", two);
    assert!(rule.result == Warn && rule.message.contains("eth0 itself has a static address"), "{}", rule.message);
}

/// A list of which ds-identify finds nothing in the profile's cloud.
#[test]
fn cloud_init_that_is_switched_off_sets_up_nothing() {
    let with = |list: &'static [&'static str], v4| {
        move |f: &mut Facts, _: &mut Request| {
            let list = list.iter().map(|n| (*n).to_owned()).collect();
            cloud_init(f).datasources = Some(Datasources { list, searched: true, ..Datasources::default() });
            network(f).managers.push(by("cloud-init"));
            network(f).automatic = Some(by("cloud-init"));
            network(f).interfaces[0].v4 = v4;
        }
    };
    let rule = result(A2018_06, "SVC-10", with(&["NoCloud", "Ec2"], V4::Static));
    assert!(rule.result == Unknown && rule.message.contains("none of [NoCloud, Ec2]"), "{}", rule.message);
    assert_eq!(outcome(A2018_06, "SVC-10", with(&["NoCloud", "Ec2"], V4::Dhcp)), Pass);
    assert_eq!(outcome(A2018_06, "SVC-10", with(&["NoCloud", "AliYun"], V4::Static)), Pass);
}

#[test]
fn a_manager_may_put_the_rest_on_dhcp() {
    let manager = |interfaces: fn() -> Vec<Interface>| {
        with(move |n| {
            n.managers = vec![by("NetworkManager")];
            n.automatic = Some(by("NetworkManager"));
            n.interfaces = interfaces();
        })
    };
    assert_eq!(outcome(A2018_06, "SVC-10", manager(Vec::new)), Pass);
    assert_eq!(outcome(A2018_06, "SVC-10", manager(|| vec![interface("eth0", V4::Static)])), Fail);
    assert_eq!(outcome(A2018_06, "SVC-10", manager(|| vec![interface("ens192", V4::Static)])), Warn);
    let any = || vec![bound(By::Pattern, "*", V4::Static)];
    assert_eq!(outcome(A2018_06, "SVC-10", manager(any)), Fail, "a profile for any card");
    let other = || vec![bound(By::Mac, "52:54:00:00:00:01", V4::Static)];
    assert_eq!(outcome(A2018_06, "SVC-10", manager(other)), Pass, "the profile is for another card");
    let idle = || vec![Interface { off: true, held: true, ..interface("eth0", V4::Dhcp) }];
    let rule = result(A2018_06, "SVC-10", manager(idle));
    assert!(rule.result == Fail && rule.message.contains("not brought up"), "a profile, brought up or not: {rule:?}");
    let not_its_own = || vec![Interface { off: true, ..interface("eth0", V4::Dhcp) }];
    assert_eq!(outcome(A2018_06, "SVC-10", manager(not_its_own)), Pass);
    let port = || vec![Interface { bond: "bond0".into(), ..interface("eth0", V4::None) }];
    assert_eq!(outcome(A2018_06, "SVC-10", manager(port)), Fail, "a port's profile is one");
    let left_alone = with(|n| {
        n.managers = vec![by("NetworkManager")];
        n.kept = Some(Evident { value: "NetworkManager".into(), place: "/etc/NetworkManager/conf.d/a.conf:2".into() });
        n.interfaces.clear();
    });
    let rule = result(A2018_06, "SVC-10", left_alone);
    assert!(rule.result == Fail && rule.message.contains("a.conf:2") && rule.remedy.contains("a.conf:2"), "{rule:?}");
    let masked = with(|n| {
        n.managers = vec![by("netplan")];
        n.kept = Some(Evident { value: "systemd-networkd".into(), place: "/etc/x.service (masked)".into() });
        n.interfaces[0].off = true;
    });
    let rule = result(A2018_06, "SVC-10", masked);
    assert!(rule.result == Fail && rule.message.contains("/etc/x.service (masked)"), "{}", rule.message);
    assert!(rule.remedy.contains("systemctl unmask systemd-networkd"), "{}", rule.remedy);
    let told_off = with(|n| {
        n.managers = vec![by("NetworkManager")];
        n.not_automatic = Some("/usr/lib/NetworkManager/conf.d/00-server.conf:2".into());
        n.interfaces.clear();
    });
    let rule = result(A2018_06, "SVC-10", told_off);
    assert!(rule.result == Fail && rule.message.contains("00-server.conf:2"), "{}", rule.message);
    let cloud_init = with(|n| {
        n.managers.push(by("cloud-init"));
        n.automatic = Some(by("cloud-init"));
        n.interfaces[0].v4 = V4::Static;
    });
    assert_eq!(outcome(A2018_06, "SVC-10", cloud_init), Pass);
}

/// Only the first file that matches is used, so the remedy's must be it.
#[test]
fn the_remedy_for_networkd_comes_first() {
    let files = |names: &'static [&'static str]| {
        with(move |n| {
            n.managers = vec![by("systemd-networkd")];
            let file = |name: &&str| Interface {
                place: format!("/etc/systemd/network/{name}:4"),
                ..bound(By::Pattern, "e*", V4::Static)
            };
            n.interfaces = names.iter().map(file).collect();
        })
    };
    for (names, wanted) in [
        (&["10-a.network"][..], "/01-eth0.network"),
        (&["50-a.network", "01-a.network"], "/00-eth0.network"),
        (&["00-a.network"], "/0-eth0.network"),
        (&["0-a.network"], "/!-eth0.network"),
    ] {
        let rule = result(A2018_06, "SVC-10", files(names));
        assert!(rule.result == Fail && rule.remedy.contains(wanted), "{}", rule.remedy);
    }
    let plan = with(|n| {
        n.managers = vec![by("netplan")];
        n.interfaces =
            vec![Interface { place: "/etc/netplan/a.yaml:4".into(), ..bound(By::Pattern, "e*", V4::Static) }];
    });
    let rule = result(A2018_06, "SVC-10", plan);
    assert!(rule.result == Fail && rule.remedy.contains("the entry at /etc/netplan/a.yaml:4"), "{}", rule.remedy);
}

#[test]
fn a_pattern_with_a_static_address_is_a_doubt_where_the_card_may_be_it() {
    let both = |dhcp: &'static str, fixed: &'static str, kernel: bool| {
        with(move |n| {
            n.kernel_names = kernel.then(|| "net.ifnames=0".into());
            let of = |name: &str, v4| bound(if name.contains('*') { By::Pattern } else { By::Name }, name, v4);
            n.interfaces = vec![of(dhcp, V4::Dhcp), of(fixed, V4::Static)];
        })
    };
    for (dhcp, fixed, kernel, wanted) in [
        ("eth0", "e*", true, Pass),
        ("eth0", "e*", false, Warn),
        ("e*", "wl*", false, Pass),
        ("eth*", "en*", false, Warn),
        ("eth*", "en*", true, Pass),
    ] {
        assert_eq!(outcome(A2018_06, "SVC-10", both(dhcp, fixed, kernel)), wanted, "{dhcp} {fixed} {kernel}");
    }
}

/// systemd-networkd uses the first file for a card; which name an instance's card has is not known.
#[test]
fn a_name_before_a_pattern_is_a_doubt_where_the_card_may_have_it() {
    for (name, v4, place, wanted) in [
        ("ens5", V4::None, "/etc/systemd/network/05.network:4", Warn),
        ("ens5", V4::Static, "/etc/netplan/a.yaml:4", Warn),
        ("ens192", V4::None, "/etc/systemd/network/05.network:4", Pass),
        ("ens5", V4::None, "/etc/network/interfaces:4", Pass),
    ] {
        let two = with(move |n| {
            n.kernel_names = None;
            let of = |i: Interface, place: &str| Interface { place: place.into(), ..i };
            let pattern = of(bound(By::Pattern, "e*", V4::Dhcp), "/etc/systemd/network/10.network:4");
            n.interfaces = vec![of(bound(By::Name, name, v4), place), pattern];
        });
        assert_eq!(outcome(A2018_06, "SVC-10", two), wanted, "{name} {place}");
    }
}

#[test]
fn what_was_not_read_is_no_verdict() {
    for name in ["dhcpcd", "connman"] {
        let unread = with(move |n| (n.managers, n.interfaces) = (vec![by(name)], Vec::new()));
        assert_eq!(outcome(A2018_06, "SVC-10", unread), Unknown);
    }
    let broken = |f: &mut Facts, _: &mut Request| {
        network(f).interfaces.clear();
        linux(f).cloud_init = Some(trouble(TroubleKind::Unsupported));
    };
    assert_eq!(outcome(A2018_06, "SVC-10", broken), Unknown);
    for id in ["SVC-10", "SVC-11", "SVC-12"] {
        let limit = |f: &mut Facts, _: &mut Request| guest(f).network = Some(trouble(TroubleKind::Limit));
        assert_eq!(outcome(A2018_06, id, limit), Unknown);
        let windows = |f: &mut Facts, _: &mut Request| {
            crate::rules::fixture::windows(f);
        };
        assert_eq!(outcome(A2018_06, id, windows), NotApplicable);
    }
    let cut = |f: &mut Facts, _: &mut Request| f.truncated.push("network.interfaces".into());
    assert_eq!(outcome(A2018_06, "SVC-11", cut), Unknown);
}

#[test]
fn coreos_and_freebsd_have_dhcp_of_their_own() {
    let coreos = |f: &mut Facts, _: &mut Request| {
        guest(f).release = Some(Fact::Known(release("flatcar", "3000.0.0", &[])));
        let place = "/usr/lib/systemd/network/zz-default.network:4".into();
        network(f).managers = vec![by("systemd-networkd")];
        network(f).interfaces = vec![Interface { place, ..bound(By::Pattern, "*", V4::Dhcp) }];
    };
    assert_eq!(outcome(A2018_06, "SVC-10", coreos), Pass);
    let freebsd = |v4: V4| {
        move |f: &mut Facts, _: &mut Request| {
            (guest(f).family, guest(f).linux) = (Family::FreeBSD, None);
            network(f).managers = vec![by("rc.conf")];
            network(f).interfaces = vec![bound(By::Name, "vtnet0", v4)];
        }
    };
    assert_eq!(outcome(A2018_06, "SVC-10", freebsd(V4::Dhcp)), Pass);
    let rule = result(A2018_06, "SVC-10", freebsd(V4::Static));
    assert!(rule.result == Fail && rule.remedy.contains("sysrc ifconfig_vtnet0=SYNCDHCP"), "{}", rule.remedy);
    let other = result(A2018_06, "SVC-10", |f, r| {
        freebsd(V4::Static)(f, r);
        network(f).interfaces[0].name = "em0".into();
    });
    assert!(other.remedy.contains("sysrc ifconfig_DEFAULT=SYNCDHCP"), "{}", other.remedy);
    for id in ["SVC-11", "SVC-12"] {
        assert_eq!(outcome(A2018_06, id, freebsd(V4::Static)), Unknown, "no row of its own");
    }
}

#[test]
fn cards_are_counted_as_the_instance_would_miss_them() {
    type Row = (&'static str, fn() -> Vec<Interface>, Outcome);
    let rows: &[Row] = &[
        ("one", || vec![interface("eth0", V4::Dhcp)], Pass),
        ("none", Vec::new, Pass),
        ("two required", || vec![interface("eth0", V4::Dhcp), interface("eth1", V4::Dhcp)], Fail),
        ("two static", || vec![bound(By::Name, "a", V4::Static), bound(By::Mac, "b", V4::Static)], Fail),
        ("static and DHCP", || vec![bound(By::Name, "a", V4::Static), bound(By::Name, "b", V4::Dhcp)], Warn),
        ("two that may be absent", || vec![bound(By::Name, "a", V4::Dhcp), bound(By::Name, "b", V4::Dhcp)], Warn),
        ("one twice", || vec![interface("eth0", V4::Dhcp), interface("eth0", V4::Static)], Pass),
        ("one and a pattern", || vec![interface("eth0", V4::Static), bound(By::Pattern, "en*", V4::Dhcp)], Pass),
        ("two patterns", || vec![bound(By::Pattern, "e*", V4::Dhcp), bound(By::Pattern, "w*", V4::Dhcp)], Pass),
        (
            "a VLAN and a bridge",
            || {
                let of = |kind, name| Interface { kind, ..interface(name, V4::Static) };
                vec![interface("eth0", V4::None), of(LinkKind::Other, "eth0.5"), of(LinkKind::Bridge, "br0")]
            },
            Pass,
        ),
        (
            "a bond",
            || {
                let part = |name| Interface { bond: "bond0".into(), ..interface(name, V4::None) };
                let bond = Interface { kind: LinkKind::Bond, ..interface("bond0", V4::Dhcp) };
                vec![bond, part("eth0"), part("eth1")]
            },
            Pass,
        ),
        (
            "one that is not brought up",
            || vec![interface("eth0", V4::Static), Interface { off: true, ..interface("eth1", V4::Static) }],
            Warn,
        ),
    ];
    for (what, make, wanted) in rows {
        for profile in ALIBABA {
            let rule = result(profile, "SVC-11", with_interfaces(make));
            assert_eq!(rule.result, *wanted, "{what}: {}", rule.message);
        }
    }
    let rules = with(|n| n.persistent = 2);
    let rule = result(A2020, "SVC-11", rules);
    assert!(rule.result == Warn && rule.remedy.contains("rm /etc/udev/rules.d/70-persistent-net.rules"), "{rule:?}");
    assert_eq!(outcome(A2020, "SVC-11", with(|n| n.persistent = 1)), Pass);
}

#[test]
fn only_a_static_ipv6_address_is_a_breach() {
    let six = |v6: V6, change: fn(&mut Interface)| {
        with(move |n| {
            n.interfaces[0].v6 = v6;
            n.interfaces[0].address6 = "2001:db8::2/64".into();
            change(&mut n.interfaces[0]);
        })
    };
    for profile in ALIBABA {
        assert_eq!(outcome(profile, "SVC-12", |_, _| {}), Pass);
        assert_eq!(outcome(profile, "SVC-12", six(V6::Static, |_| {})), Fail);
        assert_eq!(outcome(profile, "SVC-12", six(V6::Static, |i| i.off = true)), Warn);
        assert_eq!(outcome(profile, "SVC-12", six(V6::Static, |i| i.rewritten = true)), Pass);
        assert_eq!(outcome(profile, "SVC-12", six(V6::Static, |i| i.kind = LinkKind::Other)), Fail);
        assert_eq!(outcome(profile, "SVC-12", six(V6::Dhcp, |_| {})), Advice);
        assert_eq!(outcome(profile, "SVC-12", six(V6::Auto, |_| {})), Advice);
    }
    let rule = result(A2020, "SVC-12", six(V6::Static, |_| {}));
    assert!(rule.message.contains("2001:db8::2/64") && rule.code == "Ipv6Configured", "{}", rule.message);
    assert_eq!(rule.evidence[0].place, "/etc/network/interfaces:4");
}

/// `net.ifnames=0` makes the card eth0; without it the card is not called that.
#[test]
fn a_card_that_cannot_have_the_name_gets_no_address() {
    let on = |kernel: bool, names: &'static [&'static str], change: fn(&mut Network)| {
        result(
            A2018_12,
            "SVC-10",
            with(move |n| {
                n.kernel_names = kernel.then(|| "kernel command line: net.ifnames=0".into());
                n.interfaces = names.iter().map(|name| interface(name, V4::Dhcp)).collect();
                change(n);
            }),
        )
    };
    let rule = on(true, &["ens3"], |_| {});
    assert!(rule.result == Fail && rule.message.contains("the instance's card is eth0"), "{rule:?}");
    assert!(rule.remedy.contains("write eth0"), "{}", rule.remedy);
    let rule = on(false, &["eth0"], |_| {});
    assert!(rule.result == Warn && rule.remedy.contains("net.ifnames=0"), "{rule:?}");
    for (kernel, names) in
        [(true, &["ens3", "eth0"][..]), (false, &["ens3"]), (true, &["lan0"]), (false, &["eth0", "ens5"])]
    {
        assert_eq!(on(kernel, names, |_| {}).result, Pass, "{kernel} {names:?}");
    }
    assert_eq!(on(true, &["ens3"], |n| n.automatic = Some(by("NetworkManager"))).result, Pass);
    for (kernel, pattern, wanted) in [
        (true, "!eth0", Warn),
        (true, "en*", Warn),
        (true, "en* !ens9", Warn),
        (true, "!eth1", Pass),
        (true, "lan*", Pass),
        (true, "*", Pass),
        (false, "!eth0", Pass),
    ] {
        let rule = result(
            A2018_12,
            "SVC-10",
            with(move |n| {
                n.kernel_names = kernel.then(|| "kernel command line: net.ifnames=0".into());
                n.interfaces = vec![bound(By::Pattern, pattern, V4::Dhcp)];
            }),
        );
        assert_eq!(rule.result, wanted, "{kernel} {pattern}: {rule:?}");
    }
}

#[test]
fn a_name_that_the_instance_does_not_have_is_advised() {
    let predictable = |make: fn() -> Vec<Interface>| with(move |n| (n.kernel_names, n.interfaces) = (None, make()));
    assert_eq!(outcome(TENCENT, "SVC-13", |_, _| {}), Pass, "eth0, and the kernel's names");
    let rule = result(TENCENT, "SVC-13", predictable(|| vec![interface("ens192", V4::Dhcp)]));
    assert_eq!((rule.result, rule.code.as_str()), (Advice, "PrimaryInterfaceName"));
    assert!(rule.message.contains("ens192") && rule.remedy.contains("net.ifnames=0"), "{rule:?}");
    assert_eq!(outcome(TENCENT, "SVC-13", with_interfaces(|| vec![interface("ens192", V4::Dhcp)])), Advice);
    assert_eq!(outcome(TENCENT, "SVC-13", predictable(|| vec![interface("eth0", V4::Dhcp)])), Advice);
    assert_eq!(outcome(TENCENT, "SVC-13", with_interfaces(|| vec![bound(By::Mac, "52:54", V4::Dhcp)])), Advice);
    assert_eq!(outcome(TENCENT, "SVC-13", predictable(|| vec![bound(By::Pattern, "en*", V4::Dhcp)])), Pass);
    assert_eq!(outcome(TENCENT, "SVC-13", with(|n| n.persistent = 1)), Advice);
    let cloud_init = with(|n| {
        n.automatic = Some(by("cloud-init"));
        n.persistent = 1;
        n.interfaces[0].name = "ens192".into();
    });
    assert_eq!(outcome(TENCENT, "SVC-13", cloud_init), Pass);
}
