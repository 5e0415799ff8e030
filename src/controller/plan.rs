//! What to do next for an import: a pure function of the import, its profile, its Jobs and the moment.
//!
//! A plan is a status to write and at most one act. Whatever is acted on stands in the status first, so that a controller
//! that dies between any two steps finds its way by asking again.

mod attempt;
mod watch;
mod world;

use jiff::{SignedDuration, Timestamp};

use super::key::{self, Stage, VerdictKey};
use super::managers;
use super::moment::Draft;
use super::outcome::Outcome;
use super::reason::{self, Class};
use super::work::{self, Task, Work};
use crate::api::conditions::{COMPLIANT, INSPECTED, READY, Status, reason as word};
use crate::api::{Deletion, DiskStatus, Format, SYSTEM_DISK, SourceIdentity};

/// How long an old Job object may stand in the way of the next one.
pub const GONE_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// How often a running worker is looked at, for its progress and for what no event tells.
pub const TICK: SignedDuration = SignedDuration::from_secs(5);

pub use watch::{note_facts, note_written};
pub use world::{Act, JobSeen, Plan, Profile, Times, World};

/// Decides.
pub fn plan(world: &World) -> Plan {
    let mut planner = Planner {
        world,
        draft: Draft::of(world.import, world.now, world.times.grace),
        changed: world.import.status.as_ref().and_then(|s| s.observed_generation) != world.import.metadata.generation,
    };
    let mut plan = planner.decide();
    let busy = work::in_flight(&plan.draft.status).and_then(|(_, work)| work.job_uid);
    let kept = plan.act == Act::Rest
        && plan.draft.failing_since().is_some_and(|(_, r, _)| reason::KEPT_FOR_ITS_LOG.contains(&r));
    for job in &world.jobs {
        if Some(&job.uid) != busy.as_ref() && job.deleting_since.is_none() && !(kept && job.finished && !plan.slot) {
            plan.discard.push((job.name.clone(), job.uid.clone()));
        }
        plan.slot |= !job.finished && !given_up(job, world.now);
    }
    plan
}

/// True for a Job that has been going for so long that nothing waits for its end any more.
pub fn given_up(job: &JobSeen, now: Timestamp) -> bool {
    job.deleting_since.is_some_and(|since| now.duration_since(since) > GONE_AFTER)
}

struct Planner<'a> {
    world: &'a World<'a>,
    draft: Draft,
    /// The spec changed since the status was written.
    changed: bool,
}

