//! What an object's bytes tell as they pass: their checksum, and how much of a plain disk holds data.

use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::checks::{Found, SHA256};
use super::copy::fetch;
use super::encode::{PIECE, all_zero};
use crate::disk::Result;
use crate::disk::bytes::to_u64;
use crate::disk::container::qcow2_file;
use crate::source::opening::Object;

/// Bytes that are asked for at once where an object is read only to look at it, and how many such requests are on their way:
/// as much memory as they are.
const STEP: u64 = 4 << 20;
const SIDE_BY_SIDE: usize = 3;

/// Sees all bytes of an object, from the first to the last.
pub(super) struct Look {
    hash: Sha256,
    /// Bytes of the object's start that are a disk's, byte by byte.
    disk: Option<u64>,
    seen: u64,
    /// Pieces of the disk with a byte that is not zero.
    data: u64,
}

impl Look {
    /// At an object whose first `disk` bytes are those of its disk.
    pub(super) fn at(disk: Option<u64>) -> Self {
        Self { hash: Sha256::new(), disk, seen: 0, data: 0 }
    }

    /// The next bytes: whole [`PIECE`]s, but for the last ones.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if let Some(disk) = self.disk {
            let there = usize::try_from(disk.saturating_sub(self.seen)).unwrap_or(usize::MAX);
            let of_disk = bytes.get(..there.min(bytes.len())).unwrap_or_default();
            let data = of_disk.chunks(PIECE).filter(|piece| !all_zero(piece));
            self.data = self.data.saturating_add(to_u64(data.count()));
        }
        self.seen = self.seen.saturating_add(to_u64(bytes.len()));
    }

    /// What was seen, of all bytes.
    pub(super) fn found(self) -> Found {
        Found {
            source_checksum: Some(format!("{SHA256}{}", hex::encode(self.hash.finalize()))),
            qcow2_bytes: self.disk.and_then(|size| qcow2_file(size, self.data)),
        }
    }
}

/// Reads all of an object, in order, and gives its checksum.
///
/// # Errors
/// What the store reports.
pub(super) async fn checksum_of(object: &Object) -> Result<Option<String>> {
    let mut look = Look::at(None);
    let starts = (0..object.size.div_ceil(STEP)).map(|number| number.saturating_mul(STEP));
    let mut parts =
        futures::stream::iter(starts.map(|from| fetch(object, from, from.saturating_add(STEP)))).buffered(SIDE_BY_SIDE);
    while let Some(bytes) = parts.try_next().await? {
        look.see(&bytes);
    }
    Ok(look.found().source_checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_the_disk_are_counted_and_what_lies_behind_it_is_not() {
        let mut bytes = vec![0; 5 * PIECE + 512];
        for at in [0, 3 * PIECE + 1, 5 * PIECE - 1, 5 * PIECE + 100] {
            bytes[at] = 1;
        }
        let counted = |disk: usize, step: usize| {
            let mut look = Look::at(Some(disk as u64));
            bytes.chunks(step).for_each(|bytes| look.see(bytes));
            look.found().qcow2_bytes
        };
        for step in [PIECE, 2 * PIECE, 64 * PIECE] {
            assert_eq!(counted(5 * PIECE, step), qcow2_file(5 << 16, 3), "a footer is no data");
            assert_eq!(counted(5 * PIECE + 101, step), qcow2_file((5 << 16) + 101, 4));
            assert_eq!(counted(3 * PIECE, step), qcow2_file(3 << 16, 1));
            assert_eq!(counted(0, step), qcow2_file(0, 0));
        }
        assert_eq!(Look::at(None).found().qcow2_bytes, None);
    }
}
