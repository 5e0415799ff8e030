//! What lzop writes, as Linux takes it for kernels and initial ramdisks (lib/decompress_unlzo.c): a header, then blocks.
//!
//! Linux does not look at the flags that say which checksums stand before a block: it takes one for granted, that of what
//! the block holds, as lzop writes it unless it is told otherwise.

use std::io::{self, Read};

use super::blocks::{Blocks, Unpacked, damaged};
use crate::disk::bytes::to_usize;
use crate::disk::lzo;

const LAYER: &str = "lzo";
/// Begins a file (`lzop_magic`).
const MAGIC: [u8; 9] = *b"\x89LZO\0\r\n\x1a\n";
/// A block holds at most this much (`LZO_BLOCK_SIZE`).
const BLOCK: usize = 256 << 10;
/// From this version of lzop on the header has a level, and the time in eight bytes.
const LONG_HEADER: u16 = 0x0940;
/// A filter stands in the header (`HEADER_HAS_FILTER`).
const FILTER: u32 = 0x800;

/// What a file of lzop holds.
pub type Reader<R> = Unpacked<File<R>>;

/// A file of lzop.
pub struct File<R> {
    from: R,
    begun: bool,
}

impl<R: Read> Reader<R> {
    /// Of the file that begins at `from`.
    pub fn new(from: R) -> Self {
        Self::of(File { from, begun: false })
    }
}

impl<R: Read> File<R> {
    /// The magic, versions of the file, of the library and of what can read it, the method, the level, flags and filter,
    /// mode, time, name, checksum.
    fn header(&mut self) -> io::Result<()> {
        if self.bytes::<9>()? != MAGIC {
            return Err(damaged(LAYER, "not what lzop writes"));
        }
        let version = u16::from_be_bytes(self.bytes()?);
        self.bytes::<5>()?;
        if version >= LONG_HEADER {
            self.bytes::<1>()?;
        }
        if u32::from_be_bytes(self.bytes()?) & FILTER != 0 {
            self.bytes::<4>()?;
        }
        self.bytes::<8>()?;
        if version >= LONG_HEADER {
            self.bytes::<4>()?;
        }
        let [name] = self.bytes()?;
        io::copy(&mut self.from.by_ref().take(name.into()), &mut io::sink())?;
        self.bytes::<4>().map(|_| ())
    }

    fn number(&mut self) -> io::Result<usize> {
        to_usize(LAYER, u32::from_be_bytes(self.bytes()?).into()).map_err(io::Error::other)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read> Blocks for File<R> {
    /// The next block; `None` at the end. Its size, that of what it became, a checksum that is skipped, and that.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.begun {
            self.header()?;
            self.begun = true;
        }
        let size = self.number()?;
        if size == 0 {
            return Ok(None);
        }
        let packed = self.number()?;
        if size > BLOCK || packed == 0 || packed > size {
            return Err(damaged(LAYER, "a block has a size that none has"));
        }
        self.bytes::<4>()?;
        let mut block = vec![0; packed];
        self.from.read_exact(&mut block)?;
        if packed < size {
            block = lzo::decompress(&block, size)
                .filter(|block| block.len() == size)
                .ok_or_else(|| damaged(LAYER, "a block is damaged"))?;
        }
        Ok(Some(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testkit::{self, Dice, piped};

    fn packed(level: &str, bytes: &[u8]) -> Vec<u8> {
        piped(&["lzop", level, "-c"], "lzop", bytes)
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Reader::new(bytes).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_lzop_packs_is_unpacked() {
        let mut dice = Dice(7);
        let noise: Vec<u8> = (0..700_000).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        let text = b"insmod virtio_blk; ".repeat(60_000);
        let mixed = [&noise[..300_000], &text, &vec![0; 1 << 20], &noise].concat();
        for plain in [&text[..], &noise, &mixed, b"a"] {
            for level in ["-1", "-3", "-9"] {
                assert!(read(&packed(level, plain)).unwrap() == plain, "{level}: {} bytes", plain.len());
            }
        }
    }

    #[test]
    fn damage_ends_it_and_no_block_is_larger_than_linux_takes() {
        let good = packed("-9", &b"insmod virtio_blk; ".repeat(400));
        let whole = 0..good.len();
        for bytes in testkit::damaged(&good, &[whole], 4000) {
            let _ = read(&bytes);
        }
        for at in 0..good.len() {
            assert!(read(&good[..at]).is_err(), "cut at {at}");
        }
        // The first block's size stands behind a header of 38 bytes: no name, a level.
        let mut large = good.clone();
        large[38..42].copy_from_slice(&(256_u32 * 1024 + 1).to_be_bytes());
        assert!(read(&large).unwrap_err().to_string().contains("a size that none has"));
    }
}
