//! What a decision rests on, and what it is.

use jiff::{SignedDuration, Timestamp};

use crate::api::{ImageImport, Progress};
use crate::controller::key::VerdictKey;
use crate::controller::moment::Draft;
use crate::controller::outcome::Outcome;
use crate::controller::work::Task;

/// Times that decide.
#[derive(Debug, Clone)]
pub struct Times {
    /// How long a worker may wait for its start before Job and slot are given up.
    pub pending_timeout: SignedDuration,
    /// How long what is missing may be missing before the import stalls.
    pub grace: SignedDuration,
    /// How long the Secret may be missing before a deleted record leaves its objects.
    pub deletion_grace: SignedDuration,
}

/// A profile that can be applied, or why it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Usable; hash of its rules.
    Usable(String),
    /// Reason and message.
    Problem(&'static str, String),
}

/// A Job that this import owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Whether it is done.
    pub finished: bool,
    /// Since when it is being deleted.
    pub deleting_since: Option<Timestamp>,
}

/// All that a decision rests on.
#[derive(Debug)]
pub struct World<'a> {
    /// The import, as the cache has it.
    pub import: &'a ImageImport,
    /// Its profile.
    pub profile: Profile,
    /// The Jobs it owns, by UID.
    pub jobs: Vec<JobSeen>,
    /// What became of the Job that was noted and whose result is not.
    pub outcome: Option<Outcome>,
    /// How far it is, when that is to be written.
    pub progress: Option<Progress>,
    /// Address the noted conversion Job writes to.
    pub own_url: Option<String>,
    /// Whether a slot is reserved for it.
    pub slot: bool,
    /// Its place in the line where none is, from 1.
    pub place: Option<usize>,
    /// The moment.
    pub now: Timestamp,
    /// Times that decide.
    pub times: &'a Times,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Nothing.
    Rest,
    /// Make this Job, then note it.
    Start {
        /// What it does.
        task: Task,
        /// Its name.
        name: String,
        /// Its number.
        attempt: i32,
        /// Jobs without a result so far.
        lost: i32,
    },
    /// Store facts before anything is judged.
    KeepFacts {
        /// The disk they are of.
        disk: String,
        /// The message, verbatim.
        text: String,
        /// The key they answer.
        key: String,
    },
    /// Judge the stored facts.
    Judge {
        /// The key of the verdict.
        key: VerdictKey,
        /// The key of the facts of all disks.
        facts_key: String,
        /// Not the first verdict: the rate limit holds, and facts that are too old may be read again.
        again: bool,
    },
    /// Create the record.
    Publish,
    /// Note in the report that it no longer follows profile and rules.
    MarkStale,
}

/// A status and an act.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The lifecycle part of the status, as it is to be.
    pub draft: Draft,
    /// What to do.
    pub act: Act,
    /// Look again after.
    pub again: Option<SignedDuration>,
    /// Whether a slot is wanted or kept; otherwise it is given back.
    pub slot: bool,
    /// Jobs (name, UID) to delete once the status is written.
    pub discard: Vec<(String, String)>,
}
