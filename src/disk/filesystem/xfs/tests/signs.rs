//! What a filesystem says of its own health.

use super::super::checksum;
use super::{make, open_bytes, sample_tree};
use crate::inspect::facts::{Sign, SignKind};

fn image(options: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(make(dir.path(), &format!("-d agcount=3 {options}"), 50 << 20, &sample_tree(3, &[]))).unwrap()
}

fn signs(bytes: Vec<u8>) -> Vec<(SignKind, u64)> {
    let signs = open_bytes(bytes).unwrap().signs().unwrap();
    signs.into_iter().map(|Sign { kind, at, .. }| (kind, at)).collect()
}

/// Where the header of a group is: the second sector of it, and the third that of its inodes.
fn group_at(bytes: &[u8], group: usize) -> usize {
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    group * number(84) * number(4)
}

#[test]
fn checksums_that_do_not_fit_are_told() {
    let clean = image("");
    assert_eq!(signs(clean.clone()), []);
    for (group, sector) in [(0, 1), (0, 2), (2, 1), (2, 2)] {
        let mut bytes = clean.clone();
        let at = group_at(&bytes, group) + sector * 512;
        bytes[at + 511] ^= 1;
        assert_eq!(signs(bytes), [(SignKind::ChecksumMismatch, at as u64)], "sector {sector} of group {group}");
    }
    let mut bytes = clean.clone();
    bytes[108] ^= 1;
    assert_eq!(signs(bytes), [(SignKind::ChecksumMismatch, 224)]);
}

#[test]
fn without_checksums_only_headers_that_are_missing_are_told() {
    let mut bytes = image("-m crc=0");
    bytes[512 + 400] ^= 1;
    assert_eq!(signs(bytes.clone()), []);
    let at = group_at(&bytes, 1) + 1024;
    bytes[at] = b'Y';
    assert_eq!(signs(bytes), [(SignKind::ChecksumMismatch, at as u64)]);
}

#[test]
fn what_mounting_takes_that_may_not_be_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let realtime = dir.path().join("realtime");
    std::fs::File::create(&realtime).unwrap().set_len(50 << 20).unwrap();
    let with = image(&format!("-r rtdev={}", realtime.display()));
    assert_eq!(signs(with), [(SignKind::PartElsewhere, 16)]);
    let bytes = make(dir.path(), "-d agcount=1 -b size=16384", 400 << 20, &sample_tree(3, &[]));
    assert_eq!(signs(std::fs::read(bytes).unwrap()), [(SignKind::LargeBlocks, 4)]);
}

#[test]
fn marks_of_the_superblock_are_told() {
    let mut bytes = image("");
    bytes[219] |= 0x10;
    bytes[126] = 1;
    checksum::renew(&mut bytes[..512], 224);
    assert_eq!(signs(bytes), [(SignKind::NeedsRepair, 216), (SignKind::InProgress, 126)]);
}
