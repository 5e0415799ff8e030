//! The few pieces of a volume that were read last, kept at hand: metadata is asked for again and again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{ReadAt, Result};

/// Pieces of a volume by their offset.
pub(in crate::disk::filesystem) struct Recent {
    disk: Arc<dyn ReadAt>,
    most: usize,
    pieces: Mutex<VecDeque<(u64, Arc<[u8]>)>>,
}

impl Recent {
    /// Keeps at most `most` pieces.
    pub(in crate::disk::filesystem) fn new(disk: Arc<dyn ReadAt>, most: usize) -> Self {
        Self { disk, most, pieces: Mutex::default() }
    }

    /// The `len` bytes from `at` on. Whoever asks bounds `len`, and asks for the same `len` at the same `at`.
    ///
    /// # Errors
    /// What the volume reports.
    pub(in crate::disk::filesystem) fn read(&self, at: u64, len: usize) -> Result<Arc<[u8]>> {
        if let Some(found) = self.recall(at, len) {
            return Ok(found);
        }
        let found: Arc<[u8]> = self.disk.read_vec_at(at, len)?.into();
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if pieces.len() >= self.most {
            pieces.pop_front();
        }
        pieces.push_back((at, Arc::clone(&found)));
        Ok(found)
    }

    fn recall(&self, at: u64, len: usize) -> Option<Arc<[u8]>> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pieces.iter().rposition(|(start, bytes)| *start == at && bytes.len() == len)?;
        let found = Arc::clone(&pieces.get(place)?.1);
        // The piece used last is mostly used next.
        if place.saturating_add(1) < pieces.len() {
            let piece = pieces.remove(place)?;
            pieces.push_back(piece);
        }
        Some(found)
    }
}
