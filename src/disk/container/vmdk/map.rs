//! Grains: the grain directory and grain tables of a sparse extent ("Grain Directory and Grain Tables").

use std::sync::Arc;

use super::LAYER;
use super::header::{Header, SECTOR};
use crate::disk::container::codec::{Codec, MARKER};
use crate::disk::container::layout::{Extent, Layout, Missing, Packed, There, joined};
use crate::disk::container::pages::{Page, Pages};
use crate::disk::{ReadAt, Result};

/// An entry of a grain of zeros, where the header says that there are such.
const ZEROED: u32 = 1;
/// Bytes of grain tables that are fetched together, how many places they lie in, and directory entries that are looked
/// through for them: QEMU writes all tables one after the other, streams have them among the grains.
const TOGETHER: u64 = 4 << 20;
const MOST_PLACES: usize = 32;
const MOST_ENTRIES: u64 = 16 << 10;

/// The tables of one disk.
pub struct Map {
    pages: Pages,
    header: Header,
}

impl Map {
    pub fn new(object: Arc<dyn ReadAt>, header: Header) -> Self {
        Self { pages: Pages::new(LAYER, object), header }
    }

    fn directory_entry(&self, at: u64) -> u64 {
        let index = at.checked_div(self.header.per_table()).unwrap_or(0);
        self.header.directory().saturating_add(index.saturating_mul(4))
    }

    /// Bytes of a grain table.
    fn table_len(&self) -> u64 {
        self.header.entries().saturating_mul(4)
    }

    /// The grain table that the directory's entry at `entry_at` names; `None` where there is none.
    fn table(&self, page: &Page, entry_at: u64) -> Result<Option<There<u64>>> {
        let table = u64::from(page.u32_le(entry_at)?).saturating_mul(SECTOR);
        if table == 0 {
            return Ok(None);
        }
        let lost = Missing::unless_within(self.pages.object.len(), "grain table", entry_at, table, self.table_len());
        Ok(Some(lost.map_or(Ok(table), Err)))
    }

    fn find_in_table(&self, table: u64, at: u64, want: u64) -> Result<(Extent, u64)> {
        let (per_table, grain) = (self.header.per_table(), self.header.grain().max(1));
        let base = at.saturating_sub(at.checked_rem(per_table).unwrap_or(0));
        let place = |at: u64| {
            let index = at.saturating_sub(base).checked_div(grain).unwrap_or(0);
            table.saturating_add(index.saturating_mul(4))
        };
        let page = self.pages.page(place(at))?;
        // Most tables that QEMU allocates are never written to.
        if page.is_zero(place(at), table.saturating_add(self.table_len())) {
            return Ok((Extent::Hole, base.saturating_add(per_table).saturating_sub(at)));
        }
        let classify = |at: u64| page.u32_le(place(at)).map(|entry| self.classify(place(at), entry, at));
        Ok(joined(classify(at)?, want, |run| {
            let next = at.checked_add(run).filter(|next| next.saturating_sub(base) < per_table)?;
            (place(next) < page.end()).then(|| classify(next))
        }))
    }

    /// What a grain table's entry says of byte `at`, to the end of its grain at most.
    fn classify(&self, entry_at: u64, entry: u32, at: u64) -> (Extent, u64) {
        let grain = self.header.grain().max(1);
        let within = at.checked_rem(grain).unwrap_or(0);
        let rest = grain.saturating_sub(within);
        let host = u64::from(entry).saturating_mul(SECTOR);
        let start = at.saturating_sub(within);
        // How long a compressed grain is, only its own bytes say. Of the disk's last one the guest sees a part.
        let len = if self.header.is_compressed() { MARKER } else { grain.min(self.size().saturating_sub(start)) };
        let lost = Missing::unless_within(self.pages.object.len(), "grain", entry_at, host, len);
        let extent = match (entry, lost) {
            (0, _) => Extent::Hole,
            (ZEROED, _) if self.header.has_zero_grains() => Extent::Zero,
            (_, Some(missing)) => Extent::Missing(missing),
            _ if self.header.is_compressed() => Extent::Packed(Packed {
                at: host,
                // What does not shrink may grow a little; QEMU reads two grains.
                len: grain.saturating_mul(2).saturating_add(MARKER),
                start,
                size: grain,
                codec: Codec::Grain,
            }),
            _ => Extent::Raw { at: host.saturating_add(within) },
        };
        (extent, rest)
    }
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
        let per_table = self.header.per_table();
        let entry_at = self.directory_entry(at);
        let page = self.pages.page(entry_at)?;
        let rest = per_table.saturating_sub(at.checked_rem(per_table).unwrap_or(0));
        match self.table(&page, entry_at)? {
            Some(Ok(table)) => return self.find_in_table(table, at, want),
            Some(Err(missing)) => return Ok((Extent::Missing(missing), rest)),
            None => {}
        }
        Ok(joined((Extent::Hole, rest), want, |run| {
            let next = at.checked_add(run).filter(|next| *next < self.size())?;
            let entry_at = self.directory_entry(next);
            let none = entry_at < page.end() && matches!(self.table(&page, entry_at), Ok(None));
            none.then_some(Ok((Extent::Hole, per_table)))
        }))
    }

    fn tables(&self, at: u64) -> Result<(Vec<(u64, u64)>, u64)> {
        let per_table = self.header.per_table();
        let mut places: Vec<(u64, u64)> = Vec::new();
        let (mut next, mut bytes) = (at, 0_u64);
        for _ in 0..MOST_ENTRIES {
            if places.len() >= MOST_PLACES || bytes >= TOGETHER || next >= self.size() {
                break;
            }
            let entry_at = self.directory_entry(next);
            if let Some(Ok(table)) = self.table(&self.pages.page(entry_at)?, entry_at)? {
                let end = table.saturating_add(self.table_len());
                match places.last_mut() {
                    Some(last) if last.1 == table => last.1 = end,
                    _ => places.push((table, end)),
                }
                bytes = bytes.saturating_add(self.table_len());
            }
            next = next.saturating_sub(next.checked_rem(per_table).unwrap_or(0)).saturating_add(per_table);
        }
        Ok((places, next))
    }
}
