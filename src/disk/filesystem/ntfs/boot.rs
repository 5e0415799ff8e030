//! The boot sector: geometry (linux/fs/ntfs3/ntfs.h, `struct NTFS_BOOT`).

use super::LAYER;
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u64_le};
use crate::disk::{Error, ReadAt, Result};

const LEN: usize = 512;
/// Windows formats clusters of up to 2 MiB (since version 1709).
const MAX_CLUSTER: u64 = 2 << 20;
/// Windows makes records of 1 KiB, and of 4 KiB on disks of 4 KiB sectors.
const MAX_RECORD: u64 = 64 << 10;
const MIN_RECORD: u64 = 512;
/// From here up, sectors a cluster are a negative power of two; below, a number.
const NEGATIVE_CLUSTER: u8 = 0xF4;

/// What the boot sector says, checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Boot {
    /// Bytes a cluster: a power of two.
    pub cluster: u64,
    /// Clusters of the volume.
    pub clusters: u64,
    /// Bytes a record of the MFT: a power of two, a multiple of 512.
    pub record: usize,
    /// First cluster of `$MFT` and of `$MFTMirr`.
    pub mft: u64,
    pub mirror: u64,
}

impl Boot {
    /// Reads and checks it.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        let raw = volume.read_vec_at(0, LEN)?;
        let raw = raw.as_slice();
        let byte = |at| range(LAYER, raw, at, 1).map(|found| found.first().copied().unwrap_or_default());
        if range(LAYER, raw, 3, 8)? != b"NTFS    " {
            return Err(Error::corrupt(LAYER, 3, "no boot sector"));
        }
        let sector = u64::from(u16_le(LAYER, raw, 0xB)?);
        if !sector.is_power_of_two() || !(512..=4096).contains(&sector) {
            return Err(Error::corrupt(LAYER, 0xB, "the sector size is out of range"));
        }
        let per_cluster = match byte(0xD)? {
            power @ NEGATIVE_CLUSTER.. => 1 << power.wrapping_neg(),
            sectors => u64::from(sectors),
        };
        let cluster = sector.saturating_mul(per_cluster);
        if !per_cluster.is_power_of_two() || cluster > MAX_CLUSTER {
            return Err(Error::corrupt(LAYER, 0xD, "the cluster size is out of range"));
        }
        // From 128 up, a negative power of two, in bytes.
        let record = match byte(0x40)? {
            power @ 128.. => 1_u64.checked_shl(u32::from(power.wrapping_neg())).unwrap_or_default(),
            clusters => cluster.saturating_mul(u64::from(clusters)),
        };
        if !record.is_power_of_two() || !(MIN_RECORD..=MAX_RECORD).contains(&record) {
            return Err(Error::corrupt(LAYER, 0x40, "the size of file records is out of range"));
        }
        let sectors = u64_le(LAYER, raw, 0x28)?;
        // Windows shows such a volume as RAW, ntfs-3g does not mount it.
        if sectors.saturating_mul(sector) > volume.len() {
            return Err(Error::corrupt(LAYER, 0x28, "the filesystem is larger than its volume"));
        }
        let clusters = sectors.checked_div(per_cluster).unwrap_or_default();
        // Windows and Linux count clusters in 32 bits.
        if u32::try_from(clusters).is_err() {
            return Err(Error::unsupported(LAYER, format!("{clusters} clusters")).at(0x28));
        }
        let inside = |at| match u64_le(LAYER, raw, at)? {
            lcn if lcn < clusters => Ok(lcn),
            _ => Err(Error::corrupt(LAYER, to_u64(at), "the file table is not in the filesystem")),
        };
        Ok(Self { cluster, clusters, record: to_usize(LAYER, record)?, mft: inside(0x30)?, mirror: inside(0x38)? })
    }
}
