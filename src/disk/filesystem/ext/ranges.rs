//! Where ranges of a file are that moved since its extents were written.

use std::collections::BTreeMap;
use std::ops::Range;

use super::map::Run;

/// Ranges by first block: their end, and where they are on the volume; zeros where they are nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<u64, (u64, Option<u64>)>);

impl Ranges {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The blocks `range` are those from `physical` on, whatever they were.
    pub(super) fn set(&mut self, range: Range<u64>, physical: Option<u64>) {
        if range.is_empty() {
            return;
        }
        // One that begins before may reach into the range, or across it.
        let before = self.0.range(..range.start).next_back().map(|(start, rest)| (*start, *rest));
        let within: Vec<_> = self.0.range(range.clone()).map(|(start, rest)| (*start, *rest)).collect();
        for (start, (end, at)) in before.into_iter().chain(within) {
            if end <= range.start {
                continue;
            }
            self.0.remove(&start);
            if start < range.start {
                self.0.insert(start, (range.start, at));
            }
            if range.end < end {
                let skip = range.end.saturating_sub(start);
                self.0.insert(range.end, (end, at.map(|at| at.saturating_add(skip))));
            }
        }
        self.0.insert(range.start, (range.end, physical));
    }

    /// The runs of `wanted`, of which `below` is what the volume says.
    pub(super) fn over(&self, below: Vec<Run>, wanted: &Range<u64>) -> Vec<Run> {
        let mut all = Self::default();
        for run in below {
            all.set(run.logical..run.logical.saturating_add(run.len), Some(run.physical));
        }
        for (start, (end, physical)) in &self.0 {
            let from = (*start).max(wanted.start);
            let skip = from.saturating_sub(*start);
            all.set(from..(*end).min(wanted.end), physical.map(|at| at.saturating_add(skip)));
        }
        let runs = all.0.into_iter();
        runs.filter_map(|(logical, (end, physical))| {
            Some(Run { logical, physical: physical?, len: end.saturating_sub(logical) })
        })
        .collect()
    }
}
