//! What the code of a boot sector is, by the marks and messages that its makers put there.

use crate::disk::bytes::{range, u16_le, u32_le, u64_le};

const LAYER: &str = "boot sector";
/// Code of an MBR ends here, at the disk's identifier.
const CODE: usize = 440;
const SIGNATURE: usize = 510;

/// What a boot sector does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Nothing: there is no code.
    Nothing,
    /// GRUB 2's `boot.img`: loads the sector of its core.
    Grub2 { core: u64 },
    /// GRUB legacy's stage1: loads the sector of stage 1.5 or 2 to this address.
    GrubLegacy { stage: u32, address: u16 },
    /// Starts the active partition of an MBR.
    Active,
    /// Starts the partition of this number.
    Numbered(u8),
    /// Starts the partition of a GPT that is marked as bootable by a BIOS.
    LegacyBoot,
    /// Starts the freebsd-boot partition of a GPT.
    FreebsdGpt,
    /// EXTLINUX, SYSLINUX: loads this sector, counted from the partition's first.
    Syslinux { loader: u64 },
    /// Windows: loads the file of this name.
    Windows(&'static str),
    /// Says that the volume is not bootable.
    NotBootable,
    /// Code that is not known here.
    Unknown,
}

/// GRUB 2: `boot.img` up to 1.96 had its fields elsewhere, behind this jump (include/grub/i386/pc/boot.h).
const GRUB_OLD_JUMP: [u8; 2] = [0xeb, 0x48];
const GRUB_CORE: usize = 0x5c;
/// GRUB legacy (stage1/stage1.h): the version, 3.2, the address and the sector of what is loaded.
const LEGACY_VERSION: usize = 0x3e;
const LEGACY_ADDRESS: usize = 0x42;
const LEGACY_STAGE: usize = 0x44;
/// What GNU parted writes: it has no message.
const PARTED: &[u8] = &[0xfa, 0xb8, 0x00, 0x10, 0x8e, 0xd0, 0xbc, 0x00, 0xb0, 0xb8, 0x00, 0x00, 0x8e, 0xd8, 0x8e, 0xc0];
/// SYSLINUX' altmbr.bin has the number of its partition here.
const NUMBER: usize = 439;

impl Code {
    /// Of the first sector of a disk.
    pub fn of_disk(sector: &[u8]) -> Self {
        let code = sector.get(..CODE).unwrap_or_default();
        let says = |text: &str| contains(code, text);
        if code.iter().all(|byte| *byte == 0) {
            Self::Nothing
        } else if let Some(grub) = grub(sector) {
            grub
        } else if says("Missing boot loader") && says("Boot loader too large") {
            Self::FreebsdGpt
        } else if says("Missing OS\r\n") {
            Self::LegacyBoot
        } else if says("Operating system load error") && !says("Multiple active partitions") {
            Self::Numbered(code.get(NUMBER).copied().unwrap_or_default())
        } else if says("Missing operating system") || code.starts_with(PARTED) {
            Self::Active
        } else if says(NOT_BOOTABLE) {
            Self::NotBootable
        } else {
            Self::Unknown
        }
    }

    /// Of the first two sectors of a partition.
    pub fn of_partition(sectors: &[u8]) -> Self {
        let first = sectors.get(..SIGNATURE).unwrap_or_default();
        if sectors.get(SIGNATURE..512) != Some(&[0x55, 0xaa]) || first.iter().all(|byte| *byte == 0) {
            return Self::Nothing;
        }
        let oem = sectors.get(3..11).unwrap_or_default();
        let file = if oem == b"NTFS    " { ntfs(sectors) } else { fat(first) };
        if let Some(grub) = grub(sectors) {
            grub
        } else if oem == b"SYSLINUX" || oem == b"EXTLINUX" {
            syslinux(first).map_or(Self::Unknown, |loader| Self::Syslinux { loader })
        } else if let Some(file) = file {
            Self::Windows(file)
        } else if contains(first, NOT_BOOTABLE) {
            Self::NotBootable
        } else {
            Self::Unknown
        }
    }
}

/// What mkfs.fat and mkntfs put into the boot sectors they make.
const NOT_BOOTABLE: &str = "This is not a bootable disk";

/// Both GRUBs print their name.
fn grub(sector: &[u8]) -> Option<Code> {
    if !contains(sector.get(..CODE)?, "GRUB ") {
        return None;
    }
    if range(LAYER, sector, LEGACY_VERSION, 2).ok()? == [3, 2] {
        let stage = u32_le(LAYER, sector, LEGACY_STAGE).ok()?;
        return Some(Code::GrubLegacy { stage, address: u16_le(LAYER, sector, LEGACY_ADDRESS).ok()? });
    }
    if sector.starts_with(&GRUB_OLD_JUMP) {
        return Some(Code::Unknown);
    }
    Some(Code::Grub2 { core: u64_le(LAYER, sector, GRUB_CORE).ok()? })
}

/// The sector of ldlinux.sys, which the installer puts into the two operands of `mov eax, LOW` and `mov edx, HIGH`
/// (core/diskboot.inc of syslinux).
fn syslinux(sector: &[u8]) -> Option<u64> {
    let at = sector.windows(13).position(|code| {
        code.starts_with(&[0x66, 0xb8]) && code.get(6..8) == Some(&[0x66, 0xba]) && code.last() == Some(&0xbb)
    })?;
    let [low, high] =
        [2, 8].map(|field| at.checked_add(field).and_then(|field| u32_le(LAYER, sector, field).ok()).map(u64::from));
    Some((high? << 32) | low?)
}

/// The name that NTFS' boot code looks up first: its length and UTF-16, at the start of the second sector.
fn ntfs(sectors: &[u8]) -> Option<&'static str> {
    let len = usize::from(u16_le(LAYER, sectors, 512).ok()?);
    let name = range(LAYER, sectors, 514, len.min(32).checked_mul(2)?).ok()?;
    let is = |file: &str| name.iter().copied().eq(file.encode_utf16().flat_map(u16::to_le_bytes));
    ["BOOTMGR", "NTLDR"].into_iter().find(|file| is(file))
}

/// The name that FAT's boot code looks up, as directories spell it.
fn fat(sector: &[u8]) -> Option<&'static str> {
    [("BOOTMGR    ", "BOOTMGR"), ("NTLDR      ", "NTLDR")]
        .into_iter()
        .find_map(|(entry, file)| contains(sector, entry).then_some(file))
}

fn contains(code: &[u8], text: &str) -> bool {
    code.windows(text.len()).any(|window| window == text.as_bytes())
}
