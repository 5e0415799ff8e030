//! The registry itself: ids, names, texts.

use std::collections::BTreeSet;

use crate::profiles;
use crate::report::{Outcome, Overall, judge};
use crate::rules::docs::{HEADINGS, markdown, section};
use crate::rules::fixture::healthy;
use crate::rules::{RULES, Request, Rule, find};

#[test]
fn ids_names_and_codes_are_in_catalogue_order_and_fit_a_condition() {
    const FAMILIES: [&str; 11] = ["SRC", "IMG", "SIZ", "PAR", "FS", "OS", "LNX", "DRV", "SVC", "WIN", "FRM"];
    let place = |rule: &&Rule| {
        let (family, number) = rule.id.split_once('-').unwrap();
        (FAMILIES.iter().position(|known| *known == family).unwrap(), number.parse::<u8>().unwrap())
    };
    assert!(RULES.iter().is_sorted_by_key(place), "which ones there are is a test of its own");
    let names: BTreeSet<&str> = RULES.iter().map(|r| r.name).collect();
    assert_eq!(names.len(), RULES.len());
    for rule in RULES {
        for word in [rule.name, rule.code] {
            assert!(word.len() <= 63 && word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
        }
        assert!(find(rule.id).is_some_and(|r| r.name == rule.name));
    }
}

#[test]
fn every_rule_explains_itself_under_the_four_headings() {
    for rule in RULES {
        let headings: Vec<&str> = rule.source.lines().filter_map(|l| l.strip_prefix("//! # ")).collect();
        assert_eq!(headings, HEADINGS, "{}", rule.id);
        for heading in HEADINGS {
            assert!(section(rule, heading).len() > 20, "{} has nothing under {heading}", rule.id);
        }
        assert!(rule.source.contains(&format!("name: \"{}\"", rule.name)), "{} shows another file", rule.id);
    }
}

#[test]
fn the_manual_is_what_the_rules_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, markdown(&profiles::built_in())).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let wanted = markdown(&profiles::built_in());
    assert!(written == wanted, "docs/rules.md is stale: image-import rules --markdown > docs/rules.md");
}

#[test]
fn a_healthy_image_complies_with_every_built_in_profile() {
    for profile in profiles::built_in() {
        let name = profile.metadata.name.clone().unwrap();
        let report = judge(&healthy(), &name, &profile.spec, &Request::default());
        // It always says that it looked less closely than a full check, and what cannot be seen from here.
        let noted = |id: &str| id == "FS-05" || id == "SRC-09";
        let bad = report.rules.iter().filter(|r| match r.result {
            Outcome::Pass | Outcome::NotApplicable => false,
            Outcome::Advice => !noted(&r.id),
            _ => true,
        });
        let bad: Vec<_> = bad.collect();
        assert!(bad.is_empty(), "{name}: {bad:#?}");
        assert_eq!(report.verdict, Overall::Compliant);
        assert_eq!(report.rules.len(), profile.spec.rules.len());
    }
}

#[test]
fn a_word_leads_to_its_rule_and_a_code_to_all_that_answer_with_it() {
    use crate::rules::docs::{handling, named};
    let profiles = profiles::built_in();
    let ids = |word| named(word, &profiles).iter().map(|rule| rule.id).collect::<Vec<_>>();
    assert_eq!(ids("VirtioNotInstall"), ["DRV-01"]);
    assert_eq!((ids("VirtioInstalled"), ids("drv-01")), (vec!["DRV-01"], vec!["DRV-01"]));
    assert_eq!(ids("InvalidUrl"), ["SRC-01", "SRC-02", "SRC-03", "SRC-05", "SRC-06", "FRM-03"]);
    assert_eq!(ids("InvalidFormatSize"), ["IMG-01", "SIZ-01", "SIZ-02"], "the profile's own code counts");
    assert!(ids("NoSuchWord").is_empty());
    let said = handling("VirtioNotInstall", &profiles);
    assert!(
        said.contains("未安装 virtio 驱动 / The virtio driver is not installed: 镜像需要安装")
            && said.contains("S4 L132"),
        "{said}"
    );
    assert!(handling("DRV-01", &profiles).is_empty());
    assert!(
        ids("InternalError").is_empty() && handling("InternalError", &profiles).contains("其他错误"),
        "a code of no rule"
    );
}

