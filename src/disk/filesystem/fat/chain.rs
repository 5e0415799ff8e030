//! Chains of clusters, as runs of the volume.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::LAYER;
use super::boot::Geometry;
use super::table::Table;
use crate::disk::{Error, Result};

/// Chains of which is remembered how far they were followed: files are read from front to back.
const KEPT: usize = 16;

/// Bytes of a chain that follow each other on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Byte offset in the volume.
    pub at: u64,
    /// How many; never zero.
    pub len: u64,
}

/// A place in a chain.
#[derive(Clone, Copy)]
struct Cursor {
    first: u64,
    index: u64,
    cluster: u64,
    /// A cluster passed at a power of two of steps: whoever comes there again goes round (Brent's algorithm).
    mark: u64,
    next_mark: u64,
}

impl Cursor {
    fn start(first: u64) -> Self {
        Self { first, index: 0, cluster: first, mark: first, next_mark: 1 }
    }

    /// One cluster further; `None` at the end.
    fn step(self, table: &Table, clusters: u64) -> Result<Option<Self>> {
        let Some(cluster) = table.next(self.cluster)? else { return Ok(None) };
        let index = self.index.saturating_add(1);
        if cluster == self.mark || cluster == self.first || index >= clusters {
            return Err(Error::corrupt(LAYER, table.entry_at(self.cluster), "a chain of clusters goes round"));
        }
        let mut next = Self { index, cluster, ..self };
        if index == self.next_mark {
            next.mark = cluster;
            next.next_mark = index.saturating_mul(2);
        }
        Ok(Some(next))
    }
}

/// The chains, and how far some were followed.
#[derive(Default)]
pub(super) struct Chains(Mutex<VecDeque<Cursor>>);

impl Chains {
    /// The bytes `wanted` of the chain that begins with cluster `first` (which exists), as runs in order; fewer where
    /// the chain ends before. There is at most one run a wanted cluster.
    pub(super) fn runs(&self, table: &Table, geometry: &Geometry, first: u64, wanted: Range<u64>) -> Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        let size = geometry.cluster;
        let mut cursor = self.recall(first, wanted.start.checked_div(size).unwrap_or_default());
        let mut from = wanted.start;
        while from < wanted.end {
            let start = cursor.index.saturating_mul(size);
            let end = start.saturating_add(size);
            if from < end {
                let at = geometry.offset(cursor.cluster).saturating_add(from.saturating_sub(start));
                let len = end.min(wanted.end).saturating_sub(from);
                match runs.last_mut() {
                    Some(last) if last.at.saturating_add(last.len) == at => last.len = last.len.saturating_add(len),
                    _ => runs.push(Run { at, len }),
                }
                from = from.saturating_add(len);
                if from >= wanted.end {
                    break;
                }
            }
            match cursor.step(table, geometry.clusters)? {
                Some(next) => cursor = next,
                None => break,
            }
        }
        self.keep(cursor);
        Ok(runs)
    }

    /// The farthest known place of a chain that is not past cluster `index`.
    fn recall(&self, first: u64, index: u64) -> Cursor {
        let cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cursors.iter().filter(|cursor| cursor.first == first && cursor.index <= index);
        known.max_by_key(|cursor| cursor.index).copied().unwrap_or(Cursor::start(first))
    }

    fn keep(&self, cursor: Cursor) {
        let mut cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.retain(|known| known.first != cursor.first);
        if cursors.len() >= KEPT {
            cursors.pop_front();
        }
        cursors.push_back(cursor);
    }
}

/// Bytes of all runs.
pub(super) fn len(runs: &[Run]) -> u64 {
    runs.iter().fold(0, |sum, run| sum.saturating_add(run.len))
}
