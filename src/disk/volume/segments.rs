//! A volume put together from pieces of others.

use std::sync::Arc;

use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result, check_range};

const LAYER: &str = "volume";

/// A place in the bytes of something below.
pub struct Area {
    pub bytes: Arc<dyn ReadAt>,
    pub at: u64,
}

/// The bytes `start .. start + len` of a volume: in turn `stripe` bytes of each area, or zeros where there is none.
pub struct Segment {
    pub start: u64,
    pub len: u64,
    pub stripe: u64,
    pub areas: Vec<Area>,
}

impl Segment {
    /// The area, the place in it and the bytes that follow there, of the byte `inside` the segment.
    fn locate(&self, inside: u64) -> Option<(&Area, u64, u64)> {
        let number = inside.checked_div(self.stripe)?;
        let within = inside.checked_rem(self.stripe)?;
        let columns = to_u64(self.areas.len());
        let area = self.areas.get(usize::try_from(number.checked_rem(columns)?).ok()?)?;
        let row = number.checked_div(columns)?.checked_mul(self.stripe)?;
        let at = area.at.checked_add(row)?.checked_add(within)?;
        Some((area, at, self.stripe.checked_sub(within)?))
    }

    /// Hands a hint down. Of stripes, every row it touches.
    fn will_read(&self, inside: u64, len: u64) -> Result<()> {
        if let [area] = self.areas.as_slice() {
            return area.bytes.will_read(area.at.saturating_add(inside), len);
        }
        let columns = to_u64(self.areas.len());
        let row = self.stripe.saturating_mul(columns);
        let first = inside.checked_div(row).unwrap_or(0).saturating_mul(self.stripe);
        let last = inside.saturating_add(len).div_ceil(row.max(1)).saturating_mul(self.stripe);
        let rows = last.saturating_sub(first);
        self.areas.iter().try_for_each(|area| area.bytes.will_read(area.at.saturating_add(first), rows))
    }
}

/// Segments one after the other.
pub struct Segments {
    segments: Vec<Segment>,
    len: u64,
}

impl Segments {
    /// `segments` follow each other without a gap, from 0 on.
    pub fn new(segments: Vec<Segment>) -> Self {
        let len = segments.last().map_or(0, |last| last.start.saturating_add(last.len));
        Self { segments, len }
    }

    /// The segment that holds byte `at`, how far in it lies, and the bytes of the segment from there on.
    fn find(&self, at: u64) -> Option<(&Segment, u64, u64)> {
        let after = self.segments.partition_point(|segment| segment.start <= at);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let inside = at.checked_sub(segment.start)?;
        Some((segment, inside, segment.len.checked_sub(inside)?))
    }
}

impl ReadAt for Segments {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range(LAYER, self.len, at, buf.len())?;
        let (mut rest, mut at) = (buf, at);
        while !rest.is_empty() {
            let gap = || Error::corrupt(LAYER, at, "no segment holds this byte");
            let (segment, inside, left) = self.find(at).ok_or_else(gap)?;
            let located = segment.locate(inside);
            let run = located.as_ref().map_or(left, |(_, _, run)| left.min(*run)).min(to_u64(rest.len()));
            if run == 0 {
                return Err(gap());
            }
            let (piece, behind) = rest.split_at_mut(to_usize(LAYER, run)?);
            match located {
                Some((area, place, _)) => area.bytes.read_exact_at(piece, place)?,
                None if segment.areas.is_empty() => piece.fill(0),
                None => return Err(gap()),
            }
            rest = behind;
            at = at.saturating_add(run);
        }
        Ok(())
    }

    fn will_read(&self, at: u64, len: u64) -> Result<()> {
        let end = at.saturating_add(len).min(self.len);
        let mut at = at;
        while at < end {
            let Some((segment, inside, left)) = self.find(at) else { break };
            let run = left.min(end.saturating_sub(at));
            if run == 0 {
                break;
            }
            segment.will_read(inside, run)?;
            at = at.saturating_add(run);
        }
        Ok(())
    }
}
