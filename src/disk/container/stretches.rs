//! The allocation map: what a guest's disk is made of, for who copies it or counts it.

use super::layout::{Extent, Layout};
use crate::disk::{Error, Result};

/// What a part of the disk is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// Bytes are stored for it, which may be zeros too.
    Data,
    /// Zeros by a mark.
    Zero,
    /// Nothing was ever written there: zeros.
    Hole,
}

/// `len` bytes of the guest's disk from `at` on that are all of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First byte of the guest's disk.
    pub at: u64,
    /// Bytes; never 0.
    pub len: u64,
    /// What they are.
    pub allocation: Allocation,
}

/// Table entries that one step looks at, more or less: the price of a call is bounded, and equal stretches may follow
/// each other.
const MOST_JOINED: usize = 1024;

/// The stretches of a disk from byte `at` on, in order and without gaps. Ends after the first error.
pub fn stretches(layout: &dyn Layout, mut at: u64) -> impl Iterator<Item = Result<Stretch>> + '_ {
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed || at >= layout.size() {
            return None;
        }
        let found = stretch(layout, at);
        match &found {
            Ok(stretch) => at = stretch.at.saturating_add(stretch.len),
            Err(_) => failed = true,
        }
        Some(found)
    })
}

fn stretch(layout: &dyn Layout, at: u64) -> Result<Stretch> {
    let rest = layout.size().saturating_sub(at);
    let mut stretch: Option<Stretch> = None;
    for _ in 0..MOST_JOINED {
        let done = stretch.map_or(0, |stretch| stretch.len);
        if done >= rest {
            break;
        }
        let (extent, run) = match layout.find(at.saturating_add(done), u64::MAX) {
            Err(error) if stretch.is_none() => return Err(error),
            Err(_) => break,
            Ok(found) => found,
        };
        let allocation = match extent {
            Extent::Hole => Allocation::Hole,
            Extent::Zero => Allocation::Zero,
            Extent::Raw { .. } | Extent::Packed(_) => Allocation::Data,
            Extent::Missing(missing) if stretch.is_none() => return Err(missing.error(layout.layer())),
            Extent::Missing(_) => break,
        };
        let len = done.saturating_add(run.max(1)).min(rest);
        match &mut stretch {
            None => stretch = Some(Stretch { at, len, allocation }),
            Some(known) if known.allocation == allocation => known.len = len,
            Some(_) => break,
        }
    }
    stretch.ok_or_else(|| Error::corrupt(layout.layer(), at, "past the end of the disk"))
}
