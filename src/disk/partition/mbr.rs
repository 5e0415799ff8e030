//! The master boot record and the chain of extended boot records, read as Linux reads them (block/partitions/msdos.c).

use super::role;
use crate::disk::bytes::{range, u32_le};
use crate::disk::{Error, ErrorKind, ReadAt, Result};
use crate::inspect::facts::{Partition, Role};

const LAYER: &str = "mbr";
const SECTOR: u64 = 512;
/// Offsets in the sector: the disk's identifier, the four entries, the signature.
const DISK_ID: usize = 440;
const ENTRIES: usize = 446;
const SIGNATURE: usize = 510;
const ENTRY: usize = 16;
/// Type of the entry that covers a GPT.
const PROTECTIVE: u8 = 0xee;
/// Logical partitions that are followed.
const LONGEST_CHAIN: u32 = 256;

/// One entry, in sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    flag: u8,
    kind: u8,
    start: u32,
    sectors: u32,
}

impl Entry {
    fn is_empty(self) -> bool {
        self.kind == 0 || self.sectors == 0
    }

    fn is_extended(self) -> bool {
        !self.is_empty() && role::is_extended(self.kind)
    }
}

/// A sector with the signature: an MBR, or an extended boot record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sector {
    disk_id: u32,
    entries: Vec<Entry>,
}

impl Sector {
    /// The sector at the start of `bytes`; `None` without the signature `55aa`.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        range(LAYER, bytes, SIGNATURE, 2).ok().filter(|signature| *signature == [0x55, 0xaa])?;
        let entries = bytes.get(ENTRIES..SIGNATURE)?.chunks_exact(ENTRY).map(|raw| {
            Some(Entry {
                flag: *raw.first()?,
                kind: *raw.get(4)?,
                start: u32_le(LAYER, raw, 8).ok()?,
                sectors: u32_le(LAYER, raw, 12).ok()?,
            })
        });
        Some(Self { disk_id: u32_le(LAYER, bytes, DISK_ID).ok()?, entries: entries.collect::<Option<_>>()? })
    }

    /// Every flag is one that a table can have, and there is an entry.
    pub fn is_plausible(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry.flag, 0 | 0x80))
            && self.entries.iter().any(|entry| !entry.is_empty())
    }

    /// An entry covers a GPT.
    pub fn is_protective(&self) -> bool {
        self.used().any(|entry| entry.kind == PROTECTIVE)
    }

    /// A GPT's cover beside entries of its own.
    pub fn is_hybrid(&self) -> bool {
        self.is_protective() && self.used().any(|entry| entry.kind != PROTECTIVE)
    }

    fn used(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.iter().copied().filter(|entry| !entry.is_empty())
    }
}

/// The primary partitions of `sector` and the logical ones of its extended partitions.
///
/// # Errors
/// `Corrupt` where the chain of logical partitions leads in a circle, and those of `disk`.
pub fn partitions(disk: &dyn ReadAt, sector: &Sector) -> Result<Vec<Partition>> {
    let mut found = Vec::new();
    let mut logical = Vec::new();
    for (number, entry) in (1_u32..).zip(&sector.entries) {
        if entry.is_empty() {
            continue;
        }
        found.push(partition(sector.disk_id, number, 0, *entry));
        if entry.is_extended() {
            follow(disk, sector.disk_id, *entry, &mut logical)?;
        }
    }
    found.append(&mut logical);
    Ok(found)
}

/// Follows the chain of extended boot records. Each names one partition, relative to itself, and the next record,
/// relative to the extended partition. It ends where there is none, or no signature, as it does for Linux.
fn follow(disk: &dyn ReadAt, disk_id: u32, frame: Entry, found: &mut Vec<Partition>) -> Result<()> {
    let frame_at = u64::from(frame.start);
    let frame_end = frame_at.saturating_add(u64::from(frame.sectors));
    let mut seen = std::collections::BTreeSet::new();
    let mut at = frame_at;
    for _ in 0..LONGEST_CHAIN {
        let byte = at.saturating_mul(SECTOR);
        if !seen.insert(at) {
            return Err(Error::corrupt(LAYER, byte, "the chain of logical partitions leads in a circle"));
        }
        let record = match disk.read_vec_at(byte, 512) {
            Ok(record) => record,
            // The chain leaves the disk: the frame's own end tells.
            Err(error) if error.kind == ErrorKind::Corrupt && byte.saturating_add(SECTOR) > disk.len() => return Ok(()),
            Err(error) => return Err(error),
        };
        let Some(record) = Sector::parse(&record) else { return Ok(()) };
        for (slot, entry) in record.entries.iter().enumerate() {
            if entry.is_empty() || entry.is_extended() {
                continue;
            }
            let start = at.saturating_add(u64::from(entry.start));
            let inside = start >= frame_at && start.saturating_add(u64::from(entry.sectors)) <= frame_end;
            // The last two slots are unused; some tools leave rubbish there.
            if slot < 2 || inside {
                let number = u32::try_from(found.len()).unwrap_or(u32::MAX).saturating_add(5);
                found.push(partition(disk_id, number, at, *entry));
            }
        }
        let Some(next) = record.entries.iter().find(|entry| entry.is_extended()) else { return Ok(()) };
        at = frame_at.saturating_add(u64::from(next.start));
    }
    Err(Error::limit(LAYER, format!("more than {LONGEST_CHAIN} logical partitions")))
}

fn partition(disk_id: u32, number: u32, base: u64, entry: Entry) -> Partition {
    Partition {
        number,
        start_bytes: base.saturating_add(u64::from(entry.start)).saturating_mul(SECTOR),
        size_bytes: u64::from(entry.sectors).saturating_mul(SECTOR),
        type_id: format!("{:02x}", entry.kind),
        role: if entry.kind == PROTECTIVE { Role::Protective } else { role::of_mbr(entry.kind) },
        active: entry.flag == 0x80,
        uuid: format!("{disk_id:08x}-{number:02x}"),
        name: String::new(),
    }
}
