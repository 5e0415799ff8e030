//! The boot loader, and what it starts when nobody is at the keyboard.

mod extlinux;
mod grub;
mod legacy;
mod place;
#[cfg(test)]
mod tests;

use super::{PATH_MAX, System, cut};
use crate::disk::{Error, Result};
use crate::inspect::facts::{Boot, Evident};
use place::Places;

const LAYER: &str = "boot loader";
/// Most characters of a kernel command line that count: twice what x86 kernels take (`COMMAND_LINE_SIZE`).
const COMMAND_LINE: usize = 4096;
/// Largest configuration of the two small loaders that is read.
const CONFIG_BYTES: usize = 256 * 1024;
/// Most vendors on an EFI system partition that are looked at.
const MAX_VENDORS: usize = 64;

/// What a configuration boots by default.
struct Found {
    loader: &'static str,
    title: String,
    place: String,
    kernel: String,
    initrd: Vec<String>,
    command_line: String,
    hypervisor: bool,
}

/// Which loader a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Grub2,
    Legacy,
    Extlinux,
}

/// Configurations in the order in which they are looked for.
const CONFIGURATIONS: &[(Kind, &str)] = &[
    (Kind::Grub2, "/boot/grub2/grub.cfg"),
    (Kind::Grub2, "/boot/grub/grub.cfg"),
    (Kind::Legacy, "/boot/grub/menu.lst"),
    (Kind::Legacy, "/boot/grub/grub.conf"),
    (Kind::Extlinux, "/boot/extlinux/extlinux.conf"),
    (Kind::Extlinux, "/boot/extlinux.conf"),
    (Kind::Extlinux, "/extlinux.conf"),
    (Kind::Extlinux, "/boot/syslinux/extlinux.conf"),
    (Kind::Extlinux, "/boot/syslinux/syslinux.cfg"),
];

/// What is booted by default. The command line is whole here, longer than what the facts keep of it.
///
/// # Errors
/// `Unsupported` where the loader or what decides its choice is not understood, and what the filesystem reports.
pub fn read(system: &System) -> Result<Boot> {
    let places = Places { system };
    let (kind, config) = configuration(system)?;
    let found = match kind {
        Kind::Grub2 => grub::read(places, &config)?,
        Kind::Legacy => legacy::read(places, &config)?,
        Kind::Extlinux => extlinux::read(places, &config)?,
    };
    let mut missing = Vec::new();
    for path in std::iter::once(&found.kernel).chain(&found.initrd) {
        if lacks(system, path)? {
            missing.push(cut(path, PATH_MAX));
        }
    }
    if !missing.is_empty() && kind != Kind::Grub2 && has_second_choice(system, &config)? {
        return Err(Error::unsupported(
            LAYER,
            "a file of the default entry is missing, and what starts then is not read",
        ));
    }
    Ok(Boot {
        loader: found.loader.to_owned(),
        entry: Evident { value: cut(&found.title, PATH_MAX), place: cut(&found.place, PATH_MAX) },
        root: root(system, &found.command_line),
        kernel: cut(&found.kernel, PATH_MAX),
        initrd: found.initrd.iter().take(16).map(|path| cut(path, PATH_MAX)).collect(),
        command_line: cut(&found.command_line, COMMAND_LINE),
        xen: found.hypervisor,
        missing,
    })
}

/// Whether neither the guest nor the boot loader finds a file. An absolute link begins at the guest's root for the one,
/// at that of its own volume for the other.
fn lacks(system: &System, path: &str) -> Result<bool> {
    if system.tree.exists(path)? {
        return Ok(false);
    }
    let volume_of = |path| Places { system }.split(path).map(|(device, _)| device);
    let absolute = super::optional(system.tree.read_link(path))?.is_some_and(|target| target.starts_with('/'));
    Ok(!absolute || volume_of(path) == volume_of("/"))
}

/// GRUB legacy's `fallback` and syslinux's `onerror` start something else where an entry fails.
fn has_second_choice(system: &System, config: &str) -> Result<bool> {
    let text = system.tree.read_text(config, CONFIG_BYTES)?.to_ascii_lowercase();
    Ok(text.lines().any(|line| ["fallback", "onerror"].iter().any(|word| line.trim_start().starts_with(word))))
}

/// The volume that the last `root=` of a kernel command line names.
fn root(system: &System, command_line: &str) -> Option<String> {
    let spec = command_line.split_whitespace().filter_map(|word| word.strip_prefix("root=")).next_back()?;
    system.devices.resolve(spec.trim_matches('"')).map(|volume| volume.name.clone())
}

/// The configuration of the loader that starts.
fn configuration(system: &System) -> Result<(Kind, String)> {
    let mut found: Vec<(Kind, String)> = Vec::new();
    for (kind, path) in CONFIGURATIONS {
        // grub.conf and menu.lst are mostly one file under two names, and /boot/grub2 may be a link to /boot/grub.
        if system.tree.exists(path)? {
            let real = system.tree.resolve(path)?;
            let same = |other: &str| system.tree.resolve(other).is_ok_and(|other| other == real);
            if !found.iter().any(|(k, other)| k == kind && same(other)) {
                found.push((*kind, (*path).to_owned()));
            }
        }
    }
    if found.is_empty() {
        found = on_esp(system)?;
    }
    if let Some(kind) = in_boot_sector(system.boot_sector) {
        let of_kind = |(k, _): &&(Kind, String)| *k == kind;
        let fitting: Vec<_> = found.iter().filter(of_kind).cloned().collect();
        if !fitting.is_empty() {
            found = fitting;
        }
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Error::unsupported(LAYER, "no configuration of a boot loader that this version reads")),
        [first, second, ..] => {
            let what = format!(
                "{} and {} are both there, and what starts is not known",
                cut(&first.1, 64),
                cut(&second.1, 64)
            );
            Err(Error::unsupported(LAYER, what))
        }
    }
}

/// Fedora's way on UEFI: the configuration lies beside the loader.
fn on_esp(system: &System) -> Result<Vec<(Kind, String)>> {
    let mut found = Vec::new();
    for base in ["/boot/efi/EFI", "/efi/EFI", "/boot/EFI"] {
        for vendor in super::optional(system.tree.list(base, MAX_VENDORS))?.unwrap_or_default() {
            let path = format!("{base}/{vendor}/grub.cfg");
            if system.tree.exists(&path)? {
                found.push((Kind::Grub2, path));
            }
        }
    }
    Ok(found)
}

/// The loader whose code is in the first sector. Both GRUBs say "GRUB "; GRUB legacy's stage1 has its version, 3.2, at
/// 0x3e (stage1/stage1.h), where GRUB 2 has zeros. Generic code that starts the active partition says nothing.
fn in_boot_sector(sector: &[u8]) -> Option<Kind> {
    let code = sector.get(..440)?;
    if !code.windows(5).any(|window| window == b"GRUB ") {
        return None;
    }
    Some(if code.get(0x3e..0x40) == Some(&[3, 2]) { Kind::Legacy } else { Kind::Grub2 })
}
