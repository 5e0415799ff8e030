//! What an import has come to, and what of it is told (pure).

use jiff::Timestamp;

use crate::api::conditions::{READY, STALLED, find, reason as word, sanitize};
use crate::api::{ImageImport, ImportProfileSpec, OutcomeNotice};
use crate::controller::key::hash;
use crate::controller::reason::{self, Class};
use crate::controller::work;
use crate::notify::event::{Event, Failure, Notice};
use crate::rules;

/// What an import has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Hash of what it is: trying again to no avail does not change it, another reading that was asked for does.
    pub key: String,
    /// The reason of `Ready`.
    pub reason: String,
    /// Since when it is so at least.
    pub since: Timestamp,
}

/// What the import has come to: it is ready, or stalled. `None` while it goes on, also after a failure that heals by itself.
pub fn end(import: &ImageImport) -> Option<End> {
    let status = import.status.as_ref()?;
    if status.observed_generation != import.metadata.generation || work::in_flight(status).is_some() {
        return None;
    }
    let ready = find(&status.conditions, READY)?;
    let stalled = find(&status.conditions, STALLED).filter(|c| c.status == "True");
    let decides = if ready.status == "True" { ready } else { stalled? };
    let uid = import.metadata.uid.as_deref().unwrap_or_default();
    let key = if let Some(record) = &status.custom_image_ref {
        // Nothing changes it any more.
        hash(&["end", uid, &record.name])
    } else {
        let sources: Vec<_> = status.disks.iter().map(|disk| (&disk.name, &disk.source)).collect();
        let failed = status.report.as_ref().map(|report| report.failed.join(" ")).unwrap_or_default();
        hash(&[
            "end",
            uid,
            &ready.status,
            &ready.reason,
            stalled.map(|c| c.reason.as_str()).unwrap_or_default(),
            status.last_handled_request_at.as_deref().unwrap_or_default(),
            &serde_json::to_string(&sources).unwrap_or_default(),
            &failed,
        ])
    };
    let key = key.chars().take(16).collect();
    Some(End { key, reason: ready.reason.clone(), since: decides.last_transition_time.0 })
}

/// What is told of an outcome. `live` is the import with the conditions of its rules, which no cache holds.
pub fn event(live: &ImageImport, profile: Option<&ImportProfileSpec>, outcome: &OutcomeNotice) -> Event {
    let status = live.status.clone().unwrap_or_default();
    let ready = find(&status.conditions, READY).cloned();
    let succeeded = ready.as_ref().is_some_and(|c| c.status == "True");
    let message = ready.map(|c| c.message).unwrap_or_default();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let notice = Notice {
        namespace: text(&live.metadata.namespace),
        name: text(&live.metadata.name),
        uid: text(&live.metadata.uid),
        url: sanitize(&live.spec.source.url),
        profile: live.spec.profile_ref.name.clone(),
        reason: outcome.reason.clone(),
        message: message.clone(),
        custom_image: status.custom_image_ref.as_ref().map(|record| record.name.clone()),
        failures: if succeeded { vec![] } else { failures(live, profile, &outcome.reason, &message) },
    };
    Event::new(&outcome.id, &outcome.time.0.to_string(), succeeded, notice)
}

/// The rules that fail; where none does, what else went wrong.
fn failures(live: &ImageImport, profile: Option<&ImportProfileSpec>, reason: &str, message: &str) -> Vec<Failure> {
    let status = live.status.clone().unwrap_or_default();
    let suggested = |code: &str| {
        let said = profile.and_then(|profile| profile.handling.iter().find(|handling| handling.code == code));
        said.map(|said| [&said.zh, &said.en].into_iter().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>())
    };
    let failed = status.report.iter().flat_map(|report| &report.failed);
    let of_rules: Vec<Failure> = failed
        .filter_map(|id| rules::find(id))
        .filter_map(|rule| Some((rule, find(&status.conditions, rule.name)?)))
        .map(|(rule, condition)| Failure {
            rule: condition.type_.clone(),
            code: condition.reason.clone(),
            message: condition.message.clone(),
            suggested_handling: suggested(&condition.reason)
                .unwrap_or_else(|| vec![sanitize(&rules::docs::section(rule, "How to mend it"))]),
        })
        .collect();
    // What failed after the verdict is no rule's failure.
    if of_rules.iter().any(|failure| failure.code == reason) {
        return of_rules;
    }
    vec![Failure {
        rule: String::new(),
        code: reason.to_owned(),
        message: message.to_owned(),
        suggested_handling: suggested(reason).unwrap_or_else(|| advice(reason)),
    }]
}

/// What to do where no cloud's document says it.
fn advice(reason: &str) -> Vec<String> {
    let [zh, en] = match reason::class(reason) {
        _ if reason == word::CANCELLED => {
            ["如需导入该镜像，请新建 ImageImport。", "Make a new ImageImport to import the image."]
        }
        Some(Class::Retry | Class::Grace | Class::Slow) => [
            "请排除消息中所述的原因：系统会自动重试；修改注解 imageimport.dev/requestedAt 可立即重试。",
            "Mend what the message names: it is tried again by itself, and at once with a new value of the annotation imageimport.dev/requestedAt.",
        ],
        Some(Class::Terminal) => [
            "请排除消息中所述的原因，然后修改 spec 或注解 imageimport.dev/requestedAt：在此之前不会重试。",
            "Mend what the message names, then change the spec or the annotation imageimport.dev/requestedAt: until then it is not tried again.",
        ],
        None => [
            "请按消息修正镜像或补充 spec.image，然后修改注解 imageimport.dev/requestedAt 以重新读取。",
            "Mend the image as the message says, or say more in spec.image; a new value of the annotation imageimport.dev/requestedAt has it read again.",
        ],
    };
    vec![zh.to_owned(), en.to_owned()]
}

#[cfg(test)]
mod tests;
