//! Bytes in a bucket: addresses, credentials, stores, and the cache through which everything is read.

pub mod answer;
pub mod cache;
pub mod cloud;
pub mod credentials;
pub(crate) mod dial;
pub mod egress;
mod file;
pub mod link;
mod meter;
mod object;
pub mod stores;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod uploads;
pub mod url;

pub use credentials::CredentialSource;
pub use egress::Egress;
pub use file::open_file;
pub use meter::{Meter, Read};
pub use object::{SOURCE_CHANGED, is_source_changed};
pub use stores::open;
pub use url::redacted;

/// For those who read an object without blocking, or write one.
pub(crate) mod opening {
    pub(crate) use super::meter::Allowance;
    pub(crate) use super::object::{First, Object};
    pub(crate) use super::stores::{Store, blocking, connect_destination, open_object};
}

use std::sync::Arc;

use crate::disk::ReadAt;
use crate::inspect::facts;

/// An object that was reached, or was not.
pub struct Opened {
    /// What the store said of it.
    pub facts: facts::Source,
    /// Its bytes, pinned to the entity tag; `None` when it is missing or forbidden.
    pub bytes: Option<Arc<dyn ReadAt>>,
    /// What reading has cost so far.
    pub meter: Arc<Meter>,
}
