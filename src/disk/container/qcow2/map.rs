//! Where a byte of the guest's disk lies in the object: L1 and L2 tables ("Cluster mapping").

use std::sync::Arc;

use super::LAYER;
use super::header::{Header, entry_at};
use crate::disk::bytes::{to_usize, u64_be};
use crate::disk::container::cache::Cache;
use crate::disk::{Error, ReadAt, Result};

/// Tables are read and kept in pages, aligned in the object, so that no table is ever held whole.
pub const PAGE: u64 = 64 << 10;
const CACHED_TABLES: usize = 16 << 20;

/// Bits 9 to 55 of an L1 entry or a standard cluster descriptor: an offset in the object.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Bit 62 of an L2 entry.
const COMPRESSED: u64 = 1 << 62;
/// Bit 0 of a standard cluster descriptor: the cluster reads as zeros.
const ZERO: u64 = 1;
/// Subclusters in a cluster with extended L2 entries ("Extended L2 Entries").
const SUBCLUSTER_BITS: u32 = 5;
/// Compressed data are measured in these ("Compressed Clusters Descriptor").
const SECTOR: u64 = 512;

/// What lies at a place of the guest's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Zeros that are stored nowhere.
    Zero,
    /// Plain bytes at `at` in the object.
    Raw { at: u64 },
    /// A compressed cluster: `len` bytes at `at` in the object, described by the table entry at `entry`.
    Compressed { at: u64, len: u64, entry: u64 },
}

/// The tables of one disk.
pub struct Map {
    pub object: Arc<dyn ReadAt>,
    pub header: Header,
    pages: Cache,
}

impl Map {
    pub fn new(object: Arc<dyn ReadAt>, header: Header) -> Self {
        Self { object, header, pages: Cache::new(CACHED_TABLES) }
    }

    /// What lies at byte `at` of the guest's disk, and for how many bytes from there on that holds.
    pub fn find(&self, at: u64) -> Result<(Extent, u64)> {
        let bits = self.header.cluster_bits;
        let index = at.checked_shr(bits).unwrap_or(0);
        let within = at & self.header.cluster_size().saturating_sub(1);
        let l1_index = index.checked_shr(self.header.l2_bits()).unwrap_or(0);
        let per_table = 1_u64.checked_shl(self.header.l2_bits()).unwrap_or(1);
        let l2_index = index & per_table.saturating_sub(1);
        match self.l2_table(l1_index)? {
            None => {
                let clusters = per_table.saturating_sub(l2_index);
                let run = clusters.saturating_mul(self.header.cluster_size()).saturating_sub(within);
                Ok((Extent::Zero, run))
            }
            Some(table) => self.in_table(table, l2_index, within),
        }
    }

    /// Where the L2 table of an L1 entry lies; `None` where nothing is allocated.
    pub fn l2_table(&self, l1_index: u64) -> Result<Option<u64>> {
        let entry_at = entry_at(self.header.l1_at, l1_index);
        let table = self.word(entry_at)? & OFFSET;
        if table == 0 {
            return Ok(None);
        }
        self.check_aligned(table, entry_at, "L2 table")?;
        let end = table.saturating_add(self.header.cluster_size());
        if end > self.object.len() {
            let what = format!("the L2 table at {table:#x} passes the end of the object");
            return Err(Error::corrupt(LAYER, entry_at, what));
        }
        Ok(Some(table))
    }

