//! How long to wait after an error of ours: per object, doubled each time, with jitter, forgotten on success.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(300);
/// Part of the delay that is random, in percent.
const JITTER: u32 = 20;

/// Failures in a row, by the object's UID.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Counts a failure; how long to wait now.
    pub fn failed(&self, uid: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let n = failures.entry(uid.to_owned()).and_modify(|n| *n = n.saturating_add(1)).or_default();
        // The standard library's hasher is seeded at random: no other randomness is needed for a jitter.
        delay(*n, RandomState::new().hash_one(uid))
    }

    /// Forgets an object: it succeeded, or it is gone.
    pub fn forget(&self, uid: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// The delay after `n` earlier failures.
fn delay(n: u32, random: u64) -> Duration {
    let full = FIRST.saturating_mul(1 << n.min(16)).min(CAP);
    let part = u32::try_from(random % 1000).unwrap_or_default();
    full.saturating_sub(full * JITTER * part / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let seconds: Vec<u64> = (0..11).map(|n| delay(n, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(delay(u32::MAX, 0), CAP);
    }

    #[test]
    fn jitter_shortens_by_a_fifth_at_most() {
        for random in 0..1000 {
            let d = delay(3, random);
            assert!(d <= Duration::from_secs(8) && d > Duration::from_millis(6400), "{d:?}");
        }
        assert_ne!(delay(3, 1), delay(3, 500));
    }

    #[test]
    fn each_object_counts_for_itself_and_success_forgets() {
        let backoff = Backoff::default();
        for _ in 0..6 {
            backoff.failed("a");
        }
        assert!(backoff.failed("a") > Duration::from_secs(50));
        assert!(backoff.failed("b") <= Duration::from_secs(1));
        backoff.forget("a");
        assert!(backoff.failed("a") <= Duration::from_secs(1));
    }
}
