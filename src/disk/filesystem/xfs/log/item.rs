//! Items of a transaction: what they change (xfs_log_format.h, "Item types" and what follows). Descriptions are in the
//! byte order of the machine that wrote them, which is little-endian here.

use std::collections::{HashMap, HashSet};

use super::super::LAYER;
use super::super::superblock::Superblock;
use super::ring::BLOCK;
use super::transaction::Item;
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_be, u32_le, u64_le};
use crate::disk::filesystem::Node;
use crate::disk::{Error, Result};

/// Types: `XFS_LI_EFI` and so on. What lies between those named here tends free space, reverse maps, reference counts
/// and attributes, none of which is read.
const FIRST: u16 = 0x1236;
const INODE: u16 = 0x123B;
const BUFFER: u16 = 0x123C;
const INODES: u16 = 0x123F;
const MAP_INTENT: u16 = 0x1244;
const MAP_DONE: u16 = 0x1245;
const EXCHANGE_INTENT: u16 = 0x1248;
const EXCHANGE_DONE: u16 = 0x1249;
const LAST: u16 = 0x124F;

/// `XFS_BLF_INODE_BUF`: only links between inodes that were deleted while open; `XFS_BLF_CANCEL`.
const BUFFER_OF_LINKS: u16 = 0x1;
const BUFFER_CANCELLED: u16 = 0x2;
/// `XFS_BLF_CHUNK`: a bit of a buffer's map stands for so many bytes.
const CHUNK: usize = 128;
/// No buffer is larger than the largest block.
const MAX_BUFFER: u64 = 64 << 10;
/// `XFS_ILOG_DDATA`, `XFS_ILOG_DEXT`, `XFS_ILOG_DBROOT`.
const FORK_DATA: u32 = 0x2;
const FORK_EXTENTS: u32 = 0x4;
const FORK_ROOT: u32 = 0x8;
/// `XFS_INODE_BIG_CLUSTER_SIZE`, for inodes of the smallest size.
const CLUSTER: u64 = 8192;
const CLUSTER_INODE: u64 = 256;

/// A stretch of the volume that the kernel changes as one, in blocks of 512 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub start: u64,
    pub len: u64,
}

