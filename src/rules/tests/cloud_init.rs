//! SVC-01, SVC-02.

use crate::api::Waiver;
use crate::inspect::Facts;
use crate::inspect::facts::{CloudInit, Datasources, Evident, Fact, Init, PasswordState, Scheme, V4};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Waived, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, GIB, TENCENT, accounts, boot_modes, cloud_init, container, driver, guest,
    healthy, linux, network, outcome, packages, release, result, table, windows,
};

fn everywhere(id: &str, change: impl Fn(&mut Facts, &mut Request)) -> [Outcome; 4] {
    [TENCENT, A2020, A2018_12, A2018_06].map(|profile| outcome(profile, id, &change))
}

fn absent(f: &mut Facts, _: &mut Request) {
    *cloud_init(f) = CloudInit::default();
}

/// C-21.
#[test]
fn a_missing_cloud_init_matters_as_much_as_each_document_says() {
    assert_eq!(everywhere("SVC-01", |_, _| {}), [Pass; 4]);
    assert_eq!(everywhere("SVC-01", absent), [Fail, Warn, Advice, Advice]);
    let rule = result(TENCENT, "SVC-01", absent);
    assert_eq!(rule.code, "CloudInitNotInstalled");
    assert!(rule.remedy.contains("apt-get install cloud-init"), "{}", rule.remedy);
    assert!(rule.remedy.contains("Linux 镜像需要安装 cloud-init，参考 导入准备 中的`驱动`部分"), "{}", rule.remedy);
    let waived = outcome(TENCENT, "SVC-01", |f, request| {
        absent(f, request);
        request.waivers.push(Waiver {
            rule: "CloudInitInstalled".into(),
            justification: "own agent".into(),
            expiration_time: None,
        });
    });
    assert_eq!(waived, Waived);
}

#[test]
fn an_installed_cloud_init_that_does_not_start_counts_as_missing() {
    let disabled =
        |f: &mut Facts, _: &mut Request| cloud_init(f).disabled_by = Some("/etc/cloud/cloud-init.disabled".into());
    let idle = |f: &mut Facts, _: &mut Request| cloud_init(f).enabled_by = None;
    assert_eq!(everywhere("SVC-01", disabled), [Fail, Warn, Advice, Advice]);
    assert_eq!(everywhere("SVC-01", idle), [Fail, Warn, Advice, Advice]);
    let rule = result(TENCENT, "SVC-01", disabled);
    assert!(
        rule.message.starts_with("Disabled: ") && rule.remedy.contains("rm /etc/cloud/cloud-init.disabled"),
        "{rule:?}"
    );
}

/// What is typed takes away what keeps it, under the init that the guest has.
#[test]
fn the_remedy_mends_what_keeps_it_from_starting() {
    let line = "/etc/systemd/system/cloud-init.service.d/x.conf:2: ConditionPathExists=/etc/nonono";
    let shipped = "/usr/lib/systemd/system/cloud-init.service:9: ConditionKernelCommandLine=!ci.off";
    for (by, init, remedy) in [
        ("/etc/systemd/system/cloud-init.target (masked)", Init::Systemd, "`systemctl unmask cloud-init.target`."),
        (
            "/etc/systemd/system-generators/cloud-init-generator (masked)",
            Init::Systemd,
            "`rm /etc/systemd/system-generators/cloud-init-generator`.",
        ),
        ("multi-user.target is not reached", Init::Systemd, "`systemctl set-default multi-user.target`"),
        (line, Init::Systemd, "Remove the line \"ConditionPathExists=/etc/nonono\" at"),
        (shipped, Init::Systemd, "Remove ci.off from the kernel command line"),
        (
            "kernel command line: systemd.mask=cloud-init.service",
            Init::Systemd,
            "Remove systemd.mask=cloud-init.service from",
        ),
        (
            "/etc/init/cloud-init.override:1",
            Init::Upstart,
            "Remove the line `manual` at \"/etc/init/cloud-init.override:1\"",
        ),
    ] {
        let rule = result(TENCENT, "SVC-01", |f, _| {
            linux(f).init = init;
            cloud_init(f).disabled_by = Some(by.into());
            cloud_init(f).enabled_by = None;
        });
        assert!(
            rule.result == Fail && rule.remedy.contains(remedy) && !rule.remedy.contains("enable"),
            "{by}: {}",
            rule.remedy
        );
        assert!(rule.message.contains(by), "{}", rule.message);
    }
    for (id, init, remedy) in [
        ("debian", Init::Systemd, "systemctl enable cloud-init-local cloud-init"),
        ("debian", Init::SystemV, "update-rc.d cloud-init-local defaults"),
        ("centos", Init::Upstart, "`chkconfig cloud-init-local on && chkconfig cloud-init on"),
        ("ubuntu", Init::Upstart, "`rm -f /etc/init/cloud-*.override`"),
        ("alpine", Init::OpenRc, "rc-update add cloud-init default"),
    ] {
        let rule = result(TENCENT, "SVC-01", |f, _| {
            guest(f).release = Some(Fact::Known(release(id, "7", &[])));
            linux(f).init = init;
            cloud_init(f).enabled_by = None;
        });
        assert!(
            rule.remedy.contains(remedy) && (init == Init::Systemd) == rule.remedy.contains("systemctl"),
            "{id}: {}",
            rule.remedy
        );
    }
}

