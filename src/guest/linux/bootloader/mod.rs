//! The boot loader, and what it starts when nobody is at the keyboard.

mod addons;
mod choice;
mod extlinux;
mod grub;
mod legacy;
mod place;
mod systemd_boot;
#[cfg(test)]
mod tests;
mod unified;
mod version;

use super::{PATH_MAX, System, cut, dracut, image, optional};
use crate::disk::{Error, Result};
use crate::guest::linux::device::Devices;
use crate::inspect::facts::{Boot, Dracut, Evident, Fact, Initramfs, KernelFault, Menu};
use place::Places;

const LAYER: &str = "boot loader";
/// What a loader that searches by a UUID does not find; the UUID follows.
pub const NO_VOLUME: &str = "no volume has the UUID";
/// Most characters of a kernel command line that count: twice what x86 kernels take (`COMMAND_LINE_SIZE`).
const COMMAND_LINE: usize = 4096;
/// Most initial ramdisks of an entry.
const MAX_INITRDS: usize = 16;

/// What a configuration boots by default.
struct Found {
    loader: &'static str,
    title: String,
    place: String,
    kernel: String,
    initrd: Vec<String>,
    command_line: String,
    hypervisor: bool,
    /// There is no other entry.
    alone: bool,
    /// What makes the loader wait for somebody at the keyboard.
    waits: Option<String>,
}

/// What is booted by default. The command line is whole here, longer than what the facts keep of it.
///
/// Where several configurations may be the one that counts (for a BIOS and for UEFI, or because it is not known which
/// loader starts), they have to agree.
///
/// # Errors
/// `NotFound` where the loader that starts finds no configuration, or its default entry names what is not on the disk;
/// `Unsupported` where the loader or what decides its choice is not understood; what the filesystem reports.
pub fn read(system: &System) -> Result<Boot> {
    let configurations = choice::configurations(system)?;
    let unused = choice::unused(system, &configurations)?;
    let mut boots = Vec::new();
    for (kind, config) in &configurations {
        let found = one(system, *kind, config).map_err(|error| match kind {
            // Another firmware or loader may have its own.
            Menu::Grub2 | Menu::Extlinux if configurations.len() > 1 && error.is_not_found() => {
                Error { kind: crate::disk::ErrorKind::Unsupported, ..error }
            }
            _ => error,
        })?;
        let no_normal = choice::without_normal(system, *kind, config)?;
        boots.push(Boot { unused: unused.clone(), no_normal, ..boot(system, config, &found)? });
    }
    let alike = |a: &Boot, b: &Boot| (&a.kernel, &a.initrd, &a.command_line) == (&b.kernel, &b.initrd, &b.command_line);
    let mut boots = boots.into_iter();
    let first = boots.next().ok_or_else(|| Error::unsupported(LAYER, "no configuration"))?;
    match boots.find(|other| !alike(&first, other)) {
        None => Ok(first),
        Some(other) => {
            let (a, b) = (cut(&first.config, 64), cut(&other.config, 64));
            Err(Error::unsupported(LAYER, format!("{a} and {b} are both there, and what starts is not known")))
        }
    }
}

fn one(system: &System, kind: Menu, config: &str) -> Result<Found> {
    let places = Places { system };
    match kind {
        Menu::Grub2 => grub::read(places, config),
        Menu::Legacy => legacy::read(places, config),
        Menu::Extlinux => extlinux::read(places, config),
        Menu::SystemdBoot => systemd_boot::read(places, config, choice::machine(system)),
        Menu::Unified => unified::read(places, config),
    }
}

