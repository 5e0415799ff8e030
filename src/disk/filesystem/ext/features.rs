//! Feature words of the superblock, and which of them are in the way of reading.

use super::LAYER;
use crate::disk::bytes::u32_le;
use crate::disk::{Error, Result};

/// Incompatible features that change nothing for this reader, or that it reads: filetype, recover, meta_bg, extents,
/// 64bit, mmp, flex_bg, ea_inode, csum_seed, large_dir, inline_data, and encrypt and casefold (told per inode).
const INCOMPAT_READ: u32 =
    0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000;

/// Known features that are not read, by their names in `mke2fs`.
const INCOMPAT_NAMED: &[(u32, &str)] = &[(0x1, "compression"), (0x8, "journal_dev"), (0x1000, "dirdata")];

/// The three words; all zero in revision 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Features {
    pub compat: u32,
    pub incompat: u32,
    pub ro_compat: u32,
}

macro_rules! features {
    ($($name:ident $word:ident $bit:literal;)*) => {$(
        pub(super) fn $name(&self) -> bool {
            self.$word & $bit != 0
        }
    )*};
}

impl Features {
    /// Those of a superblock.
    pub(super) fn of(superblock: &[u8]) -> Result<Self> {
        let word = |at| u32_le(LAYER, superblock, at);
        if word(0x4C)? == 0 {
            return Ok(Self::default());
        }
        Ok(Self { compat: word(0x5C)?, incompat: word(0x60)?, ro_compat: word(0x64)? })
    }

    /// Refuses what cannot be read. Unknown read-only-compatible features are no obstacle: nothing is written.
    pub(super) fn check(self) -> Result<()> {
        let unread = self.incompat & !INCOMPAT_READ;
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

    // EXT4_FEATURE_COMPAT_*, EXT4_FEATURE_INCOMPAT_*, EXT4_FEATURE_RO_COMPAT_*.
    features! {
        has_journal compat 0x4;
        has_sparse_super2 compat 0x200;
        has_orphan_file compat 0x1000;
        needs_recovery incompat 0x4;
        has_meta_bg incompat 0x10;
        is_64bit incompat 0x80;
        has_csum_seed incompat 0x2000;
        has_large_dir incompat 0x4000;
        has_sparse_super ro_compat 0x1;
        has_gdt_csum ro_compat 0x10;
        has_bigalloc ro_compat 0x200;
        has_metadata_csum ro_compat 0x400;
        has_orphans ro_compat 0x1_0000;
    }
}
