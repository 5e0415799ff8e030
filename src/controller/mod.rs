//! What the cluster does about an import.
//!
//! ```text
//! store ─► observe ─► plan (pure) ─► imageimport: Job, status, record
//!            └► outcome (pure)           └► status: two writers
//! ```
//!
//! [`plan`] decides on the status alone, so a controller that dies between any two steps goes on where it was. One replica
//! leads ([`leader`]); what keeps two that believe they do from harm are the resourceVersions of their writes, a key of
//! its own for each Job's object, and the one create of a record.

pub mod backoff;
pub mod context;
pub mod customimage;
pub mod deletion;
pub mod events;
pub mod imageimport;
pub mod importprofile;
pub mod jobs;
pub mod judgement;
pub mod key;
pub mod leader;
pub mod look;
pub mod managers;
pub mod moment;
pub mod notification;
pub mod observe;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod queue;
pub mod reason;
mod run;
pub mod settings;
pub mod snapshot;
pub mod status;
pub mod store;
pub mod verdict;
pub mod work;
pub mod worker;

pub use run::{Ended, Operator};
