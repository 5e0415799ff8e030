use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::api::conditions::{READY, RECONCILING, STALLED, find};
use crate::api::{Action, ImageImport, ImageSummary, RuleCounts};
use crate::report::{ReportReads, ReportSource};

fn import(destination: bool) -> ImageImport {
    let mut spec = json!({"source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}});
    if destination {
        spec["destination"] = json!({"url": "s3://store/"});
    }
    ImageImport::new("web", serde_json::from_value(spec).unwrap())
}

fn rule(result: Outcome, code: &str) -> RuleResult {
    RuleResult {
        id: "DRV-01".into(),
        rule: "VirtioInstalled".into(),
        action: Action::Require,
        result,
        code: code.into(),
        message: "the sentence".into(),
        evidence: vec![],
        remedy: String::new(),
        cite: vec![],
    }
}

fn report(verdict: Overall, rules: Vec<RuleResult>) -> Report {
    let failed = rules.iter().filter(|r| r.result == Outcome::Fail).count();
    Report {
        schema: String::new(),
        profile: "p".into(),
        verdict,
        source: ReportSource::default(),
        image: ImageSummary::default(),
        data_disks: vec![],
        prerequisites: vec![],
        counts: RuleCounts { failed: i32::try_from(failed).unwrap(), ..RuleCounts::default() },
        rules,
        reads: ReportReads::default(),
    }
}

fn facts(access: Access) -> Facts {
    let mut facts = Facts::default();
    facts.source.access = access;
    facts.source.etag = Some("\"e\"".into());
    facts
}

/// Ready, Compliant, Reconciling, Stalled: status and reason.
fn settled(report: &Report, access: Access, destination: bool) -> [Option<String>; 4] {
    let import = import(destination);
    let mut draft = Draft::of(&import, Timestamp::UNIX_EPOCH, SignedDuration::from_secs(300));
    let key = VerdictKey::new(&import, "i", "p", Timestamp::UNIX_EPOCH);
    settle(&mut draft, report, &[("system", &facts(access))], &key, destination);
    assert_eq!(draft.status.verdict_key, Some(key.to_string()));
    assert_eq!(find(&draft.status.conditions, INSPECTED).unwrap().status, "True", "good and bad images end the wait");
    assert_eq!(find(&draft.status.conditions, CONVERTED).is_some(), destination);
    assert_eq!(draft.status.disks[0].source.is_some(), access == Access::Reached);
    [READY, COMPLIANT, RECONCILING, STALLED]
        .map(|kind| find(&draft.status.conditions, kind).map(|c| format!("{}/{}", c.status, c.reason)))
}

fn expect(found: &[Option<String>; 4], ready: &str, compliant: &str, reconciling: Option<&str>, stalled: Option<&str>) {
    let owned = |s: &str| Some(s.to_owned());
    assert_eq!(*found, [owned(ready), owned(compliant), reconciling.map(str::to_owned), stalled.map(str::to_owned)]);
}

#[test]
fn each_verdict_has_its_row_of_the_table() {
    let good = report(Overall::Compliant, vec![rule(Outcome::Pass, "Passed")]);
    expect(&settled(&good, Access::Reached, false), "True/Checked", "True/Passed", None, None);
    expect(&settled(&good, Access::Reached, true), "Unknown/Queued", "True/Passed", Some("True/Progressing"), None);
    let bad =
        report(Overall::NonCompliant, vec![rule(Outcome::Warn, "Other"), rule(Outcome::Fail, "VirtioNotInstall")]);
    for destination in [false, true] {
        let found = settled(&bad, Access::Reached, destination);
        expect(&found, "False/VirtioNotInstall", "False/VirtioNotInstall", None, Some("True/Rejected"));
    }
    let open = report(Overall::Undetermined, vec![rule(Outcome::Unknown, "VolumeEncrypted")]);
    let found = settled(&open, Access::Reached, true);
    expect(&found, "False/Undetermined", "Unknown/Undetermined", None, Some("True/Undetermined"));
}

#[test]
fn an_object_that_was_not_reached_passes_nowhere() {
    for (access, reason) in [
        (Access::NotFound, "SourceNotFound"),
        (Access::Forbidden, "SourceForbidden"),
        (Access::Other, "SourceForbidden"),
    ] {
        for verdict in [Overall::Compliant, Overall::Undetermined] {
            let found = settled(&report(verdict, vec![]), access, true);
            expect(
                &found,
                &format!("False/{reason}"),
                &format!("Unknown/{reason}"),
                None,
                Some(&format!("True/{reason}")),
            );
        }
        let told = report(Overall::NonCompliant, vec![rule(Outcome::Fail, "InvalidUrl")]);
        let found = settled(&told, access, false);
        expect(&found, "False/InvalidUrl", "False/InvalidUrl", None, Some(&format!("True/{reason}")));
    }
}

#[test]
fn a_verdict_that_contradicts_its_rules_is_no_pass() {
    let odd = report(Overall::Compliant, vec![rule(Outcome::Fail, "VirtioNotInstall")]);
    let found = settled(&odd, Access::Reached, true);
    assert_eq!(found[0].as_deref(), Some("False/Undetermined"));
    let odd = report(Overall::NonCompliant, vec![]);
    assert_eq!(settled(&odd, Access::Reached, true)[0].as_deref(), Some("False/Undetermined"));
}

#[test]
fn facts_are_too_old_only_when_they_lack_what_a_required_rule_asks() {
    let lacking = report(Overall::Undetermined, vec![rule(Outcome::Unknown, "FactMissing")]);
    let mut of = facts(Access::Reached);
    of.worker = "0.0.1".into();
    assert!(too_old(&lacking, &[("system", &of)]));
    assert!(!too_old(&report(Overall::Compliant, vec![]), &[("system", &of)]));
    assert!(!too_old(
        &report(Overall::Undetermined, vec![rule(Outcome::Unknown, "VolumeEncrypted")]),
        &[("system", &of)]
    ));
    of.worker = env!("CARGO_PKG_VERSION").into();
    assert!(!too_old(&lacking, &[("system", &of)]), "reading again would find the same");
}

#[test]
fn a_raw_disk_may_have_as_many_bytes_as_its_profile_takes_unless_that_is_waived() {
    let most = |change: &dyn Fn(&mut serde_json::Value), profile: &str| {
        let mut import = serde_json::json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
            "metadata": {"name": "web"}, "spec": {"source": {"url": "s3://b/k"}, "profileRef": {"name": profile}},
            "status": {"disks": [{"name": "system", "image": {"format": "RAW"}}]}});
        change(&mut import);
        let profile = crate::profiles::get(profile).unwrap();
        decided_while_converting(&serde_json::from_value(import).unwrap(), "system", &profile.spec)
    };
    assert_eq!(most(&|_| {}, "tencent-cvm"), Some(50 << 30));
    assert_eq!(most(&|_| {}, "alibaba-ecs-2020-12"), None, "it names no limit");
    assert_eq!(most(&|i| i["status"]["disks"][0]["image"]["format"] = "QCOW2".into(), "tencent-cvm"), None);
    let waiver = serde_json::json!([{"rule": "ActualSizeWithinLimit", "justification": "x"}]);
    assert_eq!(most(&|i| i["spec"]["waivers"] = waiver.clone(), "tencent-cvm"), None);
    let expired = serde_json::json!([{"rule": "ActualSizeWithinLimit", "justification": "x", "expirationTime": "2020-01-01T00:00:00Z"}]);
    assert_eq!(most(&|i| i["spec"]["waivers"] = expired.clone(), "tencent-cvm"), Some(50 << 30));
}
