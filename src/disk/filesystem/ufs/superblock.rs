//! The superblock (FreeBSD, sys/ufs/ffs/fs.h, `struct fs`; names of fields are its own).

use super::super::Usage;
use super::LAYER;
use crate::disk::bytes::{range, to_u64, u32_be, u32_le, u64_le};
use crate::disk::{Error, ReadAt, Result};

/// `SBLOCKSEARCH`: where it is looked for, in that order.
const PLACES: [u64; 4] = [64 << 10, 8 << 10, 0, 256 << 10];
/// The last place where that of UFS1 can be (`SBLOCK_UFS1`): behind are only copies of it.
const LAST_UFS1: u64 = 8 << 10;
const LEN: usize = 1376;
/// `fs_magic`.
const MAGIC_AT: usize = 1372;
const UFS1: u32 = 0x0001_1954;
const UFS2: u32 = 0x1954_0119;
/// `MINBSIZE`, `MAXBSIZE`, `MAXFRAG`; a fragment holds a sector.
const MIN_BLOCK: u64 = 4096;
const MAX_BLOCK: u64 = 65536;
const MAX_FRAGMENTS: u64 = 8;
const MIN_FRAGMENT: u64 = 512;
/// `fs_old_flags`: the flags are in `fs_flags`.
const FLAGS_UPDATED: u8 = 0x80;
/// `fs_flags`.
pub(super) const UNCLEAN: u32 = 0x01;
pub(super) const NEEDS_FSCK: u32 = 0x04;
pub(super) const SOFT_UPDATES_JOURNAL: u32 = 0x08;
pub(super) const GJOURNAL: u32 = 0x40;
/// `FS_44INODEFMT`: owners of 32 bits.
const INODES_44: u32 = 2;

/// The two kinds of inodes and addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// What the superblock says, checked. Addresses count fragments.
pub(super) struct Superblock {
    /// Where it was found.
    pub at: u64,
    pub version: Version,
    /// Bytes a block and a fragment; powers of two.
    pub block: u64,
    pub fragment: u64,
    /// Bytes in all, which the volume has.
    pub bytes: u64,
    pub groups: u64,
    pub fragments_per_group: u64,
    pub inodes_per_group: u64,
    /// UFS1: how far a group's structures are shifted, and in which groups they are not.
    pub group_offset: u64,
    pub group_mask: u64,
    /// The first inode of a group, in fragments.
    pub inodes_at: u64,
    /// Links shorter than this are in their inode. 0 with the directories of 4.2BSD, which tell no types.
    pub max_fast_link: u64,
    /// UFS1 before 4.4BSD: owners of 16 bits, elsewhere.
    pub narrow_owners: bool,
    pub clean: bool,
    pub flags: u32,
    pub usage: Usage,
}

impl Superblock {
    /// Finds and checks it.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        for at in PLACES {
            if at.saturating_add(to_u64(LEN)) > volume.len() {
                continue;
            }
            let raw = volume.read_vec_at(at, LEN)?;
            if [UFS1, UFS2].contains(&u32_be(LAYER, &raw, MAGIC_AT)?) {
                return Err(Error::unsupported(LAYER, "UFS in big-endian byte order").at(at));
            }
            let version = match u32_le(LAYER, &raw, MAGIC_AT)? {
                UFS1 if at <= LAST_UFS1 => Version::One,
                UFS2 if u64_le(LAYER, &raw, 1000)? == at || flags(&raw)?.is_none() => Version::Two,
                _ => continue,
            };
            return Self::parse(&raw, at, version, volume.len());
        }
        Err(Error::corrupt(LAYER, LAST_UFS1, "there is no superblock where one belongs"))
    }

    fn parse(raw: &[u8], at: u64, version: Version, volume_len: u64) -> Result<Self> {
        let number = |at: usize| u32_le(LAYER, raw, at).map(u64::from);
        let long = |at: usize| u64_le(LAYER, raw, at);
        let [block, fragment] = [number(48)?, number(52)?];
        // UFS1 keeps the narrow fields of old, until a newer system copied them (`ffs_oldfscompat_read`).
        let wide = version == Version::Two || number(860)? == block;
        let size = if wide { long(1080)? } else { number(36)? };
        // Free blocks, inodes and fragments of `fs_cstotal`.
        let [free_blocks, free_inodes, free_fragments] =
            if wide { [long(1016)?, long(1024)?, long(1032)?] } else { [number(196)?, number(200)?, number(204)?] };
        let fragments = block.checked_div(fragment).unwrap_or_default();
        let bytes = size.checked_mul(fragment).filter(|bytes| *bytes <= volume_len);
        let found = Self {
            at,
            version,
            block,
            fragment,
            bytes: bytes.unwrap_or_default(),
            groups: number(44)?,
            fragments_per_group: number(188)?,
            inodes_per_group: number(184)?,
            group_offset: if version == Version::One { number(24)? } else { 0 },
            group_mask: number(28)?,
            inodes_at: number(16)?,
            // A signed number.
            max_fast_link: i32::try_from(u32_le(LAYER, raw, 1320)?).map_or(0, |len| len.unsigned_abs().into()),
            narrow_owners: version == Version::One && u32_le(LAYER, raw, 1324)? != INODES_44,
            clean: range(LAYER, raw, 209, 1)? != [0],
            flags: match flags(raw)? {
                Some(flags) => flags,
                None => u32_le(LAYER, raw, 208)? >> 24,
            },
            usage: Usage {
                total_bytes: bytes.unwrap_or_default(),
                free_bytes: free_blocks
                    .saturating_mul(fragments)
                    .saturating_add(free_fragments)
                    .min(size)
                    .saturating_mul(fragment),
                free_inodes: Some(free_inodes.min(number(44)?.saturating_mul(number(184)?))),
            },
        };
        let corrupt = |field: u64, what: String| Err(Error::corrupt(LAYER, at.saturating_add(field), what));
        if !block.is_power_of_two() || !(MIN_BLOCK..=MAX_BLOCK).contains(&block) {
            return corrupt(48, format!("blocks of {block} bytes"));
        }
        if !fragment.is_power_of_two() || fragment < MIN_FRAGMENT || !(1..=MAX_FRAGMENTS).contains(&fragments) {
            return corrupt(52, format!("fragments of {fragment} bytes"));
        }
        if bytes.is_none() {
            return corrupt(if wide { 1080 } else { 36 }, format!("{size} fragments are more than the volume holds"));
        }
        if found.groups == 0 {
            return corrupt(44, "no cylinder groups".to_owned());
        }
        if found.inodes_per_group == 0 {
            return corrupt(184, "cylinder groups without inodes".to_owned());
        }
        if found.flags & GJOURNAL != 0 && !found.clean {
            return Err(Error::unsupported(LAYER, "its journal (gjournal) must be replayed").at(at));
        }
        Ok(found)
    }

    /// Bytes an inode, and an address.
    pub(super) fn inode_size(&self) -> u64 {
        if self.version == Version::One { 128 } else { 256 }
    }

    pub(super) fn address_size(&self) -> u64 {
        if self.version == Version::One { 4 } else { 8 }
    }
}

/// `fs_flags`, where the flags moved there.
fn flags(raw: &[u8]) -> Result<Option<u32>> {
    match range(LAYER, raw, 211, 1)? {
        [old] if old & FLAGS_UPDATED == 0 => Ok(None),
        _ => Ok(Some(u32_le(LAYER, raw, 1312)?)),
    }
}
