//! What the cluster does about an import.

pub mod backoff;
pub mod key;
pub mod moment;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod queue;
pub mod reason;
pub mod settings;
mod shim;
pub mod work;
pub mod worker;