/// SVC-04.
#[test]
fn a_forced_import_is_only_advised_and_only_by_tencent() {
    let forced = |f: &mut Facts, r: &mut Request| {
        absent(f, r);
        r.force = true;
    };
    assert_eq!(everywhere("SVC-01", forced), [Advice, Warn, Advice, Advice]);
    let elsewhere = |f: &mut Facts, r: &mut Request| {
        cloud_init(f).datasources = Some(Datasources {
            list: vec!["Ec2".into()],
            place: "/etc/cloud/cloud.cfg".into(),
            ..Datasources::default()
        });
        r.force = true;
    };
    assert_eq!(outcome(TENCENT, "SVC-02", elsewhere), Advice);
}

/// SVC-04: every rule of every profile, on images that fail as many of them as they can.
#[test]
fn force_lowers_two_rules_of_one_profile_and_no_other() {
    type Change = fn(&mut Facts);
    let elsewhere: Change = |f| {
        cloud_init(f).datasources = Some(Datasources {
            list: vec!["Ec2".into()],
            place: "/etc/cloud/cloud.cfg".into(),
            ..Datasources::default()
        });
    };
    let ruin: Change = |f| {
        *cloud_init(f) = CloudInit::default();
        guest(f).release = Some(Fact::Known(release("fedora", "40", &[])));
        guest(f).architecture = Some(Evident { value: "aarch64".into(), place: "/sbin/init".into() });
        table(f).scheme = Scheme::Gpt;
        driver(f, "virtio_blk").in_initramfs = None;
        boot_modes(f).ways.clear();
        packages(f).kernel = None;
        network(f).interfaces[0].v4 = V4::Static;
        accounts(f).root.as_mut().unwrap().state = PasswordState::Empty;
        container(f).format = "VMDK".into();
        container(f).virtual_size_bytes = Some(900 * GIB);
    };
    let unread: Change = |f| linux(f).cloud_init = None;
    let rows: &[(&str, Change, &[&str])] = &[
        ("a healthy image", |_| {}, &[]),
        ("without cloud-init", |f| *cloud_init(f) = CloudInit::default(), &["SVC-01"]),
        ("with one that does not start", |f| cloud_init(f).enabled_by = None, &["SVC-01"]),
        ("with one that asks another cloud", elsewhere, &["SVC-02"]),
        ("with all that can be wrong", ruin, &["SVC-01"]),
        ("whose cloud-init could not be read", unread, &[]),
        ("without a guest", |f| f.guest = None, &[]),
        ("a Windows", |f| _ = windows(f), &[]),
    ];
    for (what, change, lowered) in rows {
        for profile in crate::profiles::built_in() {
            let name = profile.metadata.name.clone().unwrap();
            let report = |force| {
                let mut facts = healthy();
                change(&mut facts);
                let request = Request { force, ..Request::default() };
                crate::report::judge(&facts, &name, &profile.spec, &request)
            };
            let (asked, forced) = (report(false), report(true));
            let mut changed = Vec::new();
            for (before, after) in asked.rules.iter().zip(&forced.rules) {
                if before.result != after.result {
                    assert_eq!(after.result, Advice, "{what}: {after:#?}");
                    changed.push(after.id.as_str());
                }
            }
            let wanted = if name == TENCENT { *lowered } else { &[] };
            assert_eq!(changed, wanted, "{what} in {name}");
            let blocks = |report: &crate::report::Report| report.rules.iter().filter(|r| r.result == Fail).count();
            let fewer = usize::from(name == TENCENT && lowered.contains(&"SVC-01"));
            assert_eq!(blocks(&asked), blocks(&forced) + fewer, "{what} in {name}");
        }
    }
}

