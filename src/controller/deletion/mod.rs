//! The deletion of objects by a worker Job: those of a record with `deletionPolicy: Delete`, and an import's spare copies.
//!
//! ```text
//! record ─┐
//!         ├─► subject ─► observe ─► plan (pure) ─► Job ─► status, or the end
//! spare  ─┘
//! ```

pub mod plan;
pub mod record;
mod spare;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::ResourceExt;
use kube::api::Api;

use self::plan::{Act, Plan, World, in_flight, plan};
use super::context::Context;
use super::jobs::{self, Made};
use super::key::{self, Stage};
use super::look::{Error, Result};
use super::observe::{self, Noted};
use super::queue::{Kind, Ticket};
use super::{store, worker};
use crate::api::conditions::sanitize;
use crate::api::{Deletion, LocalRef};
use crate::convert::StoredObject;

pub use spare::{copies, is_spare, look_at_spare, note_spare};

/// How often one that waits in line is looked at: its namespace may be deleted meanwhile.
const LINE: SignedDuration = SignedDuration::from_mins(1);

/// Objects that are to be deleted, and for whom.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The record, or the import.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The reference by which it owns its Jobs.
    pub owner: OwnerReference,
    /// The import that wrote the objects.
    pub import_uid: String,
    /// The objects.
    pub objects: Vec<StoredObject>,
    /// The Secret with the store's keys.
    pub secret: Option<LocalRef>,
    /// What was noted.
    pub noted: Deletion,
}

impl Subject {
    /// Their addresses, for a sentence.
    fn addresses(&self) -> String {
        let all: Vec<_> = self.objects.iter().map(|object| format!("`{}`", object.destination.url)).collect();
        all.join(", ")
    }

    /// The event that says why they stay.
    fn told(&self, why: &str) -> super::events::Told {
        let note = sanitize(&format!("{} stays in the store: {why}", self.addresses()));
        tracing::warn!(namespace = self.namespace, name = self.name, note, "Objects of an image are not deleted");
        super::events::objects_stay(note)
    }

    /// Name of an attempt's Job. The end of the last one is in it, for attempts that are made again under their number.
    fn job_name(&self, attempt: i32) -> String {
        let last = self.noted.completion_time.as_ref().map(|time| time.0.to_string()).unwrap_or_default();
        key::job_name(&self.name, &self.uid, "", Stage::Delete, &last, attempt)
    }
}

/// Takes the next step, and gives what is to be written of it, or how it ended. What follows is the caller's: to write
/// that down, then to [`discard`].
async fn step(context: &Context, subject: &Subject) -> Result<Plan> {
    let world = world(context, subject).await?;
    let mut next = plan(&world);
    let mut slot = false;
    if next.slot {
        let ticket = Ticket {
            kind: subject.kind,
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
            uid: subject.uid.clone(),
        };
        slot = context.shared.queue(|queue| {
            let granted = queue.request(ticket);
            (queue.holds(&subject.uid), granted.into_iter().filter(|t| t.uid != subject.uid).collect())
        });
    }
    if let Act::Start(attempt) = next.act {
        next = start(context, subject, &world, next, attempt, slot).await?;
    }
    if !next.slot {
        context.shared.queue(|queue| ((), queue.release(&subject.uid)));
    }
    Ok(next)
}

/// Makes a Job. Without a slot it is only asked for: a namespace that is being deleted takes none, and must not wait for
/// one.
async fn start(
    context: &Context,
    subject: &Subject,
    world: &World<'_>,
    plan: Plan,
    attempt: i32,
    slot: bool,
) -> Result<Plan> {
    let job = worker::deletion(&context.shared.settings, subject, &subject.job_name(attempt));
    let api: Api<Job> = jobs::api(&context.shared.client, &subject.namespace);
    let name = job.name_any();
    let rest = |noted, message: &str, again| Plan {
        noted,
        message: Some(message.to_owned()),
        act: Act::Rest,
        again: Some(again),
        ..plan.clone()
    };
    let failed = |message: &str| {
        let noted = Deletion { attempt, job_name: None, job_uid: None, start_time: None, ..plan.noted.clone() };
        Plan { discard: plan.discard.clone(), ..plan::ended(world, noted, message) }
    };
    match jobs::make(&api, &job, &subject.uid, !slot).await? {
        Made::New(_) if !slot => Ok(rest(plan.noted.clone(), "Waits for a free worker before deleting", LINE)),
        Made::New(made) => {
            tracing::info!(namespace = subject.namespace, name = subject.name, job = name, "Made a worker Job");
            let noted = Deletion {
                job_name: Some(name),
                job_uid: made.uid(),
                attempt,
                start_time: Some(made.creation_timestamp().unwrap_or(Time(world.now))),
                completion_time: None,
                missing_since: plan.noted.missing_since.clone(),
            };
            Ok(rest(noted, "A worker is started to delete the objects", super::plan::TICK))
        }
        // An own one that was not noted is not believed.
        Made::Unnoted(uid) => {
            jobs::delete(&api, &name, &uid).await?;
            Err(Error::Changed)
        }
        Made::Gone => Err(Error::Changed),
        Made::Foreign => Ok(failed(&format!("the Job `{name}` belongs to someone else"))),
        Made::Refused(_, message) => Ok(failed(&message)),
        Made::Terminating => {
            let why = "its namespace is being deleted, and takes no worker".to_owned();
            Ok(Plan { act: Act::GiveUp(why), slot: false, ..plan.clone() })
        }
    }
}

/// All that a decision rests on.
async fn world<'a>(context: &'a Context, subject: &Subject) -> Result<World<'a>> {
    let now = Timestamp::now();
    let mut world = World {
        noted: subject.noted.clone(),
        jobs: context.scope.jobs_of(&subject.uid).iter().map(|job| store::seen(job)).collect(),
        outcome: None,
        kept_for: kept_for(context, subject),
        now: Timestamp::from_second(now.as_second()).unwrap_or(now),
        times: &context.shared.settings.times,
    };
    if let (Some(uid), Some(name), Some(started)) =
        (in_flight(&subject.noted), &subject.noted.job_name, &subject.noted.start_time)
    {
        let noted = Noted {
            namespace: &subject.namespace,
            stage: Stage::Delete,
            name,
            uid,
            started: started.0,
            recorded: None,
            deadline: context.shared.settings.deadline(Stage::Delete),
            now,
        };
        world.outcome = Some(observe::outcome_of(context, &noted).await?.0);
    }
    Ok(world)
}

/// Another record of one of the objects, which stays.
fn kept_for(context: &Context, subject: &Subject) -> Option<String> {
    let is_of = |url: &String| subject.objects.iter().any(|object| object.destination.url == *url);
    let others = context.scope.records.state_filter(|record| {
        record.metadata.uid.as_ref() != Some(&subject.uid)
            && record.metadata.deletion_timestamp.is_none()
            && record.spec.disks.iter().any(|disk| is_of(&disk.url))
    });
    let other = others.first()?;
    Some(if other.namespace().as_ref() == Some(&subject.namespace) {
        format!("the CustomImage `{}`", other.name_any())
    } else {
        "a CustomImage of another namespace".to_owned()
    })
}

/// Deletes Jobs that are no longer wanted.
async fn discard(context: &Context, subject: &Subject, plan: &Plan) -> Result<()> {
    let api = jobs::api(&context.shared.client, &subject.namespace);
    for (name, uid) in &plan.discard {
        jobs::delete(&api, name, uid).await?;
    }
    Ok(())
}
