//! The frame of LZ4 that Linux takes for kernels and initial ramdisks: "legacy frame" of the LZ4 frame format, 1.6, with
//! the blocks of the LZ4 block format.

use std::io::{self, Read};

use crate::disk::bytes::to_usize;
use crate::disk::{Error, Result};

const LAYER: &str = "lz4";
/// Begins a frame; more than one may follow each other.
pub const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// A block holds at most this much, and takes at most that much when it cannot be compressed.
const BLOCK: usize = 8 << 20;
const COMPRESSED: usize = BLOCK + BLOCK / 255 + 16;
/// Shortest match.
const MIN_MATCH: usize = 4;

/// What a legacy frame holds.
pub struct Reader<R> {
    from: R,
    block: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Of frames that begin at `from`.
    pub fn new(from: R) -> Self {
        Self { from, block: Vec::new(), at: 0, ended: false }
    }

    /// The next block; `None` at the end, or where zeros pad the file.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut head = [0; 4];
            let mut filled = 0_usize;
            while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.from.read(rest)? {
                    0 if filled == 0 => return Ok(None),
                    0 => return Err(damaged("a block is cut short")),
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
                return Err(damaged("a block is larger than any is"));
            }
            let mut packed = vec![0; size];
            self.from.read_exact(&mut packed)?;
            return unpacked(&packed).map(Some).map_err(io::Error::other);
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::other(Error::new(crate::disk::ErrorKind::Corrupt, LAYER, what))
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.block.len() && !self.ended {
            match self.next()? {
                Some(block) => (self.block, self.at) = (block, 0),
                None => self.ended = true,
            }
        }
        let mut rest = self.block.get(self.at..).unwrap_or_default();
        let count = rest.read(out)?;
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}

/// What a block holds: literals and matches in turn, the last without a match.
fn unpacked(packed: &[u8]) -> Result<Vec<u8>> {
    let bad = |what: &str| Error::new(crate::disk::ErrorKind::Corrupt, LAYER, what);
    let mut out: Vec<u8> = Vec::new();
    let mut rest = packed;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        let literals = length(token >> 4, &mut rest).ok_or_else(|| bad("a length is cut short"))?;
        let (copied, after) = rest.split_at_checked(literals).ok_or_else(|| bad("literals are cut short"))?;
        out.extend_from_slice(copied);
        rest = after;
        if rest.is_empty() {
            break;
        }
        let (offset, after) = rest.split_first_chunk::<2>().ok_or_else(|| bad("an offset is cut short"))?;
        rest = after;
        let offset = usize::from(u16::from_le_bytes(*offset));
        let len = length(token & 15, &mut rest).ok_or_else(|| bad("a length is cut short"))?;
        let len = len.saturating_add(MIN_MATCH);
        let start = out.len().checked_sub(offset).filter(|_| offset > 0);
        let start = start.ok_or_else(|| bad("a match begins before the block"))?;
        if out.len().saturating_add(len) > BLOCK {
            return Err(bad("a block holds more than 8 MiB"));
        }
        // A match may reach into itself: what it repeats is copied once more each time round.
        let mut left = len;
        while left > 0 {
            let end = start.saturating_add(left).min(out.len());
            left = left.saturating_sub(end.saturating_sub(start));
            out.extend_from_within(start..end);
        }
    }
    if out.len() > BLOCK {
        return Err(bad("a block holds more than 8 MiB"));
    }
    Ok(out)
}

/// Four bits, and as many bytes as say 255 and one more where all four are set.
fn length(bits: u8, rest: &mut &[u8]) -> Option<usize> {
    let mut len = usize::from(bits);
    if bits < 15 {
        return Some(len);
    }
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        len = len.checked_add(usize::from(*byte))?;
        if *byte < 255 {
            return Some(len);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// As `mkinitramfs` calls it.
    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut tool = Command::new("lz4");
        let tool = tool.args(["-l", "-9", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = tool.spawn().expect("install the Debian package lz4");
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
        let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
        let out = child.wait_with_output().unwrap().stdout;
        writer.join().unwrap();
        out
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
