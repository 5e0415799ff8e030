//! Fast commits: what happened to the filesystem after the last transaction, noted file by file in blocks of their own
//! behind the log (fs/ext4/fast_commit.h; what counts is decided as in `ext4_fc_replay_scan`).

use super::super::LAYER;
use super::super::checksum::crc32c;
use super::log::Log;
use crate::disk::bytes::{range, to_u64, to_usize, u16_le, u32_le};
use crate::disk::filesystem::Node;
use crate::disk::{Error, Result};

/// Size of a tag and its length (`struct ext4_fc_tl`).
const TAG: usize = 4;
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
pub(super) fn read(log: &mut Log, sequence: u32, inode_size: u64) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    let Some(places) = log.superblock.fast.clone() else { return Ok(found) };
    let mut committed = 0;
    let mut whole = false;
    let mut sum = 0;
    let mut bytes = 0_u64;
    for place in places.clone() {
        let at = log.offset(place)?;
        let raw = log.block(place)?;
        let (mut offset, size) = (0, raw.len());
        // There are none, or none of this transaction.
        if place == places.start && u16_le(LAYER, raw, 0)? != 9 {
            return Ok(found);
        }
        bytes = bytes.saturating_add(to_u64(size));
        if bytes > MAX_BYTES {
            return Err(Error::limit(LAYER, "more fast commits than are read"));
        }
        while offset < size.saturating_sub(TAG) {
            let at = at.saturating_add(to_u64(offset));
            // What follows the last whole commit is left over from older ones.
            let end = |found: &mut Vec<Record>, what: &str| {
                if !whole {
                    return Err(Error::corrupt(LAYER, at, format!("the fast commits of the journal {what}")));
                }
                found.truncate(committed);
                Ok(std::mem::take(found))
            };
            let len = usize::from(u16_le(LAYER, raw, offset.saturating_add(2))?);
            let value = range(LAYER, raw, offset.saturating_add(TAG), len).ok();
            let tag = value.and_then(|value| parse(u16_le(LAYER, raw, offset).ok()?, value, inode_size).ok()?);
            let Some(tag) = tag else { return end(&mut found, "have a tag that is none") };
            let summed = if matches!(tag, Tag::Tail { .. }) { TAG } else { len };
            sum = crc32c(sum, range(LAYER, raw, offset, TAG.saturating_add(summed))?);
            match tag {
                Tag::Record(record) => found.push(record),
                Tag::Padding => {}
                Tag::Head { features, .. } if features != 0 => {
                    return Err(Error::unsupported(LAYER, format!("fast commits with features {features:#x}")).at(at));
                }
                Tag::Head { sequence: of, .. } if of != sequence => {
                    found.truncate(committed);
                    return Ok(found);
                }
                Tag::Head { .. } => {}
                Tag::Tail { sequence: of, checksum } if of == sequence && checksum == sum => {
                    (committed, whole, sum) = (found.len(), true, 0);
                }
                Tag::Tail { .. } => return end(&mut found, "do not match their checksum"),
            }
            offset = offset.saturating_add(TAG).saturating_add(len);
        }
    }
    found.truncate(committed);
    Ok(found)
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
        9 if value.len() == 8 => Tag::Head { features: number(0)?, sequence: number(4)? },
        _ => return Ok(None),
    }))
}
