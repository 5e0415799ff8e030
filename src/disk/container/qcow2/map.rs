//! Where a byte of the guest's disk lies in the object: L1 and L2 tables ("Cluster mapping").

use std::sync::Arc;

use super::LAYER;
use super::header::{Header, entry_at};
use crate::disk::container::layout::{Extent, Layout, Missing, Packed, There, joined};
use crate::disk::container::pages::{Page, Pages};
use crate::disk::{Error, ReadAt, Result};

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
/// Bytes of L2 tables that are fetched together, and how many tables at most.
const TOGETHER: u64 = 4 << 20;
const MOST_TOGETHER: usize = 64;
/// L1 entries that are looked through for them: a page.
const MOST_ENTRIES: u64 = 8192;

/// The tables of one disk.
pub struct Map {
    pub header: Header,
    pub pages: Pages,
}

impl Map {
    pub fn new(object: Arc<dyn ReadAt>, header: Header) -> Self {
        Self { header, pages: Pages::new(LAYER, object) }
    }

    fn object_len(&self) -> u64 {
        self.pages.object.len()
    }

    /// Bytes of the disk that an L2 table describes.
    fn per_table(&self) -> u64 {
        1_u64.checked_shl(self.header.cluster_bits.saturating_add(self.header.l2_bits())).unwrap_or(u64::MAX)
    }

    /// The L2 table of an L1 entry; `None` where nothing is allocated.
    fn l2_table(&self, page: &Page, l1_index: u64) -> Result<Option<There<u64>>> {
        let entry_at = entry_at(self.header.l1_at, l1_index);
        let table = page.u64_be(entry_at)? & OFFSET;
        if table == 0 {
            return Ok(None);
        }
        self.check_aligned(table, entry_at, "L2 table")?;
        let lost = Missing::unless_within(self.object_len(), "L2 table", entry_at, table, self.header.cluster_size());
        Ok(Some(lost.map_or(Ok(table), Err)))
    }

    /// The first L2 table that passes the end of the object, if one does: a look at the whole L1 table.
    pub fn lost_table(&self) -> Result<Option<Missing>> {
        for index in 0..self.header.l1_needed() {
            let page = self.pages.page(entry_at(self.header.l1_at, index))?;
            if let Some(Err(missing)) = self.l2_table(&page, index)? {
                return Ok(Some(missing));
            }
        }
        Ok(None)
    }

    /// What byte `at` is by its L1 entry, in `page`: a hole, a lost table, or what the L2 table says.
    fn find_in_l1(&self, page: &Page, at: u64, want: u64) -> Result<(Extent, u64)> {
        let per_table = self.per_table();
        let l1_index = at.checked_div(per_table).unwrap_or(0);
        let within = at & per_table.saturating_sub(1);
        let rest = per_table.saturating_sub(within);
        match self.l2_table(page, l1_index)? {
            None => Ok((Extent::Hole, rest)),
            Some(Err(missing)) => Ok((Extent::Missing(missing), rest)),
            Some(Ok(table)) => self.find_in_l2(table, at, want),
        }
    }

    fn find_in_l2(&self, table: u64, at: u64, want: u64) -> Result<(Extent, u64)> {
        let per_table = self.per_table();
        let base = at & !per_table.saturating_sub(1);
        let place = |at: u64| {
            let index = at.saturating_sub(base).checked_shr(self.header.cluster_bits).unwrap_or(0);
            entry_at(table, if self.header.extended_l2() { index.saturating_mul(2) } else { index })
        };
        let page = self.pages.page(place(at))?;
        let first = self.classify(&page, place(at), at)?;
        Ok(joined(first, want, |run| {
            let next = at.saturating_add(run);
            let entry = (next.saturating_sub(base) < per_table).then(|| place(next))?;
            (entry < page.end()).then(|| self.classify(&page, entry, next))
        }))
    }

    /// What the L2 entry at `entry_at`, in `page`, says of byte `at` of the disk, to the end of its cluster at most.
    fn classify(&self, page: &Page, entry_at: u64, at: u64) -> Result<(Extent, u64)> {
        let entry = page.u64_be(entry_at)?;
        let size = self.header.cluster_size();
        let within = at & size.saturating_sub(1);
        let rest = size.saturating_sub(within);
        if entry & COMPRESSED != 0 {
            return Ok((self.compressed(entry, entry_at, at.saturating_sub(within)), rest));
        }
        let host = entry & OFFSET;
        if host != 0 {
            self.check_aligned(host, entry_at, "cluster")?;
        }
        let stored = || match host {
            host if host < self.object_len() => Extent::Raw { at: host.saturating_add(within) },
            at => lost("data cluster", entry_at, at, size),
        };
        if self.header.extended_l2() {
            let bitmap_at = entry_at.saturating_add(8);
            let (extent, rest) = self
                .subcluster(page.u64_be(bitmap_at)?, host != 0, within)
                .ok_or_else(|| Error::corrupt(LAYER, bitmap_at, "a subcluster is allocated and zero, or nowhere"))?;
            return Ok((extent.unwrap_or_else(stored), rest));
        }
        if entry & ZERO != 0 && self.header.version < 3 {
            return Err(Error::corrupt(LAYER, entry_at, "a zero cluster in version 2"));
        }
        let extent = match (entry & ZERO != 0, host) {
            (true, _) => Extent::Zero,
            (false, 0) => Extent::Hole,
            (false, _) => stored(),
        };
        Ok((extent, rest))
    }

