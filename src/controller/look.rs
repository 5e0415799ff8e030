//! A look at an object: how it ends early, and when the next one is.

use std::time::{Duration, Instant};

use kube::runtime::controller::Action;

use super::context::Shared;

/// How long after a conflict the cache is looked at again.
pub const CAUGHT_UP: Duration = Duration::from_millis(500);

/// Why a look ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or could not be reached.
    #[error("{0}")]
    Kube(#[from] kube::Error),
    /// The object is not the one that was decided on: decide again.
    #[error("the object changed meanwhile")]
    Changed,
}

impl Error {
    /// True when a fresh look is all that is needed.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Changed => true,
            Self::Kube(kube::Error::Api(status)) => status.code == 409 || status.code == 404,
            Self::Kube(_) => false,
        }
    }
}

/// What a step of a look gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Looks at the object with this UID once the running Jobs are counted in, and counts it.
///
/// # Errors
/// What is worth a backoff.
pub async fn counted(
    shared: &Shared,
    controller: &'static str,
    uid: &str,
    look: impl Future<Output = Result<Action>>,
) -> Result<Action> {
    let mut counted = shared.counted.clone();
    // The sender lives as long as the controllers do.
    let _ = counted.wait_for(|counted| *counted).await;
    let started = Instant::now();
    let result = look.await;
    let word = match &result {
        Ok(_) => "ok",
        Err(error) if error.is_conflict() => "conflict",
        Err(_) => "error",
    };
    shared.metrics.reconciled(controller, word, started.elapsed());
    match result {
        Err(error) if error.is_conflict() => Ok(Action::requeue(CAUGHT_UP)),
        Ok(action) => {
            shared.backoff.forget(uid);
            Ok(action)
        }
        error => error,
    }
}
