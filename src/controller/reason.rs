//! Why an import is not ready, as one word each, and what each word means for trying again.

/// What becomes of an import that failed for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The transport: tried again after 1 min x 2^n, at most 30 min; never stalled.
    Retry,
    /// Something in the cluster is missing that may yet come: as `Retry`, and stalled after `--grace`.
    Grace,
    /// Stalled at once, and looked at again after 15 min x 2^n, at most 2 h.
    Slow,
    /// Stalled until the spec changes or a new reading is asked for.
    Terminal,
}

/// The bucket could not be reached in all attempts of a Job.
pub const SOURCE_UNAVAILABLE: &str = "SourceUnavailable";
/// The store could not be reached in all attempts of a Job.
pub const DESTINATION_UNAVAILABLE: &str = "DestinationUnavailable";
/// A Secret the pod mounts is not there.
pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
/// A Secret the pod mounts lacks a documented key.
pub const SECRET_KEY_NOT_FOUND: &str = "SecretKeyNotFound";
/// The worker's image cannot be had.
pub const WORKER_IMAGE_NOT_PULLED: &str = "WorkerImageNotPulled";
/// A ResourceQuota of the namespace refuses the worker.
pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
/// Admission refuses the worker: Pod Security, a LimitRange, a policy.
pub const POD_REFUSED: &str = "PodRefused";
/// No node takes the worker.
pub const UNSCHEDULABLE: &str = "Unschedulable";
/// There is no profile of that name.
pub const PROFILE_NOT_FOUND: &str = "ProfileNotFound";
/// The profile cannot be applied by this version.
pub const PROFILE_NOT_READY: &str = "ProfileNotReady";
/// The worker found its own arguments or credentials unusable.
pub const WORKER_REFUSED: &str = "WorkerRefused";
/// The object or its bucket is not there.
pub const SOURCE_NOT_FOUND: &str = "SourceNotFound";
/// The bucket refuses these credentials.
pub const SOURCE_FORBIDDEN: &str = "SourceForbidden";
/// A bug of the worker.
pub const INTERNAL_ERROR: &str = "InternalError";
/// The worker died of a signal.
pub const WORKER_CRASHED: &str = "WorkerCrashed";
/// The worker was killed for its memory.
pub const WORKER_OUT_OF_MEMORY: &str = "WorkerOutOfMemory";
/// The Job's time was up.
pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
/// Pods were evicted too often.
pub const TOO_MANY_DISRUPTIONS: &str = "TooManyDisruptions";
/// Jobs finished and their messages were gone, too often.
pub const RESULT_LOST: &str = "ResultLost";
/// An object of the name that is needed belongs to someone else.
pub const NAME_CONFLICT: &str = "NameConflict";
/// The format asked for is not the source's, and is not converted to.
pub const CONVERSION_NOT_SUPPORTED: &str = "ConversionNotSupported";

/// Every reason the controller gives by itself. Other reasons are a rule's code.
pub const REASONS: &[(&str, Class)] = &[
    (SOURCE_UNAVAILABLE, Class::Retry),
    (DESTINATION_UNAVAILABLE, Class::Retry),
    (SECRET_NOT_FOUND, Class::Grace),
    (SECRET_KEY_NOT_FOUND, Class::Grace),
    (WORKER_IMAGE_NOT_PULLED, Class::Grace),
    (QUOTA_EXCEEDED, Class::Grace),
    (POD_REFUSED, Class::Grace),
    (UNSCHEDULABLE, Class::Grace),
    (PROFILE_NOT_FOUND, Class::Grace),
    (PROFILE_NOT_READY, Class::Grace),
    (WORKER_REFUSED, Class::Slow),
    (SOURCE_NOT_FOUND, Class::Slow),
    (SOURCE_FORBIDDEN, Class::Slow),
    ("DestinationForbidden", Class::Slow),
    ("DestinationNotFound", Class::Slow),
    (INTERNAL_ERROR, Class::Terminal),
    (WORKER_CRASHED, Class::Terminal),
    (WORKER_OUT_OF_MEMORY, Class::Terminal),
    (DEADLINE_EXCEEDED, Class::Terminal),
    (TOO_MANY_DISRUPTIONS, Class::Terminal),
    (RESULT_LOST, Class::Terminal),
    (NAME_CONFLICT, Class::Terminal),
    ("SourceChanged", Class::Terminal),
    ("DestinationExists", Class::Terminal),
    (CONVERSION_NOT_SUPPORTED, Class::Terminal),
];

/// Reasons whose Job is kept until its time to live or the next attempt, for its pod's log.
pub const KEPT_FOR_ITS_LOG: &[&str] = &[INTERNAL_ERROR, WORKER_CRASHED, WORKER_OUT_OF_MEMORY];

/// The class of a reason; `None` for a rule's code and words of other versions.
pub fn class(reason: &str) -> Option<Class> {
    REASONS.iter().find(|(name, _)| *name == reason).map(|(_, class)| *class)
}

/// The known reason that a worker's word is, or `InternalError`: a pod's message never chooses a reason freely.
pub fn known(word: &str) -> &'static str {
    REASONS.iter().find(|(name, _)| *name == word).map_or(INTERNAL_ERROR, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_unique_and_fit_a_condition() {
        for (i, (name, _)) in REASONS.iter().enumerate() {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
            assert!(REASONS.iter().skip(i + 1).all(|(other, _)| other != name), "{name} twice");
        }
        assert!(KEPT_FOR_ITS_LOG.iter().all(|r| class(r) == Some(Class::Terminal)));
    }

    #[test]
    fn a_workers_word_is_taken_only_when_known() {
        assert_eq!(known("SourceChanged"), "SourceChanged");
        assert_eq!(known("Ready"), INTERNAL_ERROR);
    }
}
