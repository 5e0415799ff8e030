//! A volume some of whose blocks are read elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::LAYER;
use super::superblock::MAGIC;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{ReadAt, Result, check_range};

/// Where a block is read instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaced {
    /// Byte offset in the volume.
    pub at: u64,
    /// Its first four bytes are those of a header of the journal, whatever is there.
    pub escaped: bool,
}

/// The volume after the replay. Keeps places, not bytes.
pub(super) struct Overlay {
    volume: Arc<dyn ReadAt>,
    block_size: u64,
    replaced: BTreeMap<u64, Replaced>,
}

impl Overlay {
    pub(super) fn new(volume: Arc<dyn ReadAt>, block_size: u64, replaced: BTreeMap<u64, Replaced>) -> Self {
        Self { volume, block_size, replaced }
    }

    /// Fills `part`, which begins `within` a block, from where that block is read instead.
    fn read_replaced(&self, part: &mut [u8], within: u64, replaced: Replaced) -> Result<()> {
        self.volume.read_exact_at(part, replaced.at.saturating_add(within))?;
        if replaced.escaped {
            let skip = usize::try_from(within).unwrap_or(usize::MAX);
            part.iter_mut().zip(MAGIC.to_be_bytes().into_iter().skip(skip)).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl ReadAt for Overlay {
    fn len(&self) -> u64 {
        self.volume.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range(LAYER, self.len(), at, buf.len())?;
        let mut rest = buf;
        let mut at = at;
        while !rest.is_empty() {
            let block = at.checked_div(self.block_size).unwrap_or_default();
            let start = block.saturating_mul(self.block_size);
            let end = at.saturating_add(to_u64(rest.len()));
            let next = self.replaced.range(block..).next();
            // Up to the end of this block if it is replaced, else up to the next one that is.
            let (until, here) = match next {
                Some((number, replaced)) if *number == block => {
                    (start.saturating_add(self.block_size), Some(*replaced))
                }
                Some((number, _)) => (number.saturating_mul(self.block_size), None),
                None => (end, None),
            };
            let len = to_usize(LAYER, until.min(end).saturating_sub(at))?;
            let (part, after) = std::mem::take(&mut rest).split_at_mut_checked(len).unwrap_or_default();
            match here {
                Some(replaced) => self.read_replaced(part, at.saturating_sub(start), replaced)?,
                None => self.volume.read_exact_at(part, at)?,
            }
            at = at.saturating_add(to_u64(len));
            rest = after;
        }
        Ok(())
    }

    fn will_read(&self, at: u64, len: u64) -> Result<()> {
        self.volume.will_read(at, len)
    }
}
