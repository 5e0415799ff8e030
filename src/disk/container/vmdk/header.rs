//! The header of a sparse extent, and the footer that replaces it ("Hosted Sparse Extent Header", "Stream-Optimized
//! Compressed Sparse Extents").

use super::LAYER;
use crate::disk::bytes::{array, range, to_u64, to_usize, u16_le, u32_le, u64_le};
use crate::disk::container::layout::{Missing, There};
use crate::disk::{Error, ReadAt, Result};

/// First bytes.
pub const MAGIC: &[u8] = b"KDMV";
pub const SECTOR: u64 = 512;

/// Offsets of the fields that errors point at.
const VERSION: u64 = 4;
const FLAGS: usize = 8;
const CAPACITY: usize = 12;
const GRANULARITY: u64 = 20;
const ENTRIES: u64 = 44;
const REDUNDANT: u64 = 48;
const DIRECTORY: u64 = 56;
const OVERHEAD: u64 = 64;
const NEWLINES: u64 = 73;
const COMPRESSION: u64 = 77;

/// Flags.
const HAS_NEWLINES: u32 = 1 << 0;
const HAS_REDUNDANT: u32 = 1 << 1;
const HAS_ZERO_GRAINS: u32 = 1 << 2;
const HAS_MARKERS: u32 = 1 << 17;

/// Four kinds of line end: whoever changes them by the way changes these.
const NEWLINE_TEST: [u8; 4] = *b"\n \r\n";
/// `gdOffset` of an extent whose header is at its end.
const AT_END: u64 = u64::MAX;
/// The footer lies between its marker and the marker of the stream's end, each a sector.
const FOOTER_SECTORS: usize = 3;
const FOOTER_MARKER: u32 = 3;
/// Entries of a grain table that QEMU reads at most; the specification has 512 always.
const MOST_ENTRIES: u32 = 512;
/// Sectors of a grain that QEMU reads at most: 1 GiB.
const LARGEST_GRAIN: u64 = 0x20_0000;
/// Bytes of a compressed grain that are read at most, as it is unpacked whole. Those of VMware and QEMU have 64 KiB.
const LARGEST_PACKED: u64 = 2 << 20;
/// Entries of a grain directory that QEMU reads at most.
const MOST_TABLES: u64 = 32 << 20;

/// What is needed of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub version: u32,
    flags: u32,
    /// Bytes of the guest's disk.
    pub size: u64,
    /// Sectors of a grain.
    granularity: u64,
    entries: u32,
    pub descriptor_at: u64,
    pub descriptor_len: u64,
    redundant: u64,
    directory: u64,
    overhead: u64,
    newlines: [u8; 4],
    compression: u16,
}

impl Header {
    pub fn parse(raw: &[u8]) -> Result<Self> {
        let u32_at = |at: u64| u32_le(LAYER, raw, to_usize(LAYER, at)?);
        let u64_at = |at: u64| u64_le(LAYER, raw, to_usize(LAYER, at)?);
        let bytes = |sectors: u64| sectors.saturating_mul(SECTOR);
        Ok(Self {
            version: u32_at(VERSION)?,
            flags: u32_le(LAYER, raw, FLAGS)?,
            size: bytes(u64_le(LAYER, raw, CAPACITY)?),
            granularity: u64_at(GRANULARITY)?,
            entries: u32_at(ENTRIES)?,
            descriptor_at: bytes(u64_at(28)?),
            descriptor_len: bytes(u64_at(36)?),
            redundant: bytes(u64_at(REDUNDANT)?),
            directory: u64_at(DIRECTORY)?,
            overhead: bytes(u64_at(OVERHEAD)?),
            newlines: array(LAYER, raw, to_usize(LAYER, NEWLINES)?)?,
            compression: u16_le(LAYER, raw, to_usize(LAYER, COMPRESSION)?)?,
        })
    }

    /// Refuses a header that a transfer as text has changed.
    pub fn check_newlines(&self) -> Result<()> {
        if self.flags & HAS_NEWLINES == 0 || self.newlines == NEWLINE_TEST || self.newlines == [0; 4] {
            return Ok(());
        }
        // A line feed became a carriage return and a line feed, or a carriage return; or these became a line feed.
        if matches!(self.newlines, [b'\r', b'\n' | b' ', ..] | [b'\n', b' ', b'\n', _]) {
            let what = "the line ends of its test bytes were changed: it was transferred as text (FTP in ASCII mode); \
                        transfer it again in binary mode";
            return Err(Error::corrupt(LAYER, NEWLINES, what));
        }
        Err(Error::unsupported(LAYER, "its test bytes were changed, and with them perhaps others").at(NEWLINES))
    }

