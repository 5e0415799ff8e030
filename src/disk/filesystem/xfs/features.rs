//! Feature words of the superblock (xfs_format.h, "XFS_SB_VERSION", "XFS_SB_FEAT"). What Linux ignores while it only
//! reads (`features_compat`, `features_ro_compat`) does not matter here either.

use super::LAYER;
use crate::disk::bytes::{u16_be, u32_be};
use crate::disk::{Error, Result};

/// Bits of `sb_versionnum`.
const NUMBER: u16 = 0x000F;
const SHARED: u16 = 0x0200;
const LOG_V2: u16 = 0x0400;
const DIR_V2: u16 = 0x2000;
const ASCII_CI: u16 = 0x4000;
const MORE: u16 = 0x8000;
/// Bits of `sb_features2`: those Linux knows (lazysbcount, attr2, projid32, crc, ftype) and two of them.
const FEATURES2_KNOWN: u32 = 0x0000_038A;
const FEATURES2_LAZY_COUNT: u32 = 0x0000_0002;
const FEATURES2_FTYPE: u32 = 0x0000_0200;
/// Bits of `sb_features_incompat`: ftype, sparse inodes, meta_uuid, bigtime, needsrepair, nrext64, exchange, parent.
const INCOMPAT_KNOWN: u32 = 0x0000_00FF;
const INCOMPAT_FTYPE: u32 = 0x0000_0001;
const INCOMPAT_META_UUID: u32 = 0x0000_0004;
const INCOMPAT_NEEDS_REPAIR: u32 = 0x0000_0010;
/// Known, and changing where things are: nothing of them was ever read by this reader.
const INCOMPAT_NAMED: [(u32, &str); 3] = [(0x100, "metadir"), (0x200, "zoned"), (0x400, "zone_gaps")];
/// Bits of `sb_features_ro_compat` that say how much of the free space is kept.
const RO_COMPAT_FINOBT: u32 = 0x0000_0001;
const RO_COMPAT_RMAPBT: u32 = 0x0000_0002;
const RO_COMPAT_REFLINK: u32 = 0x0000_0004;
const RO_COMPAT_INOBTCNT: u32 = 0x0000_0008;
/// Bits of `sb_features_log_incompat`: extended attributes as intents.
const LOG_INCOMPAT_KNOWN: u32 = 0x0000_0001;

/// What of them decides how the filesystem is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    /// Version 5: everything has a checksum, an owner and the place of its last change in the log.
    pub v5: bool,
    /// Directory entries hold the kind of what they name.
    pub ftype: bool,
    /// Names are found in any case.
    pub ascii_ci: bool,
    /// Records of the log may have several header blocks.
    pub log_v2: bool,
    /// The counters of the superblock are right after a clean unmount only.
    pub lazy_count: bool,
    /// The UUID within metadata is not that of the filesystem.
    pub meta_uuid: bool,
    /// It asks to be repaired first.
    pub needs_repair: bool,
    /// Trees of each group that the kernel keeps blocks for: of free inodes, of owners, of shared blocks.
    pub finobt: bool,
    pub rmapbt: bool,
    pub reflink: bool,
    /// The header of a group counts the blocks of its trees of inodes.
    pub counts_inode_blocks: bool,
    /// The log may hold items this reader does not know.
    pub log_unknown: u32,
}

impl Features {
    /// Reads the words of a superblock; `Unsupported` names what is not read.
    pub(super) fn read(raw: &[u8]) -> Result<Self> {
        let version = u16_be(LAYER, raw, 100)?;
        let v5 = match version & NUMBER {
            4 => false,
            5 => true,
            number => return Err(Error::unsupported(LAYER, format!("version {number} of XFS"))),
        };
        if version & SHARED != 0 || version & DIR_V2 == 0 {
            return Err(Error::unsupported(LAYER, format!("a filesystem of IRIX (version {version:#06x})")));
        }
        // Linux takes the bits of both, as a padding mistake once put the field at the second place.
        let features2 = match version & MORE {
            0 => 0,
            _ => u32_be(LAYER, raw, 200)? | u32_be(LAYER, raw, 204)?,
        };
        let word = |at| if v5 { u32_be(LAYER, raw, at) } else { Ok(0) };
        let [ro_compat, incompat, log_incompat] = [word(212)?, word(216)?, word(220)?];
        refuse("features2", features2 & !FEATURES2_KNOWN, &[])?;
        refuse("incompat", incompat & !INCOMPAT_KNOWN, &INCOMPAT_NAMED)?;
        Ok(Self {
            v5,
            ftype: features2 & FEATURES2_FTYPE != 0 || incompat & INCOMPAT_FTYPE != 0,
            ascii_ci: version & ASCII_CI != 0,
            log_v2: version & LOG_V2 != 0,
            lazy_count: v5 || features2 & FEATURES2_LAZY_COUNT != 0,
            meta_uuid: incompat & INCOMPAT_META_UUID != 0,
            needs_repair: incompat & INCOMPAT_NEEDS_REPAIR != 0,
            finobt: ro_compat & RO_COMPAT_FINOBT != 0,
            rmapbt: ro_compat & RO_COMPAT_RMAPBT != 0,
            reflink: ro_compat & RO_COMPAT_REFLINK != 0,
            counts_inode_blocks: ro_compat & RO_COMPAT_INOBTCNT != 0,
            log_unknown: log_incompat & !LOG_INCOMPAT_KNOWN,
        })
    }
}

fn refuse(word: &str, bits: u32, names: &[(u32, &str)]) -> Result<()> {
    if bits == 0 {
        return Ok(());
    }
    let known: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    let what = if known.is_empty() { format!("{word} {bits:#x}") } else { known.join(", ") };
    Err(Error::unsupported(LAYER, format!("features that are not read: {what}")))
}
