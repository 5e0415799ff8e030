//! What is known of an import's work, and of any Job, right now: the part of a look that asks the API server.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams, LogParams};
use kube::runtime::reflector::ObjectRef;
use kube::{ResourceExt, api::Resource};

use super::context::Context;
use super::key::{self, Stage};
use super::outcome::{self, Outcome, Seen};
use super::plan::{Profile, World};
use super::reason::{self, Class};
use super::work::{self, Task, Work};
use super::{jobs, progress, store, worker};
use crate::api::conditions::{READY, find, reason as word};
use crate::api::{ImageImport, ImportProfile, Progress};
use crate::profiles;

/// A profile by its name, and whether it can be applied.
pub fn profile(context: &Context, import: &ImageImport) -> (Option<Arc<ImportProfile>>, Profile) {
    let name = &import.spec.profile_ref.name;
    let Some(profile) = context.shared.profiles.get(&ObjectRef::new(name)) else {
        return (None, Profile::Problem(word::PROFILE_NOT_FOUND, format!("There is no ImportProfile `{name}`")));
    };
    let verdict = match profiles::problem(&profile.spec) {
        None => Profile::Usable(key::profile(&profile.spec)),
        Some(found) => Profile::Problem(word::PROFILE_NOT_READY, format!("ImportProfile `{name}`: {}", found.message)),
    };
    (Some(profile), verdict)
}

/// All that a decision rests on, but for the slot.
///
/// # Errors
/// What the API server says.
pub async fn world<'a>(context: &'a Context, import: &'a ImageImport, profile: Profile) -> kube::Result<World<'a>> {
    let uid = import.uid().unwrap_or_default();
    let settings = &context.shared.settings;
    let now = Timestamp::now();
    let mut world = World {
        import,
        profile,
        jobs: context.scope.jobs_of(&uid).iter().map(|job| store::seen(job)).collect(),
        outcome: None,
        progress: None,
        own_url: None,
        slot: context.shared.queue(|queue| (queue.holds(&uid), vec![])),
        place: None,
        now,
        times: &settings.times,
    };
    let in_flight = import.status.as_ref().and_then(work::in_flight);
    let Some((task, Work { job_name: Some(name), job_uid: Some(job_uid), started: Some(started), .. })) = in_flight
    else {
        return Ok(world);
    };
    let recorded = recorded(import);
    let noted = Noted {
        namespace: &import.namespace().unwrap_or_default(),
        stage: task.stage,
        name: &name,
        uid: &job_uid,
        started: started.0,
        recorded: recorded.as_ref().map(|(reason, message)| (*reason, message.as_str())),
        deadline: worker::deadline(settings, import, task.stage),
        now,
    };
    let (result, pods) = outcome_of(context, &noted).await?;
    if result == Outcome::Running && settings.progress {
        world.progress = read_progress(context, import, &task, (&job_uid, started.0), &pods, now).await;
    }
    if task.stage == Stage::Convert {
        world.own_url = worker::own_url(settings, import, &task.disk, &job_uid);
    }
    world.outcome = Some(result);
    Ok(world)
}

/// A Job that was noted.
pub struct Noted<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// What it does.
    pub stage: Stage,
    /// Its name.
    pub name: &'a str,
    /// Its UID.
    pub uid: &'a str,
    /// When it was made.
    pub started: Timestamp,
    /// Why it waited, as it was recorded.
    pub recorded: Option<(&'static str, &'a str)>,
    /// How long it may take.
    pub deadline: SignedDuration,
    /// The moment.
    pub now: Timestamp,
}

