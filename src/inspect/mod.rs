//! Walks source, container, partitions, volumes and guest within a budget, and gives [`Facts`].

mod budget;
#[cfg(test)]
mod collection;
pub mod facts;
pub mod password;
mod walk;
pub mod wire;

pub use budget::Budget;
pub use facts::Facts;
pub use walk::{inspect, inspect_with};
