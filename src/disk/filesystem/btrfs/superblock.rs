//! The superblock (`struct btrfs_super_block`): geometry, and where the trees of trees and of chunks begin.

use super::super::Usage;
use super::changes::Tree;
use super::checksum::Checksum;
use super::node::{MAX_LEVEL, Pointer};
use super::{LAYER, features};
use crate::disk::bytes::{array, range, to_u64, to_usize, u16_le, u32_le, u64_le};
use crate::disk::{Error, ErrorKind, ReadAt, Result};

/// `BTRFS_SUPER_INFO_OFFSET`, and the mirrors (`btrfs_sb_offset`), which devices that are large enough have.
pub(super) const PRIMARY: u64 = 64 << 10;
const MIRRORS: [u64; 2] = [64 << 20, 256 << 30];
const LEN: usize = 4096;
const MAGIC: &[u8] = b"_BHRfS_M";
/// `BTRFS_CSUM_SIZE`: room for a checksum, before what it is of.
pub(super) const CSUM_ROOM: usize = 32;
/// `BTRFS_SYSTEM_CHUNK_ARRAY_SIZE`
const MAX_SYSTEM_CHUNKS: usize = 2048;
/// Sizes of sectors and of nodes: at least the smallest page, at most `BTRFS_MAX_METADATA_BLOCKSIZE`.
const SIZES: std::ops::RangeInclusive<u32> = 4096..=65536;

/// What the superblock says, checked.
pub(super) struct Superblock {
    /// Where it was read.
    pub at: u64,
    pub generation: u64,
    pub flags: u64,
    pub checksum: Checksum,
    /// The identity that every node repeats.
    pub metadata_uuid: [u8; 16],
    pub sector_size: u64,
    pub node_size: usize,
    /// The tree of trees.
    pub root: Tree,
    pub chunk_root: Tree,
    /// Runs of zeros in files have no items.
    pub no_holes: bool,
    /// `root_dir_objectid`: the directory of the root tree, where the default subvolume is named.
    pub root_dir: u64,
    pub devices: u64,
    /// `devid` and `uuid` of the device this superblock is of.
    pub device: (u64, [u8; 16]),
    /// Chunks that the chunk tree itself lies in: keys and items, one after the other.
    pub system_chunks: Vec<u8>,
    pub usage: Usage,
    /// The tree of log trees, where there is one.
    pub log_root: Option<Pointer>,
}

/// Reads the primary superblock or, where its checksum or its magic does not fit, the newest mirror whose do.
pub(super) fn read(volume: &dyn ReadAt) -> Result<Superblock> {
    let damage = match whole(volume, PRIMARY) {
        Ok((raw, checksum)) => return Superblock::parse(&raw, checksum, PRIMARY, volume.len()),
        Err(error) if error.kind == ErrorKind::Corrupt => error,
        Err(error) => return Err(error),
    };
    let mut newest: Option<Superblock> = None;
    for at in MIRRORS {
        let found = whole(volume, at).and_then(|(raw, sum)| Superblock::parse(&raw, sum, at, volume.len()));
        match found {
            Ok(found) if newest.as_ref().is_none_or(|newest| newest.generation < found.generation) => {
                newest = Some(found);
            }
            Err(error) if error.kind == ErrorKind::Io => return Err(error),
            _ => {}
        }
    }
    newest.ok_or(damage)
}

/// The bytes of the superblock at byte `at`, if its magic and its checksum fit, and which checksum that is.
fn whole(volume: &dyn ReadAt, at: u64) -> Result<(Vec<u8>, Checksum)> {
    let raw = volume.read_vec_at(at, LEN)?;
    if range(LAYER, &raw, 0x40, MAGIC.len())? != MAGIC || u64_le(LAYER, &raw, 0x30)? != at {
        return Err(Error::corrupt(LAYER, at.saturating_add(0x40), "no superblock"));
    }
    let number = u16_le(LAYER, &raw, 0xC4)?;
    let checksum =
        Checksum::by_number(number).ok_or_else(|| Error::unsupported(LAYER, format!("checksums of type {number}")))?;
    if !checksum.fits(range(LAYER, &raw, CSUM_ROOM, LEN.saturating_sub(CSUM_ROOM))?, &raw) {
        return Err(Error::corrupt(LAYER, at, "the superblock's checksum does not match"));
    }
    Ok((raw, checksum))
}

impl Superblock {
    fn parse(raw: &[u8], checksum: Checksum, at: u64, volume_len: u64) -> Result<Self> {
        let corrupt = |field: u64, what: &str| Error::corrupt(LAYER, at.saturating_add(field), what);
        let byte = |place: usize| raw.get(place).copied().unwrap_or_default();
        let word = |place: usize| u32_le(LAYER, raw, place);
        let long = |place: usize| u64_le(LAYER, raw, place);
        let (flags, incompat) = (long(0x38)?, long(0xBC)?);
        features::check(incompat, flags)?;

        let (sector_size, node_size) = (word(0x90)?, word(0x94)?);
        let fits = |size: u32| size.is_power_of_two() && SIZES.contains(&size);
        if !fits(sector_size) || !fits(node_size) || node_size < sector_size {
            let what = format!("sectors of {sector_size} bytes and nodes of {node_size}");
            return Err(Error::unsupported(LAYER, what).at(at.saturating_add(0x90)));
        }
        let (generation, total_bytes) = (long(0x48)?, long(0x70)?);
        let system_chunks = to_usize(LAYER, word(0xA0)?.into())?;
        // It is of the transaction that was not committed (`btrfs_replay_log`).
        let log_generation = generation.saturating_add(1);
        let log_root = Some(Pointer { logical: long(0x60)?, generation: log_generation, level: byte(0xC8) });
        let log_root = log_root.filter(|root| root.logical != 0);
        let metadata_uuid = if incompat & features::METADATA_UUID == 0 { 0x20 } else { 0x23B };
        let found = Self {
            at,
            generation,
            flags,
            checksum,
            metadata_uuid: array(LAYER, raw, metadata_uuid)?,
            sector_size: sector_size.into(),
            node_size: to_usize(LAYER, node_size.into())?,
            root: Pointer { logical: long(0x50)?, generation, level: byte(0xC6) }.into(),
            chunk_root: Pointer { logical: long(0x58)?, generation: long(0xA4)?, level: byte(0xC7) }.into(),
            no_holes: incompat & features::NO_HOLES != 0,
            root_dir: long(0x80)?,
            devices: long(0x88)?,
            device: (long(0xC9)?, array(LAYER, raw, 0x10B)?),
            system_chunks: range(LAYER, raw, 0x32B, system_chunks.min(MAX_SYSTEM_CHUNKS))?.to_vec(),
            usage: Usage { total_bytes, free_bytes: total_bytes.saturating_sub(long(0x78)?), free_inodes: None },
            log_root,
        };

        // `btrfs_validate_super`.
        if [0xC6, 0xC7, 0xC8].into_iter().any(|place| byte(place) >= MAX_LEVEL) {
            return Err(corrupt(0xC6, "a tree of too many levels"));
        }
        if to_u64(system_chunks) > to_u64(MAX_SYSTEM_CHUNKS) {
            return Err(corrupt(0xA0, "more system chunks than there is room for"));
        }
        if found.devices == 0 {
            return Err(corrupt(0x88, "a filesystem of no devices"));
        }
        // `read_one_dev`, by the device's own item.
        if long(0xD1)? > volume_len {
            return Err(corrupt(0xD1, "the device is larger than its volume"));
        }
        Ok(found)
    }
}
