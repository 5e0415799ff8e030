//! Facts that only a Linux has.

pub mod accounts;
pub mod agents;
pub mod architecture;
mod blocks;
pub mod bootloader;
pub mod cloud_init;
mod coreos;
mod cpio;
pub mod device;
mod dracut;
pub mod drivers;
pub mod embedded;
mod escape;
pub mod firewall;
pub mod fstab;
pub mod glob;
mod image;
mod ini;
mod initramfs;
pub mod kernel;
mod lz4;
mod lzma;
mod lzop;
pub mod network;
pub mod packages;
pub mod release;
pub(crate) mod selinux;
pub mod services;
mod shell;
pub mod ssh;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod yaml;

use crate::disk::{Error, Result, bytes};
use crate::guest::Tree;
use crate::guest::root::MountPoint;
use crate::inspect::facts::{
    Boot, BootModes, CloudInit, Fact, Fstab, Kernel, Linux, Network, Packages, ReleasePackage,
};
use device::Devices;
use services::Services;

/// Most characters of a path that go into the facts.
pub(crate) const PATH_MAX: usize = 256;
/// Most characters of a line that go into the facts.
pub(crate) const LINE_MAX: usize = 512;
/// Most names of one directory of configuration.
const MAX_NAMES: usize = 4096;
/// Most packages that say which distribution it is, and most characters of their names and versions.
const RELEASES: usize = 8;
const RELEASE_MAX: usize = 64;

/// A Linux system as its own files show it, and the disk that it is on.
#[derive(Clone, Copy)]
pub struct System<'a> {
    /// Its files.
    pub tree: &'a Tree,
    /// What device names mean.
    pub devices: Devices<'a>,
    /// Which volume is mounted where, `/` first.
    pub mounts: &'a [MountPoint],
    /// Which boot loader a firmware finds on the disk; `None` where that is not known.
    pub modes: Option<&'a BootModes>,
}

/// Reads everything, and how the network comes up. What cannot be read becomes a fact of its own; only a failed
/// transport ends it.
///
/// # Errors
/// `Io`.
pub fn read(system: &System) -> Result<(Linux, Fact<Network>)> {
    rest(system, start(system)?)
}

/// How it starts.
pub struct Start {
    fstab: Fact<Fstab>,
    boot: Fact<Boot>,
    kernels: Vec<Kernel>,
}

impl Start {
    /// The default entry's command line, where that is known.
    pub fn line(&self) -> Option<&str> {
        self.boot.known().map(|boot| boot.command_line.as_str())
    }

    /// The kernel that starts, or any other.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernels.first()
    }
}

/// The first half of [`read`]: what is mounted, and the kernels with their initial ramdisks, which are the most bytes.
///
/// # Errors
/// `Io`.
pub fn start(system: &System) -> Result<Start> {
    let fstab = Fact::settle(fstab::read(system.tree, &system.devices).and_then(fstab::whole))?;
    let coreos = coreos::usr(system);
    let boot = Fact::settle(match coreos {
        Some(usr) => coreos::boot(system, usr),
        None => bootloader::read(system),
    })?;
    let mut kernels = kernel::read(system, boot.known())?;
    if let (Some(_), Some(kernel)) = (coreos, kernels.first_mut().filter(|kernel| kernel.default)) {
        coreos::with_embedded(system.tree, kernel)?;
    }
    let boot =
        match (boot, kernels.first().filter(|kernel| kernel.default).and_then(|kernel| kernel.initramfs.as_ref())) {
            (Fact::Known(boot), Some(Fact::Known(initramfs))) => {
                Fact::Known(bootloader::with_initramfs(initramfs, &system.devices, boot))
            }
            (boot, _) => boot,
        };
    Ok(Start { fstab, boot, kernels })
}

