//! VMDK (Virtual Disk Format 5.0): disks in one object, `monolithicSparse` and `streamOptimized`. A disk that spans several
//! objects (flat, split, of an ESX server) is described and never opened.

mod descriptor;
mod header;
mod map;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::raw::plain;
use super::scan::scan;
use super::{Class, Container, Format, Probe, read};
use crate::disk::bytes::{range, to_u64, to_usize};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts;

use descriptor::{Descriptor, reference};
use header::{Header, MAGIC, SECTOR};
use map::Map;

const LAYER: &str = "vmdk";
/// Sparse extents of an ESX server, old ("ESX Server Sparse Extents") and new (SESparse): always beside a descriptor.
const ESX_SPARSE: &[u8] = b"COWD";
const SE_SPARSE: &[u8] = b"\xbe\xba\xfe\xca\0\0\0\0";
/// A descriptor is at most 20 sectors in practice; more than this is not looked at.
const LONGEST_DESCRIPTOR: u64 = 64 << 10;
const CONVERT: &str = "qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2";

/// The descriptor.
pub const FORMAT: Format = Format {
    name: "VMDK",
    class: Class::Image,
    advice: "Import it as it is, or convert it: qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2",
    probe: |probe| {
        [MAGIC, ESX_SPARSE, SE_SPARSE].iter().any(|magic| probe.starts_with(magic)) || descriptor::is_one(&probe.head)
    },
    open,
};

fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    if probe.starts_with(MAGIC) {
        return open_sparse(object, probe);
    }
    let mut facts = facts::Container::default();
    if probe.starts_with(ESX_SPARSE) || probe.starts_with(SE_SPARSE) {
        let name = if probe.starts_with(ESX_SPARSE) { "COWD" } else { "SESparse" };
        "sparse extent of an ESX server".clone_into(&mut facts.detail);
        facts.unsafe_references = vec![reference("descriptor in another file", 0, name)];
    } else {
        let descriptor = Descriptor::parse(&probe.head);
        facts.virtual_size_bytes = Some(descriptor.sectors.saturating_mul(SECTOR));
        facts.detail = format!("descriptor, {}", descriptor.create_type.0);
        facts.unsafe_references = descriptor.unsafe_references(0);
        if facts.unsafe_references.is_empty() {
            // Whatever it calls itself, the data is not in this object.
            facts.unsafe_references.push(reference("extent in another file", 0, &descriptor.create_type.0));
        }
    }
    read(facts, |_| Err(in_pieces()))
}

/// The error of a disk that is not in one object.
fn in_pieces() -> Error {
    Error::unsupported(LAYER, format!("one of several files of a disk; convert it where all of them are: {CONVERT}"))
}

/// An extent with a header of its own.
fn open_sparse(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let header = Header::parse(&probe.head)?;
    let base = header.descriptor_at;
    let mut facts = facts::Container { virtual_size_bytes: Some(header.size), ..Default::default() };
    let described = match embedded(object.as_ref(), probe, &header) {
        Ok(raw) => {
            let descriptor = Descriptor::parse(&raw);
            facts.detail = format!("version {}, {}", header.version, descriptor.create_type.0);
            facts.unsafe_references = descriptor.unsafe_references(base);
            if header.size == 0 && facts.unsafe_references.is_empty() && base != 0 {
                // A header that only wraps the descriptor.
                facts.virtual_size_bytes = Some(descriptor.sectors.saturating_mul(SECTOR));
                facts.unsafe_references.push(reference("extent in another file", base, &descriptor.create_type.0));
            }
            match descriptor::lacks(&raw).filter(|_| !descriptor.create_type.0.is_empty()) {
                Some(key) => Err(Error::corrupt(LAYER, base, format!("the descriptor has no number after {key}"))),
                None => Ok(!descriptor.create_type.0.is_empty()),
            }
        }
        Err(error) => {
            facts.detail = format!("version {}", header.version);
            Err(error)
        }
    };
    read(facts, |facts| {
        header.check_newlines()?;
        if !facts.unsafe_references.is_empty() {
            return Err(in_pieces());
        }
        let header = match header.at_end(object.as_ref())? {
            Ok(header) => header,
            Err(missing) => return plain(LAYER, object, 0, [missing]),
        };
        facts.virtual_size_bytes = Some(header.size);
        header.check()?;
        let missing = header.missing(object.len());
        if missing.is_empty() && !described? {
            return Err(Error::unsupported(
                LAYER,
                format!("an extent without a descriptor may be a part of a disk: {CONVERT}"),
            ));
        }
        let map = Arc::new(Map::new(object, header));
        let found = scan(map.as_ref(), missing)?;
        Ok((map, found))
    })
}

/// The descriptor inside a sparse extent; empty where there is none.
fn embedded(object: &dyn ReadAt, probe: &Probe, header: &Header) -> Result<Vec<u8>> {
    let (at, len) = (header.descriptor_at, header.descriptor_len.min(LONGEST_DESCRIPTOR));
    if at == 0 || len == 0 {
        return Ok(Vec::new());
    }
    let len = to_usize(LAYER, len)?;
    match range(LAYER, &probe.head, to_usize(LAYER, at)?, len) {
        Ok(found) => Ok(found.to_vec()),
        Err(_) if at.saturating_add(to_u64(len)) > probe.len => {
            Err(Error::corrupt(LAYER, 28, "the descriptor lies past the end of the object"))
        }
        Err(_) => object.read_vec_at(at, len),
    }
}
