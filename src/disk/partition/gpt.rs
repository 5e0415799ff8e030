//! GUID partition table (UEFI 2.10, chapter 5.3). A copy is valid when its header and its entries have the right CRC
//! and the header says that it lies where it was found.

use super::{guid, role};
use crate::disk::bytes::{array, range, to_usize, u32_le, u64_le};
use crate::disk::{Error, ErrorKind, ReadAt, Result};
use crate::inspect::facts::Partition;

const LAYER: &str = "gpt";
const SIGNATURE: &[u8] = b"EFI PART";
/// Sector sizes that disks have.
const SECTORS: [u32; 2] = [SECTOR, 4096];
/// The usual one.
const SECTOR: u32 = 512;
/// Bytes of the header before what is reserved.
const HEADER: u32 = 92;
const CRC: usize = 16;
/// The array of a usual table has 16 KiB; this is the largest that is read.
const LARGEST_ARRAY: u64 = 1 << 20;
/// The usual array, which lies right before the second header.
const USUAL_ARRAY: u64 = 16 << 10;
/// Characters of a name.
const NAME: usize = 36;
/// Attribute: a BIOS may boot from it.
const LEGACY_BOOT: u64 = 1 << 2;
/// Attributes of a `/usr` of CoreOS, which are those of Chromium OS' kernels (disk format, "Selecting the kernel"): four
/// bits of priority, four of tries that are left, and one that says that it has started before.
const PRIORITY: u64 = 0xf << 48;
const TRIES: u64 = 0xf << 52;
const SUCCESSFUL: u64 = 1 << 56;

/// A valid copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpt {
    pub sector_bytes: u32,
    /// Where this copy's header lies.
    pub at: u64,
    /// Where the other copy lies, as this one says.
    pub alternate_bytes: u64,
    pub usable_end_bytes: u64,
    pub partitions: Vec<Partition>,
}

/// What became of a copy: `NotFound` where there is none, `Corrupt` or `Limit` where it is of no use.
pub type Outcome = std::result::Result<Gpt, Error>;

/// The first copy. `head` is the start of the disk.
///
/// # Errors
/// Those of `disk`; what is wrong with the copy is in the [`Outcome`].
pub fn primary(disk: &dyn ReadAt, head: &[u8]) -> Result<Outcome> {
    let mut verdict = none("there is no first header");
    for sector in SECTORS {
        let at = u64::from(sector);
        let Ok(raw) = range(LAYER, head, to_usize(LAYER, at)?, to_usize(LAYER, at)?) else { continue };
        let copy = settle(Header::parse(raw, sector, 1).and_then(|header| header.table(disk, head, 0)))?;
        if better(&verdict, &copy) {
            verdict = copy;
        }
    }
    Ok(verdict)
}

/// The second copy: where the first one's header says, where `covered` sectors end, or in the last sector. The cover does
/// not tell how large its sectors are: that they end past the disk shows something for the usual ones alone.
///
/// # Errors
/// Those of `disk`; what is wrong with the copy is in the [`Outcome`].
pub fn backup(disk: &dyn ReadAt, head: &[u8], covered: Option<u64>) -> Result<Outcome> {
    let mut verdict = none("there is no second header");
    for sector in SECTORS {
        let size = u64::from(sector);
        let first = range(LAYER, head, to_usize(LAYER, size)?, to_usize(LAYER, size)?);
        let stated = first.and_then(|raw| Header::parse(raw, sector, 1)).ok().map(|header| header.alternate);
        let last = disk.len().checked_div(size).unwrap_or(0).checked_sub(1);
        let within = |end: u64| end.checked_mul(size).is_some_and(|end| end <= disk.len());
        let covered = covered.filter(|end| sector == SECTOR || within(*end)).and_then(|end| end.checked_sub(1));
        let mut places = vec![stated, last, covered];
        places.dedup();
        for lba in places.into_iter().flatten().filter(|lba| *lba > 1) {
            let copy = second(disk, sector, lba)?;
            if better(&verdict, &copy) {
                verdict = copy;
            }
        }
    }
    Ok(verdict)
}

