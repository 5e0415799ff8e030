//! The file as parts of one size.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{LAYER, Plan, Sink};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, Result};

/// Zeros are written from here.
const ZEROS: &[u8] = &[0; 64 << 10];

/// What was written, told when it ends.
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// Parts.
    pub parts: u32,
    /// Of the file, when no part of it was held back.
    pub sha256: Option<[u8; 32]>,
}

/// Cuts what is written into parts.
pub struct Parts<'a> {
    sink: &'a mut dyn Sink,
    size: usize,
    /// The part that is being filled, and its number.
    part: Vec<u8>,
    number: u32,
    /// The first part, where it waits for the front.
    held: Option<Vec<u8>>,
    /// Bytes of the front, which are known last.
    front: usize,
    /// `None` when there is a front.
    hash: Option<Sha256>,
    len: u64,
}

impl<'a> Parts<'a> {
    /// A file that is written from front to back, but for its first `front` bytes: [`finish`](Self::finish) brings them.
    ///
    /// # Errors
    /// `Limit` where the front is longer than a part.
    pub fn new(plan: &Plan, front: u64, sink: &'a mut dyn Sink) -> Result<Self> {
        let too_long = || Error::limit(LAYER, format!("parts of {} bytes, and a header of {front}", plan.part));
        let size = usize::try_from(plan.part).map_err(|_| too_long())?;
        let front = usize::try_from(front).ok().filter(|front| *front <= size).ok_or_else(too_long)?;
        let hash = (front == 0).then(Sha256::new);
        let mut parts = Self { sink, size, part: Vec::new(), number: 1, held: None, front, hash, len: 0 };
        parts.zeros(to_u64(front))?;
        Ok(parts)
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Appends.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.len = self.len.saturating_add(to_u64(bytes.len()));
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        while !bytes.is_empty() {
            // The last part is as long as it is: it goes out when more comes, or at the end.
            if self.part.len() == self.size {
                self.send()?;
            }
            if self.part.capacity() == 0 {
                self.part.reserve_exact(self.size);
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.size.saturating_sub(self.part.len())));
            self.part.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Appends zeros.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn zeros(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            let now = usize::try_from(count).unwrap_or(usize::MAX).min(ZEROS.len());
            self.write(ZEROS.get(..now).unwrap_or(ZEROS))?;
            count = count.saturating_sub(to_u64(now));
        }
        Ok(())
    }

    /// The disk is done up to there.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn reached(&mut self, at: u64) -> Result<()> {
        self.sink.reached(at)
    }

    fn send(&mut self) -> Result<()> {
        let part = std::mem::take(&mut self.part);
        if self.number == 1 && self.front > 0 {
            self.held = Some(part);
        } else {
            self.sink.part(self.number, part.into())?;
        }
        self.number = self.number.saturating_add(1);
        Ok(())
    }

    /// The end: sends what is left, and last the part that the front is in.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self, front: &[u8]) -> Result<Written> {
        // An empty file is one empty part.
        if !self.part.is_empty() || self.number == 1 {
            self.send()?;
        }
        if let Some(mut first) = self.held {
            first.iter_mut().zip(front).for_each(|(byte, known)| *byte = *known);
            self.sink.part(1, Bytes::from(first))?;
        }
        Ok(Written {
            bytes: self.len,
            parts: self.number.saturating_sub(1),
            sha256: self.hash.map(|hash| hash.finalize().into()),
        })
    }
}
