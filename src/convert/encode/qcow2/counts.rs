//! Reference counts ("Reference counts"): how often each cluster of the file is named.

use std::collections::VecDeque;

/// The counts that are not written yet.
pub struct Counts {
    cluster: u64,
    /// Number of the first cluster of the file whose count is here: the blocks before it are written.
    first: u64,
    waiting: VecDeque<u16>,
    /// Where the blocks lie that are written.
    blocks: Vec<u64>,
}

impl Counts {
    /// Counts of a file with such clusters, in which nothing is yet.
    pub fn new(cluster: usize) -> Self {
        let cluster = crate::disk::bytes::to_u64(cluster);
        Self { cluster, first: 0, waiting: VecDeque::new(), blocks: Vec::new() }
    }

    /// Counts that a block has, of 16 bits each.
    fn per_block(&self) -> u64 {
        self.cluster / 2
    }

    /// True where another name of the cluster at byte `at` of the file can be counted.
    pub fn has_room(&self, at: u64) -> bool {
        let index = usize::try_from((at / self.cluster).saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.waiting.get(index).is_none_or(|count| *count < u16::MAX)
    }

    /// Counts a name of the clusters that hold the bytes `at .. at + len` of the file.
    pub fn name(&mut self, at: u64, len: u64) {
        let number = |at: u64| usize::try_from((at / self.cluster).saturating_sub(self.first)).unwrap_or(usize::MAX);
        let (from, to) = (number(at), number(at.saturating_add(len.max(1)).saturating_sub(1)));
        if self.waiting.len() <= to {
            self.waiting.resize(to.saturating_add(1), 0);
        }
        self.waiting.range_mut(from..=to).for_each(|count| *count = count.saturating_add(1));
    }

    /// The next block, where all that it counts lies before byte `end` of the file, from which on all is open.
    pub fn settled(&mut self, end: u64) -> Option<Vec<u8>> {
        let behind = self.first.saturating_add(self.per_block());
        (behind.saturating_mul(self.cluster) <= end).then(|| self.next_block())
    }

    /// Notes where the block lies that was given last.
    pub fn block_at(&mut self, at: u64) {
        self.blocks.push(at);
    }

    fn next_block(&mut self) -> Vec<u8> {
        let len = usize::try_from(self.per_block()).unwrap_or(usize::MAX);
        let there = len.min(self.waiting.len());
        let mut block: Vec<u8> = self.waiting.drain(..there).flat_map(u16::to_be_bytes).collect();
        block.resize(len.saturating_mul(2), 0);
        self.first = self.first.saturating_add(self.per_block());
        block
    }

    /// The end of a file that has `end` bytes: the blocks that are left, which count themselves and the table behind them,
    /// and the table. Gives their bytes, and where the table lies and how many clusters it has.
    pub fn finish(mut self, end: u64) -> (Vec<u8>, u64, u64) {
        let written = crate::disk::bytes::to_u64(self.blocks.len());
        let before = end / self.cluster;
        let (mut blocks, mut table) = (0_u64, 0_u64);
        // What counts itself is a fixed point; it is reached in a few steps, because a block counts many blocks.
        loop {
            let all = before.saturating_add(blocks).saturating_add(table).div_ceil(self.per_block()).max(written);
            let next = (all.saturating_sub(written), all.saturating_mul(8).div_ceil(self.cluster).max(1));
            if next == (blocks, table) {
                break;
            }
            (blocks, table) = next;
        }
        self.name(end, blocks.saturating_add(table).saturating_mul(self.cluster));
        let table_at = end.saturating_add(blocks.saturating_mul(self.cluster));
        let mut bytes = Vec::new();
        for number in 0..blocks {
            self.blocks.push(end.saturating_add(number.saturating_mul(self.cluster)));
            bytes.extend(self.next_block());
        }
        bytes.extend(self.blocks.iter().flat_map(|at| at.to_be_bytes()));
        let whole = blocks.saturating_add(table).saturating_mul(self.cluster);
        bytes.resize(usize::try_from(whole).unwrap_or(usize::MAX), 0);
        (bytes, table_at, table)
    }
}