/// The second copy of a table whose first one is valid.
///
/// # Errors
/// As [`backup`].
pub fn alternate(disk: &dyn ReadAt, primary: &Gpt) -> Result<Outcome> {
    let lba = primary.alternate_bytes.checked_div(u64::from(primary.sector_bytes)).unwrap_or(0);
    second(disk, primary.sector_bytes, lba)
}

/// The copy with its header in sector `lba`, behind its entries: header and the usual array are one request.
fn second(disk: &dyn ReadAt, sector: u32, lba: u64) -> Result<Outcome> {
    let size = u64::from(sector);
    let Some(at) = lba.checked_mul(size).filter(|at| at.checked_add(size).is_some_and(|end| end <= disk.len())) else {
        let at = lba.saturating_mul(size);
        return Ok(Err(Error::corrupt(LAYER, at, "the second header lies past the end of the disk")));
    };
    let from = at.saturating_sub(USUAL_ARRAY);
    let len = to_usize(LAYER, at.saturating_sub(from).saturating_add(size))?;
    settle(disk.read_vec_at(from, len).and_then(|window| {
        let raw = range(LAYER, &window, to_usize(LAYER, at.saturating_sub(from))?, to_usize(LAYER, size)?)?;
        Header::parse(raw, sector, lba)?.table(disk, &window, from)
    }))
}

fn none(what: &str) -> Outcome {
    Err(Error::not_found(LAYER, what))
}

/// A copy that is valid is better than one that is damaged, and that better than none.
fn better(known: &Outcome, new: &Outcome) -> bool {
    let rank = |copy: &Outcome| match copy {
        Ok(_) => 3,
        Err(error) if error.kind == ErrorKind::Limit => 2,
        Err(error) if error.kind == ErrorKind::Corrupt => 1,
        Err(_) => 0,
    };
    rank(new) > rank(known)
}

/// Damage to a copy is no error. Neither is a read budget that was used up here, but then nobody will get far.
fn settle(result: Result<Gpt>) -> Result<Outcome> {
    match result {
        Err(error) if error.layer != LAYER && error.kind != ErrorKind::Corrupt => Err(error),
        other => Ok(other),
    }
}

struct Header {
    sector_bytes: u32,
    lba: u64,
    alternate: u64,
    last_usable: u64,
    array_at: u64,
    entries: u32,
    entry_bytes: u32,
    array_crc: u32,
}

impl Header {
    /// The header in the sector `raw`, found as sector `lba`.
    fn parse(raw: &[u8], sector_bytes: u32, lba: u64) -> Result<Self> {
        let at = lba.saturating_mul(u64::from(sector_bytes));
        let corrupt = |what: &str| Error::corrupt(LAYER, at, what);
        if !raw.starts_with(SIGNATURE) {
            return Err(Error::not_found(LAYER, "there is no header").at(at));
        }
        let size = u32_le(LAYER, raw, 12)?;
        let covered = raw.get(..to_usize(LAYER, u64::from(size))?).filter(|_| size >= HEADER);
        // The CRC covers the header with its own field zero.
        let mut covered = covered.ok_or_else(|| corrupt("the header has an impossible size"))?.to_vec();
        covered.get_mut(CRC..CRC.saturating_add(4)).unwrap_or_default().fill(0);
        if crc32fast::hash(&covered) != u32_le(LAYER, raw, CRC)? {
            return Err(corrupt("the CRC of the header is wrong"));
        }
        if u64_le(LAYER, raw, 24)? != lba {
            return Err(corrupt("the header says that it lies elsewhere"));
        }
        let header = Self {
            sector_bytes,
            lba,
            alternate: u64_le(LAYER, raw, 32)?,
            last_usable: u64_le(LAYER, raw, 48)?,
            array_at: u64_le(LAYER, raw, 72)?.saturating_mul(u64::from(sector_bytes)),
            entries: u32_le(LAYER, raw, 80)?,
            entry_bytes: u32_le(LAYER, raw, 84)?,
            array_crc: u32_le(LAYER, raw, 88)?,
        };
        // Linux and libfdisk take a header without entries for damaged.
        if header.entry_bytes < 128
            || header.entries == 0
            || !header.entry_bytes.is_multiple_of(8)
            || header.last_usable < u64_le(LAYER, raw, 40)?
        {
            return Err(corrupt("the header contradicts itself"));
        }
        Ok(header)
    }

