use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;
use crate::notify::event::{FAILED, SUCCEEDED};

/// An import with these conditions (type, status, reason, minute) and more in its status.
fn import(conditions: &[(&str, &str, &str, u8)], more: &Value) -> ImageImport {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, status, reason, minute)| {
            json!({"type": kind, "status": status, "reason": reason, "message": format!("{kind} says why"),
                "lastTransitionTime": format!("2026-01-01T00:{minute:02}:00Z")})
        })
        .collect();
    let mut status = json!({"observedGeneration": 1, "conditions": conditions});
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
        "metadata": {"name": "web", "namespace": "team", "uid": "u", "generation": 1},
        "spec": {"source": {"url": "s3://b/k"}, "profileRef": {"name": "tencent-cvm"}}, "status": status
    }))
    .unwrap()
}

fn report(failed: &[&str]) -> Value {
    let counts = json!({"passed": 0, "failed": 1, "warned": 0, "advised": 0, "undetermined": 0, "waived": 0});
    json!({"profile": "p", "profileGeneration": 1, "digest": "d", "counts": counts, "failed": failed})
}

fn rejected(failed: &[&str]) -> ImageImport {
    let conditions = [
        ("Ready", "False", "VirtioNotInstall", 1),
        ("Stalled", "True", "Rejected", 2),
        ("VirtioInstalled", "False", "VirtioNotInstall", 2),
        ("CloudInitInstalled", "False", "CloudInitNotInstall", 2),
    ];
    import(&conditions, &json!({"report": report(failed)}))
}

#[test]
fn an_import_ends_ready_or_stalled_and_no_other_way() {
    type Row = (&'static [(&'static str, &'static str, &'static str, u8)], Option<(&'static str, &'static str)>);
    let table: &[Row] = &[
        (&[], None),
        (&[("Ready", "Unknown", "Inspecting", 1), ("Reconciling", "True", "Progressing", 1)], None),
        (&[("Ready", "Unknown", "Suspended", 1)], None),
        (&[("Ready", "False", "SourceUnavailable", 1), ("Reconciling", "True", "ProgressingWithRetry", 1)], None),
        (&[("Ready", "False", "SecretNotFound", 1), ("Reconciling", "True", "ProgressingWithRetry", 1)], None),
        (
            &[("Ready", "False", "SecretNotFound", 1), ("Stalled", "True", "SecretNotFound", 6)],
            Some(("SecretNotFound", "00:06")),
        ),
        (&[("Ready", "False", "Cancelled", 1), ("Stalled", "True", "Cancelled", 1)], Some(("Cancelled", "00:01"))),
        (
            &[("Ready", "False", "Undetermined", 1), ("Stalled", "True", "Undetermined", 2)],
            Some(("Undetermined", "00:02")),
        ),
        (&[("Ready", "True", "Checked", 3)], Some(("Checked", "00:03"))),
    ];
    for (conditions, wanted) in table {
        let end = end(&import(conditions, &json!({})));
        let seen = end.as_ref().map(|end| (end.reason.as_str(), end.since.to_string()));
        let wanted = wanted.map(|(reason, time)| (reason, format!("2026-01-01T{time}:00Z")));
        assert_eq!(seen, wanted, "{conditions:?}");
    }
    let mut changed = rejected(&[]);
    changed.metadata.generation = Some(2);
    assert_eq!(end(&changed), None, "the status does not speak of this spec");
    let retried = json!([{"name": "system", "inspection": {"jobName": "j", "jobUID": "u", "attempt": 2}}]);
    let mut retried = import(
        &[("Ready", "False", "SourceForbidden", 1), ("Stalled", "True", "SourceForbidden", 1)],
        &json!({"disks": retried}),
    );
    assert_eq!(end(&retried), None, "until its worker starts, it says what it said before");
    let inspection = retried.status.as_mut().unwrap().disks[0].inspection.as_mut().unwrap();
    inspection.completion_time = Some(Time(jiff::Timestamp::UNIX_EPOCH));
    assert!(end(&retried).is_some());
}