impl Extent {
    pub(super) fn end(self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// One change.
pub(super) enum Change {
    /// Bytes of a buffer, by offset.
    Buffer {
        buffer: Extent,
        pieces: Vec<(usize, Vec<u8>)>,
    },
    /// New inodes fill a buffer, the first of this number.
    Inodes {
        buffer: Extent,
        first: Node,
        generation: u32,
    },
    /// An inode, `offset` bytes into a buffer.
    Inode {
        buffer: Extent,
        offset: u64,
        core: Vec<u8>,
        fork: Option<Fork>,
    },
    /// What came before of this buffer is void: its blocks were freed.
    Cancel {
        buffer: Extent,
    },
    Intent(Intent),
}

/// The data fork of a logged inode.
pub(super) enum Fork {
    /// As it is on disk.
    Plain(Vec<u8>),
    /// The root of a tree of extents, as it is in memory.
    Root(Vec<u8>),
}

/// An operation on extents that is announced, or done.
pub(super) enum Intent {
    Begin(u64, Vec<Node>),
    Done(u64),
}

/// Operations that are announced and not done.
#[derive(Default)]
pub(super) struct Intents(HashMap<u64, Vec<Node>>);

impl Intents {
    pub(super) fn note(&mut self, intent: Intent) {
        match intent {
            Intent::Begin(number, nodes) => drop(self.0.insert(number, nodes)),
            Intent::Done(number) => drop(self.0.remove(&number)),
        }
    }

    /// The inodes they work on.
    pub(super) fn unsettled(self) -> HashSet<Node> {
        self.0.into_values().flatten().collect()
    }
}

/// What the items of a transaction change, in the order in which the kernel does it (`xlog_recover_reorder_trans`):
/// buffers, what is in them, and last what is void.
pub(super) fn changes(items: Vec<Item>, superblock: &Superblock) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for item in items {
        parse(item, superblock, &mut changes)?;
    }
    changes.sort_by_key(|change| match change {
        Change::Buffer { .. } | Change::Inodes { .. } => 0,
        Change::Inode { .. } | Change::Intent(_) => 1,
        Change::Cancel { .. } => 2,
    });
    Ok(changes)
}

fn parse(item: Item, superblock: &Superblock, changes: &mut Vec<Change>) -> Result<()> {
    let mut regions = item.regions.into_iter();
    let Some(format) = regions.next() else { return Ok(()) };
    match u16_le(LAYER, &format, 0)? {
        BUFFER => changes.extend(buffer(&format, regions)?),
        INODE => changes.push(inode(&format, regions, superblock)?),
        INODES => changes.extend(inodes(&format, superblock)?),
        MAP_INTENT => {
            let owner = |extent: &[u8]| u64_le(LAYER, extent, 0);
            let owners = format.get(16..).unwrap_or_default().chunks_exact(32).map(owner).collect::<Result<_>>()?;
            changes.push(Change::Intent(Intent::Begin(u64_le(LAYER, &format, 8)?, owners)));
        }
        EXCHANGE_INTENT => {
            let owners = vec![u64_le(LAYER, &format, 16)?, u64_le(LAYER, &format, 24)?];
            changes.push(Change::Intent(Intent::Begin(u64_le(LAYER, &format, 8)?, owners)));
        }
        MAP_DONE | EXCHANGE_DONE => changes.push(Change::Intent(Intent::Done(u64_le(LAYER, &format, 8)?))),
        FIRST..=LAST => {}
        other => return Err(Error::unsupported(LAYER, format!("an item of type {other:#x} in a dirty log"))),
    }
    Ok(())
}

/// `struct xfs_buf_log_format`: a map of the chunks that changed, each stretch of which is a region.
fn buffer(format: &[u8], mut regions: impl Iterator<Item = Vec<u8>>) -> Result<Option<Change>> {
    let flags = u16_le(LAYER, format, 4)?;
    let buffer = extent(u64_le(LAYER, format, 8)?, u16_le(LAYER, format, 6)?.into())?;
    if flags & BUFFER_CANCELLED != 0 {
        return Ok(Some(Change::Cancel { buffer }));
    }
    if flags & BUFFER_OF_LINKS != 0 {
        return Ok(None);
    }
    let words = to_usize(LAYER, u32_le(LAYER, format, 16)?.into())?;
    let map = range(LAYER, format, 20, words.saturating_mul(4)).map_err(|_| corrupt("a buffer without its map"))?;
    let bits = map.iter().flat_map(|byte| (0..8).map(move |bit| byte & (1 << bit) != 0));
    // Stretches of chunks: where each begins, and how long it is.
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    let mut after_set = false;
    for (set, place) in bits.zip(0_usize..) {
        match stretches.last_mut() {
            Some((_, len)) if set && after_set => *len = len.saturating_add(1),
            _ if set => stretches.push((place, 1)),
            _ => {}
        }
        after_set = set;
    }
    let mut pieces = Vec::new();
    for (first, count) in stretches {
        let mut piece = regions.next().ok_or_else(|| corrupt("a buffer without its content"))?;
        let at = first.saturating_mul(CHUNK);
        piece.truncate(count.saturating_mul(CHUNK));
        if to_u64(at.saturating_add(piece.len())) > buffer.len.saturating_mul(BLOCK) {
            return Err(corrupt("a change past the end of its buffer"));
        }
        pieces.push((at, piece));
    }
    Ok(Some(Change::Buffer { buffer, pieces }))
}

/// `struct xfs_inode_log_format`, of which 32-bit machines once wrote one with less padding; then the core, then the
/// data fork where it changed. The attribute fork follows, and is not read.
fn inode(format: &[u8], mut regions: impl Iterator<Item = Vec<u8>>, superblock: &Superblock) -> Result<Change> {
    let fields = u32_le(LAYER, format, 4)?;
    let at = if format.len() >= 56 { 40_usize } else { 36 };
    let word = |more: usize| u32_le(LAYER, format, at.saturating_add(more)).map(u64::from);
    let buffer = extent(u64_le(LAYER, format, at)?, word(8)?)?;
    let offset = word(12)?;
    if offset.saturating_add(superblock.inode_size) > buffer.len.saturating_mul(BLOCK) {
        return Err(corrupt("an inode past the end of its buffer"));
    }
    let core = regions.next().ok_or_else(|| corrupt("an inode without its core"))?;
    let fork = match fields & (FORK_DATA | FORK_EXTENTS | FORK_ROOT) {
        0 => None,
        FORK_DATA | FORK_EXTENTS => regions.next().map(Fork::Plain),
        FORK_ROOT => regions.next().map(Fork::Root),
        _ => return Err(corrupt("an inode with two data forks")),
    };
    Ok(Change::Inode { buffer, offset, core, fork })
}

/// `struct xfs_icreate_log`: a chunk of inodes, as buffers of the size in which inodes are written.
fn inodes(format: &[u8], superblock: &Superblock) -> Result<Vec<Change>> {
    let field = |at| u32_be(LAYER, format, at).map(u64::from);
    let (group, block, len) = (field(4)?, field(8)?, field(20)?);
    let generation = u32_be(LAYER, format, 24)?;
    let size = superblock.block_size;
    let past_end = block.saturating_add(len) > superblock.blocks_of(group);
    if field(16)? != superblock.inode_size
        || past_end
        || len.saturating_mul(size) > 64_u64.saturating_mul(2048).max(size)
    {
        return Err(corrupt("new inodes where none can be"));
    }
    let cluster = CLUSTER.saturating_mul(superblock.inode_size / CLUSTER_INODE).max(size);
    let step = cluster.checked_div(size).unwrap_or_default().max(1);
    let buffers = (0..len).step_by(to_usize(LAYER, step)?).map(|within| {
        let first = block.saturating_add(within);
        let bytes = step.min(len.saturating_sub(within)).saturating_mul(size);
        let start = superblock.group_block_at(group, first) / BLOCK;
        let first = superblock.first_inode_of(group, first);
        Change::Inodes { buffer: Extent { start, len: bytes / BLOCK }, first, generation }
    });
    Ok(buffers.collect())
}

fn extent(start: u64, len: u64) -> Result<Extent> {
    if len == 0 || len.saturating_mul(BLOCK) > MAX_BUFFER || start >> 55 != 0 {
        return Err(corrupt("a buffer of impossible size"));
    }
    Ok(Extent { start, len })
}

fn corrupt(what: &str) -> Error {
    Error::new(crate::disk::ErrorKind::Corrupt, LAYER, format!("the log has {what}"))
}
