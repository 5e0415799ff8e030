//! The passes that follow: which of the blocks in the log take the place of which in the volume.

use std::collections::BTreeMap;

use super::super::LAYER;
use super::log::Log;
use super::overlay::Replaced;
use super::scan::Scanned;
use crate::disk::{Error, Result};

/// The blocks that are replaced, by number. Of the same block the last one counts; one that was revoked in the same
/// transaction or later counts no more: the block was freed, and what it holds since was not journaled.
///
/// # Errors
/// `Corrupt` where a held block is not as it was written, or belongs behind the `blocks` there are: the kernel then
/// does not mount.
pub(super) fn replaced(log: &mut Log, scanned: &Scanned, blocks: u64) -> Result<BTreeMap<u64, Replaced>> {
    // In order of transactions: the last one stays.
    let revoked: BTreeMap<u64, u32> = scanned.revoked.iter().copied().collect();
    let mut replaced = BTreeMap::new();
    for held in &scanned.held {
        if revoked.get(&held.tag.block).is_some_and(|until| held.transaction <= *until) {
            continue;
        }
        let at = log.offset(held.place)?;
        if log.superblock.guards_blocks() {
            let sequence = log.superblock.sequence.wrapping_add(held.transaction);
            let superblock = log.superblock.clone();
            if !held.tag.fits(&superblock, sequence, log.block(held.place)?) {
                let what = format!("block {} in the journal does not match its checksum", held.tag.block);
                return Err(Error::corrupt(LAYER, at, what));
            }
        }
        if held.tag.block >= blocks {
            return Err(Error::corrupt(LAYER, at, format!("the journal holds block {}, past the end", held.tag.block)));
        }
        replaced.insert(held.tag.block, Replaced { at, escaped: held.tag.escaped });
    }
    Ok(replaced)
}
