//! Targets of symbolic links (xfs_symlink_remote.c).

use super::inode::{Format, Inode};
use super::{LAYER, Xfs, checksum, map};
use crate::disk::bytes::{range, to_u64, to_usize};
use crate::disk::{Error, Result};

/// `XFS_SYMLINK_MAXLEN`.
const MAX_LEN: u64 = 1024;
/// `struct xfs_dsymlink_hdr`, and its checksum.
const HEADER: u64 = 56;
const CRC_AT: usize = 12;

/// The target, at most 1024 bytes.
pub(super) fn target(xfs: &Xfs, link: &Inode) -> Result<Vec<u8>> {
    let corrupt = |what: String| Error::corrupt(LAYER, link.at, what);
    if link.size == 0 || link.size > MAX_LEN {
        return Err(corrupt(format!("a symbolic link of {} bytes", link.size)));
    }
    if link.format == Format::Local {
        return Ok(link.local()?.to_vec());
    }
    let v5 = xfs.superblock.features.v5;
    let header = if v5 { HEADER } else { 0 };
    let size = xfs.superblock.block_size;
    let wanted = 0..link.size.div_ceil(size.saturating_sub(header).max(1));
    let mut target = Vec::new();
    // Every extent bears a header of its own.
    for run in map::runs(&xfs.superblock, &xfs.blocks, link, wanted)? {
        let piece = xfs.blocks.read(run.at, run.len.saturating_mul(size))?;
        if v5 && (range(LAYER, &piece, 0, 4)? != b"XSLM" || !checksum::fits(&piece, CRC_AT)) {
            return Err(Error::corrupt(LAYER, run.at, "not the target of a symbolic link"));
        }
        let rest = link.size.saturating_sub(to_u64(target.len()));
        let held = piece.get(to_usize(LAYER, header)?..).unwrap_or_default();
        target.extend(held.iter().take(to_usize(LAYER, rest)?));
    }
    if to_u64(target.len()) != link.size {
        return Err(corrupt("the target of a symbolic link is cut short".to_owned()));
    }
    Ok(target)
}
