//! Blocks of a dynamic disk ("Block Allocation Table and Data Blocks").

use std::sync::Arc;

use super::LAYER;
use super::footer::Dynamic;
use crate::disk::bytes::to_usize;
use crate::disk::container::disk::will_read;
use crate::disk::container::layout::{Extent, Layout, Missing, joined};
use crate::disk::container::pages::Pages;
use crate::disk::{ReadAt, Result};

/// An entry of a block that is not there.
const UNUSED: u32 = u32::MAX;
const SECTOR: u64 = 512;
/// Bytes of the table that are fetched together.
const TOGETHER: u64 = 1 << 20;
/// Bytes of the table behind what the disk needs that are read at most: a table for the largest disk has 4 MiB.
const MOST_SPARE: u64 = 64 << 20;

/// The table of one disk.
pub struct Map {
    pages: Pages,
    size: u64,
    dynamic: Dynamic,
    /// Bytes of the bitmap before a block's data: a bit a sector, filled up to whole sectors.
    bitmap_len: u64,
}

impl Map {
    pub fn new(object: Arc<dyn ReadAt>, size: u64, dynamic: Dynamic) -> Self {
        let bits = dynamic.block_size / SECTOR;
        let bitmap_len = bits.div_ceil(8).next_multiple_of(SECTOR);
        Self { pages: Pages::new(LAYER, object), size, dynamic, bitmap_len }
    }

    fn entry_at(&self, at: u64) -> u64 {
        let block = at.checked_div(self.dynamic.block_size).unwrap_or(0);
        self.dynamic.table_at.saturating_add(block.saturating_mul(4))
    }

    /// The table, where it passes the end of the object: QEMU reads all of it, also what the disk does not need.
    pub fn missing(&self) -> Option<Missing> {
        let len = self.stated_len();
        let named_at = self.dynamic.at.saturating_add(16);
        let (object, at) = (self.pages.object.len(), self.dynamic.table_at);
        Missing::unless_within(object, "block allocation table", named_at, at, len)
    }

    /// What the entries behind those of the disk name past the end of the object, whatever ends last, and whether all of them
    /// were read: QEMU counts them when it opens the disk.
    pub fn spare(&self) -> Result<(Option<Missing>, bool)> {
        let place = |len: u64| self.dynamic.table_at.saturating_add(len);
        let (mut at, end) = (place(self.table_len()), place(self.stated_len()));
        let most = at.saturating_add(MOST_SPARE);
        let (mut last, mut announced): (Option<Missing>, u64) = (None, at);
        while at < end.min(most) {
            if at >= announced {
                announced = at.saturating_add(TOGETHER);
                will_read(self.pages.object.as_ref(), vec![(at, announced.min(end))])?;
            }
            let page = self.pages.page(at)?;
            while at < page.end().min(end) {
                if let (Extent::Missing(missing), _) = self.classify(at, page.u32_be(at)?, 0)
                    && last.is_none_or(|last| last.ends_at < missing.ends_at)
                {
                    last = Some(missing);
                }
                at = at.saturating_add(4);
            }
        }
        Ok((last, at >= end))
    }

    /// Bytes of the table.
    fn stated_len(&self) -> u64 {
        u64::from(self.dynamic.entries).saturating_mul(4)
    }

    /// Bytes of the table that the disk needs.
    fn table_len(&self) -> u64 {
        self.size.div_ceil(self.dynamic.block_size.max(1)).saturating_mul(4)
    }

    /// Byte of the object after the headers and the table, which ends with a sector.
    pub fn table_end(&self) -> u64 {
        self.dynamic.table_at.saturating_add(self.stated_len()).next_multiple_of(SECTOR).max(self.dynamic.end())
    }

    /// What the table says of byte `at`, to the end of its block at most.
    fn classify(&self, entry_at: u64, entry: u32, at: u64) -> (Extent, u64) {
        let within = at & self.dynamic.block_size.saturating_sub(1);
        let rest = self.dynamic.block_size.saturating_sub(within);
        if entry == UNUSED {
            return (Extent::Hole, rest);
        }
        let block_at = u64::from(entry).saturating_mul(SECTOR);
        let len = self.bitmap_len.saturating_add(self.dynamic.block_size);
        let lost = Missing::unless_within(self.pages.object.len(), "data block", entry_at, block_at, len);
        let data_at = block_at.saturating_add(self.bitmap_len);
        (lost.map_or(Extent::Raw { at: data_at.saturating_add(within) }, Extent::Missing), rest)
    }

    /// The bitmap of the block that holds byte `at` of the disk; `None` where there is no block.
    pub fn bitmap(&self, at: u64) -> Result<Option<Vec<u8>>> {
        let block = at & !self.dynamic.block_size.saturating_sub(1);
        match self.find(block, 1)?.0 {
            Extent::Raw { at } => {
                let len = to_usize(LAYER, self.bitmap_len)?;
                self.pages.object.read_vec_at(at.saturating_sub(self.bitmap_len), len).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub fn block_size(&self) -> u64 {
        self.dynamic.block_size
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
        self.size
    }

    /// QEMU takes all of a block that is there for data, whatever its bitmap says; so does this.
    fn find(&self, at: u64, want: u64) -> Result<(Extent, u64)> {
        let page = self.pages.page(self.entry_at(at))?;
        let classify = |at: u64| {
            let entry_at = self.entry_at(at);
            page.u32_be(entry_at).map(|entry| self.classify(entry_at, entry, at))
        };
        Ok(joined(classify(at)?, want, |run| {
            let next = at.checked_add(run).filter(|next| *next < self.size)?;
            (self.entry_at(next) < page.end()).then(|| classify(next))
        }))
    }

    fn tables(&self, at: u64) -> Result<(Vec<(u64, u64)>, u64)> {
        let from = self.entry_at(at);
        let to = from.saturating_add(TOGETHER).min(self.dynamic.table_at.saturating_add(self.table_len()));
        let blocks = to.saturating_sub(from) / 4;
        Ok((vec![(from, to)], at.saturating_add(blocks.saturating_mul(self.dynamic.block_size))))
    }
}
