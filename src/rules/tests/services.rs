//! SVC-05, SVC-06, SVC-08.

use crate::api::Expect;
use crate::inspect::Facts;
use crate::inspect::facts::{
    Agent, CloudInit, Evident, Fact, Family, Firewall, Init, Listen, Passage, Ssh, TroubleKind, When,
};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::report::judge;
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, agent, cloud_init, firewall, guest, healthy, linux, outcome, release, result, ssh,
    starts, trouble, windows,
};

const LINK: &str = "/etc/systemd/system/multi-user.target.wants/x.service";

fn everywhere(id: &str, change: impl Fn(&mut Facts, &mut Request)) -> [Outcome; 3] {
    [A2020, A2018_12, A2018_06].map(|profile| outcome(profile, id, &change))
}

fn on_every_platform(id: &str, change: impl Fn(&mut Facts)) -> [Outcome; 3] {
    [None, Some("Customized Linux"), Some("Others Linux")].map(|platform| {
        outcome(A2020, id, |f, request| {
            request.platform = platform.map(str::to_owned);
            change(f);
        })
    })
}

fn evident(value: &str, place: &str) -> Evident {
    Evident { value: value.into(), place: place.into() }
}

fn agent_of(when: When) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        *agent(f) = Agent {
            installed: Some(evident("dpkg", "/var/lib/dpkg/status")),
            version: "1:7.2+dfsg-7".into(),
            starts: starts(when, if when == When::Boot { LINK } else { "" }),
        }
    }
}

#[test]
fn an_agent_in_the_image_counts_whether_it_starts_or_not() {
    assert_eq!(everywhere("SVC-05", |_, _| {}), [Pass; 3]);
    for (when, says) in [(When::Boot, "starts at boot"), (When::Never, "does not start"), (When::Unknown, "may start")]
    {
        assert_eq!(everywhere("SVC-05", agent_of(when)), [Fail, Warn, Warn]);
        let rule = result(A2020, "SVC-05", agent_of(when));
        assert!(rule.message.contains(says) && rule.code == "QemuGuestAgentInstalled", "{}", rule.message);
        assert!(rule.remedy.contains("`apt-get purge qemu-guest-agent`"), "{}", rule.remedy);
    }
    assert_eq!(
        on_every_platform("SVC-05", |f| agent_of(When::Boot)(f, &mut Request::default())),
        [Fail, Advice, Advice]
    );
    let program = result(A2020, "SVC-05", |f, _| agent(f).installed = Some(evident("program", "/usr/bin/qemu-ga")));
    assert!(program.remedy.contains("/usr/bin/qemu-ga"), "{}", program.remedy);
}

#[test]
fn a_profile_may_ask_for_the_agent_or_not_care() {
    let of = |expect: Expect, change: &dyn Fn(&mut Facts, &mut Request)| {
        let mut spec = crate::profiles::get(A2020).unwrap().spec;
        let rule = spec.rules.iter_mut().find(|r| r.name == "QemuGuestAgentAbsent").unwrap();
        rule.expect = Some(expect);
        let (mut facts, mut request) = (healthy(), Request::default());
        change(&mut facts, &mut request);
        judge(&facts, A2020, &spec, &request).rules.into_iter().find(|r| r.id == "SVC-05").unwrap().result
    };
    assert_eq!(of(Expect::Present, &|_, _| {}), Fail);
    assert_eq!(of(Expect::Present, &agent_of(When::Boot)), Pass);
    assert_eq!(of(Expect::Present, &agent_of(When::Demand)), Pass);
    assert_eq!(of(Expect::Present, &agent_of(When::Never)), Fail);
    assert_eq!(of(Expect::Present, &agent_of(When::Unknown)), Unknown);
    assert_eq!(of(Expect::Any, &agent_of(When::Boot)), NotApplicable);
    assert_eq!(of(Expect::Any, &|_, _| {}), NotApplicable);
}

fn filter(name: &str, when: When, ssh: Passage, place: &str) -> Firewall {
    Firewall { name: name.into(), starts: starts(when, LINK), ssh, place: place.into(), ipv6: false }
}

