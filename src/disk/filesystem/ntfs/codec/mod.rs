//! The decompressors: pure functions from packed bytes to at most as many as were asked for. `None` where the bytes
//! are not what a compressor writes.

mod bits;
mod huffman;
pub(super) mod lznt1;
pub(super) mod lzx;
pub(super) mod xpress;

/// Repeats `len` bytes from `offset` bytes back, which may overlap what is written; `out` grows to `most` at most.
fn repeat(out: &mut Vec<u8>, offset: usize, len: usize, most: usize) -> Option<()> {
    let from = out.len().checked_sub(offset).filter(|_| offset > 0)?;
    if len > most.checked_sub(out.len())? {
        return None;
    }
    for at in from..from.checked_add(len)? {
        out.push(*out.get(at)?);
    }
    Some(())
}
