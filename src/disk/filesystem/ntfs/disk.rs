//! The volume's clusters, and records that are protected against torn writes.

use std::sync::Arc;

use super::LAYER;
use super::boot::Boot;
use crate::disk::bytes::{range, to_u64, u16_le};
use crate::disk::{Error, ReadAt, Result};

/// `SEQUENCE_NUMBER_STRIDE`: whatever the sector size, the last two bytes of so many are in the update sequence.
const STRIDE: usize = 512;

/// The volume in clusters.
#[derive(Clone)]
pub(super) struct Disk {
    pub bytes: Arc<dyn ReadAt>,
    /// Bytes a cluster: a power of two.
    pub cluster: u64,
    /// How many clusters.
    pub clusters: u64,
}

impl Disk {
    pub(super) fn new(bytes: Arc<dyn ReadAt>, boot: &Boot) -> Self {
        Self { bytes, cluster: boot.cluster, clusters: boot.clusters }
    }

    /// Byte offset of a cluster.
    pub(super) fn at(&self, cluster: u64) -> u64 {
        cluster.saturating_mul(self.cluster)
    }
}

/// Puts back what the update sequence replaced in a record that begins with `magic` (`MULTI_SECTOR_HEADER`); `at` is
/// where the record is in the volume.
pub(super) fn restore(raw: &mut [u8], magic: &[u8], at: u64) -> Result<()> {
    let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
    if !raw.starts_with(magic) {
        return Err(corrupt(&format!("no {} record", String::from_utf8_lossy(magic))));
    }
    let place = usize::from(u16_le(LAYER, raw, 4)?);
    // The number all strides end with, and the originals, one a stride; more than that are allowed.
    let strides = raw.len().checked_div(STRIDE).unwrap_or_default();
    let count = usize::from(u16_le(LAYER, raw, 6)?);
    if count <= strides {
        return Err(corrupt("an update sequence is too short"));
    }
    let sequence = range(LAYER, raw, place, strides.saturating_add(1).saturating_mul(2))
        .map_err(|_| corrupt("an update sequence passes the end of its record"))?
        .to_vec();
    let (number, originals) = sequence.split_at_checked(2).unwrap_or_default();
    for (index, (stride, original)) in raw.chunks_exact_mut(STRIDE).zip(originals.chunks_exact(2)).enumerate() {
        let Some(end) = stride.get_mut(STRIDE.saturating_sub(2)..) else { continue };
        if end != number {
            let at = at.saturating_add(to_u64(index.saturating_mul(STRIDE)));
            return Err(Error::corrupt(LAYER, at, "a record was not written as a whole"));
        }
        end.copy_from_slice(original);
    }
    Ok(())
}
