//! Files to facts about the operating system.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing))]

pub mod boot;
pub mod freebsd;
pub mod linux;
pub mod root;
#[cfg(test)]
pub(crate) mod testing;
mod tree;

pub use tree::Tree;
