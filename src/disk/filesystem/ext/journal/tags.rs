//! The blocks of the log that say something of others: descriptors, revocations, commits.

use super::super::LAYER;
use super::super::checksum::{crc32c, without};
use super::superblock::{Checksums, JournalSuperblock, MAGIC};
use crate::disk::bytes::{range, to_u64, to_usize, u16_be, u32_be, u64_be};
use crate::disk::{Error, Result};

/// `journal_header_t`, and `struct jbd2_journal_revoke_header_s` with the number of bytes after it.
const HEADER: usize = 12;
const REVOKE_HEADER: usize = 16;
/// `struct jbd2_journal_block_tail`: the checksum at the end of a descriptor and a revocation.
const TAIL: usize = 4;
const UUID: usize = 16;
/// `struct commit_header`, and its `h_chksum`.
const COMMIT: usize = 0x40;
const COMMIT_CHECKSUM: std::ops::Range<usize> = 0x10..0x14;
/// `JBD2_FLAG_ESCAPE`, `JBD2_FLAG_SAME_UUID`, `JBD2_FLAG_LAST_TAG`.
const ESCAPE: u16 = 1;
const SAME_UUID: u16 = 2;
const LAST: u16 = 8;

/// What a block of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Descriptor,
    Commit,
    Revoke,
}

/// What a block is if it belongs to transaction `sequence`; `None` ends the log.
pub(super) fn kind(raw: &[u8], sequence: u32) -> Result<Option<Kind>> {
    if u32_be(LAYER, raw, 0)? != MAGIC || u32_be(LAYER, raw, 8)? != sequence {
        return Ok(None);
    }
    Ok(match u32_be(LAYER, raw, 4)? {
        1 => Some(Kind::Descriptor),
        2 => Some(Kind::Commit),
        5 => Some(Kind::Revoke),
        _ => None,
    })
}

/// A block that the log holds: where it belongs, and what its bytes should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub block: u64,
    pub checksum: u32,
    /// Its first four bytes were those of a header, and were replaced by zeros.
    pub escaped: bool,
}

impl Tag {
    /// Whether `raw`, held for transaction `sequence`, is what was to be held.
    pub(super) fn fits(&self, superblock: &JournalSuperblock, sequence: u32, raw: &[u8]) -> bool {
        let sum = || crc32c(crc32c(superblock.seed, &sequence.to_be_bytes()), raw);
        match superblock.checksums {
            Checksums::None | Checksums::V1 => true,
            Checksums::V2 => sum() & 0xFFFF == self.checksum,
            Checksums::V3 => sum() == self.checksum,
        }
    }
}

/// The tags of a descriptor (`journal_block_tag3_t` with [`Checksums::V3`], else `journal_block_tag_t`).
pub(super) fn tags(superblock: &JournalSuperblock, raw: &[u8]) -> Result<Vec<Tag>> {
    // Of the older tag the second half of the number is there only where it is needed.
    let len = match (superblock.checksums, superblock.wide) {
        (Checksums::V3, _) => 16,
        (Checksums::V2, true) => 14,
        (Checksums::V2, false) => 10,
        (_, true) => 12,
        (_, false) => 8,
    };
    let end = if superblock.guards_blocks() { raw.len().saturating_sub(TAIL) } else { raw.len() };
    let mut found = Vec::new();
    let mut at = HEADER;
    while at.saturating_add(len) <= end {
        let tag = range(LAYER, raw, at, len)?;
        let flags = u16_be(LAYER, tag, 6)?;
        let high = if superblock.wide { u64::from(u32_be(LAYER, tag, 8)?) } else { 0 };
        let checksum = match superblock.checksums {
            Checksums::V3 => u32_be(LAYER, tag, 12)?,
            _ => u16_be(LAYER, tag, 4)?.into(),
        };
        let block = u64::from(u32_be(LAYER, tag, 0)?) | high << 32;
        found.push(Tag { block, checksum, escaped: flags & ESCAPE != 0 });
        at = at.saturating_add(len).saturating_add(if flags & SAME_UUID == 0 { UUID } else { 0 });
        if flags & LAST != 0 {
            break;
        }
    }
    Ok(found)
}

/// The blocks that a revocation names.
pub(super) fn revoked(superblock: &JournalSuperblock, raw: &[u8], at: u64) -> Result<Vec<u64>> {
    // r_count: bytes in use, the header among them.
    let used = to_usize(LAYER, u32_be(LAYER, raw, HEADER)?.into())?;
    if used > raw.len().saturating_sub(if superblock.guards_blocks() { TAIL } else { 0 }) {
        let at = at.saturating_add(to_u64(HEADER));
        return Err(Error::corrupt(LAYER, at, "a revocation in the journal is larger than its block"));
    }
    let records = raw.get(REVOKE_HEADER..used).unwrap_or_default();
    if superblock.wide {
        records.chunks_exact(8).map(|record| u64_be(LAYER, record, 0)).collect()
    } else {
        records.chunks_exact(4).map(|record| u32_be(LAYER, record, 0).map(u64::from)).collect()
    }
}

/// Whether the checksum at the end of a descriptor or a revocation is the one it should have.
pub(super) fn tail_fits(superblock: &JournalSuperblock, raw: &[u8]) -> Result<bool> {
    let tail = raw.len().saturating_sub(TAIL);
    fits(superblock, raw, tail..raw.len())
}

/// A commit block.
pub(super) struct Commit {
    /// When it was written, in seconds.
    pub seconds: u64,
    /// Whether its own checksum fits.
    pub fits: bool,
    /// `h_chksum_type`, `h_chksum_size`, `h_chksum`: with [`Checksums::V1`], of the whole transaction.
    checksum: (u8, u8, u32),
}

impl Commit {
    pub(super) fn parse(superblock: &JournalSuperblock, raw: &[u8]) -> Result<Self> {
        let kinds: [u8; 2] = crate::disk::bytes::array(LAYER, raw, HEADER)?;
        Ok(Self {
            seconds: u64_be(LAYER, raw, 0x30)?,
            // The kernel is content with the header: of a commit block cut short the rest was zeros
            // (`jbd2_commit_block_csum_verify_partial`).
            fits: fits(superblock, raw, COMMIT_CHECKSUM)?
                || fits(superblock, &without(raw, std::slice::from_ref(&(COMMIT..raw.len()))), COMMIT_CHECKSUM)?,
            checksum: (kinds[0], kinds[1], u32_be(LAYER, raw, COMMIT_CHECKSUM.start)?),
        })
    }

    /// Whether `sum` is that of the transaction; none at all does too.
    pub(super) fn commits(&self, sum: u32) -> bool {
        // JBD2_CRC32_CHKSUM, JBD2_CRC32_CHKSUM_SIZE.
        self.checksum == (1, 4, sum) || self.checksum == (0, 0, 0)
    }
}

fn fits(superblock: &JournalSuperblock, raw: &[u8], field: std::ops::Range<usize>) -> Result<bool> {
    if !superblock.guards_blocks() {
        return Ok(true);
    }
    let found = u32_be(LAYER, raw, field.start)?;
    Ok(crc32c(superblock.seed, &without(raw, &[field])) == found)
}
