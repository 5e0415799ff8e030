//! What to do next for objects that are to be deleted: a pure function of what was noted, its Job and the moment.
//!
//! Whatever goes wrong, it ends: what holds on to the objects must not hold on for ever.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::Deletion;
use crate::api::conditions::reason as word;
use crate::controller::outcome::Outcome;
use crate::controller::plan::{GONE_AFTER, JobSeen, TICK, Times, given_up};

/// Attempts that may fail.
pub const ATTEMPTS: i32 = 3;
/// How long after the first failed attempt the next one is made; after the second, twice as long.
const RETRY: SignedDuration = SignedDuration::from_secs(15);

/// All that a decision rests on.
#[derive(Debug)]
pub struct World<'a> {
    /// What was noted.
    pub noted: Deletion,
    /// The Jobs of the same owner, by UID.
    pub jobs: Vec<JobSeen>,
    /// What became of the Job that was noted and whose end is not.
    pub outcome: Option<Outcome>,
    /// Who else has one of the objects.
    pub kept_for: Option<String>,
    /// The moment, in whole seconds.
    pub now: Timestamp,
    /// Times that decide.
    pub times: &'a Times,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Rest,
    /// Make the Job of this attempt, then note it.
    Start(i32),
    /// The objects are gone: let go.
    Done,
    /// The objects stay, for this reason: tell it, and let go.
    GiveUp(String),
}

/// What is to be noted, told and done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is to be noted.
    pub noted: Deletion,
    /// What to tell of it; `None`: as before.
    pub message: Option<String>,
    /// What to do.
    pub act: Act,
    /// Look again after.
    pub again: Option<SignedDuration>,
    /// Whether a slot is wanted or kept; otherwise it is given back.
    pub slot: bool,
    /// Jobs (name, UID) to delete once all this is written.
    pub discard: Vec<(String, String)>,
}

/// The UID of the Job whose end was not noted.
pub fn in_flight(noted: &Deletion) -> Option<&str> {
    noted.job_uid.as_deref().filter(|_| noted.completion_time.is_none())
}

/// Decides.
pub fn plan(world: &World) -> Plan {
    let mut plan = if in_flight(&world.noted).is_some() { observe(world) } else { next(world) };
    let busy = in_flight(&plan.noted).filter(|_| !matches!(plan.act, Act::Done | Act::GiveUp(_))).map(str::to_owned);
    for job in &world.jobs {
        if Some(&job.uid) != busy.as_ref() && job.deleting_since.is_none() {
            plan.discard.push((job.name.clone(), job.uid.clone()));
        }
        plan.slot |= !job.finished && !given_up(job, world.now);
    }
    plan
}

/// A Job was noted, and its end was not.
fn observe(world: &World) -> Plan {
    let mut noted = world.noted.clone();
    match world.outcome.clone().unwrap_or(Outcome::Pending) {
        Outcome::Deleted => act(noted, Act::Done),
        Outcome::Refused(refusal) => act(noted, Act::GiveUp(refusal.message)),
        Outcome::Failed(_, message) => {
            noted.missing_since = None;
            ended(world, noted, &message)
        }
        Outcome::ResultLost(why) => ended(world, noted, &format!("the worker left no result: {why}")),
        Outcome::Waiting(reason, message, since) => {
            if matches!(reason, word::SECRET_NOT_FOUND | word::SECRET_KEY_NOT_FOUND) {
                noted.missing_since.get_or_insert(Time(since));
            } else {
                noted.missing_since = None;
            }
            let left = world.times.pending_timeout - world.now.duration_since(since);
            if left <= SignedDuration::ZERO || patience(world, &noted).is_some_and(|p| p <= SignedDuration::ZERO) {
                return ended(world, noted, &message);
            }
            let again = left.min(TICK).min(patience(world, &noted).unwrap_or(left));
            Plan { slot: true, ..rest(noted, Some(format!("The worker cannot start: {message}")), again) }
        }
        Outcome::Running => {
            noted.missing_since = None;
            Plan { slot: true, ..rest(noted, Some("A worker deletes the objects".into()), TICK) }
        }
        // The others are no results of a deletion.
        Outcome::Pending | Outcome::Facts(..) | Outcome::Written(_) | Outcome::Notified => {
            Plan { slot: true, ..rest(noted, None, TICK) }
        }
    }
}

/// An attempt ended without the objects being gone.
pub fn ended(world: &World, noted: Deletion, message: &str) -> Plan {
    let noted = Deletion { completion_time: Some(Time(world.now)), ..noted };
    match patience(world, &noted) {
        Some(left) if left <= SignedDuration::ZERO => {
            let why = format!("the Secret has been missing for {} s: {message}", world.times.deletion_grace.as_secs());
            act(noted, Act::GiveUp(why))
        }
        Some(left) => {
            let again = delay(&noted).min(left);
            rest(noted, Some(format!("The worker could not start, and is started again: {message}")), again)
        }
        None if noted.attempt >= ATTEMPTS => {
            act(noted, Act::GiveUp(format!("{ATTEMPTS} attempts failed, the last one so: {message}")))
        }
        None => {
            let again = delay(&noted);
            let told = format!("Attempt {} of {ATTEMPTS} failed, and another is made: {message}", noted.attempt);
            rest(noted, Some(told), again)
        }
    }
}

/// No Job is on its way.
fn next(world: &World) -> Plan {
    let noted = world.noted.clone();
    if let Some(completed) = &noted.completion_time {
        if patience(world, &noted).is_some_and(|left| left <= SignedDuration::ZERO) {
            return ended(world, noted, "no worker was started");
        }
        let left = delay(&noted) - world.now.duration_since(completed.0);
        if left > SignedDuration::ZERO {
            let again = left.min(patience(world, &noted).unwrap_or(left));
            return rest(noted, None, again);
        }
    }
    if world.jobs.iter().any(|job| !given_up(job, world.now)) {
        // Its end is an event; the time is for a node that never lets go.
        return rest(noted, None, GONE_AFTER);
    }
    if let Some(other) = &world.kept_for {
        return act(noted, Act::GiveUp(format!("{other} is of the same object")));
    }
    // An attempt that found no Secret was none.
    let attempt = noted.attempt + i32::from(noted.missing_since.is_none());
    Plan { slot: true, ..act(noted, Act::Start(attempt)) }
}

/// How much longer a missing Secret is waited for, when one is missing.
fn patience(world: &World, noted: &Deletion) -> Option<SignedDuration> {
    let since = noted.missing_since.as_ref()?;
    Some(world.times.deletion_grace - world.now.duration_since(since.0))
}

fn delay(noted: &Deletion) -> SignedDuration {
    RETRY * if noted.attempt > 1 { 2 } else { 1 }
}

fn act(noted: Deletion, act: Act) -> Plan {
    Plan { noted, message: None, act, again: None, slot: false, discard: vec![] }
}

fn rest(noted: Deletion, message: Option<String>, again: SignedDuration) -> Plan {
    Plan { message, again: Some(again), ..act(noted, Act::Rest) }
}

#[cfg(test)]
mod tests;
