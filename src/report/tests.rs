//! From verdicts to what people and programs read.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::table::columns;
use super::*;
use crate::api::{Action, Waiver};
use crate::inspect::Facts;
use crate::inspect::facts::{CloudInit, Container, Trouble, TroubleKind, VolumeClass};
use crate::profiles;
use crate::rules::Request;
use crate::rules::fixture::{A2018_06, A2020, TENCENT, cloud_init, driver, guest, healthy, table as table_of, volume};

fn report(profile: &str, facts: &Facts, request: &Request) -> Report {
    judge(facts, profile, &profiles::get(profile).unwrap().spec, request)
}

fn broken() -> Facts {
    let mut facts = healthy();
    driver(&mut facts, "virtio_blk").in_initramfs = None;
    *cloud_init(&mut facts) = CloudInit::default();
    facts
}

fn request() -> Request {
    Request { url: "s3://acme/web/debian.vhd".into(), ..Request::default() }
}

#[test]
fn the_verdict_follows_from_what_is_required() {
    assert_eq!(report(TENCENT, &healthy(), &request()).verdict, Overall::Compliant);
    assert_eq!(report(TENCENT, &broken(), &request()).verdict, Overall::NonCompliant);
    let mut unread = healthy();
    guest(&mut unread).release = None;
    assert_eq!(report(TENCENT, &unread, &request()).verdict, Overall::Undetermined);
    let mut advised = healthy();
    guest(&mut advised).linux.as_mut().unwrap().cloud_init = None;
    assert_eq!(report(TENCENT, &advised, &request()).verdict, Overall::Undetermined);
    let lenient = report(A2018_06, &advised, &request());
    assert_eq!((lenient.verdict, lenient.counts.undetermined), (Overall::Compliant, 2), "listed, and blocks nothing");
}

#[test]
fn a_waiver_turns_a_failure_into_waived_and_nothing_else() {
    let waiver =
        |rule: &str| Waiver { rule: rule.into(), justification: "tested by hand".into(), expiration_time: None };
    let mut asked = request();
    asked.waivers = vec![waiver("VirtioInstalled"), waiver("CloudInitInstalled"), waiver("PartitionTablePresent")];
    let found = report(TENCENT, &broken(), &asked);
    assert_eq!((found.verdict, found.counts.waived, found.counts.failed), (Overall::Compliant, 2, 0));
    let rule = found.rules.iter().find(|r| r.id == "DRV-01").unwrap();
    assert!(rule.message.starts_with("waived (tested by hand): ") && rule.code == "VirtioNotInstall");
    let mut structural = healthy();
    table_of(&mut structural).scheme = crate::inspect::facts::Scheme::None;
    assert_eq!(report(TENCENT, &structural, &asked).verdict, Overall::NonCompliant);
    let warned = report(A2020, &broken(), &asked);
    assert_eq!(warned.rules.iter().find(|r| r.id == "SVC-01").unwrap().result, Outcome::Warn);
}

#[test]
fn a_waiver_that_does_not_count_is_told_and_why() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let rule = |facts: &Facts, rule: &str, ends: Option<i64>, now: i64| {
        let expiration_time = ends.map(|end| Time(at(end)));
        let waiver = Waiver { rule: rule.into(), justification: "tested by hand".into(), expiration_time };
        let asked = Request { waivers: vec![waiver], now: at(now), ..request() };
        report(TENCENT, facts, &asked).rules.into_iter().find(|r| r.rule == rule).unwrap()
    };
    let mut no_table = healthy();
    table_of(&mut no_table).scheme = crate::inspect::facts::Scheme::None;
    let mut no_loader = healthy();
    crate::rules::fixture::boot_modes(&mut no_loader).ways.clear();
    let expired = "the waiver (tested by hand) expired at 1970-01-01T00:01:00Z: ";
    let structural = "cannot be waived (tested by hand), as it is damage that no import survives: ";
    for (what, facts, name, ends, wanted, says) in [
        ("it never expires", &broken(), "VirtioInstalled", None, Outcome::Waived, "waived (tested by hand): "),
        ("not yet", &broken(), "VirtioInstalled", Some(61), Outcome::Waived, "waived (tested by hand): "),
        ("at this moment", &broken(), "VirtioInstalled", Some(60), Outcome::Fail, expired),
        ("a rule of damage", &no_table, "PartitionTablePresent", None, Outcome::Fail, structural),
        ("that, and expired", &no_table, "PartitionTablePresent", Some(60), Outcome::Fail, structural),
        ("a finding of damage", &no_loader, "BootLoaderFound", None, Outcome::Fail, structural),
    ] {
        let found = rule(facts, name, ends, 60);
        assert_eq!(found.result, wanted, "{what}");
        assert!(found.message.starts_with(says), "{what}: {}", found.message);
    }
    let passes = rule(&healthy(), "VirtioInstalled", Some(60), 60);
    assert!(passes.result == Outcome::Pass && !passes.message.contains("waive"), "{}", passes.message);
}

