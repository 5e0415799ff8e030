//! The .lzma file format, in little memory: its header, as xz' `lzma-file-format.txt` has it; the rest is the library's.
//!
//! dracut packs with `lzma -9`, whose header names a window of 64 MiB whatever comes. Less is held here: what reaches
//! further back is not unpacked, and all else is.

use std::io::{self, ErrorKind, Read};

use super::from_io;
use super::stream::{WINDOW_BYTES, too_wide};
use crate::disk::bytes::{to_u64, u32_le, u64_le};
use crate::disk::{Error, Result};

const LAYER: &str = "lzma";
/// Properties, the size of the window, that of the content.
const HEADER: usize = 13;

/// What a .lzma file holds.
pub struct Reader<R: Read> {
    from: lzma_rust2::LzmaReader<R>,
    /// The window is smaller than the header asks.
    narrow: bool,
    given: u64,
}

impl<R: Read> Reader<R> {
    /// Of the file that begins at `from`.
    ///
    /// # Errors
    /// `Corrupt` for a header that is none.
    pub fn new(mut from: R) -> Result<Self> {
        let mut header = [0; HEADER];
        from.read_exact(&mut header).map_err(|error| from_io(LAYER, &error))?;
        let [properties, ..] = header;
        let (asked, size) = (u32_le(LAYER, &header, 1)?, u64_le(LAYER, &header, 5)?);
        let window = u32::try_from(WINDOW_BYTES).unwrap_or(u32::MAX).min(asked);
        let from = lzma_rust2::LzmaReader::new_with_props(from, size, properties, window, None);
        Ok(Self { from: from.map_err(|error| from_io(LAYER, &error))?, narrow: window < asked, given: 0 })
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.from.read(out) {
            Ok(count) => {
                self.given = self.given.saturating_add(to_u64(count));
                Ok(count)
            }
            // The library stops at what lies before its window as at damage: it is never taken from elsewhere.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof && !of_filesystem(&error) => {
                let passed = self.given.saturating_add(to_u64(out.len())) > WINDOW_BYTES;
                Err(if self.narrow && passed { io::Error::other(too_wide(LAYER)) } else { error })
            }
            Err(error) => Err(error),
        }
    }
}

#[expect(clippy::redundant_closure_for_method_calls, reason = "the path of that method is longer than the line")]
fn of_filesystem(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Error>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testkit::{self, Dice, piped};

    /// As dracut calls it.
    fn packed(bytes: &[u8]) -> Vec<u8> {
        piped(&["xz", "--format=lzma", "-9", "-T0"], "xz-utils", bytes)
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Reader::new(bytes)?.read_to_end(&mut out).map_err(|error| from_io(LAYER, &error))?;
        Ok(out)
    }

    #[test]
    fn what_dracut_packs_is_unpacked_as_far_as_it_does_not_reach_back_further_than_is_held() {
        let mut dice = Dice(3);
        let noise: Vec<u8> = (0..200_000).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        let text = b"insmod virtio_blk; ".repeat(100_000);
        let good = [&noise[..100_000], &text, &vec![0; 40 << 20], &noise[100_000..]].concat();
        assert!(read(&packed(&good)).unwrap() == good);
        let far = [&noise[..], &vec![0; 40 << 20], &noise].concat();
        let error = read(&packed(&far)).unwrap_err();
        assert!(error.kind == crate::disk::ErrorKind::Limit && error.what.contains("more than 32 MiB"), "{error}");
    }

    #[test]
    fn damage_is_damage() {
        let good = packed(&b"insmod virtio_blk; ".repeat(400));
        let whole = 0..good.len();
        for bytes in testkit::damaged(&good, &[whole], 4000) {
            let kind = read(&bytes).err().map(|error| error.kind);
            assert!(kind.is_none_or(|kind| kind == crate::disk::ErrorKind::Corrupt));
        }
    }
}
