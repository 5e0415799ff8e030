use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap())
}

fn live() -> ImageImportStatus {
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "X", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    serde_json::from_value(json!({
        "observedGeneration": 2, "verdictKey": "a/1", "lastHandledRequestAt": "r",
        "disks": [{"name": "system",
            "source": {"etag": "e", "sizeBytes": 1}, "image": {"format": "RAW"},
            "inspection": {"jobName": "j", "jobUID": "u", "attempt": 1, "key": "k", "facts": "v1:f"},
            "conversion": {"jobName": "c"}}],
        "image": {"format": "RAW"},
        "notifications": [{"id": "o", "key": "k", "reason": "Checked", "time": "2026-01-01T00:00:00Z"}],
        "report": {"profile": "p", "profileGeneration": 1, "digest": "d",
            "counts": {"passed": 1, "failed": 0, "warned": 0, "advised": 0, "undetermined": 0, "waived": 0}},
        "conditions": [condition("Ready", "True"), condition("Stalled", "True"), condition("VirtioInstalled", "True")]
    }))
    .unwrap()
}

#[test]
fn the_two_parts_are_the_whole_and_share_nothing() {
    let mut whole = serde_json::to_value(live()).unwrap();
    let report = serde_json::to_value(report_part(&live())).unwrap();
    let lifecycle = serde_json::to_value(lifecycle_part(&live())).unwrap();
    for top in ["image", "report"] {
        assert!(report.get(top).is_some() && lifecycle.get(top).is_none());
    }
    for top in ["observedGeneration", "verdictKey", "lastHandledRequestAt", "notifications"] {
        assert!(report.get(top).is_none() && lifecycle.get(top).is_some());
    }
    assert_eq!(
        report["disks"][0],
        json!({"name": "system", "image": {"format": "RAW"}, "inspection": {"key": "k", "facts": "v1:f"}})
    );
    let disk = &mut whole["disks"][0];
    disk.as_object_mut().unwrap().remove("image");
    disk["inspection"].as_object_mut().unwrap().retain(|k, _| k != "key" && k != "facts");
    assert_eq!(lifecycle["disks"], whole["disks"]);
    let types = |v: &serde_json::Value| -> Vec<String> {
        v["conditions"].as_array().unwrap().iter().map(|c| c["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (types(&report), types(&lifecycle)),
        (vec!["VirtioInstalled".into()], vec!["Ready".into(), "Stalled".into()])
    );
}

#[test]
fn what_lies_ahead_is_both_parts_together() {
    let spec = json!({"source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}});
    let mut import = ImageImport::new("web", serde_json::from_value(spec).unwrap());
    import.status = Some(live());
    let same = ahead(&import, &lifecycle_part(&live())).status.unwrap();
    assert_eq!((report_part(&same), lifecycle_part(&same)), (report_part(&live()), lifecycle_part(&live())));
    let fresh = ahead(&import, &ImageImportStatus::default()).status.unwrap();
    assert_eq!(report_part(&fresh), report_part(&live()));
}

#[test]
fn a_record_without_a_field_is_not_sent() {
    let mut part = live();
    part.disks[0].inspection = Some(Inspection::default());
    part.image = Some(ImageSummary::default());
    let sent = sent(&part);
    assert!(sent.get("image").is_none() && sent["disks"][0].get("inspection").is_none());
    assert_eq!(sent["disks"][0]["conversion"], json!({"jobName": "c"}));
}

#[test]
fn facts_are_stored_without_touching_the_old_verdict() {
    let part = with_facts(&live(), "system", "k2", "v1:g");
    let inspection = part.disks[0].inspection.clone().unwrap();
    assert_eq!((inspection.key.as_deref(), inspection.facts.as_deref()), (Some("k2"), Some("v1:g")));
    assert_eq!((&part.report, &part.conditions), (&live().report, &report_part(&live()).conditions));
    let both = with_facts(&part, "logs", "k", "v1:f");
    assert_eq!(both.disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["system", "logs"]);
    assert_eq!(both.disks[0], part.disks[0]);
}

#[test]
fn facts_that_are_dropped_leave_the_verdict() {
    let part = without_facts(&live());
    assert_eq!(part.disks[0].inspection, None);
    assert_eq!(part.report, live().report);
}

fn judged(status: &'static str, message: &str, seconds: i64, stored: &ImageImportStatus) -> ImageImportStatus {
    let summary = ReportSummary { profile: "p".into(), profile_generation: 1, ..ReportSummary::default() };
    let rules = [RuleCondition {
        type_: "VirtioInstalled".into(),
        status,
        reason: "VirtioNotInstall".into(),
        message: message.into(),
    }];
    with_report(stored, &[("system", ImageSummary::default())], summary, &rules, at(seconds))
}

#[test]
fn each_disk_has_its_image_and_one_that_is_no_longer_asked_for_goes() {
    let stored = with_facts(&with_facts(&live(), "logs", "k", "v1:f"), "gone", "k", "v1:f");
    let image = |format: &str| ImageSummary { format: Some(format.into()), ..ImageSummary::default() };
    let summary = ReportSummary::default();
    let part = with_report(&stored, &[("system", image("QCOW2")), ("logs", image("RAW"))], summary, &[], at(1));
    assert_eq!(part.image, Some(image("QCOW2")));
    let disks: Vec<_> = part.disks.iter().map(|disk| (disk.name.as_str(), disk.image.clone())).collect();
    assert_eq!(disks, [("system", Some(image("QCOW2"))), ("logs", Some(image("RAW")))]);
}

#[test]
fn equal_findings_are_equal_parts_so_that_nothing_is_sent() {
    let first = judged("False", "no virtio_blk", 100, &live());
    let again = judged("False", "no virtio_blk", 999, &first);
    assert_eq!(first, again, "even the times are kept");
    let other = judged("False", "no virtio_scsi", 999, &first);
    assert_ne!(other.report.as_ref().unwrap().digest, first.report.as_ref().unwrap().digest);
    assert_eq!(other.conditions[0].last_transition_time, at(100), "the time is of the status, not of the message");
    let mended = judged("True", "", 999, &first);
    assert_eq!(mended.conditions[0].last_transition_time, at(999));
    assert_eq!(mended.conditions[0].observed_generation, None, "kubectl wait would hang");
}

#[test]
fn an_apply_carries_the_version_it_was_decided_on_and_no_uid() {
    let mut import = crate::api::ImageImport::new(
        "web",
        serde_json::from_value(json!({
        "source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}}))
        .unwrap(),
    );
    import.metadata.namespace = Some("team".into());
    import.metadata.uid = Some("u".into());
    let sent = body(&import, "42", &json!({}));
    assert_eq!(sent["metadata"], json!({"name": "web", "namespace": "team", "resourceVersion": "42"}));
    assert_eq!((sent["kind"].as_str(), sent.get("spec")), (Some("ImageImport"), None));
}

mod against_an_api {
    use http::{Request, Response};
    use kube::client::Body;

    use super::*;

    fn import() -> ImageImport {
        let mut import = crate::api::ImageImport::new(
            "web",
            serde_json::from_value(json!({
            "source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}}))
            .unwrap(),
        );
        import.metadata.namespace = Some("team".into());
        import.metadata.resource_version = Some("41".into());
        import.status = Some(live());
        import
    }

    #[tokio::test]
    async fn what_is_there_already_is_not_sent() {
        let (service, mut server) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let writer = Writer::new(Client::new(service, "team"));
        writer.lifecycle(&import(), &lifecycle_part(&live())).await.unwrap();
        writer.report(&import(), &report_part(&live())).await.unwrap();
        drop(writer);
        assert!(server.next_request().await.is_none());
    }

    #[tokio::test]
    async fn a_conflict_is_told_and_not_retried() {
        let (service, mut server) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let writer = Writer::new(Client::new(service, "team"));
        let write = tokio::spawn(async move {
            let mut part = lifecycle_part(&live());
            part.verdict_key = None;
            writer.lifecycle(&import(), &part).await
        });
        let (request, send) = server.next_request().await.unwrap();
        let query = request.uri().query().unwrap_or_default().to_owned();
        assert!(request.uri().path().ends_with("/namespaces/team/imageimports/web/status"));
        assert!(query.contains("force=true") && query.contains("fieldManager=imageimport.dev%2Flifecycle"), "{query}");
        let patch: serde_json::Value =
            serde_json::from_slice(&request.into_body().collect_bytes().await.unwrap()).unwrap();
        assert_eq!(patch["metadata"]["resourceVersion"], "41");
        let conflict = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict", "message": "x"});
        send.send_response(
            Response::builder().status(409).body(Body::from(conflict.to_string().into_bytes())).unwrap(),
        );
        assert!(matches!(write.await.unwrap(), Err(kube::Error::Api(status)) if status.code == 409));
        assert!(server.next_request().await.is_none());
    }
}
