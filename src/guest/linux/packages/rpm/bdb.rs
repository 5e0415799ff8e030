//! Berkeley DB (EL 8 and older): a hash of headers in `Packages`, an index of names in `Name` that is a hash or a B-tree.
//!
//! Layouts: Berkeley DB 5.3, `src/dbinc/db_page.h`. A file is in the byte order of the machine that made it.

use super::{Headers, MAX_HEADERS};
use crate::disk::bytes::{self, to_u64, to_usize};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::packages::Wanted;
use crate::guest::linux::packages::file::DbFile;

const LAYER: &str = "rpm bdb";
/// `DB_HASHMAGIC`, `DB_BTREEMAGIC` of `src/dbinc/db.in`.
const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;
/// The part of a metadata page that is read: `HMETA`, which is longer than `BTMETA` up to its root.
const META: usize = 224;
/// `SIZEOF_PAGE`: bytes before the places of a page's entries.
const PAGE_HEAD: usize = 26;
/// Types of pages.
const P_HASH_UNSORTED: u8 = 2;
const P_IBTREE: u8 = 3;
const P_LBTREE: u8 = 5;
const P_OVERFLOW: u8 = 7;
const P_HASH: u8 = 13;
/// Types of entries in hash pages.
const H_KEYDATA: u8 = 1;
const H_OFFPAGE: u8 = 3;
/// Types of entries in B-tree leaves; the top bit marks one as deleted.
const B_KEYDATA: u8 = 1;
const B_OVERFLOW: u8 = 3;
const B_DELETED: u8 = 0x80;
/// Deepest B-tree (`BTREE_MAXLEVEL` is 255; of pages of 512 bytes no file is deeper).
const MAX_DEPTH: usize = 32;
/// Most bytes of a name, and of the list of packages that have it.
const MAX_NAME: usize = 256;
const MAX_ENTRIES: usize = 64 << 10;

/// One file of Berkeley DB.
struct Bdb<'a> {
    file: DbFile<'a>,
    order: Order,
    page_size: usize,
    last_page: u32,
    meta: Vec<u8>,
    hash: bool,
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, buf: &[u8], at: usize) -> Result<u16> {
        match self {
            Self::Little => bytes::u16_le(LAYER, buf, at),
            Self::Big => bytes::u16_be(LAYER, buf, at),
        }
    }

    fn u32(self, buf: &[u8], at: usize) -> Result<u32> {
        match self {
            Self::Little => bytes::u32_le(LAYER, buf, at),
            Self::Big => bytes::u32_be(LAYER, buf, at),
        }
    }
}

/// A key or a value.
#[derive(Clone)]
enum Item {
    Here(Vec<u8>),
    /// On a chain of pages of its own: the first, and the bytes in all.
    Chain(u32, u32),
}

/// A page, and where it is.
struct Page {
    number: u32,
    at: u64,
    bytes: Vec<u8>,
}

struct Database<'a> {
    packages: Bdb<'a>,
    /// Number of each header and where it is.
    headers: Vec<(u32, Item)>,
    index: Option<Bdb<'a>>,
}

/// Opens it.
///
/// # Errors
/// As [`super::read`].
pub fn open<'a>(tree: &'a Tree, dir: &str) -> Result<Option<(String, Box<dyn Headers + 'a>)>> {
    let Some(packages) = Bdb::open(tree, &format!("{dir}/Packages"))? else { return Ok(None) };
    let mut headers = Vec::new();
    packages.pairs(|key, value| {
        // Number 0 holds the last number that was given.
        let Item::Here(key) = key else { return Ok(()) };
        let number = packages.order.u32(&key, 0)?;
        if number != 0 {
            headers.push((number, value));
        }
        if headers.len() > MAX_HEADERS {
            return Err(Error::limit(LAYER, format!("more than {MAX_HEADERS} packages")));
        }
        Ok(())
    })?;
    let index = Bdb::open(tree, &format!("{dir}/Name"))?;
    Ok(Some((packages.file.path.clone(), Box::new(Database { packages, headers, index }))))
}