/// The second half: what the system is configured to do once it runs.
///
/// # Errors
/// `Io`.
pub fn rest(system: &System, start: Start) -> Result<(Linux, Fact<Network>)> {
    let coreos = coreos::usr(system);
    let (line, kernel) = (start.line(), start.kernel());
    let database = packages::read(system.tree);
    let services = &Services::open(system.tree, line);
    let cloud_init = of(services, |services| cloud_init::read(system.tree, services, line, &database))?;
    let network =
        of(services, |services| network::read(system.tree, services, line.unwrap_or_default(), cloud_init.known()))?;
    // What CoreOS has in its place sets up no network.
    let cloud_init = match cloud_init {
        Fact::Known(CloudInit { installed: None, .. }) if coreos.is_some() => Fact::settle(coreos::agent(system.tree))?,
        found => found,
    };
    let known = database.as_ref().ok().and_then(Option::as_ref);
    let ssh = of(services, |services| ssh::read(system.tree, services, cloud_init.known(), known))?;
    let firewall = of(services, |services| firewall::read(system.tree, services))?;
    let agent = of(services, |services| agents::read(system.tree, services, &database))?;
    let selinux = Fact::settle(selinux::read(system.tree, line, kernel))?;
    let database = Fact::settle(database)?;
    let known = database.known().and_then(Option::as_ref);
    let packages = match &database {
        Fact::Known(found) => Fact::settle(packaged(system.tree, found.as_ref(), kernel))?,
        Fact::Unreadable(trouble) => Fact::Unreadable(trouble.clone()),
    };
    let critical = Fact::settle(packages::critical::read(system.tree, known))?;
    let release = Fact::settle(release::read(system.tree))?;
    let issue = Fact::settle(packages::issue::read(system.tree, known, release.known()))?;
    let init = services.as_ref().map(Services::kind).unwrap_or_default();
    let Start { fstab, boot, kernels } = start;
    let boot = match boot {
        Fact::Known(boot) => Fact::Known(Boot { command_line: cut(&boot.command_line, LINE_MAX), ..boot }),
        unreadable @ Fact::Unreadable(_) => unreadable,
    };
    let linux = Linux {
        fstab: Some(fstab),
        boot: Some(boot),
        kernels,
        init,
        cloud_init: Some(cloud_init),
        ssh: Some(ssh),
        firewall: Some(firewall),
        agent: Some(agent),
        selinux: Some(selinux),
        packages: Some(packages),
        critical: Some(critical),
        issue: Some(issue),
    };
    Ok((linux, network))
}

/// A fact that rests on what starts.
fn of<T>(services: &Result<Services>, read: impl FnOnce(&Services) -> Result<T>) -> Result<Fact<T>> {
    Fact::settle(match services {
        Ok(services) => read(services),
        Err(error) => Err(error.clone()),
    })
}

/// What of the package database goes into the facts. `kernel` is the default entry's, where that is known.
pub(crate) fn packaged(tree: &Tree, found: Option<&packages::Packages>, kernel: Option<&Kernel>) -> Result<Packages> {
    let Some(found) = found else { return Ok(Packages::default()) };
    let kernel = match kernel.filter(|kernel| kernel.default) {
        Some(kernel) => packages::kernel::package(tree, found, kernel)?,
        None => None,
    };
    let release = found.installed.iter().filter(|package| packages::is_release(&package.name)).take(RELEASES);
    let release = release.map(|package| ReleasePackage {
        name: cut(&package.name, RELEASE_MAX),
        version: cut(&package.version, RELEASE_MAX),
    });
    Ok(Packages {
        manager: found.manager.name().to_owned(),
        format: found.format.to_owned(),
        kernel,
        release: release.collect(),
    })
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

/// The names in a directory, sorted; none where it is not there.
///
/// # Errors
/// `Limit` for more than 4096, and what the filesystem reports.
pub(crate) fn names(tree: &Tree, dir: &str) -> Result<Vec<String>> {
    Ok(optional(tree.list(dir, MAX_NAMES))?.unwrap_or_default())
}

/// An error that a decoder passed on through `std::io`, as it was before.
pub(crate) fn from_io(layer: &'static str, error: &std::io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(inner) => inner.clone(),
        // A decoder that was told how much memory it may take.
        None if error.kind() == std::io::ErrorKind::OutOfMemory => stream::too_wide(layer),
        None => Error::new(crate::disk::ErrorKind::Corrupt, layer, cut(&error.to_string(), 120)),
    }
}

/// A file of the real-world collection, where the machine has it.
#[cfg(test)]
pub(crate) fn testdata(name: &str) -> Option<Vec<u8>> {
    crate::disk::testkit::sample(name)
}

/// An archive of the real-world collection, unpacked.
#[cfg(test)]
pub(crate) fn testarchive(name: &str) -> Option<tempfile::TempDir> {
    use crate::disk::testkit::{collection, unarchived};
    Some(unarchived(&collection()?.join(name)))
}
