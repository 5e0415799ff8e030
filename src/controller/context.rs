//! What every look at an import shares.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Recorder;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::backoff::Backoff;
use super::queue::{Kind, Queue, Ticket};
use super::settings::Settings;
use super::status::Writer;
use super::store::Scope;
use crate::api::{CustomImage, ImageImport, ImportProfile, Progress};
use crate::metrics::Metrics;

/// Shortest time between two verdicts that are made again: a changed profile may concern thousands of imports.
const JUDGE_PAUSE: Duration = Duration::from_millis(200);

/// One scope's context.
pub struct Context {
    /// The caches.
    pub scope: Scope,
    /// What all scopes share.
    pub shared: Arc<Shared>,
}

/// What all scopes share.
pub struct Shared {
    /// The API server.
    pub client: Client,
    /// Flags.
    pub settings: Settings,
    /// Profiles.
    pub profiles: Store<ImportProfile>,
    /// Writes statuses.
    pub writer: Writer,
    /// Errors of ours.
    pub backoff: Backoff,
    /// What Prometheus sees.
    pub metrics: Arc<Metrics>,
    /// Events.
    pub recorder: Recorder,
    /// Who asks the others to look.
    pub wakers: Vec<Waker>,
    /// True once the running Jobs are counted in.
    pub counted: watch::Receiver<bool>,
    queue: Mutex<Queue>,
    notices: Mutex<Queue>,
    pods_seen: Mutex<HashMap<String, HashSet<String>>>,
    progress: Mutex<HashMap<String, (Timestamp, Progress)>>,
    judging: Mutex<Judging>,
}

/// Makes the controllers of a namespace look at an object.
#[derive(Clone)]
pub struct Waker {
    /// The namespace; `None`: all.
    pub namespace: Option<String>,
    /// That of imports.
    pub imports: UnboundedSender<ObjectRef<ImageImport>>,
    /// That of records.
    pub records: UnboundedSender<ObjectRef<CustomImage>>,
}

impl Waker {
    /// Has an object looked at.
    pub fn wake(&self, kind: Kind, namespace: &str, name: &str) {
        // A closed channel is a controller that has stopped.
        let _ = match kind {
            Kind::Import => self.imports.send(ObjectRef::new(name).within(namespace)).is_ok(),
            Kind::Record => self.records.send(ObjectRef::new(name).within(namespace)).is_ok(),
        };
    }
}

#[derive(Default)]
struct Judging {
    next: Option<Instant>,
    turns: HashMap<String, Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Nothing runs and nobody waits.
    pub fn new(
        client: Client,
        settings: Settings,
        profiles: Store<ImportProfile>,
        metrics: Arc<Metrics>,
        recorder: Recorder,
        wakers: Vec<Waker>,
        counted: watch::Receiver<bool>,
    ) -> Self {
        let queue = || Mutex::new(Queue::new(settings.max_workers, settings.max_workers_per_namespace));
        let (queue, notices) = (queue(), queue());
        Self {
            writer: Writer::new(client.clone()),
            client,
            settings,
            profiles,
            backoff: Backoff::default(),
            metrics,
            recorder,
            wakers,
            counted,
            queue,
            notices,
            pods_seen: Mutex::default(),
            progress: Mutex::default(),
            judging: Mutex::default(),
        }
    }

    /// Has an object looked at.
    pub fn wake(&self, kind: Kind, namespace: &str, name: &str) {
        let of = |w: &&Waker| w.namespace.as_deref().is_none_or(|n| n == namespace);
        for waker in self.wakers.iter().filter(of) {
            waker.wake(kind, namespace, name);
        }
    }

    /// Works on the queue, then wakes whoever got a slot by it, and counts.
    pub fn queue<T>(&self, work: impl FnOnce(&mut Queue) -> (T, Vec<Ticket>)) -> T {
        let (result, granted, running, queued) = {
            let mut queue = lock(&self.queue);
            let (result, granted) = work(&mut queue);
            (result, granted, queue.running(), queue.queued())
        };
        self.metrics.workers(running, queued);
        for ticket in granted {
            self.wake(ticket.kind, &ticket.namespace, &ticket.name);
        }
        result
    }

    /// Works on the line of those who send notices, then wakes whoever got a slot by it. It is as long as the workers' own,
    /// so that an image never waits for a web server that does not answer.
    pub fn notices<T>(&self, work: impl FnOnce(&mut Queue) -> (T, Vec<Ticket>)) -> T {
        let (result, granted) = work(&mut lock(&self.notices));
        for ticket in granted {
            self.wake(ticket.kind, &ticket.namespace, &ticket.name);
        }
        result
    }

    /// How many pods of a Job were seen so far, these included. Evicted pods vanish; the count must not.
    pub fn pods_seen(&self, job_uid: &str, pods: impl Iterator<Item = String>) -> usize {
        let mut all = lock(&self.pods_seen);
        let seen = all.entry(job_uid.to_owned()).or_default();
        seen.extend(pods);
        seen.len()
    }

    /// When progress was written last, and which.
    pub fn last_progress(&self, job_uid: &str) -> Option<(Timestamp, Progress)> {
        lock(&self.progress).get(job_uid).cloned()
    }

    /// Progress is being written.
    pub fn note_progress(&self, job_uid: &str, at: Timestamp, progress: Progress) {
        lock(&self.progress).insert(job_uid.to_owned(), (at, progress));
    }

    /// Drops what is remembered of Jobs that are no more.
    pub fn forget_jobs(&self, alive: &HashSet<String>) {
        lock(&self.pods_seen).retain(|uid, _| alive.contains(uid));
        lock(&self.progress).retain(|uid, _| alive.contains(uid));
    }

    /// Takes a turn at judging again: nothing when it is now, else how long to wait for it.
    pub fn judging_turn(&self, uid: &str, now: Instant) -> Option<Duration> {
        let mut judging = lock(&self.judging);
        let turn = if let Some(turn) = judging.turns.get(uid) {
            *turn
        } else {
            let turn = judging.next.map_or(now, |next| next.max(now));
            judging.next = Some(turn + JUDGE_PAUSE);
            judging.turns.insert(uid.to_owned(), turn);
            turn
        };
        if turn > now {
            return Some(turn - now);
        }
        judging.turns.remove(uid);
        None
    }
}
