//! What reading costs, and how much it may.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cloud::Cloud;
use super::url::LAYER;
use crate::disk::{Error, Result};
use crate::inspect::Budget;

/// Reads that are remembered; a budget allows no more requests by default.
const REMEMBERED: usize = 4096;

/// Counts what reading an object costs.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    bytes: AtomicU64,
    refused: AtomicBool,
    reads: Mutex<Vec<Read>>,
    told: Mutex<Told>,
}

/// What a store says of itself beside its answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Whose it is.
    pub cloud: Option<Cloud>,
    /// Region of the bucket.
    pub region: Option<String>,
}

/// One range that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// First byte in the object.
    pub at: u64,
    /// Bytes.
    pub len: u64,
    /// What wanted it, the innermost first.
    pub wanted_for: String,
    /// How long it took.
    pub took: Duration,
}

impl Meter {
    /// Notes one request for `bytes` bytes.
    pub fn note(&self, bytes: u64) {
        self.requests.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
    /// Notes that something was not read because the budget was used up.
    pub(crate) fn note_refused(&self) {
        self.refused.store(true, Relaxed);
    }
    /// Whether something was not read because the budget was used up.
    pub fn refused(&self) -> bool {
        self.refused.load(Relaxed)
    }
    /// Remembers one range that was fetched.
    pub(crate) fn remember(&self, read: Read) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.len() < REMEMBERED {
            reads.push(read);
        }
    }
    /// The ranges fetched so far, in the order in which they came.
    pub fn reads(&self) -> Vec<Read> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Notes what a store says of itself; what was known stays.
    pub(crate) fn hear(&self, told: Told) {
        let mut heard = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = Told { cloud: heard.cloud.or(told.cloud), region: heard.region.take().or(told.region) };
    }
    /// What the store said of itself.
    pub fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

/// A budget that began to run.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    budget: Budget,
    start: Instant,
    meter: Arc<Meter>,
}

impl Allowance {
    pub(crate) fn start(budget: &Budget, meter: &Arc<Meter>) -> Self {
        Self { budget: *budget, start: Instant::now(), meter: Arc::clone(meter) }
    }

    /// Refuses when anything is used up; checked at every read, cached or not.
    pub(crate) fn check(&self) -> Result<()> {
        let Budget { requests, bytes, time } = self.budget;
        if self.start.elapsed() >= time {
            return Err(self.refuse(format!("reading took longer than {} seconds", time.as_secs())));
        }
        if self.meter.requests() > requests {
            return Err(self.refuse(format!("reading took more than {requests} requests")));
        }
        if self.meter.bytes() > bytes {
            return Err(self.refuse(format!("reading took more than {bytes} bytes")));
        }
        Ok(())
    }

    /// Refuses when one more request would be too many.
    pub(crate) fn check_request(&self, more: u64) -> Result<()> {
        self.check()?;
        let Budget { requests, bytes, .. } = self.budget;
        if self.meter.requests() >= requests {
            return Err(self.refuse(format!("reading took {requests} requests, and more are needed")));
        }
        if self.meter.bytes().saturating_add(more) > bytes {
            return Err(self.refuse(format!("reading would take more than {bytes} bytes")));
        }
        Ok(())
    }

    /// The error that a used-up budget is.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> Error {
        self.meter.note_refused();
        Error::limit(LAYER, what)
    }

    /// Time that is left.
    pub(crate) fn time_left(&self) -> Duration {
        self.budget.time.saturating_sub(self.start.elapsed())
    }
}