/// Nothing known is nothing passed: no fact, whichever is left out, may turn into a pass by its absence.
#[test]
fn missing_facts_are_never_a_pass() {
    use crate::inspect::facts::{Accounts, Checked, Network, SeLinuxMode, VolumeClass};
    use crate::rules::fixture::{accounts, guest, linux, network, selinux, windows};
    type Row = (&'static str, fn(&mut crate::inspect::Facts), &'static [&'static str]);
    let cases: &[Row] = &[
        (
            "all",
            |f| *f = crate::inspect::Facts::default(),
            &[
                "SRC-10", "IMG-01", "IMG-04", "IMG-07", "SIZ-02", "PAR-01", "PAR-02", "PAR-07", "PAR-08", "FS-04",
                "FS-05", "FS-06", "OS-01", "DRV-01",
            ],
        ),
        ("checked", |f| f.container.as_mut().unwrap().checked = Checked::Nothing, &["SRC-10"]),
        ("size as QCOW2", |f| f.container.as_mut().unwrap().qcow2_bytes = None, &["SIZ-02"]),
        ("boot modes", |f| f.boot_modes = None, &["PAR-08"]),
        ("health", |f| f.volumes[0].health = None, &["FS-05"]),
        ("usage", |f| f.volumes[0].usage = None, &["FS-06"]),
        ("Windows volumes", |f| windows(f).volumes[1].class = VolumeClass::Other, &["FS-04"]),
        ("a Windows table", |f| windows(f).table = None, &["FS-04", "PAR-07"]),
        (
            "table",
            |f| f.table = None,
            &["SRC-10", "PAR-01", "PAR-02", "PAR-03", "PAR-05", "FS-01", "FS-05", "FS-06", "DRV-01"],
        ),
        (
            "guest",
            |f| f.guest = None,
            &[
                "PAR-07", "FS-04", "OS-01", "DRV-01", "SVC-01", "LNX-04", "LNX-05", "LNX-06", "LNX-07", "FS-01",
                "SVC-10", "SVC-11", "SVC-12", "SVC-13",
            ],
        ),
        ("guest, which tells the machine", |f| f.guest = None, &["PAR-08"]),
        ("release", |f| guest(f).release = None, &["OS-01"]),
        (
            "linux",
            |f| guest(f).linux = None,
            &["DRV-01", "SVC-01", "LNX-01", "LNX-02", "LNX-04", "LNX-06", "OS-10", "SVC-11", "SVC-12", "SVC-13"],
        ),
        ("network", |f| guest(f).network = None, &["SVC-10", "SVC-11", "SVC-12", "SVC-13"]),
        ("managers", |f| *network(f) = Network::default(), &["SVC-10"]),
        ("accounts", |f| guest(f).accounts = None, &["LNX-05", "LNX-07"]),
        ("passwords", |f| *accounts(f) = Accounts::default(), &["LNX-05", "LNX-07"]),
        ("SELinux", |f| linux(f).selinux = None, &["LNX-06"]),
        ("its mode", |f| selinux(f).mode = SeLinuxMode::Unknown, &["LNX-06"]),
        ("packages", |f| linux(f).packages = None, &["LNX-01", "OS-10"]),
        ("critical", |f| linux(f).critical = None, &["LNX-01"]),
        ("issue", |f| linux(f).issue = None, &["LNX-02"]),
        ("fstab", |f| linux(f).fstab = None, &["LNX-04"]),
        ("boot", |f| linux(f).boot = None, &["DRV-01"]),
        ("kernels", |f| linux(f).kernels.clear(), &["DRV-01", "OS-10"]),
        ("drivers", |f| linux(f).kernels[0].drivers.clear(), &["DRV-01"]),
        ("cloud-init", |f| linux(f).cloud_init = None, &["SVC-01"]),
        (
            "virtual size",
            |f| f.container.as_mut().unwrap().virtual_size_bytes = None,
            &["SRC-10", "IMG-04", "SIZ-01", "SIZ-02", "SIZ-04", "PAR-01"],
        ),
        ("ext features", |f| f.volumes[0].ext = None, &["FS-02", "FS-03"]),
    ];
    for profile in profiles::built_in() {
        for (what, without, ids) in cases {
            let mut facts = healthy();
            without(&mut facts);
            let report = judge(&facts, "p", &profile.spec, &Request::default());
            for rule in report.rules.iter().filter(|r| ids.contains(&r.id.as_str())) {
                assert_eq!(rule.result, Outcome::Unknown, "without {what}: {rule:#?}");
            }
        }
    }
}
