//! Who is told next how an import ended: a pure function of what was noted, the end, who is to hear of it, and the Jobs.
//!
//! An outcome is noted once, with all who are told of it; what is noted is not told again. It ends for each of them: taken,
//! refused, or given up.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::end::End;
use crate::api::conditions::sanitize;
use crate::api::{NoticeState, OutcomeNotice, Receiver};
use crate::controller::key::hash;
use crate::controller::outcome::Outcome;
use crate::controller::plan::{GONE_AFTER, JobSeen, TICK, Times, given_up};

/// Jobs for one notice: the last is made some forty minutes after the first.
pub const ATTEMPTS: i32 = 4;
/// How long after the first failed attempt the next one is made; twice as long after each further one.
const RETRY: SignedDuration = SignedDuration::from_mins(5);
/// How old an outcome may be that is told: what ended before anybody was named is no news.
const NEWS: SignedDuration = SignedDuration::from_hours(24);
/// Outcomes that are kept.
const OUTCOMES: usize = 3;
/// Receivers of one outcome that are kept: four at once, and others when the list is changed.
const RECEIVERS: usize = 8;

/// All that a decision rests on.
#[derive(Debug)]
pub struct World<'a> {
    /// What was noted, the newest first.
    pub noted: Vec<OutcomeNotice>,
    /// What the import has come to; `None` while it is at work.
    pub end: Option<End>,
    /// Who is to be told: the hash of each address, its scheme and host.
    pub named: Vec<(String, String)>,
    /// The Jobs that send notices of this import.
    pub jobs: Vec<JobSeen>,
    /// What became of the Jobs that were noted and whose end is not, by UID.
    pub outcomes: HashMap<String, Outcome>,
    /// The moment, in whole seconds.
    pub now: Timestamp,
    /// Times that decide.
    pub times: &'a Times,
}

/// What there is to tell by an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Nobody is named who could be told.
    Nobody,
    /// A receiver took the notice.
    Sent,
    /// A receiver (scheme and host) does not want it, and says so.
    Refused(String, String),
    /// It could not be brought to a receiver (scheme and host), and why.
    GaveUp(String, String),
}

/// What is to be noted, told and done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is to be noted.
    pub noted: Vec<OutcomeNotice>,
    /// Make the next Job of these receivers (hashes) of the newest outcome, then note it.
    pub start: Vec<String>,
    /// What there is to tell once it is noted.
    pub told: Vec<Told>,
    /// Look again after.
    pub again: Option<SignedDuration>,
    /// Whether a slot is wanted or kept; otherwise it is given back.
    pub slot: bool,
    /// Jobs (name, UID) to delete once all this is noted.
    pub discard: Vec<(String, String)>,
}

/// Decides.
pub fn plan(world: &World) -> Plan {
    let mut plan =
        Plan { noted: world.noted.clone(), start: vec![], told: vec![], again: None, slot: false, discard: vec![] };
    let mut noted = std::mem::take(&mut plan.noted);
    for receiver in noted.iter_mut().flat_map(|notice| &mut notice.receivers) {
        observe(world, receiver, &mut plan);
    }
    note_end(world, &mut noted, &mut plan);
    noted.truncate(OUTCOMES);
    noted.iter_mut().skip(1).for_each(overtake);
    let current = noted.first().zip(world.end.as_ref()).is_some_and(|(notice, end)| notice.key == end.key);
    if let Some(newest) = noted.first_mut().filter(|_| current) {
        name(world, newest);
        due(world, newest, &mut plan);
    }
    plan.noted = noted;
    clear(world, &mut plan);
    plan
}

/// A Job that was noted, and whose end was not.
fn observe(world: &World, receiver: &mut Receiver, plan: &mut Plan) {
    let Some(uid) = receiver.in_flight() else { return };
    let mut wait = |left: SignedDuration| plan.again = Some(plan.again.map_or(left, |again| again.min(left)));
    match world.outcomes.get(uid).cloned().unwrap_or(Outcome::Pending) {
        Outcome::Notified => {
            end(world, receiver, NoticeState::Sent, None);
            plan.told.push(Told::Sent);
        }
        Outcome::Refused(refusal) => {
            end(world, receiver, NoticeState::Refused, Some(&refusal.message));
            plan.told.push(Told::Refused(receiver.host.clone(), sanitize(&refusal.message)));
        }
        Outcome::Failed(_, message) => plan.told.extend(failed(world.now, receiver, &message)),
        Outcome::ResultLost(why) => plan.told.extend(failed(world.now, receiver, why)),
        Outcome::Waiting(_, message, since) => {
            let left = world.times.pending_timeout - world.now.duration_since(since);
            if left > SignedDuration::ZERO {
                wait(left.min(TICK));
            } else {
                plan.told.extend(failed(world.now, receiver, &message));
            }
        }
        // The others are no results of a notice.
        Outcome::Pending | Outcome::Running | Outcome::Facts(..) | Outcome::Written(_) | Outcome::Deleted => wait(TICK),
    }
}

