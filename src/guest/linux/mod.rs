//! Facts that only a Linux has.

pub mod accounts;
pub mod architecture;
pub mod bootloader;
pub mod cloud_init;
mod cpio;
pub mod device;
mod drivers;
mod escape;
pub mod fstab;
mod image;
mod initramfs;
pub mod kernel;
pub mod network;
pub mod packages;
pub mod release;
mod selinux;
mod stream;
#[cfg(test)]
mod tests;

use crate::disk::{Error, Result, bytes};
use crate::guest::Tree;
use crate::guest::root::MountPoint;
use crate::inspect::facts::{Boot, Fact, Linux};
use device::Devices;

/// Most characters of a path that go into the facts.
pub(crate) const PATH_MAX: usize = 256;
/// Most characters of a line that go into the facts.
pub(crate) const LINE_MAX: usize = 512;

/// A Linux system as its own files show it, and the disk that it is on.
#[derive(Clone, Copy)]
pub struct System<'a> {
    /// Its files.
    pub tree: &'a Tree,
    /// What device names mean.
    pub devices: Devices<'a>,
    /// Which volume is mounted where, `/` first.
    pub mounts: &'a [MountPoint],
    /// The first sector of the disk.
    pub boot_sector: &'a [u8],
}

/// Reads everything. What cannot be read becomes a fact of its own; only a failed transport ends it.
///
/// # Errors
/// `Io`.
pub fn read(system: &System) -> Result<Linux> {
    let fstab = Fact::settle(fstab::read(system.tree, &system.devices).and_then(fstab::whole))?;
    let boot = Fact::settle(bootloader::read(system))?;
    let kernels = kernel::read(system, boot.known())?;
    let line = boot.known().map(|boot| boot.command_line.as_str());
    let cloud_init = Fact::settle(cloud_init::read(system.tree, line))?;
    let selinux = Fact::settle(selinux::read(system.tree, line, kernels.first()))?;
    let boot = match boot {
        Fact::Known(boot) => Fact::Known(Boot { command_line: cut(&boot.command_line, LINE_MAX), ..boot }),
        unreadable @ Fact::Unreadable(_) => unreadable,
    };
    Ok(Linux { fstab: Some(fstab), boot: Some(boot), kernels, cloud_init: Some(cloud_init), selinux: Some(selinux) })
}

/// Guest-controlled text that is fit to be a fact: no control characters, at most `max` characters.
pub(crate) fn cut(text: &str, max: usize) -> String {
    bytes::text(text.as_bytes(), max)
}

/// `None` for what is not there.
pub(crate) fn optional<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error that a decoder passed on through `std::io`, as it was before.
pub(crate) fn from_io(layer: &'static str, error: &std::io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(inner) => inner.clone(),
        None => Error::new(crate::disk::ErrorKind::Corrupt, layer, cut(&error.to_string(), 120)),
    }
}

/// A file of the real-world collection, where the machine has it.
#[cfg(test)]
pub(crate) fn testdata(name: &str) -> Option<Vec<u8>> {
    let found = std::fs::read(testdata_dir()?.join(name));
    Some(found.unwrap_or_else(|e| panic!("the collection lacks {name}: {e}")))
}

/// An archive of the real-world collection, unpacked.
#[cfg(test)]
pub(crate) fn testarchive(name: &str) -> Option<tempfile::TempDir> {
    let archive = testdata_dir()?.join(name);
    let dir = tempfile::tempdir().unwrap();
    let tar = std::process::Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(dir.path()).status();
    assert!(tar.expect("tar is needed (Debian: tar, xz-utils)").success(), "{}", archive.display());
    Some(dir)
}

#[cfg(test)]
fn testdata_dir() -> Option<std::path::PathBuf> {
    let dir = std::env::var_os("IMAGE_IMPORT_TESTDATA").map(std::path::PathBuf::from).or_else(|| {
        let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/testdata");
        beside.is_dir().then_some(beside)
    });
    if dir.is_none() {
        eprintln!("skipped: no collection (set IMAGE_IMPORT_TESTDATA)");
    }
    dir
}
