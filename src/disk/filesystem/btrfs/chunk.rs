//! Chunks: where on the device the addresses that trees speak of are (`struct btrfs_chunk`).

use std::collections::BTreeMap;

use super::LAYER;
use super::key::{CHUNK_ITEM, KEY_LEN, Key};
use super::superblock::Superblock;
use crate::disk::bytes::{array, range, to_usize, u16_le, u64_le};
use crate::disk::{Error, ErrorKind, Result};

/// `BTRFS_FIRST_CHUNK_TREE_OBJECTID`: the object all chunks are of.
pub(super) const CHUNKS: u64 = 256;
/// Chunks are a GiB each, or a tenth of a small filesystem: enough for 64 TiB.
const MAX_CHUNKS: usize = 65_536;
/// Size on disk without stripes, and of a stripe.
const HEADER: usize = 48;
const STRIPE: usize = 32;
/// `BTRFS_BLOCK_GROUP_*`: what a chunk holds, and how it is spread. No bit of spreading is `single`.
const HOLDS: u64 = 0x7;
const RAID0: u64 = 1 << 3;
const DUP: u64 = 1 << 5;
const RAID1: u64 = 1 << 4;
const RAID1C3: u64 = 1 << 9;
const RAID1C4: u64 = 1 << 10;

/// A run of addresses.
struct Chunk {
    len: u64,
    /// Where on this device each whole copy begins. Empty where other devices are needed.
    copies: Vec<u64>,
}

/// All chunks, by their first address.
pub(super) struct Chunks {
    map: BTreeMap<u64, Chunk>,
    device: (u64, [u8; 16]),
    devices: u64,
}

impl Chunks {
    /// Those that the superblock lists: where the chunk tree is.
    pub(super) fn system(superblock: &Superblock) -> Result<Self> {
        let mut chunks = Self { map: BTreeMap::new(), device: superblock.device, devices: superblock.devices };
        let raw = &superblock.system_chunks;
        let mut at = 0_usize;
        while at < raw.len() {
            let key = Key::parse(raw, at)?;
            if key.kind != CHUNK_ITEM {
                return Err(Error::corrupt(LAYER, superblock.at, "a system chunk that is none"));
            }
            let item = at.saturating_add(KEY_LEN);
            let len = chunks.insert(key, raw.get(item..).unwrap_or_default(), superblock.at)?;
            at = item.saturating_add(len);
        }
        Ok(chunks)
    }

    /// Takes up the chunk item `raw`, found at byte `at`. Gives its length in bytes.
    pub(super) fn insert(&mut self, key: Key, raw: &[u8], at: u64) -> Result<usize> {
        if self.map.len() >= MAX_CHUNKS {
            return Err(Error::limit(LAYER, format!("more than {MAX_CHUNKS} chunks")));
        }
        let len = u64_le(LAYER, raw, 0)?;
        let kind = u64_le(LAYER, raw, 24)?;
        let stripes = usize::from(u16_le(LAYER, raw, 44)?);
        if stripes == 0 || len == 0 || key.offset.checked_add(len).is_none() {
            return Err(Error::corrupt(LAYER, at, "a chunk of no stripes or no length"));
        }
        let raw = range(LAYER, raw, HEADER, stripes.saturating_mul(STRIPE))?;
        let copies = if is_linear(kind, stripes) { self.here(raw)? } else { Vec::new() };
        self.map.insert(key.offset, Chunk { len, copies });
        Ok(HEADER.saturating_add(raw.len()))
    }

    /// The offsets of those stripes that are on this device.
    fn here(&self, stripes: &[u8]) -> Result<Vec<u64>> {
        let mut offsets = Vec::new();
        for raw in stripes.chunks_exact(STRIPE) {
            if (u64_le(LAYER, raw, 0)?, array(LAYER, raw, 16)?) == self.device {
                offsets.push(u64_le(LAYER, raw, 8)?);
            }
        }
        Ok(offsets)
    }

    /// Where each copy of the byte at `logical` is on this device, and how many bytes from there on are in one piece.
    pub(super) fn find(&self, logical: u64) -> Result<(impl Iterator<Item = u64>, usize)> {
        let (start, chunk) = self
            .map
            .range(..=logical)
            .next_back()
            .filter(|(start, chunk)| logical < start.saturating_add(chunk.len))
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, LAYER, format!("address {logical:#x} is in no chunk")))?;
        if chunk.copies.is_empty() {
            let what = format!("spread over {} devices, which this version does not put together", self.devices);
            return Err(Error::unsupported(LAYER, what));
        }
        let within = logical.saturating_sub(*start);
        let rest = to_usize(LAYER, chunk.len.saturating_sub(within))?;
        Ok((chunk.copies.iter().map(move |copy| copy.saturating_add(within)), rest))
    }
}

/// True where every stripe is a whole copy.
fn is_linear(kind: u64, stripes: usize) -> bool {
    match kind & !HOLDS {
        0 | RAID0 => stripes == 1,
        DUP | RAID1 | RAID1C3 | RAID1C4 => true,
        _ => false,
    }
}
