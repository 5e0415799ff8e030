//! RAW: the object is the disk. It has no signature, so it is what remains when nothing else is recognised.

use std::sync::Arc;

use super::{Class, Container, Format, Probe};
use crate::disk::{ReadAt, Result};
use crate::inspect::facts;

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

#[expect(clippy::unnecessary_wraps, reason = "the shape of `Format::open`")]
fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let facts = facts::Container { virtual_size_bytes: Some(probe.len), ..Default::default() };
    Ok(Container { facts, guest: Some(object) })
}
