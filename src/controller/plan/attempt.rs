//! When the next Job is made: at once, after a while, or never.

use jiff::SignedDuration;

use super::{Act, GONE_AFTER, Plan, Planner, given_up};
use crate::api::conditions::STALLED;
use crate::controller::reason::{self, Class};
use crate::controller::work::{self, Task, Work};

/// Places in the line that are told as they change, each minute.
const FOLLOWED: i32 = 20;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

impl Planner<'_> {
    /// The next Job of a task: at once, after a while, or never.
    pub(super) fn attempt(&mut self, task: &Task, key: &str) -> Plan {
        let mut work = work::of(&self.draft.status, task);
        if work.job_name.as_deref() != Some(self.name(task, key, work.attempt).as_str()) {
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
            self.draft.queued(task.stage);
        }
        if self.world.jobs.iter().any(|job| !given_up(job, self.world.now)) {
            // Its end is an event; the time is for a node that never lets go.
            return Plan { slot: true, ..self.rest(Some(GONE_AFTER)) };
        }
        let mut attempt = work.attempt + 1;
        while self.world.jobs.iter().any(|job| job.name == self.name(task, key, attempt)) {
            attempt += 1;
        }
        if !self.world.slot {
            return self.in_line();
        }
        let name = self.name(task, key, attempt);
        let mut plan = self.act(Act::Start { task: task.clone(), name, attempt, lost: work.lost });
        plan.slot = true;
        if failed.is_none() {
            plan.draft.working(task.stage);
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

    pub(super) fn fail(&mut self, reason: &str, message: &str) -> Plan {
        self.draft.failing(reason, message);
        if reason::class(reason) == Some(Class::Terminal) {
            self.drop_copies();
        }
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

    /// How long after a failed attempt the next one is made.
    pub(super) fn delay(&self, reason: &str, work: &Work) -> SignedDuration {
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
    pub(super) fn grace_left(&self) -> Option<SignedDuration> {
        let (since, reason, _) = self.draft.failing_since()?;
        let left = self.world.times.grace - self.world.now.duration_since(since);
        (reason::class(reason) == Some(Class::Grace) && left > SignedDuration::ZERO).then_some(left)
    }

    /// Time until the next waiver expires: only what was checked looks at waivers by itself.
    pub(super) fn next_expiry(&self) -> Option<SignedDuration> {
        let now = self.draft.now().0;
        let times = self.world.import.spec.waivers.iter().filter_map(|w| w.expiration_time.as_ref());
        times.map(|t| t.0.duration_since(now)).filter(SignedDuration::is_positive).min().filter(|_| self.compliant())
    }
}

/// `first` x 2^`n`, at most `cap`.
pub(super) fn doubled(first: SignedDuration, n: u32, cap: SignedDuration) -> SignedDuration {
    first.checked_mul(1_i32.checked_shl(n.min(20)).unwrap_or(i32::MAX)).unwrap_or(cap).min(cap)
}