#[test]
fn a_packet_filter_that_starts_is_warned_about_with_what_it_does_to_ssh() {
    let with = |f: Firewall| move |facts: &mut Facts, _: &mut Request| firewall(facts).push(f.clone());
    assert_eq!(everywhere("SVC-06", |_, _| {}), [Pass; 3]);
    for (ssh, says) in [
        (Passage::Passes, "SSH on TCP port 22 passes"),
        (Passage::Blocked, "it blocks TCP port 22 (\"/etc/r:3\"): the instance will be unreachable"),
        (Passage::Unknown, "whether TCP port 22 passes is not known (\"/etc/r:3\")"),
    ] {
        let one = filter("firewalld", When::Boot, ssh, "/etc/r:3");
        assert_eq!(everywhere("SVC-06", with(one.clone())), [Warn; 3]);
        let rule = result(A2020, "SVC-06", with(one));
        assert!(rule.message.contains(says), "{}", rule.message);
        assert!(rule.remedy.contains("systemctl disable --now firewalld"), "{}", rule.remedy);
        assert!(rule.evidence.iter().any(|e| e.place == LINK) && rule.evidence.iter().any(|e| e.place == "/etc/r:3"));
    }
    let warned = with(filter("ufw", When::Boot, Passage::Blocked, "/etc/default/ufw:3"));
    assert_eq!(on_every_platform("SVC-06", |f| warned(f, &mut Request::default())), [Warn; 3]);
    assert!(result(A2020, "SVC-06", &warned).remedy.contains("`ufw disable`"));
    let v6 = with(filter("ip6tables", When::Boot, Passage::Blocked, "/x:1"));
    assert!(!result(A2020, "SVC-06", v6).message.contains("unreachable"));
    let only_v6 =
        |ssh| Firewall { ipv6: true, ..filter("netfilter-persistent", When::Boot, ssh, "/etc/iptables/rules.v6:2") };
    for (ssh, says) in
        [(Passage::Blocked, "it blocks TCP port 22 over IPv6"), (Passage::Unknown, "passes over IPv6 is not known")]
    {
        let rule = result(A2020, "SVC-06", with(only_v6(ssh)));
        assert!(
            rule.result == Warn && rule.message.contains(says) && !rule.message.contains("unreachable"),
            "{}",
            rule.message
        );
    }
    let own = filter("iptables-restore", When::Boot, Passage::Blocked, "/x:1");
    let own = Firewall { starts: starts(When::Boot, "/etc/systemd/system/my.service"), ..own };
    assert!(result(A2020, "SVC-06", with(own)).remedy.contains("`systemctl disable --now my.service`"));
    let hook = "/etc/network/if-pre-up.d/iptables:2";
    for name in ["iptables-restore", "iptables"] {
        let one = Firewall { starts: starts(When::Boot, hook), ..filter(name, When::Boot, Passage::Blocked, "/x:1") };
        let rule = result(A2020, "SVC-06", with(one));
        assert!(
            rule.result == Warn && rule.remedy.contains(&format!("Take out the command at \"{hook}\"")),
            "{}",
            rule.remedy
        );
    }
}

#[test]
fn a_filter_that_filters_nothing_or_waits_to_be_asked_is_noted() {
    let one = |when, ssh| move |f: &mut Facts, _: &mut Request| firewall(f).push(filter("nftables", when, ssh, ""));
    assert_eq!(everywhere("SVC-06", one(When::Boot, Passage::Open)), [Advice; 3]);
    assert_eq!(everywhere("SVC-06", one(When::Demand, Passage::Blocked)), [Advice; 3]);
    assert_eq!(everywhere("SVC-06", one(When::Unknown, Passage::Blocked)), [Unknown; 3]);
    let old = result(A2020, "SVC-06", |f, _| {
        guest(f).release = Some(Fact::Known(release("centos", "6", &[])));
        firewall(f).push(Firewall {
            starts: starts(When::Boot, "/etc/rc.d/rc3.d/S08iptables"),
            ..filter("iptables", When::Boot, Passage::Passes, "")
        });
    });
    assert!(old.remedy.contains("`chkconfig iptables off`"), "{}", old.remedy);
}

