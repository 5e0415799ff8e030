//! Notices of an import's end, each sent by a worker Job to a web server that the import or the operator names.
//!
//! ```text
//! end (pure) ─► plan (pure) ─► Job, with the event of the live object ─► status
//! ```
//!
//! It begins where a look at the import ends, has Jobs and a line of its own, and nothing of the import waits for it.

mod end;
mod plan;
mod receivers;

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::Api;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use self::plan::{Plan, Told, World, plan};
use self::receivers::named;
use super::context::Context;
use super::jobs::{self, Made};
use super::key::{self, Stage};
use super::look::{Error, Result};
use super::moment::lifecycle_part;
use super::observe::{self, Noted};
use super::queue::{Kind, Ticket};
use super::{events, store, worker};
use crate::api::{ImageImport, ImageImportStatus, OutcomeNotice, Receiver};

pub use receivers::Named;

/// Takes the next step for an import at rest, as it was seen a moment ago, and says when to look again.
///
/// # Errors
/// What is worth a backoff, and a conflict when the import changed meanwhile.
pub async fn look(seen: &ImageImport, context: &Context) -> Result<Option<SignedDuration>> {
    let uid = seen.uid().unwrap_or_default();
    let at_hand = plan(&world(context, seen).await?);
    if at_hand.noted == noted(seen) && at_hand.start.is_empty() && at_hand.discard.is_empty() {
        keep_slot(context, &uid, at_hand.slot);
        return Ok(at_hand.again);
    }
    // A Job is noted before the cache hears of it, and no cache has the conditions of rules.
    let api: Api<ImageImport> = Api::namespaced(context.shared.client.clone(), &seen.namespace().unwrap_or_default());
    let live = api.get_opt(&seen.name_any()).await?;
    let live = live.filter(|live| live.uid() == seen.uid() && live.metadata.deletion_timestamp.is_none());
    let Some(live) = live else { return Ok(None) };
    let mut next = plan(&world(context, &live).await?);
    let started =
        if next.slot && holds_slot(context, &live, &uid) { start(context, &live, &mut next).await } else { Ok(()) };
    write(context, &live, &next.noted).await?;
    tell(context, &live, &next.told).await;
    started?;
    keep_slot(context, &uid, next.slot);
    let jobs = jobs::api(&context.shared.client, &live.namespace().unwrap_or_default());
    for (name, uid) in &next.discard {
        jobs::delete(&jobs, name, uid).await?;
    }
    Ok(next.again)
}

/// The moment, in whole seconds as a status keeps it.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn noted(import: &ImageImport) -> Vec<OutcomeNotice> {
    import.status.as_ref().map(|status| status.notifications.clone()).unwrap_or_default()
}

/// Gives the slot back when none is wanted.
fn keep_slot(context: &Context, uid: &str, wanted: bool) {
    if !wanted {
        context.shared.notices(|queue| ((), queue.release(uid)));
    }
}

/// Asks for a slot, and says whether it is there.
fn holds_slot(context: &Context, import: &ImageImport, uid: &str) -> bool {
    let (namespace, name) = (import.namespace().unwrap_or_default(), import.name_any());
    let ticket = Ticket { kind: Kind::Import, namespace, name, uid: uid.to_owned() };
    context.shared.notices(|queue| {
        let granted = queue.request(ticket);
        (queue.holds(uid), granted.into_iter().filter(|ticket| ticket.uid != uid).collect())
    })
}

/// All that a decision rests on.
async fn world<'a>(context: &'a Context, import: &ImageImport) -> Result<World<'a>> {
    let settings = &context.shared.settings;
    let (noted, now) = (noted(import), now());
    let mut outcomes = HashMap::new();
    for receiver in noted.iter().flat_map(|notice| &notice.receivers) {
        let (Some(uid), Some(name), Some(started)) = (receiver.in_flight(), &receiver.job_name, &receiver.start_time)
        else {
            continue;
        };
        let job = Noted {
            namespace: &import.namespace().unwrap_or_default(),
            stage: Stage::Notify,
            name,
            uid,
            started: started.0,
            recorded: None,
            deadline: settings.deadline(Stage::Notify),
            now,
        };
        outcomes.insert(uid.to_owned(), observe::outcome_of(context, &job).await?.0);
    }
    let uid = import.uid().unwrap_or_default();
    Ok(World {
        noted,
        end: end::end(import),
        named: named(settings, import).into_iter().map(|named| (named.key, named.host)).collect(),
        jobs: context.scope.notices_of(&uid).iter().map(|job| store::seen(job)).collect(),
        outcomes,
        now,
        times: &settings.times,
    })
}

