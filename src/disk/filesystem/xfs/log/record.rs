//! Records (xfs_log_format.h, `struct xlog_rec_header`).

use super::super::superblock::Superblock;
use super::super::{LAYER, u8_at};
use super::head::Span;
use super::ring::{BLOCK_LEN, MAGIC, Ring};
use crate::disk::bytes::{range, to_u64, to_usize, u32_be, u32_le, u64_be};
use crate::disk::{Error, Result};

/// Blocks whose first words one header block holds (`XLOG_CYCLE_DATA_SIZE`), and where it has them.
const WORDS: usize = 64;
const WORDS_AT: usize = 44;
/// `XLOG_HEADER_CYCLE_SIZE`: the size of records that need a further header block each.
const HEADER_SPAN: u64 = 32 << 10;
/// `XLOG_MAX_RECORD_BSIZE`.
const MAX_LEN: u64 = 256 << 10;
/// `sizeof(struct xlog_rec_header)` on machines of 64 and of 32 bits, and of `struct xlog_rec_ext_header`: what the
/// checksum covers.
const HEADER_SIZES: [usize; 2] = [328, 324];
const MORE_SIZE: usize = 260;
const CRC_AT: usize = 32;
/// `XLOG_FMT_LINUX_LE`: byte order of what is logged.
const LITTLE_ENDIAN: u32 = 1;
/// `XLOG_UNMOUNT_TRANS`.
const UNMOUNT: u8 = 0x20;
/// Read at once.
const CHUNK: u64 = 2048;

/// The header of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub cycle: u32,
    /// Round and block of the beginning of the record, and of the tail when it was written.
    pub lsn: u64,
    pub tail: u64,
    pub operations: u32,
    /// Blocks of the header, and of all of it.
    prefix: u64,
    pub blocks: u64,
    len: usize,
    crc: u32,
    format: u32,
}

impl Header {
    /// Reads the header that `block` begins with, if it is one.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let word = |at| u32_be(LAYER, block, at).ok();
        let (version, len, size) = (word(8)?, u64::from(word(12)?), u64::from(word(320)?));
        if word(0)? != MAGIC || !(1..=3).contains(&version) || len == 0 || len > MAX_LEN || size > MAX_LEN {
            return None;
        }
        let prefix = if version & 2 != 0 { size.div_ceil(HEADER_SPAN).max(1) } else { 1 };
        Some(Self {
            cycle: word(4)?,
            lsn: u64_be(LAYER, block, 16).ok()?,
            tail: u64_be(LAYER, block, 24).ok()?,
            operations: word(40)?,
            prefix,
            blocks: prefix.saturating_add(len.div_ceil(to_u64(BLOCK_LEN))),
            len: usize::try_from(len).ok()?,
            crc: u32_le(LAYER, block, CRC_AT).ok()?,
            format: word(300)?,
        })
    }

    fn header_len(&self) -> Result<usize> {
        Ok(to_usize(LAYER, self.prefix)?.saturating_mul(BLOCK_LEN))
    }

    /// Whether the checksum is that of the record, which `bytes` begins with (`xlog_cksum`). mkfs writes none.
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        self.crc == 0 || HEADER_SIZES.iter().any(|size| self.checksum(bytes, *size) == Some(self.crc))
    }

    fn checksum(&self, bytes: &[u8], size: usize) -> Option<u32> {
        let start = self.header_len().ok()?;
        // Of the further header blocks only those that the length needs, not all that there are.
        let more = u64::try_from(self.len).ok()?.div_ceil(HEADER_SPAN).saturating_sub(1);
        let mut crc = crc32c::crc32c(bytes.get(..CRC_AT)?);
        crc = crc32c::crc32c_append(crc, &[0; 4]);
        crc = crc32c::crc32c_append(crc, bytes.get(CRC_AT.saturating_add(4)..size)?);
        for more in bytes.get(BLOCK_LEN..start)?.chunks_exact(BLOCK_LEN).take(usize::try_from(more).ok()?) {
            crc = crc32c::crc32c_append(crc, more.get(..MORE_SIZE)?);
        }
        Some(crc32c::crc32c_append(crc, bytes.get(start..start.checked_add(self.len)?)?))
    }

    /// Whether the record, which `bytes` begins with, says that the filesystem was unmounted.
    pub(super) fn is_unmount(&self, bytes: &[u8]) -> bool {
        let flags = self.header_len().and_then(|start| u8_at(bytes, start.saturating_add(9)));
        self.operations == 1 && flags.is_ok_and(|flags| flags & UNMOUNT != 0)
    }

    /// What was logged, of the record that `bytes` begins with: in every block the round's number replaced the first
    /// word, which is in a header (`xlog_unpack_data`).
    fn unpack(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let start = self.header_len()?;
        let mut data = range(LAYER, bytes, start, self.len)?.to_vec();
        let headers = bytes.chunks_exact(BLOCK_LEN).take(to_usize(LAYER, self.prefix)?);
        let words = headers.zip(0_u32..).flat_map(|(header, place)| {
            let from = if place == 0 { WORDS_AT } else { 4 };
            header.get(from..).unwrap_or_default().chunks_exact(4).take(WORDS)
        });
        for (block, word) in data.chunks_mut(BLOCK_LEN).zip(words) {
            block.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
        }
        Ok(data)
    }
}

