//! How much an inspection may cost.

use std::time::Duration;

/// Upper bounds of one inspection. Reaching one is `Limit`, never an error of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests to the store.
    pub requests: u64,
    /// Bytes fetched from the store.
    pub bytes: u64,
    /// Wall-clock time, checked at every read, cached or not.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { requests: 4096, bytes: 2 << 30, time: Duration::from_secs(600) }
    }
}
