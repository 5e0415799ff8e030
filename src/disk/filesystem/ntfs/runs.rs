//! Mapping pairs: from clusters of a file to clusters of the volume.

use super::LAYER;
use crate::disk::{Error, Result};

/// The most fragments of a file that are read.
const MAX_RUNS: usize = 1 << 16;

/// Clusters that follow each other in the file and on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First cluster in the file.
    pub vcn: u64,
    /// First cluster on the volume; `None` for a hole.
    pub lcn: Option<u64>,
    /// How many; never zero.
    pub len: u64,
}

impl Run {
    /// One past the last cluster in the file.
    pub(super) fn end(&self) -> u64 {
        self.vcn.saturating_add(self.len)
    }
}

/// Adds the runs of `pairs`, which begin at the file's cluster `first` and end before `end`. `at` is the attribute's
/// offset in the volume of `clusters` clusters.
pub(super) fn decode(
    pairs: &[u8],
    (first, end): (u64, u64),
    clusters: u64,
    at: u64,
    runs: &mut Vec<Run>,
) -> Result<()> {
    let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
    let mut vcn = first;
    let mut lcn = 0_i64;
    let mut rest = pairs;
    // Each step takes a byte or more.
    while let Some((sizes, more)) = rest.split_first().filter(|(sizes, _)| **sizes != 0) {
        let split = |bytes: &[u8], size: u8| -> Option<i64> { number(bytes.get(..usize::from(size))?) };
        let (len_size, place_size) = (sizes & 15, sizes >> 4);
        let pair_end = usize::from(len_size).saturating_add(usize::from(place_size));
        let len = split(more, len_size).and_then(|len| u64::try_from(len).ok()).filter(|len| *len > 0);
        let change = split(more.get(usize::from(len_size)..).unwrap_or_default(), place_size);
        let (Some(len), Some(change)) = (len, change) else { return Err(corrupt("a run without a length")) };
        lcn = lcn.wrapping_add(change);
        // Before version 3.0 holes were at cluster -1.
        let is_hole = place_size == 0 || lcn == -1;
        let place = if is_hole { None } else { Some(u64::try_from(lcn).unwrap_or(u64::MAX)) };
        if place.is_some_and(|place| place.checked_add(len).is_none_or(|end| end > clusters)) {
            return Err(corrupt("a run is not in the filesystem"));
        }
        if runs.len() >= MAX_RUNS {
            return Err(Error::limit(LAYER, format!("a file of more than {MAX_RUNS} fragments")).at(at));
        }
        runs.push(Run { vcn, lcn: place, len });
        vcn = vcn.checked_add(len).filter(|vcn| *vcn <= end).ok_or_else(|| corrupt("runs pass their end"))?;
        rest = more.get(pair_end..).unwrap_or_default();
    }
    if vcn != end {
        return Err(corrupt("runs end too early"));
    }
    Ok(())
}

/// A signed little-endian number of up to eight bytes; none is zero.
fn number(raw: &[u8]) -> Option<i64> {
    let sign = if raw.last().is_some_and(|byte| *byte >= 0x80) { 0xFF } else { 0 };
    let mut wide = [sign; 8];
    wide.get_mut(..raw.len())?.copy_from_slice(raw);
    Some(i64::from_le_bytes(wide))
}