#[test]
fn json_has_the_fields_of_the_contract_in_their_order() {
    let json: serde_json::Value =
        serde_json::from_str(&to_json(&[report(TENCENT, &broken(), &request())], false).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&json),
        ["schema", "profile", "verdict", "source", "image", "counts", "prerequisites", "rules", "reads"]
    );
    assert_eq!(json["schema"], "imageimport.dev/report/v1");
    assert_eq!(keys(&json["source"]), ["url", "etag", "sizeBytes"]);
    assert_eq!(
        keys(&json["image"]),
        ["format", "virtualSizeBytes", "partitionTable", "bootModes", "architecture", "operatingSystem"]
    );
    assert_eq!(keys(&json["image"]["operatingSystem"]), ["family", "id", "version", "prettyName"]);
    assert_eq!(keys(&json["counts"]), ["passed", "failed", "warned", "advised", "undetermined", "waived"]);
    assert_eq!(keys(&json["reads"]), ["requests", "bytes", "seconds"]);
    assert_eq!(json["reads"]["seconds"], 0.41);
    let rule = json["rules"].as_array().unwrap().iter().find(|r| r["id"] == "DRV-01").unwrap();
    assert_eq!(keys(rule), ["id", "rule", "action", "result", "code", "message", "evidence", "remedy", "cite"]);
    assert_eq!(
        (&rule["result"], &rule["action"], &rule["code"]),
        (&"Fail".into(), &"Require".into(), &"VirtioNotInstall".into())
    );
    assert_eq!(keys(&rule["evidence"][0]), ["what", "where", "offset"]);
    assert!(rule["evidence"][0]["offset"].is_null());
    assert_eq!(rule["cite"][0], "S4 L17");
    let round: Report = serde_json::from_value(json).unwrap();
    assert_eq!(round, report(TENCENT, &broken(), &request()));
}

#[test]
fn several_reports_are_a_list() {
    let reports: Vec<Report> = profiles::PROFILES.iter().map(|p| report(p.name, &healthy(), &request())).collect();
    let json: serde_json::Value = serde_json::from_str(&to_json(&reports, true).unwrap()).unwrap();
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["schema", "reports"]);
    assert_eq!(json["reports"].as_array().unwrap().len(), 4);
    let one: serde_json::Value = serde_json::from_str(&to_json(&reports[..1], true).unwrap()).unwrap();
    assert_eq!(one["reports"][0]["profile"], TENCENT);
}

