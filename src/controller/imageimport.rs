//! A look at an import: observe, decide, carry out.

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::Api;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::context::Context;
use super::customimage::Found;
use super::jobs::{self, Made};
use super::judgement::{facts_of, images, judge, request, stored_facts};
use super::key::{Stage, VerdictKey};
use super::look::{self, CAUGHT_UP, Error, Result};
use super::moment::{Draft, lifecycle_part};
use super::plan::{Act, Plan, Profile, World, plan};
use super::queue::{Kind, Ticket};
use super::work::{self, Task, Work};
use super::{customimage, deletion, events, notification, observe, status, verdict, worker};
use crate::api::conditions::{CONVERTED, INSPECTED, READY, Status, reason as word};
use crate::api::{ImageImport, ImportProfile, SYSTEM_DISK};
use crate::report;

/// How often it is looked whether a record that is being deleted is gone.
const LEAVING: SignedDuration = SignedDuration::from_secs(5);

/// A look at an import, counted.
///
/// # Errors
/// What is worth a backoff.
pub async fn reconcile(import: Arc<ImageImport>, context: Arc<Context>) -> Result<Action> {
    let uid = import.uid().unwrap_or_default();
    look::counted(&context.shared, "imageimport", &uid, Box::pin(look(&import, &context))).await
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
    if deletion::is_spare(import) {
        return deletion::look_at_spare(import, context).await;
    }
    let (profile, usable) = observe::profile(context, import);
    let mut world = observe::world(context, import, usable).await?;
    let mut next = plan(&world);
    if next.slot && !world.slot {
        let (namespace, name) = (import.namespace().unwrap_or_default(), import.name_any());
        let ticket = Ticket { kind: Kind::Import, namespace, name, uid: uid.clone() };
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
        let told = events::between(import.status.as_ref(), status);
        events::publish(&context.shared, &import.object_ref(&()), told).await;
    }
    hand.discard(&latest, &next.discard).await?;
    let mut again = again.or(next.again);
    if next.act == Act::Rest {
        again = [again, Box::pin(notification::look(&latest, context)).await?].into_iter().flatten().min();
    }
    Ok(again.map_or_else(Action::await_change, |d| Action::requeue(d.unsigned_abs().max(CAUGHT_UP))))
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
            Act::Start { task, name, attempt, lost } => {
                let work = Work { job_name: Some(name.clone()), attempt: *attempt, lost: *lost, ..Work::default() };
                self.start(plan.draft.clone(), task, work).await
            }
            Act::KeepFacts { disk, text, key } => {
                let live = self.live().await?;
                let part = status::with_facts(&live.status.clone().unwrap_or_default(), disk, key, text);
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
        jobs::api(&self.context.shared.client, &self.namespace())
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
    async fn start(&self, mut draft: Draft, task: &Task, mut work: Work) -> Result<Done> {
        if task.stage == Stage::Convert
            && let Some(identity) = customimage::identity(self.import)
        {
            match customimage::find(&self.context.shared.client, &self.namespace(), &identity).await? {
                Found::Nothing => {}
                found => return self.published(draft, found, &identity).await,
            }
        }
        let settings = &self.context.shared.settings;
        let name = work.job_name.clone().unwrap_or_default();
        let profile = self.profile.as_ref().map(|profile| &profile.spec);
        let Some(job) = worker::job(settings, self.import, profile, task, &name) else { return Err(Error::Changed) };
        match jobs::make(&self.jobs(), &job, &self.import.uid().unwrap_or_default(), false).await? {
            Made::New(made) => {
                work.job_uid = made.uid();
                work.started = Some(made.creation_timestamp().unwrap_or_else(|| draft.now()));
                work::set(&mut draft, task, &work);
                tracing::info!(
                    namespace = self.namespace(),
                    name = self.import.name_any(),
                    job = name,
                    "Made a worker Job"
                );
                self.note(&draft).await
            }
            Made::Foreign => {
                draft.failing(word::NAME_CONFLICT, &format!("The Job `{name}` belongs to someone else"));
                work.completed = Some(draft.now());
                work::set(&mut draft, task, &work);
                self.write(&draft).await
            }
            // An own one that was not noted is not believed.
            Made::Unnoted(uid) => {
                let live = self.live().await?;
                self.discard(&live, &[(name, uid)]).await?;
                Err(Error::Changed)
            }
            Made::Gone => Err(Error::Changed),
            Made::Terminating => Ok((self.import.clone(), None)),
            Made::Refused(reason, message) => {
                work.completed = Some(draft.now());
                work::set(&mut draft, task, &work);
                draft.failing(reason, &message);
                let (latest, _) = self.write(&draft).await?;
                Ok((latest, Some(SignedDuration::from_mins(1))))
            }
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
        let (key_of_all, texts) = stored_facts(&self.import.spec, &stored).ok_or(Error::Changed)?;
        if key_of_all != facts_key {
            return Err(Error::Changed);
        }
        let all: Option<Vec<_>> = texts.iter().map(|(disk, text)| Some((*disk, facts_of(text)?))).collect();
        let Some(all) = all else { return self.read_again(&live, draft).await };
        let facts: Vec<_> = all.iter().map(|(disk, facts)| (*disk, facts)).collect();
        let request = request(self.import, draft.now().0);
        let report = judge(&self.import.spec, &facts, &profile.name_any(), &profile.spec, &request);
        let last = draft.status.verdict_key.as_deref().and_then(VerdictKey::parse);
        if last.as_ref().is_some_and(|last| !last.same_rules(key)) && verdict::too_old(&report, &facts) {
            return self.read_again(&live, draft).await;
        }
        let mut summary = report::summary(&report);
        summary.profile_generation = profile.metadata.generation.unwrap_or_default();
        let rules = report::conditions(&report);
        let part = status::with_report(&stored, &images(&facts), summary, &rules, draft.now());
        let written = shared.writer.report(&live, &part).await?;
        verdict::settle(&mut draft, &report, &facts, key, self.import.spec.destination.is_some());
        let latest = shared.writer.lifecycle(&written, &draft.status).await?;
        events::publish(shared, &self.import.object_ref(&()), events::idle_waivers(&request)).await;
        let started = stored.disk(SYSTEM_DISK).and_then(|disk| disk.inspection.as_ref()?.start_time.as_ref());
        let bytes = facts.iter().map(|(_, facts)| facts.reads.bytes).sum();
        self.count(&report, started, bytes, last.is_none());
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
        if let Some(started) = work::of(&draft.status, &Task::new(SYSTEM_DISK, Stage::Convert)).started {
            let word = match &found {
                Found::Same(_) => Some("Published"),
                Found::Other => Some("NameConflict"),
                Found::Nothing | Found::Leaving | Found::Refused(_) => None,
            };
            if let Some(word) = word {
                self.context.shared.metrics.converted(word, seconds_since(&started));
            }
        }
        Hand { import: &latest, context: self.context, profile: None, usable: self.usable.clone() }
            .published(draft, found, &identity)
            .await
    }

    async fn published(&self, mut draft: Draft, found: Found, identity: &customimage::Identity) -> Result<Done> {
        match found {
            Found::Same(urls) => {
                draft.status.custom_image_ref = Some(customimage::reference(identity));
                draft.set(CONVERTED, Status::True, word::WRITTEN, "");
                draft.done(word::IMPORTED, "The image is in the store");
                deletion::note_spare(&mut draft, &urls);
            }
            Found::Other => {
                let message = format!(
                    "The CustomImage `{}` records another image; choose another `spec.customImageName`",
                    identity.name
                );
                draft.failing(word::NAME_CONFLICT, &message);
            }
            Found::Refused(why) => {
                let message = format!("The API server refuses the CustomImage `{}`: {why}", identity.name);
                draft.failing(word::INTERNAL_ERROR, &message);
            }
            // It was there a moment ago, or goes; its own deletion may be what waits for this slot.
            Found::Nothing | Found::Leaving => {
                let message =
                    format!("Waits until the CustomImage `{}`, which is being deleted, is gone", identity.name);
                draft.set(READY, Status::Unknown, word::QUEUED, &message);
                let uid = self.import.uid().unwrap_or_default();
                self.context.shared.queue(|queue| ((), queue.release(&uid)));
                let (latest, _) = self.write(&draft).await?;
                return Ok((latest, Some(LEAVING)));
            }
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
            jobs::delete(&self.jobs(), name, uid).await?;
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
