//! SQLite (Fedora 33, EL 9 and later): headers in the table `Packages`, names in the table `Name`.
//!
//! Layout: SQLite, "Database File Format". Only table B-trees are read.

use super::wal::Wal;
use super::{Headers, MAX_HEADERS};
use crate::disk::bytes::{self, to_u64};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::packages::Wanted;
use crate::guest::linux::packages::file::DbFile;

const LAYER: &str = "rpm sqlite";
/// Start of the file (section 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER: usize = 100;
/// Kinds of pages (section 1.6).
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// Deepest B-tree: of pages of 512 bytes with two keys each, no file is deeper.
const MAX_DEPTH: usize = 32;
/// Most bytes of a row of the schema or of `Name`.
const MAX_ROW: usize = 16 << 10;
/// A rollback journal that is in use starts so (section 3).
const JOURNAL: &[u8] = &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

struct Sqlite<'a> {
    file: DbFile<'a>,
    log: Option<(DbFile<'a>, Wal)>,
    page_size: usize,
    /// Bytes of a page without those reserved for extensions.
    usable: usize,
    pages: u32,
    packages: u32,
    names: Option<u32>,
}

/// A row of a table.
struct Row<'p> {
    id: i64,
    /// Bytes of the record, and those of them that are on this page.
    len: usize,
    here: &'p [u8],
    /// The first page of the rest; 0 where there is none.
    overflow: u32,
}

/// A value of a record (section 2.1).
enum Value<'r> {
    Integer(i64),
    Bytes(&'r [u8]),
    Other,
}

/// Opens it.
///
/// # Errors
/// As [`super::read`].
pub fn open<'a>(tree: &'a Tree, dir: &str) -> Result<Option<(String, Box<dyn Headers + 'a>)>> {
    let path = format!("{dir}/rpmdb.sqlite");
    let Some(file) = DbFile::open(tree, &path, LAYER)? else { return Ok(None) };
    let header = file.read(0, HEADER)?;
    if !header.starts_with(MAGIC) {
        return Err(Error::corrupt(LAYER, 0, "rpmdb.sqlite is no database of SQLite"));
    }
    let page_size = match bytes::u16_be(LAYER, &header, 16)? {
        1 => 65536,
        size => usize::from(size),
    };
    let reserved = usize::from(bytes::range(LAYER, &header, 20, 1)?.first().copied().unwrap_or_default());
    let usable = page_size.saturating_sub(reserved);
    if !page_size.is_power_of_two() || page_size < 512 || usable < 480 {
        return Err(Error::corrupt(LAYER, 16, format!("pages of {page_size} bytes")));
    }
    let journal = DbFile::open(tree, &format!("{path}-journal"), LAYER)?;
    if journal.map(|journal| journal.read_some(0, 8)).transpose()?.is_some_and(|head| head == JOURNAL) {
        return Err(Error::unsupported(
            LAYER,
            "the package database was being written: its rollback journal is in use",
        ));
    }
    let log = match DbFile::open(tree, &format!("{path}-wal"), LAYER)? {
        Some(log) => {
            let wal = Wal::read(&log, page_size)?;
            Some((log, wal))
        }
        None => None,
    };
    let in_file = file.len.div_euclid(to_u64(page_size));
    let pages = match log.as_ref().and_then(|(_, wal)| wal.size) {
        Some(pages) => pages,
        None => u32::try_from(in_file).map_err(|_| Error::limit(LAYER, "too many pages"))?,
    };
    let mut database = Sqlite { file, log, page_size, usable, pages, packages: 0, names: None };
    database.schema()?;
    Ok(Some((path, Box::new(database))))
}

