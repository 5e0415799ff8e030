//! Chunks of the disk, read, and looked through for zeros.

use super::disk::{CHUNK, Disk};
use super::pipeline::{Width, ordered};
use crate::disk::Result;

/// Bytes of a piece that is zeros as a whole or data: a cluster of the QCOW2 by which sizes are stated.
pub const PIECE: usize = 64 << 10;

/// What was read of a chunk.
pub struct Block {
    /// First byte of the disk.
    pub at: u64,
    /// The bytes: a chunk's, or up to the end of the disk.
    pub bytes: Vec<u8>,
    /// A bit for each [`PIECE`], the lowest for the first, that is set where one of its bytes is not zero.
    pub data: u32,
}

impl Block {
    /// True where `from .. from + len` of the block, which are whole pieces or lie within one, holds no data.
    pub fn is_zero(&self, from: usize, len: usize) -> bool {
        if len < PIECE {
            let within = self.bytes.get(from..from.saturating_add(len).min(self.bytes.len()));
            return self.data.checked_shr(number(from / PIECE)).unwrap_or(0) & 1 == 0 || within.is_none_or(all_zero);
        }
        let bits = u32::MAX.checked_shr(32_u32.saturating_sub(number(len / PIECE))).unwrap_or(0);
        self.data & bits.checked_shl(number(from / PIECE)).unwrap_or(0) == 0
    }
}

fn number(piece: usize) -> u32 {
    u32::try_from(piece).unwrap_or(u32::MAX)
}

/// True when all bytes are zero.
pub fn all_zero(bytes: &[u8]) -> bool {
    let zero = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | byte) == 0;
    let (wide, rest) = bytes.as_chunks::<128>();
    wide.iter().all(|bytes| zero(bytes)) && zero(rest)
}

/// Which pieces hold data.
fn pieces(bytes: &[u8]) -> u32 {
    let bits = bytes.chunks(PIECE).zip(0_u32..).filter(|(piece, _)| !all_zero(piece));
    bits.fold(0, |bits, (_, number)| bits | 1_u32.checked_shl(number).unwrap_or(0))
}

/// Reads all blocks of a disk with data in them, does with each what `worker` makes of it, on threads, and gives that to
/// `take` in order, with the number of its pieces that hold data. The disk ends at `size`.
///
/// # Errors
/// Those of the disk, the workers and `take`.
pub fn each<R, W>(
    disk: &Disk,
    size: u64,
    worker: impl Fn() -> Result<W> + Sync,
    mut take: impl FnMut(u64, R) -> Result<()>,
) -> Result<u64>
where
    R: Send,
    W: FnMut(&mut Block) -> Result<R>,
{
    let mut clusters = 0_u64;
    let worker = || {
        let mut work = worker()?;
        let mut block = Block { at: 0, bytes: Vec::new(), data: 0 };
        Ok(move |chunk| {
            disk.read(&chunk, size, &mut block.bytes)?;
            block.at = chunk.at;
            block.data = pieces(&block.bytes);
            let done = if block.data == 0 { None } else { Some(work(&mut block)?) };
            Ok((chunk.at, block.data.count_ones(), done))
        })
    };
    ordered(Width::of_machine(), disk.chunks(), worker, |(at, data, done): (u64, u32, Option<R>)| {
        clusters = clusters.saturating_add(u64::from(data));
        done.map_or(Ok(()), |done| take(at, done))
    })?;
    Ok(clusters)
}

/// Every chunk is as many pieces as there are bits.
const _: () = assert!(CHUNK == 32 * (64 << 10));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_told_by_every_byte() {
        for len in [0, 1, 127, 128, 129, 1000] {
            let mut bytes = vec![0; len];
            assert!(all_zero(&bytes));
            for at in 0..len {
                bytes[at] = 1;
                assert!(!all_zero(&bytes), "{at} of {len}");
                bytes[at] = 0;
            }
        }
    }

    #[test]
    fn a_block_knows_its_zeros_at_every_size_of_cluster() {
        let mut bytes = vec![0; 1 << 21];
        bytes[5 * PIECE + 1024] = 7;
        bytes[(1 << 21) - 1] = 7;
        let block = Block { at: 0, data: pieces(&bytes), bytes };
        assert_eq!(block.data, 1 << 31 | 1 << 5);
        for bits in 9..=21 {
            let len = 1 << bits;
            let data: Vec<usize> = (0..1 << 21).step_by(len).filter(|from| !block.is_zero(*from, len)).collect();
            let mut wanted = vec![(5 * PIECE + 1024) / len * len, ((1 << 21) - 1) / len * len];
            wanted.dedup();
            assert_eq!(data, wanted, "{len}");
        }
    }
}
