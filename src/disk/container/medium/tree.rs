//! Where the files of an ISO 9660 volume lie (ECMA-119 9.1, "Format of a Directory Record").

use std::ops::Range;

use crate::disk::bytes::{array, to_usize, u32_le};
use crate::disk::{ReadAt, Result};

const LAYER: &str = "iso";
/// Bytes of a logical sector; a record lies within one.
const SECTOR: usize = 2048;
/// Bytes of a record without its name.
const RECORD: usize = 33;
/// Directories and files that are looked at, and the longest directory.
const MOST_DIRECTORIES: usize = 32;
const MOST_FILES: usize = 4096;
const LONGEST: u64 = 64 << 10;
/// Bit of the flags: a directory.
const DIRECTORY: u8 = 2;

/// The place of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    at: u64,
    len: u64,
    directory: bool,
    /// The directory itself, or the one above it.
    special: bool,
}

/// A record: the extent's first logical block at 2, its bytes at 10, flags at 25, the name from 33 on.
fn record(bytes: &[u8], block: u64) -> Option<Record> {
    let at = u64::from(u32_le(LAYER, bytes, 2).ok()?).checked_mul(block)?;
    let len = u64::from(u32_le(LAYER, bytes, 10).ok()?);
    let (flags, name_len) = (*bytes.get(25)?, *bytes.get(32)?);
    let special = name_len == 1 && bytes.get(RECORD).is_some_and(|name| *name < 2);
    Some(Record { at, len, directory: flags & DIRECTORY != 0, special })
}

/// The records of a directory, as far as they are any.
fn records(directory: &[u8], block: u64) -> Vec<Record> {
    let mut found = Vec::new();
    for sector in directory.chunks(SECTOR) {
        let mut rest = sector;
        while let Some(len) = rest.first().map(|len| usize::from(*len)).filter(|len| *len > RECORD) {
            let Some((now, later)) = rest.split_at_checked(len) else { break };
            found.extend(record(now, block));
            rest = later;
        }
    }
    found
}

/// True when `directory` begins as the root directory at byte `at` does: with a record of itself (ECMA-119 6.8.2.2).
fn is_root(directory: &[u8], at: u64, block: u64) -> bool {
    records(directory.get(..directory.len().min(SECTOR)).unwrap_or_default(), block)
        .first()
        .is_some_and(|first| first.special && first.directory && first.at == at)
}

/// True when the numbers at `at` are the same in both byte orders ("Both-byte orders", 7.3.3).
pub fn both_orders(descriptor: &[u8], at: usize) -> bool {
    let big = array::<4>(LAYER, descriptor, at.saturating_add(4)).map(u32::from_be_bytes);
    matches!((u32_le(LAYER, descriptor, at), big), (Ok(little), Ok(big)) if little == big)
}

/// Where the volume's files and directories lie, the first 4096; `None` where its root directory is none any more.
///
/// # Errors
/// `Io` and `Limit`.
pub fn extents(disk: &dyn ReadAt, descriptor: &[u8], block: u64) -> Result<Option<Vec<Range<u64>>>> {
    let Some(root) = descriptor.get(156..).and_then(|bytes| record(bytes, block)) else { return Ok(None) };
    let (mut found, mut waiting, mut seen) = (Vec::new(), vec![root], Vec::new());
    while let Some(directory) = waiting.pop() {
        let len = disk.len().saturating_sub(directory.at).min(directory.len).min(LONGEST);
        let bytes = disk.read_vec_at(directory.at, to_usize(LAYER, len)?)?;
        if seen.is_empty() && !is_root(&bytes, root.at, block) {
            return Ok(None);
        }
        seen.push(directory.at);
        for record in records(&bytes, block).into_iter().filter(|record| !record.special && record.len > 0) {
            if found.len() >= MOST_FILES {
                return Ok(Some(found));
            }
            found.push(record.at..record.at.saturating_add(record.len));
            let open = record.directory && !seen.contains(&record.at) && record.at < disk.len();
            if open && seen.len().saturating_add(waiting.len()) < MOST_DIRECTORIES {
                waiting.push(record);
            }
        }
    }
    found.push(root.at..root.at.saturating_add(root.len));
    Ok(Some(found))
}
