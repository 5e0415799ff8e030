//! XPRESS: plain LZ77 with Huffman codes (MS-XCA 2.1.4, 2.2), one block of at most 64 KiB.

use super::bits::Bits;
use super::huffman::Code;
use super::repeat;

/// Lengths of 512 codewords, four bits each.
const TABLE: usize = 256;
const LITERALS: u16 = 256;
const MIN_MATCH: usize = 3;

/// The `size` bytes that were packed, 64 KiB or fewer.
pub fn decompress(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let (table, packed) = packed.split_at_checked(TABLE)?;
    let lengths: Vec<u8> = table.iter().flat_map(|pair| [pair & 15, pair >> 4]).collect();
    let code = Code::new(&lengths)?;
    let mut bits = Bits::new(packed);
    let mut out = Vec::with_capacity(size);
    while out.len() < size {
        let symbol = code.decode(&mut bits)?;
        let Some(found) = symbol.checked_sub(LITERALS) else {
            out.push(u8::try_from(symbol).ok()?);
            continue;
        };
        let len = match found & 15 {
            15 => long_match(&mut bits)?,
            short => usize::from(short),
        };
        let width = u32::from(found >> 4);
        let offset = 1_u32.checked_shl(width)? | bits.take(width);
        repeat(&mut out, usize::try_from(offset).ok()?, len.checked_add(MIN_MATCH)?, size)?;
    }
    (!bits.overran()).then_some(out)
}

/// Lengths that do not fit a symbol follow in whole bytes.
fn long_match(bits: &mut Bits) -> Option<usize> {
    match bits.byte()? {
        255 => {
            let len = usize::from(u16::from_le_bytes([bits.byte()?, bits.byte()?]));
            (len >= 15).then_some(len)
        }
        more => usize::from(more).checked_add(15),
    }
}
