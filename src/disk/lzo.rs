//! LZO1X streams, after the Linux kernel's Documentation/staging/lzo.rst (first version of the stream, as btrfs and lzop have it).

/// What `input` decompresses to: at most `most` bytes. `None` where it is no whole stream or would give more.
pub fn decompress(input: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut stream = Stream { input: input.iter(), output: Vec::with_capacity(most), most };
    stream.run().map(|()| stream.output)
}

/// The most distant matches are further back than this; one at this very distance marks the end.
const FAR: usize = 16_384;
/// Literals copied by the last instruction, where it was a long run of them.
const MANY: usize = 4;

struct Stream<'a> {
    input: std::slice::Iter<'a, u8>,
    output: Vec<u8>,
    most: usize,
}

impl Stream<'_> {
    fn run(&mut self) -> Option<()> {
        let mut literals = 0;
        // The first byte may be a run of literals that no later one can be.
        if let Some(first) = self.input.as_slice().first().copied().map(usize::from).filter(|first| *first > 17) {
            self.input.next();
            let count = first.checked_sub(17)?;
            self.copy_literals(count)?;
            literals = count.min(MANY);
        }
        loop {
            let code = self.byte()?;
            if code < 16 && literals == 0 {
                let count = self.length(code, 15)?.checked_add(3)?;
                self.copy_literals(count)?;
                literals = MANY;
                continue;
            }
            // The match: its length, the least distance and what is added to it, and the byte whose two low bits count
            // the literals after it.
            let (len, least, more, low) = match code {
                0..16 => {
                    let (least, len) = if literals == MANY { (2049, 3) } else { (1, 2) };
                    let high = self.byte()?;
                    (len, least, code >> 2 | high << 2, code)
                }
                16..32 => {
                    let len = self.length(code & 7, 7)?.checked_add(2)?;
                    let (more, low) = self.pair()?;
                    (len, FAR, (code & 8) << 11 | more, low)
                }
                32..64 => {
                    let len = self.length(code & 31, 31)?.checked_add(2)?;
                    let (more, low) = self.pair()?;
                    (len, 1, more, low)
                }
                _ => {
                    let high = self.byte()?;
                    ((code >> 5).saturating_add(1), 1, code >> 2 & 7 | high << 3, code)
                }
            };
            if least == FAR && more == 0 {
                return Some(());
            }
            self.copy_match(len, least.saturating_add(more))?;
            literals = low & 3;
            self.copy_literals(literals)?;
        }
    }

    fn byte(&mut self) -> Option<usize> {
        self.input.next().copied().map(usize::from)
    }

    /// Two bytes: fourteen bits of distance, and the lower byte.
    fn pair(&mut self) -> Option<(usize, usize)> {
        let low = self.byte()?;
        let high = self.byte()?;
        Some((low >> 2 | high << 6, low))
    }

    /// A length: in the instruction or, where that is zero, `most` and the bytes that follow up to one that is not.
    fn length(&mut self, inside: usize, most: usize) -> Option<usize> {
        if inside != 0 {
            return Some(inside);
        }
        let mut len = most;
        loop {
            match self.byte()? {
                0 => len = len.checked_add(255)?,
                last => return len.checked_add(last),
            }
        }
    }

    fn copy_literals(&mut self, count: usize) -> Option<()> {
        self.make_room(count)?;
        let (run, rest) = self.input.as_slice().split_at_checked(count)?;
        self.output.extend_from_slice(run);
        self.input = rest.iter();
        Some(())
    }

    /// Byte by byte: what is copied may reach into what the copy makes.
    fn copy_match(&mut self, len: usize, distance: usize) -> Option<()> {
        self.make_room(len)?;
        let from = self.output.len().checked_sub(distance)?;
        for at in (from..).take(len) {
            let byte = *self.output.get(at)?;
            self.output.push(byte);
        }
        Some(())
    }

    fn make_room(&self, more: usize) -> Option<()> {
        (self.output.len().checked_add(more)? <= self.most).then_some(())
    }
}
