//! Condition types and reasons, spelled once, and how a condition is written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The summary: True once the import is done.
pub const READY: &str = "Ready";
/// Every disk was read and judged, whatever the verdict.
pub const INSPECTED: &str = "Inspected";
/// The verdict.
pub const COMPLIANT: &str = "Compliant";
/// The image is in the store; only with a destination.
pub const CONVERTED: &str = "Converted";
/// Work goes on; present only while True.
pub const RECONCILING: &str = "Reconciling";
/// Nothing happens until somebody acts; present only while True.
pub const STALLED: &str = "Stalled";

/// The lifecycle's condition types; every other type is a rule's name.
pub const LIFECYCLE: &[&str] = &[READY, INSPECTED, COMPLIANT, CONVERTED, RECONCILING, STALLED];

/// Reasons: one word for a program, the message is for people.
///
/// A rule that fails has its cloud's code as reason instead, and `Ready` the first of them.
pub mod reason {
    macro_rules! reasons {
        ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
            $($(#[doc = $doc])* pub const $name: &str = $text;)*
            /// All of them.
            pub const ALL: &[&str] = &[$($text),*];
        };
    }
    reasons! {
        /// Waits for a free worker.
        QUEUED = "Queued";
        /// `spec.suspend` is true.
        SUSPENDED = "Suspended";
        /// A worker reads the image.
        INSPECTING = "Inspecting";
        /// A worker copies the image.
        CONVERTING = "Converting";
        /// Goes forward.
        PROGRESSING = "Progressing";
        /// Failed and is tried again.
        PROGRESSING_WITH_RETRY = "ProgressingWithRetry";
        /// The image is in the store and recorded.
        IMPORTED = "Imported";
        /// Complies; nothing was to be copied.
        CHECKED = "Checked";

        /// Every disk was read and judged.
        FACTS_STORED = "FactsStored";
        /// The rule passes, or all of them.
        PASSED = "Passed";
        /// A required rule fails.
        REJECTED = "Rejected";
        /// A required rule could not be decided.
        UNDETERMINED = "Undetermined";
        /// Only the whole image can tell; the conversion publishes nothing that fails.
        DECIDED_WHILE_CONVERTING = "DecidedWhileConverting";
        /// The copy is complete.
        WRITTEN = "Written";
        /// A budget of bytes, requests or time ran out.
        LIMIT_EXCEEDED = "LimitExceeded";

        /// The store cannot be reached.
        SOURCE_UNAVAILABLE = "SourceUnavailable";
        /// There is no such object.
        SOURCE_NOT_FOUND = "SourceNotFound";
        /// The store refuses to show the object.
        SOURCE_FORBIDDEN = "SourceForbidden";
        /// The object is not the one that was judged.
        SOURCE_CHANGED = "SourceChanged";
        /// The store cannot be written to now.
        DESTINATION_UNAVAILABLE = "DestinationUnavailable";
        /// The destination's bucket does not exist.
        DESTINATION_NOT_FOUND = "DestinationNotFound";
        /// The store refuses the write.
        DESTINATION_FORBIDDEN = "DestinationForbidden";
        /// An object is already there.
        DESTINATION_EXISTS = "DestinationExists";
        /// Another object is there than the one that was written.
        DESTINATION_CHANGED = "DestinationChanged";

        /// The Secret does not exist.
        SECRET_NOT_FOUND = "SecretNotFound";
        /// The Secret lacks a key.
        SECRET_KEY_NOT_FOUND = "SecretKeyNotFound";
        /// The Secret's content or the worker's arguments cannot be used.
        INVALID_CREDENTIALS = "InvalidCredentials";
        /// The ImportProfile does not exist.
        PROFILE_NOT_FOUND = "ProfileNotFound";
        /// The ImportProfile is not Ready.
        PROFILE_NOT_READY = "ProfileNotReady";
        /// The node cannot get the worker's image.
        WORKER_IMAGE_NOT_PULLED = "WorkerImageNotPulled";
        /// The namespace's quota leaves no room.
        QUOTA_EXCEEDED = "QuotaExceeded";
        /// An admission check refused the worker's pod.
        POD_REFUSED = "PodRefused";
        /// No node takes the worker's pod.
        UNSCHEDULABLE = "Unschedulable";

        /// The spec cannot be carried out.
        INVALID_SPEC = "InvalidSpec";
        /// Another format or size than the image's was asked for, and it is not written, or what is in the image not read.
        CONVERSION_NOT_SUPPORTED = "ConversionNotSupported";
        /// What the image holds is damaged where only the conversion reads it.
        SOURCE_CORRUPT = "SourceCorrupt";
        /// The object's SHA-256 is not the one that was asked for.
        CHECKSUM_MISMATCH = "ChecksumMismatch";
        /// Only the whole image told its size as QCOW2, and that is more than the cloud takes.
        IMAGE_TOO_LARGE = "ImageTooLarge";
        /// `spec.cancel` is true.
        CANCELLED = "Cancelled";
        /// Another object has the name that is needed.
        NAME_CONFLICT = "NameConflict";
        /// The worker finished and its result is gone.
        RESULT_LOST = "ResultLost";
        /// The worker took too long.
        DEADLINE_EXCEEDED = "DeadlineExceeded";
        /// The worker was evicted again and again.
        TOO_MANY_DISRUPTIONS = "TooManyDisruptions";
        /// The worker died of the image.
        WORKER_CRASHED = "WorkerCrashed";
        /// The worker used more memory than it may.
        WORKER_OUT_OF_MEMORY = "WorkerOutOfMemory";
        /// A bug of ours.
        INTERNAL_ERROR = "InternalError";

        /// The profile can be applied.
        PROFILE_ACCEPTED = "ProfileAccepted";
        /// The profile names a rule that this version lacks.
        UNKNOWN_RULE = "UnknownRule";
        /// The profile has more rules than conditions fit into a status.
        TOO_MANY_RULES = "TooManyRules";
        /// A profile without rules.
        NO_RULES = "NoRules";
        /// A profile that names a rule twice.
        DUPLICATE_RULE = "DuplicateRule";
        /// The profile names a code that no rule has.
        UNKNOWN_CODE = "UnknownCode";
        /// The profile says two things that cannot both hold.
        CONTRADICTION = "Contradiction";
        /// The recorded image can be used.
        AVAILABLE = "Available";
        /// The record is being deleted, and its objects with it.
        DELETING = "Deleting";
    }
}

/// What a condition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the Kubernetes API")]
pub enum Status {
    True,
    False,
    Unknown,
}

impl Status {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What all conditions of one write share.
#[derive(Debug, Clone)]
pub struct Stamp<'a> {
    /// The conditions as they are stored: one that keeps its status keeps its time.
    pub stored: &'a [Condition],
    /// The time of those that change.
    pub now: Time,
    /// The generation they speak of. `None` for rules: `kubectl wait` would wait for ever for one that is written again
    /// only when it changes.
    pub observed_generation: Option<i64>,
}

impl Stamp<'_> {
    /// A condition. The message is [sanitised](sanitize).
    pub fn condition(&self, type_: &str, status: Status, reason: &str, message: &str) -> Condition {
        let same = self.stored.iter().find(|c| c.type_ == type_ && c.status == status.name());
        Condition {
            type_: type_.to_owned(),
            status: status.name().to_owned(),
            reason: reason.to_owned(),
            message: sanitize(message),
            last_transition_time: same.map_or_else(|| self.now.clone(), |c| c.last_transition_time.clone()),
            observed_generation: self.observed_generation,
        }
    }
}

