//! Which images of a raid1 volume are up to date: each has a superblock in its metadata volume
//! (linux/drivers/md/dm-raid.c, `struct dm_raid_superblock`).

use crate::disk::bytes::{u32_le, u64_le};
use crate::disk::{ReadAt, Result};

const LAYER: &str = "lvm";
const MAGIC: u32 = u32::from_le_bytes(*b"DmRd");
const SUPERBLOCK: usize = 64;
/// An offset that says that nothing is left to be recovered.
const DONE: u64 = u64::MAX;

/// What an image's superblock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    events: u64,
    /// A bit for every image that failed.
    failed: u64,
    position: u32,
    recovered: bool,
}

impl State {
    /// The state in a metadata volume; `None` where the array was never started.
    ///
    /// # Errors
    /// Those of `meta`.
    pub fn read(meta: &dyn ReadAt) -> Result<Option<Self>> {
        let raw = meta.read_vec_at(0, SUPERBLOCK)?;
        if u32_le(LAYER, &raw, 0)? != MAGIC {
            return Ok(None);
        }
        Ok(Some(Self {
            position: u32_le(LAYER, &raw, 12)?,
            events: u64_le(LAYER, &raw, 16)?,
            failed: u64_le(LAYER, &raw, 24)?,
            recovered: u64_le(LAYER, &raw, 32)? == DONE,
        }))
    }
}

/// The numbers of the images that are up to date, by the newest superblock; the first image is the one the others
/// were made from.
pub fn current(states: &[Option<State>]) -> Vec<usize> {
    let Some(newest) = states.iter().flatten().max_by_key(|state| state.events) else {
        return (0..states.len().min(1)).collect();
    };
    let good = |state: &State| {
        let failed = newest.failed.checked_shr(state.position).is_none_or(|bits| bits & 1 != 0);
        state.events == newest.events && state.recovered && !failed
    };
    states.iter().enumerate().filter(|(_, state)| state.as_ref().is_some_and(good)).map(|(number, _)| number).collect()
}