fn end(world: &World, receiver: &mut Receiver, state: NoticeState, message: Option<&str>) {
    receiver.state = state;
    receiver.message = message.map(sanitize);
    receiver.completion_time = Some(Time(world.now));
}

/// An attempt ended, and the notice was not brought there.
pub fn failed(now: Timestamp, receiver: &mut Receiver, message: &str) -> Option<Told> {
    receiver.message = Some(sanitize(message));
    receiver.completion_time = Some(Time(now));
    if receiver.attempt < ATTEMPTS {
        return None;
    }
    receiver.state = NoticeState::GaveUp;
    let why = format!("{ATTEMPTS} attempts failed, the last one so: {message}");
    Some(Told::GaveUp(receiver.host.clone(), sanitize(&why)))
}

/// Notes the outcome when it is another than the last one.
fn note_end(world: &World, noted: &mut Vec<OutcomeNotice>, plan: &mut Plan) {
    let Some(end) = &world.end else { return };
    let last = noted.first();
    if last.is_some_and(|last| last.key == end.key) || (last.is_some() && world.named.is_empty()) {
        return;
    }
    // That a condition goes from one reason to another does not change its time.
    let time = if last.is_none_or(|last| end.since > last.time.0) { end.since } else { world.now };
    if world.now.duration_since(time) > NEWS {
        return;
    }
    if world.named.is_empty() {
        plan.told.push(Told::Nobody);
    }
    let before = last.map(|last| last.id.clone()).unwrap_or_default();
    // An outcome that comes back is news once more, so what was before it counts.
    let id: String = hash(&["outcome", &end.key, &before]).chars().take(32).collect();
    let (key, reason) = (end.key.clone(), end.reason.clone());
    noted.insert(0, OutcomeNotice { id, key, reason, time: Time(time), receivers: vec![] });
}

/// An outcome that another followed is not tried again: what was to be told of it is no longer there.
fn overtake(former: &mut OutcomeNotice) {
    for receiver in former.receivers.iter_mut().filter(|r| r.state == NoticeState::Pending && r.in_flight().is_none()) {
        receiver.state = NoticeState::GaveUp;
        receiver.message.get_or_insert_with(|| "Another outcome followed before this one was told".to_owned());
    }
}

/// Takes in who is to be told, and drops who is not any more.
fn name(world: &World, newest: &mut OutcomeNotice) {
    let is_named = |key: &String| world.named.iter().any(|(named, _)| named == key);
    newest.receivers.retain(|r| r.state != NoticeState::Pending || r.in_flight().is_some() || is_named(&r.key));
    if world.now.duration_since(newest.time.0) > NEWS {
        return;
    }
    for (key, host) in &world.named {
        if newest.receivers.len() < RECEIVERS && !newest.receivers.iter().any(|r| r.key == *key) {
            newest.receivers.push(Receiver { key: key.clone(), host: host.clone(), ..Receiver::default() });
        }
    }
}

/// Whose next Job is to be made, and when.
fn due(world: &World, newest: &OutcomeNotice, plan: &mut Plan) {
    for receiver in newest.receivers.iter().filter(|r| r.state == NoticeState::Pending && r.in_flight().is_none()) {
        let left = receiver.completion_time.as_ref().map_or(SignedDuration::ZERO, |ended| {
            let doubled = 1 << (receiver.attempt - 1).clamp(0, ATTEMPTS);
            RETRY * doubled - world.now.duration_since(ended.0)
        });
        if left > SignedDuration::ZERO {
            plan.again = Some(plan.again.map_or(left, |again| again.min(left)));
        } else {
            plan.start.push(receiver.key.clone());
        }
    }
}

/// What becomes of Jobs and slot.
fn clear(world: &World, plan: &mut Plan) {
    let busy: Vec<&str> = plan.noted.iter().flat_map(|n| &n.receivers).filter_map(Receiver::in_flight).collect();
    plan.slot = !busy.is_empty() || !plan.start.is_empty();
    for job in &world.jobs {
        if !busy.contains(&job.uid.as_str()) && job.deleting_since.is_none() {
            plan.discard.push((job.name.clone(), job.uid.clone()));
        }
        if !job.finished && !given_up(job, world.now) {
            plan.slot = true;
            plan.again.get_or_insert(GONE_AFTER);
        }
    }
}

#[cfg(test)]
mod tests;
