//! The blocks of a journal, by their place in it.

use std::ops::Range;

use super::super::super::NodeKind;
use super::super::LAYER;
use super::super::blocks::Blocks;
use super::super::inode::Inode;
use super::super::map::{self, Run};
use super::superblock::JournalSuperblock;
use crate::disk::bytes::{range, to_usize};
use crate::disk::{Error, Result};

/// Blocks that are mapped at once, and bytes that are read at once.
const WINDOW: u64 = 1024;
const CHUNK: u64 = 64 << 10;

/// An opened journal.
pub(super) struct Log<'a> {
    pub superblock: JournalSuperblock,
    file: File<'a>,
}

impl<'a> Log<'a> {
    /// Opens the journal in `inode`.
    pub(super) fn open(blocks: &'a Blocks, inode: Inode) -> Result<Self> {
        if inode.kind()? != NodeKind::File {
            return Err(Error::corrupt(LAYER, inode.at, "the journal is not a regular file"));
        }
        let total = inode.size.checked_div(blocks.size()).unwrap_or_default();
        let mut file = File { blocks, inode, total, mapped: (0..0, Vec::new()), chunk: (0..0, Vec::new()) };
        let at = file.offset(0)?;
        let superblock = JournalSuperblock::parse(file.block(0)?, at, blocks.size(), total)?;
        Ok(Self { superblock, file })
    }

    /// The block at place `n`.
    pub(super) fn block(&mut self, n: u64) -> Result<&[u8]> {
        self.file.block(n)
    }

    /// The byte offset in the volume of the block at place `n`.
    pub(super) fn offset(&mut self, n: u64) -> Result<u64> {
        self.file.offset(n)
    }

    /// The place after `n`: at its end the log goes on where it begins.
    pub(super) fn after(&self, n: u64) -> u64 {
        let next = n.saturating_add(1);
        if next >= self.superblock.last { next.saturating_sub(self.len()) } else { next }
    }

    /// How many blocks the log can hold.
    pub(super) fn len(&self) -> u64 {
        self.superblock.last.saturating_sub(self.superblock.first)
    }
}

/// The file that the journal is.
struct File<'a> {
    blocks: &'a Blocks,
    inode: Inode,
    /// Blocks it has.
    total: u64,
    /// What was mapped last, and where it is.
    mapped: (Range<u64>, Vec<Run>),
    /// What was read last.
    chunk: (Range<u64>, Vec<u8>),
}

impl File<'_> {
    /// The run from block `n` on.
    fn run(&mut self, n: u64) -> Result<Run> {
        if n >= self.total {
            return Err(Error::corrupt(LAYER, self.inode.at, format!("the journal has no block {n}")));
        }
        if !self.mapped.0.contains(&n) {
            let first = n.saturating_sub(n.checked_rem(WINDOW).unwrap_or_default());
            let window = first..first.saturating_add(WINDOW).min(self.total);
            self.mapped = (window.clone(), map::runs(self.blocks, &self.inode, window)?);
        }
        let held = |run: &&Run| run.logical <= n && n < run.logical.saturating_add(run.len);
        let Some(run) = self.mapped.1.iter().find(held) else {
            return Err(Error::corrupt(LAYER, self.inode.at, format!("block {n} of the journal is a hole")));
        };
        let before = n.saturating_sub(run.logical);
        Ok(Run { logical: n, physical: run.physical.saturating_add(before), len: run.len.saturating_sub(before) })
    }

    fn offset(&mut self, n: u64) -> Result<u64> {
        Ok(self.blocks.offset(self.run(n)?.physical))
    }

    fn block(&mut self, n: u64) -> Result<&[u8]> {
        let size = self.blocks.size();
        if !self.chunk.0.contains(&n) {
            let run = self.run(n)?;
            let len = CHUNK.checked_div(size).unwrap_or(1).clamp(1, run.len.max(1));
            let mut bytes = vec![0; to_usize(LAYER, len.saturating_mul(size))?];
            self.blocks.read_bytes(&mut bytes, self.blocks.offset(run.physical))?;
            self.chunk = (n..n.saturating_add(len), bytes);
        }
        let at = n.saturating_sub(self.chunk.0.start).saturating_mul(size);
        range(LAYER, &self.chunk.1, to_usize(LAYER, at)?, to_usize(LAYER, size)?)
    }
}
