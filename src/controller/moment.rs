//! The table of moments: what each moment of an import looks like in its lifecycle conditions.
//!
//! kstatus, Flux, Helm and Argo CD read Ready, Reconciling and Stalled. `Ready=False` alone means "in progress" to them, so
//! every end has `Stalled=True`; Reconciling and Stalled are present only while they are true.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::key::Stage;
use super::reason::{self, Class};
use crate::api::{DiskStatus, ImageImport, ImageImportStatus, SYSTEM_DISK};

/// Condition types of the lifecycle, in the order they are written.
pub const LIFECYCLE: &[&str] = &["Ready", "Inspected", "Compliant", "Converted", "Reconciling", "Stalled"];
/// Longest message of a condition, in bytes.
pub const MESSAGE_BYTES: usize = 512;

/// The lifecycle part of a status while it is being decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What will be written.
    pub status: ImageImportStatus,
    generation: i64,
    now: Timestamp,
    grace: SignedDuration,
}

/// The part of a status that the lifecycle manager owns.
pub fn lifecycle_part(status: &ImageImportStatus) -> ImageImportStatus {
    let mut part = status.clone();
    part.image = None;
    part.report = None;
    part.conditions.retain(|c| LIFECYCLE.contains(&c.type_.as_str()));
    for disk in &mut part.disks {
        disk.image = None;
        if let Some(inspection) = &mut disk.inspection {
            inspection.key = None;
            inspection.facts = None;
        }
    }
    part
}

impl Draft {
    /// The draft that changes nothing but the generation spoken of.
    pub fn of(import: &ImageImport, now: Timestamp, grace: SignedDuration) -> Self {
        let generation = import.metadata.generation.unwrap_or_default();
        let mut status = import.status.as_ref().map(lifecycle_part).unwrap_or_default();
        status.observed_generation = Some(generation);
        for condition in &mut status.conditions {
            condition.observed_generation = Some(generation);
        }
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self { status, generation, now, grace }
    }

    /// The moment of the decision, in whole seconds as a status keeps it.
    pub fn now(&self) -> Time {
        Time(self.now)
    }

    /// The system disk's entry, made when it is not there.
    pub fn disk(&mut self) -> &mut DiskStatus {
        let at = self.status.disks.iter().position(|d| d.name == SYSTEM_DISK).unwrap_or_else(|| {
            self.status.disks.insert(0, DiskStatus { name: SYSTEM_DISK.to_owned(), ..DiskStatus::default() });
            0
        });
        &mut self.status.disks[at]
    }

    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|c| c.type_ == kind)
    }

    /// Since when `Ready` is False, and why.
    pub fn failing_since(&self) -> Option<(Timestamp, &str, &str)> {
        let ready = self.condition("Ready").filter(|c| c.status == "False")?;
        Some((ready.last_transition_time.0, &ready.reason, &ready.message))
    }

    /// Sets a condition; its time changes only with its status.
    pub fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let since = self.condition(kind).filter(|c| c.status == status).map(|c| c.last_transition_time.clone());
        let condition = Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: sanitise(message),
            last_transition_time: since.unwrap_or(Time(self.now)),
            observed_generation: Some(self.generation),
        };
        self.clear(kind);
        self.status.conditions.push(condition);
        let place = |c: &Condition| LIFECYCLE.iter().position(|l| *l == c.type_);
        self.status.conditions.sort_by_key(place);
    }

    /// Removes a condition.
    pub fn clear(&mut self, kind: &str) {
        self.status.conditions.retain(|c| c.type_ != kind);
    }

    fn progressing(&mut self, reason: &str, message: &str) {
        self.set("Reconciling", "True", reason, message);
        self.clear("Stalled");
    }

    /// Before the first verdict every condition is there, and unknown.
    pub fn unread(&mut self, has_destination: bool) {
        self.set("Inspected", "Unknown", "NotInspected", "The image was not read yet");
        self.set("Compliant", "Unknown", "NotInspected", "The image was not read yet");
        if has_destination {
            self.set("Converted", "Unknown", "NotJudged", "Only a compliant image is copied");
        }
    }

    /// Waits for a slot.
    pub fn queued(&mut self, stage: Stage) {
        let message = format!("Waits for a free worker before {}", stage.doing().to_lowercase());
        self.set("Ready", "Unknown", "Queued", &message);
        self.progressing("Progressing", &message);
        self.status.progress = None;
    }

    /// `spec.suspend`.
    pub fn suspended(&mut self) {
        self.set("Ready", "Unknown", "Suspended", "No work is started while `spec.suspend` is true");
        self.clear("Reconciling");
        self.clear("Stalled");
        self.status.progress = None;
    }

    /// A worker runs.
    pub fn working(&mut self, stage: Stage) {
        let message = match stage {
            Stage::Inspect => "A worker reads the image",
            Stage::Convert => "A worker copies the image",
        };
        self.set("Ready", "Unknown", stage.doing(), message);
        self.progressing("Progressing", message);
    }

    /// Does not work now, for one of the reasons of [`reason::REASONS`].
    pub fn failing(&mut self, reason: &str, message: &str) {
        let since = self.failing_since().map_or(self.now, |(since, ..)| since);
        self.set("Ready", "False", reason, message);
        let stalled = match reason::class(reason) {
            Some(Class::Retry) => false,
            Some(Class::Grace) => self.now.duration_since(since) >= self.grace,
            Some(Class::Slow | Class::Terminal) | None => true,
        };
        if stalled {
            self.set("Stalled", "True", reason, message);
            self.clear("Reconciling");
        } else {
            self.progressing("ProgressingWithRetry", message);
        }
        self.status.progress = None;
    }

    /// Refused by its verdict: `Rejected` or `Undetermined`, until something changes.
    pub fn refused(&mut self, code: &str, message: &str, stalled: &str) {
        self.set("Ready", "False", code, message);
        self.set("Stalled", "True", stalled, message);
        self.clear("Reconciling");
        self.status.progress = None;
    }

    /// Done: `Checked` or `Imported`.
    pub fn done(&mut self, reason: &str, message: &str) {
        self.set("Ready", "True", reason, message);
        self.clear("Reconciling");
        self.clear("Stalled");
        self.status.progress = None;
    }
}

/// What may stand in a condition: no control characters, no query strings of addresses (they may be signed), at most 512
/// bytes, cut at a character.
pub fn sanitise(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut out = String::with_capacity(clean.len());
    for (i, word) in clean.split(' ').enumerate() {
        if i > 0 {
            out.push(' ');
        }
        match word.split_once("://").and_then(|_| word.split_once('?')) {
            Some((address, query)) => {
                out.push_str(address);
                out.push_str(&query[query.find(['"', '\'', ')', ',']).unwrap_or(query.len())..]);
            }
            None => out.push_str(word),
        }
    }
    if out.len() > MESSAGE_BYTES {
        let mut end = MESSAGE_BYTES - '…'.len_utf8();
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_a_condition_is_harmless() {
        assert_eq!(sanitise("Get \"https://h/k?X-Amz-Signature=abc\": no\nanswer"), "Get \"https://h/k\": no answer");
        assert_eq!(sanitise("why? because"), "why? because");
        let long = sanitise(&"ä".repeat(600));
        assert!(long.len() <= MESSAGE_BYTES && long.ends_with('…'));
    }
}
