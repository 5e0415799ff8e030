//! How large the file may become, and the parts it is cut into.

use super::disk::Disk;
use super::{LAYER, SECTOR, Target, qcow2, vhd};
use crate::disk::{Error, Result};

const MIB: u64 = 1 << 20;
/// Limits of S3's multipart uploads: parts, and bytes of a part that is not the last ("Amazon S3 multipart upload limits").
pub const PARTS_MAX: u64 = 10_000;
const PART_MIN: u64 = 5 * MIB;
const PART_MAX: u64 = 5 << 30;

/// What is written, and how it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(super) target: Target,
    /// Bytes of the disk that a guest of the file sees: the disk's, in whole sectors where the format wants that.
    pub size: u64,
    /// Bytes of a part, a multiple of 1 MiB.
    pub part: u64,
    /// Bytes that the file will have at most.
    pub most: u64,
}

/// Plans the file for a disk. Its parts have `part` bytes, or more where a file of that size would have too many. Where the
/// size of the disk alone does not tell that, all its tables are read.
///
/// # Errors
/// `Unsupported` where the format cannot hold such a disk, `Limit` where an upload cannot; those of the disk.
pub fn plan(disk: &Disk, target: Target, part: u64) -> Result<Plan> {
    let size = match target {
        Target::Raw => disk.size(),
        _ => disk.size().checked_next_multiple_of(SECTOR).unwrap_or(disk.size()),
    };
    let unit = match target {
        Target::Raw | Target::VhdFixed { .. } => 1,
        Target::VhdDynamic { .. } => vhd::BLOCK,
        Target::Qcow2 { cluster_bits, .. } => qcow2::check(cluster_bits, size)?,
    };
    if matches!(target, Target::VhdDynamic { .. } | Target::VhdFixed { .. }) {
        vhd::check(size)?;
    }
    let part = part.max(PART_MIN).checked_next_multiple_of(MIB).unwrap_or(PART_MIN);
    let most = |units: u64| match target {
        Target::Raw => size,
        Target::VhdFixed { .. } => size.saturating_add(SECTOR),
        Target::VhdDynamic { .. } => vhd::most(size, units),
        Target::Qcow2 { .. } => qcow2::most(unit, size, units),
    };
    let mut bound = most(size.div_ceil(unit));
    if bound > part.saturating_mul(PARTS_MAX) && unit > 1 {
        bound = most(units(disk, unit)?);
    }
    let part = part_size(bound, part);
    if part > PART_MAX {
        return Err(Error::limit(LAYER, format!("a file of {bound} bytes is more than an upload can have")));
    }
    Ok(Plan { target, size, part, most: bound })
}

/// Size of the parts of a file of `size` bytes: `least`, or as many whole MiB as an upload's number of parts takes.
pub fn part_size(size: u64, least: u64) -> u64 {
    size.div_ceil(PARTS_MAX).div_ceil(MIB).saturating_mul(MIB).max(least)
}

/// Units of `unit` bytes of the disk in which something is stored.
fn units(disk: &Disk, unit: u64) -> Result<u64> {
    let (mut count, mut counted) = (disk.patched_units(unit), 0_u64);
    for data in disk.data() {
        let data = data?;
        let from = data.start.checked_div(unit).unwrap_or(0).max(counted);
        counted = data.end.div_ceil(unit.max(1)).max(counted);
        count = count.saturating_add(counted.saturating_sub(from));
    }
    Ok(count)
}