fn listens(address: &str, port: u16) -> impl Fn(&mut Facts, &mut Request) {
    let listen = Listen { address: address.into(), port, place: "/etc/ssh/sshd_config:13".into(), ..Listen::default() };
    move |f, _| ssh(f).listens = vec![listen.clone()]
}

#[test]
fn an_ssh_server_starts_and_listens_on_port_22_for_everyone() {
    assert_eq!(everywhere("SVC-08", |_, _| {}), [Pass; 3]);
    for (address, port, wanted) in [
        ("", 22, Pass),
        ("0.0.0.0", 22, Pass),
        ("", 2222, Warn),
        ("127.0.0.1", 22, Warn),
        ("localhost", 22, Warn),
        ("::1", 22, Warn),
        ("::", 22, Warn),
        ("192.0.2.7", 22, Advice),
    ] {
        assert_eq!(everywhere("SVC-08", listens(address, port)), [wanted; 3], "{address} {port}");
    }
    let elsewhere = result(A2020, "SVC-08", listens("", 2222));
    assert!(elsewhere.message.contains("port 2222 (/etc/ssh/sshd_config:13)"), "{}", elsewhere.message);
    assert!(elsewhere.remedy.contains("Port 22"), "{}", elsewhere.remedy);
    assert_eq!(on_every_platform("SVC-08", |f| listens("", 2222)(f, &mut Request::default())), [Warn; 3]);
}

/// What is written on a command line is taken out there, and a family is opened where it is narrowed.
#[test]
fn the_ssh_server_s_remedy_is_for_the_place_that_counts() {
    let included =
        "In /etc/ssh/sshd_config, and in what it includes, write `Port 22` for other ports and remove ListenAddress.";
    for (option, place, remedy) in [
        (false, "/etc/ssh/x/a b.conf:1", included),
        (false, "/srv/sshd:3", included),
        (true, "/etc/default/ssh:3", "Remove `-p 2222` at /etc/default/ssh:3."),
        (
            true,
            "/etc/systemd/system/ssh.service.d/x.conf:3",
            "Remove `-p 2222` at /etc/systemd/system/ssh.service.d/x.conf:3.",
        ),
    ] {
        let rule = result(A2020, "SVC-08", |f, _| {
            ssh(f).listens = vec![Listen { address: String::new(), port: 2222, place: place.into(), option }];
        });
        assert_eq!((rule.result, rule.remedy.as_str()), (Warn, remedy));
    }
    for (value, place, remedy) in [
        ("AddressFamily inet6", "/etc/ssh/sshd_config:7", "At /etc/ssh/sshd_config:7 write `AddressFamily any`."),
        ("-6", "/etc/default/ssh:1", "Remove `-6` at /etc/default/ssh:1."),
    ] {
        let rule = result(A2020, "SVC-08", |f, _| {
            let configured = "/etc/ssh/sshd_config:1".into();
            ssh(f).listens = vec![Listen { address: "::".into(), port: 22, place: configured, ..Listen::default() }];
            ssh(f).family = Some(evident(value, place));
        });
        assert_eq!((rule.result, rule.remedy.as_str()), (Warn, remedy));
        assert!(rule.message.contains(place), "{}", rule.message);
    }
}

