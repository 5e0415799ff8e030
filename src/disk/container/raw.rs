//! RAW: the object is the disk. It has no signature, so it is what remains when nothing else is recognised.

use std::sync::Arc;

use super::layout::{Layout, Missing, Plain};
use super::scan::{Scan, scan};
use super::size::qcow2_file;
use super::{Class, Container, Format, Probe, read};
use crate::disk::{ReadAt, Result};
use crate::inspect::facts::{self, SizeRange};

/// What is smaller holds no operating system and hardly a partition table: it is called `data` instead.
const SMALLEST: u64 = 1 << 20;

/// The descriptor.
pub const FORMAT: Format = Format {
    name: "RAW",
    class: Class::Image,
    advice: "Import it as it is, or compact it first: qemu-img convert -O qcow2 disk.raw disk.qcow2",
    probe: |probe| probe.len >= SMALLEST,
    open,
};

fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let facts = facts::Container { virtual_size_bytes: Some(probe.len), ..Default::default() };
    let container = read(facts, |_| plain("raw", object.clone(), probe.len, []))?;
    Ok(Container { guest: Some(object), ..container })
}

/// A disk of `size` bytes that lies at the start of the object as it is. Which of its clusters hold only zeros is known
/// when all of it was read: as QCOW2 it may be as small as an empty disk.
pub fn plain(
    layer: &'static str,
    object: Arc<dyn ReadAt>,
    size: u64,
    missing: impl IntoIterator<Item = Missing>,
) -> Result<(Arc<dyn Layout>, Scan)> {
    let layout = Arc::new(Plain::new(layer, object, size));
    let mut found = scan(layout.as_ref(), missing)?;
    found.qcow2 = found.qcow2.zip(qcow2_file(size, 0)).map(|(range, lower)| SizeRange { lower, ..range });
    Ok((layout, found))
}
