//! The bit stream of XPRESS (MS-XCA 2.1.4.3) and LZX (MS-PATCH 2.1): little-endian words of 16 bits, the highest bit
//! first, always 16 bits or more ahead of what is used. Whole bytes may stand between the words.

/// A reader of bits.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, left-justified, and how many.
    held: u32,
    count: u32,
    /// How many of them are not in `data` but behind its end.
    behind: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut bits = Self { data, at: 0, held: 0, count: 0, behind: 0 };
        bits.fill();
        bits
    }

    /// Loads words until 16 bits or more are there: two at the beginning, later one when it is needed.
    fn fill(&mut self) {
        if self.count == 0 {
            self.word();
        }
        if self.count <= 16 {
            self.word();
        }
    }

    fn word(&mut self) {
        let word = if let Some([low, high]) = self.data.get(self.at..self.at.saturating_add(2)) {
            self.at = self.at.saturating_add(2);
            u16::from_le_bytes([*low, *high])
        } else {
            self.behind = self.behind.saturating_add(16);
            0
        };
        self.held |= u32::from(word).checked_shl(16_u32.saturating_sub(self.count)).unwrap_or_default();
        self.count = self.count.saturating_add(16);
    }

    /// The next 16 bits, which stay where they are.
    pub(super) fn peek(&self) -> u32 {
        self.held >> 16
    }

    /// Passes over `n` bits, at most 16.
    pub(super) fn skip(&mut self, n: u32) {
        self.held = self.held.checked_shl(n).unwrap_or_default();
        self.count = self.count.saturating_sub(n);
        if self.count < 16 {
            self.word();
        }
    }

    /// The next `n` bits, at most 16.
    pub(super) fn take(&mut self, n: u32) -> u32 {
        let found = self.peek().checked_shr(16_u32.saturating_sub(n)).unwrap_or_default();
        self.skip(n);
        found
    }

    /// The next whole byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    /// Passes over what is left of the word that was begun, a whole one where none was, and gives back the words that
    /// were loaded ahead: what follows is read by [`bytes`](Self::bytes).
    pub(super) fn align(&mut self) {
        let ahead = self.count.saturating_sub(1) / 16;
        let ahead = ahead.saturating_sub(self.behind / 16);
        self.at = self.at.saturating_sub(usize::try_from(ahead).unwrap_or_default().saturating_mul(2));
        (self.held, self.count, self.behind) = (0, 0, 0);
    }

    /// The next `n` whole bytes, after [`align`](Self::align).
    pub(super) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(n)?;
        let found = self.data.get(self.at..end)?;
        self.at = end;
        Some(found)
    }

    /// Begins bits again, after [`bytes`](Self::bytes).
    pub(super) fn resume(&mut self) {
        self.fill();
    }

    /// Whether bits behind the end were used.
    pub(super) fn overran(&self) -> bool {
        self.behind > self.count
    }
}