    /// The header at the end of the object, where this one says that it is there. It lies before the last sector, whose
    /// bytes are all zero, so that an object that ends within it is whole.
    pub fn at_end(self, object: &dyn ReadAt) -> Result<There<Self>> {
        if self.directory != AT_END {
            return Ok(Ok(self));
        }
        let sectors = to_u64(FOOTER_SECTORS).saturating_mul(SECTOR);
        let from = object.len().next_multiple_of(SECTOR).saturating_sub(sectors);
        let mut raw = object.read_vec_at(from, to_usize(LAYER, object.len().saturating_sub(from))?)?;
        raw.resize(to_usize(LAYER, sectors)?, 0);
        let is_marker = |at: usize, kind: u32| -> Result<bool> {
            let size = u32_le(LAYER, &raw, at.saturating_add(8))?;
            Ok(size == 0 && u32_le(LAYER, &raw, at.saturating_add(12))? == kind)
        };
        // That of a footer has a number of sectors there, which QEMU does not look at.
        let ends = u64_le(LAYER, &raw, 1024)? == 0 && is_marker(1024, 0)?;
        let header = range(LAYER, &raw, 512, 512)?;
        if !is_marker(0, FOOTER_MARKER)? || !ends || !header.starts_with(MAGIC) {
            let at = object.len().next_multiple_of(SECTOR);
            return Ok(Err(Missing { what: "footer", at, ends_at: at.saturating_add(sectors), named_at: DIRECTORY }));
        }
        let footer = Self::parse(header)?;
        if footer.directory == AT_END {
            return Err(Error::corrupt(
                LAYER,
                from.saturating_add(512).saturating_add(DIRECTORY),
                "the footer points at itself",
            ));
        }
        Ok(Ok(footer))
    }

    /// Refuses what contradicts itself, and what is not read.
    pub fn check(&self) -> Result<()> {
        if self.version > 3 {
            return Err(Error::unsupported(LAYER, format!("version {}", self.version)).at(VERSION));
        }
        if self.entries == 0 || self.entries > MOST_ENTRIES {
            let what = format!("grain tables of {} entries", self.entries);
            return Err(Error::corrupt(LAYER, ENTRIES, what));
        }
        if self.granularity == 0 || self.granularity > LARGEST_GRAIN {
            return Err(Error::corrupt(LAYER, GRANULARITY, format!("grains of {} sectors", self.granularity)));
        }
        if self.tables() > MOST_TABLES {
            return Err(Error::unsupported(LAYER, "a grain directory larger than QEMU opens").at(12));
        }
        match self.compression {
            1 if self.flags & HAS_MARKERS == 0 => {
                Err(Error::unsupported(LAYER, "compressed grains without markers").at(COMPRESSION))
            }
            1 if self.grain() > LARGEST_PACKED => {
                let what = format!("compressed grains of {} KiB", self.grain() >> 10);
                Err(Error::unsupported(LAYER, what).at(GRANULARITY))
            }
            0 | 1 => Ok(()),
            other => Err(Error::unsupported(LAYER, format!("compression {other}")).at(COMPRESSION)),
        }
    }

    /// What the header names that passes the end of the object.
    pub fn missing(&self, object_len: u64) -> Vec<Missing> {
        let directory_len = self.tables().saturating_mul(4);
        let mut structures = vec![("metadata", OVERHEAD, 0, self.overhead)];
        structures.push(("grain directory", DIRECTORY, self.directory(), directory_len));
        if self.flags & HAS_REDUNDANT != 0 {
            structures.push(("redundant grain directory", REDUNDANT, self.redundant, directory_len));
        }
        structures
            .into_iter()
            .filter_map(|(what, named_at, at, len)| Missing::unless_within(object_len, what, named_at, at, len))
            .collect()
    }

    /// Byte of the object where the grain directory begins.
    pub fn directory(&self) -> u64 {
        self.directory.saturating_mul(SECTOR)
    }

    /// Bytes of a grain.
    pub fn grain(&self) -> u64 {
        self.granularity.saturating_mul(SECTOR)
    }

    /// Entries of a grain table.
    pub fn entries(&self) -> u64 {
        u64::from(self.entries)
    }

    /// Bytes of the disk that a grain table describes.
    pub fn per_table(&self) -> u64 {
        self.grain().saturating_mul(self.entries()).max(1)
    }

    /// Entries of the grain directory that the disk needs.
    pub fn tables(&self) -> u64 {
        self.size.div_ceil(self.per_table())
    }

    pub fn is_compressed(&self) -> bool {
        self.compression == 1
    }

    /// True when a grain table entry of 1 is a grain of zeros.
    pub fn has_zero_grains(&self) -> bool {
        self.flags & HAS_ZERO_GRAINS != 0
    }
}