impl Headers for Sqlite<'_> {
    fn by_name(&self, wanted: Wanted) -> Result<Option<Vec<u32>>> {
        let Some(root) = self.names else { return Ok(None) };
        let mut found = Vec::new();
        self.rows(root, |row| {
            let record = self.record(row, MAX_ROW)?;
            // key, hnum, idx
            if let [Value::Bytes(name), Value::Integer(number), ..] = values(&record)?.as_slice()
                && wanted(&String::from_utf8_lossy(name))
            {
                found.push(number_of(*number)?);
            }
            if found.len() > MAX_HEADERS {
                return Err(Error::limit(LAYER, format!("more than {MAX_HEADERS} packages")));
            }
            Ok(())
        })?;
        Ok(Some(found))
    }

    fn numbers(&self) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        self.rows(self.packages, |row| {
            found.push(number_of(row.id)?);
            if found.len() > MAX_HEADERS {
                return Err(Error::limit(LAYER, format!("more than {MAX_HEADERS} packages")));
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn read(&self, number: u32, max: usize) -> Result<Option<Vec<u8>>> {
        // The header of the record comes first, and is a few bytes.
        let record = self.row(self.packages, i64::from(number), max.saturating_add(64))?;
        let Some(record) = record else { return Ok(None) };
        // hnum, which is the row's id and therefore NULL, and blob
        match values(&record)?.get(1) {
            Some(Value::Bytes(blob)) => Ok(Some(blob.get(..max).unwrap_or(blob).to_vec())),
            _ => Err(Error::corrupt(LAYER, 0, format!("package {number} has no header"))),
        }
    }
}

fn number_of(id: i64) -> Result<u32> {
    u32::try_from(id).map_err(|_| Error::corrupt(LAYER, 0, "a package has an impossible number"))
}

impl Sqlite<'_> {
    /// Finds the two tables.
    fn schema(&mut self) -> Result<()> {
        let mut tables = Vec::new();
        self.rows(1, |row| {
            let record = self.record(row, MAX_ROW)?;
            // type, name, tbl_name, rootpage, sql
            if let [Value::Bytes(b"table"), Value::Bytes(name), _, Value::Integer(root), ..] =
                values(&record)?.as_slice()
                && matches!(*name, b"Packages" | b"Name")
            {
                tables.push((name.to_vec(), u32::try_from(*root).unwrap_or_default()));
            }
            Ok(())
        })?;
        let root = |name: &[u8]| tables.iter().find(|(found, _)| found == name).map(|(_, root)| *root);
        let packages = root(b"Packages");
        self.packages = packages.ok_or_else(|| Error::corrupt(LAYER, 0, "there is no table Packages"))?;
        self.names = root(b"Name");
        Ok(())
    }

    fn page(&self, number: u32) -> Result<Vec<u8>> {
        let before = u64::from(number).checked_sub(1).filter(|_| number <= self.pages);
        let at = before.map(|pages| pages.saturating_mul(to_u64(self.page_size)));
        let Some(at) = at else { return Err(Error::corrupt(LAYER, 0, format!("there is no page {number}"))) };
        if let Some((log, wal)) = &self.log
            && let Some(at) = wal.page(number)
        {
            return log.read(at, self.page_size);
        }
        self.file.read(at, self.page_size)
    }

    /// Calls `each` with every row of the table.
    fn rows(&self, root: u32, mut each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        // No page is visited twice where the file is in order.
        let mut left = self.pages;
        let mut ahead = vec![root];
        while let Some(number) = ahead.pop() {
            left = left.checked_sub(1).ok_or_else(|| Error::corrupt(LAYER, 0, "a table goes in a circle"))?;
            let page = self.page(number)?;
            let node = Self::node(&page, number)?;
            for cell in &node.cells {
                match node.right {
                    Some(_) => ahead.push(bytes::u32_be(LAYER, &page, *cell)?),
                    None => each(&self.leaf(&page, *cell)?)?,
                }
            }
            ahead.extend(node.right);
            if ahead.len() > usize::try_from(self.pages).unwrap_or(usize::MAX) {
                return Err(Error::corrupt(LAYER, 0, "a table has more pages than the file"));
            }
        }
        Ok(())
    }

    /// Up to `max` bytes of the record of one row.
    fn row(&self, root: u32, id: i64, max: usize) -> Result<Option<Vec<u8>>> {
        let mut number = root;
        for _ in 0..MAX_DEPTH {
            let page = self.page(number)?;
            let node = Self::node(&page, number)?;
            let Some(right) = node.right else {
                for cell in &node.cells {
                    let row = self.leaf(&page, *cell)?;
                    if row.id == id {
                        return self.record(&row, max).map(Some);
                    }
                }
                return Ok(None);
            };
            number = right;
            for cell in &node.cells {
                // Left child 4 bytes, then the largest key below it.
                let (largest, _) = varint(&page, cell.saturating_add(4))?;
                if id <= largest {
                    number = bytes::u32_be(LAYER, &page, *cell)?;
                    break;
                }
            }
        }
        Err(Error::corrupt(LAYER, 0, "a table is too deep"))
    }

    /// A page of a table: where its cells begin, and the last child of an interior one.
    fn node(page: &[u8], number: u32) -> Result<Node> {
        // The first page begins with the header of the file.
        let start = if number == 1 { HEADER } else { 0 };
        let kind = bytes::range(LAYER, page, start, 1)?.first().copied().unwrap_or_default();
        let right = match kind {
            INTERIOR => Some(bytes::u32_be(LAYER, page, start.saturating_add(8))?),
            LEAF => None,
            kind => return Err(Error::corrupt(LAYER, 0, format!("page {number} is of kind {kind}"))),
        };
        let count = usize::from(bytes::u16_be(LAYER, page, start.saturating_add(3))?);
        let places = start.saturating_add(if right.is_some() { 12 } else { 8 });
        let places = bytes::range(LAYER, page, places, count.saturating_mul(2))?;
        let cells = places.chunks_exact(2).map(|place| bytes::u16_be(LAYER, place, 0).map(usize::from));
        Ok(Node { cells: cells.collect::<Result<_>>()?, right })
    }

    /// A row on a leaf (section 1.6: how much of the record stays on the page).
    fn leaf<'p>(&self, page: &'p [u8], at: usize) -> Result<Row<'p>> {
        let (len, used) = varint(page, at)?;
        let at = at.saturating_add(used);
        let (id, used) = varint(page, at)?;
        let at = at.saturating_add(used);
        let len = usize::try_from(len).map_err(|_| Error::corrupt(LAYER, 0, "a row of impossible length"))?;
        let most = self.usable.saturating_sub(35);
        let least = self.usable.saturating_sub(12).saturating_mul(32).div_euclid(255).saturating_sub(23);
        let split =
            least.saturating_add(len.saturating_sub(least).checked_rem(self.usable.saturating_sub(4)).unwrap_or(0));
        let here = match (len <= most, split <= most) {
            (true, _) => len,
            (false, true) => split,
            (false, false) => least,
        };
        let overflow = if here < len { bytes::u32_be(LAYER, page, at.saturating_add(here))? } else { 0 };
        Ok(Row { id, len, here: bytes::range(LAYER, page, at, here)?, overflow })
    }

    /// Up to `max` bytes of a row's record.
    fn record(&self, row: &Row, max: usize) -> Result<Vec<u8>> {
        let len = row.len.min(max);
        let mut out = row.here.get(..len).unwrap_or(row.here).to_vec();
        let mut next = row.overflow;
        while out.len() < len {
            let page = self.page(next)?;
            let room = len.saturating_sub(out.len());
            let data = bytes::range(LAYER, &page, 4, self.usable.saturating_sub(4))?;
            out.extend_from_slice(data.get(..room).unwrap_or(data));
            next = bytes::u32_be(LAYER, &page, 0)?;
        }
        Ok(out)
    }
}

