//! What UEFI starts: a program on the EFI system partition (UEFI specification, "Boot Manager", "Removable Media Boot
//! Behavior").

use super::{Disk, LAYER, Outcome, at_path, end_at, end_in, name, pe};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{cut, optional};
use crate::inspect::facts::{BootMode, BootModes, EndKind, Fact, Loader, Partition, Role, Volume, VolumeClass, Way};

/// EFI system partitions that are looked at, and other partitions that may be meant as one.
const MAX_PARTITIONS: usize = 8;
/// Vendors, and files of one of them, that are looked at.
const MAX_VENDORS: usize = 64;
const MAX_FILES: usize = 256;

/// The machine as ELF knows it, the file that UEFI starts on it, and the machine in that file's COFF header.
const MACHINES: &[(&str, &str, u16)] = &[
    ("x86_64", "BOOTX64.EFI", 0x8664),
    ("i386", "BOOTIA32.EFI", 0x14c),
    ("aarch64", "BOOTAA64.EFI", 0xaa64),
    ("riscv64", "BOOTRISCV64.EFI", 0x5064),
    ("loongarch64", "BOOTLOONGARCH64.EFI", 0x6264),
];
/// Programs beside a loader that start no system: MokManager, shim's fallback, firmware updates, tools.
const HELPERS: &[&str] = &["mm", "fb", "mok", "fallback", "fwup", "shell", "memtest", "memdiag", "cert", "heapp"];
/// Kernels of `CoreOS` and its kin.
const KERNELS: &[&str] = &["/coreos/vmlinuz-a", "/coreos/vmlinuz-b", "/flatcar/vmlinuz-a", "/flatcar/vmlinuz-b"];
const BCD: &str = "/EFI/Microsoft/Boot/BCD";

/// Notes what UEFI finds.
///
/// # Errors
/// `Io`.
pub fn read(disk: &Disk, found: &mut BootModes) -> Result<()> {
    for partition in disk.table.partitions.iter().filter(|p| p.role == Role::Esp).take(MAX_PARTITIONS) {
        found.add(BootMode::Uefi, on_esp(disk, partition))?;
        if found.kernel.is_none() {
            found.kernel = Fact::settle(kernel(disk, partition))?.known().cloned().flatten();
        }
    }
    if !found.has(BootMode::Uefi) {
        found.add(BootMode::Uefi, elsewhere(disk).map(|()| Vec::new()))?;
    }
    Ok(())
}

fn on_esp(disk: &Disk, partition: &Partition) -> Result<Vec<Outcome>> {
    let volume = name(partition);
    let is_seen = |v: &&Volume| v.trouble.is_none() && !matches!(v.class, VolumeClass::Encrypted | VolumeClass::Member);
    if disk.volume(partition).filter(is_seen).is_some_and(|v| v.type_id != "vfat") {
        return Ok(vec![end_in(EndKind::NotFat, &volume)]);
    }
    let tree = disk.files(partition)?;
    let (mut outcomes, mut other) = fallback(disk, &tree, &volume)?;
    let leads = |outcomes: &[Outcome]| outcomes.iter().any(|outcome| matches!(outcome, Outcome::Way(_)));
    if !leads(&outcomes) {
        let (vendors, foreign) = vendors(disk, &tree, &volume)?;
        outcomes.extend(vendors);
        other = other.or(foreign);
    }
    // Windows' loader reads there what it starts.
    if leads(&outcomes) && disk.windows.is_some() && !tree.exists(BCD)? {
        return Ok(vec![end_at(EndKind::NoFile, &volume, BCD)]);
    }
    match other.filter(|_| !leads(&outcomes)) {
        Some(path) => {
            let what = format!("{volume} has {}, which is for another machine than the guest", cut(&path, 64));
            Err(Error::unsupported(LAYER, what))
        }
        None => Ok(outcomes),
    }
}

