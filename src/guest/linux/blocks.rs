//! What is packed in blocks of which each is unpacked whole.

use std::io::{self, Read};

use crate::disk::{Error, ErrorKind};

/// Gives the blocks, unpacked.
pub trait Blocks {
    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// Damage, and what reading what is packed gives.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// What the blocks hold, one after the other.
pub struct Unpacked<B> {
    blocks: B,
    block: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<B: Blocks> Unpacked<B> {
    /// Of all blocks that follow.
    pub fn of(blocks: B) -> Self {
        Self { blocks, block: Vec::new(), at: 0, ended: false }
    }
}

impl<B: Blocks> Read for Unpacked<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.block.len() && !self.ended {
            match self.blocks.next()? {
                Some(block) => (self.block, self.at) = (block, 0),
                None => self.ended = true,
            }
        }
        let mut rest = self.block.get(self.at..).unwrap_or_default();
        let count = rest.read(out)?;
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}

/// The image contradicts the format.
pub fn damaged(layer: &'static str, what: &str) -> io::Error {
    io::Error::other(Error::new(ErrorKind::Corrupt, layer, what))
}
