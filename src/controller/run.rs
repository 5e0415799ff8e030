//! The operator's tasks: leadership, watches, queue, controllers, in the order in which they start and end.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, ListParams};
use kube::runtime::controller::{Action, Config, Controller, Error as ControllerError};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::context::{Context, Shared, Waker};
use super::deletion::record;
use super::leader::Elector;
use super::look::Error;
use super::queue::{Kind, Queue, Ticket};
use super::settings::Settings;
use super::store::{self, Filled, Scope, Touched, Watches};
use super::worker::{IMPORT_NAME, RECORD_NAME};
use super::{imageimport, importprofile};
use crate::api::{CustomImage, ImageImport, ImportProfile};
use crate::metrics::Metrics;
use crate::server::Readiness;

/// Looks at imports at once.
const CONCURRENCY: u16 = 8;
/// Changes within this time are one look.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// How often slots of imports that are gone are given back.
const SWEEP: Duration = Duration::from_secs(10);
/// How often the resources are looked for before they are there.
const RESOURCES: Duration = Duration::from_secs(2);

/// How long the end of what is being written is waited for: less than a Lease lasts, which is no longer renewed.
const SHUTDOWN: Duration = Duration::from_secs(8);

/// How an operator ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// Another leads: the process must end, and begin again as a candidate.
    Lost,
}

/// The operator.
pub struct Operator {
    /// The API server.
    pub client: Client,
    /// Flags.
    pub settings: Settings,
    /// Its name among the candidates: the pod's.
    pub identity: String,
    /// What Prometheus sees.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` says.
    pub ready: Readiness,
    /// Asks it to stop.
    pub stop: CancellationToken,
}

impl Operator {
    /// Runs until it is asked to stop or loses its leadership.
    pub async fn run(self) -> Ended {
        tokio::select! {
            () = self.stop.cancelled() => return Ended::Stopped,
            () = self.resources() => self.ready.set(true),
        }
        let Settings { namespace, lease_name, .. } = &self.settings;
        let mut elector = Elector::new(self.client.clone(), namespace, lease_name, &self.identity);
        tracing::info!(identity = self.identity, "Waiting for leadership");
        tokio::select! {
            () = self.stop.cancelled() => return Ended::Stopped,
            () = elector.acquire() => {}
        }
        tracing::info!(identity = self.identity, "Started leading");
        self.metrics.leads(true);
        let work = CancellationToken::new();
        let tasks = self.lead(work.clone());
        tokio::pin!(tasks);
        let ended = tokio::select! {
            () = elector.keep() => Ended::Lost,
            () = self.stop.cancelled() => Ended::Stopped,
            () = &mut tasks => Ended::Lost,
        };
        self.metrics.leads(false);
        if ended == Ended::Lost {
            tracing::error!(identity = self.identity, "Lost leadership");
            return ended;
        }
        // What is being written is written to the end; then the next may lead at once.
        work.cancel();
        if tokio::time::timeout(SHUTDOWN, tasks).await.is_err() {
            tracing::warn!("Stopped before everything was written");
        }
        elector.release().await;
        ended
    }

    /// Waits until the API server knows our resources and lets us read them.
    async fn resources(&self) {
        loop {
            let one = ListParams::default().limit(1);
            let namespace = self.settings.watch_namespaces.first();
            let (imports, records): (Api<ImageImport>, Api<CustomImage>) = match namespace {
                Some(name) => (Api::namespaced(self.client.clone(), name), Api::namespaced(self.client.clone(), name)),
                None => (Api::all(self.client.clone()), Api::all(self.client.clone())),
            };
            let profiles: Api<ImportProfile> = Api::all(self.client.clone());
            match futures::try_join!(imports.list(&one), records.list(&one), profiles.list(&one)) {
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, "The resources cannot be read yet"),
            }
            tokio::time::sleep(RESOURCES).await;
        }
    }

    /// All that only a leader does.
    async fn lead(&self, stop: CancellationToken) {
        let namespaces: Vec<Option<String>> = match self.settings.watch_namespaces.as_slice() {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        importprofile::install(&self.client, &self.settings).await;
        let (profiles, profile_watch, profiles_filled) = store::profiles(&self.client, &self.metrics);
        let (mut scopes, mut watches, mut wakers, mut woken) = (vec![], vec![], vec![], vec![]);
        for namespace in namespaces {
            let (scope, watch) = Scope::new(&self.client, namespace.clone(), &self.metrics);
            let (imports, import_woken) = mpsc::unbounded_channel();
            let (records, record_woken) = mpsc::unbounded_channel();
            wakers.push(Waker { namespace, imports, records });
            woken.push((import_woken, record_woken));
            scopes.push(scope);
            watches.push(watch);
        }
        let (count, counted) = watch::channel(false);
        let reporter =
            Reporter { controller: "imageimport.dev/operator".into(), instance: Some(self.identity.clone()) };
        let recorder = Recorder::new(self.client.clone(), reporter);
        let shared = Arc::new(Shared::new(
            self.client.clone(),
            self.settings.clone(),
            profiles,
            Arc::clone(&self.metrics),
            recorder,
            wakers,
            counted,
        ));
        let mut tasks = JoinSet::new();
        for ((scope, watches), woken) in scopes.iter().cloned().zip(watches).zip(woken) {
            let Watches { imports, records, jobs, pods } = watches;
            let waker = shared.wakers.iter().find(|w| w.namespace == scope.namespace).cloned();
            if let Some(waker) = waker {
                tasks.spawn(forward(jobs, waker.clone(), owner, stop.clone()));
                tasks.spawn(forward(pods, waker, named, stop.clone()));
            }
            let context = Arc::new(Context { scope, shared: Arc::clone(&shared) });
            let scope = &context.scope;
            let of_imports = Controller::for_stream(imports, scope.imports.clone());
            let of_records = Controller::for_stream(records, scope.records.clone());
            let (looked, again) = (imageimport::reconcile, imageimport::retry);
            tasks.spawn(run(of_imports, Arc::clone(&context), woken.0, looked, again, stop.clone()));
            tasks.spawn(run(of_records, context, woken.1, record::reconcile, record::retry, stop.clone()));
        }
        {
            let (shared, scopes, stop) = (Arc::clone(&shared), scopes.clone(), stop.clone());
            tasks.spawn(async move { importprofile::run(&shared, &scopes, profile_watch, stop).await });
        }
        let ready = self.ready.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = count_in(&shared, &scopes, profiles_filled) => {}
            }
            // Whoever waits for it has gone when this fails.
            let _ = count.send(true);
            ready.set(true);
            sweep(&shared, &scopes, &stop).await;
            drop(count);
        });
        while tasks.join_next().await.is_some() {}
    }
}