#[test]
fn yaml_says_the_same_as_json() {
    let reports = [report(TENCENT, &broken(), &request())];
    let yaml: serde_json::Value = serde_yaml::from_str(&to_yaml(&reports, false).unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&to_json(&reports, false).unwrap()).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn conditions_say_whether_the_claim_holds() {
    let mut facts = broken();
    facts.source.signed = true;
    guest(&mut facts).release = None;
    let report = report(TENCENT, &facts, &request());
    let all = conditions(&report);
    let find = |name: &str| all.iter().find(|c| c.type_ == name);
    let passed = find("PartitionTablePresent").unwrap();
    assert_eq!((passed.status, passed.reason.as_str(), passed.message.as_str()), ("True", "Passed", ""));
    let noted = find("SourceReadable").unwrap();
    assert_eq!((noted.status, noted.reason.as_str()), ("True", "Passed"));
    assert!(!noted.message.is_empty());
    let failed = find("VirtioInstalled").unwrap();
    assert_eq!((failed.status, failed.reason.as_str()), ("False", "VirtioNotInstall"));
    for part in ["virtio_blk", "/boot/initrd.img-3.2.0", "To mend it: In the guest: `printf"] {
        assert!(failed.message.contains(part), "{part}: {}", failed.message);
    }
    let unknown = find("OsVersionAccepted").unwrap();
    assert_eq!((unknown.status, unknown.reason.as_str()), ("Unknown", "FactMissing"));
    assert!(find("DeclaredFormatMatches").is_none(), "not applicable");
    assert!(all.iter().all(|c| c.message.len() <= MESSAGE_BYTES));
}

#[test]
fn conditions_say_where_to_the_byte() {
    let message = |profile, facts: &Facts, rule: &str| {
        let all = conditions(&report(profile, facts, &request()));
        all.into_iter().find(|c| c.type_ == rule).unwrap().message
    };
    let mut garbage = healthy();
    garbage.container = Some(Container { format: "data".into(), magic: "a5".into(), ..Container::default() });
    let told = message(TENCENT, &garbage, "ImageFormatAccepted");
    assert!(
        told.contains("too small for a disk image") && told.contains("; seen in object at byte 0x0. To mend"),
        "{told}"
    );

    let trouble =
        Trouble { kind: TroubleKind::Corrupt, layer: "qcow2".into(), at: Some(0x28), what: "cut short".into() };
    garbage.container = Some(Container { format: "QCOW2".into(), trouble: Some(trouble), ..Container::default() });
    let told = message(TENCENT, &garbage, "ImageFormatAccepted");
    assert!(told.contains("(at byte 0x28). To mend"), "an offset is told once: {told}");
}

#[test]
fn warned_advised_and_waived_claims_are_false_too() {
    for (profile, result) in [(A2020, Outcome::Warn), (A2018_06, Outcome::Advice)] {
        let report = report(profile, &broken(), &request());
        assert_eq!(report.rules.iter().find(|r| r.id == "SVC-01").unwrap().result, result);
        let all = conditions(&report);
        let condition = all.iter().find(|c| c.type_ == "CloudInitInstalled").unwrap();
        assert_eq!((condition.status, condition.reason.as_str()), ("False", "CloudInitNotInstalled"));
    }
}

#[test]
fn hostile_names_reach_no_terminal_and_no_condition() {
    let mut facts = broken();
    let evil = format!("\u{1b}]0;x\u{7}\n\u{202e}{}", "A".repeat(4000));
    let linux = guest(&mut facts).linux.as_mut().unwrap();
    linux.kernels[0].version.clone_from(&evil);
    linux.kernels[0].path.clone_from(&evil);
    facts.source.etag = Some(evil.clone());
    facts.volumes.push(crate::inspect::facts::Volume { name: evil.clone(), ..volume(2, &evil, VolumeClass::Swap) });
    for profile in profiles::PROFILES {
        let report = report(profile.name, &facts, &Request { url: evil.clone(), ..request() });
        let text = table(&report) + &matrix(std::slice::from_ref(&report));
        for c in text.chars().filter(|c| *c != '\n') {
            assert!(crate::rules::printable(c), "{c:?}");
        }
        for condition in conditions(&report) {
            assert!(condition.message.len() <= MESSAGE_BYTES && condition.message.chars().all(crate::rules::printable));
            assert!(condition.reason.chars().all(|c| c.is_ascii_alphanumeric()));
        }
        assert!(report.rules.iter().all(|r| r.message.len() <= MESSAGE_BYTES && r.remedy.len() <= 1024));
    }
}

#[test]
fn the_table_fits_a_terminal_and_puts_failures_first() {
    let text = table(&report(TENCENT, &broken(), &request()));
    for line in text.lines() {
        assert!(columns(line) <= 80, "{} columns: {line}", columns(line));
    }
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in\n{text}"));
    assert!(
        text.starts_with(
            "s3://acme/web/debian.vhd: VHD, 40 GiB, MBR, BIOS, x86_64, debian 7\ntencent-cvm: NonCompliant"
        )
    );
    assert!(at("DRV-01 VirtioInstalled: VirtioNotInstall") < at("passed     "));
    for part in ["  what ", "  where ", "  meaning ", "  remedy ", "13 requests, 2.7 MiB, 0.41 s"] {
        at(part);
    }
    assert_eq!(text.matches("PAR-01").count(), 1, "passes are one line");
}

/// 9a: the rows do not apply, and what that means for the user is told.
#[test]
fn the_table_tells_what_the_cloud_leaves_to_the_user() {
    let others = Request { platform: Some("Others Linux".into()), ..request() };
    let text = table(&report(A2020, &healthy(), &others));
    let note = "\nNOTE     LNX-07 RootPasswordAccepted, SVC-01 CloudInitInstalled, SVC-02\n         CloudInitDatasourceSet: not asked\n";
    assert!(text.contains(note), "{text}");
    assert_eq!(text.matches("the cloud does nothing to the instance:").count(), 1, "{text}");
    assert!(!table(&report(A2020, &healthy(), &request())).contains("NOTE"));
}

/// LNX-07 is required, and never decided in full: the report is Compliant all the same.
#[test]
fn the_table_says_that_all_is_open_only_where_it_is() {
    let open = "so nothing can be said for certain";
    let mut facts = healthy();
    crate::rules::fixture::accounts(&mut facts).given = None;
    let judged = report(A2020, &facts, &request());
    let text = table(&judged);
    assert!(judged.verdict == Overall::Compliant && text.contains("LNX-07") && !text.contains(open), "{text}");
    facts.table = None;
    let judged = report(A2020, &facts, &request());
    assert!(judged.verdict == Overall::Undetermined && table(&judged).contains(open), "{}", table(&judged));
}

#[test]
fn what_stands_before_an_import_is_told_until_it_is_acknowledged() {
    let lines = |profile, request: &Request| summary(&report(profile, &healthy(), request)).prerequisites;
    let open = lines(A2020, &request());
    assert!(open.iter().any(|line| line == "Activate Object Storage Service (OSS) (S3 L15)"), "{open:?}");
    let role = |lines: &[String]| lines.iter().filter(|line| line.contains("AliyunECSImageImportDefaultRole")).count();
    let settled = Request { acknowledgements: vec![crate::api::Acknowledgement::ImportRole], ..request() };
    assert_eq!((role(&open), role(&lines(A2020, &settled))), (1, 0));
    assert!(lines(TENCENT, &request()).iter().any(|line| line.contains("(S4 L44)")));
    let text = table(&report(A2020, &healthy(), &request()));
    assert!(text.contains("\ndo first   Activate Object Storage Service (OSS) (S3 L15)\n"), "{text}");
    assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
}

#[test]
fn the_matrix_fits_a_terminal_and_puts_the_worst_first() {
    let reports: Vec<Report> = profiles::PROFILES.iter().map(|p| report(p.name, &broken(), &request())).collect();
    let text = matrix(&reports);
    for line in text.lines() {
        assert!(columns(line) <= 80, "{line}");
    }
    let row = |id: &str| text.lines().position(|l| l.starts_with(id)).unwrap_or_else(|| panic!("no {id} in\n{text}"));
    assert!(row("verdict") < row("DRV-01") && row("DRV-01") < row("PAR-01"), "{text}");
    let svc: Vec<&str> = text.lines().nth(row("SVC-01")).unwrap().split_whitespace().skip(2).collect();
    assert_eq!(svc, ["FAIL", "warn", "advice", "advice"]);
}

#[test]
fn the_summary_has_ids_and_the_caller_s_fields_are_left_empty() {
    let report = report(TENCENT, &broken(), &request());
    let summary = summary(&report);
    assert_eq!(summary.failed, ["DRV-01", "SVC-01"]);
    assert_eq!((summary.profile.as_str(), summary.counts), (TENCENT, report.counts));
    assert_eq!((summary.profile_generation, summary.digest.as_str()), (0, ""));
    assert_eq!(report.image.partition_table.as_deref(), Some("MBR"));
}

#[test]
fn a_profile_may_ignore_a_rule_and_lower_what_it_finds() {
    let mut spec = profiles::get(TENCENT).unwrap().spec;
    let set = |spec: &mut crate::api::ImportProfileSpec, action| {
        spec.rules.iter_mut().find(|r| r.name == "VirtioInstalled").unwrap().action = action;
    };
    for (action, wanted) in [
        (Action::Require, Outcome::Fail),
        (Action::Warn, Outcome::Warn),
        (Action::Advise, Outcome::Advice),
        (Action::Ignore, Outcome::NotApplicable),
    ] {
        set(&mut spec, action);
        let report = judge(&broken(), "mine", &spec, &request());
        assert_eq!(report.rules.iter().find(|r| r.id == "DRV-01").unwrap().result, wanted);
    }
}

/// A rule that stands aside for another one must not do so where that other one does not count.
#[test]
fn a_profile_without_the_structural_rules_is_never_compliant_on_what_was_not_read() {
    let mut spec = profiles::get(TENCENT).unwrap().spec;
    spec.rules
        .retain(|r| !matches!(r.name.as_str(), "ImageFormatAccepted" | "PartitionTablePresent" | "RootPartitionFound"));
    let mut archive = healthy();
    let container = archive.container.as_mut().unwrap();
    container.format = "gzip".into();
    container.virtual_size_bytes = None;
    let mut data = healthy();
    data.guest = None;
    data.volumes[0].holds = crate::inspect::facts::Holds::Data;
    for facts in [archive, data] {
        assert_eq!(judge(&facts, "mine", &spec, &request()).verdict, Overall::Undetermined);
    }
}
