//! Kubernetes events and metrics of what just changed: a pure comparison of two statuses, and who publishes it.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

use super::context::Shared;
use super::key::Stage;
use super::work;
use crate::api::conditions::{COMPLIANT, CONVERTED, INSPECTED, READY, find, reason as word};
use crate::api::{ImageImportStatus, Waiver};
use crate::rules::{self, Request};

/// One event: reason, action, text, and whether it warns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    reason: &'static str,
    action: &'static str,
    note: String,
    warns: bool,
}

/// What became of an import between two of its statuses.
pub fn between(old: Option<&ImageImportStatus>, new: &ImageImportStatus) -> Vec<Told> {
    let mut told = vec![];
    let mut tell = |reason, action, note: &str, warns| told.push(Told { reason, action, note: note.to_owned(), warns });
    let before = |kind: &str| old.and_then(|s| find(&s.conditions, kind));
    let changed = |now: &Condition, then: Option<&Condition>| {
        then.is_none_or(|t| (&t.status, &t.reason) != (&now.status, &now.reason))
    };
    if let Some(ready) = find(&new.conditions, READY).filter(|r| changed(r, before(READY))) {
        match (ready.status.as_str(), ready.reason.as_str()) {
            ("Unknown", word::QUEUED) => tell("Queued", "Queue", &ready.message, false),
            ("True", word::IMPORTED) => tell("Imported", "Publish", &ready.message, false),
            ("False", word::CANCELLED) => tell("Cancelled", "Cancel", &ready.message, false),
            _ => {}
        }
        let judged = find(&new.conditions, COMPLIANT).is_some_and(|c| c.status == "False" && c.reason == ready.reason);
        if ready.status == "False" && !judged && ready.reason != word::CANCELLED {
            let is_true = |kind: &str| find(&new.conditions, kind).is_some_and(|c| c.status == "True");
            let accepted = is_true(INSPECTED) && is_true(COMPLIANT);
            let reason = match ready.reason.as_str() {
                word::UNDETERMINED => "ImageUndetermined",
                _ if accepted && find(&new.conditions, CONVERTED).is_some() => "ConversionFailed",
                _ => "InspectionFailed",
            };
            tell(reason, "Import", &format!("{}: {}", ready.reason, ready.message), true);
        }
    }
    for (task, work) in work::all(new) {
        let before = old.and_then(|status| work::of(status, &task).job_uid);
        let (Some(name), Some(uid)) = (&work.job_name, work.job_uid.filter(|uid| Some(uid) != before.as_ref())) else {
            continue;
        };
        let (reason, action) = match task.stage {
            Stage::Inspect => ("InspectionStarted", "Inspect"),
            Stage::Convert => ("ConversionStarted", "Convert"),
            Stage::Delete | Stage::Notify => continue,
        };
        tell(reason, action, &format!("Made Job {name} ({uid}) for disk {}", task.disk), false);
    }
    if let Some(compliant) = find(&new.conditions, COMPLIANT).filter(|c| changed(c, before(COMPLIANT))) {
        match compliant.status.as_str() {
            "True" => tell("ImageAccepted", "Judge", "The image complies with its profile", false),
            "False" => tell("ImageRejected", "Judge", &format!("{}: {}", compliant.reason, compliant.message), true),
            _ => {}
        }
    }
    told
}

/// Waivers that change nothing, and why.
pub fn idle_waivers(request: &Request) -> Vec<Told> {
    let why = |waiver: &Waiver| match (rules::waivable(&waiver.rule), waiver.expired(request.now)) {
        (Err(why), _) => Some(format!("The waiver changes nothing: {why}")),
        (Ok(rule), Some(end)) => Some(format!("The waiver changes nothing: that of {} expired at {end}", rule.name)),
        (Ok(_), None) => None,
    };
    let told = |note| Told { reason: "WaiverIgnored", action: "Judge", note, warns: true };
    request.waivers.iter().filter_map(why).map(told).collect()
}

/// Objects that were to be deleted stay, and why.
pub fn objects_stay(note: String) -> Told {
    Told { reason: "ObjectsStay", action: "Delete", note, warns: true }
}

/// Nobody is named who could be told how the import ended: an advice, for most who look at imports need no notices.
pub fn nobody_told() -> Told {
    let note =
        "Nobody is told how this import ended: `spec.notifications` names nobody, and the operator has no default";
    Told { reason: "NobodyTold", action: "Notify", note: note.to_owned(), warns: false }
}

/// One (scheme and host) who was to be told was not, and why.
pub fn not_told(host: &str, why: &str) -> Told {
    let note = format!("{host} was not told how this import ended: {why}");
    Told { reason: "NotNotified", action: "Notify", note, warns: true }
}

