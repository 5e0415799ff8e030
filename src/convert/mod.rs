//! Writes a judged image into the image store: one stream from bucket to bucket, nothing kept on the way.

mod checks;
mod copy;
pub mod encode;
mod existing;
mod halt;
mod job;
mod left;
mod look;
mod remove;
mod rewrite;
mod upload;
mod way;

pub use job::{Job, run, run_and_tell};
pub use remove::{StoredObject, remove};
pub use upload::Existing;
pub use way::target;