impl Headers for Database<'_> {
    fn by_name(&self, wanted: Wanted) -> Result<Option<Vec<u32>>> {
        let Some(index) = &self.index else { return Ok(None) };
        let (mut found, mut empty) = (Vec::new(), true);
        index.pairs(|key, value| {
            empty = false;
            if !wanted(&String::from_utf8_lossy(&index.item(&key, MAX_NAME)?)) {
                return Ok(());
            }
            // Of each package its number and the place in the tag, which is 0.
            for entry in index.item(&value, MAX_ENTRIES)?.chunks_exact(8) {
                found.push(index.order.u32(entry, 0)?);
            }
            if found.len() > MAX_HEADERS {
                return Err(Error::limit(LAYER, format!("more than {MAX_HEADERS} packages")));
            }
            Ok(())
        })?;
        // rpm makes an index that is empty anew.
        Ok((!empty).then_some(found))
    }

    fn numbers(&self) -> Result<Vec<u32>> {
        Ok(self.headers.iter().map(|(number, _)| *number).collect())
    }

    fn read(&self, number: u32, max: usize) -> Result<Option<Vec<u8>>> {
        match self.headers.iter().find(|(found, _)| *found == number) {
            Some((_, item)) => self.packages.item(item, max).map(Some),
            None => Ok(None),
        }
    }
}

