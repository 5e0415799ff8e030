//! VMDK (Virtual Disk Format 5.0): recognised, its header and descriptor read.

use std::sync::Arc;

use super::{Class, Container, Format, Probe, settle};
use crate::disk::bytes::{range, text, to_u64, to_usize, u32_le, u64_le};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::{self, UnsafeReference};

/// Sparse extent header ("Hosted Sparse Extents").
const SPARSE: &[u8] = b"KDMV";
/// Sparse extent of an ESX server ("ESX Server Sparse Extents"): always beside a descriptor.
const ESX_SPARSE: &[u8] = b"COWD";
/// A descriptor in a file of its own.
const DESCRIPTOR: &[u8] = b"# Disk DescriptorFile";
const SECTOR: u64 = 512;
/// A descriptor is at most 20 sectors in practice; more than this is not looked at.
const LONGEST_DESCRIPTOR: u64 = 64 << 10;
/// The two layouts that keep the whole disk in one object.
const ONE_OBJECT: [&str; 2] = ["monolithicSparse", "streamOptimized"];
/// `parentCID` of a disk without a parent.
const NO_PARENT: &str = "ffffffff";
const MOST_REFERENCES: usize = 8;

/// The descriptor.
pub const FORMAT: Format = Format {
    name: "VMDK",
    class: Class::Image,
    advice: "Import it as it is, or convert it: qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2",
    probe: |probe| {
        [SPARSE, ESX_SPARSE].iter().any(|magic| probe.starts_with(magic))
            || probe.head.trim_ascii_start().starts_with(DESCRIPTOR)
    },
    open,
};

#[expect(clippy::needless_pass_by_value, reason = "the shape of `Format::open`")]
fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let mut facts = facts::Container::default();
    if probe.starts_with(SPARSE) {
        let capacity = u64_le("vmdk", &probe.head, 12)?;
        facts.virtual_size_bytes = capacity.checked_mul(SECTOR);
        let version = u32_le("vmdk", &probe.head, 4)?;
        let at = u64_le("vmdk", &probe.head, 28)?.saturating_mul(SECTOR);
        let len = u64_le("vmdk", &probe.head, 36)?.saturating_mul(SECTOR).min(LONGEST_DESCRIPTOR);
        let descriptor = if len == 0 { Vec::new() } else { embedded(object.as_ref(), probe, at, len)? };
        let descriptor = Descriptor::parse(&descriptor);
        facts.detail = format!("version {version}, {}", descriptor.create_type.0);
        facts.unsafe_references = descriptor.unsafe_references(at);
    } else if probe.starts_with(ESX_SPARSE) {
        "sparse extent of an ESX server".clone_into(&mut facts.detail);
        facts.unsafe_references = vec![reference("descriptor in another file", 0, "COWD")];
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
    facts.trouble = Some(settle(Error::unsupported("vmdk", "recognised, not read by this version"))?);
    Ok(Container { facts, guest: None })
}

fn reference(what: &str, at: u64, value: &str) -> UnsafeReference {
    UnsafeReference { what: what.to_owned(), at, value: text(value.as_bytes(), 64) }
}

/// The descriptor inside a sparse extent.
fn embedded(object: &dyn ReadAt, probe: &Probe, at: u64, len: u64) -> Result<Vec<u8>> {
    let len = to_usize("vmdk", len)?;
    match range("vmdk", &probe.head, to_usize("vmdk", at)?, len) {
        Ok(found) => Ok(found.to_vec()),
        Err(_) if at.saturating_add(to_u64(len)) > probe.len => {
            Err(Error::corrupt("vmdk", 28, "the descriptor lies past the end of the object"))
        }
        Err(_) => object.read_vec_at(at, len),
    }
}

/// What a descriptor says, each with its offset in it.
#[derive(Default)]
struct Descriptor {
    create_type: (String, u64),
    parent: Option<(String, u64)>,
    /// Names of the extents' files.
    extents: Vec<(String, u64)>,
    /// Size of all extents.
    sectors: u64,
}

impl Descriptor {
    fn parse(raw: &[u8]) -> Self {
        let mut found = Self::default();
        let raw = raw.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut at = 0_u64;
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            found.line(text(line, 512).trim(), at);
            at = at.saturating_add(to_u64(line.len()));
        }
        found
    }

    fn line(&mut self, line: &str, at: u64) {
        if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim() {
                "createType" => self.create_type = (value, at),
                "parentCID" if !value.eq_ignore_ascii_case(NO_PARENT) => self.parent = Some((value, at)),
                "parentFileNameHint" => self.parent = Some((value, at)),
                _ => {}
            }
            return;
        }
        // An extent: access, sectors, type, "file name", offset.
        let mut words = line.split_ascii_whitespace();
        if matches!(words.next(), Some("RW" | "RDONLY" | "NOACCESS")) {
            let sectors = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            self.sectors = self.sectors.saturating_add(sectors);
            if let Some(name) = line.split('"').nth(1) {
                self.extents.push((name.to_owned(), at));
            }
        }
    }

    /// What leads out of the object; offsets counted from `base`.
    fn unsafe_references(&self, base: u64) -> Vec<UnsafeReference> {
        let mut found = Vec::new();
        let (kind, at) = &self.create_type;
        if !kind.is_empty() && !ONE_OBJECT.contains(&kind.as_str()) {
            found.push(reference("createType that spans several files", base.saturating_add(*at), kind));
        }
        if let Some((parent, at)) = &self.parent {
            found.push(reference("parent disk", base.saturating_add(*at), parent));
        }
        for (name, at) in self.extents.iter().filter(|(name, _)| name.contains(['/', '\\'])) {
            found.push(reference("extent in another place", base.saturating_add(*at), name));
        }
        found.truncate(MOST_REFERENCES);
        found
    }
}
