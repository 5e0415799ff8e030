//! Inline data: content in the inode itself, the rest of it in the extended attribute `system.data`
//! (Documentation/filesystems/ext4/inlinedata.rst, attributes.rst).

use super::LAYER;
use super::inode::{I_BLOCK_LEN, Inode, OLD_SIZE};
use crate::disk::bytes::{range, to_u64, u16_le, u32_le};
use crate::disk::{Error, Result};

/// `EXT4_XATTR_MAGIC`.
const MAGIC: u32 = 0xEA02_0000;
/// `EXT4_XATTR_INDEX_SYSTEM`, and the name after its prefix.
const INDEX_SYSTEM: u8 = 7;
const NAME: &[u8] = b"data";
/// Fields of an attribute's entry before its name.
const ENTRY: usize = 16;

/// The content of an inode with inline data; not cut to its size.
pub(super) fn content(inode: &Inode) -> Result<Vec<u8>> {
    let mut data = inode.block()?.to_vec();
    data.extend_from_slice(rest(inode)?);
    Ok(data)
}

/// The two stretches of entries in a directory with inline data, each with its offset in [`content`]. The first four
/// bytes are the parent's inode; `.` and `..` are not there.
pub(super) fn directory_areas(content: &[u8]) -> [(&[u8], usize); 2] {
    let first = content.get(4..I_BLOCK_LEN).unwrap_or_default();
    [(first, 4), (content.get(I_BLOCK_LEN..).unwrap_or_default(), I_BLOCK_LEN)]
}

/// The value of `system.data` in the inode's own attributes; empty where there is none.
fn rest(inode: &Inode) -> Result<&[u8]> {
    let raw = inode.raw.as_slice();
    if raw.len() <= OLD_SIZE {
        return Ok(&[]);
    }
    let extra = usize::from(u16_le(LAYER, raw, OLD_SIZE)?);
    let Some(attributes) = raw.get(OLD_SIZE.saturating_add(extra)..).filter(|raw| raw.len() >= ENTRY) else {
        return Ok(&[]);
    };
    if u32_le(LAYER, attributes, 0)? != MAGIC {
        return Ok(&[]);
    }
    // Values are found by their offset from the first entry.
    let base = range(LAYER, attributes, 4, attributes.len().saturating_sub(4))?;
    let mut entries = base;
    // Each step takes 16 bytes or more of an inode, so there is an end. Four zero bytes are the last entry.
    while entries.len() >= ENTRY && u32_le(LAYER, entries, 0)? != 0 {
        let name_len = usize::from(range(LAYER, entries, 0, 1)?.first().copied().unwrap_or_default());
        let index = range(LAYER, entries, 1, 1)?.first().copied().unwrap_or_default();
        let name = range(LAYER, entries, ENTRY, name_len).map_err(|_| corrupt(inode))?;
        if index == INDEX_SYSTEM && name == NAME {
            let offset = usize::from(u16_le(LAYER, entries, 2)?);
            let size = usize::try_from(u32_le(LAYER, entries, 8)?).map_err(|_| corrupt(inode))?;
            if u32_le(LAYER, entries, 4)? != 0 {
                return Err(corrupt(inode));
            }
            return range(LAYER, base, offset, size).map_err(|_| corrupt(inode));
        }
        let step = ENTRY.saturating_add(name_len.next_multiple_of(4));
        entries = entries.get(step..).unwrap_or_default();
    }
    Ok(&[])
}

fn corrupt(inode: &Inode) -> Error {
    let at = inode.at.saturating_add(to_u64(OLD_SIZE));
    Error::corrupt(LAYER, at, "an extended attribute passes the end of the inode")
}
