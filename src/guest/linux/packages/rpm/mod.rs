//! rpm's database: headers of packages, in one of three kinds of file.

mod bdb;
mod header;
mod ndb;
mod sqlite;
#[cfg(test)]
mod tests;
mod wal;

use std::collections::BTreeSet;

use super::{Manager, Packages, Wanted};
use crate::disk::{Error, Result};
use crate::guest::Tree;

/// Where it is (rpm's `%_dbpath`): of old, since Fedora 36 and SLE 15 SP4 (the older path then is a link), of ostree.
const DIRS: &[&str] = &["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];
/// Most packages of a database: a full desktop has 5000.
const MAX_HEADERS: usize = 100_000;
/// Largest header that is read: of what is asked for the largest have 2 MiB. (kernel-devel has 9, and is not asked for.)
const MAX_HEADER: usize = 8 << 20;
/// Of a header, enough to find its name in nearly every one.
const HEAD: usize = 8 << 10;

/// The headers of one database, by number.
trait Headers {
    /// The numbers of those whose names are wanted, by the index of names; `None` where there is none.
    fn by_name(&self, wanted: Wanted) -> Result<Option<Vec<u32>>>;
    /// The numbers of all headers.
    fn numbers(&self) -> Result<Vec<u32>>;
    /// Up to `max` bytes of the header of that number; `None` where it has none.
    fn read(&self, number: u32, max: usize) -> Result<Option<Vec<u8>>>;
}

/// Opens one kind of database in a folder: the path of its file, and its headers.
type Open = for<'a> fn(&'a Tree, &str) -> Result<Option<(String, Box<dyn Headers + 'a>)>>;

/// The kinds, each with its name in facts. Where files of two are left, the newer kind is the one in use: rpm converts to it.
const KINDS: &[(&str, Open)] = &[("sqlite", sqlite::open), ("ndb", ndb::open), ("bdb", bdb::open)];

/// Reads it.
///
/// # Errors
/// `Corrupt` where it contradicts its own format, `Unsupported` and `Limit` where it is within it and not read, and what
/// the filesystem reports.
pub fn read(tree: &Tree, wanted: Wanted) -> Result<Option<Packages>> {
    for (format, open) in KINDS {
        for dir in DIRS {
            if let Some((path, headers)) = open(tree, dir)? {
                let mut found = Packages { manager: Manager::Rpm, format, path, installed: Vec::new() };
                for number in asked_for(&*headers, wanted)? {
                    let header = headers.read(number, MAX_HEADER.saturating_add(1))?;
                    let Some(header) = header else { continue };
                    if header.len() > MAX_HEADER {
                        return Err(Error::limit("rpm", "the header of a package is larger than 8 MiB"));
                    }
                    let package = header::package(&header)?;
                    if wanted(&package.name) {
                        found.push(package)?;
                    }
                }
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// The numbers of the headers that may be asked for.
fn asked_for(headers: &dyn Headers, wanted: Wanted) -> Result<BTreeSet<u32>> {
    if let Some(numbers) = headers.by_name(wanted)? {
        return Ok(numbers.into_iter().collect());
    }
    let mut found = BTreeSet::new();
    for number in headers.numbers()? {
        let Some(head) = headers.read(number, HEAD)? else { continue };
        if header::name(&head).is_none_or(|name| wanted(&name)) {
            found.insert(number);
        }
    }
    Ok(found)
}
