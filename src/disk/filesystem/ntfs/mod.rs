//! NTFS, as Windows 2000 and later write it.
//!
//! Layout after linux/fs/ntfs3/ntfs.h and the documentation of the Linux-NTFS project; names of fields are theirs.
//! `$LogFile` is not replayed, as no driver but Windows' own does; that it should be is a sign.

mod attribute;
mod boot;
mod codec;
mod content;
mod disk;
mod file;
mod index;
mod mft;
mod record;
mod reparse;
mod runs;
mod signs;
mod stream;
#[cfg(test)]
mod tests;
mod upcase;
mod usage;
mod wof;

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use super::recent::Recent;
use super::{DirEntry, Entries, FileSystem, FileSystemFormat, Node, NodeKind, Stat, Usage};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::Sign;

use boot::Boot;
use content::Content;
use disk::Disk;
use file::File;
use index::Directory;
use mft::Mft;
use reparse::Reparse;
use upcase::Upcase;

const LAYER: &str = "ntfs";

/// Record of the root directory, and the first one that is not the filesystem's own.
const ROOT: Node = 5;
const FIRST_USER: Node = 16;
/// Attributes of a file (MS-FSCC 2.6). Those above are of the index of names only.
const DIRECTORY: u32 = 0x10;
const REPARSE: u32 = 0x400;
const ATTRIBUTES: u32 = 0x0FFF_FFFF;
/// Directories and files kept open: at most 2 MiB each, where they have as many fragments as are read.
const OPEN_DIRECTORIES: usize = 8;
const OPEN_FILES: usize = 4;

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["ntfs"], open };

fn open(volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    Ok(Arc::new(Ntfs::open(volume)?))
}

/// An opened filesystem. A node is a reference to a file record, its sequence number included.
struct Ntfs {
    mft: Mft,
    upcase: OnceLock<Upcase>,
    directories: Recent<Directory>,
    files: Recent<Content>,
}

impl Ntfs {
    fn open(volume: Arc<dyn ReadAt>) -> Result<Self> {
        let boot = Boot::read(volume.as_ref())?;
        let mft = Mft::open(Disk::new(volume, &boot), boot)?;
        let (directories, files) = (Recent::new(OPEN_DIRECTORIES), Recent::new(OPEN_FILES));
        Ok(Self { mft, upcase: OnceLock::new(), directories, files })
    }

    /// What stands in for a file, if anything does.
    fn reparse(&self, file: &File) -> Result<Option<Reparse>> {
        let (attributes, _) = file.standard_information()?;
        (attributes & REPARSE != 0).then(|| Reparse::read(file, &self.mft)).transpose()
    }

    fn directory(&self, node: Node) -> Result<Arc<Directory>> {
        self.directories.get(node, || {
            let file = self.mft.file(node)?;
            match self.reparse(&file)? {
                Some(Reparse::Link(_)) => Err(Error::not_found(LAYER, "a link, not a directory")),
                Some(Reparse::Other(tag)) if reparse::is_surrogate(tag) => Err(reparse::elsewhere(tag)),
                _ => return Directory::open(&file, &self.mft),
            }
            .map_err(|error: Error| error.at(file.record.at))
        })
    }

    fn content(&self, node: Node) -> Result<Arc<Content>> {
        self.files.get(node, || {
            let file = self.mft.file(node)?;
            let reparse = self.reparse(&file)?;
            if kind(&file, reparse.as_ref()) != NodeKind::File {
                return Err(Error::not_found(LAYER, "not a regular file").at(file.record.at));
            }
            Content::open(&file, &self.mft, reparse)
        })
    }

    fn upcase(&self) -> Result<&Upcase> {
        if let Some(upcase) = self.upcase.get() {
            return Ok(upcase);
        }
        let upcase = Upcase::read(&self.mft)?;
        Ok(self.upcase.get_or_init(|| upcase))
    }
}

fn kind(file: &File, reparse: Option<&Reparse>) -> NodeKind {
    match reparse {
        Some(Reparse::Link(_)) => NodeKind::Link,
        Some(Reparse::Special) => NodeKind::Special,
        _ if file.record.is_directory() => NodeKind::Directory,
        _ => NodeKind::File,
    }
}

impl FileSystem for Ntfs {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        let file = self.mft.file(node)?;
        let (attributes, _) = file.standard_information()?;
        let kind = kind(&file, self.reparse(&file)?.as_ref());
        let data = if kind == NodeKind::File { file.stream(&self.mft, attribute::DATA, "")? } else { None };
        Ok(Stat {
            kind,
            size: data.map_or(0, |data| data.size),
            mode: 0,
            uid: 0,
            gid: 0,
            attributes: attributes & ATTRIBUTES | if file.record.is_directory() { DIRECTORY } else { 0 },
            immutable: false,
            append_only: false,
        })
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        let directory = self.directory(dir)?;
        let wanted: Vec<u16> = name.encode_utf16().collect();
        if let Some(found) = directory.lookup(&self.mft, self.upcase()?, &wanted)? {
            return Ok(found);
        }
        if name.contains(char::REPLACEMENT_CHARACTER) {
            // The name may be one that was not UTF-16.
            let found = directory.walk(&self.mft, |entry| {
                let same = upcase::text(entry.name) == name;
                if same { ControlFlow::Break(entry.reference) } else { ControlFlow::Continue(()) }
            })?;
            return found.ok_or_else(|| Error::not_found(LAYER, "no such name"));
        }
        // What a link's target on another volume begins with; neither is in a name of Windows.
        if name.contains('\\') || name.ends_with(':') {
            return Err(Error::unsupported(LAYER, "a link to another volume"));
        }
        Err(Error::not_found(LAYER, "no such name"))
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        let mut entries = Entries::new(max);
        let over = self.directory(dir)?.walk(&self.mft, |entry| {
            if entry.is_short() || record::number(entry.reference) < FIRST_USER {
                return ControlFlow::Continue(());
            }
            entries.push(DirEntry { name: upcase::text(entry.name), node: entry.reference })
        })?;
        entries.end(LAYER, over)
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        self.content(file)?.read(&self.mft, at, len)
    }

    fn read_link(&self, link: Node) -> Result<String> {
        let file = self.mft.file(link)?;
        match self.reparse(&file)? {
            Some(Reparse::Link(target)) => Ok(target),
            _ => Err(Error::not_found(LAYER, "not a symbolic link").at(file.record.at)),
        }
    }

    fn usage(&self) -> Result<Usage> {
        usage::usage(&self.mft)
    }

    fn signs(&self) -> Result<Vec<Sign>> {
        signs::signs(self)
    }
}
