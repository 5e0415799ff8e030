//! Progress for whoever follows the log: lines `progress <done> <total>` on standard output, at most one a second.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(1);

/// Writes progress lines.
#[derive(Debug, Default)]
pub(super) struct Progress {
    last: Mutex<Option<Instant>>,
}

impl Progress {
    /// Tells how far the work is, when it is time to, and always at the end.
    pub(super) fn tell(&self, done: u64, total: u64) {
        if self.is_due(Instant::now(), done >= total) {
            // Nobody may be reading; that is no reason to stop.
            let _ = writeln!(std::io::stdout().lock(), "progress {done} {total}");
        }
    }

    fn is_due(&self, now: Instant, end: bool) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = end || last.is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_one_at_the_end() {
        let progress = Progress::default();
        let start = Instant::now();
        let at = |millis, end| progress.is_due(start + Duration::from_millis(millis), end);
        assert!(at(0, false));
        assert!(!at(999, false));
        assert!(at(1000, false));
        assert!(!at(1500, false));
        assert!(at(1600, true));
    }
}
