//! Partitions that share sectors.

use crate::inspect::facts::{Partition, Role};

/// Pairs that are told; more say no more.
const MOST_PAIRS: usize = 16;

/// Numbers of partitions that overlap, two by two. A frame overlaps what is in it, and a GPT's cover everything.
pub fn pairs(partitions: &[Partition]) -> Vec<[u32; 2]> {
    let counts = |p: &&Partition| !matches!(p.role, Role::Extended | Role::Protective) && p.size_bytes > 0;
    let mut sorted: Vec<_> = partitions.iter().filter(counts).collect();
    sorted.sort_by_key(|partition| (partition.start_bytes, partition.number));
    let mut found = Vec::new();
    for (index, first) in (1_usize..).zip(&sorted) {
        let end = first.start_bytes.saturating_add(first.size_bytes);
        let behind = sorted.get(index..).unwrap_or_default();
        for second in behind.iter().take_while(|second| second.start_bytes < end) {
            found.push([first.number.min(second.number), first.number.max(second.number)]);
            if found.len() == MOST_PAIRS {
                return found;
            }
        }
    }
    found
}
