//! What CoreOS and its kin start, and what sets the machine up (Flatcar's documentation, "Disk layout", "Boot process").
//!
//! GRUB's configuration is inside its core: it takes the `/usr` whose turn it is, and the kernel of that name.

use super::{PATH_MAX, System, cut, embedded, optional};
use crate::disk::partition::is_coreos_usr;
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::inspect::facts::{Boot, CloudInit, DriverState, Evident, Fact, Kernel, Partition};

const LAYER: &str = "boot loader";
/// The partition that is started with the kernel a; any other one is started with the kernel b.
const USR_A: &str = "7130c94a-213a-4e5a-8e26-6cce9662f132";
/// Folders of the EFI system partition, which is at `/boot`.
const FOLDERS: &[&str] = &["/boot/coreos", "/boot/flatcar"];
const CLOUD_INIT: &str = "/usr/bin/coreos-cloudinit";
/// Makes Ignition run in the initial ramdisk at the next start.
const FIRST_BOOT: &str = "first_boot";

/// The partition at `/usr`, where that is CoreOS'.
pub fn usr<'a>(system: &System<'a>) -> Option<&'a Partition> {
    let mount = system.mounts.iter().find(|mount| mount.at == "/usr")?;
    system.devices.partition_of(&mount.volume).filter(|partition| is_coreos_usr(partition))
}

/// What starts with that `/usr`.
///
/// # Errors
/// `Unsupported` where no kernel for it is there, and what the filesystem reports.
pub fn boot(system: &System, usr: &Partition) -> Result<Boot> {
    let slot = if usr.uuid == USR_A || usr.name == "USR-A" { "a" } else { "b" };
    let named = if usr.name.is_empty() { format!("partition {}", usr.number) } else { cut(&usr.name, 64) };
    for folder in FOLDERS {
        let kernel = format!("{folder}/vmlinuz-{slot}");
        if system.tree.exists(&kernel)? {
            let place = match usr.priority {
                Some(priority) => format!("partition {}, priority {priority}", usr.number),
                None => format!("partition {}", usr.number),
            };
            return Ok(Boot {
                loader: "grub2".to_owned(),
                entry: Evident { value: named, place },
                kernel,
                root: system.mounts.first().map(|mount| mount.volume.clone()),
                ..Boot::default()
            });
        }
    }
    Err(Error::unsupported(LAYER, format!("the EFI system partition has no kernel vmlinuz-{slot} for {named}")))
}

/// Adds to the kernel that starts what the initial ramdisk inside it has, where its modules alone do not tell.
///
/// # Errors
/// `Io`.
pub fn with_embedded(tree: &Tree, kernel: &mut Kernel) -> Result<()> {
    if kernel.drivers.iter().all(|driver| driver.state != DriverState::Module) {
        return Ok(());
    }
    kernel.initramfs = match Fact::settle(embedded::read(tree, &kernel.path, &kernel.version))? {
        Fact::Known(None) => return Ok(()),
        Fact::Known(Some(mut embedded)) => {
            for driver in &mut kernel.drivers {
                driver.in_initramfs = embedded.drivers.remove(driver.name.as_str());
            }
            Some(Fact::Known(embedded.facts))
        }
        Fact::Unreadable(trouble) => Some(Fact::Unreadable(trouble)),
    };
    Ok(())
}

/// What sets the machine up: coreos-cloudinit, or Ignition where it is going to run.
///
/// # Errors
/// What the filesystem reports.
pub fn agent(tree: &Tree) -> Result<CloudInit> {
    let found = |value: &str, place: &str| {
        let place = cut(place, PATH_MAX);
        CloudInit { installed: Some(Evident { value: value.to_owned(), place }), ..CloudInit::default() }
    };
    for folder in FOLDERS {
        let flag = format!("{folder}/{FIRST_BOOT}");
        if optional(tree.stat(&flag))?.is_some() {
            return Ok(found("ignition", &flag));
        }
    }
    Ok(if tree.exists(CLOUD_INIT)? { found("coreos-cloudinit", CLOUD_INIT) } else { CloudInit::default() })
}
