//! Metadata of the volume, with the pieces that were read last kept at hand: inodes, extent maps, indexes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::LAYER;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{ReadAt, Result};

/// Pieces kept at hand: at most 2 MiB, as none is larger than 64 KiB.
const RECENT: usize = 32;

/// The bytes of the volume, as they are after the replay of the log.
pub(super) struct Blocks {
    disk: Arc<dyn ReadAt>,
    recent: Mutex<VecDeque<(u64, Arc<[u8]>)>>,
}

impl Blocks {
    pub(super) fn new(disk: Arc<dyn ReadAt>) -> Self {
        Self { disk, recent: Mutex::default() }
    }

    /// `len` bytes of metadata from byte `at` on.
    pub(super) fn read(&self, at: u64, len: u64) -> Result<Arc<[u8]>> {
        if let Some(found) = self.recall(at, len) {
            return Ok(found);
        }
        let found: Arc<[u8]> = self.disk.read_vec_at(at, to_usize(LAYER, len)?)?.into();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= RECENT {
            recent.pop_front();
        }
        recent.push_back((at, Arc::clone(&found)));
        Ok(found)
    }

    /// The aligned `len` bytes around byte `at`, or those that the volume has of them, and where they begin.
    pub(super) fn read_around(&self, at: u64, len: u64) -> Result<(u64, Arc<[u8]>)> {
        let start = at.saturating_sub(at.checked_rem(len).unwrap_or_default());
        let len = len.min(self.disk.len().saturating_sub(start));
        Ok((start, self.read(start, len)?))
    }

    /// Content, which is not kept.
    pub(super) fn read_bytes(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.disk.read_exact_at(buf, at)
    }

    fn recall(&self, at: u64, len: u64) -> Option<Arc<[u8]>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(start, bytes)| *start == at && to_u64(bytes.len()) == len)?;
        let found = recent.remove(place)?;
        let bytes = Arc::clone(&found.1);
        recent.push_back(found);
        Some(bytes)
    }
}
