//! Making one change of the log, as the kernel's recovery makes it.

use super::super::superblock::Superblock;
use super::super::{LAYER, checksum, inode as disk, map, u8_at};
use super::item::Fork;
use crate::disk::bytes::{array, range, to_usize, u16_be, u16_le, u64_be};
use crate::disk::{Error, Result};

/// `DI_MAX_FLUSH`.
const MAX_FLUSH: u16 = 0xFFFF;

/// Bytes of a buffer, unless what is there was written by a later transaction (`xlog_recover_buf_commit_pass2`).
pub(super) fn buffer(superblock: &Superblock, buffer: &mut [u8], pieces: &[(usize, Vec<u8>)], lsn: u64) {
    if superblock.features.v5
        && let Some(seal) = checksum::seal(buffer)
        && let (Ok(found), Ok(uuid)) = (u64_be(LAYER, buffer, seal.lsn), array(LAYER, buffer, seal.uuid))
        && (uuid == superblock.meta_uuid || uuid == superblock.uuid)
        && found != 0
        && found != u64::MAX
        && found >= lsn
    {
        return;
    }
    for (at, piece) in pieces {
        put(buffer, *at, piece);
    }
    if superblock.features.v5
        && let Some(seal) = checksum::seal(buffer)
    {
        checksum::renew(buffer, seal.crc);
    }
}

/// `xfs_ialloc_inode_init`, of version 3 alone: others are logged as buffers.
pub(super) fn new_inodes(superblock: &Superblock, buffer: &mut [u8], first: u64, generation: u32) -> Result<()> {
    let size = to_usize(LAYER, superblock.inode_size)?;
    for (inode, node) in buffer.chunks_exact_mut(size).zip(first..) {
        inode.fill(0);
        put(inode, 0, &disk::MAGIC);
        put(inode, 4, &[3]);
        put(inode, 92, &generation.to_be_bytes());
        put(inode, 96, &[0xFF; 4]);
        put(inode, 152, &node.to_be_bytes());
        put(inode, 160, &superblock.meta_uuid);
        checksum::renew(inode, disk::CRC_AT);
    }
    Ok(())
}

/// `xlog_recover_inode_commit_pass2`.
pub(super) fn inode(
    superblock: &Superblock,
    inode: &mut [u8],
    core: &[u8],
    fork: Option<&Fork>,
    lsn: u64,
) -> Result<()> {
    let corrupt = |what| Error::corrupt(LAYER, 0, what);
    if range(LAYER, inode, 0, 2)? != disk::MAGIC || u16_le(LAYER, core, 0)?.to_be_bytes() != disk::MAGIC {
        return Err(corrupt("the log changes an inode that is none"));
    }
    let v5 = superblock.features.v5;
    if u8_at(inode, 4)? >= 3 {
        let found = u64_be(LAYER, inode, 112)?;
        if found != 0 && found != u64::MAX && found > lsn {
            return Ok(());
        }
    }
    if !v5 {
        let (found, logged) = (u16_be(LAYER, inode, 30)?, u16_le(LAYER, core, 30)?);
        if logged < found && !(found == MAX_FLUSH && logged < MAX_FLUSH / 2) {
            return Ok(());
        }
    }
    put_core(inode, core, lsn)?;
    let place = disk::data_fork(inode)?;
    let target = inode.get_mut(place).unwrap_or_default();
    match fork {
        Some(Fork::Plain(content)) => {
            let too_long = || corrupt("the log has an inode's fork that passes its end");
            let len = content.len();
            target.get_mut(..len).ok_or_else(too_long)?.copy_from_slice(content);
        }
        Some(Fork::Root(root)) => put_root(target, root, v5)?,
        None => {}
    }
    if v5 {
        checksum::renew(inode, disk::CRC_AT);
    }
    Ok(())
}

fn put(to: &mut [u8], at: usize, bytes: &[u8]) {
    to.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}

/// The core of an inode, its numbers turned (`xfs_log_dinode_to_disk`). The link to the next deleted inode stays, the
/// count of writes begins anew, and the place in the log is that of this change.
fn put_core(inode: &mut [u8], core: &[u8], lsn: u64) -> Result<()> {
    // Offset and length of every number; times are pairs or one number, and are not read.
    const NUMBERS: [(usize, usize); 19] = [
        (2, 2),
        (8, 4),
        (12, 4),
        (16, 4),
        (20, 2),
        (22, 2),
        (32, 4),
        (36, 4),
        (40, 4),
        (44, 4),
        (48, 4),
        (52, 4),
        (56, 8),
        (64, 8),
        (72, 4),
        (76, 4),
        (80, 2),
        (90, 2),
        (92, 4),
    ];
    const NUMBERS_3: [(usize, usize); 5] = [(24, 8), (104, 8), (120, 8), (128, 4), (152, 8)];
    let v3 = u8_at(core, 4)? == 3;
    range(LAYER, core, 0, if v3 { 176 } else { 96 })?;
    let more = if v3 { NUMBERS_3.as_slice() } else { &[] };
    for (at, len) in NUMBERS.iter().chain(more) {
        let number: Vec<u8> = range(LAYER, core, *at, *len)?.iter().rev().copied().collect();
        put(inode, *at, &number);
    }
    // Version, format; offset of the attribute fork and its format.
    put(inode, 4, range(LAYER, core, 4, 2)?);
    put(inode, 6, &[0; 2]);
    put(inode, 82, range(LAYER, core, 82, 2)?);
    if v3 {
        put(inode, 112, &lsn.to_be_bytes());
        put(inode, 160, range(LAYER, core, 160, 16)?);
    } else {
        put(inode, 24, &[0; 8]);
    }
    Ok(())
}

/// The root of a tree of extents: in memory a whole block, in the inode without what it says of itself
/// (`xfs_bmbt_to_bmdr`).
fn put_root(fork: &mut [u8], block: &[u8], v5: bool) -> Result<()> {
    let header = if v5 { map::HEADER_5 } else { map::HEADER_4 };
    let count = usize::from(u16_be(LAYER, block, 6)?);
    let keys = range(LAYER, block, header, count.saturating_mul(8))?;
    let capacity = block.len().saturating_sub(header) / 16;
    let pointers = range(LAYER, block, header.saturating_add(capacity.saturating_mul(8)), count.saturating_mul(8))?;
    let capacity = fork.len().saturating_sub(4) / 16;
    if count > capacity {
        return Err(Error::corrupt(LAYER, 0, "the log has a tree of extents that its inode cannot hold"));
    }
    put(fork, 0, range(LAYER, block, 4, 4)?);
    put(fork, 4, keys);
    put(fork, 4_usize.saturating_add(capacity.saturating_mul(8)), pointers);
    Ok(())
}
