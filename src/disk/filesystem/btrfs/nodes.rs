//! Nodes as pointers lead to them: from whichever copy is whole, those read last kept at hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::LAYER;
use super::chunk::Chunks;
use super::node::{Kind, Node, Pointer};
use super::superblock::Superblock;
use crate::disk::bytes::to_u64;
use crate::disk::{Error, ErrorKind, ReadAt, Result};

/// Bytes of nodes kept at hand: 128 of the usual 16 KiB.
const RECENT: usize = 2 << 20;

/// The trees' address space on the device.
pub(super) struct Nodes {
    disk: Arc<dyn ReadAt>,
    pub chunks: Chunks,
    kind: Kind,
    size: usize,
    recent: Mutex<VecDeque<(Pointer, Arc<Node>)>>,
}

impl Nodes {
    pub(super) fn new(disk: Arc<dyn ReadAt>, superblock: &Superblock, chunks: Chunks) -> Self {
        let kind = Kind { checksum: superblock.checksum, metadata_uuid: superblock.metadata_uuid };
        Self { disk, chunks, kind, size: superblock.node_size, recent: Mutex::default() }
    }

    /// The node `pointer` leads to.
    pub(super) fn read(&self, pointer: &Pointer) -> Result<Arc<Node>> {
        if let Some(found) = self.recall(pointer) {
            return Ok(found);
        }
        let found = Arc::new(self.first_whole(pointer.logical, self.size, |raw, at| {
            Node::parse(raw, at, pointer, &self.kind).map_err(|error| error.at(at))
        })?);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= RECENT.checked_div(self.size).unwrap_or_default() {
            recent.pop_front();
        }
        recent.push_back((*pointer, Arc::clone(&found)));
        Ok(found)
    }

    /// What `check` makes of the first copy of `len` bytes at `logical` that it does not find corrupt, given bytes and
    /// where on the device they are. The error is that of the first copy.
    pub(super) fn first_whole<T>(
        &self,
        logical: u64,
        len: usize,
        check: impl Fn(Vec<u8>, u64) -> Result<T>,
    ) -> Result<T> {
        let (copies, rest) = self.chunks.find(logical)?;
        if rest < len {
            return Err(lost(logical, "crosses the end of its chunk"));
        }
        let mut damage = None;
        for at in copies {
            if at.checked_add(to_u64(len)).is_none_or(|end| end > self.disk.len()) {
                damage = damage.or(Some(Error::corrupt(LAYER, at, "a chunk past the end of the volume")));
                continue;
            }
            match self.disk.read_vec_at(at, len).and_then(|raw| check(raw, at)) {
                Err(error) if error.kind == ErrorKind::Corrupt => damage = damage.or(Some(error)),
                answer => return answer,
            }
        }
        Err(damage.unwrap_or_else(|| lost(logical, "has no copy")))
    }

    /// Says that all of `len` bytes at `logical` will be read next, from the first copy.
    pub(super) fn will_read(&self, logical: u64, len: u64) -> Result<()> {
        match self.chunks.find(logical)?.0.next() {
            Some(at) => self.disk.will_read(at, len.min(self.disk.len().saturating_sub(at))),
            None => Ok(()),
        }
    }

    fn recall(&self, pointer: &Pointer) -> Option<Arc<Node>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(of, _)| of == pointer)?;
        let found = recent.remove(place)?;
        let node = Arc::clone(&found.1);
        recent.push_back(found);
        Some(node)
    }
}

fn lost(logical: u64, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, LAYER, format!("address {logical:#x} {what}"))
}
