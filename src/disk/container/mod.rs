//! Containers: what an object is, and the disk a guest would see in it.
//!
//! [`FORMATS`] is tried in order and its last two members take what is left, so every object has a format. Damage and
//! references that no import may follow are facts, not errors: an object that cannot be opened is still described.
//! An object that lacks a part of what it names is not opened: `facts.missing` says what.

mod cache;
mod codec;
mod disk;
mod document;
mod inside;
mod layout;
mod medium;
mod pages;
mod probe;
mod qcow2;
mod raw;
mod recognised;
mod scan;
mod size;
mod stretches;
mod vhd;
mod vmdk;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use inside::is_by_looks;
pub use layout::Layout;
pub use probe::Probe;
pub use size::qcow2_file;
pub use stretches::{Allocation, Stretch, stretches};

use disk::Disk;
use layout::Extent;
use scan::Scan;

use super::{Error, ErrorKind, ReadAt, Result};
use crate::inspect::facts;

/// An object whose format is known.
pub struct Container {
    /// What was found in its header.
    pub facts: facts::Container,
    /// The disk the guest sees; `None` when the format is only recognised, or `facts.trouble` says why.
    pub guest: Option<Arc<dyn ReadAt>>,
    /// The map of that disk, for [`stretches`]; there whenever `guest` is.
    pub layout: Option<Arc<dyn Layout>>,
}

impl Container {
    /// Bytes of the object that are the disk's own, one after the other from the first on: a RAW's, and a fixed VHD's before
    /// its footer. `None` where the disk lies otherwise.
    pub fn plain(&self) -> Option<u64> {
        let layout = self.layout.as_ref()?;
        let (extent, run) = layout.find(0, u64::MAX).ok()?;
        (extent == Extent::Raw { at: 0 } && run >= layout.size()).then(|| layout.size())
    }

    /// A container without a disk.
    fn described(facts: facts::Container) -> Self {
        Self { facts, guest: None, layout: None }
    }
}

/// What an object in a given format is to somebody who wants to import it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A disk image.
    Image,
    /// An installation medium.
    Medium,
    /// Anything else: an archive, a package, a document.
    Other,
}

/// One kind of object.
#[derive(Debug)]
pub struct Format {
    /// Its name: as the clouds spell it where they do (`QCOW2`), else the field's word (`gzip`).
    pub name: &'static str,
    /// What such an object is.
    pub class: Class,
    /// One line: what to do with such an object.
    pub advice: &'static str,
    /// Whether an object is one, from its first and last bytes.
    pub probe: fn(&Probe) -> bool,
    /// Opens it. An error becomes `facts.trouble`, unless it is `Io` or `Limit`.
    pub open: fn(Arc<dyn ReadAt>, &Probe) -> Result<Container>,
}

/// Every format that is told apart, in the order of trial: what has a signature of its own first, then what is known
/// by its looks, then what is left. Those before VHD are told by their heads alone. To add one: a file here and a line in
/// this slice.
pub const FORMATS: &[&Format] = &[
    &recognised::EMPTY,
    &qcow2::FORMAT,
    &vmdk::FORMAT,
    &recognised::QCOW,
    &recognised::VHDX,
    &recognised::VDI,
    &recognised::QED,
    &recognised::PARALLELS,
    &recognised::BOCHS,
    &recognised::CLOOP,
    &recognised::LUKS,
    &vhd::FORMAT,
    &recognised::DMG,
    &medium::ISO,
    &medium::UDF,
    &medium::BIN,
    &recognised::GZIP,
    &recognised::BZIP2,
    &recognised::XZ,
    &recognised::ZSTD,
    &recognised::LZ4,
    &recognised::LZMA,
    &recognised::ZIP,
    &recognised::SEVEN_ZIP,
    &recognised::RAR,
    &recognised::CAB,
    &recognised::OVA,
    &recognised::TAR,
    &recognised::CPIO,
    &recognised::LZIP,
    &recognised::LZOP,
    &recognised::SIMG,
    &recognised::VMA,
    &recognised::EWF,
    &recognised::PARTCLONE,
    &recognised::WIM,
    &recognised::RPM,
    &recognised::DEB,
    &recognised::MSI,
    &recognised::PE,
    &recognised::ELF,
    &document::PDF,
    &document::HTML,
    &document::XML,
    &document::JSON,
    &document::TEXT,
    &raw::FORMAT,
    &recognised::DATA,
];

