//! Writes a judged image into the image store: one stream from bucket to bucket, nothing kept on the way.

mod copy;
pub mod encode;
mod existing;
mod upload;

pub use copy::{Copy, copy};
