//! Bytes in a bucket: addresses, credentials, stores, and the cache through which everything is read.

pub mod cache;
pub mod credentials;
pub mod egress;
pub mod stores;
pub mod url;

use std::sync::Arc;

use crate::disk::ReadAt;
use crate::inspect::facts;

/// An object that was reached, or was not.
pub struct Opened {
    /// What the store said of it.
    pub facts: facts::Source,
    /// Its bytes, pinned to the entity tag; `None` when it is missing or forbidden.
    pub bytes: Option<Arc<dyn ReadAt>>,
    /// What reading has cost so far.
    pub meter: Arc<Meter>,
}

/// Counts what reading an object costs.
#[derive(Debug, Default)]
pub struct Meter {
    requests: std::sync::atomic::AtomicU64,
    bytes: std::sync::atomic::AtomicU64,
}

impl Meter {
    /// Notes one request for `bytes` bytes.
    pub fn note(&self, bytes: u64) {
        use std::sync::atomic::Ordering::Relaxed;
        self.requests.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(std::sync::atomic::Ordering::Relaxed)
    }
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(std::sync::atomic::Ordering::Relaxed)
    }
}
