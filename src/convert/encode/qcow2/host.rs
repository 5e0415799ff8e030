//! The clusters of the file, in their order.
//!
//! What is packed lies byte after byte, also across clusters ("Compressed Clusters Descriptor"). What is not must begin a
//! cluster, and would leave a gap before it wherever the two alternate. So it waits until the cluster is full that is being
//! packed, and its place is known all the same: it follows that cluster, which then ends where it ends.

use super::counts::Counts;
use crate::convert::encode::parts::Parts;
use crate::disk::Result;
use crate::disk::bytes::to_u64;

/// Bytes of clusters that wait at most.
const MOST_WAITING: usize = 4 << 20;

/// The file so far.
pub struct Host<'a> {
    parts: Parts<'a>,
    cluster: usize,
    counts: Counts,
    /// The cluster that is being packed, which comes next in the file. Never full.
    open: Vec<u8>,
    /// Whole clusters that follow it.
    waiting: Vec<u8>,
}

/// The end of a file.
pub struct End<'a> {
    pub parts: Parts<'a>,
    pub l1_at: u64,
    pub refcount_table_at: u64,
    pub refcount_table_clusters: u64,
}

impl<'a> Host<'a> {
    /// A file whose first cluster is there: the header's.
    pub fn new(cluster: usize, parts: Parts<'a>) -> Self {
        let mut counts = Counts::new(cluster);
        counts.name(0, 1);
        Self { parts, cluster, counts, open: Vec::new(), waiting: Vec::new() }
    }

    /// The disk is done up to there.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn reached(&mut self, at: u64) -> Result<()> {
        self.parts.reached(at)
    }

    /// Stores a whole cluster, and says where.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn whole(&mut self, bytes: &[u8]) -> Result<u64> {
        let at = self.put(bytes)?;
        self.settle()?;
        Ok(at)
    }

    /// Stores what is shorter than a cluster, and says where.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn packed(&mut self, bytes: &[u8]) -> Result<u64> {
        let end = self.open.len().saturating_add(bytes.len());
        let others_follow = end > self.cluster && !self.waiting.is_empty();
        if others_follow || !self.counts.has_room(self.parts.len()) {
            self.close()?;
        }
        let at = self.parts.len().saturating_add(to_u64(self.open.len()));
        self.counts.name(at, to_u64(bytes.len()));
        self.open.extend_from_slice(bytes);
        if let Some(full) = self.open.get(..self.cluster) {
            self.parts.write(full)?;
            self.open.drain(..self.cluster);
            self.release()?;
        }
        self.settle()?;
        Ok(at)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<u64> {
        let mut at = self.parts.len();
        if self.open.is_empty() {
            self.parts.write(bytes)?;
        } else {
            at = at.saturating_add(to_u64(self.cluster.saturating_add(self.waiting.len())));
            self.waiting.extend_from_slice(bytes);
        }
        self.counts.name(at, to_u64(bytes.len()));
        if self.waiting.len() >= MOST_WAITING {
            self.close()?;
        }
        Ok(at)
    }

    /// Ends the cluster that is being packed.
    fn close(&mut self) -> Result<()> {
        if !self.open.is_empty() {
            self.open.resize(self.cluster, 0);
            self.parts.write(&self.open)?;
            self.open.clear();
        }
        self.release()
    }

    /// Writes what waited for the cluster before it. Nothing waits where that is not yet there: what does not fit into a
    /// cluster while others wait begins another.
    fn release(&mut self) -> Result<()> {
        self.parts.write(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Writes the refcount blocks that nothing is to be added to.
    fn settle(&mut self) -> Result<()> {
        while let Some(block) = self.counts.settled(self.parts.len()) {
            let at = self.put(&block)?;
            self.counts.block_at(at);
        }
        Ok(())
    }

    /// Writes the L1 table and the rest of the reference counts.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self, l1: &[u8]) -> Result<End<'a>> {
        self.close()?;
        let mut table = l1.to_vec();
        table.resize(table.len().next_multiple_of(self.cluster), 0);
        let l1_at = self.put(&table)?;
        self.settle()?;
        let (bytes, refcount_table_at, refcount_table_clusters) = self.counts.finish(self.parts.len());
        self.parts.write(&bytes)?;
        Ok(End { parts: self.parts, l1_at, refcount_table_at, refcount_table_clusters })
    }
}