/// The records of a stretch of the log, in order.
pub(super) struct Stream<'a> {
    ring: &'a Ring<'a>,
    v5: bool,
    uuid: [u8; 16],
    /// Next block that is not in `held`, and how many there still are.
    next: u64,
    left: u64,
    held: Vec<u8>,
    /// Bytes of `held` that were used.
    used: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(ring: &'a Ring<'a>, superblock: &Superblock, span: Span) -> Self {
        Self {
            ring,
            v5: superblock.features.v5,
            uuid: superblock.uuid,
            next: span.tail,
            left: span.blocks,
            held: Vec::new(),
            used: 0,
        }
    }

    /// The next record and what it logged; `None` at the head.
    pub(super) fn next(&mut self) -> Result<Option<(Header, Vec<u8>)>> {
        if self.left == 0 && self.used >= self.held.len() {
            return Ok(None);
        }
        let at = self.at();
        let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
        let header =
            Header::parse(self.peek(1)?).ok_or_else(|| corrupt("no record of the log is where one must be"))?;
        if header.format != LITTLE_ENDIAN {
            return Err(Error::unsupported(LAYER, "a dirty log of a machine of another byte order").at(at));
        }
        let uuid = self.uuid;
        let v5 = self.v5;
        let record = self.peek(header.blocks).map_err(|_| corrupt("a record of the log passes its head"))?;
        if range(LAYER, record, 304, 16)? != uuid {
            return Err(corrupt("a record of another filesystem's log"));
        }
        // Of version 4 the kernel only complains.
        if v5 && !header.fits(record) {
            return Err(corrupt("a record of the log does not fit its checksum"));
        }
        let data = header.unpack(record)?;
        self.used = self.used.saturating_add(to_usize(LAYER, header.blocks)?.saturating_mul(BLOCK_LEN));
        Ok(Some((header, data)))
    }

    /// Byte offset in the volume of what comes next.
    fn at(&self) -> u64 {
        let ahead = to_u64(self.held.len().saturating_sub(self.used) / BLOCK_LEN);
        self.ring.at(self.ring.wrap(self.next.saturating_add(self.ring.len).saturating_sub(ahead)))
    }

    /// The next `blocks` blocks.
    fn peek(&mut self, blocks: u64) -> Result<&[u8]> {
        let want = to_usize(LAYER, blocks)?.saturating_mul(BLOCK_LEN);
        if self.held.len().saturating_sub(self.used) < want {
            self.held.drain(..self.used);
            self.used = 0;
            let count = CHUNK.min(self.left);
            self.held.extend(self.ring.read(self.next, count)?);
            self.next = self.ring.wrap(self.next.saturating_add(count));
            self.left = self.left.saturating_sub(count);
        }
        range(LAYER, &self.held, self.used, want)
    }
}
