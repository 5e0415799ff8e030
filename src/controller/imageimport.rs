//! A look at an import: observe, decide, carry out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{ResourceExt, core::response::Status as Refusal};

use super::context::Context;
use super::key::{Stage, VerdictKey};
use super::moment::{Draft, lifecycle_part};
use super::outcome::owned_by;
use super::plan::{Act, Plan, Profile, World, plan};
use super::queue::Ticket;
use super::work::{self, Work};
use super::{customimage, events, observe, status, verdict, worker};
use crate::api::conditions::{CONVERTED, INSPECTED, Status, reason as word};
use crate::api::{ImageImport, ImportProfile, SYSTEM_DISK};
use crate::inspect::Facts;
use crate::inspect::wire::{Message, decode};
use crate::report;
use crate::rules::Request;

/// How long after a conflict the cache is looked at again.
const CAUGHT_UP: Duration = Duration::from_millis(500);

/// Why a look ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or could not be reached.
    #[error("{0}")]
    Kube(#[from] kube::Error),
    /// The object is not the one that was decided on: decide again.
    #[error("the import changed meanwhile")]
    Changed,
}

impl Error {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Changed => true,
            Self::Kube(kube::Error::Api(status)) => status.code == 409 || status.code == 404,
            Self::Kube(_) => false,
        }
    }
}

type Result<T> = std::result::Result<T, Error>;

/// A look at an import, counted.
///
/// # Errors
/// What is worth a backoff.
pub async fn reconcile(import: Arc<ImageImport>, context: Arc<Context>) -> Result<Action> {
    let mut counted = context.shared.counted.clone();
    // The sender lives as long as the controllers do.
    let _ = counted.wait_for(|counted| *counted).await;
    let started = Instant::now();
    let result = Box::pin(look(&import, &context)).await;
    let word = match &result {
        Ok(_) => "ok",
        Err(error) if error.is_conflict() => "conflict",
        Err(_) => "error",
    };
    context.shared.metrics.reconciled("imageimport", word, started.elapsed());
    match result {
        Err(error) if error.is_conflict() => Ok(Action::requeue(CAUGHT_UP)),
        Ok(action) => {
            context.shared.backoff.forget(&import.uid().unwrap_or_default());
            Ok(action)
        }
        error => error,
    }
}

/// When to look again after an error.
#[expect(clippy::needless_pass_by_value, reason = "the runtime's signature")]
pub fn retry(import: Arc<ImageImport>, error: &Error, context: Arc<Context>) -> Action {
    let delay = context.shared.backoff.failed(&import.uid().unwrap_or_default());
    tracing::warn!(namespace = import.namespace(), name = import.name_any(), %error, "Import will be looked at again");
    Action::requeue(delay)
}

async fn look(import: &ImageImport, context: &Context) -> Result<Action> {
    let uid = import.uid().unwrap_or_default();
    if import.metadata.deletion_timestamp.is_some() {
        // Its Jobs die by their owner reference; the slot is given back once they are gone.
        return Ok(Action::await_change());
    }
    let (profile, usable) = observe::profile(context, import);
    let mut world = observe::world(context, import, usable).await?;
    let mut next = plan(&world);
    if next.slot && !world.slot {
        let ticket =
            Ticket { namespace: import.namespace().unwrap_or_default(), name: import.name_any(), uid: uid.clone() };
        (world.slot, world.place) = context.shared.queue(|queue| {
            let granted = queue.request(ticket);
            let own = (queue.holds(&uid), queue.place(&uid));
            (own, granted.into_iter().filter(|t| t.uid != uid).collect())
        });
        next = plan(&world);
    }
    if let Act::Judge { again: true, .. } = next.act
        && let Some(wait) = context.shared.judging_turn(&uid, Instant::now())
    {
        return Ok(Action::requeue(wait));
    }
    let hand = Hand { import, context, profile, usable: world.profile.clone() };
    let (latest, again) = Box::pin(hand.carry_out(&next)).await?;
    if !next.slot {
        context.shared.queue(|queue| ((), queue.release(&uid)));
    }
    if let Some(status) = &latest.status {
        events::publish(&context.shared, import, events::between(import.status.as_ref(), status)).await;
    }
    hand.discard(&latest, &next.discard).await?;
    Ok(again.or(next.again).map_or_else(Action::await_change, |d| Action::requeue(d.unsigned_abs().max(CAUGHT_UP))))
}

/// What carries a plan out.
struct Hand<'a> {
    import: &'a ImageImport,
    context: &'a Context,
    profile: Option<Arc<ImportProfile>>,
    /// The same, as plans see it.
    usable: Profile,
}

