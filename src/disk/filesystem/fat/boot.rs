//! The boot sector: geometry (Microsoft FAT specification, "Boot Sector and BPB"; names of fields are its own).

use super::LAYER;
use crate::disk::bytes::{range, u16_le, u32_le};
use crate::disk::{Error, ReadAt, Result};

const LEN: usize = 512;
/// Bytes a directory entry.
pub(super) const ENTRY: u64 = 32;
/// The largest numbers of clusters with entries of 12, 16 and 28 bits (Linux: `MAX_FAT12`, `MAX_FAT16`, `MAX_FAT32`;
/// the specification's limits less the numbers it reserves).
const MOST_12: u64 = 0xFF4;
const MOST_16: u64 = 0xFFF4;
const MOST_32: u64 = 0x0FFF_FFF6;
/// The number of the first cluster.
pub(super) const FIRST: u64 = 2;
/// `BPB_ExtFlags`: one FAT alone is in use, and which.
const NOT_MIRRORED: u16 = 0x80;
const ACTIVE: u16 = 0x0F;
/// `BS_BootSig`: the fields of the extended boot record follow.
const EXTENDED: [u8; 2] = [0x28, 0x29];

/// Bits an entry of the FAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Bits12,
    Bits16,
    Bits32,
}

/// Where the entries of a directory are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// The root of FAT12 and FAT16: a place of its own, in bytes.
    Fixed { at: u64, len: u64 },
    /// Any other: a chain that begins with this cluster, which exists.
    Chain(u64),
}

/// What the boot sector says, checked.
pub(super) struct Geometry {
    pub width: Width,
    /// Bytes a cluster; never zero.
    pub cluster: u64,
    /// How many clusters there are; their numbers begin with [`FIRST`].
    pub clusters: u64,
    /// The FAT in use, in bytes.
    pub fat_at: u64,
    pub fat_len: u64,
    /// The first cluster, in bytes.
    pub data_at: u64,
    pub root: Area,
    /// FAT32: the FSInfo sector, in bytes.
    pub info_at: Option<u64>,
    /// `BS_Reserved1` and its byte offset: the state that Windows NT and Linux keep there.
    pub state: Option<(u64, u8)>,
}

impl Geometry {
    /// Reads and checks it.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        let raw = volume.read_vec_at(0, LEN)?;
        let byte = |at: usize| range(LAYER, &raw, at, 1).map(|b| b.first().copied().unwrap_or_default());
        let word = |at: usize| u16_le(LAYER, &raw, at).map(u64::from);
        let long = |at: usize| u32_le(LAYER, &raw, at).map(u64::from);
        let either = |short: u64, wide: u64| if short == 0 { wide } else { short };

        let sector = word(11)?;
        let per_cluster = u64::from(byte(13)?);
        let (reserved, fats, root_entries, short_fat) = (word(14)?, u64::from(byte(16)?), word(17)?, word(22)?);
        if !sector.is_power_of_two() || !(512..=4096).contains(&sector) {
            return Err(corrupt(11, format!("sectors of {sector} bytes")));
        }
        if !per_cluster.is_power_of_two() {
            return Err(corrupt(13, format!("clusters of {per_cluster} sectors")));
        }
        if reserved == 0 {
            return Err(corrupt(14, "no reserved sectors"));
        }
        if fats == 0 {
            return Err(corrupt(16, "no FAT"));
        }
        // Windows and Linux go by this field alone: the number of clusters tells only FAT12 from FAT16.
        let is_32 = short_fat == 0;
        let fat_sectors = either(short_fat, long(36)?);
        if fat_sectors == 0 {
            return Err(corrupt(22, "a FAT of no sectors"));
        }
        // Four small numbers and one of 32 bits: none of these overflows 64 bits.
        let root_at = reserved.saturating_add(fats.saturating_mul(fat_sectors));
        let root_len = root_entries.saturating_mul(ENTRY).div_ceil(sector);
        let data_at = root_at.saturating_add(root_len);
        let sectors = either(word(19)?, long(32)?);
        let Some(data) = sectors.checked_sub(data_at) else {
            return Err(corrupt(32, format!("{sectors} sectors do not hold the FAT and the root directory")));
        };
        let counted = data.checked_div(per_cluster).unwrap_or_default();
        let (width, bits, most) = match (is_32, counted > MOST_12) {
            (true, _) => (Width::Bits32, 32, MOST_32),
            (false, true) => (Width::Bits16, 16, MOST_16),
            (false, false) => (Width::Bits12, 12, MOST_12),
        };
        // Linux takes as many as the FAT describes.
        let fat_len = fat_sectors.saturating_mul(sector);
        let described = fat_len.saturating_mul(8).checked_div(bits).unwrap_or_default().saturating_sub(FIRST);
        let clusters = counted.min(described);
        if clusters > most {
            return Err(corrupt(32, format!("{clusters} clusters, FAT{bits} has at most {most}")));
        }
        let fat = if is_32 { active_fat(u16_le(LAYER, &raw, 40)?, fats)? } else { 0 };
        let (signature, state) = if is_32 { (66, 65) } else { (38, 37) };
        let found = Self {
            width,
            cluster: sector.saturating_mul(per_cluster),
            clusters,
            fat_at: reserved.saturating_mul(sector).saturating_add(fat.saturating_mul(fat_len)),
            fat_len,
            data_at: data_at.saturating_mul(sector),
            root: if is_32 {
                Area::Chain(long(44)?)
            } else {
                Area::Fixed { at: root_at.saturating_mul(sector), len: root_entries.saturating_mul(ENTRY) }
            },
            info_at: match word(48)? {
                0 | 0xFFFF => None,
                at => is_32.then(|| at.saturating_mul(sector)),
            },
            state: if EXTENDED.contains(&byte(signature)?) {
                Some((crate::disk::bytes::to_u64(state), byte(state)?))
            } else {
                None
            },
        };
        match found.root {
            Area::Chain(first) if !found.has(first) => Err(corrupt(44, format!("the root is cluster {first:#x}"))),
            _ => Ok(found),
        }
    }

    /// Whether there is a cluster of this number.
    pub(super) fn has(&self, cluster: u64) -> bool {
        cluster.checked_sub(FIRST).is_some_and(|index| index < self.clusters)
    }

    /// Byte offset of a cluster.
    pub(super) fn offset(&self, cluster: u64) -> u64 {
        self.data_at.saturating_add(cluster.saturating_sub(FIRST).saturating_mul(self.cluster))
    }
}

/// The number of the FAT in use.
fn active_fat(flags: u16, fats: u64) -> Result<u64> {
    let active = u64::from(flags & ACTIVE);
    match flags & NOT_MIRRORED {
        0 => Ok(0),
        _ if active < fats => Ok(active),
        _ => Err(Error::unsupported(LAYER, format!("FAT {active} of {fats} is the one in use")).at(40)),
    }
}

fn corrupt(field: u64, what: impl Into<String>) -> Error {
    Error::corrupt(LAYER, field, what)
}