#[test]
fn an_ssh_server_that_does_not_start_is_a_doubt() {
    for (when, by, wanted, remedy) in [
        (When::Absent, "", Warn, "apt-get install openssh-server && systemctl enable ssh"),
        (When::Never, "", Warn, "`systemctl enable ssh`"),
        (When::Kept, "/etc/systemd/system/ssh.service (masked)", Warn, "systemctl unmask ssh"),
        (When::Unknown, "x", Unknown, ""),
        (When::Demand, LINK, Unknown, ""),
    ] {
        let change = |f: &mut Facts, _: &mut Request| *ssh(f) = Ssh { starts: starts(when, by), ..Ssh::default() };
        assert_eq!(everywhere("SVC-08", change), [wanted; 3], "{when:?}");
        assert!(result(A2020, "SVC-08", change).remedy.contains(remedy), "{when:?}");
    }
    assert_eq!(outcome(A2020, "SVC-08", |f, _| ssh(f).undecided = Some("/x:1".into())), Unknown);
    assert_eq!(outcome(A2020, "SVC-08", |f, _| ssh(f).listens.clear()), Warn);
}

/// A condition is met or taken away, whichever way it says no; a guest without systemd has other commands.
#[test]
fn the_ssh_server_s_remedy_mends_what_keeps_it() {
    let unit = "/usr/lib/systemd/system/ssh.service";
    for (by, remedy) in [
        (format!("{unit}:3: ConditionPathExists=!/etc/ssh/sshd_not_to_be_run"), "`rm /etc/ssh/sshd_not_to_be_run`"),
        (
            format!("{unit}:3: ConditionPathExists=!/a `b`"),
            "`systemctl edit ssh.service`, and under [Unit] the line `ConditionPathExists=`",
        ),
        (format!("{unit}:3: ConditionPathExists=/etc/nonono"), "the line `ConditionPathExists=`"),
        (
            "/etc/systemd/system/ssh.service.d/a.conf:2: ConditionPathExists=/etc/nonono".into(),
            "Remove the line \"ConditionPathExists=/etc/nonono\" at",
        ),
        (
            "/etc/systemd/system/ssh.service.d/a.conf:2: Requires=nope.service, which is not there".into(),
            "Remove the line \"Requires=nope.service\" at",
        ),
        ("/etc/ssh/sshd_not_to_be_run".into(), "`rm /etc/ssh/sshd_not_to_be_run`"),
        (
            "/etc/systemd/system/default.target leads to rescue.target: multi-user.target is not reached".into(),
            "systemctl set-default multi-user.target",
        ),
        ("kernel command line: single".into(), "Remove single from the kernel command line"),
    ] {
        let rule = result(A2020, "SVC-08", |f, _| *ssh(f) = Ssh { starts: starts(When::Kept, &by), ..Ssh::default() });
        assert!(rule.result == Warn && rule.remedy.contains(remedy), "{by}: {}", rule.remedy);
        assert!(rule.message.contains(by.trim_end_matches("`b`")), "whole, not cut: {}", rule.message);
    }
    for (id, init, remedy) in [
        ("debian", Init::Systemd, "`systemctl enable ssh`"),
        ("debian", Init::SystemV, "`update-rc.d ssh defaults && update-rc.d ssh enable`"),
        ("centos", Init::Upstart, "`chkconfig sshd on`"),
        ("ubuntu", Init::Upstart, "start on runlevel [2345]"),
        ("gentoo", Init::OpenRc, "`rc-update add sshd default`"),
    ] {
        let rule = result(A2020, "SVC-08", |f, _| {
            guest(f).release = Some(Fact::Known(release(id, "7", &[])));
            linux(f).init = init;
            *ssh(f) = Ssh { starts: starts(When::Never, ""), ..Ssh::default() };
        });
        assert!(
            rule.remedy.contains(remedy) && (init == Init::Systemd) == rule.remedy.contains("systemctl"),
            "{id}: {}",
            rule.remedy
        );
    }
}