/// Runs the controller of one kind in one scope.
async fn run<K, Looked>(
    controller: Controller<K>,
    context: Arc<Context>,
    woken: mpsc::UnboundedReceiver<ObjectRef<K>>,
    reconcile: fn(Arc<K>, Arc<Context>) -> Looked,
    retry: fn(Arc<K>, &Error, Arc<Context>) -> Action,
    stop: CancellationToken,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    Looked: Future<Output = Result<Action, Error>> + Send + 'static,
{
    controller
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
        .reconcile_on(futures::stream::unfold(woken, |mut woken| async move { Some((woken.recv().await?, woken)) }))
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(reconcile, retry, context)
        .for_each(|result| {
            match result {
                // Reported where it came up, or an object that is gone.
                Ok(_) | Err(ControllerError::ReconcilerFailed(..) | ControllerError::ObjectNotFound(_)) => {}
                Err(error) => tracing::warn!(%error, "Controller failed"),
            }
            futures::future::ready(())
        })
        .await;
}

/// An import or a record: kind, namespace and name.
type Target = (Kind, String, String);

/// Polls a watch, and has whatever its objects belong to looked at.
async fn forward<K: Send + 'static>(
    mut watch: Touched<K>,
    to: Waker,
    target: impl Fn(&K) -> Option<Target> + Send,
    stop: CancellationToken,
) {
    loop {
        let object = tokio::select! {
            () = stop.cancelled() => return,
            object = watch.next() => match object {
                Some(Ok(object)) => object,
                Some(Err(_)) => continue,
                None => return,
            },
        };
        if let Some((kind, namespace, name)) = target(&object) {
            to.wake(kind, &namespace, &name);
        }
    }
}

fn owner(job: &Job) -> Option<Target> {
    let Ticket { kind, namespace, name, .. } = ticket(job)?;
    Some((kind, namespace, name))
}

/// What an annotation names: only a hint to look at it, whoever wrote it.
fn named(object: &impl ResourceExt) -> Option<Target> {
    let of = |kind, key: &str| Some((kind, object.annotations().get(key)?.clone()));
    let (kind, name) = of(Kind::Import, IMPORT_NAME).or_else(|| of(Kind::Record, RECORD_NAME))?;
    Some((kind, object.namespace()?, name))
}

/// Waits for the caches, then takes a slot for every Job that runs.
async fn count_in(shared: &Shared, scopes: &[Scope], profiles: Filled) {
    for mut filled in scopes.iter().flat_map(|s| s.filled.clone()).chain([profiles]) {
        // A watch that has ended fills nothing; then everything ends.
        let _ = filled.wait_for(|filled| *filled).await;
    }
    for scope in scopes {
        for job in scope.jobs.state().iter().filter(|job| !store::seen(job).finished) {
            let Some(ticket) = ticket(job) else { continue };
            let adopt = |queue: &mut Queue| {
                queue.adopt(ticket);
                ((), vec![])
            };
            if store::sends_notice(job) { shared.notices(adopt) } else { shared.queue(adopt) }
        }
    }
}

/// Whose Job it is.
fn ticket(job: &Job) -> Option<Ticket> {
    let owner = job.metadata.owner_references.as_ref()?.iter().find(|o| o.controller == Some(true))?;
    let kind = match owner.kind.as_str() {
        "ImageImport" => Kind::Import,
        "CustomImage" => Kind::Record,
        _ => return None,
    };
    let namespace = job.metadata.namespace.clone()?;
    Some(Ticket { kind, namespace, name: owner.name.clone(), uid: owner.uid.clone() })
}

/// Gives back, from time to time, what imports, records and Jobs held that are no more.
async fn sweep(shared: &Shared, scopes: &[Scope], stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
        let imports = scopes.iter().flat_map(|s| s.imports.state()).filter_map(|i| i.uid());
        let records = scopes.iter().flat_map(|s| s.records.state_filter(record::leaves)).filter_map(|r| r.uid());
        let jobs: Vec<Arc<Job>> = scopes.iter().flat_map(|s| s.jobs.state()).collect();
        let owners = jobs.iter().filter(|j| !store::seen(j).finished).filter_map(|j| ticket(j)).map(|t| t.uid);
        let alive: HashSet<String> = imports.chain(records).chain(owners).collect();
        shared.queue(|queue| ((), queue.retain(&alive)));
        shared.notices(|queue| ((), queue.retain(&alive)));
        shared.forget_jobs(&jobs.iter().filter_map(|j| j.uid()).collect());
    }
}
