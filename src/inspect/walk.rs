//! The walk from object to facts.

use super::Facts;
use crate::disk::Result;
use crate::source::Opened;

/// Finds out all there is to know of one disk image.
///
/// # Errors
/// `Io` when the transport failed: nothing is known then. Every other trouble is a fact.
pub fn inspect(source: &Opened) -> Result<Facts> {
    Ok(Facts { worker: env!("CARGO_PKG_VERSION").to_owned(), source: source.facts.clone(), ..Facts::default() })
}
