//! How full it is, and what it says of its own health.

use super::boot::Width;
use super::{Fat, LAYER};
use crate::disk::Result;
use crate::disk::bytes::u32_le;
use crate::inspect::facts::{Sign, SignKind};

/// A FAT of this size is counted rather than believed: a request or two.
const CHEAP: u64 = 1 << 20;
/// FSInfo: where its signatures are and what they are ("FSInfo Sector Structure"), and `FSI_Free_Count`.
const SIGNATURES: [(usize, u32); 3] = [(0, 0x4161_5252), (484, 0x6141_7272), (508, 0xAA55_0000)];
const FREE_COUNT: usize = 488;
const INFO_LEN: usize = 512;
/// The state in the boot sector: left mounted; to be tested for bad sectors (Linux: `FAT_STATE_DIRTY`).
const STATE_DIRTY: u8 = 0x01;
/// FAT[1], the two highest bits of an entry: set when it was left cleanly, and when no error was met
/// (`ClnShutBitMask`, `HrdErrBitMask`).
const CLEAN_16: u32 = 0x8000;
const NO_ERRORS_16: u32 = 0x4000;
const CLEAN_32: u32 = 0x0800_0000;
const NO_ERRORS_32: u32 = 0x0400_0000;

/// Free clusters.
pub(super) fn free_clusters(fat: &Fat) -> Result<u64> {
    // FSInfo is a hint that not everybody keeps true: believed only where counting costs, and after a clean end.
    if fat.table.len() > CHEAP
        && signs(fat)?.is_empty()
        && let Some(free) = noted_free(fat)?
    {
        return Ok(free);
    }
    fat.table.count_free()
}

/// The count of FSInfo, where there is one that can be.
fn noted_free(fat: &Fat) -> Result<Option<u64>> {
    let Some(at) = fat.geometry.info_at else { return Ok(None) };
    let raw = fat.disk.read_vec_at(at, INFO_LEN)?;
    for (place, signature) in SIGNATURES {
        if u32_le(LAYER, &raw, place)? != signature {
            return Ok(None);
        }
    }
    let free = u64::from(u32_le(LAYER, &raw, FREE_COUNT)?);
    Ok((free <= fat.geometry.clusters).then_some(free))
}

/// The signs of [`FileSystem::signs`](super::FileSystem::signs).
pub(super) fn signs(fat: &Fat) -> Result<Vec<Sign>> {
    let mut signs = Vec::new();
    if let Some((at, state)) = fat.geometry.state
        && state & STATE_DIRTY != 0
    {
        signs.push(Sign { kind: SignKind::Dirty, at, value: format!("state {state:#04x} in the boot sector") });
    }
    let [clean, no_errors] = match fat.geometry.width {
        // FAT12 has no such bits.
        Width::Bits12 => [0; 2],
        Width::Bits16 => [CLEAN_16, NO_ERRORS_16],
        Width::Bits32 => [CLEAN_32, NO_ERRORS_32],
    };
    let entry = fat.table.entry(1)?;
    for (bit, kind) in [(clean, SignKind::Dirty), (no_errors, SignKind::Errors)] {
        if bit != 0 && entry & bit == 0 {
            signs.push(Sign { kind, at: fat.table.entry_at(1), value: format!("FAT[1] is {entry:#x}") });
        }
    }
    Ok(signs)
}
