//! How much of a dynamic disk was ever written, by the bitmaps of its blocks.

use super::map::Map;
use crate::disk::Result;
use crate::disk::container::layout::{Extent, Layout};
use crate::disk::container::size::CLUSTER;

/// Blocks whose bitmaps are read at most: each costs a request, and together they only narrow an estimate.
const MOST_BITMAPS: u64 = 32;
const SECTOR: u64 = 512;
/// Bytes of the disk that a byte of a bitmap stands for, and bytes of a bitmap that a QCOW2 cluster does.
const PER_BYTE: u64 = 8 * SECTOR;
const PER_CLUSTER: usize = 16;

/// Clusters of 64 KiB with a sector that was written; `None` where there are too many blocks to look at, or they are so
/// small that clusters do not lie within one.
pub fn clusters(map: &Map, allocated: u64) -> Result<Option<u64>> {
    let block = map.block_size();
    if block < CLUSTER || allocated.div_ceil(block) > MOST_BITMAPS {
        return Ok(None);
    }
    let mut clusters = 0_u64;
    let mut at = 0;
    while at < map.size() {
        let (extent, run) = map.find(at, u64::MAX)?;
        let next = at.saturating_add(run);
        if !matches!(extent, Extent::Hole) {
            while at < next.min(map.size()) {
                let bitmap = map.bitmap(at)?.unwrap_or_default();
                let used = map.size().saturating_sub(at).min(block).div_ceil(PER_BYTE);
                let bits = bitmap.get(..usize::try_from(used).unwrap_or(0)).unwrap_or(&bitmap);
                let written = bits.chunks(PER_CLUSTER).filter(|cluster| cluster.iter().any(|byte| *byte != 0)).count();
                clusters = clusters.saturating_add(u64::try_from(written).unwrap_or(0));
                at = at.saturating_add(block);
            }
        }
        at = next;
    }
    Ok(Some(clusters))
}