/// The condition of a type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of a type is True.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == "True")
}

/// Bytes of a message at most: thousands of objects with a hundred conditions have to fit into etcd.
pub const MESSAGE_MAX: usize = 512;

/// A text fit for a condition: one line, no query strings (signed addresses carry credentials there), at most
/// [`MESSAGE_MAX`] bytes.
pub fn sanitize(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MESSAGE_MAX));
    let (mut in_url, mut in_query) = (false, false);
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')' | ']' | '}') {
            (in_url, in_query) = (false, false);
        } else if in_url && c == '?' {
            in_query = true;
        }
        if !in_query {
            clean.push(c);
            in_url = in_url || clean.ends_with("://");
        }
        if clean.len() > MESSAGE_MAX {
            while clean.len() + '…'.len_utf8() > MESSAGE_MAX {
                clean.pop();
            }
            clean.push('…');
            break;
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time(k8s_openapi::jiff::Timestamp::from_second(seconds).unwrap())
    }

    fn stamp(stored: &[Condition], seconds: i64) -> Stamp<'_> {
        Stamp { stored, now: at(seconds), observed_generation: Some(3) }
    }

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let first = stamp(&[], 1).condition(READY, Status::Unknown, reason::QUEUED, "");
        assert_eq!((&first.last_transition_time, first.observed_generation), (&at(1), Some(3)));
        let stored = [first];
        let second = stamp(&stored, 2).condition(READY, Status::Unknown, reason::INSPECTING, "reads");
        assert_eq!((&second.last_transition_time, second.reason.as_str()), (&at(1), "Inspecting"));
        let third = stamp(&stored, 3).condition(READY, Status::False, reason::REJECTED, "");
        assert_eq!(third.last_transition_time, at(3));
        assert!(!is_true(&[third], READY) && find(&stored, STALLED).is_none());
    }

    #[test]
    fn a_message_is_one_short_line_without_signed_addresses() {
        assert_eq!(
            sanitize("GET https://b.example/k?X-Amz-Signature=s3cret: 403\nwhy? \"http://a/?q\""),
            "GET https://b.example/k 403 why? \"http://a/\""
        );
        let long = sanitize(&"ä".repeat(400));
        assert!(long.len() <= MESSAGE_MAX && long.ends_with("ä…"), "{long}");
        assert_eq!(sanitize(&"x".repeat(MESSAGE_MAX)).len(), MESSAGE_MAX);
    }

    #[test]
    fn reasons_are_what_the_api_server_takes_and_said_once() {
        for (i, reason) in reason::ALL.iter().enumerate() {
            assert!(reason.chars().all(|c| c.is_ascii_alphanumeric()) && reason.starts_with(char::is_uppercase));
            assert!(!reason::ALL[..i].contains(reason), "{reason}");
        }
    }
}
