//! Fast commits: what happened to the filesystem after the last transaction, noted file by file in blocks of their own
//! behind the log (fs/ext4/fast_commit.h; what counts is decided as in `ext4_fc_replay_scan`).

use std::ops::ControlFlow;

use super::super::LAYER;
use super::super::checksum::crc32c;
use super::log::Log;
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le};
use crate::disk::filesystem::Node;
use crate::disk::{Error, Result};

/// Size of a tag and its length (`struct ext4_fc_tl`).
const TAG: usize = 4;
/// `EXT4_FC_TAG_HEAD`.
const HEAD: u16 = 9;
/// `EXT4_GOOD_OLD_INODE_SIZE`, `EXT4_NAME_LEN`.
const MIN_INODE: usize = 128;
const MAX_NAME: usize = 255;
/// The most of them that is kept: four times the blocks there are for them usually.
const MAX_BYTES: u64 = 4 << 20;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Record {
    /// The inode is this now, but for its extents.
    Inode { node: Node, raw: Vec<u8> },
    /// `len` blocks of the file from `logical` on are those from `physical` on; not written means zeros.
    AddRange { node: Node, logical: u64, len: u64, physical: u64, written: bool },
    /// `len` blocks of the file from `logical` on are a hole.
    DeleteRange { node: Node, logical: u64, len: u64 },
    /// A node was made, by the name it has in a directory.
    Create { directory: Node, node: Node, name: Vec<u8> },
    /// A node got a name.
    Link { directory: Node, node: Node, name: Vec<u8> },
    /// A node lost a name.
    Unlink { directory: Node, node: Node, name: Vec<u8> },
}

/// A tag of the blocks.
enum Tag {
    Record(Record),
    Padding,
    /// `EXT4_FC_TAG_HEAD`: of the transaction they follow.
    Head {
        features: u32,
        sequence: u32,
    },
    /// `EXT4_FC_TAG_TAIL`: the end of a commit, with its checksum.
    Tail {
        sequence: u32,
        checksum: u32,
    },
}

/// What fast commits after transaction `sequence - 1` noted, as far as they came to the disk whole.
///
/// # Errors
/// `Corrupt` where the first of them is damaged: the kernel then does not mount.
pub(super) fn read(log: &mut Log, sequence: u32, inode_size: u64) -> Result<Vec<Record>> {
    let mut noted = Noted { sequence, ..Noted::default() };
    let Some(places) = log.superblock.fast.clone() else { return Ok(noted.found) };
    let mut bytes = 0_u64;
    for place in places.clone() {
        let at = log.offset(place)?;
        let raw = log.block(place)?;
        // Without a head there are none.
        if place == places.start && u16_le(LAYER, raw, 0)? != HEAD {
            break;
        }
        bytes = bytes.saturating_add(to_u64(raw.len()));
        if bytes > MAX_BYTES {
            return Err(Error::limit(LAYER, "more fast commits than are read"));
        }
        if noted.block(raw, at, inode_size)?.is_break() {
            break;
        }
    }
    noted.found.truncate(noted.committed);
    Ok(noted.found)
}

/// What was read so far.
#[derive(Default)]
struct Noted {
    /// The transaction they follow.
    sequence: u32,
    found: Vec<Record>,
    /// How many of them belong to a commit that is whole, and whether there is one.
    committed: usize,
    whole: bool,
    /// Checksum of the commit that is being read.
    sum: u32,
}

impl Noted {
    /// Reads a block at byte `at`, and breaks where they end.
    fn block(&mut self, raw: &[u8], at: u64, inode_size: u64) -> Result<ControlFlow<()>> {
        let mut offset = 0_usize;
        while offset < raw.len().saturating_sub(TAG) {
            let at = at.saturating_add(to_u64(offset));
            let len = usize::from(u16_le(LAYER, raw, offset.saturating_add(2))?);
            let value = range(LAYER, raw, offset.saturating_add(TAG), len).ok();
            let tag = match value {
                Some(value) => parse(u16_le(LAYER, raw, offset)?, value, inode_size)?,
                None => None,
            };
            let Some(tag) = tag else { return self.end(at, "have a tag that is none") };
            // Of the tail only what is before its checksum.
            let summed = if matches!(tag, Tag::Tail { .. }) { TAG } else { len };
            self.sum = crc32c(self.sum, range(LAYER, raw, offset, TAG.saturating_add(summed))?);
            match tag {
                Tag::Record(record) => self.found.push(record),
                Tag::Head { features, .. } if features != 0 => {
                    return Err(Error::unsupported(LAYER, format!("fast commits with features {features:#x}")).at(at));
                }
                // Left over from an older transaction.
                Tag::Head { sequence, .. } if sequence != self.sequence => return Ok(ControlFlow::Break(())),
                Tag::Head { .. } | Tag::Padding => {}
                Tag::Tail { sequence, checksum } if sequence == self.sequence && checksum == self.sum => {
                    (self.committed, self.whole, self.sum) = (self.found.len(), true, 0);
                }
                Tag::Tail { .. } => return self.end(at, "do not match their checksum"),
            }
            offset = offset.saturating_add(TAG).saturating_add(len);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// What follows a whole commit is left over from older ones; without one there is something wrong.
    fn end(&self, at: u64, what: &str) -> Result<ControlFlow<()>> {
        if self.whole {
            return Ok(ControlFlow::Break(()));
        }
        Err(Error::corrupt(LAYER, at, format!("the fast commits of the journal {what}")))
    }
}

/// One tag; `None` where its length is not one it can have (`ext4_fc_value_len_isvalid`).
fn parse(tag: u16, value: &[u8], inode_size: u64) -> Result<Option<Tag>> {
    let number = |at: usize| u32_le(LAYER, value, at);
    let node = |at: usize| number(at).map(u64::from);
    let rest = |at: usize| value.get(at..).unwrap_or_default().to_vec();
    let is_named = (1..=MAX_NAME).contains(&value.len().saturating_sub(8));
    Ok(Some(match tag {
        1 if value.len() == 16 => {
            let (start, len) = (number(4)?, u64::from(u16_le(LAYER, value, 8)?));
            let high = u64::from(u16_le(LAYER, value, 10)?);
            let (len, written) = super::super::extents::length(len);
            Tag::Record(Record::AddRange {
                node: node(0)?,
                logical: start.into(),
                len,
                physical: node(12)? | high << 32,
                written,
            })
        }
        2 if value.len() == 12 => Tag::Record(Record::DeleteRange { node: node(0)?, logical: node(4)?, len: node(8)? }),
        3 if is_named => Tag::Record(Record::Create { directory: node(0)?, node: node(4)?, name: rest(8) }),
        4 if is_named => Tag::Record(Record::Link { directory: node(0)?, node: node(4)?, name: rest(8) }),
        5 if is_named => Tag::Record(Record::Unlink { directory: node(0)?, node: node(4)?, name: rest(8) }),
        6 if (MIN_INODE..=to_usize(LAYER, inode_size)?).contains(&value.len().saturating_sub(4)) => {
            Tag::Record(Record::Inode { node: node(0)?, raw: rest(4) })
        }
        7 => Tag::Padding,
        8 if value.len() >= 8 => Tag::Tail { sequence: number(0)?, checksum: number(4)? },
        HEAD if value.len() == 8 => Tag::Head { features: number(0)?, sequence: number(4)? },
        _ => return Ok(None),
    }))
}
