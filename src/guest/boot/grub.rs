//! Whether GRUB's second part is where its boot code looks for it.

use super::{Disk, LAYER, Outcome, SECTOR, at_byte};
use crate::disk::bytes::{u16_le, u32_le, u64_le};
use crate::disk::{Error, Result};
use crate::inspect::facts::{DeadEnd, EndKind, Loader};

/// The list of what has to be loaded grows downwards from the end of the first sector: 12 bytes an entry in GRUB 2
/// (`struct grub_pc_bios_boot_blocklist`, include/grub/offsets.h), 8 in GRUB legacy (stage2/start.S).
const LONGEST_LIST: usize = 40;
/// GRUB 2 loads its first sector to 0x8000, and the rest behind it.
const CORE_SEGMENT: u16 = 0x820;
/// Paragraphs in a sector.
const PARAGRAPHS: u16 = 0x20;

/// One entry: sectors from `start` on, to `segment`.
struct Blocks {
    start: u64,
    len: u16,
    segment: u16,
}

/// GRUB 2's core, whose first sector is `sector`.
pub fn core(disk: &Disk, sector: u64) -> Result<Outcome> {
    let entry = |first: &[u8], at| {
        Ok(Blocks {
            start: u64_le(LAYER, first, at)?,
            len: u16_le(LAYER, first, at.saturating_add(8))?,
            segment: u16_le(LAYER, first, at.saturating_add(10))?,
        })
    };
    follow(disk, sector, Loader::Grub2, CORE_SEGMENT, 12, entry)
}

/// GRUB legacy's stage 1.5 or 2, whose first sector goes to `address`.
pub fn stage(disk: &Disk, sector: u32, address: u16) -> Result<Outcome> {
    let entry = |first: &[u8], at| {
        Ok(Blocks {
            start: u32_le(LAYER, first, at)?.into(),
            len: u16_le(LAYER, first, at.saturating_add(4))?,
            segment: u16_le(LAYER, first, at.saturating_add(6))?,
        })
    };
    follow(disk, sector.into(), Loader::GrubLegacy, (address >> 4).saturating_add(PARAGRAPHS), 8, entry)
}

fn follow(
    disk: &Disk,
    sector: u64,
    loader: Loader,
    mut segment: u16,
    entry_bytes: usize,
    entry: impl Fn(&[u8], usize) -> Result<Blocks>,
) -> Result<Outcome> {
    let at = sector.saturating_mul(SECTOR);
    let missing = |at: u64| {
        Ok(Outcome::End(DeadEnd {
            why: EndKind::NoLoader,
            volume: disk.volume_at(at),
            at: Some(at),
            ..DeadEnd::default()
        }))
    };
    let unknown = || {
        let what = format!("sector {sector}, where GRUB's boot code looks for the rest of it, has something else");
        Error::unsupported(LAYER, what).at(at)
    };
    let Some(first) = disk.sector(at)?.filter(|first| first.iter().any(|byte| *byte != 0)) else {
        return missing(at);
    };
    for number in 1..=LONGEST_LIST {
        let place = entry_bytes.checked_mul(number).and_then(|back| first.len().checked_sub(back));
        let blocks = entry(&first, place.ok_or_else(unknown)?)?;
        if blocks.len == 0 || blocks.start == 0 {
            // The first sector alone does nothing.
            return if number == 1 { Err(unknown()) } else { Ok(at_byte(loader, disk.volume_at(at), at)) };
        }
        if blocks.segment != segment {
            return Err(unknown());
        }
        segment = segment.checked_add(blocks.len.checked_mul(PARAGRAPHS).ok_or_else(unknown)?).ok_or_else(unknown)?;
        let start = blocks.start.saturating_mul(SECTOR);
        let end = blocks.start.saturating_add(blocks.len.into()).saturating_mul(SECTOR);
        if end > disk.bytes.len() {
            return missing(start);
        }
        if number == 1 && disk.sector(start)?.is_none_or(|code| code.iter().all(|byte| *byte == 0)) {
            return missing(start);
        }
    }
    Err(unknown())
}
