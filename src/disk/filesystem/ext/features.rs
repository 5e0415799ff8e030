//! Feature words of the superblock, and which of them are in the way of reading.

use super::LAYER;
use crate::disk::{Error, Result};

/// `EXT4_FEATURE_COMPAT_SPARSE_SUPER2`.
pub(super) const COMPAT_SPARSE_SUPER2: u32 = 0x200;

/// `EXT4_FEATURE_INCOMPAT_RECOVER`: the journal holds what the blocks do not.
const INCOMPAT_RECOVER: u32 = 0x4;
/// `EXT4_FEATURE_INCOMPAT_META_BG`.
pub(super) const INCOMPAT_META_BG: u32 = 0x10;
/// `EXT4_FEATURE_INCOMPAT_64BIT`.
pub(super) const INCOMPAT_64BIT: u32 = 0x80;
/// `EXT4_FEATURE_INCOMPAT_LARGEDIR`.
pub(super) const INCOMPAT_LARGE_DIR: u32 = 0x4000;

/// `EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER`.
pub(super) const RO_COMPAT_SPARSE_SUPER: u32 = 0x1;
/// `EXT4_FEATURE_RO_COMPAT_METADATA_CSUM`.
pub(super) const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

/// Incompatible features that change nothing for this reader, or that it reads: filetype, meta_bg, extents, 64bit,
/// mmp, flex_bg, ea_inode, csum_seed, large_dir, inline_data, and encrypt and casefold (told per inode).
const INCOMPAT_READ: u32 = 0x2
    | INCOMPAT_META_BG
    | 0x40
    | INCOMPAT_64BIT
    | 0x100
    | 0x200
    | 0x400
    | 0x2000
    | INCOMPAT_LARGE_DIR
    | 0x8000
    | 0x1_0000
    | 0x2_0000;

/// Known features that are not read, by their names in `mke2fs`.
const INCOMPAT_NAMED: &[(u32, &str)] = &[(0x1, "compression"), (0x8, "journal_dev"), (0x1000, "dirdata")];

/// Refuses what cannot be read. Unknown read-only-compatible features are no obstacle: nothing is written.
pub(super) fn check(incompat: u32) -> Result<()> {
    if incompat & INCOMPAT_RECOVER != 0 {
        let why = "the journal must be replayed first: the filesystem was not unmounted cleanly";
        return Err(Error::unsupported(LAYER, why));
    }
    let unread = incompat & !INCOMPAT_READ;
    if unread == 0 {
        return Ok(());
    }
    let mut names: Vec<String> =
        INCOMPAT_NAMED.iter().filter(|(bit, _)| unread & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let unknown = INCOMPAT_NAMED.iter().fold(unread, |bits, (bit, _)| bits & !bit);
    if unknown != 0 {
        names.push(format!("incompat {unknown:#x}"));
    }
    Err(Error::unsupported(LAYER, format!("features not read: {}", names.join(", "))))
}
