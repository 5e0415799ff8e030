//! What each reason for not being ready means for trying again.

use crate::api::conditions::reason::{
    CANCELLED, CHECKSUM_MISMATCH, CONVERSION_NOT_SUPPORTED, DEADLINE_EXCEEDED, DESTINATION_CHANGED, DESTINATION_EXISTS,
    DESTINATION_FORBIDDEN, DESTINATION_NOT_FOUND, DESTINATION_UNAVAILABLE, IMAGE_TOO_LARGE, INTERNAL_ERROR,
    INVALID_CREDENTIALS, INVALID_SPEC, NAME_CONFLICT, POD_REFUSED, PROFILE_NOT_FOUND, PROFILE_NOT_READY,
    QUOTA_EXCEEDED, RESULT_LOST, SECRET_KEY_NOT_FOUND, SECRET_NOT_FOUND, SOURCE_CHANGED, SOURCE_CORRUPT,
    SOURCE_FORBIDDEN, SOURCE_NOT_FOUND, SOURCE_UNAVAILABLE, TOO_MANY_DISRUPTIONS, UNSCHEDULABLE, WORKER_CRASHED,
    WORKER_IMAGE_NOT_PULLED, WORKER_OUT_OF_MEMORY,
};

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
    (INVALID_CREDENTIALS, Class::Slow),
    (SOURCE_NOT_FOUND, Class::Slow),
    (SOURCE_FORBIDDEN, Class::Slow),
    (DESTINATION_FORBIDDEN, Class::Slow),
    (DESTINATION_NOT_FOUND, Class::Slow),
    (INTERNAL_ERROR, Class::Terminal),
    (WORKER_CRASHED, Class::Terminal),
    (WORKER_OUT_OF_MEMORY, Class::Terminal),
    (DEADLINE_EXCEEDED, Class::Terminal),
    (TOO_MANY_DISRUPTIONS, Class::Terminal),
    (RESULT_LOST, Class::Terminal),
    (NAME_CONFLICT, Class::Terminal),
    (SOURCE_CHANGED, Class::Terminal),
    (SOURCE_CORRUPT, Class::Terminal),
    (CHECKSUM_MISMATCH, Class::Terminal),
    (IMAGE_TOO_LARGE, Class::Terminal),
    (DESTINATION_EXISTS, Class::Terminal),
    (DESTINATION_CHANGED, Class::Terminal),
    (CONVERSION_NOT_SUPPORTED, Class::Terminal),
    (INVALID_SPEC, Class::Terminal),
    (CANCELLED, Class::Terminal),
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
    fn reasons_are_the_apis_and_have_one_class_each() {
        for (i, (name, _)) in REASONS.iter().enumerate() {
            assert!(crate::api::conditions::reason::ALL.contains(name), "{name}");
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
