//! Directories within an inode (xfs_da_format.h, `struct xfs_dir2_sf_hdr`).

use std::ops::ControlFlow;

use super::super::inode::Inode;
use super::super::{LAYER, Xfs, u8_at};
use super::{Entry, offset};
use crate::disk::bytes::{range, u32_be, u64_be};
use crate::disk::{Error, Result};

/// Length of a name and place in a block, before the name.
const ENTRY_HEADER: usize = 3;

/// Shows every entry to `visit`.
pub(super) fn walk<B>(xfs: &Xfs, dir: &Inode, visit: &mut impl FnMut(&Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    let raw = dir.local()?;
    let (_, fork_at) = dir.fork()?;
    let cut = |at| Error::corrupt(LAYER, offset(fork_at, at), "a directory within an inode is cut short");
    // Inode numbers are long where any of them must be, and so is the parent's, which comes first.
    let long = u8_at(raw, 1).map_err(|_| cut(0))? != 0;
    let number_len = if long { 8 } else { 4 };
    let number = |at| if long { u64_be(LAYER, raw, at) } else { u32_be(LAYER, raw, at).map(u64::from) };
    let count = u8_at(raw, 0)?;
    let mut at = 2_usize.saturating_add(number_len);
    for _ in 0..count {
        let name_len = usize::from(u8_at(raw, at).map_err(|_| cut(at))?);
        let name_at = at.saturating_add(ENTRY_HEADER);
        let name = range(LAYER, raw, name_at, name_len).map_err(|_| cut(at))?;
        let ftype = usize::from(xfs.superblock.features.ftype);
        let number_at = name_at.saturating_add(name_len).saturating_add(ftype);
        let node = number(number_at).map_err(|_| cut(at))?;
        if let ControlFlow::Break(found) = visit(&Entry::new(xfs, node, name, offset(fork_at, at))?) {
            return Ok(Some(found));
        }
        at = number_at.saturating_add(number_len);
    }
    Ok(None)
}