impl Planner<'_> {
    fn decide(&mut self) -> Plan {
        let import = self.world.import;
        if self.draft.status.custom_image_ref.is_some() {
            return self.imported();
        }
        self.draft.status.queue_position = None;
        if import.spec.cancel && !self.complete() {
            return self.cancelled();
        }
        if let Some((task, work)) = work::in_flight(&self.draft.status).filter(|(t, _)| t.stage == Stage::Convert) {
            return self.observe(&task, &work);
        }
        self.draft.only_disks_of(&import.spec);
        if self.draft.condition(INSPECTED).is_none() {
            self.draft.unread(import.spec.destination.is_some());
        }
        if let Some(requested) = import.requested_at() {
            self.draft.status.last_handled_request_at = Some(requested);
        }
        if let Some((task, work)) = work::in_flight(&self.draft.status) {
            let key = self.reading(&task.disk).unwrap_or_default();
            if work.job_name == Some(self.name(&task, &key, work.attempt)) {
                return self.observe(&task, &work);
            }
            // The way to the object, or the password, changed while it was read: what comes of that reading is not wanted.
            self.draft.disk(&task.disk).inspection = None;
            self.changed = true;
        }
        let mut keys = vec![];
        for disk in import.spec.disks() {
            let key = self.reading(disk.name).unwrap_or_default();
            if import.disk(disk.name).and_then(|d| d.inspection.as_ref()?.key.as_ref()) != Some(&key) {
                return self.read(disk.name, true);
            }
            keys.push(key);
        }
        // What was judged when the first disk was copied holds for all.
        let left = self.unwritten().count();
        if self.pending_copy() && left > 0 && left < keys.len() {
            return self.copy();
        }
        self.judged(&key::readings(&keys))
    }

    /// The key of a disk's reading that is wanted.
    fn reading(&self, disk: &str) -> Option<String> {
        let spec = &self.world.import.spec;
        Some(key::inspection(spec, spec.disk(disk)?, self.draft.status.last_handled_request_at.as_deref()))
    }

    /// Facts of all disks are stored, for this key.
    fn judged(&mut self, facts_key: &str) -> Plan {
        let import = self.world.import;
        let last = self.draft.status.verdict_key.as_deref().and_then(VerdictKey::parse);
        let profile = match &self.world.profile {
            Profile::Usable(profile) => profile,
            // A verdict outlives its profile; a new one cannot be made without it.
            Profile::Problem(..) if last.is_some() && !self.changed && !self.pending_copy() => return self.at_rest(),
            Profile::Problem(reason, message) => {
                self.draft.status.verdict_key = None;
                return self.fail(reason, message);
            }
        };
        // The moment as the judgement reads it, or a waiver could count in the one and not in the other.
        let key = VerdictKey::new(import, facts_key, profile, self.draft.now().0);
        let checked = self.draft.condition(READY).is_some_and(|c| c.status == "True");
        let valid = last.as_ref().is_some_and(|last| last.same_inputs(&key) && (checked || last.same_rules(&key)));
        if !valid {
            return self.act(Act::Judge { key, facts_key: facts_key.to_owned(), again: last.is_some() });
        }
        if self.pending_copy() { self.copy() } else { self.at_rest() }
    }

    /// Nothing is left to cancel: it is checked, or its copies are written.
    fn complete(&self) -> bool {
        let checked = self.draft.condition(READY).is_some_and(|c| c.status == "True");
        let last =
            work::in_flight(&self.draft.status).filter(|_| matches!(self.world.outcome, Some(Outcome::Written(_))));
        checked || self.unwritten().all(|disk| last.as_ref().is_some_and(|(task, _)| task.disk == disk))
    }

    /// The disks without a copy.
    fn unwritten(&self) -> impl Iterator<Item = &str> {
        let url = |disk: &str| self.draft.status.disk(disk)?.conversion.as_ref()?.url.as_ref();
        self.world.import.spec.disks().map(|disk| disk.name).filter(move |disk| url(disk).is_none())
    }

    /// Every disk has its copy.
    fn written(&self) -> bool {
        self.unwritten().next().is_none()
    }

    /// An import that ends keeps none of its copies: all disks, or none.
    fn drop_copies(&mut self) {
        let copied =
            self.draft.status.disks.iter().any(|disk| disk.conversion.as_ref().is_some_and(|c| c.url.is_some()));
        self.draft.status.deletion = copied.then(Deletion::default);
    }

    fn cancelled(&mut self) -> Plan {
        while let Some((task, work)) = work::in_flight(&self.draft.status) {
            let completed = Some(self.draft.now());
            work::set(&mut self.draft, &task, &Work { completed, ..work });
        }
        self.drop_copies();
        let by = managers::setter(self.world.import, "cancel");
        self.draft.failing(word::CANCELLED, &format!("Cancelled{by}: make a new ImageImport to import the image"));
        self.rest(None)
    }

    fn compliant(&self) -> bool {
        self.draft.condition(COMPLIANT).is_some_and(|c| c.status == "True")
    }

    fn pending_copy(&self) -> bool {
        self.compliant() && self.world.import.spec.destination.is_some()
    }

    /// The verdict stands. An object that was not reached is looked for again from time to time.
    fn at_rest(&mut self) -> Plan {
        if !self.compliant() {
            self.drop_copies();
        }
        let has_destination = self.world.import.spec.destination.is_some();
        if self.compliant() && !has_destination {
            self.draft.done(word::CHECKED, "The image complies with its profile");
            return self.rest(self.next_expiry());
        }
        let unreached = self.world.import.spec.disks().find(|disk| self.source(disk.name).is_none());
        if let Some(disk) = unreached {
            return self.read(disk.name, false);
        }
        self.rest(self.next_expiry())
    }

    /// Reads a disk: for the first time, or (`new` unset) because its object could not be reached last time.
    fn read(&mut self, disk: &str, new: bool) -> Plan {
        let spec = &self.world.import.spec;
        if new {
            self.draft.set(INSPECTED, Status::Unknown, "NotInspected", "The image was not read yet");
            self.draft.status.verdict_key = None;
        }
        if spec.suspend {
            return self.suspended();
        }
        if let Some((wanted, found)) = self.not_written(disk) {
            return self.unsupported(&wanted, &found);
        }
        match &self.world.profile {
            Profile::Usable(_) => {
                let key = self.reading(disk).unwrap_or_default();
                self.attempt(&Task::new(disk, Stage::Inspect), &key)
            }
            Profile::Problem(reason, message) if new => self.fail(reason, message),
            Profile::Problem(..) => self.rest(None),
        }
    }

    /// Copies the judged image disk by disk, or publishes the copies.
    fn copy(&mut self) -> Plan {
        let stands = self.draft.failing_since().is_some_and(|(_, reason, _)| {
            reason == word::NAME_CONFLICT || self.written() && reason::class(reason) == Some(Class::Terminal)
        });
        if stands && !self.changed {
            return self.rest(None);
        }
        let Some(disk) = self.unwritten().next().map(str::to_owned) else { return self.act(Act::Publish) };
        if self.world.import.spec.suspend {
            return self.suspended();
        }
        if let Some((wanted, found)) = self.world.import.spec.disks().find_map(|disk| self.not_written(disk.name)) {
            return self.unsupported(&wanted, &found);
        }
        let Some(key) = key::conversion(self.world.import) else { return self.rest(None) };
        self.attempt(&Task::new(&disk, Stage::Convert), &key)
    }

    /// The record exists: nothing is judged any more.
    fn imported(&mut self) -> Plan {
        let import = self.world.import;
        if let Some(requested) = import.requested_at() {
            self.draft.status.last_handled_request_at = Some(requested);
        }
        self.draft.done(word::IMPORTED, "The image is in the store");
        let status = import.status.as_ref();
        let of = |disk: &DiskStatus| disk.inspection.as_ref().and_then(|i| i.key.clone()).unwrap_or_default();
        let keys: Vec<_> = import.spec.disks().filter_map(|disk| import.disk(disk.name).map(of)).collect();
        if let (Profile::Usable(profile), Some(last)) =
            (&self.world.profile, self.draft.status.verdict_key.as_deref().and_then(VerdictKey::parse))
        {
            // Waivers count as they did when the copy began.
            let began = import.disk(SYSTEM_DISK).and_then(|d| d.conversion.as_ref()?.start_time.as_ref());
            let now = VerdictKey::new(import, &key::readings(&keys), profile, began.map_or(self.world.now, |t| t.0));
            let fresh = status.and_then(|s| s.report.as_ref()).is_some_and(|r| !r.stale);
            if fresh && !(last.same_inputs(&now) && last.same_rules(&now)) {
                return self.act(Act::MarkStale);
            }
        }
        self.rest(None)
    }

    /// The format that is asked for and the one that is there, where they differ.
    fn other_format(&self, disk: &str) -> Option<(String, String)> {
        let import = self.world.import;
        let wanted = import.spec.destination.as_ref()?.format?.name();
        let seen = import.disk(disk).filter(|_| self.source(disk).is_some());
        let seen = seen.and_then(|d| d.image.as_ref()?.format.clone());
        let found = seen.or_else(|| import.spec.disk(disk)?.source.format.map(|f| f.name().to_owned()))?;
        (found != wanted).then(|| (wanted.to_owned(), found))
    }

    /// The same, where the one that is asked for is not written.
    fn not_written(&self, disk: &str) -> Option<(String, String)> {
        self.other_format(disk).filter(|(wanted, _)| wanted == Format::Vmdk.name())
    }

    fn unsupported(&mut self, wanted: &str, found: &str) -> Plan {
        let message = format!(
            "The image is {found}, and {wanted} is not written: set `spec.destination.format` to RAW, QCOW2 or VHD, or leave it out"
        );
        self.fail(word::CONVERSION_NOT_SUPPORTED, &message)
    }

    fn source(&self, disk: &str) -> Option<&SourceIdentity> {
        self.draft.status.disk(disk)?.source.as_ref()
    }

    fn name(&self, task: &Task, key: &str, attempt: i32) -> String {
        let meta = &self.world.import.metadata;
        let name = meta.name.as_deref().unwrap_or_default();
        key::job_name(name, meta.uid.as_deref().unwrap_or_default(), &task.disk, task.stage, key, attempt)
    }

    fn suspended(&mut self) -> Plan {
        self.draft.suspended(&managers::setter(self.world.import, "suspend"));
        self.rest(None)
    }

    fn rest(&self, again: Option<SignedDuration>) -> Plan {
        Plan { draft: self.draft.clone(), act: Act::Rest, again, slot: false, discard: vec![] }
    }

    fn act(&self, act: Act) -> Plan {
        Plan { draft: self.draft.clone(), act, again: None, slot: false, discard: vec![] }
    }
}

#[cfg(test)]
mod tests;
