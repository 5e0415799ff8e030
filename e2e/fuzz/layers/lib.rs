//! The layers of the product that read hostile bytes, without the rest of it: so they build in a minute.

#[path = "../../../src/disk/mod.rs"]
pub mod disk;
#[path = "../../../src/guest/mod.rs"]
pub mod guest;
#[path = "../../../src/inspect/mod.rs"]
pub mod inspect;

/// What an inspection needs of the product's `source`.
pub mod source {
    use std::sync::Arc;

    /// An object that was reached.
    pub struct Opened {
        /// What the store said of it.
        pub facts: crate::inspect::facts::Source,
        /// Its bytes.
        pub bytes: Option<Arc<dyn crate::disk::ReadAt>>,
        /// What reading has cost.
        pub meter: Meter,
    }

    /// Counts nothing.
    pub struct Meter;

    impl Meter {
        /// Requests so far.
        pub fn requests(&self) -> u64 {
            0
        }

        /// Bytes so far.
        pub fn bytes(&self) -> u64 {
            0
        }
    }
}
