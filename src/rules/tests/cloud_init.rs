//! SVC-01, SVC-02.

use crate::api::Waiver;
use crate::inspect::Facts;
use crate::inspect::facts::{CloudInit, Datasources, Fact};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Waived, Warn};
use crate::rules::Request;
use crate::rules::fixture::{A2018_06, A2018_12, A2020, ALIBABA, TENCENT, cloud_init, guest, outcome, release, result};

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

/// SVC-04.
#[test]
fn a_forced_import_is_only_advised_and_only_by_tencent() {
    let forced = |f: &mut Facts, r: &mut Request| {
        absent(f, r);
        r.force = true;
    };
    assert_eq!(everywhere("SVC-01", forced), [Advice, Warn, Advice, Advice]);
    let elsewhere = |f: &mut Facts, r: &mut Request| {
        cloud_init(f).datasources =
            Some(Datasources { list: vec!["Ec2".into()], place: "/etc/cloud/cloud.cfg".into(), line: None });
        r.force = true;
    };
    assert_eq!(outcome(TENCENT, "SVC-02", elsewhere), Advice);
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
            cloud_init(f).datasources = Some(Datasources { list, place, line: None });
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
    assert_eq!(everywhere("SVC-02", unknown), [Pass, Unknown, Unknown, Unknown]);
    assert_eq!(everywhere("SVC-02", absent), [NotApplicable; 4]);
}

/// The remedy is what makes cloud-init ask the wanted source, whatever decides now.
#[test]
fn the_remedy_takes_away_what_decides_or_sorts_after_it() {
    let seen = |place: &str, line: Option<&str>| {
        let (place, line) = (place.to_owned(), line.map(str::to_owned));
        result(TENCENT, "SVC-02", |f, _| {
            cloud_init(f).datasources = Some(Datasources { list: vec!["None".into()], place, line });
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
    assert!(off.remedy.contains("/d' /etc/cloud/ds-identify.cfg`"), "{}", off.remedy);
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