    /// The table, whose entries are in `window`, read from `from` on, or elsewhere on the disk.
    fn table(&self, disk: &dyn ReadAt, window: &[u8], from: u64) -> Result<Gpt> {
        let bytes = u64::from(self.entries).saturating_mul(u64::from(self.entry_bytes));
        if bytes > LARGEST_ARRAY {
            return Err(Error::limit(LAYER, format!("{} entries of {} bytes", self.entries, self.entry_bytes)));
        }
        let corrupt = |what: &str| Error::corrupt(LAYER, self.array_at, what);
        if self.array_at.checked_add(bytes).is_none_or(|end| end > disk.len()) {
            return Err(corrupt("the entries end past the end of the disk"));
        }
        let len = to_usize(LAYER, bytes)?;
        let near =
            self.array_at.checked_sub(from).and_then(|at| range(LAYER, window, usize::try_from(at).ok()?, len).ok());
        let array = near.map_or_else(|| disk.read_vec_at(self.array_at, len), |near| Ok(near.to_vec()))?;
        if crc32fast::hash(&array) != self.array_crc {
            return Err(corrupt("the CRC of the entries is wrong"));
        }
        let entries = array.chunks_exact(to_usize(LAYER, u64::from(self.entry_bytes))?.max(1));
        let partitions = (1_u32..).zip(entries).filter_map(|(number, entry)| self.partition(number, entry).transpose());
        Ok(Gpt {
            sector_bytes: self.sector_bytes,
            at: self.bytes(self.lba),
            alternate_bytes: self.bytes(self.alternate),
            usable_end_bytes: self.bytes(self.last_usable.saturating_add(1)),
            partitions: partitions.collect::<Result<_>>()?,
        })
    }

    /// One entry; `None` when it is unused.
    fn partition(&self, number: u32, entry: &[u8]) -> Result<Option<Partition>> {
        let kind: [u8; 16] = array(LAYER, entry, 0)?;
        if kind == [0; 16] {
            return Ok(None);
        }
        let (first, last) = (u64_le(LAYER, entry, 32)?, u64_le(LAYER, entry, 40)?);
        let name = entry.get(56..).unwrap_or_default().chunks_exact(2).take(NAME);
        let name: Vec<u16> = name.filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?))).collect();
        let name = name.split(|unit| *unit == 0).next().unwrap_or_default();
        let type_id = guid::text(kind);
        let attributes = u64_le(LAYER, entry, 48)?;
        Ok(Some(Partition {
            number,
            start_bytes: self.bytes(first),
            // An entry that ends before it starts has no sector; whoever opens it says so.
            size_bytes: last.saturating_add(1).checked_sub(first).map_or(0, |sectors| self.bytes(sectors)),
            role: role::of_gpt(&type_id),
            priority: (type_id == role::COREOS_USR).then(|| priority(attributes)),
            type_id,
            active: attributes & LEGACY_BOOT != 0,
            uuid: guid::text(array(LAYER, entry, 16)?),
            name: String::from_utf16_lossy(name).chars().filter(|c| !c.is_control()).collect(),
        }))
    }

    fn bytes(&self, sectors: u64) -> u64 {
        sectors.saturating_mul(u64::from(self.sector_bytes))
    }
}

/// How early CoreOS' boot loader takes it: 0 where it never does, as `gptprio.next` of its GRUB decides.
fn priority(attributes: u64) -> u8 {
    let is_tried = attributes & (TRIES | SUCCESSFUL) != 0;
    let priority = if is_tried { (attributes & PRIORITY) >> 48 } else { 0 };
    u8::try_from(priority).unwrap_or_default()
}
