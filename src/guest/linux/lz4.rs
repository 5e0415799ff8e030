//! The frame of LZ4 that Linux takes for kernels and initial ramdisks: "legacy frame" of the LZ4 frame format, 1.6. It is
//! read here because zeros pad an initial ramdisk and another frame may follow; the blocks are the library's.

use std::io::{self, Read};

use super::blocks::{Blocks, Unpacked, damaged};
use crate::disk::bytes::to_usize;

const LAYER: &str = "lz4";
/// Begins a frame; more than one may follow each other.
pub const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// A block holds at most this much, and takes at most that much when it cannot be compressed.
const BLOCK: usize = 8 << 20;
const COMPRESSED: usize = BLOCK + BLOCK / 255 + 16;

/// What legacy frames hold.
pub type Reader<R> = Unpacked<Frames<R>>;

/// Legacy frames.
pub struct Frames<R> {
    from: R,
}

impl<R: Read> Reader<R> {
    /// Of frames that begin at `from`.
    pub fn new(from: R) -> Self {
        Self::of(Frames { from })
    }
}

impl<R: Read> Blocks for Frames<R> {
    /// The next block; `None` at the end, or where zeros pad the file.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut head = [0; 4];
            let mut filled = 0_usize;
            while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.from.read(rest)? {
                    0 if filled == 0 => return Ok(None),
                    0 => return Err(damaged(LAYER, "a block is cut short")),
                    count => filled = filled.saturating_add(count),
                }
            }
            if head == MAGIC {
                continue;
            }
            let size = to_usize(LAYER, u32::from_le_bytes(head).into()).map_err(io::Error::other)?;
            if size == 0 {
                return Ok(None);
            }
            if size > COMPRESSED {
                return Err(damaged(LAYER, "a block is larger than any is"));
            }
            let mut packed = vec![0; size];
            self.from.read_exact(&mut packed)?;
            let mut block = vec![0; BLOCK];
            let size = lz4_flex::block::decompress_into(&packed, &mut block)
                .map_err(|_| damaged(LAYER, "a block is damaged"))?;
            block.truncate(size);
            return Ok(Some(block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testkit::piped;

    /// As `mkinitramfs` calls it.
    fn packed(bytes: &[u8]) -> Vec<u8> {
        piped(&["lz4", "-l", "-9", "-c"], "lz4", bytes)
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Reader::new(bytes).read_to_end(&mut out)?;
        Ok(out)
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(len)
        .collect()
    }

    #[test]
    fn what_lz4_packs_is_unpacked() {
        let text = b"insmod virtio_blk; ".repeat(4000);
        let long = [noise(9 << 20), vec![0; 9 << 20]].concat();
        for plain in [&text[..], &noise(100_000), &long, b"a", b""] {
            assert!(read(&packed(plain)).unwrap() == plain, "{} bytes", plain.len());
        }
        let two = [packed(b"one"), packed(b"two"), vec![0; 8]].concat();
        assert_eq!(read(&two).unwrap(), b"onetwo");
    }

    #[test]
    fn damage_ends_it() {
        let good = packed(&b"insmod virtio_blk; ".repeat(40));
        for at in 0..good.len() {
            for value in [0, 0x0f, 0xf0, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = read(&bad);
            }
            let _ = read(&good[..at]);
        }
        let mut far = good.clone();
        far[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read(&far).is_err());
    }
}
