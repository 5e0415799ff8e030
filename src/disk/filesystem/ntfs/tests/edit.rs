//! Changes to images that no tool makes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::boot::Boot;
use super::super::disk;
use crate::disk::testkit;

/// Bytes of the volume.
pub(super) fn bytes(image: &Path, at: u64, len: usize) -> Vec<u8> {
    let mut raw = vec![0; len];
    File::open(image).unwrap().read_exact_at(&mut raw, at).unwrap();
    raw
}

pub(super) fn write(image: &Path, at: u64, raw: &[u8]) {
    File::options().write(true).open(image).unwrap().write_all_at(raw, at).unwrap();
}

/// Where a record is: in the table, and in its copy. mkntfs makes both in one piece.
pub(super) fn places(image: &Path, number: u64) -> [u64; 2] {
    let boot = Boot::read(testkit::open(image).as_ref()).unwrap();
    [boot.mft, boot.mirror].map(|first| first * boot.cluster + number * boot.record as u64)
}

/// Changes the file record at byte `at`, its update sequence taken off and put on again.
pub(super) fn record_at(image: &Path, at: u64, edit: impl FnOnce(&mut Vec<u8>)) {
    let size = Boot::read(testkit::open(image).as_ref()).unwrap().record;
    let mut raw = bytes(image, at, size);
    disk::restore(&mut raw, b"FILE", at).unwrap();
    edit(&mut raw);
    protect(&mut raw);
    write(image, at, &raw);
}

/// Changes a file record.
pub(super) fn record(image: &Path, node: u64, edit: impl FnOnce(&mut Vec<u8>)) {
    record_at(image, places(image, super::super::record::number(node))[0], edit);
}

/// Puts the update sequence on.
pub(super) fn protect(raw: &mut [u8]) {
    let place = usize::from(u16::from_le_bytes([raw[4], raw[5]]));
    for stride in 0..raw.len() / 512 {
        let (end, kept) = (stride * 512 + 510, place + 2 + stride * 2);
        raw.copy_within(end..end + 2, kept);
        raw.copy_within(place..place + 2, end);
    }
}

/// Place and length of the first attribute of a type and, where one is given, a name.
pub(super) fn attribute(raw: &[u8], kind: u32) -> (usize, usize) {
    let word = |at: usize| u32::from_le_bytes(raw[at..at + 4].try_into().unwrap());
    let mut at = usize::from(u16::from_le_bytes([raw[0x14], raw[0x15]]));
    while word(at) != kind {
        assert!(word(at) < kind, "no attribute {kind:#x}");
        at += word(at + 4) as usize;
    }
    (at, word(at + 4) as usize)
}

/// Sets flags in `$STANDARD_INFORMATION`.
pub(super) fn set_attributes(raw: &mut [u8], flags: u32) {
    let (at, _) = attribute(raw, 0x10);
    let at = at + usize::from(raw[at + 0x14]) + 0x20;
    let old = u32::from_le_bytes(raw[at..at + 4].try_into().unwrap());
    raw[at..at + 4].copy_from_slice(&(old | flags).to_le_bytes());
}

/// Adds a resident attribute of a type above all there are.
pub(super) fn add_attribute(raw: &mut [u8], kind: u32, value: &[u8]) {
    let used = u32::from_le_bytes(raw[0x18..0x1C].try_into().unwrap()) as usize;
    let len = (24 + value.len()).next_multiple_of(8);
    let mut made = vec![0; len + 8];
    made[0..4].copy_from_slice(&kind.to_le_bytes());
    made[4..8].copy_from_slice(&(len as u32).to_le_bytes());
    made[0xA..0xC].copy_from_slice(&24_u16.to_le_bytes());
    made[0xE..0x10].copy_from_slice(&99_u16.to_le_bytes());
    made[0x10..0x14].copy_from_slice(&(value.len() as u32).to_le_bytes());
    made[0x14..0x16].copy_from_slice(&24_u16.to_le_bytes());
    made[24..24 + value.len()].copy_from_slice(value);
    made[len..len + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    raw[used - 8..used + len].copy_from_slice(&made);
    raw[0x18..0x1C].copy_from_slice(&((used + len) as u32).to_le_bytes());
}

/// Makes a file a reparse point.
pub(super) fn add_reparse_point(raw: &mut [u8], tag: u32, data: &[u8]) {
    set_attributes(raw, 0x400);
    let mut value = tag.to_le_bytes().to_vec();
    value.extend((data.len() as u32).to_le_bytes());
    value.extend(data);
    add_attribute(raw, 0xC0, &value);
}