/// Makes the Jobs that are due. Whatever goes wrong with one, those that were made are in the plan, to be noted.
async fn start(context: &Context, live: &ImageImport, plan: &mut Plan) -> Result<()> {
    let settings = &context.shared.settings;
    let profile = context.shared.profiles.get(&ObjectRef::new(&live.spec.profile_ref.name));
    let Some(outcome) = plan.noted.first_mut() else { return Ok(()) };
    let event = end::event(live, profile.as_ref().map(|profile| &profile.spec), outcome);
    let named = named(settings, live);
    for key in &plan.start {
        let (Some(named), Some(receiver)) =
            (named.iter().find(|n| n.key == *key), outcome.receivers.iter_mut().find(|r| r.key == *key))
        else {
            continue;
        };
        let name = job_name(live, &outcome.id, receiver);
        let Some(job) = worker::notice(settings, live, named, &event, &name) else { return Err(Error::Changed) };
        plan.told.extend(make(context, live, receiver, job).await?);
        plan.again = Some(super::plan::TICK);
    }
    Ok(())
}

fn job_name(import: &ImageImport, outcome: &str, receiver: &Receiver) -> String {
    let key = format!("{outcome}/{}", receiver.key);
    let uid = import.uid().unwrap_or_default();
    key::job_name(&import.name_any(), &uid, "", Stage::Notify, &key, receiver.attempt.saturating_add(1))
}

/// Makes the Job of a receiver's next attempt.
async fn make(
    context: &Context,
    live: &ImageImport,
    receiver: &mut Receiver,
    job: k8s_openapi::api::batch::v1::Job,
) -> Result<Option<Told>> {
    let namespace = live.namespace().unwrap_or_default();
    let api = jobs::api(&context.shared.client, &namespace);
    let (name, now) = (job.name_any(), now());
    let made = jobs::make(&api, &job, &live.uid().unwrap_or_default(), false).await?;
    let next = Receiver {
        key: receiver.key.clone(),
        host: receiver.host.clone(),
        attempt: receiver.attempt.saturating_add(1),
        job_name: Some(name.clone()),
        ..Receiver::default()
    };
    match made {
        Made::New(made) => {
            tracing::info!(namespace, name = live.name_any(), job = name, to = next.host, "Made a worker Job");
            let start_time = Some(made.creation_timestamp().unwrap_or(Time(now)));
            *receiver = Receiver { job_uid: made.uid(), start_time, ..next };
            Ok(None)
        }
        Made::Foreign => {
            *receiver = next;
            Ok(plan::failed(now, receiver, &format!("the Job `{name}` belongs to someone else")))
        }
        Made::Refused(_, message) => {
            *receiver = next;
            Ok(plan::failed(now, receiver, &message))
        }
        // An own one that was not noted is not believed.
        Made::Unnoted(uid) => {
            jobs::delete(&api, &name, &uid).await?;
            Err(Error::Changed)
        }
        Made::Gone => Err(Error::Changed),
        Made::Terminating => Ok(None),
    }
}

/// Notes it on top of whatever else the lifecycle's part is by now: Jobs that were made have to be noted.
async fn write(context: &Context, live: &ImageImport, noted: &[OutcomeNotice]) -> Result<()> {
    let with = |import: &ImageImport| ImageImportStatus {
        notifications: noted.to_vec(),
        ..import.status.as_ref().map(lifecycle_part).unwrap_or_default()
    };
    let writer = &context.shared.writer;
    match writer.lifecycle(live, &with(live)).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let namespace = live.namespace().unwrap_or_default();
            let api: Api<ImageImport> = Api::namespaced(context.shared.client.clone(), &namespace);
            let later = api.get(&live.name_any()).await?;
            if later.uid() != live.uid() {
                return Err(Error::Changed);
            }
            writer.lifecycle(&later, &with(&later)).await?;
        }
        written => {
            written?;
        }
    }
    Ok(())
}

async fn tell(context: &Context, import: &ImageImport, told: &[Told]) {
    let metrics = &context.shared.metrics;
    let mut all = vec![];
    for one in told {
        match one {
            Told::Sent => metrics.notified("Sent"),
            Told::Nobody => all.push(events::nobody_told()),
            Told::Refused(host, why) => {
                metrics.notified("Refused");
                all.push(events::not_told(host, why));
            }
            Told::GaveUp(host, why) => {
                metrics.notified("GaveUp");
                all.push(events::not_told(host, why));
            }
        }
    }
    events::publish(&context.shared, &import.object_ref(&()), all).await;
}
