//! LNX-05, LNX-07.

use crate::inspect::Facts;
use crate::inspect::facts::{Accounts, Fact, Family, Given, Init, PasswordState, TroubleKind, Uncompared};
use crate::inspect::password;
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, accounts, boot, fstab, guest, linux, outcome, release, result, table, trouble,
    windows,
};

fn with(change: impl Fn(&mut Accounts)) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| change(accounts(f))
}

/// C-20.
#[test]
fn flags_and_a_read_only_root_are_breaches_and_a_mode_is_noted() {
    let path = || Some("/etc/shadow".to_owned());
    for profile in ALIBABA {
        assert_eq!(outcome(profile, "LNX-05", |_, _| {}), Pass);
        assert_eq!(outcome(profile, "LNX-05", with(|a| a.immutable = path())), Fail);
        assert_eq!(outcome(profile, "LNX-05", with(|a| a.append_only = path())), Fail);
        assert_eq!(outcome(profile, "LNX-05", with(|a| a.mode = 0)), Advice, "RHEL's own");
        assert_eq!(outcome(profile, "LNX-05", with(|a| a.mode = 0o444)), Advice);
        assert_eq!(outcome(profile, "LNX-05", |f, _| fstab(f).entries[0].options.push("ro".into())), Fail);
        let elsewhere = |f: &mut Facts, _: &mut Request| {
            let mut other = fstab(f).entries[0].clone();
            (other.target, other.options) = ("/srv".into(), vec!["ro".into()]);
            fstab(f).entries.push(other);
        };
        assert_eq!(outcome(profile, "LNX-05", elsewhere), Pass);
        assert_eq!(outcome(profile, "LNX-05", with(|a| a.file.clear())), Unknown);
        assert_eq!(outcome(profile, "LNX-05", |f, _| guest(f).accounts = Some(trouble(TroubleKind::Limit))), Unknown);
        assert_eq!(
            outcome(profile, "LNX-05", |f, _| {
                windows(f);
            }),
            NotApplicable
        );
    }
    let rule = result(A2020, "LNX-05", with(|a| a.immutable = path()));
    assert!(rule.code == "EtcShadowReadOnly" && rule.remedy.contains("chattr -i /etc/shadow"), "{rule:?}");
}

/// systemd-remount-fs(8) mounts anew what `/etc/fstab` lists, and nothing else.
#[test]
fn a_root_that_nothing_mounts_anew_stays_as_the_kernel_line_says() {
    let with = |line: &'static str, init: Init, present: bool| {
        result(A2020, "LNX-05", move |f, _| {
            (fstab(f).present, linux(f).init) = (present, init);
            fstab(f).entries.clear();
            boot(f).command_line = line.into();
        })
    };
    let rule = with("root=UUID=0a1b rw ro quiet", Init::Systemd, true);
    assert!(rule.result == Fail && rule.message.contains("kernel command line"), "{rule:?}");
    assert!(rule.remedy.contains("`UUID=0a1b / ext4 defaults 0 1`"), "{}", rule.remedy);
    assert_eq!(with("root=UUID=0a1b ro", Init::Systemd, false).result, Fail);
    assert_eq!(with("root=UUID=0a1b ro rw", Init::Systemd, true).result, Pass);
    assert_eq!(with("root=UUID=0a1b", Init::Systemd, true).result, Unknown);
    assert_eq!(with("root=UUID=0a1b ro", Init::SystemV, true).result, Unknown);
    let by_type = |named: Option<&'static str>| {
        outcome(A2020, "LNX-05", move |f, _| {
            linux(f).init = Init::Systemd;
            fstab(f).entries.clear();
            (boot(f).command_line, boot(f).root_name) = ("ro".into(), named.map(str::to_owned));
            table(f).partitions[0].type_id = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709".into();
        })
    };
    assert_eq!((by_type(None), by_type(Some("UUID=0a1b"))), (Pass, Fail));
}