/// The name of a disk that is encrypted as a whole.
pub const LUKS: &str = recognised::LUKS.name;

/// The format called `name`.
pub fn descriptor(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}

/// Finds out what an object is and opens the disk in it.
///
/// # Errors
/// `Io` and `Limit` only. What is wrong with the object itself is in the facts.
pub fn open(object: Arc<dyn ReadAt>) -> Result<Container> {
    let mut probe = Probe::read_head(object.as_ref())?;
    let is_one = |format: &&&Format, probe: &Probe| (format.probe)(probe);
    let mut by_head = FORMATS.iter().take_while(|format| format.name != vhd::FORMAT.name);
    let format = if let Some(format) = by_head.find(|format| is_one(format, &probe)) {
        format
    } else {
        probe = probe.with_tail(object.as_ref())?;
        FORMATS.iter().find(|format| is_one(format, &probe)).unwrap_or(&&recognised::DATA)
    };
    let format = match format.class {
        Class::Medium if medium::is_left_over(&object, &probe)? => &&raw::FORMAT,
        _ => format,
    };
    let mut container = match (format.open)(object, &probe) {
        Ok(container) => container,
        Err(error) => Container::described(facts::Container { trouble: Some(settle(error)?), ..Default::default() }),
    };
    format.name.clone_into(&mut container.facts.format);
    container.facts.magic = hex::encode(probe.head.get(..probe.head.len().min(16)).unwrap_or_default());
    look_inside(&mut container, format)?;
    Ok(container)
}

/// An installation medium that was wrapped in a disk format is still one, and an image within an image no disk.
fn look_inside(container: &mut Container, format: &Format) -> Result<()> {
    let Some(guest) = container.guest.as_ref().filter(|_| format.name != raw::FORMAT.name) else { return Ok(()) };
    match inside::format(guest) {
        Ok(inside) => container.facts.guest_format = inside.map(|format| format.name.to_owned()),
        Err(error) => {
            container.facts.trouble = Some(settle(error)?);
            container.guest = None;
            container.layout = None;
        }
    }
    Ok(())
}

/// The fact that an error is, where it is one.
fn settle(error: Error) -> Result<facts::Trouble> {
    match error.kind {
        ErrorKind::Limit => Err(error),
        _ => facts::Trouble::from_error(error),
    }
}

/// A container of which only the name is known.
#[expect(clippy::unnecessary_wraps, reason = "the shape of `Format::open`")]
fn name_only(_object: Arc<dyn ReadAt>, _probe: &Probe) -> Result<Container> {
    Ok(Container::described(facts::Container::default()))
}

/// A container that is read: what its tables say of the object's length and the disk's use, and the disk, where nothing
/// of it is missing. An error of `open` is its trouble.
fn read(
    mut facts: facts::Container,
    open: impl FnOnce(&mut facts::Container) -> Result<(Arc<dyn Layout>, Scan)>,
) -> Result<Container> {
    let opened = open(&mut facts).and_then(|(layout, found)| {
        found.tell(&mut facts);
        found.missing.map_or(Ok(layout.clone()), |missing| Err(missing.error(layout.layer())))
    });
    match opened {
        Ok(layout) => Ok(Container { facts, guest: Some(Arc::new(Disk::new(layout.clone()))), layout: Some(layout) }),
        Err(error) => {
            facts.trouble = Some(settle(error)?);
            Ok(Container::described(facts))
        }
    }
}
