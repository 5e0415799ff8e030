//! LZNT1 (MS-XCA 2.5), the compression of NTFS attributes: chunks of 4 KiB, each on its own.

use super::repeat;

const CHUNK: usize = 4096;
const MIN_MATCH: usize = 3;
/// Fields of a chunk's header.
const PACKED: u16 = 0x8000;
const LEN: u16 = 0x0FFF;

/// The `size` bytes of a compression unit; what the chunks leave out is zeros.
pub fn decompress(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(size.saturating_add(CHUNK));
    let mut rest = packed;
    while out.len() < size {
        let Some((header, more)) = rest.split_first_chunk() else { break };
        let header = u16::from_le_bytes(*header);
        if header == 0 {
            break;
        }
        let (chunk, more) = more.split_at_checked(usize::from(header & LEN).saturating_add(1))?;
        let end = out.len().checked_add(CHUNK)?;
        if header & PACKED == 0 {
            out.extend_from_slice(chunk);
        } else {
            unpack(chunk, &mut out)?;
        }
        out.resize(end, 0);
        rest = more;
    }
    out.resize(size, 0);
    Some(out)
}

/// One chunk: groups of a byte of flags and eight literals or matches.
fn unpack(mut chunk: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let end = start.checked_add(CHUNK)?;
    while let Some((flags, rest)) = chunk.split_first() {
        chunk = rest;
        for bit in 0..8 {
            if chunk.is_empty() || out.len() >= end {
                break;
            }
            if flags.checked_shr(bit)? & 1 == 0 {
                let (literal, rest) = chunk.split_first()?;
                out.push(*literal);
                chunk = rest;
            } else {
                let (token, rest) = chunk.split_first_chunk()?;
                let (offset, len) = token_of(u16::from_le_bytes(*token), out.len().checked_sub(start)?)?;
                repeat(out, offset, len, end)?;
                chunk = rest;
            }
        }
    }
    Some(())
}

/// Offset and length of a match, `done` bytes into its chunk: the further in, the more of the 16 bits are the offset's.
fn token_of(token: u16, done: usize) -> Option<(usize, usize)> {
    let width = done.checked_sub(1)?.checked_ilog2().map_or(4, |log| log.saturating_add(1).max(4));
    let len_width = 16_u32.checked_sub(width)?;
    let len = token & 1_u16.checked_shl(len_width)?.checked_sub(1)?;
    let offset = usize::from(token.checked_shr(len_width)?).checked_add(1)?;
    // A match does not reach back into the chunk before.
    (offset <= done).then_some((offset, usize::from(len).checked_add(MIN_MATCH)?))
}
