//! The layers of the product that read hostile bytes, without the rest of it: so they build in a minute.

#![allow(dead_code, reason = "the rest of the product uses it")]

#[path = "../../../src/disk/mod.rs"]
pub mod disk;
#[path = "../../../src/guest/mod.rs"]
pub mod guest;
#[path = "../../../src/inspect/mod.rs"]
pub mod inspect;
#[path = "../../../src/source/meter.rs"]
mod meter;

/// What `meter` needs of the product's `source`.
mod url {
    pub(crate) const LAYER: &str = "source";
}

/// What an inspection needs of it.
pub mod source {
    use std::sync::Arc;

    pub use crate::meter::Meter;

    /// An object that was reached.
    pub struct Opened {
        /// What the store said of it.
        pub facts: crate::inspect::facts::Source,
        /// Its bytes.
        pub bytes: Option<Arc<dyn crate::disk::ReadAt>>,
        /// What reading has cost.
        pub meter: Arc<Meter>,
    }
}
