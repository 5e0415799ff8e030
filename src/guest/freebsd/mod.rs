//! Facts that a FreeBSD has. They have the places that a Linux' have, where rules judge both.

mod kernel;
mod loader;
mod release;

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::device::Devices;
use crate::guest::linux::services::Start;
use crate::guest::linux::services::rcconf::RcConf;
use crate::guest::linux::{agents, cloud_init, firewall, fstab, optional, ssh};
use crate::inspect::facts::{CloudInit, Critical, Fact, Fstab, Linux, Packages};
use loader::Loader;

pub use release::read as release;

/// Folders and files without which it does not start: the last is the dynamic loader.
const CRITICAL: &[&str] = &["/sbin", "/bin", "/lib", "/libexec/ld-elf.so.1"];

/// Reads everything but release, network and accounts. What cannot be read becomes a fact of its own; only a failed
/// transport ends it.
///
/// # Errors
/// `Io`.
pub fn read(tree: &Tree, devices: &Devices) -> Result<Linux> {
    let conf = &RcConf::read(tree);
    Ok(Linux {
        fstab: Some(Fact::settle(table(tree, devices))?),
        kernels: kernel::read(tree)?,
        cloud_init: Some(with(conf, |conf| cloud_init(tree, conf))?),
        ssh: Some(with(conf, |conf| ssh::freebsd(tree, conf))?),
        firewall: Some(with(conf, |conf| Ok(firewall::freebsd(conf)))?),
        agent: Some(with(conf, |conf| agents::freebsd(tree, conf))?),
        // pkg(8) knows nothing of the base system: there is nothing to compare its files with.
        packages: Some(Fact::Known(Packages::default())),
        critical: Some(Fact::settle(critical(tree))?),
        ..Linux::default()
    })
}

/// `/etc/fstab`, by which the boot loader tells the kernel its root, unless `vfs.root.mountfrom` is set (stand/common/boot.c,
/// `getrootmount`).
fn table(tree: &Tree, devices: &Devices) -> Result<Fstab> {
    let table = fstab::read(tree, devices).and_then(fstab::whole)?;
    let told = Fact::settle(Loader::read(tree))?;
    let names_root = told.known().is_some_and(|loader| loader.value("vfs.root.mountfrom").is_none());
    Ok(Fstab { names_root, ..table })
}

/// A fact that rests on rc.conf.
fn with<T>(conf: &Result<RcConf>, read: impl FnOnce(&RcConf) -> Result<T>) -> Result<Fact<T>> {
    Fact::settle(conf.as_ref().map_err(Error::clone).and_then(read))
}

fn critical(tree: &Tree) -> Result<Critical> {
    let mut found = Critical::default();
    for path in CRITICAL {
        if optional(tree.stat(path))?.is_none() {
            found.missing.push((*path).to_owned());
        }
    }
    Ok(found)
}

/// cloud-init of the ports collection: a program, and a script of rc(8) that asks `cloudinit_enable`.
fn cloud_init(tree: &Tree, conf: &RcConf) -> Result<CloudInit> {
    let Some((installed, version)) = cloud_init::installed(tree, &Ok(None))? else { return Ok(CloudInit::default()) };
    let enabled_by = match conf.start("cloudinit_enable") {
        Start::Enabled { by } => Some(by),
        Start::Unknown { why } => return Err(Error::unsupported("cloud-init", why)),
        _ => None,
    };
    Ok(CloudInit { installed: Some(installed), version, enabled_by, ..CloudInit::default() })
}

#[cfg(test)]
mod tests;
