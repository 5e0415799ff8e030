//! L1 and L2 tables ("Cluster mapping"), each L2 table written when the disk goes on behind what it describes.

use super::host::Host;
use crate::disk::Result;
use crate::disk::bytes::to_u64;

/// Bit 63: the cluster has one name, and may be written in place.
const COPIED: u64 = 1 << 63;
/// Bit 62 of an L2 entry.
const COMPRESSED: u64 = 1 << 62;
/// Compressed data are measured in these.
const SECTOR: u64 = 512;

/// The tables of a disk whose clusters come in order.
pub struct Tables {
    cluster_bits: u32,
    l1: Vec<u64>,
    /// The table that is being filled, and its number.
    l2: Vec<u64>,
    number: u64,
    used: bool,
}

impl Tables {
    /// Tables for so many entries of the L1 table.
    pub fn new(cluster_bits: u32, l1_entries: u64) -> Self {
        let l1 = vec![0; usize::try_from(l1_entries).unwrap_or(usize::MAX)];
        let l2 = vec![0; (1 << cluster_bits) / 8];
        Self { cluster_bits, l1, l2, number: 0, used: false }
    }

    /// Stores cluster `number` of the disk: packed, where `bytes` are fewer than a cluster's.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn store(&mut self, number: u64, bytes: &[u8], host: &mut Host) -> Result<()> {
        let per_table = to_u64(self.l2.len());
        let (table, index) = (number / per_table, number % per_table);
        if table != self.number {
            self.flush(host)?;
            self.number = table;
        }
        let len = to_u64(bytes.len());
        let entry = if len < 1 << self.cluster_bits {
            self.packed(host.packed(bytes)?, len)
        } else {
            host.whole(bytes)? | COPIED
        };
        if let Some(place) = usize::try_from(index).ok().and_then(|index| self.l2.get_mut(index)) {
            *place = entry;
        }
        self.used = true;
        Ok(())
    }

    /// "Compressed Clusters Descriptor": the first byte, and above it how many sectors there are after the first.
    fn packed(&self, at: u64, len: u64) -> u64 {
        let last = at.saturating_add(len).saturating_sub(1);
        let more = (last / SECTOR).saturating_sub(at / SECTOR);
        COMPRESSED | more << (70 - self.cluster_bits) | at
    }

    fn flush(&mut self, host: &mut Host) -> Result<()> {
        if self.used {
            let at = host.whole(&bytes(&self.l2))?;
            if let Some(place) = usize::try_from(self.number).ok().and_then(|number| self.l1.get_mut(number)) {
                *place = at | COPIED;
            }
            self.l2.fill(0);
            self.used = false;
        }
        Ok(())
    }

    /// Writes the last table, and gives the L1 table.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self, host: &mut Host) -> Result<Vec<u8>> {
        self.flush(host)?;
        Ok(bytes(&self.l1))
    }
}

fn bytes(table: &[u64]) -> Vec<u8> {
    table.iter().flat_map(|entry| entry.to_be_bytes()).collect()
}
