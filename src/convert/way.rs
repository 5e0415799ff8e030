//! What becomes of an object: it is copied as it is, or its disk is written anew, in another format or larger.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::encode::{Compression, Disk, Target, grow};
use crate::api::{self, Destination, Format};
use crate::disk::container::{self, Container};
use crate::disk::{Error, ReadAt, Result};

/// Bytes of a GiB.
const GIB: u64 = 1 << 30;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// The format that the object was found to have.
    pub found: Option<Format>,
    /// The format it is written in; `None` for its own.
    pub target: Option<Target>,
    /// The object that is written, and how large its disk shall be.
    pub destination: &'a Destination,
}

/// What becomes of it.
pub(super) enum Way {
    /// The object stays as it is. Of a RAW and a fixed VHD the first so many bytes are the disk's.
    Copy(Option<u64>),
    /// The disk is written.
    Write(Disk, Target),
}

/// Decides, and opens the disk where that has to be read. `bytes` are the object's.
///
/// # Errors
/// `Unsupported` for what is not written, a smaller disk among it, and what is not read; `Corrupt` where the image is
/// damaged; those of the object.
pub(super) fn choose(bytes: Arc<dyn ReadAt>, wish: Wish) -> Result<Way> {
    let size_gib = wish.destination.virtual_size_gib;
    if wish.target.is_none() && size_gib.is_none() {
        // Only these formats can hold their disk byte by byte.
        let plain = matches!(wish.found, Some(Format::Raw | Format::Vhd));
        return Ok(Way::Copy(if plain { container::open(bytes)?.plain() } else { None }));
    }
    let container = container::open(bytes)?;
    let disk = Disk::of(&container).ok_or_else(|| unread(&container))?;
    let larger = size_gib.map(|gib| size_asked(gib, disk.size())).transpose()?.filter(|size| *size > disk.size());
    let target = match (wish.target, larger) {
        (Some(target), _) => target,
        (None, Some(_)) => own_format(&container, wish.destination)?,
        (None, None) => return Ok(Way::Copy(container.plain())),
    };
    let disk = match larger {
        Some(size) => grown(disk, size)?,
        None => disk,
    };
    Ok(Way::Write(disk, target))
}

/// How a format is written: as the clouds recommend it, and any program reads it, where nothing else is asked for. `url` of
/// the destination is the object's.
///
/// # Errors
/// `Unsupported` for VMDK.
pub fn target(format: Format, destination: &Destination) -> Result<Target> {
    match format {
        Format::Raw => Ok(Target::Raw),
        Format::Qcow2 => Ok(Target::qcow2(match destination.compression {
            Some(api::Compression::None) => Compression::None,
            Some(api::Compression::Zlib) | None => Compression::Zlib,
            Some(api::Compression::Zstd) => Compression::Zstd,
        })),
        Format::Vhd => Ok(Target::VhdDynamic { id: id(&destination.url) }),
        Format::Vmdk => Err(Error::unsupported(
            "convert",
            "VMDK is read, and not written: set `spec.destination.format` to RAW, QCOW2 or VHD",
        )),
    }
}

/// A disk's id, the same for the same object: two attempts at it write the same bytes.
fn id(url: &str) -> [u8; 16] {
    Sha256::digest(url).first_chunk().copied().unwrap_or_default()
}

/// The size in bytes, which is one of whole MiB.
fn size_asked(gib: i32, has: u64) -> Result<u64> {
    let size = u64::try_from(gib).unwrap_or(0).saturating_mul(GIB);
    if size < has {
        let what = format!(
            "the image's disk has {has} bytes, and `spec.destination.virtualSizeGiB` asks for {gib} GiB, which are {size} \
             bytes: a disk is made larger, never smaller"
        );
        return Err(Error::unsupported("convert", what));
    }
    Ok(size)
}

/// The format that the object has already. A fixed VHD stays one.
fn own_format(container: &Container, destination: &Destination) -> Result<Target> {
    let formats = [Format::Raw, Format::Qcow2, Format::Vhd, Format::Vmdk];
    let format = formats.into_iter().find(|format| format.name() == container.facts.format);
    match (target(format.ok_or_else(|| unread(container))?, destination)?, container.plain()) {
        (Target::VhdDynamic { id }, Some(_)) => Ok(Target::VhdFixed { id }),
        (target, _) => Ok(target),
    }
}

fn grown(disk: Disk, size: u64) -> Result<Disk> {
    let head = usize::try_from(disk.size()).map_or(grow::HEAD, |size| size.min(grow::HEAD));
    let patches = grow::backup_gpt(&disk.guest().read_vec_at(0, head)?, size)?;
    Ok(disk.grown(size)?.patched(patches))
}

fn unread(container: &Container) -> Error {
    match &container.facts.trouble {
        Some(trouble) => Error::unsupported("container", trouble.what.clone()),
        None => Error::unsupported("container", format!("{} is not read", container.facts.format)),
    }
}
