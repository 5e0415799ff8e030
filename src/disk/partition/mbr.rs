//! The master boot record and the chain of extended boot records, read as Linux reads them (block/partitions/msdos.c).

use super::role;
use crate::disk::bytes::{range, u32_le};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::Partition;

const LAYER: &str = "mbr";
/// Offsets in the sector: the disk's identifier, the four entries, the signature.
const DISK_ID: usize = 440;
const ENTRIES: usize = 446;
const SIGNATURE: usize = 510;
const ENTRY: usize = 16;
/// Type of the entry that covers a GPT.
const PROTECTIVE: u8 = 0xee;
/// Linux numbers logical partitions up to 255, and gives up after a hundred records without one.
const MOST_LOGICAL: usize = 251;
const MOST_EMPTY_RECORDS: u32 = 100;
/// Records that are read at most.
const LONGEST_CHAIN: u32 = 1024;

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

    /// An entry covers a GPT as Linux and UEFI firmware ask for it: from LBA 1 on (block/partitions/efi.c,
    /// `pmbr_part_valid`; UEFI specification, section 5.2.3).
    pub fn protects(&self) -> bool {
        self.used().any(|entry| entry.kind == PROTECTIVE && entry.start == 1)
    }

    /// A GPT's cover beside entries of its own.
    pub fn is_hybrid(&self) -> bool {
        self.is_protective() && self.used().any(|entry| entry.kind != PROTECTIVE)
    }

    /// Sectors up to the end of what the cover of a GPT covers: where the second header lay when it was made.
    pub fn protected_end(&self) -> Option<u64> {
        let cover = self.used().find(|entry| entry.kind == PROTECTIVE && entry.sectors != u32::MAX)?;
        Some(u64::from(cover.start).saturating_add(u64::from(cover.sectors)))
    }

    /// Sectors up to the end of the farthest entry.
    pub fn end(&self) -> u64 {
        let ends = self.used().map(|entry| u64::from(entry.start).saturating_add(u64::from(entry.sectors)));
        ends.max().unwrap_or(0)
    }

    fn used(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.iter().copied().filter(|entry| !entry.is_empty())
    }
}

/// The primary partitions of `sector` and the logical ones of its extended partitions, on a disk with sectors of
/// `sector_bytes`; and where a chain of logical partitions does not end as it should. What stands before that is read.
///
/// # Errors
/// `Limit` where a chain is longer than Linux follows it, and those of `disk`.
pub fn partitions(disk: &dyn ReadAt, sector: &Sector, sector_bytes: u32) -> Result<Found> {
    let reader = Reader { disk, disk_id: sector.disk_id, sector_bytes: u64::from(sector_bytes) };
    let mut found = Vec::new();
    let mut logical = Logical::default();
    for (number, entry) in (1_u32..).zip(&sector.entries) {
        if entry.is_empty() {
            continue;
        }
        found.push(reader.partition(number, 0, *entry));
        if entry.is_extended() {
            reader.follow(*entry, &mut logical)?;
        }
    }
    found.append(&mut logical.found);
    Ok(Found { partitions: found, circle: logical.circle, lost: logical.lost })
}

/// The partitions of a disk.
pub struct Found {
    pub partitions: Vec<Partition>,
    /// First byte of the record that a chain of logical partitions comes back to.
    pub circle: Option<u64>,
    /// First byte of the record that a chain leads to and that does not lie within the disk.
    pub lost: Option<u64>,
}

/// Logical partitions, and how many numbers they took.
#[derive(Default)]
struct Logical {
    found: Vec<Partition>,
    numbers: usize,
    circle: Option<u64>,
    lost: Option<u64>,
}

struct Reader<'a> {
    disk: &'a dyn ReadAt,
    disk_id: u32,
    sector_bytes: u64,
}

impl Reader<'_> {
    /// Follows the chain of extended boot records. Each names one partition, relative to itself, and the next record,
    /// relative to the extended partition. It ends where there is none, or no signature, as it does for Linux.
    fn follow(&self, frame: Entry, logical: &mut Logical) -> Result<()> {
        let frame_at = u64::from(frame.start);
        let frame_end = frame_at.saturating_add(u64::from(frame.sectors));
        let mut seen = std::collections::BTreeSet::new();
        let (mut at, mut sectors) = (frame_at, frame.sectors);
        let mut empty = 0_u32;
        for _ in 0..LONGEST_CHAIN {
            empty = empty.saturating_add(1);
            if empty > MOST_EMPTY_RECORDS {
                return Ok(());
            }
            let byte = at.saturating_mul(self.sector_bytes);
            if !seen.insert(at) {
                logical.circle = logical.circle.or(Some(byte));
                return Ok(());
            }
            // Linux says that the table is truncated, and goes no further.
            if byte.saturating_add(512) > self.disk.len() {
                logical.lost = logical.lost.or(Some(byte));
                return Ok(());
            }
            let Some(record) = Sector::parse(&self.disk.read_vec_at(byte, 512)?) else { return Ok(()) };
            for (slot, entry) in record.entries.iter().enumerate() {
                let start = at.saturating_add(u64::from(entry.start));
                let inside = start.saturating_add(u64::from(entry.sectors)) <= frame_end
                    && u64::from(entry.start).saturating_add(u64::from(entry.sectors)) <= u64::from(sectors);
                // The last two slots are unused; some tools leave rubbish there.
                if entry.sectors == 0 || role::is_extended(entry.kind) || (slot >= 2 && !inside) {
                    continue;
                }
                if logical.numbers == MOST_LOGICAL {
                    return Err(Error::limit(LAYER, format!("more than {MOST_LOGICAL} logical partitions")));
                }
                // Linux numbers what has a size, even without a type.
                let number = u32::try_from(logical.numbers.saturating_add(5)).unwrap_or(u32::MAX);
                logical.numbers = logical.numbers.saturating_add(1);
                empty = 0;
                if !entry.is_empty() {
                    logical.found.push(self.partition(number, at, *entry));
                }
            }
            let Some(next) = record.entries.iter().find(|entry| entry.is_extended()) else { return Ok(()) };
            (at, sectors) = (frame_at.saturating_add(u64::from(next.start)), next.sectors);
        }
        Err(Error::limit(LAYER, format!("more than {LONGEST_CHAIN} extended boot records")))
    }

    fn partition(&self, number: u32, base: u64, entry: Entry) -> Partition {
        Partition {
            number,
            start_bytes: base.saturating_add(u64::from(entry.start)).saturating_mul(self.sector_bytes),
            size_bytes: u64::from(entry.sectors).saturating_mul(self.sector_bytes),
            type_id: format!("{:02x}", entry.kind),
            role: role::of_mbr(entry.kind),
            active: entry.flag == 0x80,
            uuid: format!("{:08x}-{number:02x}", self.disk_id),
            name: String::new(),
            priority: None,
        }
    }
}