/// What became of a Job, and its pods.
///
/// # Errors
/// What the API server says.
pub async fn outcome_of(context: &Context, noted: &Noted<'_>) -> kube::Result<(Outcome, Vec<Arc<Pod>>)> {
    let job = job(context, noted).await?;
    let mut pods = context.scope.pods_of(noted.uid);
    let look = |pods: &[Arc<Pod>], events: &[Event]| {
        let seen = Seen {
            stage: noted.stage,
            job: job.as_deref(),
            job_uid: noted.uid,
            started: noted.started,
            pods,
            pods_seen: context.shared.pods_seen(noted.uid, pods.iter().filter_map(|p| p.uid())),
            events,
            recorded: noted.recorded,
            deadline: noted.deadline,
            memory_limit: &context.shared.settings.worker.memory_limit(),
            now: noted.now,
        };
        (outcome::outcome(&seen), outcome::wants_events(&seen))
    };
    let (mut result, ask) = look(&pods, &[]);
    if matches!(result, Outcome::ResultLost(_) | Outcome::Failed(..)) {
        // The watch of pods may be behind the watch of Jobs.
        pods = live_pods(context, noted).await?;
        result = look(&pods, &[]).0;
    } else if !ask.is_empty() {
        let mut events = vec![];
        for object in ask {
            events.extend(events_of(context, noted, &object).await?);
        }
        result = look(&pods, &events).0;
    }
    Ok((result, pods))
}

/// Why a worker waited, as the status keeps it.
fn recorded(import: &ImageImport) -> Option<(&'static str, String)> {
    let ready = find(&import.status.as_ref()?.conditions, READY)?;
    let waits = ready.status == "False" && reason::class(&ready.reason) == Some(Class::Grace);
    waits.then(|| (reason::known(&ready.reason), ready.message.clone()))
}

/// The noted Job; the cache may not have it yet, and a Job of its name with another UID is not it.
async fn job(context: &Context, noted: &Noted<'_>) -> kube::Result<Option<Arc<Job>>> {
    let is_it = |job: &Job| job.uid().as_deref() == Some(noted.uid);
    let cached = context.scope.jobs.get(&ObjectRef::new(noted.name).within(noted.namespace));
    if let Some(job) = cached.filter(|j| is_it(j)) {
        return Ok(Some(job));
    }
    Ok(jobs::api(&context.shared.client, noted.namespace).get_opt(noted.name).await?.filter(is_it).map(Arc::new))
}

async fn live_pods(context: &Context, noted: &Noted<'_>) -> kube::Result<Vec<Arc<Pod>>> {
    let api: Api<Pod> = Api::namespaced(context.shared.client.clone(), noted.namespace);
    let ours = ListParams::default().labels(&format!("batch.kubernetes.io/controller-uid={}", noted.uid));
    Ok(api.list(&ours).await?.items.into_iter().map(Arc::new).collect())
}

async fn events_of(context: &Context, noted: &Noted<'_>, uid: &str) -> kube::Result<Vec<Event>> {
    let api: Api<Event> = Api::namespaced(context.shared.client.clone(), noted.namespace);
    let of = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    Ok(api.list(&of).await?.items)
}

/// Progress that is worth a write. A log that cannot be read is no reason to fail.
async fn read_progress(
    context: &Context,
    import: &ImageImport,
    task: &Task,
    (job_uid, started): (&str, Timestamp),
    pods: &[Arc<Pod>],
    now: Timestamp,
) -> Option<Progress> {
    let pod = pods.iter().max_by_key(|p| p.creation_timestamp().map(|t| t.0))?;
    let api: Api<Pod> = Api::namespaced(context.shared.client.clone(), &import.namespace()?);
    let tail = LogParams {
        container: Some(task.stage.container().to_owned()),
        tail_lines: Some(progress::LINES),
        ..LogParams::default()
    };
    let log = api.logs(pod.meta().name.as_deref()?, &tail).await.ok()?;
    let new = progress::parse(&log, task)?;
    let last = context.shared.last_progress(job_uid);
    progress::due(last.as_ref(), &new, now).then(|| {
        let since = last.map_or((started, 0), |(at, last)| (at, last.bytes_done));
        let new = progress::with_rate(new, since, now);
        context.shared.note_progress(job_uid, now, new.clone());
        new
    })
}
