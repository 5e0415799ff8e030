//! Which configuration counts: that of the loader which the firmware finds.

use super::place::Places;
use super::{LAYER, systemd_boot};
use crate::disk::{Error, Result};
use crate::guest::linux::{System, cut, optional};
use crate::inspect::facts::{BootMode, Loader, Menu, Way};

/// Most vendors on an EFI system partition that are looked at.
const MAX_VENDORS: usize = 64;

/// Configurations in the order in which they are looked for.
const CONFIGURATIONS: &[(Menu, &str)] = &[
    (Menu::Grub2, "/boot/grub2/grub.cfg"),
    (Menu::Grub2, "/boot/grub/grub.cfg"),
    (Menu::Legacy, "/boot/grub/menu.lst"),
    (Menu::Legacy, "/boot/grub/grub.conf"),
    (Menu::Extlinux, "/boot/extlinux/extlinux.conf"),
    (Menu::Extlinux, "/boot/extlinux.conf"),
    (Menu::Extlinux, "/extlinux.conf"),
    (Menu::Extlinux, "/boot/syslinux/extlinux.conf"),
    (Menu::Extlinux, "/boot/syslinux/syslinux.cfg"),
];

/// A configuration: its loader and its path.
type Configuration = (Menu, String);

/// The configurations that count, each once. Where the firmware's loader is not known, those that are there.
///
/// # Errors
/// `NotFound` where the loader that starts has none, `Unsupported` where there is none that is read, and what the
/// filesystem reports.
pub fn configurations(system: &System) -> Result<Vec<Configuration>> {
    let there = there(system)?;
    let ways = system.modes.map(|modes| modes.ways.as_slice()).unwrap_or_default();
    let mut found: Vec<Configuration> = Vec::new();
    for way in ways {
        for configuration in of_way(system, way, &there)? {
            if !found.contains(&configuration) {
                found.push(configuration);
            }
        }
    }
    if found.is_empty() {
        found = there;
    }
    if found.is_empty() {
        found = on_esp(system)?;
    }
    if found.is_empty() {
        return Err(Error::unsupported(LAYER, "no configuration of a boot loader that this version reads"));
    }
    Ok(found)
}

fn of_way(system: &System, way: &Way, there: &[Configuration]) -> Result<Vec<Configuration>> {
    let Some(kind) = way.menu() else { return Ok(Vec::new()) };
    let of_kind = || there.iter().filter(|(other, _)| *other == kind).cloned().collect::<Vec<_>>();
    let found = match (kind, way.mode) {
        (Menu::Grub2, BootMode::Uefi) => {
            let mut beside = on_esp(system)?;
            if let (Loader::Vendor, Some((folder, _))) =
                (way.loader, way.path.as_deref().and_then(|p| p.rsplit_once('/')))
            {
                let own = format!("{}/grub.cfg", folder.to_ascii_lowercase());
                beside.retain(|(_, config)| config.to_ascii_lowercase().ends_with(&own));
            }
            if beside.is_empty() { of_kind() } else { beside }
        }
        (Menu::Grub2, _) => with_modules(system, of_kind())?,
        (Menu::SystemdBoot, _) => vec![(kind, on_volume(system, way, systemd_boot::CONFIG)?)],
        (Menu::Unified, _) => vec![(kind, on_volume(system, way, way.path.as_deref().unwrap_or_default())?)],
        _ => of_kind(),
    };
    if found.is_empty()
        && let Some(missing) = missing(system, kind)?
    {
        return Err(missing);
    }
    Ok(found)
}

/// The guest's path of a file on the volume that the loader is on.
fn on_volume(system: &System, way: &Way, path: &str) -> Result<String> {
    let guest = way.volume.as_deref().and_then(|volume| Places { system }.guest(volume, path));
    guest.ok_or_else(|| Error::unsupported(LAYER, "the EFI system partition of the loader is not mounted"))
}

/// What the loader that UEFI finds is for, as the end of its name has it (`BOOTX64.EFI`); empty where that is not known.
pub fn machine(system: &System) -> &'static str {
    let ways = system.modes.map(|modes| modes.ways.as_slice()).unwrap_or_default();
    let mut stems = ways.iter().filter_map(|way| way.path.as_deref()).map(str::to_ascii_lowercase);
    let ends = |stem: String| MACHINES.iter().find(|end| stem.trim_end_matches(".efi").ends_with(*end)).copied();
    stems.find_map(ends).unwrap_or_default()
}

/// Machines, as names of loaders and entries have them.
const MACHINES: &[&str] = &["x64", "ia32", "aa64"];

/// GRUB 2 reads the configuration beside its modules.
fn with_modules(system: &System, found: Vec<Configuration>) -> Result<Vec<Configuration>> {
    let mut beside = Vec::new();
    for (kind, config) in &found {
        let folder = config.rsplit_once('/').map_or("", |(folder, _)| folder);
        if system.tree.exists(&format!("{folder}/i386-pc/normal.mod"))? {
            beside.push((*kind, config.clone()));
        }
    }
    Ok(if beside.is_empty() { found } else { beside })
}