#[test]
fn a_forced_import_says_what_stands_in_for_cloud_init() {
    let told = |profile, force| {
        result(profile, "SVC-01", |f, r| {
            absent(f, r);
            r.force = force;
        })
    };
    let forced = told(TENCENT, true);
    assert!(forced.message.contains("/qcloud_action/os.conf") && forced.message.contains("config-2"), "{forced:#?}");
    for (profile, force) in [(TENCENT, false), (A2020, true)] {
        assert!(!told(profile, force).message.contains("qcloud"), "{profile}");
    }
}

#[test]
fn an_old_cloud_init_is_a_doubt_for_alibaba() {
    let old = |f: &mut Facts, _: &mut Request| cloud_init(f).version = "0.7.5-10.el6".into();
    assert_eq!(everywhere("SVC-01", old), [Pass, Warn, Advice, Advice]);
}

#[test]
fn coreos_has_agents_of_its_own() {
    let coreos = |value: Option<&'static str>| {
        move |f: &mut Facts, r: &mut Request| {
            guest(f).release = Some(Fact::Known(release("coreos", "1000.0.0", &[])));
            match value {
                Some(value) => cloud_init(f).installed.as_mut().unwrap().value = value.into(),
                None => absent(f, r),
            }
        }
    };
    assert_eq!(outcome(TENCENT, "SVC-01", coreos(Some("ignition"))), Advice);
    assert_eq!(outcome(TENCENT, "SVC-01", coreos(None)), Unknown);
}

#[test]
fn the_datasource_is_the_cloud_s_own() {
    let list = |names: &'static [&'static str]| {
        move |f: &mut Facts, _: &mut Request| {
            let list = names.iter().map(|n| (*n).to_owned()).collect();
            let place = "/etc/cloud/cloud.cfg.d/90_dpkg.cfg".into();
            cloud_init(f).datasources = Some(Datasources { list, place, line: None, ..Datasources::default() });
        }
    };
    assert_eq!(everywhere("SVC-02", |_, _| {}), [Pass; 4], "unset, and recent enough");
    assert_eq!(everywhere("SVC-02", list(&["ConfigDrive", "AliYun", "None"])), [Pass; 4]);
    assert_eq!(everywhere("SVC-02", list(&["AliYun", "NoCloud"])), [Warn, Pass, Pass, Pass]);
    assert_eq!(everywhere("SVC-02", list(&["Ec2"])), [Warn, Advice, Advice, Advice]);
    let none = result(TENCENT, "SVC-02", list(&["None"]));
    assert!(none.result == Warn && none.message.contains("do nothing here"), "{}", none.message);
    let old = |f: &mut Facts, _: &mut Request| cloud_init(f).version = "0.7.5".into();
    assert_eq!(everywhere("SVC-02", old), [Pass, Advice, Advice, Advice]);
    let unknown = |f: &mut Facts, _: &mut Request| cloud_init(f).version.clear();
    let named = result(TENCENT, "SVC-01", unknown).message;
    assert_eq!(named, "cloud-init, of a version that is not known");
    assert_eq!(everywhere("SVC-02", unknown), [Pass, Unknown, Unknown, Unknown]);
    assert_eq!(everywhere("SVC-02", absent), [NotApplicable; 4]);
}

/// Of several that ds-identify looks for it needs to find one, or switches cloud-init off.
#[test]
fn what_ds_identify_does_not_find_is_told() {
    let set = |list: &'static [&'static str], searched| {
        move |f: &mut Facts, _: &mut Request| {
            let list = list.iter().map(|n| (*n).to_owned()).collect();
            let place = "/etc/cloud/cloud.cfg".into();
            cloud_init(f).datasources = Some(Datasources { list, place, searched, ..Datasources::default() });
        }
    };
    let rule = result(TENCENT, "SVC-02", set(&["NoCloud", "Ec2"], true));
    assert!(rule.result == Warn && rule.message.contains("it switches cloud-init off"), "{}", rule.message);
    assert_eq!(everywhere("SVC-02", set(&["NoCloud", "ConfigDrive", "AliYun"], true)), [Pass; 4]);
    // It looks for names as they are written.
    assert_eq!(everywhere("SVC-02", set(&["NoCloud", "configdrive", "aliyun"], true)), [Warn, Advice, Advice, Advice]);
    // So did cloud-init itself before 23.2.
    let of = |version: &'static str| {
        result(TENCENT, "SVC-02", move |f, r| {
            set(&["configdrive"], false)(f, r);
            cloud_init(f).version = version.into();
        })
    };
    let found = ["22.4.2", "23.1.2", "23.2", "25.1.4-1", ""].map(|version| of(version).result);
    assert_eq!(found, [Warn, Warn, Pass, Pass, Pass]);
    let unseen = result(TENCENT, "SVC-02", set(&[], false));
    assert!(unseen.result == Pass && unseen.message.contains("does not read"), "{}", unseen.message);
}

