//! The file allocation table: which cluster follows which (Microsoft FAT specification, "FAT Data Structure").

use std::sync::Arc;

use super::super::recent::Recent;
use super::LAYER;
use super::boot::{FIRST, Geometry, Width};
use crate::disk::bytes::{to_u64, to_usize, u16_le, u32_le};
use crate::disk::{Error, ReadAt, Result};

/// What is read of it at once, and how many such pieces are kept: 1 MiB. All of FAT12 is in one piece.
const PIECE: u64 = 64 << 10;
const KEPT: usize = 16;
/// The upper four bits of an entry of FAT32 are reserved.
const MASK_32: u32 = 0x0FFF_FFFF;

/// The FAT in use.
pub(super) struct Table {
    disk: Arc<dyn ReadAt>,
    pieces: Recent<Vec<u8>>,
    width: Width,
    clusters: u64,
    at: u64,
    len: u64,
}

impl Table {
    pub(super) fn new(disk: Arc<dyn ReadAt>, geometry: &Geometry) -> Self {
        let Geometry { width, clusters, fat_at, .. } = *geometry;
        let mut table = Self { disk, pieces: Recent::new(KEPT), width, clusters, at: fat_at, len: 0 };
        table.len = table.place(clusters.saturating_add(FIRST)).saturating_add(1).min(geometry.fat_len);
        table
    }

    /// Bytes in use.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Byte offset of an entry in the volume.
    pub(super) fn entry_at(&self, cluster: u64) -> u64 {
        self.at.saturating_add(self.place(cluster))
    }

    /// Byte offset of an entry in the table.
    fn place(&self, cluster: u64) -> u64 {
        match self.width {
            Width::Bits12 => cluster.saturating_add(cluster >> 1),
            Width::Bits16 => cluster.saturating_mul(2),
            Width::Bits32 => cluster.saturating_mul(4),
        }
    }

    /// The entry of a cluster, or one of the two before the first.
    pub(super) fn entry(&self, cluster: u64) -> Result<u32> {
        let place = self.place(cluster);
        let start = place & !PIECE.saturating_sub(1);
        let piece = self.piece(start)?;
        let within = to_usize(LAYER, place.saturating_sub(start))?;
        Ok(match self.width {
            Width::Bits12 => {
                let pair = u16_le(LAYER, &piece, within)?;
                u32::from(if cluster.is_multiple_of(2) { pair & 0xFFF } else { pair >> 4 })
            }
            Width::Bits16 => u16_le(LAYER, &piece, within)?.into(),
            Width::Bits32 => u32_le(LAYER, &piece, within)? & MASK_32,
        })
    }

    /// The cluster that follows; `None` at the end of a chain. The mark of bad clusters ends one too, as for Linux.
    pub(super) fn next(&self, cluster: u64) -> Result<Option<u64>> {
        let ends = match self.width {
            Width::Bits12 => 0xFF7,
            Width::Bits16 => 0xFFF7,
            Width::Bits32 => 0x0FFF_FFF7,
        };
        let next = u64::from(self.entry(cluster)?);
        match next.checked_sub(FIRST) {
            _ if next >= ends => Ok(None),
            Some(index) if index < self.clusters => Ok(Some(next)),
            _ => Err(Error::corrupt(LAYER, self.entry_at(cluster), format!("a chain leads to cluster {next:#x}"))),
        }
    }

    /// How many clusters are free: reads all of it.
    pub(super) fn count_free(&self) -> Result<u64> {
        if self.width == Width::Bits12 {
            let mut free = 0_u64;
            for cluster in (FIRST..).take(to_usize(LAYER, self.clusters)?) {
                free = free.saturating_add(u64::from(self.entry(cluster)? == 0));
            }
            return Ok(free);
        }
        let (size, skipped) = if self.width == Width::Bits16 { (2, 4) } else { (4, 8) };
        let mut left = to_usize(LAYER, self.clusters)?;
        let (mut start, mut free) = (0_u64, 0_u64);
        while left > 0 && start < self.len {
            let piece = self.piece(start)?;
            let entries = piece.get(if start == 0 { skipped } else { 0 }..).unwrap_or_default().chunks_exact(size);
            let seen = entries.len().min(left);
            let zeros = entries.take(seen).filter(|entry| is_free(entry)).count();
            free = free.saturating_add(to_u64(zeros));
            left = left.saturating_sub(seen);
            start = start.saturating_add(PIECE);
        }
        Ok(free)
    }

    fn piece(&self, start: u64) -> Result<Arc<Vec<u8>>> {
        let len = to_usize(LAYER, self.len.saturating_sub(start).min(PIECE))?;
        self.pieces.get(start, || self.disk.read_vec_at(self.at.saturating_add(start), len))
    }
}

/// Whether an entry of 16 or 32 bits is free.
fn is_free(entry: &[u8]) -> bool {
    match entry {
        [a, b] => a | b == 0,
        [a, b, c, d] => a | b | c | d & 0x0F == 0,
        _ => false,
    }
}
