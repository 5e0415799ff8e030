//! What is wrong with a profile is found, named, and shown by its line.

use super::*;
use crate::api::{Action, PlatformAction, SizeRange};
use crate::profiles::{PROFILES, built_in, get, parse};

type Change = fn(&mut ImportProfileSpec);

fn handling(spec: &mut ImportProfileSpec, code: &str) {
    spec.handling.push(crate::api::Handling { code: code.into(), ..Default::default() });
}

#[test]
fn every_built_in_profile_can_be_applied() {
    for profile in built_in() {
        assert_eq!(problem(&profile.spec), None);
    }
}

#[test]
fn what_keeps_a_profile_from_being_applied_is_named() {
    let rows: &[(Change, &str, &str)] = &[
        (|s| s.rules.clear(), "NoRules", "accept everything"),
        (|s| s.rules = vec![s.rules[0].clone(); MAX_RULES + 1], "TooManyRules", "101 rules"),
        (|s| s.rules.push(s.rules[0].clone()), "DuplicateRule", "twice"),
        (|s| s.rules[0].name = "NoSuchRule".into(), "UnknownRule", "NoSuchRule"),
        (|s| s.rules[0].name = "DRV-01".into(), "UnknownRule", "DRV-01"),
        (|s| s.rules[0].code = Some("Painted".into()), "UnknownCode", "Painted"),
        (|s| s.formats.push("QCOW9".into()), "Contradiction", "QCOW9"),
        (|s| s.formats.clear(), "Contradiction", "refuse every image"),
        (|s| handling(s, "NoSuchCodeAtAll"), "UnknownCode", "NoSuchCodeAtAll"),
        (|s| s.linux_filesystems.push("ext9".into()), "Contradiction", "ext9 is no filesystem"),
        (|s| handling(s, "InvalidUr"), "UnknownCode", "\"InvalidUr\""),
        (|s| handling(s, "VirtioNotInstal"), "UnknownCode", "\"VirtioNotInstal\""),
        (|s| handling(s, ""), "UnknownCode", "no rule gives it"),
        (
            |s| (s.limits.file_size_gib, s.limits.virtual_size_gib) = (Some(5000), Some(500)),
            "Contradiction",
            "a file holds no more than its disk",
        ),
        (|s| s.preferred_formats.push("VMDK".into()), "Contradiction", "preferred"),
        (|s| s.ticket_formats.push("RAW".into()), "Contradiction", "both"),
        (|s| s.partition_tables.push("APM".into()), "Contradiction", "APM"),
        (|s| s.limits.virtual_size_gib = Some(0), "Contradiction", "virtualSizeGiB"),
        (|s| s.limits.file_size_gib = Some(-1), "Contradiction", "fileSizeGiB"),
        (
            |s| s.limits.system_disk_gib = Some(SizeRange { min: 5, max: 4, stated_in_gb: false }),
            "Contradiction",
            "5 to 4",
        ),
        (
            |s| s.limits.data_disk_gib = Some(SizeRange { min: 0, max: 4, stated_in_gb: false }),
            "Contradiction",
            "limits.dataDiskGiB from 0 to 4",
        ),
        (
            |s| {
                let action = Action::Warn;
                s.rules[0].platforms.push(PlatformAction { platform: "Plan 9".into(), action, note: None });
            },
            "Contradiction",
            "Plan 9",
        ),
        (|s| s.platform_choices.push(s.platform_choices[0].clone()), "Contradiction", "twice"),
        (|s| s.platform_choices[1].also.push("centos".into()), "Contradiction", "\"CentOS\" twice"),
        (
            |s| s.platform_choices[0].instead.push("Plan 9".into()),
            "Contradiction",
            "no choice for Windows that is offered",
        ),
        (
            |s| s.platform_choices[0].instead.push("CentOS".into()),
            "Contradiction",
            "no choice for Windows that is offered",
        ),
        (
            |s| s.platform_choices[0].instead.push("Windows Server 2012".into()),
            "Contradiction",
            "\"Windows Server 2019\" has `instead` without `notIn`",
        ),
        (|s| s.refused_platforms.push("ubuntu".into()), "Contradiction", "both among platformChoices"),
        (|s| s.platform_choices.retain(|c| c.name != "Others Linux"), "Contradiction", "no choice for Linux"),
        (
            |s| {
                s.platform_choices.clear();
                s.refused_platforms.push("Others Linux".into());
            },
            "Contradiction",
            "both among customPlatforms",
        ),
        (|s| s.platform_choices.clear(), "Contradiction", "PlatformOffered would pass every platform"),
    ];
    for (change, reason, part) in rows {
        let mut spec = get("alibaba-ecs-2020-12").unwrap().spec;
        change(&mut spec);
        let found = problem(&spec).unwrap_or_else(|| panic!("{reason} {part}: accepted"));
        assert!(found.reason == *reason && found.message.contains(part), "{reason} {part}: {found:?}");
    }
}

#[test]
fn a_code_of_the_cloud_s_own_needs_a_word_on_what_to_do() {
    let mut spec = get("tencent-cvm").unwrap().spec;
    handling(&mut spec, "Painted");
    spec.rules[0].code = Some("Painted".into());
    assert_eq!(problem(&spec), None);
}

#[test]
fn an_author_is_shown_the_line() {
    let text = PROFILES[0].yaml;
    assert!(parse("mine.yaml", text).is_ok());
    let line = |text: &str, part: &str| text.lines().position(|l| l.contains(part)).unwrap() + 1;
    let painted = text.replace("VirtioInstalled", "VirtioPainted");
    let wrong = parse("mine.yaml", &painted).unwrap_err();
    let at = line(&painted, "VirtioPainted");
    assert!(wrong.starts_with(&format!("mine.yaml:{at}: this version has no rule VirtioPainted")), "{wrong}");
    let nameless = text.replacen("name: tencent-cvm", "name: \"\"", 1);
    assert!(parse("mine.yaml", &nameless).unwrap_err().contains("metadata.name is empty"));
    let form = PROFILES.iter().find(|profile| profile.name == "alibaba-ecs-2018-12").unwrap().yaml;
    let painted = form.replacen("instead: [SUSE, ", "instead: [Suse, ", 1);
    let wrong = parse("mine.yaml", &painted).unwrap_err();
    let at = line(&painted, "instead: [Suse");
    assert!(wrong.starts_with(&format!("mine.yaml:{at}: platformChoices: \"Suse\"")), "{wrong}");
    // CentOS is named above, among the systems: the line is that of the choice.
    let painted = form.replacen("name: Windows Server 2003,", "name: CentOS,", 1);
    let wrong = parse("mine.yaml", &painted).unwrap_err();
    let at = line(&painted, "{name: CentOS, also");
    assert!(wrong.starts_with(&format!("mine.yaml:{at}: platformChoices has \"CentOS\" twice")), "{wrong}");
    let action = text.replacen("action: Require", "action: Demand", 1);
    let wrong = parse("mine.yaml", &action).unwrap_err();
    assert!(wrong.contains(&format!("line {}", line(&action, "Demand"))), "{wrong}");
}
