//! SQLite's write-ahead log: pages that are not in the database file yet (SQLite, "Database File Format", section 4).

use std::collections::HashMap;

use crate::disk::Result;
use crate::disk::bytes::{self, to_u64, to_usize};
use crate::guest::linux::packages::file::DbFile;

const LAYER: &str = "rpm sqlite";
/// The last bit of the magic tells in which byte order checksums are made.
const MAGIC: u32 = 0x377f_0682;
/// `WAL_MAX_VERSION` of SQLite's `src/wal.c`.
const VERSION: u32 = 3_007_000;
/// Bytes before the frames, and before the page in each frame.
const HEADER: usize = 32;
const FRAME: usize = 24;

/// The newest committed version of each page in the log.
#[derive(Default)]
pub(super) struct Wal {
    /// Page number and where its bytes lie in the log.
    pages: HashMap<u32, u64>,
    /// Pages of the database after the last commit.
    pub size: Option<u32>,
}

impl Wal {
    /// Reads the log as far as it is valid; what follows is of an earlier use of the file or was never finished.
    ///
    /// # Errors
    /// What the file reports.
    pub fn read(file: &DbFile, page_size: usize) -> Result<Self> {
        let mut wal = Self::default();
        let header = file.read_some(0, HEADER)?;
        let field = |at| bytes::u32_be(LAYER, &header, at);
        if header.len() < HEADER || field(0)? & !1 != MAGIC || field(4)? != VERSION {
            return Ok(wal);
        }
        if to_usize(LAYER, u64::from(field(8)?))? != page_size {
            return Ok(wal);
        }
        let mut sum = Sum { big: field(0)? & 1 == 1, a: 0, b: 0 };
        sum.add(bytes::range(LAYER, &header, 0, 24)?);
        if !sum.is(&header, 24)? {
            return Ok(wal);
        }
        let salts = bytes::range(LAYER, &header, 16, 8)?;
        let frame_size = page_size.saturating_add(FRAME);
        let mut at = to_u64(HEADER);
        let mut pending = HashMap::new();
        loop {
            let frame = file.read_some(at, frame_size)?;
            if frame.len() < frame_size || bytes::range(LAYER, &frame, 8, 8)? != salts {
                return Ok(wal);
            }
            sum.add(bytes::range(LAYER, &frame, 0, 8)?);
            sum.add(bytes::range(LAYER, &frame, FRAME, page_size)?);
            if !sum.is(&frame, 16)? {
                return Ok(wal);
            }
            pending.insert(bytes::u32_be(LAYER, &frame, 0)?, at.saturating_add(to_u64(FRAME)));
            let committed = bytes::u32_be(LAYER, &frame, 4)?;
            if committed != 0 {
                wal.pages.extend(pending.drain());
                wal.size = Some(committed);
            }
            at = at.saturating_add(to_u64(frame_size));
        }
    }

    /// Where the bytes of that page lie in the log.
    pub fn page(&self, number: u32) -> Option<u64> {
        self.pages.get(&number).copied()
    }
}

/// The checksum (section 4.2), which goes on from frame to frame.
struct Sum {
    big: bool,
    a: u32,
    b: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (pairs, _) = bytes.as_chunks::<8>();
        for [a, b, c, d, e, f, g, h] in pairs {
            let word = |bytes| if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
            let (first, second) = (word([*a, *b, *c, *d]), word([*e, *f, *g, *h]));
            self.a = self.a.wrapping_add(first).wrapping_add(self.b);
            self.b = self.b.wrapping_add(second).wrapping_add(self.a);
        }
    }

    /// Whether this is the checksum stored at `at`, always big-endian.
    fn is(&self, bytes: &[u8], at: usize) -> Result<bool> {
        let stored = (bytes::u32_be(LAYER, bytes, at)?, bytes::u32_be(LAYER, bytes, at.saturating_add(4))?);
        Ok(stored == (self.a, self.b))
    }
}
