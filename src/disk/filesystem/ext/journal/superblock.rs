//! The superblock of a journal: where its log begins, and of what form its blocks are.

use super::super::LAYER;
use super::super::checksum::{crc32c, without};
use crate::disk::bytes::{range, u32_be};
use crate::disk::{Error, Result};

/// `JBD2_MAGIC_NUMBER`.
pub(super) const MAGIC: u32 = 0xC03B_3998;
const LEN: usize = 1024;
/// `JBD2_SUPERBLOCK_V1`, without features, and `JBD2_SUPERBLOCK_V2`.
const V1: u32 = 3;
const V2: u32 = 4;
/// `JBD2_MIN_JOURNAL_BLOCKS`.
const MIN_BLOCKS: u64 = 1024;
/// `JBD2_DEFAULT_FAST_COMMIT_BLOCKS`.
const FAST_BLOCKS: u64 = 256;
/// `JBD2_CRC32C_CHKSUM`.
const CRC32C: u8 = 4;
const CHECKSUM: std::ops::Range<usize> = 0xFC..0x100;

/// `JBD2_FEATURE_COMPAT_CHECKSUM`, and the known `JBD2_FEATURE_INCOMPAT_*`: revoke is 0x1.
const COMPAT_CHECKSUM: u32 = 0x1;
const INCOMPAT_64BIT: u32 = 0x2;
const INCOMPAT_ASYNC_COMMIT: u32 = 0x4;
const INCOMPAT_CSUM_V2: u32 = 0x8;
const INCOMPAT_CSUM_V3: u32 = 0x10;
const INCOMPAT_FAST_COMMIT: u32 = 0x20;
const INCOMPAT_KNOWN: u32 = 0x3F;

/// How blocks of the log are guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    None,
    /// One over a whole transaction, in its commit block.
    V1,
    /// One in every block of the log and for every block it holds; of the latter 16 bits are kept.
    V2,
    /// The same with all 32 bits.
    V3,
}

/// What it says, checked.
#[derive(Debug, Clone)]
pub(super) struct JournalSuperblock {
    /// The log is the blocks `first .. last` of the journal.
    pub first: u64,
    pub last: u64,
    /// Where the log begins; 0 where it is empty.
    pub start: u64,
    /// The first transaction in it.
    pub sequence: u32,
    /// Block numbers have 64 bits.
    pub wide: bool,
    /// Commit blocks may have come to the disk before what they commit.
    pub async_commit: bool,
    pub checksums: Checksums,
    /// What every crc32c begins with.
    pub seed: u32,
    /// The blocks of fast commits.
    pub fast: Option<std::ops::Range<u64>>,
}

impl JournalSuperblock {
    /// Parses what the kernel would accept (`journal_check_superblock`). `at` is its byte offset in the volume, `total`
    /// the blocks of the journal's inode.
    pub(super) fn parse(raw: &[u8], at: u64, block_size: u64, total: u64) -> Result<Self> {
        let corrupt = |field: u64, what: &str| Error::corrupt(LAYER, at.saturating_add(field), what);
        let raw = range(LAYER, raw, 0, LEN)?;
        let number = |at: usize| u32_be(LAYER, raw, at).map(u64::from);
        if u32_be(LAYER, raw, 0)? != MAGIC || number(0xC)? != block_size {
            return Err(corrupt(0, "the journal has no superblock"));
        }
        let version = u32_be(LAYER, raw, 4)?;
        if version != V1 && version != V2 {
            return Err(corrupt(4, "the journal's superblock is of no known version"));
        }
        let word = |at: usize| if version == V2 { u32_be(LAYER, raw, at) } else { Ok(0) };
        let (compat, incompat, ro_compat) = (word(0x24)?, word(0x28)?, word(0x2C)?);
        if incompat & !INCOMPAT_KNOWN != 0 || ro_compat != 0 {
            let what = format!("journal features incompat {:#x}, ro_compat {ro_compat:#x}", incompat & !INCOMPAT_KNOWN);
            return Err(Error::unsupported(LAYER, what));
        }
        let (max, first) = (number(0x10)?, number(0x14)?);
        if max > total {
            return Err(corrupt(0x10, "the journal is shorter than it says"));
        }
        if first == 0 || first >= max {
            return Err(corrupt(0x14, "the journal's log begins outside it"));
        }
        let has = |bit: u32| incompat & bit != 0;
        let checksums = match (compat & COMPAT_CHECKSUM != 0, has(INCOMPAT_CSUM_V2), has(INCOMPAT_CSUM_V3)) {
            (false, false, false) => Checksums::None,
            (true, false, false) => Checksums::V1,
            (false, true, false) => Checksums::V2,
            (false, false, true) => Checksums::V3,
            _ => return Err(corrupt(0x28, "the journal has checksums of two kinds")),
        };
        if matches!(checksums, Checksums::V2 | Checksums::V3) {
            if range(LAYER, raw, 0x50, 1)? != [CRC32C] {
                return Err(Error::unsupported(LAYER, "a journal with checksums other than crc32c"));
            }
            if crc32c(!0, &without(raw, &[CHECKSUM])) != u32_be(LAYER, raw, CHECKSUM.start)? {
                return Err(corrupt(0xFC, "the checksum of the journal's superblock does not match"));
            }
        }
        let fast_blocks = match (has(INCOMPAT_FAST_COMMIT), number(0x54)?) {
            (false, _) => 0,
            (true, 0) => FAST_BLOCKS,
            (true, told) => told,
        };
        let last = max.saturating_sub(fast_blocks);
        if last < MIN_BLOCKS || first >= last {
            return Err(corrupt(0x10, "the journal is too short"));
        }
        Ok(Self {
            first,
            last,
            start: number(0x1C)?,
            sequence: u32_be(LAYER, raw, 0x18)?,
            wide: has(INCOMPAT_64BIT),
            async_commit: has(INCOMPAT_ASYNC_COMMIT),
            checksums,
            seed: crc32c(!0, range(LAYER, raw, 0x30, 16)?),
            // One block between them is never used (`jbd2_journal_init_fast_commit`).
            fast: has(INCOMPAT_FAST_COMMIT).then(|| last.saturating_add(1)..max),
        })
    }

    /// Whether blocks of the log, and those it holds, each have a checksum.
    pub(super) fn guards_blocks(&self) -> bool {
        matches!(self.checksums, Checksums::V2 | Checksums::V3)
    }
}