    /// What entry `index` of the L2 table at `table` says of byte `within` of its cluster.
    pub fn in_table(&self, table: u64, index: u64, within: u64) -> Result<(Extent, u64)> {
        let extended = self.header.extended_l2();
        let entry_at = entry_at(table, if extended { index.saturating_mul(2) } else { index });
        let entry = self.word(entry_at)?;
        let rest = self.header.cluster_size().saturating_sub(within);
        if entry & COMPRESSED != 0 {
            return Ok((self.compressed(entry, entry_at)?, rest));
        }
        let host = entry & OFFSET;
        if host != 0 {
            self.check_aligned(host, entry_at, "cluster")?;
            if host >= self.object.len() {
                let what = format!("the cluster at {host:#x} lies past the end of the object");
                return Err(Error::corrupt(LAYER, entry_at, what));
            }
        }
        if extended {
            return self.subcluster(host, entry_at, within);
        }
        if entry & ZERO != 0 && self.header.version < 3 {
            return Err(Error::corrupt(LAYER, entry_at, "a zero cluster in version 2"));
        }
        if host == 0 || entry & ZERO != 0 { Ok((Extent::Zero, rest)) } else { Ok((raw(host, within), rest)) }
    }

    /// The second word of an extended entry: one bit a subcluster says that it is allocated, another that it is zero.
    fn subcluster(&self, host: u64, entry_at: u64, within: u64) -> Result<(Extent, u64)> {
        let bitmap = self.word(entry_at.saturating_add(8))?;
        let bits = self.header.cluster_bits.saturating_sub(SUBCLUSTER_BITS);
        let size = 1_u64.checked_shl(bits).unwrap_or(1);
        let number = u32::try_from(within.checked_shr(bits).unwrap_or(0)).unwrap_or(0);
        let bit = |number: u32| bitmap & 1_u64.checked_shl(number).unwrap_or(0) != 0;
        let rest = size.saturating_sub(within & size.saturating_sub(1));
        match (bit(number), bit(number.saturating_add(32))) {
            (true, false) if host != 0 => Ok((raw(host, within), rest)),
            (false, _) => Ok((Extent::Zero, rest)),
            _ => {
                Err(Error::corrupt(LAYER, entry_at.saturating_add(8), "a subcluster is allocated and zero, or nowhere"))
            }
        }
    }

    /// The compressed cluster of a descriptor: `62 - (cluster_bits - 8)` bits of offset, then further sectors.
    fn compressed(&self, entry: u64, entry_at: u64) -> Result<Extent> {
        let offset_bits = 70_u32.saturating_sub(self.header.cluster_bits);
        let mask = 1_u64.checked_shl(offset_bits).unwrap_or(0).saturating_sub(1);
        let at = entry & mask;
        let more = (entry & (COMPRESSED.saturating_sub(1))).checked_shr(offset_bits).unwrap_or(0);
        let len = more.saturating_add(1).saturating_mul(SECTOR).saturating_sub(at & SECTOR.saturating_sub(1));
        if at >= self.object.len() {
            let what = format!("the compressed cluster at {at:#x} lies past the end of the object");
            return Err(Error::corrupt(LAYER, entry_at, what));
        }
        // The last sector need not be whole.
        Ok(Extent::Compressed { at, len: len.min(self.object.len().saturating_sub(at)), entry: entry_at })
    }

    fn check_aligned(&self, host: u64, entry_at: u64, what: &str) -> Result<()> {
        if host.is_multiple_of(self.header.cluster_size()) {
            return Ok(());
        }
        Err(Error::corrupt(LAYER, entry_at, format!("the {what} at {host:#x} is not at the start of a cluster")))
    }

    /// The 8 bytes of a table at `at` in the object, which are aligned as every table is.
    pub fn word(&self, at: u64) -> Result<u64> {
        let start = at & !PAGE.saturating_sub(1);
        let page = self.page(start)?;
        u64_be(LAYER, &page, to_usize(LAYER, at.saturating_sub(start))?)
            .map_err(|_| Error::corrupt(LAYER, at, "a table passes the end of the object"))
    }

    /// The page at `start`, cut at the end of the object.
    pub fn page(&self, start: u64) -> Result<Arc<[u8]>> {
        let len = to_usize(LAYER, PAGE.min(self.object.len().saturating_sub(start)))?;
        self.pages.get_or(start, || self.object.read_vec_at(start, len))
    }
}

fn raw(host: u64, within: u64) -> Extent {
    Extent::Raw { at: host.saturating_add(within) }
}
