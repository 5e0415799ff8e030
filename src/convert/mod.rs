//! Writes a judged image into the image store: one stream from bucket to bucket, nothing kept on the way.

mod copy;
pub mod encode;
mod existing;
mod job;
mod remove;
mod rewrite;
mod upload;

pub use job::{Job, run};
pub use remove::{StoredObject, remove};