#[test]
fn coreos_has_no_passwords_yet_and_freebsd_has_others() {
    let coreos = |f: &mut Facts, _: &mut Request| {
        guest(f).release = Some(Fact::Known(release("coreos", "1000.0.0", &[])));
        *accounts(f) = Accounts::default();
    };
    for id in ["LNX-05", "LNX-07"] {
        assert_eq!(outcome(A2020, id, coreos), NotApplicable);
    }
    let freebsd = |f: &mut Facts, _: &mut Request| {
        (guest(f).family, guest(f).linux) = (Family::FreeBSD, None);
        accounts(f).file = "/etc/master.passwd".into();
        accounts(f).immutable = Some("/etc/spwd.db".into());
        accounts(f).root.as_mut().unwrap().state = PasswordState::Empty;
    };
    let rule = result(A2020, "LNX-05", freebsd);
    assert!(rule.result == Fail && rule.remedy.contains("chflags noschg"), "{}", rule.remedy);
    assert_eq!(outcome(A2020, "LNX-07", freebsd), Fail);
    assert_eq!(outcome(A2020, "LNX-06", freebsd), NotApplicable);
}

#[test]
fn what_shows_of_a_password_is_judged_and_the_rest_is_not_verifiable() {
    type Row = (&'static str, fn(&mut Accounts), Outcome);
    let unseen = |change: fn(&mut Accounts)| {
        with(move |a| {
            a.given = None;
            change(a);
        })
    };
    let rows: &[Row] = &[
        ("hashed", |_| {}, Unknown),
        ("empty", |a| a.root.as_mut().unwrap().state = PasswordState::Empty, Fail),
        ("locked", |a| a.root.as_mut().unwrap().state = PasswordState::Locked, Advice),
        ("MD5", |a| a.root.as_mut().unwrap().scheme = "md5".into(), Warn),
        ("DES", |a| a.root.as_mut().unwrap().scheme = "des".into(), Warn),
        ("to be changed", |a| a.root.as_mut().unwrap().must_change = true, Advice),
        ("no root", |a| a.root = None, Unknown),
    ];
    for (what, change, wanted) in rows {
        for profile in ALIBABA {
            let rule = result(profile, "LNX-07", unseen(*change));
            assert_eq!(rule.result, *wanted, "{what}: {}", rule.message);
        }
    }
    let rule = result(A2020, "LNX-07", unseen(|a| a.root.as_mut().unwrap().must_change = true));
    assert!(rule.message.contains("its hash does not tell") && rule.message.contains("at the next login"), "{rule:?}");
    let rule = result(A2020, "LNX-07", unseen(|_| {}));
    assert_eq!(rule.code, "NotVerifiable");
    let spec = crate::profiles::get(A2020).unwrap().spec;
    let mut facts = crate::rules::fixture::healthy();
    accounts(&mut facts).given = None;
    let report = crate::report::judge(&facts, A2020, &spec, &Request::default());
    assert_eq!(report.verdict, crate::report::Overall::Compliant, "it never blocks");
}

#[test]
fn what_expired_by_the_day_of_the_judgement_is_told() {
    let judged = |good_until: Option<u32>, account_ends: Option<u32>, given: bool| {
        result(A2020, "LNX-07", move |f, request| {
            request.now = "2026-01-02T03:04:05Z".parse().unwrap();
            let accounts = accounts(f);
            accounts.given = accounts.given.take().filter(|_| given);
            let root = accounts.root.as_mut().unwrap();
            (root.good_until, root.account_ends) = (good_until, account_ends);
        })
    };
    // 2026-01-02 is day 20455.
    for (good_until, account_ends) in [(None, None), (Some(20455), None), (None, Some(20456))] {
        assert_eq!(judged(good_until, account_ends, false).result, Unknown);
        assert_eq!(judged(good_until, account_ends, true).result, Pass);
    }
    for (good_until, account_ends, part) in [
        (Some(20454), None, "it expired after 2026-01-01"),
        (Some(10090), Some(30000), "it expired after 1997-08-17"),
        (Some(30000), Some(20455), "the account root expired on 2026-01-02"),
    ] {
        for given in [false, true] {
            let rule = judged(good_until, account_ends, given);
            assert!(rule.result == Advice && rule.message.contains(part), "{rule:?}");
        }
        assert!(judged(good_until, account_ends, false).remedy.contains("chage -M -1 -E -1 root"));
    }
}

/// C-08. Columns: 2020-12, both of 2018.
#[test]
fn a_given_password_is_judged_by_each_document_s_words() {
    for (given, in_2020, in_2018) in [
        ("Abcdef1!", Pass, Pass),
        ("Abcdef12", Pass, Fail),
        ("abcdef1!", Pass, Warn),
        ("abcdefgh", Fail, Fail),
        ("Ab1!", Fail, Fail),
        ("Abcdef 1!", Fail, Fail),
        ("/bcdEf1!", Pass, Pass),
    ] {
        let change = with(|a| a.given = Some(Given { policies: password::judge(given), ..Given::default() }));
        for (profile, wanted) in [(A2020, in_2020), (A2018_12, in_2018), (A2018_06, in_2018)] {
            let rule = result(profile, "LNX-07", &change);
            assert_eq!(rule.result, wanted, "{profile}, {given}: {}", rule.message);
            assert!(!rule.message.contains(given));
        }
    }
    let rule = result(
        A2020,
        "LNX-07",
        with(|a| a.given = Some(Given { policies: password::judge("Ab1!"), ..Given::default() })),
    );
    assert!(rule.remedy.contains("spec.image.passwordSecretRef") && rule.remedy.contains("8 to 30"), "{}", rule.remedy);
    let forced = with(|a| a.root.as_mut().unwrap().must_change = true);
    assert_eq!(outcome(A2020, "LNX-07", forced), Advice);
}

#[test]
fn a_given_password_is_held_against_roots_where_that_was_asked_for() {
    type Row = (&'static str, fn(&mut Accounts, &mut Given), Outcome, &'static str);
    let rows: &[Row] = &[
        ("it is root's", |_, g| g.matches = Some(true), Pass, "and root's in the image"),
        ("it is not root's", |_, g| g.matches = Some(false), Warn, "not root's in the image (/etc/shadow:1)"),
        ("not asked for", |_, _| {}, Pass, "as the cloud wants it"),
        ("too costly", |_, g| g.uncompared = Some(Uncompared::TooCostly), Advice, "more work"),
        ("another scheme", |_, g| g.uncompared = Some(Uncompared::Scheme), Advice, "this scheme"),
        ("no hash at all", |_, g| g.uncompared = Some(Uncompared::Malformed), Advice, "not as its scheme has it"),
        ("a newer version's word", |_, g| g.uncompared = Some(Uncompared::Other), Advice, "does not know"),
        (
            "another scheme, and weak",
            |a, g| {
                a.root.as_mut().unwrap().scheme = "des".into();
                g.uncompared = Some(Uncompared::Scheme);
            },
            Warn,
            "it was not compared with root's in the image",
        ),
        ("locked", |a, _| a.root.as_mut().unwrap().state = PasswordState::Locked, Advice, "locked"),
        ("empty", |a, _| a.root.as_mut().unwrap().state = PasswordState::Empty, Fail, "empty"),
        (
            "root's, and weak",
            |a, g| {
                a.root.as_mut().unwrap().scheme = "md5".into();
                g.matches = Some(true);
            },
            Warn,
            "hashed with md5",
        ),
        (
            "not root's, which is weak: both are said",
            |a, g| {
                a.root.as_mut().unwrap().scheme = "md5".into();
                g.matches = Some(false);
            },
            Warn,
            "hashed with md5 (/etc/shadow:1); the given password is not root's",
        ),
    ];
    for (what, change, wanted, says) in rows {
        for profile in ALIBABA {
            let rule = result(
                profile,
                "LNX-07",
                with(|a| {
                    let mut given = Given { policies: password::judge("Abcdef1!"), ..Given::default() };
                    change(a, &mut given);
                    a.given = Some(given);
                }),
            );
            assert_eq!(rule.result, *wanted, "{what}: {}", rule.message);
            assert!(rule.message.contains(says), "{what}: {}", rule.message);
        }
    }
}
