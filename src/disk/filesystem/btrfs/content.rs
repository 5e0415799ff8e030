//! The content of files, put together from their extents.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::LAYER;
use super::compression::Method;
use super::data::Sums;
use super::extent::{Extent, MAX_COMPRESSED, Source};
use super::inode::Inode;
use super::key::{EXTENT_DATA, Key};
use super::nodes::Nodes;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, Result};

/// What a compressed extent is known by: its address, length and method.
type Packed = (u64, u64, Method);

/// Reads content. The last extent that was decompressed is kept: files are read in smaller pieces.
pub(super) struct Contents {
    pub sums: Sums,
    last: Mutex<Option<(Packed, Arc<[u8]>)>>,
}

impl Contents {
    pub(super) fn new(sums: Sums) -> Self {
        Self { sums, last: Mutex::default() }
    }

    /// Up to `len` bytes of `inode` from `at` on, fewer at the end. The allocation is at most `len`.
    pub(super) fn read(&self, nodes: &Nodes, inode: &Inode, at: u64, len: usize) -> Result<Vec<u8>> {
        let rest = inode.size.saturating_sub(at);
        let mut buf = vec![0; to_usize(LAYER, rest.min(to_u64(len)))?];
        let Some(last) = at.saturating_add(to_u64(buf.len())).checked_sub(1).filter(|_| !buf.is_empty()) else {
            return Ok(buf);
        };
        let root = &inode.subvolume.tree;
        let key = |at: u64| Key::new(inode.number, EXTENT_DATA, at);
        let first = nodes.last(root, &(key(0)..=key(at)))?.map_or(at, |item| item.key.offset);
        let mut covered = 0;
        nodes.walk::<()>(root, key(first)..=key(last), &mut |item| {
            let extent = Extent::parse(item, self.sums.sector_size)?;
            if extent.at < covered {
                return Err(Error::corrupt(LAYER, item.at, "extents overlap"));
            }
            covered = extent.at.saturating_add(extent.len);
            let from = extent.at.max(at);
            let place = |in_file: u64| to_usize(LAYER, in_file.saturating_sub(at)).map(|place| place.min(buf.len()));
            let place = place(from)?..place(covered)?;
            if let Some(part) = buf.get_mut(place).filter(|part| !part.is_empty()) {
                self.fill(nodes, inode, &extent, from.saturating_sub(extent.at), part)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(buf)
    }

    /// Fills `part` from byte `skip` of the extent on; zeros are there already.
    fn fill(&self, nodes: &Nodes, inode: &Inode, extent: &Extent, skip: u64, part: &mut [u8]) -> Result<()> {
        match &extent.source {
            Source::Zeros => {}
            Source::Plain { logical } => {
                self.sums.read(nodes, part, logical.saturating_add(skip), inode.is_summed())?;
            }
            Source::Inline { data, method: None } => copy(part, data, skip)?,
            Source::Inline { data, method: Some(method) } => {
                let size = to_usize(LAYER, extent.len)?;
                copy(part, &method.decompress(data, extent.item_at, size, self.sums.sector_size)?, skip)?;
            }
            Source::Compressed { logical, stored, offset, method } => {
                let content = self.unpacked(nodes, inode, (*logical, *stored, *method), extent.item_at)?;
                copy(part, &content, offset.saturating_add(skip))?;
            }
        }
        Ok(())
    }

    /// What a compressed extent holds, with zeros after.
    fn unpacked(&self, nodes: &Nodes, inode: &Inode, packed: Packed, item_at: u64) -> Result<Arc<[u8]>> {
        let held = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, content)) = held.as_ref().filter(|(of, _)| *of == packed) {
            return Ok(Arc::clone(content));
        }
        drop(held);
        let (logical, stored, method) = packed;
        let mut raw = vec![0; to_usize(LAYER, stored.min(MAX_COMPRESSED))?];
        self.sums.read(nodes, &mut raw, logical, inode.is_summed())?;
        let size = to_usize(LAYER, MAX_COMPRESSED)?;
        let content: Arc<[u8]> = method.decompress(&raw, item_at, size, self.sums.sector_size)?.into();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((packed, Arc::clone(&content)));
        Ok(content)
    }
}

/// Copies what `from` holds from `skip` on, as far as it goes.
fn copy(to: &mut [u8], from: &[u8], skip: u64) -> Result<()> {
    let held = from.get(to_usize(LAYER, skip)?..).unwrap_or_default();
    to.iter_mut().zip(held).for_each(|(to, from)| *to = *from);
    Ok(())
}
