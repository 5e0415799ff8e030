//! rpm's own kind of database (`Packages.db`, SUSE): slots that say where each header lies, all little-endian (rpm's
//! `lib/backend/ndb/rpmpkg.c`).

use super::{Headers, MAX_HEADERS};
use crate::disk::bytes::{self, to_u64, to_usize};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::packages::Wanted;
use crate::guest::linux::packages::file::DbFile;

const LAYER: &str = "rpm ndb";
/// `PKGDB_MAGIC`, and the only version there is.
const MAGIC: &[u8] = b"RpmP";
const VERSION: u32 = 0;
/// `PKGDB_HEADER_SIZE`; the header lies in the first page of slots.
const HEADER: usize = 32;
/// `PAGE_SIZE`, `SLOT_SIZE`, `SLOT_MAGIC`, `BLK_SIZE`.
const PAGE: usize = 4096;
const SLOT: usize = 16;
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOCK: u64 = 16;
/// `BLOBHEAD_MAGIC`, and the bytes before and behind a header: `BLOBHEAD_SIZE`, `BLOBTAIL_SIZE`.
const BLOB_MAGIC: &[u8] = b"BlbS";
const BLOB_HEAD: u64 = 16;
const BLOB_TAIL: u64 = 12;

/// Where a header lies.
struct Slot {
    number: u32,
    at: u64,
    len: u64,
}

struct Ndb<'a> {
    file: DbFile<'a>,
    slots: Vec<Slot>,
}

/// Opens it.
///
/// # Errors
/// As [`super::read`].
pub fn open<'a>(tree: &'a Tree, dir: &str) -> Result<Option<(String, Box<dyn Headers + 'a>)>> {
    let Some(file) = DbFile::open(tree, &format!("{dir}/Packages.db"), LAYER)? else { return Ok(None) };
    let header = file.read(0, HEADER)?;
    if !header.starts_with(MAGIC) {
        return Err(Error::corrupt(LAYER, 0, "Packages.db is no database of rpm"));
    }
    if bytes::u32_le(LAYER, &header, 4)? != VERSION {
        return Err(Error::unsupported(LAYER, "Packages.db has a version that is not known"));
    }
    let pages = to_usize(LAYER, u64::from(bytes::u32_le(LAYER, &header, 12)?))?;
    if pages.saturating_mul(PAGE.div_euclid(SLOT)) > MAX_HEADERS {
        return Err(Error::limit(LAYER, format!("more than {MAX_HEADERS} packages")));
    }
    let table = file.read(0, pages.saturating_mul(PAGE))?;
    let mut slots = Vec::new();
    for (slot, at) in table.chunks_exact(SLOT).zip((0..).step_by(SLOT)).skip(HEADER.div_euclid(SLOT)) {
        if !slot.starts_with(SLOT_MAGIC) {
            return Err(Error::corrupt(LAYER, at, "a slot without its magic"));
        }
        let field = |at| bytes::u32_le(LAYER, slot, at);
        let (number, block, blocks) = (field(4)?, field(8)?, field(12)?);
        if block != 0 {
            let place = |blocks: u32| u64::from(blocks).saturating_mul(BLOCK);
            slots.push(Slot { number, at: place(block), len: place(blocks) });
        }
    }
    Ok(Some((file.path.clone(), Box::new(Ndb { file, slots }))))
}

impl Headers for Ndb<'_> {
    fn by_name(&self, _wanted: Wanted) -> Result<Option<Vec<u32>>> {
        // Index.db holds hashes of names, and is made anew where it is older than the database.
        Ok(None)
    }

    fn numbers(&self) -> Result<Vec<u32>> {
        Ok(self.slots.iter().map(|slot| slot.number).collect())
    }

    fn read(&self, number: u32, max: usize) -> Result<Option<Vec<u8>>> {
        let Some(slot) = self.slots.iter().find(|slot| slot.number == number) else { return Ok(None) };
        let head = self.file.read(slot.at, to_usize(LAYER, BLOB_HEAD)?)?;
        let len = u64::from(bytes::u32_le(LAYER, &head, 12)?);
        let named = bytes::u32_le(LAYER, &head, 4)?;
        let room = slot.len.saturating_sub(BLOB_HEAD.saturating_add(BLOB_TAIL));
        if !head.starts_with(BLOB_MAGIC) || named != number || len > room {
            return Err(Error::corrupt(LAYER, slot.at, "a slot does not lead to its package"));
        }
        let len = to_usize(LAYER, len.min(to_u64(max)))?;
        self.file.read(slot.at.saturating_add(BLOB_HEAD), len).map(Some)
    }
}
