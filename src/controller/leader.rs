//! One leader at a time, by a Lease.
//!
//! Every change is a `replace` with the resourceVersion that was read, so two candidates cannot both win. A holder is
//! believed dead when its Lease stood still for a whole duration on our own monotonic clock: other machines' clocks do
//! not matter. A leader that cannot renew in time ends its process. A Lease coordinates, it does not fence: what keeps
//! statuses right are the resourceVersions in their writes.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

/// How long a Lease counts after its last renewal.
pub const DURATION: Duration = Duration::from_secs(15);
/// How long a leader tries to renew before it gives up; shorter, so that it is gone before another takes over.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often a leader renews and a candidate looks.
pub const RETRY: Duration = Duration::from_secs(2);

/// What a candidate saw of the Lease, and since when it looks like that.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    holder: String,
    renewed: Option<Timestamp>,
    transitions: i32,
    duration: Duration,
    since: Instant,
}

/// What to do about the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// There is none: make it.
    Create,
    /// It is ours: renew it.
    Renew,
    /// It is nobody's, or its holder is dead: take it.
    Take,
    /// It is another's.
    Wait,
}

/// Notes what a Lease looks like at `now`; the time runs from when it last changed.
pub fn observe(last: Option<Observation>, spec: &LeaseSpec, now: Instant) -> Observation {
    let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
    let new = Observation {
        holder: spec.holder_identity.clone().unwrap_or_default(),
        renewed: spec.renew_time.as_ref().map(|t| t.0),
        transitions: spec.lease_transitions.unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        since: now,
    };
    match last {
        Some(last) if Observation { since: last.since, ..new.clone() } == last => last,
        _ => new,
    }
}

/// What to do about a Lease that was observed like this, or is not there.
pub fn evaluate(seen: Option<&Observation>, me: &str, now: Instant) -> Move {
    match seen {
        None => Move::Create,
        Some(seen) if seen.holder == me => Move::Renew,
        Some(seen) if seen.holder.is_empty() => Move::Take,
        Some(seen) if now.duration_since(seen.since) >= seen.duration => Move::Take,
        Some(_) => Move::Wait,
    }
}

/// The Lease's content after a move.
fn claimed(old: &LeaseSpec, me: &str, step: Move, now: Timestamp) -> LeaseSpec {
    let transitions = old.lease_transitions.unwrap_or_default();
    let acquired = (step == Move::Renew).then(|| old.acquire_time.clone()).flatten();
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: acquired.or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions + i32::from(step == Move::Take)),
        ..old.clone()
    }
}

/// A candidate for leadership.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    me: String,
    seen: Option<Observation>,
}

impl Elector {
    /// A candidate with a name of its own.
    pub fn new(client: Client, namespace: &str, name: &str, me: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned(), me: me.to_owned(), seen: None }
    }

    /// Waits until this candidate leads.
    pub async fn acquire(&mut self) {
        loop {
            match self.step().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "Lease could not be read or written"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Renews until leadership is lost: another holds the Lease, or it could not be renewed in time.
    pub async fn keep(&mut self) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(RETRY).await;
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.step()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(error)) => tracing::warn!(%error, "Lease could not be renewed"),
            }
            if renewed.elapsed() >= RENEW_DEADLINE {
                return;
            }
        }
    }

    /// Gives the Lease back, so that the next candidate need not wait for its end.
    pub async fn release(&self) {
        let Ok(Some(mut lease)) = self.api.get_opt(&self.name).await else { return };
        let Some(spec) = lease.spec.as_mut().filter(|s| s.holder_identity.as_deref() == Some(&self.me)) else { return };
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        if let Err(error) = self.api.replace(&self.name, &PostParams::default(), &lease).await {
            tracing::warn!(%error, "Lease could not be released");
        }
    }

    /// One look and at most one write; whether this candidate leads after it.
    async fn step(&mut self) -> kube::Result<bool> {
        let lease = self.api.get_opt(&self.name).await?;
        let now = Instant::now();
        self.seen = lease.as_ref().and_then(|l| l.spec.as_ref()).map(|spec| observe(self.seen.take(), spec, now));
        let step = evaluate(self.seen.as_ref(), &self.me, now);
        let old = lease.as_ref().and_then(|l| l.spec.clone()).unwrap_or_default();
        let spec = Some(claimed(&old, &self.me, step, Timestamp::now()));
        let result = match (step, lease) {
            (Move::Wait, _) => return Ok(false),
            (_, Some(lease)) => self.api.replace(&self.name, &PostParams::default(), &Lease { spec, ..lease }).await,
            (_, None) => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                self.api.create(&PostParams::default(), &Lease { metadata, spec }).await
            }
        };
        match result {
            Ok(_) => Ok(true),
            // Another was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
