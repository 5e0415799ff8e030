//! What fast commits changed since the last transaction, kept beside the volume: inodes, where their content is, and
//! names in directories. The kernel writes the same into its blocks (`ext4_fc_replay`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::super::{Node, NodeKind};
use super::inode::{self, I_BLOCK, I_BLOCK_LEN, Inode, RawInode};
use super::journal::Record;
use super::ranges::Ranges;
use super::{Ext, LAYER, directory, superblock};
use crate::disk::bytes::u16_le;
use crate::disk::{Error, Result};

/// Ranges of one file that are kept.
const MAX_RANGES: usize = 1 << 16;
/// Logical blocks have 32 bits.
const BLOCKS: u64 = 1 << 32;
/// `i_links_count`, `i_generation`.
const LINKS: usize = 0x1A;
const GENERATION: usize = 0x64;
/// An extent tree without extents: magic, no entries of the four that fit in an inode, depth 0.
const NO_EXTENTS: [u8; 12] = [0x0A, 0xF3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];

/// All changes.
#[derive(Default)]
pub(super) struct Changes {
    inodes: BTreeMap<Node, Changed>,
    directories: BTreeMap<Node, Names>,
}

/// Changed names of a directory.
#[derive(Default)]
pub(super) struct Names {
    /// Made since: nothing on the volume is of it.
    pub new: bool,
    /// Where a name leads now, if anywhere.
    pub names: BTreeMap<Vec<u8>, Option<Node>>,
}

/// A changed inode.
struct Changed {
    inode: RawInode,
    ranges: Arc<Ranges>,
}

impl Changes {
    /// The inode, if it changed.
    pub(super) fn inode(&self, superblock: &superblock::Superblock, node: Node) -> Result<Option<Inode>> {
        let Some(changed) = self.inodes.get(&node) else { return Ok(None) };
        let mut inode = Inode::parse(superblock, changed.inode.clone())?;
        inode.moved = Some(Arc::clone(&changed.ranges));
        Ok(Some(inode))
    }

    /// What changed in a directory.
    pub(super) fn names(&self, directory: Node) -> Option<&Names> {
        self.directories.get(&directory)
    }
}

/// Applies what was noted, in order.
pub(super) fn apply(ext: &mut Ext, records: Vec<Record>) -> Result<()> {
    records.into_iter().try_for_each(|record| ext.record(record))
}

impl Ext {
    fn record(&mut self, record: Record) -> Result<()> {
        match record {
            Record::Inode { node, raw } => self.changed(node)?.replace(&raw),
            Record::AddRange { node, logical, len, physical, written } => {
                self.blocks.check(physical, len, superblock::AT)?;
                self.move_range(node, logical, len, written.then_some(physical))
            }
            Record::DeleteRange { node, logical, len } => self.move_range(node, logical, len, None),
            Record::Create { directory, node, name } => {
                if self.kind(node)? == NodeKind::Directory {
                    self.changes.directories.insert(node, Names { new: true, ..Names::default() });
                }
                self.link(directory, node, name)?;
                self.changed(node)?.set_links(1);
                Ok(())
            }
            Record::Link { directory, node, name } if self.kind(node).is_ok() => self.link(directory, node, name),
            Record::Unlink { directory, node, name } if self.kind(node).is_ok() => self.unlink(directory, node, name),
            // An inode that is not there is passed over.
            Record::Link { .. } | Record::Unlink { .. } => Ok(()),
        }
    }

    /// The kind of a node that is in use.
    fn kind(&mut self, node: Node) -> Result<NodeKind> {
        let inode = self.changed(node)?.inode.clone();
        Inode::parse(&self.superblock, inode)?.kind()
    }

    fn changed(&mut self, node: Node) -> Result<&mut Changed> {
        match self.changes.inodes.entry(node) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(place) => {
                let inode = inode::read_raw(&self.superblock, &self.blocks, node)?;
                Ok(place.insert(Changed { inode, ranges: Arc::default() }))
            }
        }
    }

    /// Blocks `logical ..` of a file are those from `physical` on now, or a hole.
    fn move_range(&mut self, node: Node, logical: u64, len: u64, physical: Option<u64>) -> Result<()> {
        if self.kind(node).is_err() {
            return Ok(());
        }
        let changed = self.changed(node)?;
        if !changed.inode.has_extents()? {
            return Err(Error::unsupported(LAYER, "a fast commit of a file without extents").at(changed.inode.at));
        }
        let ranges = Arc::make_mut(&mut changed.ranges);
        ranges.set(logical..logical.saturating_add(len).min(BLOCKS), physical);
        if ranges.len() > MAX_RANGES {
            return Err(Error::limit(LAYER, "fast commits of more extents than are kept"));
        }
        Ok(())
    }

    /// A node gets a name, if that is free.
    fn link(&mut self, directory: Node, node: Node, name: Vec<u8>) -> Result<()> {
        if self.named(directory, &name)?.is_none() {
            self.changes.directories.entry(directory).or_default().names.insert(name, Some(node));
            let changed = self.changed(node)?;
            changed.set_links(changed.links()?.saturating_add(1));
        }
        Ok(())
    }

    /// A node loses a name, if it has it. With the last one its content goes.
    fn unlink(&mut self, directory: Node, node: Node, name: Vec<u8>) -> Result<()> {
        let Some(found) = self.named(directory, &name)? else { return Ok(()) };
        if found == node {
            self.changes.directories.entry(directory).or_default().names.insert(name, None);
        }
        let changed = self.changed(node)?;
        let links = changed.links()?.saturating_sub(1);
        changed.set_links(links);
        if links == 0 {
            Arc::make_mut(&mut changed.ranges).set(0..BLOCKS, None);
            self.changes.directories.insert(node, Names { new: true, ..Names::default() });
        }
        Ok(())
    }

    /// Where a name leads.
    fn named(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        directory::find(self, &self.inode(directory)?, name)
    }
}

impl Changed {
    fn links(&self) -> Result<u16> {
        u16_le(LAYER, &self.inode.raw, LINKS)
    }

    fn set_links(&mut self, links: u16) {
        put(&mut self.inode.raw, LINKS, &links.to_le_bytes());
    }

    /// The inode is `raw` now, where the content is excepted: that was noted apart, unless it is in the inode itself.
    fn replace(&mut self, raw: &[u8]) -> Result<()> {
        put(&mut self.inode.raw, 0, raw.get(..I_BLOCK).unwrap_or_default());
        put(&mut self.inode.raw, GENERATION, raw.get(GENERATION..).unwrap_or_default());
        let block = I_BLOCK..I_BLOCK.saturating_add(I_BLOCK_LEN);
        if self.inode.has_extents()? {
            if !self.inode.raw.get(block).unwrap_or_default().starts_with(&NO_EXTENTS[..2]) {
                put(&mut self.inode.raw, I_BLOCK, &NO_EXTENTS);
            }
        } else if self.inode.has_inline_data()? {
            put(&mut self.inode.raw, I_BLOCK, raw.get(block).unwrap_or_default());
        }
        Ok(())
    }
}

/// Overwrites `to` from byte `at` on, as far as it reaches.
fn put(to: &mut [u8], at: usize, from: &[u8]) {
    to.iter_mut().skip(at).zip(from).for_each(|(to, from)| *to = *from);
}
