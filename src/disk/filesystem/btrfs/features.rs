//! Incompatible features and superblock flags: what may be read without knowing them, and the words for the rest.

use super::LAYER;
use crate::disk::{Error, Result};

/// `BTRFS_FEATURE_INCOMPAT_METADATA_UUID`: nodes hold another identity than the superblock shows.
pub(super) const METADATA_UUID: u64 = 1 << 10;

/// `BTRFS_FEATURE_INCOMPAT_NO_HOLES`
pub(super) const NO_HOLES: u64 = 1 << 9;

/// `BTRFS_FEATURE_INCOMPAT_*`: name, and whether it is read.
const INCOMPAT: [(u64, &str, bool); 16] = [
    (1 << 0, "mixed-backref", true),
    (1 << 1, "default-subvol", true),
    (1 << 2, "mixed-groups", true),
    (1 << 3, "compress-lzo", true),
    (1 << 4, "compress-zstd", true),
    (1 << 5, "big-metadata", true),
    (1 << 6, "extended-iref", true),
    // Where it matters, a chunk says so.
    (1 << 7, "raid56", true),
    (1 << 8, "skinny-metadata", true),
    (NO_HOLES, "no-holes", true),
    (METADATA_UUID, "metadata-uuid", true),
    (1 << 11, "raid1c34", true),
    (1 << 12, "zoned", false),
    (1 << 13, "extent-tree-v2", false),
    (1 << 14, "raid-stripe-tree", false),
    (1 << 16, "simple-quota", true),
];

/// `BTRFS_SUPER_FLAG_ERROR`: the filesystem noted an error.
pub(super) const FLAG_ERROR: u64 = 1 << 2;
/// Flags that change nothing for a reader: `BTRFS_HEADER_FLAG_WRITTEN`, `_RELOC`, the above, `SEEDING`.
const FLAGS_READ: u64 = 1 | 1 << 1 | FLAG_ERROR | 1 << 32;
/// `BTRFS_SUPER_FLAG_METADUMP`, `_V2`: `btrfs-image` left out the content of files.
const FLAGS_METADUMP: u64 = 1 << 33 | 1 << 34;

/// Refuses what is not read.
pub(super) fn check(incompat: u64, flags: u64) -> Result<()> {
    let known = INCOMPAT.iter().filter(|(_, _, read)| *read).fold(0, |all, (bit, ..)| all | bit);
    let unread = incompat & !known;
    if unread != 0 {
        let names = INCOMPAT.iter().filter(|(bit, ..)| unread & bit != 0).map(|(_, name, _)| (*name).to_owned());
        let unnamed = INCOMPAT.iter().fold(unread, |rest, (bit, ..)| rest & !bit);
        let number = (unnamed != 0).then(|| format!("incompat {unnamed:#x}"));
        let words: Vec<String> = names.chain(number).collect();
        return Err(Error::unsupported(LAYER, format!("features that are not read: {}", words.join(", "))));
    }
    if flags & FLAGS_METADUMP != 0 {
        return Err(Error::unsupported(LAYER, "a dump of metadata without the content of files"));
    }
    match flags & !FLAGS_READ {
        0 => Ok(()),
        unknown => Err(Error::unsupported(LAYER, format!("superblock flags {unknown:#x}"))),
    }
}
