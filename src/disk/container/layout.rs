//! How a format lays the guest's disk into the object.

use std::sync::Arc;

use super::codec::Codec;
use super::pages::Pages;
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts;

/// What lies at a place of the guest's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Nothing was ever written there: zeros.
    Hole,
    /// Zeros by a mark.
    Zero,
    /// Plain bytes at `at` in the object. The object may end within: what is missing reads as zeros, as in QEMU.
    Raw {
        /// Byte of the object.
        at: u64,
    },
    /// Part of a compressed unit.
    Packed(Packed),
    /// What should be there lies past the end of the object.
    Missing(Missing),
}

/// A unit that is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Byte of the object where the compressed bytes begin.
    pub at: u64,
    /// How many there are at most. They may pass the end of the object: the last sector need not be whole.
    pub len: u64,
    /// Byte of the guest's disk where the unit begins.
    pub start: u64,
    /// Bytes of the unit.
    pub size: u64,
    /// How it is compressed.
    pub codec: Codec,
}

/// A structure that passes the end of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// What it is.
    pub what: &'static str,
    /// Byte of the object where it begins.
    pub at: u64,
    /// Byte of the object where it would end.
    pub ends_at: u64,
    /// Byte of the object that names it.
    pub named_at: u64,
}

/// A structure, or what is missing of it.
pub type There<T> = std::result::Result<T, Missing>;

impl Missing {
    /// The structure of `len` bytes at `at`, where it passes the end of an object of `object_len` bytes.
    pub fn unless_within(object_len: u64, what: &'static str, named_at: u64, at: u64, len: u64) -> Option<Self> {
        let ends_at = at.saturating_add(len);
        (ends_at > object_len).then_some(Self { what, at, ends_at, named_at })
    }

    /// As the error that reading it is.
    pub fn error(&self, layer: &'static str) -> Error {
        Error::corrupt(
            layer,
            self.named_at,
            format!("the {} at {:#x} passes the end of the object", self.what, self.at),
        )
    }

    /// As a fact.
    pub fn fact(&self) -> facts::Missing {
        facts::Missing { what: self.what.to_owned(), at: self.at, ends_at: self.ends_at }
    }
}

impl Extent {
    /// True when `next`, which follows after `run` bytes, is more of the same.
    pub fn goes_on(self, run: u64, next: Self) -> bool {
        match (self, next) {
            (Self::Hole, Self::Hole) | (Self::Zero, Self::Zero) => true,
            (Self::Raw { at }, Self::Raw { at: next }) => at.checked_add(run) == Some(next),
            _ => false,
        }
    }
}

/// The map of one disk.
pub trait Layout: Send + Sync {
    /// The layer's name in errors.
    fn layer(&self) -> &'static str;

    /// The tables' pages.
    fn pages(&self) -> &Pages;

    /// Size of the guest's disk.
    fn size(&self) -> u64;

    /// What lies at byte `at` of the guest's disk, which is within it, and for how many bytes from there on that holds:
    /// at least one, seldom more than `want`, possibly more than the disk has. Costs one table page or two.
    ///
    /// # Errors
    /// `Corrupt` at the entry that contradicts the format, and those of the object.
    fn find(&self, at: u64, want: u64) -> Result<(Extent, u64)>;

    /// Where the tables lie (from, to) that describe the disk from `at` on, and up to which byte of the disk they do: a few
    /// at a time, so that they can be fetched together.
    ///
    /// # Errors
    /// Those of the object.
    fn tables(&self, at: u64) -> Result<(Vec<(u64, u64)>, u64)>;
}

/// `first` and what continues it in `next(run)`, up to `want` bytes. A fault in what follows is told when it is asked for.
pub fn joined(
    first: (Extent, u64),
    want: u64,
    mut next: impl FnMut(u64) -> Option<Result<(Extent, u64)>>,
) -> (Extent, u64) {
    let (extent, mut run) = first;
    while run < want {
        match next(run) {
            Some(Ok((following, more))) if extent.goes_on(run, following) => run = run.saturating_add(more.max(1)),
            _ => break,
        }
    }
    (extent, run)
}

/// A disk that lies in the object as it is.
pub struct Plain {
    pages: Pages,
    layer: &'static str,
    size: u64,
}

impl Plain {
    /// The first `size` bytes of `object`.
    pub fn new(layer: &'static str, object: Arc<dyn ReadAt>, size: u64) -> Self {
        Self { pages: Pages::new(layer, object), layer, size }
    }
}

impl Layout for Plain {
    fn layer(&self) -> &'static str {
        self.layer
    }
    fn pages(&self) -> &Pages {
        &self.pages
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn find(&self, at: u64, _want: u64) -> Result<(Extent, u64)> {
        Ok((Extent::Raw { at }, self.size.saturating_sub(at).max(1)))
    }
    fn tables(&self, _at: u64) -> Result<(Vec<(u64, u64)>, u64)> {
        Ok((Vec::new(), self.size))
    }
}
