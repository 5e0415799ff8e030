//! Whether a file is a program that UEFI starts (PE format; UEFI specification, "UEFI Images").

use crate::disk::Result;
use crate::disk::bytes::{u16_le, u32_le};
use crate::guest::Tree;

const LAYER: &str = "pe";
/// Bytes of an MZ header, and of a PE header as far as it is looked at.
const MZ: usize = 64;
const PE: usize = 24 + SUBSYSTEM + 2;
/// Where the MZ header names the offset of the PE header.
const PE_OFFSET: usize = 0x3c;
/// `Subsystem` in the optional header, and its value for a program of UEFI.
const SUBSYSTEM: usize = 68;
const EFI_APPLICATION: u16 = 10;

/// The machine, as the COFF header has it, of the program at `path`; `None` where that is no program of UEFI.
///
/// # Errors
/// `NotFound` where no file is there, and what the filesystem reports.
pub fn machine(tree: &Tree, path: &str) -> Result<Option<u16>> {
    let head = tree.read_head(path, MZ)?;
    if !head.starts_with(b"MZ") || head.len() < MZ {
        return Ok(None);
    }
    let at = u32_le(LAYER, &head, PE_OFFSET)?;
    let pe = tree.read_at(path, at.into(), PE)?;
    Ok(of(&pe).filter(|(_, subsystem)| *subsystem == EFI_APPLICATION).map(|(machine, _)| machine))
}

/// Machine and subsystem, by the PE header.
fn of(pe: &[u8]) -> Option<(u16, u16)> {
    // Behind the COFF header, the magic of PE32 or PE32+.
    let known = pe.starts_with(b"PE\0\0") && matches!(u16_le(LAYER, pe, 24).ok()?, 0x10b | 0x20b);
    let subsystem = u16_le(LAYER, pe, 24 + SUBSYSTEM).ok()?;
    known.then_some((u16_le(LAYER, pe, 4).ok()?, subsystem))
}
