//! The table of moments: what each moment of an import looks like in its lifecycle conditions.
//!
//! kstatus, Flux, Helm and Argo CD read Ready, Reconciling and Stalled. `Ready=False` alone means "in progress" to them, so
//! every end has `Stalled=True`; Reconciling and Stalled are present only while they are true.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::key::Stage;
use super::reason::{self, Class};
use crate::api::conditions::{
    COMPLIANT, CONVERTED, INSPECTED, LIFECYCLE, READY, RECONCILING, STALLED, Stamp, Status, find, reason as word,
};
use crate::api::{DiskStatus, ImageImport, ImageImportSpec, ImageImportStatus};

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

    /// A disk's entry, made when it is not there.
    pub fn disk(&mut self, name: &str) -> &mut DiskStatus {
        let disks = &mut self.status.disks;
        let at = disks.iter().position(|disk| disk.name == name).unwrap_or_else(|| {
            disks.push(DiskStatus { name: name.to_owned(), ..DiskStatus::default() });
            disks.len() - 1
        });
        &mut disks[at]
    }

    /// One entry for each disk of the spec, in its order, and none for others.
    pub fn only_disks_of(&mut self, spec: &ImageImportSpec) {
        let known = std::mem::take(&mut self.status.disks);
        for disk in spec.disks() {
            let entry = known.iter().find(|entry| entry.name == disk.name).cloned();
            let fresh = || DiskStatus { name: disk.name.to_owned(), ..DiskStatus::default() };
            self.status.disks.push(entry.unwrap_or_else(fresh));
        }
    }

    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        find(&self.status.conditions, kind)
    }

    /// Since when `Ready` is False, and why.
    pub fn failing_since(&self) -> Option<(Timestamp, &str, &str)> {
        let ready = self.condition(READY).filter(|c| c.status == "False")?;
        Some((ready.last_transition_time.0, &ready.reason, &ready.message))
    }

    /// Sets a condition; its time changes only with its status.
    pub fn set(&mut self, kind: &str, status: Status, reason: &str, message: &str) {
        let stamp =
            Stamp { stored: &self.status.conditions, now: Time(self.now), observed_generation: Some(self.generation) };
        let condition = stamp.condition(kind, status, reason, message);
        self.clear(kind);
        self.status.conditions.push(condition);
        self.status.conditions.sort_by_key(|c| LIFECYCLE.iter().position(|l| *l == c.type_));
    }

    /// Removes a condition.
    pub fn clear(&mut self, kind: &str) {
        self.status.conditions.retain(|c| c.type_ != kind);
    }

    fn progressing(&mut self, reason: &str, message: &str) {
        self.set(RECONCILING, Status::True, reason, message);
        self.clear(STALLED);
    }

    /// Before the first verdict every condition is there, and unknown.
    pub fn unread(&mut self, has_destination: bool) {
        self.set(INSPECTED, Status::Unknown, "NotInspected", "The image was not read yet");
        self.set(COMPLIANT, Status::Unknown, "NotInspected", "The image was not read yet");
        if has_destination {
            self.set(CONVERTED, Status::Unknown, "NotJudged", "Only a compliant image is copied");
        }
    }

    /// Why a compliant image is not in the store yet; nothing where it is, or where none is to be.
    fn unconverted(&mut self, status: Status, reason: &str, message: &str) {
        let is = |kind: &str, status: &str| self.condition(kind).is_some_and(|c| c.status == status);
        if is(INSPECTED, "True")
            && is(COMPLIANT, "True")
            && self.condition(CONVERTED).is_some()
            && !is(CONVERTED, "True")
        {
            self.set(CONVERTED, status, reason, message);
        }
    }

    /// Waits for a slot.
    pub fn queued(&mut self, stage: Stage) {
        let message = format!("Waits for a free worker before {}", stage.doing().to_lowercase());
        self.set(READY, Status::Unknown, word::QUEUED, &message);
        if stage == Stage::Convert {
            self.unconverted(Status::Unknown, word::QUEUED, &message);
        }
        self.progressing(word::PROGRESSING, &message);
        self.status.progress = None;
    }

    /// `spec.suspend`. `by`: who set it, and when.
    pub fn suspended(&mut self, by: &str) {
        let message = format!("No work is started while `spec.suspend` is true; set{by}");
        let message = if by.is_empty() { message.trim_end_matches("; set") } else { &message };
        self.set(READY, Status::Unknown, word::SUSPENDED, message);
        self.unconverted(Status::Unknown, word::SUSPENDED, message);
        self.clear(RECONCILING);
        self.clear(STALLED);
        self.status.progress = None;
    }

    /// A worker runs.
    pub fn working(&mut self, stage: Stage) {
        let message = match stage {
            Stage::Inspect => "A worker reads the image",
            Stage::Convert => "A worker copies the image",
            Stage::Delete => "A worker deletes the image",
            Stage::Notify => "A worker sends a notice",
        };
        self.set(READY, Status::Unknown, stage.doing(), message);
        if stage == Stage::Convert {
            self.unconverted(Status::Unknown, word::CONVERTING, message);
        }
        self.progressing(word::PROGRESSING, message);
    }

    /// Does not work now, for one of the reasons of [`reason::REASONS`].
    pub fn failing(&mut self, reason: &str, message: &str) {
        let since = self.failing_since().map_or(self.now, |(since, ..)| since);
        self.set(READY, Status::False, reason, message);
        self.unconverted(Status::False, reason, message);
        let stalled = match reason::class(reason) {
            Some(Class::Retry) => false,
            Some(Class::Grace) => self.now.duration_since(since) >= self.grace,
            Some(Class::Slow | Class::Terminal) | None => true,
        };
        if stalled {
            self.set(STALLED, Status::True, reason, message);
            self.clear(RECONCILING);
        } else {
            self.progressing(word::PROGRESSING_WITH_RETRY, message);
        }
        self.status.progress = None;
    }

    /// Refused by its verdict: `Rejected` or `Undetermined`, until something changes.
    pub fn refused(&mut self, code: &str, message: &str, stalled: &str) {
        self.set(READY, Status::False, code, message);
        self.set(STALLED, Status::True, stalled, message);
        self.clear(RECONCILING);
        self.status.progress = None;
    }

    /// Done: `Checked` or `Imported`.
    pub fn done(&mut self, reason: &str, message: &str) {
        self.set(READY, Status::True, reason, message);
        self.clear(RECONCILING);
        self.clear(STALLED);
        self.status.progress = None;
    }
}
