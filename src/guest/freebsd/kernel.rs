//! The kernel that starts, and how it has virtio: built in, as GENERIC has it since 10.0, or loaded with it.

use std::io::{BufReader, Read};

use super::loader::{Loader, kernel_folder};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::stream::{FileStream, compression};
use crate::guest::linux::{PATH_MAX, cut, from_io, optional};
use crate::inspect::facts::{Driver, DriverState, Fact, Kernel};

const LAYER: &str = "kernel";
/// Most of a kernel that is searched.
const MAX_KERNEL: u64 = 256 << 20;
const CHUNK: u64 = 1 << 20;

/// A driver by the name that Linux has for it.
struct Known {
    name: &'static str,
    /// Names that a kernel with it built in has among its strings: of modules, which a kernel registers, and of functions.
    inside: &'static [&'static str],
    /// Its module.
    module: &'static str,
}

/// What a disk and a network on virtio need (virtio(4), virtio_blk(4), vtnet(4)).
const KNOWN: &[Known] = &[
    Known { name: "virtio_blk", inside: &["virtio_blk", "vtblk_attach"], module: "virtio_blk" },
    Known { name: "virtio_pci", inside: &["virtio_pci", "vtpci_attach"], module: "virtio_pci" },
    Known { name: "virtio_net", inside: &["vtnet", "vtnet_attach"], module: "if_vtnet" },
];

/// The kernel that starts; none where that is not known.
///
/// # Errors
/// `Io`. Every other trouble leaves a state `Unknown`.
pub fn read(tree: &Tree) -> Result<Vec<Kernel>> {
    let loader = Loader::read(tree).and_then(|loader| Ok((kernel_folder(&loader)?, loader)));
    let Fact::Known((folder, loader)) = Fact::settle(loader)? else { return Ok(Vec::new()) };
    let mut path = format!("{folder}/kernel");
    if !matches!(Fact::settle(tree.exists(&path))?, Fact::Known(true)) {
        path.push_str(".gz");
    }
    let found = Fact::settle(built_in(tree, &path))?;
    if matches!(&found, Fact::Unreadable(trouble) if trouble.kind == crate::inspect::facts::TroubleKind::NotFound) {
        return Ok(Vec::new());
    }
    let mut drivers = Vec::new();
    for known in KNOWN {
        let built_in = found.known().is_some_and(|found| found.contains(&known.name));
        let driver = Driver { name: known.name.to_owned(), ..Driver::default() };
        drivers.push(match Fact::settle(loaded(tree, &folder, &loader, known))? {
            _ if built_in => Driver { state: DriverState::Builtin, ..driver },
            Fact::Known(Some(place)) => Driver { state: DriverState::Module, in_initramfs: Some(place), ..driver },
            // A kernel of one's own may have it under a name that is not known.
            Fact::Known(None) | Fact::Unreadable(_) => driver,
        });
    }
    let path = cut(&path, PATH_MAX);
    Ok(vec![Kernel { version: String::new(), path, default: true, drivers, ..Kernel::default() }])
}

/// The drivers of [`KNOWN`] that a kernel has inside.
fn built_in(tree: &Tree, path: &str) -> Result<Vec<&'static str>> {
    let mut stream = FileStream::new(tree, path, 0);
    let kind = compression(stream.peek(6)?);
    let found = match kind {
        Some(kind) => kind.decoder(&mut stream).and_then(search),
        None if tree.stat(path).is_ok() => search(&mut stream),
        None => return Err(Error::not_found(LAYER, "no kernel")),
    };
    found.map_err(|error| stream.failure().unwrap_or(Error { layer: LAYER, ..error }))
}

/// Goes through an unpacked kernel.
fn search(kernel: impl Read) -> Result<Vec<&'static str>> {
    let mut kernel = BufReader::new(kernel.take(MAX_KERNEL));
    let mut bytes: Vec<u8> = Vec::new();
    let mut found = Vec::new();
    loop {
        let read = kernel.by_ref().take(CHUNK).read_to_end(&mut bytes).map_err(|error| from_io(LAYER, &error))?;
        for known in KNOWN {
            if !found.contains(&known.name) && known.inside.iter().any(|name| has_name(&bytes, name)) {
                found.push(known.name);
            }
        }
        if read == 0 || found.len() == KNOWN.len() {
            return Ok(found);
        }
        // The end of a name, with what stands before it.
        let keep = bytes.len().saturating_sub(64);
        bytes.drain(..keep);
    }
}

/// Whether a string of the kernel is this name, or ends in it behind a slash: a driver is registered as
/// `virtio_pci/virtio_blk` (sys/module.h, `DRIVER_MODULE`). The kernel's configuration, which many have inside as text, has
/// it between spaces.
fn has_name(bytes: &[u8], name: &str) -> bool {
    let ends = |window: &[u8]| {
        let inner = window.get(1..window.len().saturating_sub(1));
        inner == Some(name.as_bytes()) && matches!(window.first(), Some(0 | b'/')) && window.last() == Some(&0)
    };
    bytes.windows(name.len().saturating_add(2)).any(ends)
}

/// Where loader.conf says that the driver is loaded; `None` where it does not, or the module is not there.
fn loaded(tree: &Tree, folder: &str, loader: &Loader, known: &Known) -> Result<Option<String>> {
    let Some(place) = loader.says_yes(&format!("{}_load", known.module)) else { return Ok(None) };
    for folder in [folder, "/boot/modules"] {
        if optional(tree.stat(&format!("{folder}/{}.ko", known.module)))?.is_some() {
            return Ok(Some(cut(&format!("{folder}/{}.ko by {place}", known.module), PATH_MAX)));
        }
    }
    Ok(None)
}
