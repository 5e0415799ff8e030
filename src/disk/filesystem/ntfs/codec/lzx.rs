//! LZX (MS-PATCH 2) as WIM has it: a window of 32 KiB, each chunk on its own, a bit for the usual size of a block,
//! calls of x86 always translated, as for a file of 12,000,000 bytes.

use super::bits::Bits;
use super::huffman::Code;
use super::repeat;

const USUAL_BLOCK: u32 = 32 << 10;
const LITERALS: usize = 256;
/// 30 slots of match offsets, eight headers of match lengths each.
const MAIN: usize = LITERALS + 30 * 8;
const LENGTHS: usize = 249;
const ALIGNED: usize = 8;
const MIN_MATCH: usize = 2;
/// A length that does not fit its header.
const LONG: usize = 7;
const TRANSLATED_SIZE: i32 = 12_000_000;
/// The last bytes of a chunk are not translated.
const UNTRANSLATED: usize = 10;

/// What goes on from block to block.
struct State {
    main: [u8; MAIN],
    lengths: [u8; LENGTHS],
    recent: [u32; 3],
}

/// The `size` bytes that were packed, 32 KiB or fewer.
pub fn decompress(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bits = Bits::new(packed);
    let mut state = State { main: [0; MAIN], lengths: [0; LENGTHS], recent: [1; 3] };
    let mut out = Vec::with_capacity(size);
    while out.len() < size {
        let kind = bits.take(3);
        let len = if bits.take(1) == 1 { USUAL_BLOCK } else { bits.take(16) };
        let end = out.len().checked_add(usize::try_from(len).ok()?).filter(|end| len > 0 && *end <= size)?;
        match kind {
            1 | 2 => block(&mut bits, &mut state, kind == 2, &mut out, end)?,
            3 => stored(&mut bits, &mut state, &mut out, end)?,
            _ => return None,
        }
        if bits.overran() {
            return None;
        }
    }
    translate(&mut out);
    Some(out)
}

/// A block of literals and matches; `aligned` where the low bits of long offsets have a code of their own.
fn block(bits: &mut Bits, state: &mut State, aligned: bool, out: &mut Vec<u8>, end: usize) -> Option<()> {
    let mut low = [0; ALIGNED];
    if aligned {
        low.fill_with(|| u8::try_from(bits.take(3)).unwrap_or_default());
    }
    let low = if aligned { Some(Code::new(&low)?) } else { None };
    let (literals, matches) = state.main.split_at_mut_checked(LITERALS)?;
    read_lengths(bits, literals)?;
    read_lengths(bits, matches)?;
    read_lengths(bits, &mut state.lengths)?;
    let main = Code::new(&state.main)?;
    let lengths = Code::new(&state.lengths)?;

    while out.len() < end {
        let symbol = usize::from(main.decode(bits)?);
        let Some(found) = symbol.checked_sub(LITERALS) else {
            out.push(u8::try_from(symbol).ok()?);
            continue;
        };
        let len = match found & LONG {
            LONG => usize::from(lengths.decode(bits)?).checked_add(LONG)?,
            short => short,
        };
        let offset = offset(bits, &mut state.recent, u32::try_from(found >> 3).ok()?, low.as_ref())?;
        repeat(out, usize::try_from(offset).ok()?, len.checked_add(MIN_MATCH)?, end)?;
    }
    Some(())
}

/// The offset of a match: one of the last three, or a new one.
fn offset(bits: &mut Bits, recent: &mut [u32; 3], slot: u32, low: Option<&Code>) -> Option<u32> {
    if let Some(place) = usize::try_from(slot).ok().filter(|slot| *slot < recent.len()) {
        recent.swap(0, place);
        return recent.first().copied();
    }
    let width = if slot < 4 { 0 } else { (slot >> 1).saturating_sub(1) };
    let base = if slot < 4 { slot } else { (2 | (slot & 1)).checked_shl(width)? };
    let more = match low {
        Some(low) if width >= 3 => bits.take(width.saturating_sub(3)).checked_shl(3)? | u32::from(low.decode(bits)?),
        _ => bits.take(width),
    };
    let offset = base.checked_add(more)?.checked_sub(2)?;
    *recent = [offset, *recent.first()?, *recent.get(1)?];
    Some(offset)
}

/// Lengths of codewords, written as differences to those of the last block, in a code of their own.
fn read_lengths(bits: &mut Bits, lengths: &mut [u8]) -> Option<()> {
    let mut pre = [0; 20];
    pre.fill_with(|| u8::try_from(bits.take(4)).unwrap_or_default());
    let pre = Code::new(&pre)?;
    let mut at = 0_usize;
    while at < lengths.len() {
        let symbol = pre.decode(bits)?;
        let (run, change) = match symbol {
            17 => (bits.take(4).saturating_add(4), None),
            18 => (bits.take(5).saturating_add(20), None),
            19 => (bits.take(1).saturating_add(4), Some(pre.decode(bits)?)),
            _ => (1, Some(symbol)),
        };
        // A run may pass the end: compressors write that, and others cut it.
        let end = at.saturating_add(usize::try_from(run).ok()?).min(lengths.len());
        let run = lengths.get_mut(at..end)?;
        let value = match change {
            None => 0,
            Some(change) => {
                let change = u8::try_from(change).ok().filter(|change| *change < 17)?;
                run.first()?.checked_add(17)?.checked_sub(change)?.checked_rem(17)?
            }
        };
        run.fill(value);
        at = end;
    }
    Some(())
}

/// A block as it is: the three recent offsets, then the bytes, padded to whole words.
fn stored(bits: &mut Bits, state: &mut State, out: &mut Vec<u8>, end: usize) -> Option<()> {
    bits.align();
    for recent in &mut state.recent {
        *recent = u32::from_le_bytes(bits.bytes(4)?.try_into().ok()?);
    }
    let len = end.checked_sub(out.len())?;
    out.extend_from_slice(bits.bytes(len)?);
    if !len.is_multiple_of(2) {
        // After the last block nothing need follow.
        let _padding = bits.bytes(1);
    }
    bits.resume();
    Some(())
}

/// Turns the absolute targets of `E8` calls back into relative ones.
fn translate(out: &mut [u8]) {
    let end = out.len().saturating_sub(UNTRANSLATED);
    let mut at = 0_usize;
    while at < end {
        if out.get(at) != Some(&0xE8) {
            at = at.saturating_add(1);
            continue;
        }
        let place = i32::try_from(at).unwrap_or(i32::MAX);
        let Some(target) = out.get_mut(at.saturating_add(1)..at.saturating_add(5)) else { return };
        let absolute = i32::from_le_bytes([0, 1, 2, 3].map(|n| target.get(n).copied().unwrap_or_default()));
        let relative = if (0..TRANSLATED_SIZE).contains(&absolute) {
            absolute.wrapping_sub(place)
        } else if absolute < 0 && absolute >= place.wrapping_neg() {
            absolute.wrapping_add(TRANSLATED_SIZE)
        } else {
            absolute
        };
        target.copy_from_slice(&relative.to_le_bytes());
        at = at.saturating_add(5);
    }
}