/// A page of a table.
struct Node {
    cells: Vec<usize>,
    /// `None` for a leaf.
    right: Option<u32>,
}

/// A number of one to nine bytes (section 1.6), and how many it took.
fn varint(buf: &[u8], at: usize) -> Result<(i64, usize)> {
    let mut value = 0_u64;
    for used in 1..=9_usize {
        let at = at.saturating_add(used).saturating_sub(1);
        let byte = bytes::range(LAYER, buf, at, 1)?.first().copied().unwrap_or_default();
        if used == 9 {
            return Ok((value.wrapping_shl(8).wrapping_add(u64::from(byte)).cast_signed(), used));
        }
        value = value.wrapping_shl(7).wrapping_add(u64::from(byte & 0x7f));
        if byte & 0x80 == 0 {
            return Ok((value.cast_signed(), used));
        }
    }
    Err(Error::corrupt(LAYER, 0, "a number of more than nine bytes"))
}

/// The first values of a record; the last may be cut where the record is.
fn values(record: &[u8]) -> Result<Vec<Value<'_>>> {
    /// The schema's table has the most columns that are asked for.
    const MAX_COLUMNS: usize = 5;
    let (size, mut at) = varint(record, 0)?;
    let size = usize::try_from(size).map_err(|_| Error::corrupt(LAYER, 0, "a record of impossible length"))?;
    let mut content = size;
    let mut found = Vec::new();
    while at < size && found.len() < MAX_COLUMNS {
        let (kind, used) = varint(record, at)?;
        at = at.saturating_add(used);
        let len = match kind {
            1..=4 => usize::try_from(kind).unwrap_or_default(),
            5 => 6,
            6 | 7 => 8,
            12.. => usize::try_from(kind.saturating_sub(12).div_euclid(2)).unwrap_or(usize::MAX),
            _ => 0,
        };
        let end = content.saturating_add(len).min(record.len());
        let data = record.get(content..end).unwrap_or_default();
        content = content.saturating_add(len);
        found.push(match kind {
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => Value::Integer(integer(data)),
            12.. => Value::Bytes(data),
            _ => Value::Other,
        });
    }
    Ok(found)
}

/// Big-endian, in two's complement.
fn integer(data: &[u8]) -> i64 {
    let negative = data.first().is_some_and(|first| first & 0x80 != 0);
    data.iter().fold(if negative { -1 } else { 0 }, |value: i64, byte| value.wrapping_shl(8) | i64::from(*byte))
}