/// The way to a program, with what that is. Not to know that is no reason not to know the way.
fn way(tree: &Tree, loader: Loader, volume: &str, path: &str, coff: u16) -> Result<Outcome> {
    let program = Fact::settle(pe::started(tree, path, coff))?.known().copied();
    Ok(match at_path(loader, volume, path) {
        Outcome::Way(way) => Outcome::Way(Way { program, ..way }),
        end @ Outcome::End(_) => end,
    })
}

/// The file for the guest's machine, where it is known, or else for any. The second: one for another machine.
fn fallback(disk: &Disk, tree: &Tree, volume: &str) -> Result<(Vec<Outcome>, Option<String>)> {
    let (mut outcomes, mut other, mut wanted) = (Vec::new(), None, None);
    for (machine, file, coff) in MACHINES {
        let path = format!("/EFI/BOOT/{file}");
        let own = disk.architecture.is_none_or(|architecture| architecture == *machine);
        match optional(pe::machine(tree, &path))? {
            Some(Some(found)) if found == *coff && own => {
                return Ok((vec![way(tree, Loader::Fallback, volume, &path, found)?], None));
            }
            Some(_) if own => outcomes.push(end_at(EndKind::NotProgram, volume, &path)),
            Some(_) => other = Some(path),
            None if own && wanted.is_none() => wanted = Some(path),
            None => {}
        }
    }
    if let (true, Some(path)) = (outcomes.is_empty(), wanted) {
        outcomes.push(end_at(EndKind::NoFile, volume, &path));
    }
    Ok((outcomes, other))
}

/// The first loader under a vendor's path. The second: one for another machine.
fn vendors(disk: &Disk, tree: &Tree, volume: &str) -> Result<(Option<Outcome>, Option<String>)> {
    let mut foreign = None;
    for vendor in optional(tree.list("/EFI", MAX_VENDORS))?.unwrap_or_default() {
        if vendor.eq_ignore_ascii_case("boot") {
            continue;
        }
        let microsoft = vendor.eq_ignore_ascii_case("microsoft");
        let folder = if microsoft { format!("/EFI/{vendor}/Boot") } else { format!("/EFI/{vendor}") };
        for file in optional(tree.list(&folder, MAX_FILES))?.unwrap_or_default() {
            let lower = file.to_ascii_lowercase();
            let program = lower.strip_suffix(".efi").is_some_and(|_| !HELPERS.iter().any(|h| lower.starts_with(h)));
            if !program || (microsoft && lower != "bootmgfw.efi") {
                continue;
            }
            let path = format!("{folder}/{file}");
            let Some(coff) = optional(pe::machine(tree, &path))?.flatten() else { continue };
            let own = |(machine, _, known): &&(&str, &str, u16)| {
                coff == *known && disk.architecture.is_none_or(|architecture| architecture == *machine)
            };
            if MACHINES.iter().any(|machine| own(&machine)) {
                return Ok((Some(way(tree, Loader::Vendor, volume, &path, coff)?), None));
            }
            foreign = Some(path);
        }
    }
    Ok((None, foreign))
}

/// Some firmware starts from every FAT, whatever the table says that it is.
fn elsewhere(disk: &Disk) -> Result<()> {
    let real = disk.table.partitions.iter().filter(|p| p.role != Role::Esp);
    let is_fat = |p: &&Partition| disk.volume(p).is_some_and(|v| v.type_id == "vfat" && v.trouble.is_none());
    for partition in real.filter(is_fat).take(MAX_PARTITIONS) {
        let tree = disk.files(partition)?;
        for (_, file, _) in MACHINES {
            if tree.exists(&format!("/EFI/BOOT/{file}"))? {
                let what = format!("{} has /EFI/BOOT/{file}, and is no EFI system partition by type", name(partition));
                return Err(Error::unsupported(LAYER, what));
            }
        }
    }
    Ok(())
}

/// The kernel of a `CoreOS`.
fn kernel(disk: &Disk, partition: &Partition) -> Result<Option<String>> {
    let tree = disk.files(partition)?;
    for path in KERNELS {
        if tree.exists(path)? {
            return Ok(Some((*path).to_owned()));
        }
    }
    Ok(None)
}
