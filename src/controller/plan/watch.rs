//! What becomes of a Job that was noted.

use jiff::SignedDuration;

use super::{Act, Plan, Planner, TICK};
use crate::api::conditions::{CONVERTED, Status, reason as word};
use crate::api::{Conversion, SourceIdentity};
use crate::controller::key;
use crate::controller::moment::Draft;
use crate::controller::outcome::Outcome;
use crate::controller::reason;
use crate::controller::work::{self, Task, Work};
use crate::inspect::Facts;
use crate::inspect::wire::Written;

/// Jobs that finished without a result before the import stalls: the first and three more.
const MAX_LOST: i32 = 3;
/// Longest entity tag that is kept: those of stores have 32 digits and a count of parts.
const ETAG_MAX: usize = 128;

impl Planner<'_> {
    /// A Job was noted, and its result was not.
    pub(super) fn observe(&mut self, task: &Task, work: &Work) -> Plan {
        let mut work = work.clone();
        let now = self.draft.now();
        match self.world.outcome.clone().unwrap_or(Outcome::Pending) {
            Outcome::Facts(text, facts) => {
                work.completed = Some(now);
                work::set(&mut self.draft, task, &work);
                note_facts(&mut self.draft, &task.disk, &facts);
                self.draft.status.verdict_key = None;
                let key = self.reading(&task.disk).unwrap_or_default();
                self.act(Act::KeepFacts { disk: task.disk.clone(), text, key })
            }
            Outcome::Written(written) => {
                work.completed = Some(now);
                work::set(&mut self.draft, task, &work);
                let as_it_is = self.other_format(&task.disk).is_none() && written.virtual_size_bytes.is_none();
                let size = self.source(&task.disk).map(|s| s.size_bytes).filter(|_| as_it_is);
                let sized = size.is_none_or(|size| i64::try_from(written.bytes) == Ok(size));
                if Some(&written.url) != self.world.own_url.as_ref() || !sized {
                    let message = "The worker reported another object than it was told to write";
                    return self.fail(word::INTERNAL_ERROR, message);
                }
                if let Some(conversion) = &mut self.draft.disk(&task.disk).conversion {
                    note_written(conversion, written);
                }
                if !self.written() {
                    // The next disk.
                    return self.rest(Some(SignedDuration::from_secs(1)));
                }
                self.draft.set(CONVERTED, Status::True, word::WRITTEN, "");
                self.act(Act::Publish)
            }
            Outcome::Refused(refusal) => {
                work.completed = Some(now);
                work::set(&mut self.draft, task, &work);
                self.fail(reason::known(&refusal.reason), &refusal.message)
            }
            Outcome::ResultLost(why) => {
                work.completed = Some(now);
                work.lost += 1;
                work::set(&mut self.draft, task, &work);
                if work.lost > MAX_LOST {
                    let message = format!("{} Jobs left no result, the last because {why}", work.lost);
                    return self.fail(word::RESULT_LOST, &message);
                }
                self.draft.working(task.stage);
                self.rest(Some(SignedDuration::from_secs(1)))
            }
            Outcome::Failed(reason, message) => {
                work.completed = Some(now);
                work::set(&mut self.draft, task, &work);
                self.fail(reason, &message)
            }
            _ if self.world.import.spec.suspend => {
                work.completed = Some(now);
                work::set(&mut self.draft, task, &work);
                self.suspended()
            }
            Outcome::Waiting(reason, message, since) => {
                self.draft.failing(reason, &message);
                let left = self.world.times.pending_timeout - self.world.now.duration_since(since);
                if left > SignedDuration::ZERO {
                    return Plan { slot: true, ..self.rest(Some(left.min(TICK))) };
                }
                work.completed = Some(now);
                work::set(&mut self.draft, task, &work);
                self.rest(Some(self.delay(reason, &work)))
            }
            Outcome::Pending => {
                // Until the worker runs, nothing says that what failed before is mended.
                match self.draft.failing_since().map(|(_, r, m)| (r.to_owned(), m.to_owned())) {
                    Some((reason, message)) if reason::class(&reason).is_some() => {
                        self.draft.failing(&reason, &message);
                    }
                    Some(_) => {}
                    None => self.draft.working(task.stage),
                }
                Plan { slot: true, ..self.rest(Some(TICK)) }
            }
            // None of an import's stages deletes or notifies.
            Outcome::Running | Outcome::Deleted | Outcome::Notified => {
                self.draft.working(task.stage);
                if let Some(progress) = &self.world.progress {
                    self.draft.status.progress = Some(progress.clone());
                }
                Plan { slot: true, ..self.rest(Some(TICK)) }
            }
        }
    }
}

/// Puts into a conversion what was written.
pub fn note_written(conversion: &mut Conversion, written: Written) {
    let number = |n: u64| i64::try_from(n).ok();
    conversion.url = Some(written.url);
    conversion.checksum = Some(written.checksum);
    conversion.etag = written.etag.filter(|etag| etag.len() <= ETAG_MAX);
    conversion.bytes_written = number(written.bytes);
    conversion.virtual_size_bytes = written.virtual_size_bytes.and_then(number);
}

/// Puts into the status what facts say of a disk's object. One that was not reached has no identity: its address can be mended.
pub fn note_facts(draft: &mut Draft, disk: &str, facts: &Facts) {
    use crate::inspect::facts::Access;
    let size = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let source = (facts.source.access == Access::Reached).then(|| SourceIdentity {
        etag: facts.source.etag.clone(),
        version_id: facts.source.version_id.clone(),
        size_bytes: size(facts.source.size_bytes),
        last_modified: facts.source.last_modified.clone(),
    });
    let disk = draft.disk(disk);
    if disk.source.as_ref().map(key::identity) != source.as_ref().map(key::identity) {
        disk.conversion = None;
    }
    disk.source = source;
    let inspection = disk.inspection.get_or_insert_default();
    inspection.bytes_read = Some(size(facts.reads.bytes));
    inspection.requests = Some(size(facts.reads.requests));
}
