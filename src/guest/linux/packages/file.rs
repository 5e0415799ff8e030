//! One file of a package database, read piece by piece and never more than a bound in all.

use std::cell::Cell;

use crate::disk::bytes::to_u64;
use crate::disk::filesystem::NodeKind;
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::optional;

/// Most bytes that are read of one file: databases of a full desktop have 200 MiB, and only what is asked for is read.
const MAX_READ: u64 = 256 << 20;

/// A file of a database.
pub(super) struct DbFile<'a> {
    tree: &'a Tree,
    /// Path in the guest.
    pub path: String,
    /// Size in bytes.
    pub len: u64,
    layer: &'static str,
    read: Cell<u64>,
}

impl<'a> DbFile<'a> {
    /// The file at `path`; `None` where no regular file with a byte in it is there.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn open(tree: &'a Tree, path: &str, layer: &'static str) -> Result<Option<Self>> {
        let Some(stat) = optional(tree.stat(path))? else { return Ok(None) };
        if stat.kind != NodeKind::File || stat.size == 0 {
            return Ok(None);
        }
        Ok(Some(Self { tree, path: path.to_owned(), len: stat.size, layer, read: Cell::new(0) }))
    }

    /// Exactly `len` bytes from `at` on.
    ///
    /// # Errors
    /// `Corrupt` where the file ends before that, `Limit` beyond 256 MiB in all, and what the filesystem reports.
    pub fn read(&self, at: u64, len: usize) -> Result<Vec<u8>> {
        if at.checked_add(to_u64(len)).is_none_or(|end| end > self.len) {
            return Err(Error::corrupt(self.layer, at, "the package database ends before a part that it names"));
        }
        let found = self.read_some(at, len)?;
        if found.len() != len {
            return Err(Error::corrupt(self.layer, at, "the package database is cut short"));
        }
        Ok(found)
    }

    /// Up to `len` bytes from `at` on, fewer only at the end of the file.
    ///
    /// # Errors
    /// As [`read`](Self::read), without `Corrupt`.
    pub fn read_some(&self, at: u64, len: usize) -> Result<Vec<u8>> {
        let read = self.read.get().saturating_add(to_u64(len));
        if read > MAX_READ {
            return Err(Error::limit(self.layer, "more than 256 MiB of the package database would have to be read"));
        }
        self.read.set(read);
        self.tree.read_at(&self.path, at, len)
    }
}

/// Calls `line` with every line of the text file, without its end and at most `max` bytes of it.
///
/// # Errors
/// As [`DbFile::read_some`], and what `line` answers.
pub(super) fn lines(file: &DbFile, max: usize, mut line: impl FnMut(&str) -> Result<()>) -> Result<()> {
    /// Read in pieces of this size.
    const CHUNK: usize = 256 * 1024;
    let (mut at, mut start) = (0_u64, Vec::new());
    loop {
        let chunk = file.read_some(at, CHUNK)?;
        if chunk.is_empty() {
            return if start.is_empty() { Ok(()) } else { line(&String::from_utf8_lossy(&start)) };
        }
        at = at.saturating_add(to_u64(chunk.len()));
        for piece in chunk.split_inclusive(|b| *b == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = max.saturating_sub(start.len());
            start.extend_from_slice(text.get(..room).unwrap_or(text));
            if text.len() < piece.len() {
                line(&String::from_utf8_lossy(&start))?;
                start.clear();
            }
        }
    }
}