/// Publishes them. An event that cannot be published is no reason to fail.
pub async fn publish(shared: &Shared, of: &ObjectReference, told: Vec<Told>) {
    for Told { reason, action, note, warns } in told {
        let event = Event {
            type_: if warns { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(note),
            action: action.to_owned(),
            secondary: None,
        };
        if let Err(error) = shared.recorder.publish(&event, of).await {
            tracing::debug!(%error, reason, "Event could not be published");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};

    fn status(conditions: &[(&str, &str, &str)], job: Option<&str>) -> ImageImportStatus {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(kind, status, reason)| {
                json!({"type": kind, "status": status, "reason": reason, "message": "m",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
            })
            .collect();
        let disks = json!([{"name": "system", "inspection": {"jobName": "j", "jobUID": job}}]);
        serde_json::from_value(json!({"conditions": conditions, "disks": disks})).unwrap()
    }
    fn reasons(old: &ImageImportStatus, new: &ImageImportStatus) -> Vec<&'static str> {
        between(Some(old), new).iter().map(|t| t.reason).collect()
    }

    #[test]
    fn each_step_is_told_once() {
        let steps = [
            (status(&[("Ready", "Unknown", "Queued")], None), vec!["Queued"]),
            (status(&[("Ready", "Unknown", "Inspecting")], Some("u")), vec!["InspectionStarted"]),
            (
                status(
                    &[("Ready", "False", "VirtioNotInstall"), ("Compliant", "False", "VirtioNotInstall")],
                    Some("u"),
                ),
                vec!["ImageRejected"],
            ),
        ];
        let mut old = ImageImportStatus::default();
        for (new, expected) in steps {
            assert_eq!(reasons(&old, &new), expected);
            assert!(reasons(&new, &new).is_empty());
            old = new;
        }
    }

    #[test]
    fn a_waiver_of_no_rule_or_of_damage_or_that_expired_is_told() {
        let waiver = |rule: &str| Waiver { rule: rule.into(), justification: "x".into(), expiration_time: None };
        let until = |second| Some(Time(Timestamp::from_second(second).unwrap()));
        let mut waivers = ["VirtioInstalled", "NoSuchRule", "RootPartitionFound"].map(waiver).to_vec();
        waivers.push(Waiver { expiration_time: until(59), ..waiver("CloudInitInstalled") });
        waivers.push(Waiver { expiration_time: until(61), ..waiver("DhcpEnabled") });
        let told = idle_waivers(&Request { waivers, now: until(60).unwrap().0, ..Request::default() });
        assert!(told[0].note.contains("NoSuchRule") && told[1].note.contains("RootPartitionFound cannot be waived"));
        assert!(
            told[2].note.contains("that of CloudInitInstalled expired at 1970-01-01T00:00:59Z"),
            "{}",
            told[2].note
        );
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn a_failure_is_told_as_that_of_the_step_that_failed() {
        let failed = |compliant: &str, converted: Option<&str>| {
            let mut conditions =
                vec![("Ready", "False", "ChecksumMismatch"), ("Inspected", "True", "x"), ("Compliant", compliant, "x")];
            conditions.extend(converted.map(|status| ("Converted", status, "x")));
            reasons(&ImageImportStatus::default(), &status(&conditions, None))
                .into_iter()
                .find(|reason| reason.ends_with("Failed"))
        };
        assert_eq!(failed("True", Some("False")), Some("ConversionFailed"));
        assert_eq!(failed("True", Some("True")), Some("ConversionFailed"), "it is written, and not recorded");
        assert_eq!(failed("True", None), Some("InspectionFailed"), "nothing was to be written");
        assert_eq!(failed("Unknown", Some("Unknown")), Some("InspectionFailed"));
    }

    #[test]
    fn good_ends_and_failures_are_told() {
        let compliant = status(&[("Ready", "Unknown", "Queued"), ("Compliant", "True", "Passed")], None);
        let imported = status(&[("Ready", "True", "Imported"), ("Compliant", "True", "Passed")], None);
        assert_eq!(reasons(&compliant, &imported), ["Imported"]);
        let failed = status(&[("Ready", "False", "SecretNotFound"), ("Compliant", "Unknown", "NotInspected")], None);
        assert_eq!(reasons(&ImageImportStatus::default(), &failed), ["InspectionFailed"]);
        for (reason, told) in [("Undetermined", "ImageUndetermined"), ("SourceNotFound", "InspectionFailed")] {
            let undecided = status(&[("Ready", "False", reason), ("Compliant", "Unknown", reason)], None);
            assert_eq!(reasons(&ImageImportStatus::default(), &undecided), [told]);
        }
    }
}
