//! From blocks of a file to blocks of the volume, in runs.

use std::ops::Range;

use super::blocks::Blocks;
use super::inode::Inode;
use super::{extents, indirect};
use crate::disk::Result;

/// Blocks that follow each other in the file and on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First block in the file.
    pub logical: u64,
    /// First block on the volume.
    pub physical: u64,
    /// How many; never zero.
    pub len: u64,
}

/// The runs of a stretch of a file, in order. What lies between them reads as zeros: holes, and blocks that were
/// reserved but never written. There is at most one run a wanted block.
pub(super) fn runs(blocks: &Blocks, inode: &Inode, wanted: Range<u64>) -> Result<Vec<Run>> {
    let mut runs = Runs { wanted, found: Vec::new() };
    if inode.has_extents() {
        extents::map(blocks, inode, &mut runs)?;
    } else {
        indirect::map(blocks, inode, &mut runs)?;
    }
    Ok(match &inode.moved {
        Some(moved) => moved.over(runs.found, &runs.wanted),
        None => runs.found,
    })
}

/// Collects runs of what is wanted.
pub(super) struct Runs {
    wanted: Range<u64>,
    found: Vec<Run>,
}

impl Runs {
    pub(super) fn wanted(&self) -> &Range<u64> {
        &self.wanted
    }

    /// Whether anything of `range` is wanted.
    pub(super) fn want(&self, range: &Range<u64>) -> bool {
        range.start < self.wanted.end && self.wanted.start < range.end
    }

    /// Adds what is wanted of a run, joined to the last one where it continues it.
    pub(super) fn push(&mut self, run: Run) {
        let from = run.logical.max(self.wanted.start);
        let to = run.logical.saturating_add(run.len).min(self.wanted.end);
        if from >= to {
            return;
        }
        let physical = run.physical.saturating_add(from.saturating_sub(run.logical));
        let len = to.saturating_sub(from);
        match self.found.last_mut() {
            Some(last)
                if last.logical.saturating_add(last.len) == from
                    && last.physical.saturating_add(last.len) == physical =>
            {
                last.len = last.len.saturating_add(len);
            }
            _ => self.found.push(Run { logical: from, physical, len }),
        }
    }
}