#[test]
fn a_policy_that_disables_it_is_taken_away() {
    let remedy = |by: &str| {
        let rule = result(TENCENT, "SVC-01", |f, _| cloud_init(f).disabled_by = Some(by.to_owned()));
        assert!(rule.result == Fail && rule.message.contains(by), "{}", rule.message);
        rule.remedy
    };
    let file = remedy("/etc/cloud/ds-identify.cfg: policy: disabled");
    assert!(file.contains("policy[[:space:]]*:/d' /etc/cloud/ds-identify.cfg`"), "{file}");
    let line = remedy("kernel command line: ci.di.policy=disabled");
    assert!(line.contains("Remove ci.di.policy=disabled from the kernel command line"), "{line}");
}

/// The remedy is what makes cloud-init ask the wanted source, whatever decides now.
#[test]
fn the_remedy_takes_away_what_decides_or_sorts_after_it() {
    let seen = |place: &str, line: Option<&str>| {
        let (place, line) = (place.to_owned(), line.map(str::to_owned));
        result(TENCENT, "SVC-02", |f, _| {
            let list = vec!["None".into()];
            cloud_init(f).datasources = Some(Datasources { list, place, line, ..Datasources::default() });
        })
    };
    for (place, file) in [
        ("/etc/cloud/cloud.cfg", "> /etc/cloud/cloud.cfg.d/99-datasource.cfg"),
        ("/etc/cloud/cloud.cfg.d/90_dpkg.cfg", "> /etc/cloud/cloud.cfg.d/99-datasource.cfg"),
        ("/etc/cloud/cloud.cfg.d/99_x.cfg", "> /etc/cloud/cloud.cfg.d/zz-datasource.cfg"),
        ("/etc/cloud/cloud.cfg.d/99-datasource.cfg", "> /etc/cloud/cloud.cfg.d/zz-datasource.cfg"),
        ("/etc/cloud/cloud.cfg.d/zzz.cfg", "into /etc/cloud/cloud.cfg.d/zzz.cfg"),
    ] {
        let rule = seen(place, None);
        assert!(rule.result == Warn && rule.remedy.contains(file), "{place}: {}", rule.remedy);
        assert_eq!((rule.evidence[0].what.as_str(), &*rule.evidence[0].place), ("datasource_list: [None]", place));
    }
    let off = seen("/etc/cloud/ds-identify.cfg", Some("policy: disabled"));
    assert_eq!(off.evidence[0].what, "policy: disabled");
    assert!(off.remedy.contains("policy[[:space:]]*:/d' /etc/cloud/ds-identify.cfg`"), "{}", off.remedy);
    let named = seen("/etc/cloud/ds-identify.cfg", Some("datasource: NoCloud")).remedy;
    assert!(named.contains("datasource[[:space:]]*:/d' /etc/cloud/ds-identify.cfg`"), "{named}");
    assert!(!off.message.contains("datasource list"), "{}", off.message);
    let line = seen("kernel command line", Some("ds=nocloud"));
    assert_eq!((&*line.evidence[0].what, &*line.evidence[0].place), ("ds=nocloud", "kernel command line"));
    assert!(line.remedy.contains("Remove ds=nocloud from the kernel command line"), "{}", line.remedy);
    for rule in [off, line] {
        assert!(rule.remedy.contains("ConfigDrive, None ]' > /etc/cloud/cloud.cfg.d/zz-"), "{}", rule.remedy);
    }
}

#[test]
fn no_datasource_of_alibaba_blocks_an_import() {
    for profile in ALIBABA {
        let spec = crate::profiles::get(profile).unwrap().spec;
        let rule = spec.rules.iter().find(|r| r.name == "CloudInitDatasourceSet").unwrap();
        assert_eq!(rule.action, crate::api::Action::Advise);
    }
}