/// The folder in which GRUB 2, as a BIOS starts it, finds no `normal.mod`. That of UEFI mostly has it inside.
///
/// # Errors
/// What the filesystem reports.
pub fn without_normal(system: &System, kind: Menu, config: &str) -> Result<Option<String>> {
    let ways = system.modes.map(|modes| modes.ways.as_slice()).unwrap_or_default();
    let bios = ways.iter().any(|way| way.mode == BootMode::Bios && way.loader == Loader::Grub2);
    if !bios || !CONFIGURATIONS.contains(&(kind, config)) {
        return Ok(None);
    }
    let folder = format!("{}/i386-pc", config.rsplit_once('/').map_or("", |(folder, _)| folder));
    for folder in [folder.as_str(), "/boot/grub/i386-pc", "/boot/grub2/i386-pc"] {
        if !super::lacks(system, &format!("{folder}/normal.mod"))? {
            return Ok(None);
        }
    }
    Ok(Some(folder))
}

/// Why a loader whose folder is there finds no configuration in it; `None` where its folder may be elsewhere.
fn missing(system: &System, kind: Menu) -> Result<Option<Error>> {
    let (loader, folders): (_, &[(&str, &str, &str)]) = match kind {
        Menu::Grub2 => (
            "GRUB 2",
            &[("/boot/grub", "i386-pc/normal.mod", "grub.cfg"), ("/boot/grub2", "i386-pc/normal.mod", "grub.cfg")],
        ),
        Menu::Legacy => ("GRUB legacy", &[("/boot/grub", "stage2", "menu.lst")]),
        Menu::Extlinux if elsewhere(system)? => return Ok(None),
        Menu::Extlinux => (
            "EXTLINUX",
            &[
                ("/boot/extlinux", "ldlinux.sys", "extlinux.conf"),
                ("/boot/syslinux", "ldlinux.sys", "extlinux.conf"),
                ("/boot", "ldlinux.sys", "extlinux.conf"),
            ],
        ),
        Menu::SystemdBoot | Menu::Unified => return Ok(None),
    };
    for (folder, mark, file) in folders {
        if system.tree.exists(&format!("{folder}/{mark}"))? {
            let path = format!("{folder}/{file}");
            let what = match optional(system.tree.read_link(&path))? {
                Some(target) => format!("{path} of {loader} is a link to {}, where nothing is", cut(&target, 64)),
                None => format!("{loader} finds no {path}"),
            };
            return Ok(Some(Error::not_found(LAYER, what)));
        }
    }
    Ok(None)
}

/// Whether EXTLINUX has a configuration in another place than those of [`CONFIGURATIONS`] (core/fs/lib/loadconfig.c of
/// syslinux: its own folder, `/boot/syslinux`, `/syslinux` and `/` of its volume).
fn elsewhere(system: &System) -> Result<bool> {
    for volume in ["", "/boot"] {
        for folder in ["", "/extlinux", "/syslinux", "/boot/extlinux", "/boot/syslinux", "/boot"] {
            // Before 4.00 it started `linux` without one.
            for file in ["extlinux.conf", "syslinux.cfg", "linux"] {
                if system.tree.exists(&format!("{volume}{folder}/{file}"))? {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Those of [`CONFIGURATIONS`] that are there, each file once.
fn there(system: &System) -> Result<Vec<Configuration>> {
    let mut found: Vec<Configuration> = Vec::new();
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
    Ok(found)
}

/// Configurations of GRUB legacy beside those of the loader that the firmware finds.
///
/// # Errors
/// What the filesystem reports.
pub fn unused(system: &System, used: &[Configuration]) -> Result<Vec<String>> {
    if system.modes.is_none_or(|modes| modes.ways.is_empty()) || used.iter().any(|(kind, _)| *kind == Menu::Legacy) {
        return Ok(Vec::new());
    }
    let legacy = there(system)?.into_iter().filter(|(kind, _)| *kind == Menu::Legacy);
    Ok(legacy.map(|(_, path)| path).collect())
}

/// On UEFI the configuration lies beside the loader: the whole of it, or a stub that leads to it.
fn on_esp(system: &System) -> Result<Vec<Configuration>> {
    let mut found = Vec::new();
    for base in ["/boot/efi/EFI", "/efi/EFI", "/boot/EFI"] {
        for vendor in optional(system.tree.list(base, MAX_VENDORS))?.unwrap_or_default() {
            let path = format!("{base}/{vendor}/grub.cfg");
            if system.tree.exists(&path)? {
                found.push((Menu::Grub2, path));
            }
        }
    }
    Ok(found)
}
