//! VHD (Virtual Hard Disk Image Format Specification 1.0): recognised, its footer read.

use std::sync::Arc;

use super::{Class, Container, Format, Probe, settle};
use crate::disk::bytes::{text, u32_be, u64_be};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts;

const COOKIE: &[u8] = b"conectix";
/// Offsets in the footer ("Hard Disk Footer Format").
const CREATOR: usize = 28;
const CURRENT_SIZE: usize = 48;
const DISK_TYPE: usize = 60;

/// The descriptor. A fixed disk has only the footer; the others repeat it in front.
pub const FORMAT: Format = Format {
    name: "VHD",
    class: Class::Image,
    advice: "Import it as it is, or convert it: qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2",
    probe: |probe| probe.tail_starts_with(COOKIE) || probe.starts_with(COOKIE),
    open,
};

fn open(_object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let complete = probe.tail_starts_with(COOKIE);
    let (footer, footer_at) = if complete { (&probe.tail, probe.len.saturating_sub(512)) } else { (&probe.head, 0) };
    let kind = u32_be("vhd", footer, DISK_TYPE)?;
    let mut unsafe_references = Vec::new();
    let name = match kind {
        2 => "fixed".to_owned(),
        3 => "dynamic".to_owned(),
        4 => {
            unsafe_references.push(facts::UnsafeReference {
                what: "parent disk".to_owned(),
                at: footer_at.saturating_add(60),
                value: "disk type 4 (differencing)".to_owned(),
            });
            "differencing".to_owned()
        }
        other => format!("disk type {other}"),
    };
    let creator = text(footer.get(CREATOR..CREATOR.saturating_add(4)).unwrap_or_default(), 4);
    let trouble = if complete {
        Error::unsupported("vhd", "recognised, not read by this version")
    } else {
        // The specification ends every VHD with its footer; only the copy in front is there.
        Error::corrupt("vhd", probe.len, "the footer is missing: the object ends too early")
    };
    let facts = facts::Container {
        detail: format!("{name}, made by \"{}\"", creator.trim_end()),
        virtual_size_bytes: Some(u64_be("vhd", footer, CURRENT_SIZE)?),
        unsafe_references,
        trouble: Some(settle(trouble)?),
        ..Default::default()
    };
    Ok(Container { facts, guest: None })
}
