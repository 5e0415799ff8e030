//! Formats that are named and not read: other disk formats, archives, packages, programs, and what is left.
//!
//! The signatures are those of each format's own specification, as far as they lie in the first 64 KiB or the last 512
//! bytes.

use std::sync::Arc;

use super::{Class, Container, Format, Probe, name_only};
use crate::disk::bytes::{to_u64, to_usize, u32_be, u32_le, u64_le};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts;

const fn named(name: &'static str, class: Class, advice: &'static str, probe: fn(&Probe) -> bool) -> Format {
    Format { name, class, advice, probe, open: name_only }
}

const CONVERT: &str = "Convert it to an accepted format: qemu-img convert -O qcow2 disk disk.qcow2";
const UNPACK: &str = "Unpack it, then upload the disk image that is inside";
const PACKAGE: &str = "This is a software package, not a disk: upload the image of an installed system disk";
const PROGRAM: &str = "This is a program, not a disk: upload the image of an installed system disk";
const AGAIN: &str = "This is no disk image: upload the right file again, and compare its size and checksum afterwards";

/// No byte at all.
pub const EMPTY: Format = named("empty", Class::Other, AGAIN, |p| p.len == 0);

/// The first version of QEMU's format, before qcow2.
pub const QCOW: Format = named("QCOW", Class::Image, CONVERT, |p| p.starts_with(b"QFI\xfb\0\0\0\x01"));
/// Hyper-V's format (MS-VHDX 2.2.1).
pub const VHDX: Format = named("VHDX", Class::Image, CONVERT, |p| p.starts_with(b"vhdxfile"));
/// VirtualBox's format; the signature follows 64 bytes of text.
pub const VDI: Format = named("VDI", Class::Image, CONVERT, |p| p.has(0x40, &[0x7f, 0x10, 0xda, 0xbe]));
/// QEMU's QED; no import follows it, as it is a format for backing files.
pub const QED: Format =
    Format { name: "QED", class: Class::Image, advice: CONVERT, probe: |p| p.starts_with(b"QED\0"), open: open_qed };
/// Parallels' expanding image.
pub const PARALLELS: Format = named("Parallels", Class::Image, CONVERT, |p| {
    p.starts_with(b"WithoutFreeSpace") || p.starts_with(b"WithouFreSpacExt")
});
/// Bochs' growing image.
pub const BOCHS: Format = named("Bochs", Class::Image, CONVERT, |p| p.starts_with(b"Bochs Virtual HD Image"));
/// A compressed loop device: a script, then blocks. QEMU reads it.
pub const CLOOP: Format =
    named("cloop", Class::Image, CONVERT, |p| p.starts_with(b"#!/bin/sh\n#V") && p.has(16, b"Format\n"));
/// A disk that is encrypted as a whole (LUKS1 and LUKS2 on-disk format).
pub const LUKS: Format = Format {
    name: "LUKS",
    class: Class::Image,
    advice: "No cloud imports an encrypted disk. Decrypt it first, where the key is: cryptsetup open DISK plain, then \
             qemu-img convert -O qcow2 /dev/mapper/plain disk.qcow2 (without the first, QEMU copies what is encrypted)",
    probe: |p| p.starts_with(b"LUKS\xba\xbe"),
    open: |_, _| Err(Error::encrypted("luks", "the whole disk is encrypted")),
};
/// Apple's disk image, known by its trailer.
pub const DMG: Format = named("DMG", Class::Image, CONVERT, |p| p.tail_starts_with(b"koly"));