#[test]
fn an_ssh_server_that_is_started_and_does_not_run_is_a_doubt() {
    for (what, place, remedy) in [
        ("the keyword permitrootlogn is unknown to it", "/etc/ssh/sshd_config:33", "remove line"),
        (
            "no ExecStart= is left of its unit",
            "/etc/systemd/system/ssh.service.d/x.conf:2",
            "systemd-analyze verify ssh.service",
        ),
        ("its configuration is not there", "/etc/ssh/sshd_config", "anew"),
    ] {
        let refused = |f: &mut Facts, _: &mut Request| ssh(f).refused = Some(evident(what, place));
        assert_eq!(everywhere("SVC-08", refused), [Warn; 3], "{what}");
        let rule = result(A2020, "SVC-08", refused);
        assert!(rule.message.contains(&format!("does not run: {what} (\"{place}\")")), "{}", rule.message);
        assert!(rule.remedy.contains(remedy) && rule.remedy.contains(place) != (remedy == "anew"), "{}", rule.remedy);
    }
    let keyless = |f: &mut Facts, _: &mut Request| ssh(f).keyless = true;
    assert_eq!(everywhere("SVC-08", keyless), [Pass; 3], "cloud-init makes them");
    let without = |f: &mut Facts, r: &mut Request| {
        keyless(f, r);
        cloud_init(f).disabled_by = Some("/etc/cloud/cloud-init.disabled".into());
    };
    assert_eq!(everywhere("SVC-08", without), [Warn; 3]);
    assert!(result(A2020, "SVC-08", without).remedy.contains("`ssh-keygen -A`"));
    let unread = |f: &mut Facts, r: &mut Request| {
        keyless(f, r);
        linux(f).cloud_init = Some(trouble(TroubleKind::Unsupported));
    };
    assert_eq!(everywhere("SVC-08", unread), [Unknown; 3]);
}

#[test]
fn root_login_and_shared_host_keys_are_noted() {
    let root = |f: &mut Facts, _: &mut Request| ssh(f).root_login = Some(evident("no", "/etc/ssh/sshd_config:33"));
    assert_eq!(outcome(A2020, "SVC-08", root), Advice);
    let keys = |f: &mut Facts, _: &mut Request| ssh(f).host_keys = vec!["rsa".into(), "ed25519".into()];
    assert_eq!(outcome(A2020, "SVC-08", keys), Pass, "cloud-init makes new ones");
    let shared = result(A2020, "SVC-08", |f, r| {
        keys(f, r);
        *cloud_init(f) = CloudInit::default();
    });
    assert!(shared.result == Advice && shared.message.contains("host keys of the image"), "{}", shared.message);
}

#[test]
fn what_is_not_known_stays_so_and_windows_is_not_asked() {
    for id in ["SVC-05", "SVC-06", "SVC-08"] {
        let gone = |f: &mut Facts, _: &mut Request| {
            (linux(f).ssh, linux(f).firewall, linux(f).agent) = (None, None, None);
        };
        assert_eq!(everywhere(id, gone), [Unknown; 3], "{id}");
        let unread = |f: &mut Facts, _: &mut Request| {
            linux(f).ssh = Some(trouble(TroubleKind::Unsupported));
            linux(f).firewall = Some(trouble(TroubleKind::Unsupported));
            linux(f).agent = Some(trouble(TroubleKind::Unsupported));
        };
        assert_eq!(everywhere(id, unread), [Unknown; 3], "{id}");
        let of_windows = |f: &mut Facts, _: &mut Request| drop(windows(f).guest.clone());
        assert_eq!(everywhere(id, of_windows), [NotApplicable; 3], "{id}");
    }
}

#[test]
fn freebsd_is_judged_by_rc_conf() {
    let freebsd = |f: &mut Facts| {
        guest(f).family = Family::FreeBSD;
        firewall(f).push(filter("pf", When::Boot, Passage::Unknown, "the rules of pf are not read"));
        agent(f).installed = Some(evident("program", "/usr/local/bin/qemu-ga"));
        ssh(f).starts = starts(When::Never, "");
    };
    let rule = |id: &str| result(A2020, id, |f, _| freebsd(f));
    assert!(rule("SVC-05").result == Fail && rule("SVC-05").remedy.contains("pkg delete"));
    assert!(rule("SVC-06").result == Warn && rule("SVC-06").remedy.contains("sysrc pf_enable=NO"));
    assert!(rule("SVC-08").result == Warn && rule("SVC-08").remedy.contains("sysrc sshd_enable=YES"));
}
