//! Filesystems: what is on a volume, and files by node.
//!
//! A filesystem knows nodes (inodes), not paths: paths, symbolic links and mount points are walked in one place,
//! [`crate::guest::Tree`], so that every filesystem resolves them alike.

pub mod btrfs;
pub mod ext;
pub mod fat;
pub mod ntfs;
mod recent;
mod recognise;
pub mod ufs;
pub mod xfs;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Error, ReadAt, Result};
use crate::inspect::facts::Sign;

pub use crate::inspect::facts::Usage;
pub use recognise::{Content, NAMES, lvm_id, recognise};

/// A page of memory of an x86 machine.
pub(crate) const PAGE: u64 = 4096;

/// A node of a filesystem: the inode number, or whatever names a file there.
pub type Node = u64;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, socket or pipe.
    Special,
}

impl NodeKind {
    /// What a Unix file mode (`S_IFMT` of `stat(2)`) says a node is; `None` for a mode of no kind.
    pub(crate) fn of_mode(mode: u32) -> Option<Self> {
        match mode & 0xF000 {
            0x8000 => Some(Self::File),
            0x4000 => Some(Self::Directory),
            0xA000 => Some(Self::Link),
            0x1000 | 0x2000 | 0x6000 | 0xC000 => Some(Self::Special),
            _ => None,
        }
    }
}

/// What is known of a node without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: NodeKind,
    /// Size in bytes as the filesystem states it; bounded by nothing.
    pub size: u64,
    /// Permission bits (`0o7777`); 0 where the filesystem has none.
    pub mode: u32,
    /// Owner; 0 where the filesystem knows none.
    pub uid: u32,
    /// Group; 0 where the filesystem knows none.
    pub gid: u32,
    /// File attributes of NTFS and FAT (`FILE_ATTRIBUTE_*` of MS-FSCC 2.6); 0 elsewhere.
    pub attributes: u32,
    /// Immutable flag (`chattr +i`).
    pub immutable: bool,
    /// Append-only flag (`chattr +a`).
    pub append_only: bool,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Name, lossy UTF-8, at most 255 characters.
    pub name: String,
    /// Where it leads.
    pub node: Node,
}

/// Collects the entries of one directory, up to a number of them.
pub(crate) struct Entries<T> {
    entries: Vec<T>,
    max: usize,
}

impl<T> Entries<T> {
    /// Of at most `max` entries.
    pub(crate) fn new(max: usize) -> Self {
        Self { entries: Vec::new(), max }
    }

    /// Takes one more entry, or breaks where there is no room for it.
    pub(crate) fn push(&mut self, entry: T) -> ControlFlow<()> {
        if self.entries.len() >= self.max {
            return ControlFlow::Break(());
        }
        self.entries.push(entry);
        ControlFlow::Continue(())
    }

    /// The entries, once the directory was walked; `over` where that was broken off.
    ///
    /// # Errors
    /// `Limit` where it was.
    pub(crate) fn end(self, layer: &'static str, over: Option<()>) -> Result<Vec<T>> {
        match over {
            Some(()) => Err(Error::limit(layer, format!("a directory of more than {} entries", self.max))),
            None => Ok(self.entries),
        }
    }
}

/// Which one is meant of the trees of files that a filesystem holds (btrfs).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subvolume {
    /// Its path from the topmost one, with or without a slash before it.
    Path(String),
    /// Its number; 0 and 5 are the topmost one's.
    Id(u64),
}

/// Files on a volume. Every call is bounded in time and memory by its arguments, whatever the volume holds.
pub trait FileSystem: Send + Sync {
    /// The root directory.
    fn root(&self) -> Node;
    /// What a node is. `Corrupt` where the node is not in the filesystem or contradicts it.
    fn stat(&self, node: Node) -> Result<Stat>;
    /// The node called `name` in directory `dir`, case ignored where the filesystem ignores it; `NotFound` where there
    /// is none.
    fn lookup(&self, dir: Node, name: &str) -> Result<Node>;
    /// The entries of a directory without `.` and `..`; `Limit` beyond `max` entries.
    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>>;
    /// Up to `len` bytes of a regular file from `at` on, fewer only at its end. Holes read as zeros.
    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>>;
    /// The target of a symbolic link, at most 4096 bytes.
    fn read_link(&self, link: Node) -> Result<String>;
    /// How full it is.
    fn usage(&self) -> Result<Usage>;
    /// A subvolume as a filesystem of its own; `NotFound` where there is none, as in a filesystem that knows none.
    fn subvolume(&self, _which: &Subvolume) -> Result<Arc<dyn FileSystem>> {
        Err(Error::not_found("filesystem", "no such subvolume"))
    }
    /// What it says of its own health: a bounded check, not a full one. Empty where nothing is wrong.
    fn signs(&self) -> Result<Vec<Sign>> {
        Ok(Vec::new())
    }
}

/// Opens a filesystem on the bytes of its volume.
pub type OpenFileSystem = fn(Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>>;

/// A kind of filesystem that can be read.
pub struct FileSystemFormat {
    /// The names [`recognise`] gives it, as `blkid` spells them: `ext4`, `xfs`, ...
    pub names: &'static [&'static str],
    /// Opens it. `Unsupported` where a feature is in the way, `Corrupt` where it contradicts itself.
    pub open: OpenFileSystem,
}

/// The filesystems that can be read. To add one: a file here and a line in this slice.
pub const FILESYSTEMS: &[&FileSystemFormat] =
    &[&btrfs::FORMAT, &ext::FORMAT, &fat::FORMAT, &ntfs::FORMAT, &ufs::FORMAT, &xfs::FORMAT];

/// Opens what [`recognise`] called `name`.
///
/// # Errors
/// `Unsupported` where no reader is registered for it, and the reader's own errors.
pub fn open(name: &str, volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    match FILESYSTEMS.iter().find(|f| f.names.contains(&name)) {
        Some(format) => (format.open)(volume),
        None => Err(Error::unsupported("filesystem", format!("{name} is recognised but not read by this version"))),
    }
}