/// RFC 1952, method deflate.
pub const GZIP: Format = named("gzip", Class::Other, UNPACK, |p| p.starts_with(&[0x1f, 0x8b, 8]));
/// bzip2: the block magic follows the level; an empty file has the end magic there.
pub const BZIP2: Format = named("bzip2", Class::Other, UNPACK, |p| {
    p.starts_with(b"BZh") && (p.has(4, &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) || p.has(4, &[0x17, 0x72, 0x45]))
});
/// The .xz file format.
pub const XZ: Format = named("xz", Class::Other, UNPACK, |p| p.starts_with(b"\xfd7zXZ\0"));
/// RFC 8878: a frame, or a skippable frame (magic 0x184D2A5?).
pub const ZSTD: Format = named("zstd", Class::Other, UNPACK, |p| {
    p.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || (p.has(1, &[0x2a, 0x4d, 0x18]) && p.head.first().is_some_and(|b| b & 0xf0 == 0x50))
});
/// The LZ4 frame format.
pub const LZ4: Format = named("lz4", Class::Other, UNPACK, |p| p.starts_with(&[0x04, 0x22, 0x4d, 0x18]));
/// LZMA "alone", which has no signature: its default properties, a usual dictionary size, a possible length, and the
/// range coder's first byte, which is 0.
pub const LZMA: Format = named("lzma", Class::Other, UNPACK, is_lzma);
/// A ZIP file: a local header, an empty archive, or a split one (APPNOTE 4.3).
pub const ZIP: Format = named("zip", Class::Other, UNPACK, |p| {
    p.starts_with(b"PK\x03\x04") || p.starts_with(b"PK\x05\x06") || p.starts_with(b"PK\x07\x08")
});
/// 7-Zip.
pub const SEVEN_ZIP: Format = named("7z", Class::Other, UNPACK, |p| p.starts_with(b"7z\xbc\xaf\x27\x1c"));
/// RAR 4 and 5.
pub const RAR: Format = named("rar", Class::Other, UNPACK, |p| p.starts_with(b"Rar!\x1a\x07"));
/// Microsoft's cabinet.
pub const CAB: Format = named("cab", Class::Other, UNPACK, |p| p.starts_with(b"MSCF\0\0\0\0"));
/// An appliance: a tar whose first member is the OVF descriptor (DSP0243).
pub const OVA: Format = named(
    "OVA",
    Class::Other,
    "Unpack it (tar xf), then upload the disk image that is inside: one import takes one disk",
    |p| is_tar(p) && tar_name(p).ends_with(b".ovf"),
);
/// A tar archive.
pub const TAR: Format = named("tar", Class::Other, UNPACK, is_tar);
/// A cpio archive: "new" ASCII with and without checksums, and the portable one (POSIX.1-1988 10.2.2).
pub const CPIO: Format = named("cpio", Class::Other, UNPACK, |p| {
    p.starts_with(b"070701") || p.starts_with(b"070702") || p.starts_with(b"070707")
});
/// lzip.
pub const LZIP: Format = named("lzip", Class::Other, UNPACK, |p| p.starts_with(b"LZIP\x01"));
/// lzop.
pub const LZOP: Format = named("lzop", Class::Other, UNPACK, |p| p.starts_with(b"\x89LZO\0\r\n\x1a\n"));
/// Android's sparse image.
pub const SIMG: Format = named("Android sparse", Class::Other, "Unpack it first: simg2img disk.simg disk.raw", |p| {
    p.starts_with(&[0x3a, 0xff, 0x26, 0xed, 1, 0])
});
/// Proxmox's backup of a VM.
pub const VMA: Format = named(
    "VMA",
    Class::Other,
    "Unpack it (vma extract), then upload the disk image that is inside: one import takes one disk",
    |p| p.starts_with(b"VMA\0\0\0\0\x01"),
);
/// A forensic image (Expert Witness Format).
pub const EWF: Format = named("EWF", Class::Other, "Export it as RAW first: ewfexport -f raw disk.E01", |p| {
    p.starts_with(b"EVF\x09\x0d\x0a\xff\0")
});
/// Files of a partition as partclone and Clonezilla keep them.
pub const PARTCLONE: Format = named(
    "partclone",
    Class::Other,
    "This is a backup of a partition: restore it to a disk, then upload the image of that disk",
    |p| p.starts_with(b"partclone-image"),
);
/// Windows' imaging format: files and no disk, also as a stream.
pub const WIM: Format = named(
    "WIM",
    Class::Other,
    "This is an archive of Windows files, not a disk: install Windows from it in a VM, then upload that VM's disk",
    |p| p.starts_with(b"MSWIM\0\0\0") || p.starts_with(b"WLPWM\0\0\0"),
);

/// RPM's lead.
pub const RPM: Format = named("rpm", Class::Other, PACKAGE, |p| p.starts_with(&[0xed, 0xab, 0xee, 0xdb]));
/// Debian's package: an ar archive with a fixed first member.
pub const DEB: Format = named("deb", Class::Other, PACKAGE, |p| p.starts_with(b"!<arch>\ndebian-binary"));
/// A Windows installer: an OLE compound file (MS-CFB 2.2).
pub const MSI: Format =
    named("MSI", Class::Other, PACKAGE, |p| p.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]));
/// A Windows program: the DOS stub points at the PE header.
pub const PE: Format = named("PE", Class::Other, PROGRAM, |p| {
    p.starts_with(b"MZ")
        && u32_le("pe", &p.head, 0x3c).and_then(|at| to_usize("pe", u64::from(at))).is_ok_and(|at| p.has(at, b"PE\0\0"))
});
/// A Unix program.
pub const ELF: Format = named("ELF", Class::Other, PROGRAM, |p| p.starts_with(b"\x7fELF"));

/// Bytes of no known kind, too few for a disk.
pub const DATA: Format = named("data", Class::Other, AGAIN, |_| true);

fn is_lzma(probe: &Probe) -> bool {
    let (Ok(dictionary), Ok(length)) = (u32_le("lzma", &probe.head, 1), u64_le("lzma", &probe.head, 5)) else {
        return false;
    };
    let usual = dictionary >= 1 << 12 && (dictionary.is_power_of_two() || dictionary.count_ones() == 2);
    probe.starts_with(&[0x5d, 0]) && usual && (length == u64::MAX || length < 1 << 40) && probe.has(13, &[0])
}

/// A tar header by its checksum (POSIX.1-1988 10.1.1), with or without `ustar`: the sum of the block's bytes, those of
/// the checksum itself counted as spaces.
fn is_tar(probe: &Probe) -> bool {
    let Some(block) = probe.head.get(..512) else { return false };
    let Some(field) = block.get(148..156) else { return false };
    let digits: Vec<u8> = field.iter().copied().filter(u8::is_ascii_digit).collect();
    let stated = std::str::from_utf8(&digits).ok().and_then(|digits| u64::from_str_radix(digits, 8).ok());
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum.saturating_add(u64::from(*byte)));
    let spaces = u64::from(b' ').saturating_mul(to_u64(field.len()));
    let actual = sum(block).saturating_sub(sum(field)).saturating_add(spaces);
    !tar_name(probe).is_empty() && stated == Some(actual)
}

/// The name of the first member.
fn tar_name(probe: &Probe) -> &[u8] {
    probe.head.get(..100).and_then(|name| name.split(|byte| *byte == 0).next()).unwrap_or_default()
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of `Format::open`")]
fn open_qed(_object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let value = format!("QED, header {:#x}", u32_be("qed", &probe.head, 0).unwrap_or_default());
    let reference = facts::UnsafeReference { what: "a format for backing files".to_owned(), at: 0, value };
    Ok(Container::described(facts::Container { unsafe_references: vec![reference], ..Default::default() }))
}
