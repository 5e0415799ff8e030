//! The four checksums a filesystem may be made with (`enum btrfs_csum_type`).

use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha2::{Digest, Sha256};
use twox_hash::XxHash64;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    Crc32c,
    XxHash,
    Sha256,
    Blake2b,
}

impl Checksum {
    /// By `csum_type` of the superblock.
    pub(super) fn by_number(number: u16) -> Option<Self> {
        [Self::Crc32c, Self::XxHash, Self::Sha256, Self::Blake2b].get(usize::from(number)).copied()
    }

    /// Bytes of one.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Crc32c => 4,
            Self::XxHash => 8,
            Self::Sha256 | Self::Blake2b => 32,
        }
    }

    /// True when `sum` begins with the checksum of `data`.
    pub(super) fn fits(self, data: &[u8], sum: &[u8]) -> bool {
        match self {
            Self::Crc32c => sum.starts_with(&crc32c::crc32c(data).to_le_bytes()),
            Self::XxHash => sum.starts_with(&XxHash64::oneshot(0, data).to_le_bytes()),
            Self::Sha256 => sum.starts_with(&Sha256::digest(data)),
            Self::Blake2b => sum.starts_with(&Blake2b::<U32>::digest(data)),
        }
    }
}

/// The hash of a name that `INODE_EXTREF` keys hold: CRC-32C from the directory's number on (`btrfs_extref_hash`).
pub(super) fn reference_hash(dir: u64, name: &[u8]) -> u64 {
    let seed = u32::try_from(dir & u64::from(u32::MAX)).unwrap_or_default();
    u64::from(!crc32c::crc32c_append(!seed, name))
}

/// The hash of a name that `DIR_ITEM` keys hold: CRC-32C from `!1` on, without the final inversion (`btrfs_name_hash`).
pub(super) fn name_hash(name: &[u8]) -> u64 {
    u64::from(!crc32c::crc32c_append(1, name))
}
