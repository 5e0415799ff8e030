//! How the disk starts: which firmware finds a boot loader on it.

use serde::{Deserialize, Serialize};

use super::Trouble;

/// Which firmware finds a boot loader on the disk. Each firmware that does not has a [`DeadEnd`], an [`Undecided`], or
/// nothing at all: UEFI, where there is no EFI system partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BootModes {
    /// What leads from a firmware to a boot loader.
    pub ways: Vec<Way>,
    /// What ends before one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<DeadEnd>,
    /// What could not be followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<Undecided>,
    /// A kernel that lies on the EFI system partition, as `CoreOS` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}

/// A firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum BootMode {
    /// The PC's BIOS: the code in LBA 0.
    #[serde(rename = "BIOS")]
    Bios,
    /// UEFI: a program on the EFI system partition.
    #[serde(rename = "UEFI")]
    Uefi,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// A boot loader that a firmware finds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Way {
    /// The firmware.
    pub mode: BootMode,
    /// What it finds.
    pub loader: Loader,
    /// The volume that it is on; `None` where it is in no partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Its path on that volume, where it was found by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its first byte on the disk, where it was found by sector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// UEFI: what the program is; of shim, what that starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

impl Way {
    /// The loader whose configuration counts at the end of the way; `None` where it has none that is read.
    pub fn menu(&self) -> Option<Menu> {
        match (self.loader, self.program) {
            (Loader::Grub2, _) | (Loader::Fallback | Loader::Vendor, Some(Program::Grub2)) => Some(Menu::Grub2),
            (Loader::GrubLegacy, _) => Some(Menu::Legacy),
            (Loader::Syslinux, _) => Some(Menu::Extlinux),
            (Loader::Fallback | Loader::Vendor, Some(Program::SystemdBoot)) => Some(Menu::SystemdBoot),
            (Loader::Fallback | Loader::Vendor, Some(Program::UnifiedKernel)) => Some(Menu::Unified),
            _ => None,
        }
    }
}

/// Loaders whose configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// GRUB 2: `grub.cfg`.
    Grub2,
    /// GRUB legacy: `menu.lst`.
    Legacy,
    /// EXTLINUX: `extlinux.conf`.
    Extlinux,
    /// systemd-boot: `loader.conf`.
    SystemdBoot,
    /// A unified kernel, which holds its own.
    Unified,
}

/// Programs that UEFI starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Program {
    /// GRUB 2.
    Grub2,
    /// systemd-boot.
    SystemdBoot,
    /// A kernel with its initial ramdisk and command line in one program (UKI).
    UnifiedKernel,
    /// A kernel alone, that is its own loader.
    Kernel,
    /// shim, without the program that it starts.
    Shim,
    /// None of these, or a word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// Kinds of boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Loader {
    /// The core of GRUB 2.
    Grub2,
    /// Stage 1.5 or 2 of GRUB legacy.
    GrubLegacy,
    /// EXTLINUX, SYSLINUX.
    Syslinux,
    /// `bootmgr`, with its BCD.
    Bootmgr,
    /// NTLDR, with its boot.ini.
    Ntldr,
    /// The code in a freebsd-boot partition or a FreeBSD slice.
    Freebsd,
    /// The program under `\EFI\BOOT` that every UEFI starts.
    Fallback,
    /// A program under a vendor's path, which UEFI starts where one of its variables says so.
    Vendor,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// Where a firmware's way ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeadEnd {
    /// The firmware.
    pub mode: BootMode,
    /// Why it ends.
    pub why: EndKind,
    /// The volume where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The path on that volume, or what names a place that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The byte on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// Kinds of [`DeadEnd`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndKind {
    /// LBA 0 has no code.
    NoCode,
    /// The code starts the active partition, and none is active.
    NoActive,
    /// The volume that is started has no boot sector.
    NoBootSector,
    /// The boot sector only says that the volume is not bootable.
    NotBootable,
    /// The boot code names sectors in which there is no loader.
    NoLoader,
    /// A file is missing.
    NoFile,
    /// A file is no program of this firmware and machine.
    NotProgram,
    /// The EFI system partition has no filesystem that UEFI reads.
    NotFat,
    /// boot.ini names a place that is not there.
    BootIni,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// A firmware of which it is not known whether it finds a loader.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Undecided {
    /// The firmware.
    pub mode: BootMode,
    /// Why.
    pub trouble: Trouble,
}