/// A default entry as a fact.
fn boot(system: &System, config: &str, found: &Found) -> Result<Boot> {
    let mut missing = Vec::new();
    for path in std::iter::once(&found.kernel).chain(&found.initrd) {
        if lacks(system, path)? {
            missing.push(cut(path, PATH_MAX));
        }
    }
    let root = root_name(&found.command_line);
    // Linux itself, without an initramfs, compares a PARTUUID in any case (block/early-lookup.c).
    let volume_of = |name: &str| match found.initrd.as_slice() {
        [] => system.devices.resolve_in_any_case(name),
        _ => system.devices.resolve(name),
    };
    Ok(Boot {
        loader: found.loader.to_owned(),
        config: cut(config, PATH_MAX),
        entry: Evident { value: cut(&found.title, PATH_MAX), place: cut(&found.place, PATH_MAX) },
        root: root.and_then(volume_of).map(|volume| volume.name.clone()),
        root_name: root.map(|name| cut(name, PATH_MAX)),
        kernel: cut(&found.kernel, PATH_MAX),
        initrd: found.initrd.iter().take(MAX_INITRDS).map(|path| cut(path, PATH_MAX)).collect(),
        command_line: cut(&found.command_line, COMMAND_LINE),
        xen: found.hypervisor,
        alone: found.alone,
        waits: found.waits.as_ref().map(|why| cut(why, PATH_MAX)),
        missing,
        kernel_fault: kernel_fault(system, &found.kernel)?,
        no_normal: None,
        unused: Vec::new(),
        root_place: None,
        dracut: None,
    })
}

/// The entry with what its initial ramdisk adds: the root that it takes where the command line names none, and what
/// dracut's scripts do.
pub fn with_initramfs(initramfs: &Initramfs, devices: &Devices, boot: Boot) -> Boot {
    let words = || boot.command_line.split_whitespace();
    // dracut leaves out what it was built with (dracut.cmdline(7)).
    let bare = words().filter_map(|word| word.strip_prefix("rd.hostonly=")).next_back();
    let bare = initramfs.tool == "dracut" && matches!(bare, Some("0" | "no" | "off"));
    let dracut = initramfs.dracut.clone().map(|built| {
        let built = if bare { Dracut { words: Vec::new(), awaits: Vec::new(), ..built } } else { built };
        dracut::on(&boot.command_line, devices, built)
    });
    let boot = Boot { dracut: dracut.filter(|found| !found.words.is_empty() || !found.awaits.is_empty()), ..boot };
    match &initramfs.root {
        Some(root) if !bare && root_word(&boot).is_none() => Boot {
            root: devices.resolve(&root.value).map(|volume| volume.name.clone()),
            root_name: Some(root.value.clone()),
            root_place: Some(cut(&format!("{}: {}", initramfs.path, root.place), PATH_MAX)),
            ..boot
        },
        _ => boot,
    }
}

/// A word of its command line that names the root, be it none.
fn root_word(boot: &Boot) -> Option<&str> {
    boot.command_line.split_whitespace().find(|word| word.starts_with("root="))
}

/// Whether a file that the entry names is missing, or its kernel empty.
fn lacks_files(system: &System, found: &Found) -> Result<bool> {
    for path in std::iter::once(&found.kernel).chain(&found.initrd) {
        if lacks(system, path)? {
            return Ok(true);
        }
    }
    Ok(kernel_fault(system, &found.kernel)? == Some(KernelFault::Empty))
}

/// Why the kernel does not start, where it is there and that was found out.
fn kernel_fault(system: &System, path: &str) -> Result<Option<KernelFault>> {
    Ok(match Fact::settle(image::fault(system.tree, path))? {
        Fact::Known(fault) => fault,
        Fact::Unreadable(_) => None,
    })
}

/// Whether neither the guest nor the boot loader finds a file. An absolute link begins at the guest's root for the one,
/// at that of its own volume for the other.
fn lacks(system: &System, path: &str) -> Result<bool> {
    if system.tree.exists(path)? {
        return Ok(false);
    }
    let volume_of = |path| Places { system }.split(path).map(|(device, _)| device);
    let absolute = optional(system.tree.read_link(path))?.is_some_and(|target| target.starts_with('/'));
    Ok(!absolute || volume_of(path) == volume_of("/"))
}

/// What the last `root=` of a kernel command line says.
pub(super) fn root_name(command_line: &str) -> Option<&str> {
    let last = command_line.split_whitespace().filter_map(|word| word.strip_prefix("root=")).next_back()?;
    Some(last.trim_matches('"')).filter(|name| !name.is_empty())
}
