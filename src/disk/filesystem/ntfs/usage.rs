//! Free space: the clusters `$Bitmap` has no bit for.

use super::super::Usage;
use super::LAYER;
use super::attribute::DATA;
use super::mft::Mft;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, Result};

const BITMAP: u64 = 6;
/// Read at once; a volume of 2 TiB has 64 of these.
const PIECE: u64 = 1 << 20;

/// Counts free clusters.
pub(super) fn usage(mft: &Mft) -> Result<Usage> {
    let clusters = mft.disk.clusters;
    let file = mft.file(BITMAP)?;
    let bitmap = file.stream(mft, DATA, "")?;
    let bitmap = bitmap
        .filter(|bitmap| bitmap.size >= clusters.div_ceil(8))
        .ok_or_else(|| Error::corrupt(LAYER, file.record.at, "the bitmap is smaller than the filesystem"))?;
    let mut free = 0_u64;
    let mut piece = Vec::new();
    let mut at = 0;
    while at < clusters.div_ceil(8) {
        let len = clusters.div_ceil(8).saturating_sub(at).min(PIECE);
        piece.resize(to_usize(LAYER, len)?, 0);
        bitmap.read(&mft.disk, at, &mut piece)?;
        at = at.saturating_add(len);
        free = free.saturating_add(zeros(&piece));
    }
    // The last byte has bits for clusters that are not there.
    let beyond = u32::try_from(clusters.wrapping_neg() & 7).unwrap_or_default();
    let last = piece.last().copied().unwrap_or_default();
    let counted =
        last.checked_shr(8_u32.saturating_sub(beyond)).map_or(0, |last| beyond.saturating_sub(last.count_ones()));
    let free = free.saturating_sub(u64::from(counted));
    Ok(Usage { total_bytes: mft.disk.at(clusters), free_bytes: mft.disk.at(free), free_inodes: None })
}

fn zeros(piece: &[u8]) -> u64 {
    let used = piece.iter().fold(0_u64, |used, byte| used.saturating_add(byte.count_ones().into()));
    to_u64(piece.len()).saturating_mul(8).saturating_sub(used)
}