#[test]
fn an_outcome_is_another_when_what_it_says_is() {
    let key = |import: &ImageImport| end(import).unwrap().key;
    let with = |change: &dyn Fn(&mut ImageImport)| {
        let mut import = rejected(&["DRV-01"]);
        change(&mut import);
        key(&import)
    };
    let first = key(&rejected(&["DRV-01"]));
    let same = [
        with(&|i| i.status.as_mut().unwrap().conditions[0].message = "said otherwise".into()),
        with(&|i| i.status.as_mut().unwrap().verdict_key = Some("an upgrade".into())),
        with(&|i| i.status.as_mut().unwrap().report.as_mut().unwrap().digest = "warns of more".into()),
        with(&|i| i.spec.suspend = true),
        with(&|i| {
            (i.metadata.generation, i.status.as_mut().unwrap().observed_generation) = (Some(2), Some(2));
        }),
    ];
    assert!(same.iter().all(|key| *key == first), "{same:?}");
    let others = [
        with(&|i| i.metadata.uid = Some("another".into())),
        with(&|i| i.status.as_mut().unwrap().report.as_mut().unwrap().failed.push("OS-01".into())),
        with(&|i| i.status.as_mut().unwrap().conditions[0].reason = "InvalidUrl".into()),
        with(&|i| i.status.as_mut().unwrap().last_handled_request_at = Some("read again".into())),
        with(&|i| {
            let disk = json!({"name": "system", "source": {"etag": "e", "sizeBytes": 1}});
            i.status.as_mut().unwrap().disks = vec![serde_json::from_value(disk).unwrap()];
        }),
    ];
    assert!(others.iter().all(|key| *key != first), "{others:?}");
    let imported = |requested: &str| {
        let more = json!({"customImageRef": {"name": "web-1"}, "lastHandledRequestAt": requested});
        key(&import(&[("Ready", "True", "Imported", 1)], &more))
    };
    assert_eq!(imported("a"), imported("b"), "an image that is imported is not read again");
}

fn told(import: &ImageImport, profile: &str) -> Value {
    let profile = crate::profiles::get(profile).unwrap();
    let end = end(import).unwrap();
    let outcome =
        OutcomeNotice { id: "id".into(), key: end.key, reason: end.reason, time: Time(end.since), receivers: vec![] };
    json!(event(import, Some(&profile.spec), &outcome))
}

#[test]
fn a_failure_is_told_with_code_reason_and_what_the_cloud_suggests() {
    let told = told(&rejected(&["DRV-01", "SVC-05"]), "tencent-cvm");
    assert_eq!(
        (&told["type"], &told["id"], &told["time"]),
        (&json!(FAILED), &json!("id"), &json!("2026-01-01T00:02:00Z"))
    );
    let data = &told["data"];
    assert_eq!((&data["reason"], &data["message"]), (&json!("VirtioNotInstall"), &json!("Ready says why")));
    assert_eq!((&data["url"], &data["profile"]), (&json!("s3://b/k"), &json!("tencent-cvm")));
    let failure = &data["failures"][0];
    assert_eq!((&failure["rule"], &failure["code"]), (&json!("VirtioInstalled"), &json!("VirtioNotInstall")));
    assert_eq!(failure["message"], "VirtioInstalled says why");
    let suggested: Vec<&str> =
        failure["suggestedHandling"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let spec = crate::profiles::get("tencent-cvm").unwrap().spec;
    let handling = spec.handling.iter().find(|h| h.code == "VirtioNotInstall").unwrap();
    assert_eq!(suggested, [&handling.zh, &handling.en]);
}

#[test]
fn where_no_cloud_suggests_anything_we_do() {
    let rule = told(&rejected(&["DRV-01"]), "alibaba-ecs-2020-12");
    let suggested = &rule["data"]["failures"][0]["suggestedHandling"];
    assert!(suggested[0].as_str().unwrap().len() > 20 && suggested.as_array().unwrap().len() == 1, "{suggested}");
    for reason in ["SecretNotFound", "SourceForbidden", "ImageTooLarge", "Cancelled", "Undetermined"] {
        let failed = import(&[("Ready", "False", reason, 1), ("Stalled", "True", reason, 1)], &json!({}));
        let told = told(&failed, "alibaba-ecs-2020-12");
        let failure = &told["data"]["failures"][0];
        assert_eq!((&failure["code"], failure.get("rule")), (&json!(reason), None));
        assert_eq!(failure["suggestedHandling"].as_array().unwrap().len(), 2, "{failure}");
    }
}

#[test]
fn a_success_is_told_with_the_record() {
    let more = json!({"customImageRef": {"name": "web-1"}, "report": report(&[])});
    let told = told(&import(&[("Ready", "True", "Imported", 1)], &more), "tencent-cvm");
    assert_eq!((&told["type"], &told["data"]["customImage"]), (&json!(SUCCEEDED), &json!("web-1")));
    assert!(told["data"].get("failures").is_none());
}
