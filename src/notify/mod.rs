//! Notices of an import's end: a signed `CloudEvent` for a web server of the user's.
//!
//! [`event`] says what is told, [`sign`] by whose word, [`send`] brings it there.

pub mod event;
pub mod send;
pub mod sign;

pub use event::{Event, Notice};
pub use send::{Answer, send};
