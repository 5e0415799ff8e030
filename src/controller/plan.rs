//! What to do next for an import: a pure function of the import, its profile, its Jobs and the moment.
//!
//! A plan is a status to write and at most one act. Whatever is acted on stands in the status first, so that a controller
//! that dies between any two steps finds its way by asking again.

mod world;

use jiff::{SignedDuration, Timestamp};

use super::key::{self, Stage, VerdictKey};
use super::managers;
use super::moment::Draft;
use super::outcome::Outcome;
use super::reason::{self, Class};
use super::work::{self, Work};
use crate::api::conditions::{COMPLIANT, CONVERTED, INSPECTED, READY, STALLED, Status, reason as word};
use crate::api::{Format, SYSTEM_DISK, SourceIdentity};
use crate::inspect::Facts;

/// Jobs that finished without a result before the import stalls: the first and three more.
const MAX_LOST: i32 = 3;
/// How long an old Job object may stand in the way of the next one.
pub const GONE_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Longest entity tag that is kept: those of stores have 32 digits and a count of parts.
const ETAG_MAX: usize = 128;
/// Places in the line that are told as they change, each minute.
const FOLLOWED: i32 = 20;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// How often a running worker is looked at, for its progress and for what no event tells.
pub const TICK: SignedDuration = SignedDuration::from_secs(5);

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
        if let Some((Stage::Convert, work)) = work::in_flight(&self.draft.status) {
            return self.observe(Stage::Convert, &work);
        }
        if self.draft.condition(INSPECTED).is_none() {
            self.draft.unread(import.spec.destination.is_some());
        }
        if let Some(requested) = import.requested_at() {
            self.draft.status.last_handled_request_at = Some(requested);
        }
        let key = key::inspection(&import.spec, self.draft.status.last_handled_request_at.as_deref());
        if let Some((_, work)) = work::in_flight(&self.draft.status) {
            if work.job_name == Some(self.name(Stage::Inspect, &key, work.attempt)) {
                return self.observe(Stage::Inspect, &work);
            }
            // The way to the object, or the password, changed while it was read: what comes of that reading is not wanted.
            self.draft.disk().inspection = None;
            self.changed = true;
        }
        let stored = import.status.as_ref().and_then(|s| s.disks.iter().find(|d| d.name == SYSTEM_DISK));
        if stored.and_then(|d| d.inspection.as_ref()).and_then(|i| i.key.as_ref()) == Some(&key) {
            self.judged(&key)
        } else {
            self.read(&key, true)
        }
    }

    /// A Job was noted, and its result was not.
    fn observe(&mut self, stage: Stage, work: &Work) -> Plan {
        let mut work = work.clone();
        let now = self.draft.now();
        match self.world.outcome.clone().unwrap_or(Outcome::Pending) {
            Outcome::Facts(text, facts) => {
                work.completed = Some(now);
                work::set(&mut self.draft, stage, &work);
                note_facts(&mut self.draft, &facts);
                self.draft.status.verdict_key = None;
                let handled = self.draft.status.last_handled_request_at.clone();
                let key = key::inspection(&self.world.import.spec, handled.as_deref());
                self.act(Act::KeepFacts { text, key })
            }
            Outcome::Written(written) => {
                work.completed = Some(now);
                work::set(&mut self.draft, stage, &work);
                let as_it_is = self.other_format().is_none() && written.virtual_size_bytes.is_none();
                let size = self.source().map(|s| s.size_bytes).filter(|_| as_it_is);
                let sized = size.is_none_or(|size| i64::try_from(written.bytes) == Ok(size));
                if Some(&written.url) != self.world.own_url.as_ref() || !sized {
                    let message = "The worker reported another object than it was told to write";
                    return self.fail(word::INTERNAL_ERROR, message);
                }
                if let Some(conversion) = &mut self.draft.disk().conversion {
                    conversion.url = Some(written.url);
                    conversion.checksum = Some(written.checksum);
                    conversion.etag = written.etag.filter(|etag| etag.len() <= ETAG_MAX);
                    conversion.bytes_written = i64::try_from(written.bytes).ok();
                    conversion.virtual_size_bytes = written.virtual_size_bytes.and_then(|n| i64::try_from(n).ok());
                }
                self.draft.set(CONVERTED, Status::True, word::WRITTEN, "");
                self.act(Act::Publish)
            }
            Outcome::Refused(refusal) => {
                work.completed = Some(now);
                work::set(&mut self.draft, stage, &work);
                self.fail(reason::known(&refusal.reason), &refusal.message)
            }
            Outcome::ResultLost(why) => {
                work.completed = Some(now);
                work.lost += 1;
                work::set(&mut self.draft, stage, &work);
                if work.lost > MAX_LOST {
                    let message = format!("{} Jobs left no result, the last because {why}", work.lost);
                    return self.fail(word::RESULT_LOST, &message);
                }
                self.draft.working(stage);
                self.rest(Some(SignedDuration::from_secs(1)))
            }
            Outcome::Failed(reason, message) => {
                work.completed = Some(now);
                work::set(&mut self.draft, stage, &work);
                self.fail(reason, &message)
            }
            _ if self.world.import.spec.suspend => {
                work.completed = Some(now);
                work::set(&mut self.draft, stage, &work);
                self.suspended()
            }
            Outcome::Waiting(reason, message, since) => {
                self.draft.failing(reason, &message);
                let left = self.world.times.pending_timeout - self.world.now.duration_since(since);
                if left > SignedDuration::ZERO {
                    return Plan { slot: true, ..self.rest(Some(left.min(TICK))) };
                }
                work.completed = Some(now);
                work::set(&mut self.draft, stage, &work);
                self.rest(Some(self.delay(reason, &work)))
            }
            Outcome::Pending => {
                // Until the worker runs, nothing says that what failed before is mended.
                match self.draft.failing_since().map(|(_, r, m)| (r.to_owned(), m.to_owned())) {
                    Some((reason, message)) if reason::class(&reason).is_some() => {
                        self.draft.failing(&reason, &message);
                    }
                    Some(_) => {}
                    None => self.draft.working(stage),
                }
                Plan { slot: true, ..self.rest(Some(TICK)) }
            }
            // None of an import's stages deletes or notifies.
            Outcome::Running | Outcome::Deleted | Outcome::Notified => {
                self.draft.working(stage);
                if let Some(progress) = &self.world.progress {
                    self.draft.status.progress = Some(progress.clone());
                }
                Plan { slot: true, ..self.rest(Some(TICK)) }
            }
        }
    }

    /// Facts are stored for this key.
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

    /// Nothing is left to cancel: it is checked, or its copy is written.
    fn complete(&self) -> bool {
        let checked = self.draft.condition(READY).is_some_and(|c| c.status == "True");
        self.written() || checked || matches!(self.world.outcome, Some(Outcome::Written(_)))
    }

    fn written(&self) -> bool {
        self.draft.status.disks.iter().filter_map(|d| d.conversion.as_ref()).any(|c| c.url.is_some())
    }

    fn cancelled(&mut self) -> Plan {
        while let Some((stage, work)) = work::in_flight(&self.draft.status) {
            let completed = Some(self.draft.now());
            work::set(&mut self.draft, stage, &Work { completed, ..work });
        }
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
        let has_destination = self.world.import.spec.destination.is_some();
        if self.compliant() && !has_destination {
            self.draft.done(word::CHECKED, "The image complies with its profile");
            return self.rest(self.next_expiry());
        }
        if self.source().is_none() {
            let handled = self.draft.status.last_handled_request_at.clone();
            return self.read(&key::inspection(&self.world.import.spec, handled.as_deref()), false);
        }
        self.rest(self.next_expiry())
    }

    /// Reads the object: for the first time, or (`new` unset) because it could not be reached last time.
    fn read(&mut self, key: &str, new: bool) -> Plan {
        let spec = &self.world.import.spec;
        if new {
            self.draft.set(INSPECTED, Status::Unknown, "NotInspected", "The image was not read yet");
            self.draft.status.verdict_key = None;
        }
        if spec.suspend {
            return self.suspended();
        }
        if let Some((wanted, found)) = self.other_format().filter(|(wanted, _)| wanted == Format::Vmdk.name()) {
            return self.unsupported(&wanted, &found);
        }
        match &self.world.profile {
            Profile::Usable(_) => self.attempt(Stage::Inspect, key),
            Profile::Problem(reason, message) if new => self.fail(reason, message),
            Profile::Problem(..) => self.rest(None),
        }
    }

    /// Copies the judged image, or publishes the copy.
    fn copy(&mut self) -> Plan {
        let conflict = self.draft.failing_since().is_some_and(|(_, reason, _)| reason == word::NAME_CONFLICT);
        if conflict && !self.changed {
            return self.rest(None);
        }
        if self.written() {
            return self.act(Act::Publish);
        }
        if self.world.import.spec.suspend {
            return self.suspended();
        }
        if let Some((wanted, found)) = self.other_format().filter(|(wanted, _)| wanted == Format::Vmdk.name()) {
            return self.unsupported(&wanted, &found);
        }
        let Some(source) = self.source() else { return self.rest(None) };
        let key = key::conversion(self.world.import, &source);
        self.attempt(Stage::Convert, &key)
    }

    /// The next Job of a stage: at once, after a while, or never.
    fn attempt(&mut self, stage: Stage, key: &str) -> Plan {
        let mut work = work::of(&self.draft.status, stage);
        if work.job_name.as_deref() != Some(self.name(stage, key, work.attempt).as_str()) {
            work = Work::default();
        }
        let failing = self.draft.failing_since().map(|(_, r, m)| (r.to_owned(), m.to_owned()));
        let failed = failing.filter(|_| work.attempt > 0 && work.completed.is_some() && !self.changed);
        if let Some((reason, message)) = &failed {
            if reason::class(reason).is_some() {
                self.draft.failing(reason, message);
            }
            if reason::class(reason) == Some(Class::Terminal) {
                return self.rest(None);
            }
            let since = work.completed.as_ref().map_or(self.world.now, |t| t.0);
            let left = self.delay(reason, &work) - self.world.now.duration_since(since);
            if left > SignedDuration::ZERO {
                return self.rest(Some(left.min(self.grace_left().unwrap_or(left))));
            }
        }
        if failed.is_none() {
            self.draft.queued(stage);
        }
        if self.world.jobs.iter().any(|job| !given_up(job, self.world.now)) {
            // Its end is an event; the time is for a node that never lets go.
            return Plan { slot: true, ..self.rest(Some(GONE_AFTER)) };
        }
        let mut attempt = work.attempt + 1;
        while self.world.jobs.iter().any(|job| job.name == self.name(stage, key, attempt)) {
            attempt += 1;
        }
        if !self.world.slot {
            return self.in_line();
        }
        let name = self.name(stage, key, attempt);
        let mut plan = self.act(Act::Start { stage, name, attempt, lost: work.lost });
        plan.slot = true;
        if failed.is_none() {
            plan.draft.working(stage);
        }
        plan
    }

    /// Waits for a slot, which an event tells of. Places far behind are not followed: each that moves is a write.
    fn in_line(&mut self) -> Plan {
        let place = self.world.place.and_then(|place| i32::try_from(place).ok());
        let near = place.is_some_and(|place| place <= FOLLOWED);
        let stored = self.world.import.status.as_ref().and_then(|s| s.queue_position);
        self.draft.status.queue_position = if near { place } else { stored.filter(|s| *s > FOLLOWED).or(place) };
        let again = if near { MINUTE } else { MINUTE * 10 };
        Plan { slot: true, ..self.rest(Some(again)) }
    }

    /// The record exists: nothing is judged any more.
    fn imported(&mut self) -> Plan {
        let import = self.world.import;
        if let Some(requested) = import.requested_at() {
            self.draft.status.last_handled_request_at = Some(requested);
        }
        self.draft.done(word::IMPORTED, "The image is in the store");
        let status = import.status.as_ref();
        let disk = status.and_then(|s| s.disks.iter().find(|d| d.name == SYSTEM_DISK));
        let facts_key = disk.and_then(|d| d.inspection.as_ref()).and_then(|i| i.key.as_deref()).unwrap_or_default();
        if let (Profile::Usable(profile), Some(last)) =
            (&self.world.profile, self.draft.status.verdict_key.as_deref().and_then(VerdictKey::parse))
        {
            // Waivers count as they did when the copy began.
            let began = disk.and_then(|d| d.conversion.as_ref()).and_then(|c| c.start_time.as_ref());
            let now = VerdictKey::new(import, facts_key, profile, began.map_or(self.world.now, |t| t.0));
            let fresh = status.and_then(|s| s.report.as_ref()).is_some_and(|r| !r.stale);
            if fresh && !(last.same_inputs(&now) && last.same_rules(&now)) {
                return self.act(Act::MarkStale);
            }
        }
        self.rest(None)
    }

    /// The format that is asked for and the one that is there, where they differ.
    fn other_format(&self) -> Option<(String, String)> {
        let spec = &self.world.import.spec;
        let wanted = spec.destination.as_ref()?.format?.name();
        let disk = self.world.import.status.as_ref().and_then(|s| s.disks.iter().find(|d| d.name == SYSTEM_DISK));
        let seen =
            disk.filter(|_| self.source().is_some()).and_then(|d| d.image.as_ref()).and_then(|i| i.format.clone());
        let found = seen.or_else(|| spec.source.format.map(|f| f.name().to_owned()))?;
        (found != wanted).then(|| (wanted.to_owned(), found))
    }

    fn unsupported(&mut self, wanted: &str, found: &str) -> Plan {
        let message = format!(
            "The image is {found}, and {wanted} is not written: set `spec.destination.format` to RAW, QCOW2 or VHD, or leave it out"
        );
        self.fail(word::CONVERSION_NOT_SUPPORTED, &message)
    }

    fn source(&self) -> Option<SourceIdentity> {
        self.draft.status.disks.iter().find(|d| d.name == SYSTEM_DISK).and_then(|d| d.source.clone())
    }

    fn name(&self, stage: Stage, key: &str, attempt: i32) -> String {
        let meta = &self.world.import.metadata;
        let name = meta.name.as_deref().unwrap_or_default();
        key::job_name(name, meta.uid.as_deref().unwrap_or_default(), SYSTEM_DISK, stage, key, attempt)
    }

    /// How long after a failed attempt the next one is made.
    fn delay(&self, reason: &str, work: &Work) -> SignedDuration {
        let retries = u32::try_from(work.attempt - work.lost - 1).unwrap_or_default();
        let fast = doubled(SignedDuration::from_mins(1), retries, SignedDuration::from_mins(30));
        let slow = |n| doubled(SignedDuration::from_mins(15), n, SignedDuration::from_hours(2));
        match reason::class(reason) {
            Some(Class::Retry) => fast,
            Some(Class::Grace) => match self.draft.condition(STALLED) {
                None => fast,
                Some(stalled) => {
                    // The slow retries so far: they were made 15, 45, 105 ... minutes after it stalled.
                    let ended = work.completed.as_ref().map_or(self.world.now, |t| t.0);
                    let minutes = ended.duration_since(stalled.last_transition_time.0).as_mins().max(0);
                    slow(((minutes / 15) + 1).ilog2())
                }
            },
            _ => slow(retries),
        }
    }

    /// Time until the grace period is over, when one is running.
    fn grace_left(&self) -> Option<SignedDuration> {
        let (since, reason, _) = self.draft.failing_since()?;
        let left = self.world.times.grace - self.world.now.duration_since(since);
        (reason::class(reason) == Some(Class::Grace) && left > SignedDuration::ZERO).then_some(left)
    }

    /// Time until the next waiver expires: only what was checked looks at waivers by itself.
    fn next_expiry(&self) -> Option<SignedDuration> {
        let now = self.draft.now().0;
        let times = self.world.import.spec.waivers.iter().filter_map(|w| w.expiration_time.as_ref());
        times.map(|t| t.0.duration_since(now)).filter(SignedDuration::is_positive).min().filter(|_| self.compliant())
    }

    fn fail(&mut self, reason: &str, message: &str) -> Plan {
        self.draft.failing(reason, message);
        let again = match work::latest(&self.draft.status) {
            Some(work) if matches!(reason::class(reason), Some(c) if c != Class::Terminal) => {
                Some(self.delay(reason, &work))
            }
            _ => None,
        };
        let grace = self.grace_left();
        self.rest(match (again, grace) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        })
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

/// `first` x 2^`n`, at most `cap`.
fn doubled(first: SignedDuration, n: u32, cap: SignedDuration) -> SignedDuration {
    first.checked_mul(1_i32.checked_shl(n.min(20)).unwrap_or(i32::MAX)).unwrap_or(cap).min(cap)
}

/// Puts into the status what facts say of the object. One that was not reached has no identity: its address can be mended.
pub fn note_facts(draft: &mut Draft, facts: &Facts) {
    use crate::inspect::facts::Access;
    let size = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let source = (facts.source.access == Access::Reached).then(|| SourceIdentity {
        etag: facts.source.etag.clone(),
        version_id: facts.source.version_id.clone(),
        size_bytes: size(facts.source.size_bytes),
        last_modified: facts.source.last_modified.clone(),
    });
    let disk = draft.disk();
    if disk.source.as_ref().map(key::identity) != source.as_ref().map(key::identity) {
        disk.conversion = None;
    }
    disk.source = source;
    let inspection = disk.inspection.get_or_insert_default();
    inspection.bytes_read = Some(size(facts.reads.bytes));
    inspection.requests = Some(size(facts.reads.requests));
}

#[cfg(test)]
mod tests;