impl<'a> Bdb<'a> {
    fn open(tree: &'a Tree, path: &str) -> Result<Option<Self>> {
        let Some(file) = DbFile::open(tree, path, LAYER)? else { return Ok(None) };
        let meta = file.read(0, META)?;
        // DBMETA: magic 12, page size 20, encryption 24, flags 26, last page 32.
        let is = |magic| [Order::Little, Order::Big].into_iter().find(|order| order.u32(&meta, 12).ok() == Some(magic));
        let (order, hash) = match (is(HASH_MAGIC), is(BTREE_MAGIC)) {
            (Some(order), _) => (order, true),
            (None, Some(order)) => (order, false),
            (None, None) => return Err(Error::corrupt(LAYER, 12, "neither a hash nor a B-tree of Berkeley DB")),
        };
        if meta.get(24) != Some(&0) {
            return Err(Error::encrypted(LAYER, "the package database is encrypted"));
        }
        // DBMETA_CHKSUM: pages have a longer head.
        if meta.get(26).is_none_or(|flags| flags & 1 != 0) {
            return Err(Error::unsupported(LAYER, "pages of the package database have checksums"));
        }
        let page_size = to_usize(LAYER, u64::from(order.u32(&meta, 20)?))?;
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return Err(Error::corrupt(LAYER, 20, format!("pages of {page_size} bytes")));
        }
        let last_page = order.u32(&meta, 32)?;
        Ok(Some(Self { file, order, page_size, last_page, meta, hash }))
    }

    fn page(&self, number: u32) -> Result<Page> {
        let at = u64::from(number).saturating_mul(to_u64(self.page_size));
        if number > self.last_page {
            return Err(Error::corrupt(LAYER, at, "a page behind the last one"));
        }
        Ok(Page { number, at, bytes: self.file.read(at, self.page_size)? })
    }

    /// Calls `each` with every key and its value.
    fn pairs(&self, mut each: impl FnMut(Item, Item) -> Result<()>) -> Result<()> {
        // No page is visited twice where the file is in order.
        let mut left = u64::from(self.last_page).saturating_add(1);
        let mut chain = |first: u32| -> Result<()> {
            let mut next = first;
            loop {
                left = left
                    .checked_sub(1)
                    .ok_or_else(|| Error::corrupt(LAYER, u64::from(next), "a chain of pages goes in a circle"))?;
                let page = self.page(next)?;
                let items = self.items(&page)?;
                for pair in items.chunks_exact(2) {
                    if let [Some(key), Some(value)] = pair {
                        each(key.clone(), value.clone())?;
                    }
                }
                next = self.order.u32(&page.bytes, 16)?;
                if next == 0 {
                    return Ok(());
                }
            }
        };
        if !self.hash {
            return chain(self.leftmost()?);
        }
        // HMETA: the last bucket 72, where the pages of each power of two of buckets begin 96.
        let last = self.order.u32(&self.meta, 72)?;
        if last > self.last_page {
            return Err(Error::corrupt(LAYER, 72, "more buckets than pages"));
        }
        for bucket in 0..=last {
            // BUCKET_TO_PAGE of src/dbinc/hash.h.
            let power = bucket.saturating_add(1).checked_next_power_of_two().map_or(32, u32::trailing_zeros);
            let power = to_usize(LAYER, u64::from(power))?;
            let base = self.order.u32(&self.meta, power.saturating_mul(4).saturating_add(96))?;
            chain(bucket.wrapping_add(base))?;
        }
        Ok(())
    }

    /// The first leaf of a B-tree.
    fn leftmost(&self) -> Result<u32> {
        // BTMETA: the root 88.
        let mut number = self.order.u32(&self.meta, 88)?;
        for _ in 0..MAX_DEPTH {
            let page = self.page(number)?;
            if page.bytes.get(25) != Some(&P_IBTREE) {
                return Ok(number);
            }
            // BINTERNAL: the page below 4.
            let at = usize::from(self.order.u16(&page.bytes, PAGE_HEAD)?);
            number = self.order.u32(&page.bytes, at.saturating_add(4))?;
        }
        Err(Error::corrupt(LAYER, 88, "a B-tree without leaves"))
    }

    /// The entries of a hash page or a leaf, keys and values in turn; `None` for one that is deleted.
    fn items(&self, page: &Page) -> Result<Vec<Option<Item>>> {
        let entries = usize::from(self.order.u16(&page.bytes, 20)?);
        let kind = page.bytes.get(25).copied().unwrap_or_default();
        let hash = match kind {
            P_HASH | P_HASH_UNSORTED => true,
            P_LBTREE => false,
            kind => return Err(Error::corrupt(LAYER, page.at, format!("page {} is of kind {kind}", page.number))),
        };
        if hash != self.hash {
            return Err(Error::corrupt(LAYER, page.at, "a page of another kind of file"));
        }
        let mut items = Vec::new();
        let mut end = self.page_size;
        let mut room = self.page_size;
        for entry in 0..entries {
            let at = usize::from(self.order.u16(&page.bytes, entry.saturating_mul(2).saturating_add(PAGE_HEAD))?);
            let item = if hash { self.hashed(&page.bytes, at, end).map(Some) } else { self.leaf(&page.bytes, at) };
            let item = item.map_err(|error| error.at(page.at))?;
            if let Some(Item::Here(data)) = &item {
                room = room
                    .checked_sub(data.len())
                    .ok_or_else(|| Error::corrupt(LAYER, page.at, "entries of a page lie over one another"))?;
            }
            items.push(item);
            end = at;
        }
        Ok(items)
    }

    /// An entry of a hash page, which ends where the one before it begins.
    fn hashed(&self, page: &[u8], at: usize, end: usize) -> Result<Item> {
        let item = page.get(at..end).ok_or_else(|| Error::corrupt(LAYER, 0, "an entry outside of its page"))?;
        match item.split_first() {
            Some((&H_KEYDATA, data)) => Ok(Item::Here(data.to_vec())),
            // HOFFPAGE: the first page 4, bytes 8.
            Some((&H_OFFPAGE, _)) => Ok(Item::Chain(self.order.u32(item, 4)?, self.order.u32(item, 8)?)),
            // Several values to a key: rpm keeps them in one.
            _ => Err(Error::unsupported(LAYER, "an entry of a kind that rpm does not write")),
        }
    }

    /// An entry of a leaf.
    fn leaf(&self, page: &[u8], at: usize) -> Result<Option<Item>> {
        // BKEYDATA: length 0, type 2, data 3. BOVERFLOW: type 2, the first page 4, bytes 8.
        let kind = *bytes::range(LAYER, page, at.saturating_add(2), 1)?.first().unwrap_or(&0);
        if kind & B_DELETED != 0 {
            return Ok(None);
        }
        match kind {
            B_KEYDATA => {
                let len = usize::from(self.order.u16(page, at)?);
                Ok(Some(Item::Here(bytes::range(LAYER, page, at.saturating_add(3), len)?.to_vec())))
            }
            B_OVERFLOW => {
                let field = |offset: usize| self.order.u32(page, at.saturating_add(offset));
                Ok(Some(Item::Chain(field(4)?, field(8)?)))
            }
            _ => Err(Error::unsupported(LAYER, "an entry of a kind that rpm does not write")),
        }
    }

    /// Up to `max` bytes of an entry.
    fn item(&self, item: &Item, max: usize) -> Result<Vec<u8>> {
        let (first, len) = match item {
            Item::Here(bytes) => return Ok(bytes.get(..max).unwrap_or(bytes).to_vec()),
            Item::Chain(first, len) => (*first, to_usize(LAYER, u64::from(*len))?.min(max)),
        };
        let mut out = Vec::new();
        let mut next = first;
        while out.len() < len {
            let page = self.page(next)?;
            // Bytes of data on the page 22.
            let here = usize::from(self.order.u16(&page.bytes, 22)?);
            if page.bytes.get(25) != Some(&P_OVERFLOW) || here == 0 {
                return Err(Error::corrupt(LAYER, page.at, "a value is cut short"));
            }
            let data = bytes::range(LAYER, &page.bytes, PAGE_HEAD, here).map_err(|error| error.at(page.at))?;
            let room = len.saturating_sub(out.len());
            out.extend_from_slice(data.get(..room).unwrap_or(data));
            next = self.order.u32(&page.bytes, 16)?;
        }
        Ok(out)
    }
}
