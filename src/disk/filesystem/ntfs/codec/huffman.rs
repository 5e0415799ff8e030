//! Canonical Huffman codes of at most 16 bits.

use super::bits::Bits;

const MAX_LEN: usize = 16;

/// A code, ready to decode.
pub(super) struct Code {
    /// For each length: the codewords of that length, left-justified in 16 bits, end here.
    ends: [u32; MAX_LEN + 1],
    /// For each length: where its first symbol is in `symbols`, and its first codeword, left-justified.
    firsts: [(usize, u32); MAX_LEN + 1],
    symbols: Vec<u16>,
}

impl Code {
    /// The code of these lengths, 0 for symbols without a codeword. `None` where the lengths make no complete code;
    /// one without any symbol is allowed, and decodes nothing.
    pub(super) fn new(lengths: &[u8]) -> Option<Self> {
        let mut code = Self { ends: [0; MAX_LEN + 1], firsts: [(0, 0); MAX_LEN + 1], symbols: Vec::new() };
        let mut next = 0_u32;
        for len in 1..=MAX_LEN {
            let step = 1_u32.checked_shl(u32::try_from(MAX_LEN.saturating_sub(len)).ok()?)?;
            *code.firsts.get_mut(len)? = (code.symbols.len(), next);
            for (symbol, _) in (0_u16..).zip(lengths).filter(|(_, found)| usize::from(**found) == len) {
                code.symbols.push(symbol);
                next = next.checked_add(step)?;
            }
            *code.ends.get_mut(len)? = next;
        }
        (next == 1 << MAX_LEN || code.symbols.is_empty()).then_some(code)
    }

    /// The next symbol.
    pub(super) fn decode(&self, bits: &mut Bits) -> Option<u16> {
        let ahead = bits.peek();
        let len = self.ends.iter().position(|end| ahead < *end)?;
        let (place, first) = *self.firsts.get(len)?;
        let len = u32::try_from(len).ok()?;
        let offset = ahead.checked_sub(first)?.checked_shr(16_u32.checked_sub(len)?)?;
        bits.skip(len);
        self.symbols.get(place.checked_add(usize::try_from(offset).ok()?)?).copied()
    }
}