/// The object as it is afterwards, and when to look again if the plan does not know.
type Done = (ImageImport, Option<SignedDuration>);

impl Hand<'_> {
    async fn carry_out(&self, plan: &Plan) -> Result<Done> {
        match &plan.act {
            Act::Rest => self.write(&plan.draft).await,
            Act::Start { stage, name, attempt, lost } => {
                let work = Work { job_name: Some(name.clone()), attempt: *attempt, lost: *lost, ..Work::default() };
                self.start(plan.draft.clone(), *stage, work).await
            }
            Act::KeepFacts { text, key } => {
                let live = self.live().await?;
                let part = status::with_facts(&live.status.clone().unwrap_or_default(), key, text);
                let stored = self.context.shared.writer.report(&live, &part).await?;
                Box::pin(self.judge_at_once(plan, stored)).await
            }
            Act::Judge { key, facts_key, .. } => {
                let live = self.live().await?;
                Box::pin(self.judge(plan.draft.clone(), key, facts_key, live)).await
            }
            Act::Publish => self.publish(plan.draft.clone()).await,
            Act::MarkStale => {
                let live = self.live().await?;
                let mut part = status::report_part(&live.status.clone().unwrap_or_default());
                part.report.iter_mut().for_each(|r| r.stale = true);
                let stored = self.context.shared.writer.report(&live, &part).await?;
                Ok((self.context.shared.writer.lifecycle(&stored, &plan.draft.status).await?, None))
            }
        }
    }

    fn namespace(&self) -> String {
        self.import.namespace().unwrap_or_default()
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.context.shared.client.clone(), &self.namespace())
    }

    async fn write(&self, draft: &Draft) -> Result<Done> {
        Ok((self.context.shared.writer.lifecycle(self.import, &draft.status).await?, None))
    }

    /// The object as it is, when it is still what was decided on.
    async fn live(&self) -> Result<ImageImport> {
        let api: Api<ImageImport> = Api::namespaced(self.context.shared.client.clone(), &self.namespace());
        let live = api.get(&self.import.name_any()).await?;
        if same_ground(&live, self.import) { Ok(live) } else { Err(Error::Changed) }
    }

    /// Makes a Job, and notes it.
    async fn start(&self, mut draft: Draft, stage: Stage, mut work: Work) -> Result<Done> {
        if stage == Stage::Convert
            && let Some(identity) = customimage::identity(self.import)
        {
            match customimage::find(&self.context.shared.client, &self.namespace(), &identity).await? {
                customimage::Found::Nothing => {}
                found => return self.published(draft, found, &identity).await,
            }
        }
        let settings = &self.context.shared.settings;
        let name = work.job_name.clone().unwrap_or_default();
        let Some(job) = worker::job(settings, self.import, stage, &name) else { return Err(Error::Changed) };
        match self.jobs().create(&PostParams::default(), &job).await {
            Ok(made) => {
                work.job_uid = made.uid();
                work.started = Some(made.creation_timestamp().unwrap_or_else(|| draft.now()));
                work::set(&mut draft, stage, &work);
                tracing::info!(
                    namespace = self.namespace(),
                    name = self.import.name_any(),
                    job = name,
                    "Made a worker Job"
                );
                self.note(&draft).await
            }
            Err(kube::Error::Api(refusal)) if refusal.code == 409 => self.name_taken(draft, stage, work).await,
            Err(kube::Error::Api(refusal)) if matches!(refusal.code, 403 | 422) => {
                if is_terminating(&refusal) {
                    return Ok((self.import.clone(), None));
                }
                let quota = refusal.message.contains("exceeded quota") || refusal.message.contains("failed quota");
                work.completed = Some(draft.now());
                work::set(&mut draft, stage, &work);
                draft.failing(if quota { word::QUOTA_EXCEEDED } else { word::POD_REFUSED }, &refusal.message);
                let (latest, _) = self.write(&draft).await?;
                Ok((latest, Some(SignedDuration::from_mins(1))))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Notes a Job that was made. One that cannot be noted is not believed, and would be made again.
    async fn note(&self, draft: &Draft) -> Result<Done> {
        match self.write(draft).await {
            Err(error) if error.is_conflict() => {
                let live = self.live().await?;
                Ok((self.context.shared.writer.lifecycle(&live, &draft.status).await?, None))
            }
            result => result,
        }
    }

    /// A Job of our name is there: a foreign one is left alone, an own one that was not noted is deleted.
    async fn name_taken(&self, mut draft: Draft, stage: Stage, mut work: Work) -> Result<Done> {
        let name = work.job_name.clone().unwrap_or_default();
        let name = name.as_str();
        let Some(job) = self.jobs().get_opt(name).await? else { return Err(Error::Changed) };
        if !owned_by(job.metadata.owner_references.as_ref(), &self.import.uid().unwrap_or_default()) {
            draft.failing(word::NAME_CONFLICT, &format!("The Job `{name}` belongs to someone else"));
            work.completed = Some(draft.now());
            work::set(&mut draft, stage, &work);
            return self.write(&draft).await;
        }
        let live = self.live().await?;
        self.discard(&live, &[(name.to_owned(), job.uid().unwrap_or_default())]).await?;
        Err(Error::Changed)
    }

    /// Judges the facts that were stored a moment ago, so that the end of the reading and the verdict are one write.
    async fn judge_at_once(&self, kept: &Plan, stored: ImageImport) -> Result<Done> {
        let ahead = status::ahead(&stored, &kept.draft.status);
        let world = World {
            import: &ahead,
            profile: self.usable.clone(),
            jobs: vec![],
            outcome: None,
            progress: None,
            own_url: None,
            slot: false,
            place: None,
            now: kept.draft.now().0,
            times: &self.context.shared.settings.times,
        };
        let next = plan(&world);
        match &next.act {
            Act::Judge { key, facts_key, again: false } => {
                Box::pin(self.judge(next.draft, key, facts_key, stored)).await
            }
            _ => Ok((self.context.shared.writer.lifecycle(&stored, &kept.draft.status).await?, None)),
        }
    }

    /// Judges the facts that are stored in `live`.
    async fn judge(&self, mut draft: Draft, key: &VerdictKey, facts_key: &str, live: ImageImport) -> Result<Done> {
        let shared = &self.context.shared;
        let Some(profile) = &self.profile else { return Err(Error::Changed) };
        let stored = live.status.clone().unwrap_or_default();
        let inspection = stored.disks.iter().find(|d| d.name == SYSTEM_DISK).and_then(|d| d.inspection.clone());
        let inspection = inspection.filter(|i| i.key.as_deref() == Some(facts_key)).ok_or(Error::Changed)?;
        let Some(facts) = inspection.facts.as_deref().and_then(facts_of) else {
            return self.read_again(&live, draft).await;
        };
        let request = request(self.import, draft.now().0);
        let report = report::judge(&facts, &profile.name_any(), &profile.spec, &request);
        let last = draft.status.verdict_key.as_deref().and_then(VerdictKey::parse);
        if last.as_ref().is_some_and(|last| !last.same_rules(key)) && verdict::too_old(&report, &facts) {
            return self.read_again(&live, draft).await;
        }
        let mut summary = report::summary(&report);
        summary.profile_generation = profile.metadata.generation.unwrap_or_default();
        let rules = report::conditions(&report);
        let part = status::with_report(&stored, &report.image, summary, &rules, draft.now());
        let written = shared.writer.report(&live, &part).await?;
        verdict::settle(&mut draft, &report, &facts, key, self.import.spec.destination.is_some());
        let latest = shared.writer.lifecycle(&written, &draft.status).await?;
        events::publish(shared, self.import, events::idle_waivers(&request)).await;
        self.count(&report, inspection.start_time.as_ref(), facts.reads.bytes, last.is_none());
        Ok((latest, None))
    }

    /// Facts that cannot be used are dropped: the next look finds none, and reads.
    async fn read_again(&self, live: &ImageImport, mut draft: Draft) -> Result<Done> {
        let part = status::without_facts(&live.status.clone().unwrap_or_default());
        let written = self.context.shared.writer.report(live, &part).await?;
        draft.status.verdict_key = None;
        draft.set(
            INSPECTED,
            Status::Unknown,
            "NotInspected",
            "The stored facts cannot be used: the image is read again",
        );
        Ok((self.context.shared.writer.lifecycle(&written, &draft.status).await?, None))
    }

    fn count(&self, report: &report::Report, started: Option<&Time>, bytes: u64, first: bool) {
        let metrics = &self.context.shared.metrics;
        for rule in &report.rules {
            metrics.rule(&report.profile, &rule.rule, outcome_word(rule.result));
        }
        if let Some(started) = started.filter(|_| first) {
            let word = match report.verdict {
                report::Overall::Compliant => "Compliant",
                report::Overall::NonCompliant => "NonCompliant",
                report::Overall::Undetermined => "Undetermined",
            };
            metrics.inspected(&report.profile, word, seconds_since(started), bytes);
        }
    }

    /// Publishes the copy. Whoever creates the record first has published; another's copy of the same content is as good.
    async fn publish(&self, draft: Draft) -> Result<Done> {
        let (latest, _) = self.write(&draft).await?;
        let (Some(record), Some(identity)) = (customimage::record(&latest), customimage::identity(&latest)) else {
            return Err(Error::Changed);
        };
        let found = customimage::publish(&self.context.shared.client, &record).await?;
        if let Some(started) = work::of(&draft.status, Stage::Convert).started {
            let word = if found == customimage::Found::Same { "Published" } else { "NameConflict" };
            self.context.shared.metrics.converted(word, seconds_since(&started));
        }
        Hand { import: &latest, context: self.context, profile: None, usable: self.usable.clone() }
            .published(draft, found, &identity)
            .await
    }

    async fn published(
        &self,
        mut draft: Draft,
        found: customimage::Found,
        identity: &customimage::Identity,
    ) -> Result<Done> {
        if found == customimage::Found::Same {
            draft.status.custom_image_ref = Some(customimage::reference(identity));
            draft.set(CONVERTED, Status::True, word::WRITTEN, "");
            draft.done(word::IMPORTED, "The image is in the store");
        } else {
            let message = format!(
                "The CustomImage `{}` records another image; choose another `spec.customImageName`",
                identity.name
            );
            draft.failing(word::NAME_CONFLICT, &message);
        }
        self.write(&draft).await
    }

    /// Deletes Jobs that are no longer wanted, unless what is stored by now still wants them.
    async fn discard(&self, latest: &ImageImport, jobs: &[(String, String)]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let api: Api<ImageImport> = Api::namespaced(self.context.shared.client.clone(), &self.namespace());
        // What was just written is the truth; a cached object may be older than the note of a Job.
        let latest = if latest.resource_version() == self.import.resource_version() {
            api.get_opt(&self.import.name_any()).await?.filter(|live| live.uid() == self.import.uid())
        } else {
            Some(latest.clone())
        };
        let wanted =
            latest.as_ref().and_then(|l| l.status.as_ref()).and_then(work::in_flight).and_then(|(_, w)| w.job_uid);
        for (name, uid) in jobs.iter().filter(|(_, uid)| Some(uid) != wanted.as_ref()) {
            let only = Preconditions { uid: Some(uid.clone()), resource_version: None };
            match self.jobs().delete(name, &DeleteParams::foreground().preconditions(only)).await {
                Ok(_) => tracing::info!(namespace = self.namespace(), job = name, "Deleted a worker Job"),
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// True when what was decided on the one holds for the other: the same object, spec, request and lifecycle.
fn same_ground(live: &ImageImport, decided_on: &ImageImport) -> bool {
    let part = |i: &ImageImport| i.status.as_ref().map(lifecycle_part);
    live.uid() == decided_on.uid()
        && live.metadata.generation == decided_on.metadata.generation
        && live.metadata.deletion_timestamp == decided_on.metadata.deletion_timestamp
        && live.requested_at() == decided_on.requested_at()
        && part(live) == part(decided_on)
}

fn is_terminating(refusal: &Refusal) -> bool {
    let causes = refusal.details.as_ref().map(|d| &d.causes);
    causes.is_some_and(|c| c.iter().any(|c| c.reason == "NamespaceTerminating"))
}

fn facts_of(text: &str) -> Option<Facts> {
    match decode(text) {
        Ok(Message::Facts(facts)) => Some(*facts),
        _ => None,
    }
}

fn outcome_word(outcome: report::Outcome) -> &'static str {
    match outcome {
        report::Outcome::Pass => "Pass",
        report::Outcome::Fail => "Fail",
        report::Outcome::Warn => "Warn",
        report::Outcome::Advice => "Advice",
        report::Outcome::Unknown => "Unknown",
        report::Outcome::NotApplicable => "NotApplicable",
        report::Outcome::Waived => "Waived",
    }
}

fn seconds_since(time: &Time) -> f64 {
    Timestamp::now().duration_since(time.0).as_secs_f64().max(0.0)
}

/// What the rules read of the spec.
pub fn request(import: &ImageImport, now: Timestamp) -> Request {
    let spec = &import.spec;
    let image = spec.image.clone().unwrap_or_default();
    Request {
        url: spec.source.url.clone(),
        format: spec.source.format.map(|f| f.name().to_owned()),
        image_name: image.name,
        description: image.description,
        os_type: image.os_type,
        platform: image.platform,
        architecture: image.architecture,
        system_disk_size_gib: image.system_disk_size_gib,
        force: image.force,
        acknowledgements: image.acknowledgements,
        waivers: spec.waivers.clone(),
        now,
    }
}
