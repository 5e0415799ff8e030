//! Data of files as they lie on the device, checked against the tree of checksums.

use std::ops::ControlFlow;

use super::LAYER;
use super::changes::Tree;
use super::checksum::Checksum;
use super::key::{EXTENT_CSUM, Key};
use super::nodes::Nodes;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, Result};

/// `BTRFS_CSUM_TREE_OBJECTID`, and `BTRFS_EXTENT_CSUM_OBJECTID` (-10), the object all its items are of.
pub(super) const CSUM_TREE: u64 = 7;
const SUMS: u64 = u64::MAX - 9;
/// Read at once.
const PIECE: u64 = 1 << 20;

/// How data are checked.
pub(super) struct Sums {
    /// The trees of checksums: the committed one, if there is one, then those of what was logged since.
    pub trees: Vec<Tree>,
    pub checksum: Checksum,
    pub sector_size: u64,
}

impl Sums {
    /// Fills `buf` with what is at the address `logical`; from another copy where the first does not fit its checksums.
    /// `is_summed` is false for files that have none.
    pub(super) fn read(&self, nodes: &Nodes, buf: &mut [u8], logical: u64, is_summed: bool) -> Result<()> {
        let end = logical.saturating_add(to_u64(buf.len()));
        if to_u64(buf.len()) > PIECE {
            nodes.will_read(logical, to_u64(buf.len()))?;
        }
        // Only whole sectors can be checked.
        let mut at = logical.saturating_sub(logical.checked_rem(self.sector_size).unwrap_or_default());
        let mut rest = buf;
        while at < end {
            let len = end.saturating_sub(at).min(PIECE).next_multiple_of(self.sector_size.max(1));
            let raw = self.piece(nodes, at, to_usize(LAYER, len)?, is_summed)?;
            let wanted = raw.get(to_usize(LAYER, logical.saturating_sub(at))?..).unwrap_or_default();
            let (part, after) = rest.split_at_mut(wanted.len().min(rest.len()));
            part.copy_from_slice(wanted.get(..part.len()).unwrap_or_default());
            (at, rest) = (at.saturating_add(len), after);
        }
        Ok(())
    }

    /// Whole sectors.
    fn piece(&self, nodes: &Nodes, logical: u64, len: usize, is_summed: bool) -> Result<Vec<u8>> {
        let size = to_usize(LAYER, self.sector_size)?;
        let mut sums = vec![None; if is_summed { len.checked_div(size).unwrap_or_default() } else { 0 }];
        for tree in self.trees.iter().filter(|_| is_summed) {
            self.look_up(nodes, tree, logical, &mut sums)?;
        }
        nodes.first_whole(logical, len, |raw, at| {
            let damaged = raw.chunks(size).zip(&sums).position(|(sector, sum)| !self.fits(sector, sum.as_deref()));
            match damaged {
                None => Ok(raw),
                Some(place) => {
                    let at = at.saturating_add(to_u64(place).saturating_mul(self.sector_size));
                    Err(Error::corrupt(LAYER, at, "the checksum of a file's content does not match"))
                }
            }
        })
    }

    fn fits(&self, sector: &[u8], sum: Option<&[u8]>) -> bool {
        sum.is_none_or(|sum| self.checksum.fits(sector, sum))
    }

    /// Puts the checksums that `tree` has of the sectors from `logical` on in their places.
    fn look_up(&self, nodes: &Nodes, tree: &Tree, logical: u64, sums: &mut [Option<Vec<u8>>]) -> Result<()> {
        let end = logical.saturating_add(to_u64(sums.len()).saturating_mul(self.sector_size));
        let key = |at: u64| Key::new(SUMS, EXTENT_CSUM, at);
        let first = nodes.last(tree, &(key(0)..=key(logical)))?.map_or(logical, |item| item.key.offset);
        nodes.walk::<()>(tree, key(first)..=key(end.saturating_sub(1)), &mut |item| {
            let sectors = (item.key.offset..end).step_by(to_usize(LAYER, self.sector_size)?);
            for (at, sum) in sectors.zip(item.data.chunks_exact(self.checksum.len())) {
                let place = at.checked_sub(logical).and_then(|past| past.checked_div(self.sector_size));
                if let Some(slot) = place.and_then(|place| sums.get_mut(usize::try_from(place).ok()?)) {
                    *slot = Some(sum.to_vec());
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }
}
