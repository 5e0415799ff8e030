//! QCOW2, versions 2 and 3 (QEMU, docs/interop/qcow2.rst): the disk that a guest sees, read without writing anything.
//!
//! A disk that leads to another file (backing file, external data file), is encrypted, or sets a feature bit that is
//! not known here is described and never opened. Snapshots are ignored: the active disk is what is imported.

mod counts;
mod extensions;
mod header;
mod map;
mod snapshots;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::scan::scan;
use super::{Class, Container, Format, Probe, read};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts;

use extensions::Extensions;
use header::{Header, MAGIC};
use map::Map;

const LAYER: &str = "qcow2";
/// Fetched at once: writers put the first tables here, and what the guest's disk begins with.
const FRONT: u64 = 1 << 20;

/// The descriptor. Version 1 is another format, `QCOW`.
pub const FORMAT: Format = Format {
    name: "QCOW2",
    class: Class::Image,
    advice: "Import it as it is",
    probe: |probe| probe.starts_with(MAGIC) && !probe.has(4, &[0, 0, 0, 1]),
    open,
};

fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let header = Header::parse(&probe.head)?;
    let facts = facts::Container {
        detail: header.detail(),
        marked_corrupt: header.is_corrupt(),
        virtual_size_bytes: Some(header.size),
        unsafe_references: header.unsafe_references(&probe.head),
        ..Default::default()
    };
    read(facts, |facts| {
        if header.crypt_method != 0 {
            return Err(Error::encrypted(LAYER, "the guest's data are encrypted").at(header::CRYPT_METHOD));
        }
        if let Some(reference) = facts.unsafe_references.first() {
            return Err(Error::unsupported(LAYER, format!("{} is not followed", reference.what)).at(reference.at));
        }
        header.check()?;
        let (extensions, cut) = match Extensions::parse(&header, &probe.head, object.len())? {
            Ok(extensions) => (extensions, None),
            Err(missing) => (Extensions::default(), Some(missing)),
        };
        let missing: Vec<_> = header.missing(object.len(), &extensions).chain(cut).collect();
        object.will_read(0, FRONT)?;
        let map = Arc::new(Map::new(object, header));
        snapshots::check(&map.header, &map.pages)?;
        let mut found = scan(map.as_ref(), missing)?;
        counts::complete(&map, &mut found)?;
        Ok((map, found))
    })
}
