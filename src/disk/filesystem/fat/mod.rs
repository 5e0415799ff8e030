//! FAT12, FAT16 and FAT32 with long names (VFAT).
//!
//! Layout after Microsoft's FAT specification (FAT: General Overview of On-Disk Format); where it leaves something
//! open, what Linux's and Windows' drivers do. A node is the byte offset of a directory entry in the volume; the root,
//! which has none, is 0.

mod boot;
mod chain;
mod directory;
mod health;
mod names;
mod table;
#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::{DirEntry, Entries, FileSystem, FileSystemFormat, Node, NodeKind, Stat, Usage};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::Sign;

use boot::{Area, Geometry};
use chain::{Chains, Run};
use directory::Entry;
use table::Table;

const LAYER: &str = "fat";

/// Byte 0 is the boot sector, never an entry.
const ROOT: Node = 0;
/// `FILE_ATTRIBUTE_DIRECTORY`.
const ROOT_ATTRIBUTES: u32 = 0x10;

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["vfat"], open };

fn open(volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    let geometry = Geometry::read(volume.as_ref())?;
    let table = Table::new(Arc::clone(&volume), &geometry);
    Ok(Arc::new(Fat { disk: volume, geometry, table, chains: Chains::default() }))
}

/// An opened filesystem.
struct Fat {
    disk: Arc<dyn ReadAt>,
    geometry: Geometry,
    table: Table,
    chains: Chains,
}

impl Fat {
    /// The bytes `wanted` of an area, fewer where it ends before.
    fn runs(&self, area: Area, wanted: Range<u64>) -> Result<Vec<Run>> {
        match area {
            Area::Chain(first) => self.chains.runs(&self.table, &self.geometry, first, wanted),
            Area::Fixed { at, len } => {
                let wanted = wanted.start.min(len)..wanted.end.min(len);
                let run = Run { at: at.saturating_add(wanted.start), len: wanted.end.saturating_sub(wanted.start) };
                Ok(if run.len == 0 { Vec::new() } else { vec![run] })
            }
        }
    }

    /// Where a directory's entries are.
    fn area(&self, dir: Node) -> Result<Area> {
        if dir == ROOT {
            return Ok(self.geometry.root);
        }
        let entry = Entry::read(self, dir)?;
        if !entry.is_directory() {
            return Err(Error::not_found(LAYER, "not a directory").at(dir));
        }
        Ok(Area::Chain(entry.first(&self.geometry)?))
    }
}

impl FileSystem for Fat {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        let (kind, size, attributes) = if node == ROOT {
            (NodeKind::Directory, 0, ROOT_ATTRIBUTES)
        } else {
            let entry = Entry::read(self, node)?;
            let kind = if entry.is_directory() { NodeKind::Directory } else { NodeKind::File };
            (kind, entry.size.into(), entry.attributes.into())
        };
        Ok(Stat { kind, size, mode: 0, uid: 0, gid: 0, attributes, immutable: false, append_only: false })
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        // Dots at the end of a name do not count, for Windows and Linux alike.
        let name = name.trim_end_matches('.');
        let found = directory::walk(self, self.area(dir)?, |entry| {
            if entry.is_named(name) { ControlFlow::Break(entry.at) } else { ControlFlow::Continue(()) }
        })?;
        found.ok_or_else(|| Error::not_found(LAYER, "no such name"))
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        let mut entries = Entries::new(max);
        let over = directory::walk(self, self.area(dir)?, |entry| {
            entries.push(DirEntry { name: entry.name().to_owned(), node: entry.at })
        })?;
        entries.end(LAYER, over)
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let entry = match file {
            ROOT => None,
            _ => Some(Entry::read(self, file)?).filter(|entry| !entry.is_directory()),
        };
        let entry = entry.ok_or_else(|| Error::not_found(LAYER, "not a regular file").at(file))?;
        let size = u64::from(entry.size);
        let end = at.saturating_add(to_u64(len)).min(size);
        if at >= end {
            return Ok(Vec::new());
        }
        if size.div_ceil(self.geometry.cluster) > self.geometry.clusters {
            return Err(Error::corrupt(LAYER, file, format!("a file of {size} bytes, more than the volume has")));
        }
        let runs = self.runs(Area::Chain(entry.first(&self.geometry)?), at..end)?;
        if chain::len(&runs) < end.saturating_sub(at) {
            return Err(Error::corrupt(LAYER, file, format!("the clusters of a file of {size} bytes end before it")));
        }
        let mut content = vec![0; to_usize(LAYER, end.saturating_sub(at))?];
        let mut rest = content.as_mut_slice();
        for run in runs {
            let (part, after) = rest.split_at_mut_checked(to_usize(LAYER, run.len)?).unwrap_or_default();
            self.disk.read_exact_at(part, run.at)?;
            rest = after;
        }
        Ok(content)
    }

    fn read_link(&self, link: Node) -> Result<String> {
        Err(Error::not_found(LAYER, "not a symbolic link").at(link))
    }

    fn usage(&self) -> Result<Usage> {
        let bytes = |clusters: u64| clusters.saturating_mul(self.geometry.cluster);
        let free_bytes = bytes(health::free_clusters(self)?);
        Ok(Usage { total_bytes: bytes(self.geometry.clusters), free_bytes, free_inodes: None })
    }

    fn signs(&self) -> Result<Vec<Sign>> {
        health::signs(self)
    }
}
