//! Programs of UEFI, and which loader one is (PE format; UEFI specification, "UEFI Images").

use crate::disk::Result;
use crate::disk::bytes::{u16_le, u32_le};
use crate::guest::Tree;
use crate::guest::linux::optional;
use crate::inspect::facts::Program;

const LAYER: &str = "pe";
/// Bytes of an MZ header, and of a PE header as far as it is looked at.
const MZ: usize = 64;
const PE: usize = 24 + SUBSYSTEM + 2;
/// Where the MZ header names the offset of the PE header.
const PE_OFFSET: usize = 0x3c;
/// `Subsystem` in the optional header, and its value for a program of UEFI.
const SUBSYSTEM: usize = 68;
const EFI_APPLICATION: u16 = 10;
/// Bytes of the COFF header with its signature, and of a section header.
const COFF: u64 = 24;
const SECTION: usize = 40;
/// Most sections: what Windows' loader takes ("COFF File Header").
const MAX_SECTIONS: u16 = 96;
/// As much of a program without telling sections is searched for what it says of itself; shim has about 1 MiB.
const MAX_SEARCHED: usize = 2 << 20;
/// The bzImage's magic number (Documentation/arch/x86/boot.rst).
const LINUX: (usize, &[u8]) = (0x202, b"HdrS");

/// A section: its content in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name: `.linux`.
    pub name: String,
    /// Its first byte in the file.
    pub at: u64,
    /// Its bytes, without what pads it.
    pub len: u64,
}

/// The machine, as the COFF header has it, of the program at `path`; `None` where that is no program of UEFI.
///
/// # Errors
/// `NotFound` where no file is there, and what the filesystem reports.
pub fn machine(tree: &Tree, path: &str) -> Result<Option<u16>> {
    let Some((_, pe)) = header(tree, path)? else { return Ok(None) };
    Ok(of(&pe).filter(|(_, subsystem)| *subsystem == EFI_APPLICATION).map(|(machine, _)| machine))
}

/// The sections of the program at `path`; none where it is no PE file.
///
/// # Errors
/// `NotFound` where no file is there, `Corrupt` where the headers contradict the file, and what the filesystem reports.
pub fn sections(tree: &Tree, path: &str) -> Result<Vec<Section>> {
    let Some((at, pe)) = header(tree, path)?.filter(|(_, pe)| of(pe).is_some()) else { return Ok(Vec::new()) };
    let count = u16_le(LAYER, &pe, 6)?.min(MAX_SECTIONS);
    let optional = u64::from(u16_le(LAYER, &pe, 20)?);
    let table = at.saturating_add(COFF).saturating_add(optional);
    let table = tree.read_at(path, table, SECTION.saturating_mul(count.into()))?;
    table.chunks_exact(SECTION).map(section).collect()
}

/// Those of a unified kernel's sections that count where no profile is asked for: the first profile's own, then those
/// that all share, which come before the first `.profile` (UAPI.5, "Multi-Profile UKIs").
pub fn of_first_profile(sections: &[Section]) -> Vec<Section> {
    let mut groups = sections.split(|section| section.name == ".profile");
    let (shared, first) = (groups.next().unwrap_or_default(), groups.next().unwrap_or_default());
    first.iter().chain(shared).cloned().collect()
}

/// "Section Table": name, size in memory, address in memory, size in the file, offset in the file.
fn section(header: &[u8]) -> Result<Section> {
    let name = header.get(..8).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
    let (virtual_size, size) = (u32_le(LAYER, header, 8)?, u32_le(LAYER, header, 16)?);
    Ok(Section {
        name: String::from_utf8_lossy(name).into_owned(),
        at: u32_le(LAYER, header, 20)?.into(),
        len: if virtual_size == 0 { size } else { size.min(virtual_size) }.into(),
    })
}

/// Which loader the program at `path` is.
///
/// # Errors
/// As [`sections`].
pub fn program(tree: &Tree, path: &str) -> Result<Program> {
    let sections = sections(tree, path)?;
    let named = |name: &str| sections.iter().find(|section| section.name == name);
    if named(".linux").is_some() {
        return Ok(Program::UnifiedKernel);
    }
    // grub-mkimage puts its modules there (GRUB, util/mkimage.c).
    if named("mods").is_some() {
        return Ok(Program::Grub2);
    }
    let head = tree.read_head(path, MAX_SEARCHED)?;
    let says = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    let utf16: Vec<u8> = "\\grub".encode_utf16().flat_map(u16::to_le_bytes).collect();
    Ok(match () {
        () if head.get(LINUX.0..LINUX.0.saturating_add(4)) == Some(LINUX.1) => Program::Kernel,
        () if says(b"#### LoaderInfo: systemd-boot") => Program::SystemdBoot,
        // shim says so in its .sbat, and before it had one, in the name of what it starts (DEFAULT_LOADER).
        () if says(b"\nshim,") || says(&utf16) => Program::Shim,
        () => Program::Other,
    })
}

/// The PE header, and where it lies; `None` where the file has no MZ header.
fn header(tree: &Tree, path: &str) -> Result<Option<(u64, Vec<u8>)>> {
    let head = tree.read_head(path, MZ)?;
    if !head.starts_with(b"MZ") || head.len() < MZ {
        return Ok(None);
    }
    let at = u64::from(u32_le(LAYER, &head, PE_OFFSET)?);
    Ok(Some((at, tree.read_at(path, at, PE)?)))
}

/// Machine and subsystem, by the PE header.
fn of(pe: &[u8]) -> Option<(u16, u16)> {
    // Behind the COFF header, the magic of PE32 or PE32+.
    let known = pe.starts_with(b"PE\0\0") && matches!(u16_le(LAYER, pe, 24).ok()?, 0x10b | 0x20b);
    let subsystem = u16_le(LAYER, pe, 24 + SUBSYSTEM).ok()?;
    known.then_some((u16_le(LAYER, pe, 4).ok()?, subsystem))
}

/// Where shim finds its second program: beside itself, or, started as the fallback with its `fb` program beside it,
/// where a vendor's list of entries is (shim, README.fallback).
const SECOND: &[(u16, &str)] = &[(0x8664, "x64"), (0x14c, "ia32"), (0xaa64, "aa64")];
/// Most vendors that are looked at.
const MAX_VENDORS: usize = 64;

/// Which loader starts in the end: of shim, what that starts. [`Program::Shim`] where it is not there.
///
/// # Errors
/// As [`sections`].
pub fn started(tree: &Tree, path: &str, machine: u16) -> Result<Program> {
    let first = program(tree, path)?;
    let suffix = SECOND.iter().find(|(known, _)| *known == machine).map(|(_, suffix)| suffix);
    let (Program::Shim, Some(suffix)) = (first, suffix) else { return Ok(first) };
    let own = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut folders = Vec::new();
    if tree.exists(&format!("{own}/fb{suffix}.efi"))? {
        for vendor in optional(tree.list("/EFI", MAX_VENDORS))?.unwrap_or_default() {
            let folder = format!("/EFI/{vendor}");
            if tree.exists(&format!("{folder}/BOOT{}.CSV", suffix.to_ascii_uppercase()))? {
                folders.push(folder);
            }
        }
    }
    if folders.is_empty() {
        folders.push(own);
    }
    let mut found = Program::Shim;
    for folder in folders {
        match optional(program(tree, &format!("{folder}/grub{suffix}.efi")))? {
            Some(second) if found == Program::Shim || found == second => found = second,
            Some(_) => return Ok(Program::Other),
            None => {}
        }
    }
    Ok(found)
}
