//! Containers: what an object is, and the disk a guest would see in it.

use std::sync::Arc;

use super::ReadAt;
use crate::inspect::facts;

/// An object whose format is known.
pub struct Container {
    /// What was found in its header.
    pub facts: facts::Container,
    /// The disk the guest sees; `None` when the format is only recognised, or `facts.trouble` says why.
    pub guest: Option<Arc<dyn ReadAt>>,
}

/// What an object in a given format is to somebody who wants to import it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A disk image.
    Image,
    /// An installation medium.
    Medium,
    /// Anything else: an archive, a package, a document.
    Other,
}
