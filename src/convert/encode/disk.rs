//! What is converted: a disk, its map, and what is changed of it on the way.

use std::ops::Range;
use std::sync::Arc;

use super::LAYER;
use crate::disk::bytes::to_u64;
use crate::disk::container::{Allocation, Container, Layout, Stretch, stretches};
use crate::disk::{Error, ReadAt, Result};

/// Bytes of the disk that one thread works on at a time, and that begin at a multiple of it: a whole number of units of
/// every format that is read or written, so that no compressed unit is read twice.
pub const CHUNK: u64 = 2 << 20;

/// Bytes that are put in the place of those that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// First byte of the disk.
    pub at: u64,
    /// What is there instead.
    pub bytes: Vec<u8>,
}

impl Patch {
    fn range(&self) -> Range<u64> {
        self.at..self.at.saturating_add(to_u64(self.bytes.len()))
    }
}

/// A disk as it shall be.
#[derive(Clone)]
pub struct Disk {
    guest: Arc<dyn ReadAt>,
    layout: Arc<dyn Layout>,
    size: u64,
    patches: Vec<Patch>,
}

impl Disk {
    /// The disk of a container; `None` where that has none.
    pub fn of(container: &Container) -> Option<Self> {
        let (guest, layout) = (container.guest.clone()?, container.layout.clone()?);
        Some(Self { size: guest.len(), guest, layout, patches: Vec::new() })
    }

    /// The same disk, larger: what is added is a hole.
    ///
    /// # Errors
    /// `Unsupported` where `size` is smaller than the disk.
    pub fn grown(self, size: u64) -> Result<Self> {
        if size < self.guest.len() {
            let what = format!("the disk has {} bytes, and is not made smaller, to {size}", self.guest.len());
            return Err(Error::unsupported(LAYER, what));
        }
        Ok(Self { size, ..self })
    }

    /// The same disk with other bytes in places, of which a later one counts where two overlap.
    #[must_use]
    pub fn patched(mut self, patches: impl IntoIterator<Item = Patch>) -> Self {
        self.patches.extend(patches.into_iter().filter(|patch| !patch.bytes.is_empty()));
        self
    }

    /// Bytes of the disk, as it shall be.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes as they were.
    pub fn guest(&self) -> &dyn ReadAt {
        self.guest.as_ref()
    }

    /// Where data may lie, in order: the stretches that are stored. Tables are fetched some at a time.
    pub fn data(&self) -> impl Iterator<Item = Result<Range<u64>>> + Send + '_ {
        let mut announced = 0_u64;
        let announce = move |stretch: &Stretch| {
            let end = stretch.at.saturating_add(stretch.len);
            while announced <= end && announced < self.layout.size() {
                let (tables, until) = self.layout.tables(announced)?;
                let object = self.layout.pages().object.as_ref();
                let there = |(from, to): (u64, u64)| (from, to.min(object.len()).saturating_sub(from));
                let places: Vec<_> = tables.into_iter().map(there).filter(|(_, len)| *len > 0).collect();
                object.will_read_all(&places)?;
                announced = until.max(announced.saturating_add(1));
            }
            Ok(())
        };
        let mut announce = announce;
        let size = self.guest.len();
        stretches(self.layout.as_ref(), 0).filter_map(move |stretch| match stretch {
            Err(error) => Some(Err(error)),
            Ok(stretch) => match announce(&stretch) {
                Err(error) => Some(Err(error)),
                Ok(()) if stretch.allocation == Allocation::Data => {
                    Some(Ok(stretch.at..stretch.at.saturating_add(stretch.len).min(size)))
                }
                Ok(()) => None,
            },
        })
    }

    /// The chunks that there is something to read of, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Result<Chunk>> + Send + '_ {
        let mut patched: Vec<u64> = self.patches.iter().flat_map(|patch| chunks_of(&patch.range())).collect();
        patched.sort_unstable_by(|a, b| b.cmp(a));
        patched.dedup();
        Chunks { data: self.data(), stored: None, patched }
    }

    /// Units of `unit` bytes that are changed, at most.
    pub fn patched_units(&self, unit: u64) -> u64 {
        let units = |patch: &Patch| patch.range().end.div_ceil(unit.max(1)).saturating_sub(patch.at / unit.max(1));
        self.patches.iter().map(units).fold(0, u64::saturating_add)
    }

    /// Reads a chunk into `buf`, which becomes as long as the chunk is: whole, or up to `end`.
    pub fn read(&self, chunk: &Chunk, end: u64, buf: &mut Vec<u8>) -> Result<()> {
        let len = CHUNK.min(end.saturating_sub(chunk.at));
        buf.clear();
        buf.resize(usize::try_from(len).unwrap_or(0), 0);
        // Holes within are no reads, and neighbours are fetched together.
        let stored = chunk.stored.start..chunk.stored.end.min(end);
        if let Some(place) = place(buf, chunk.at, &stored) {
            self.guest.read_exact_at(place, stored.start)?;
        }
        for patch in &self.patches {
            let both = patch.range().start.max(chunk.at)..patch.range().end.min(chunk.at.saturating_add(len));
            let skip = usize::try_from(both.start.saturating_sub(patch.at)).unwrap_or(usize::MAX);
            if let (Some(place), Some(bytes)) = (place(buf, chunk.at, &both), patch.bytes.get(skip..)) {
                place.iter_mut().zip(bytes).for_each(|(byte, new)| *byte = *new);
            }
        }
        Ok(())
    }
}

