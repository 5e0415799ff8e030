//! Exit codes and flags, without a network.

use clap::Parser;

use super::*;
use crate::profiles;
use crate::report::{Overall, judge};
use crate::rules::fixture::healthy;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn args(list: &[&str]) -> Args {
    Cli::try_parse_from(std::iter::once("inspect").chain(list.iter().copied())).unwrap().args
}

fn reports(verdicts: &[Overall]) -> Vec<report::Report> {
    let spec = profiles::get("tencent-cvm").unwrap().spec;
    let one = judge(&healthy(), "p", &spec, &Request::default());
    verdicts.iter().map(|v| report::Report { verdict: *v, ..one.clone() }).collect()
}

#[test]
fn named_profiles_must_all_agree_and_of_the_others_one_is_enough() {
    use Overall::{Compliant as C, NonCompliant as N, Undetermined as U};
    for (verdicts, named, unnamed) in [
        (&[C][..], 0, 0),
        (&[N], 1, 1),
        (&[U], 2, 2),
        (&[C, N], 1, 0),
        (&[C, U], 2, 0),
        (&[U, N], 1, 2),
        (&[N, N], 1, 1),
    ] {
        assert_eq!(exit::of_reports(&reports(verdicts), true), named, "{verdicts:?}");
        assert_eq!(exit::of_reports(&reports(verdicts), false), unnamed, "{verdicts:?}");
    }
}

#[test]
fn a_missing_file_and_an_unknown_profile_are_told_apart() {
    assert_eq!(inspected(&args(&["/nowhere/disk.qcow2"])).unwrap_err().code, exit::NO_INPUT);
    let wrong = inspected(&args(&["/nowhere/disk.qcow2", "--profile", "nimbus"])).unwrap_err();
    assert_eq!(wrong.code, exit::USAGE);
    assert!(wrong.message.contains("tencent-cvm"));
    let secret = inspected(&args(&["/nowhere/disk.qcow2", "--password-file", "/nowhere/password"])).unwrap_err();
    assert_eq!((secret.code, secret.message.contains("/nowhere/password")), (exit::NO_INPUT, true));
}

#[test]
fn flags_become_the_request() {
    let args = args(&[
        "s3://b/k?X-Amz-Signature=secret",
        "--image-name",
        "web-base",
        "--description",
        "The base of all web servers",
        "--platform",
        "Others Linux",
        "--system-disk-size-gib",
        "60",
        "--format",
        "qcow2",
        "--force",
        "--waive",
        "FS-02=never resized",
    ]);
    let request = request::request(&args);
    assert!(!request.url.contains("secret"), "{}", request.url);
    assert_eq!(
        (request.format.as_deref(), request.system_disk_size_gib, request.force),
        (Some("QCOW2"), Some(60), true)
    );
    assert_eq!(request.waivers[0].rule, "Ext4Without64Bit");
    assert_eq!(request.platform.as_deref(), Some("Others Linux"));
    assert_eq!(request.image_name.as_deref(), Some("web-base"));
    assert_eq!(request.description.as_deref(), Some("The base of all web servers"));
}

#[test]
fn a_waiver_needs_a_reason_and_a_rule_that_can_be_waived() {
    for (text, why) in
        [("FS-02", "say why"), ("FS-02=", "say why"), ("XX-1=y", "no rule"), ("PAR-02=y", "cannot be waived")]
    {
        assert!(request::waiver(text).unwrap_err().contains(why), "{text}");
    }
}

#[test]
fn a_profile_may_be_a_file_and_must_name_known_rules() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.yaml");
    let yaml = profiles::PROFILES[0].yaml.replace("name: tencent-cvm", "name: mine");
    std::fs::write(&path, &yaml).unwrap();
    let name = path.to_string_lossy().into_owned();
    assert_eq!(request::profiles(std::slice::from_ref(&name)).unwrap()[0].metadata.name.as_deref(), Some("mine"));
    std::fs::write(&path, yaml.replace("VirtioInstalled", "VirtioPainted")).unwrap();
    let refused = request::profiles(&[name]).unwrap_err();
    assert!(refused.code == exit::USAGE && refused.message.contains("VirtioPainted"), "{}", refused.message);
}

#[test]
fn output_is_a_list_unless_one_profile_is_named() {
    let facts = healthy();
    let one = request::profiles(&["tencent-cvm".to_owned()]).unwrap();
    let all = request::profiles(&[]).unwrap();
    let parse = |(text, code): (String, u8)| (serde_json::from_str::<serde_json::Value>(&text).unwrap(), code);
    let (single, code) = parse(judged((&facts, &[]), &one, &Request::default(), true, Output::Json).unwrap());
    assert_eq!((&single["profile"], code), (&"tencent-cvm".into(), exit::COMPLIANT));
    let (several, code) = parse(judged((&facts, &[]), &all, &Request::default(), false, Output::Json).unwrap());
    assert_eq!((several["reports"].as_array().unwrap().len(), code), (4, exit::COMPLIANT));
    let (text, _) = judged((&facts, &[]), &one, &Request::default(), true, Output::Table).unwrap();
    assert!(text.contains("tencent-cvm: Compliant"));
}

#[test]
fn addresses_and_paths_are_told_apart() {
    for address in ["s3://b/k", "https://h/p", "http://h/p"] {
        assert!(read::is_address(address));
    }
    for path in ["disk.qcow2", "/var/disk.raw", "./a://b", "C:\\disk.vhd"] {
        assert!(!read::is_address(path));
    }
}

#[test]
fn data_disks_are_read_and_judged_with_the_system() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, gib: u64| {
        let path = dir.path().join(name);
        std::fs::File::create(&path).unwrap().set_len(gib << 30).unwrap();
        path.display().to_string()
    };
    let (system, logs) = (file("system.raw", 1), format!("logs:20={}", file("logs.raw", 30)));
    let list = [&system, "--profile", "alibaba-ecs-2020-12", "-o", "json", "--data-disk", &logs];
    let (text, _) = inspected(&args(&list)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["dataDisks"][0]["image"]["virtualSizeBytes"], 30_u64 << 30);
    let rule = report["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == "SIZ-05").unwrap();
    let message = rule["message"].as_str().unwrap();
    assert!(rule["result"] == "Fail" && message.contains("logs") && message.contains("20 GiB"), "{rule}");
    let twice = [&list[..], &["--data-disk", &logs]].concat();
    assert_eq!(inspected(&args(&twice)).unwrap_err().code, exit::USAGE);
    for wrong in ["logs", "=x", "system=x", "Logs=x", "a:0=x", "a:x=y", "a="] {
        assert!(request::data_disk(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_link_that_would_be_spent_or_has_ended_is_not_followed() {
    // Nothing listens there: a request would be an error of the transport.
    let spent = "http://a-1.cos.ap-x.myqcloud.com/d?q-sign-algorithm=sha1&q-signature=hush&q-sign-time=0;99999999999&q-key-time=0;99999999999";
    let ended = "http://127.0.0.1:9/d?AWSAccessKeyId=A&Signature=hush&Expires=1";
    for (link, id) in [(spent, "SRC-04"), (ended, "SRC-03")] {
        let (text, code) = inspected(&args(&[link, "--profile", "tencent-cvm", "-o", "json"])).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rule = report["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id).unwrap();
        assert_eq!(
            (code, &rule["result"], &report["reads"]["requests"]),
            (exit::NON_COMPLIANT, &"Fail".into(), &0.into())
        );
        assert!(!text.contains("hush"), "{text}");
    }
}
