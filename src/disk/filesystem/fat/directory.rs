//! Directories (Microsoft FAT specification, "Directory Structure").

use std::ops::ControlFlow;

use super::boot::{Area, ENTRY, Geometry, Width};
use super::names::{self, LongName};
use super::{Fat, LAYER};
use crate::disk::bytes::{range, to_usize, u16_le, u32_le};
use crate::disk::{Error, Result};

/// The specification's limit: 65536 entries.
const MAX_BYTES: u64 = (1 << 16) * ENTRY;
/// Read at once.
const CHUNK: u64 = 256 << 10;
/// First byte of a name: the entry and all that follow are free; this one is.
const END: u8 = 0;
const DELETED: u8 = 0xE5;
/// `DIR_Attr`.
const VOLUME: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const LONG_NAME: u8 = 0x0F;
const ATTRIBUTES: u8 = 0x3F;

/// An entry in use: a file or a directory.
pub(super) struct Entry {
    /// Byte offset in the volume.
    pub at: u64,
    /// `FILE_ATTRIBUTE_*` of MS-FSCC 2.6, of which FAT has the first six.
    pub attributes: u8,
    /// Bytes of a file; 0 of a directory.
    pub size: u32,
    first: u64,
    short: String,
    long: Option<String>,
}

impl Entry {
    /// The entry of 32 bytes at byte `at`; `None` where it stands for no file.
    fn parse(geometry: &Geometry, raw: &[u8], at: u64, long: Option<String>) -> Result<Option<Self>> {
        let name = range(LAYER, raw, 0, 11)?;
        let attributes = byte(raw, 11) & ATTRIBUTES;
        let high = if geometry.width == Width::Bits32 { u64::from(u16_le(LAYER, raw, 20)?) } else { 0 };
        let short = names::short(name, byte(raw, 12));
        let named = !matches!(byte(raw, 0), END | DELETED) && !short.is_empty();
        Ok((named && attributes & VOLUME == 0).then_some(Self {
            at,
            attributes,
            size: u32_le(LAYER, raw, 28)?,
            first: u64::from(u16_le(LAYER, raw, 26)?) | high << 16,
            short,
            long,
        }))
    }

    /// The entry that a node names.
    pub(super) fn read(fat: &Fat, at: u64) -> Result<Self> {
        let in_root = match fat.geometry.root {
            Area::Fixed { at: root, len } => at >= root && at < root.saturating_add(len),
            Area::Chain(_) => false,
        };
        let found = if at.is_multiple_of(ENTRY) && (in_root || at >= fat.geometry.data_at) {
            let raw = fat.disk.read_vec_at(at, to_usize(LAYER, ENTRY)?)?;
            Self::parse(&fat.geometry, &raw, at, None)?
        } else {
            None
        };
        found.ok_or_else(|| Error::corrupt(LAYER, at, "there is no directory entry"))
    }

    pub(super) fn is_directory(&self) -> bool {
        self.attributes & DIRECTORY != 0
    }

    /// The first cluster of what must have one.
    pub(super) fn first(&self, geometry: &Geometry) -> Result<u64> {
        if geometry.has(self.first) {
            return Ok(self.first);
        }
        Err(Error::corrupt(LAYER, self.at, format!("a directory entry names cluster {:#x}", self.first)))
    }

    /// The name to show.
    pub(super) fn name(&self) -> &str {
        self.long.as_deref().unwrap_or(&self.short)
    }

    /// Whether it has this name, long or short.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.long.iter().chain([&self.short]).any(|own| names::same(own, name))
    }
}

/// Shows every entry to `visit` until it breaks, and gives what it broke with.
pub(super) fn walk<B>(fat: &Fat, area: Area, mut visit: impl FnMut(Entry) -> ControlFlow<B>) -> Result<Option<B>> {
    let mut long = LongName::default();
    let mut start = 0_u64;
    while start < MAX_BYTES {
        let runs = fat.runs(area, start..start.saturating_add(CHUNK))?;
        for run in &runs {
            let raw = fat.disk.read_vec_at(run.at, to_usize(LAYER, run.len)?)?;
            for (raw, place) in raw.chunks_exact(to_usize(LAYER, ENTRY)?).zip(0_u64..) {
                let at = run.at.saturating_add(place.saturating_mul(ENTRY));
                match entry(fat, raw, at, &mut long)? {
                    Slot::End => return Ok(None),
                    Slot::Other => {}
                    Slot::Entry(found) => {
                        if let ControlFlow::Break(found) = visit(found) {
                            return Ok(Some(found));
                        }
                    }
                }
            }
        }
        if super::chain::len(&runs) < CHUNK {
            return Ok(None);
        }
        start = start.saturating_add(CHUNK);
    }
    Err(Error::limit(LAYER, format!("a directory of more than {MAX_BYTES} bytes")))
}

/// What 32 bytes of a directory are.
enum Slot {
    /// The end of what is in use.
    End,
    /// Free, a piece of a long name, a label, `.` or `..`.
    Other,
    Entry(Entry),
}

fn entry(fat: &Fat, raw: &[u8], at: u64, long: &mut LongName) -> Result<Slot> {
    match byte(raw, 0) {
        END => return Ok(Slot::End),
        DELETED => {
            *long = LongName::default();
            return Ok(Slot::Other);
        }
        _ if byte(raw, 11) & ATTRIBUTES == LONG_NAME => {
            long.add(raw);
            return Ok(Slot::Other);
        }
        _ => {}
    }
    let name = range(LAYER, raw, 0, 11)?;
    let long = long.take(name);
    if name == b".          " || name == b"..         " {
        return Ok(Slot::Other);
    }
    let Some(found) = Entry::parse(&fat.geometry, raw, at, long)? else { return Ok(Slot::Other) };
    // Forbidden in names of both kinds; Linux refuses to list such a directory (`verify_dirent_name`).
    if found.name().contains('/') {
        return Err(Error::corrupt(LAYER, at, "a directory entry has an impossible name"));
    }
    Ok(Slot::Entry(found))
}

fn byte(raw: &[u8], at: usize) -> u8 {
    raw.get(at).copied().unwrap_or_default()
}