/// Those bytes of a buffer that begins at byte `at` of the disk; `None` where there are none.
fn place<'a>(buf: &'a mut [u8], at: u64, range: &Range<u64>) -> Option<&'a mut [u8]> {
    let index = |byte: u64| usize::try_from(byte.checked_sub(at)?).ok();
    buf.get_mut(index(range.start)?..index(range.end)?).filter(|place| !place.is_empty())
}

/// Where the chunks begin that a range touches.
fn chunks_of(range: &Range<u64>) -> impl Iterator<Item = u64> + use<> {
    (range.start / CHUNK..range.end.div_ceil(CHUNK)).map(|number| number.saturating_mul(CHUNK))
}

/// A piece of the disk with data in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its first byte, a multiple of [`CHUNK`].
    pub at: u64,
    /// From the first to the last byte of it that is stored.
    stored: Range<u64>,
}

struct Chunks<D> {
    data: D,
    /// What was found last, as far as it is not used yet.
    stored: Option<Range<u64>>,
    /// Where the chunks begin that are changed, last one first.
    patched: Vec<u64>,
}

impl<D: Iterator<Item = Result<Range<u64>>>> Chunks<D> {
    /// What is stored next.
    fn peek(&mut self) -> Result<Option<Range<u64>>> {
        while self.stored.as_ref().is_none_or(Range::is_empty) {
            match self.data.next() {
                None => return Ok(None),
                Some(found) => self.stored = Some(found?),
            }
        }
        Ok(self.stored.clone())
    }

    fn step(&mut self) -> Result<Option<Chunk>> {
        let first = self.peek()?.map(|stored| stored.start / CHUNK * CHUNK);
        let Some(at) = first.into_iter().chain(self.patched.last().copied()).min() else { return Ok(None) };
        self.patched.pop_if(|patched| *patched == at);
        let end = at.saturating_add(CHUNK);
        let mut chunk = Chunk { at, stored: at..at };
        while let Some(stored) = self.peek()?.filter(|stored| stored.start < end) {
            if chunk.stored.is_empty() {
                chunk.stored.start = stored.start;
            }
            chunk.stored.end = stored.end.min(end);
            self.stored = Some(chunk.stored.end..stored.end);
        }
        Ok(Some(chunk))
    }
}

impl<D: Iterator<Item = Result<Range<u64>>>> Iterator for Chunks<D> {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