    /// The second word of an extended entry: one bit a subcluster says that it is allocated, another that it is zero.
    /// `Some(None)` where the bytes are stored, `None` where the bits contradict each other.
    fn subcluster(&self, bitmap: u64, allocated: bool, within: u64) -> Option<(Option<Extent>, u64)> {
        let bits = self.header.cluster_bits.saturating_sub(SUBCLUSTER_BITS);
        let size = 1_u64.checked_shl(bits).unwrap_or(1);
        let number = u32::try_from(within.checked_shr(bits).unwrap_or(0)).unwrap_or(0);
        let bit = |number: u32| bitmap & 1_u64.checked_shl(number).unwrap_or(0) != 0;
        let extent = match (bit(number), bit(number.saturating_add(32))) {
            (true, false) if allocated => None,
            (false, true) => Some(Extent::Zero),
            (false, false) => Some(Extent::Hole),
            _ => return None,
        };
        Some((extent, size.saturating_sub(within & size.saturating_sub(1))))
    }

    /// The compressed cluster of a descriptor: `62 - (cluster_bits - 8)` bits of offset, then further sectors.
    fn compressed(&self, entry: u64, entry_at: u64, start: u64) -> Extent {
        let offset_bits = 70_u32.saturating_sub(self.header.cluster_bits);
        let mask = 1_u64.checked_shl(offset_bits).unwrap_or(0).saturating_sub(1);
        let at = entry & mask;
        let more = (entry & (COMPRESSED.saturating_sub(1))).checked_shr(offset_bits).unwrap_or(0);
        let len = more.saturating_add(1).saturating_mul(SECTOR).saturating_sub(at & SECTOR.saturating_sub(1));
        if at >= self.object_len() {
            return lost("compressed cluster", entry_at, at, len);
        }
        let codec = self.header.codec;
        Extent::Packed(Packed { at, len, start, size: self.header.cluster_size(), codec })
    }

    fn check_aligned(&self, host: u64, entry_at: u64, what: &str) -> Result<()> {
        if host.is_multiple_of(self.header.cluster_size()) {
            return Ok(());
        }
        Err(Error::corrupt(LAYER, entry_at, format!("the {what} at {host:#x} is not at the start of a cluster")))
    }
}

fn lost(what: &'static str, named_at: u64, at: u64, len: u64) -> Extent {
    Extent::Missing(Missing { what, at, ends_at: at.saturating_add(len), named_at })
}

impl Layout for Map {
    fn layer(&self) -> &'static str {
        LAYER
    }

    fn pages(&self) -> &Pages {
        &self.pages
    }

    fn size(&self) -> u64 {
        self.header.size
    }

    fn find(&self, at: u64, want: u64) -> Result<(Extent, u64)> {
        let per_table = self.per_table();
        let entry = |at: u64| entry_at(self.header.l1_at, at.checked_div(per_table).unwrap_or(0));
        let page = self.pages.page(entry(at))?;
        let first = self.find_in_l1(&page, at, want)?;
        if first.0 != Extent::Hole {
            return Ok(first);
        }
        // Only whole tables that are not there go on: one that is has a page of its own.
        Ok(joined(first, want, |run| {
            let next = at.checked_add(run).filter(|next| *next < self.size() && next.is_multiple_of(per_table))?;
            let index = next.checked_div(per_table)?;
            let none = entry(next) < page.end() && matches!(self.l2_table(&page, index), Ok(None));
            none.then_some(Ok((Extent::Hole, per_table)))
        }))
    }

    fn tables(&self, at: u64) -> Result<(Vec<(u64, u64)>, u64)> {
        let per_table = self.per_table();
        let first = at.checked_div(per_table).unwrap_or(0);
        let mut places = Vec::new();
        let mut index = first;
        let most = TOGETHER
            .checked_shr(self.header.cluster_bits)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(1)
            .clamp(1, MOST_TOGETHER);
        while index < self.header.l1_needed() && index < first.saturating_add(MOST_ENTRIES) && places.len() < most {
            let page = self.pages.page(entry_at(self.header.l1_at, index))?;
            if let Ok(Some(Ok(table))) = self.l2_table(&page, index) {
                places.push((table, table.saturating_add(self.header.cluster_size())));
            }
            index = index.saturating_add(1);
        }
        Ok((places, index.saturating_mul(per_table)))
    }
}
