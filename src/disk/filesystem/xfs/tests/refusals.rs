//! What is refused, and by which words.

use super::super::checksum;
use super::{kind_of, make, open_bytes, sample_tree};
use crate::disk::{Error, ErrorKind};

fn image(options: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(make(dir.path(), &format!("-d agcount=2 {options}"), 34 << 20, &sample_tree(3, &[5]))).unwrap()
}

fn refusal(bytes: Vec<u8>) -> Error {
    open_bytes(bytes).err().expect("opened nevertheless")
}

#[test]
fn features_that_are_not_read_are_named() {
    let clean = image("");
    for (at, bit, words) in [
        (216 + 2, 1_u8, "metadir"),
        (216 + 2, 6, "zoned, zone_gaps"),
        (216, 0x80, "incompat 0x80000000"),
        (200, 0x40, "features2 0x40000000"),
    ] {
        let mut bytes = clean.clone();
        bytes[at] |= bit;
        let error = refusal(bytes);
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.what.contains(words), "{error}");
    }
    let mut bytes = clean;
    bytes[101] = bytes[101] & 0xF0 | 3;
    assert_eq!(refusal(bytes).what, "version 3 of XFS");
}

#[test]
fn a_log_on_another_device_is_not_known_to_be_clean() {
    let mut bytes = image("");
    bytes[48..56].fill(0);
    let error = refusal(bytes);
    assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Unsupported, "the log is on another device"));
}

#[test]
fn damage_of_the_superblock_is_corrupt_and_says_where() {
    let clean = image("-m crc=0");
    let cases: [(u64, usize, u8); 9] = [
        (0, 0, b'Y'),    // sb_magicnum
        (4, 6, 0x11),    // sb_blocksize
        (88, 8, 0x7F),   // sb_dblocks
        (56, 56, 0x7F),  // sb_rootino
        (84, 84, 0x7F),  // sb_agblocks
        (88, 88, 0x7F),  // sb_agcount
        (102, 103, 1),   // sb_sectsize
        (104, 105, 1),   // sb_inodesize
        (192, 192, 200), // sb_dirblklog
    ];
    for (field, at, value) in cases {
        let mut bytes = clean.clone();
        bytes[at] = value;
        let error = refusal(bytes);
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(field)), "{error}");
    }
    let mut short = clean;
    short.truncate(20 << 20);
    let error = refusal(short);
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(8)), "{error}");
}

#[test]
fn a_real_time_file_is_not_read_while_others_are() {
    let mut bytes = image("-m crc=0");
    let fs = open_bytes(bytes.clone()).unwrap();
    let etc = fs.lookup(fs.root(), "etc").unwrap();
    let (file, other) = (fs.lookup(etc, "size-512").unwrap(), fs.lookup(etc, "size-513").unwrap());
    let superblock = super::super::superblock::Superblock::read(&crate::disk::Memory(bytes.clone())).unwrap();
    let at = superblock.inode_at(file).unwrap() as usize;
    bytes[at + 91] |= 1;
    let fs = open_bytes(bytes).unwrap();
    assert_eq!(kind_of(fs.read_at(file, 0, 9)), ErrorKind::Unsupported);
    assert_eq!(fs.read_at(other, 0, 9).unwrap().len(), 9);
}

#[test]
fn an_inode_that_is_damaged_is_corrupt_at_its_own_offset() {
    let mut bytes = image("");
    let fs = open_bytes(bytes.clone()).unwrap();
    let file = fs.lookup(fs.root(), "setuid").unwrap();
    let superblock = super::super::superblock::Superblock::read(&crate::disk::Memory(bytes.clone())).unwrap();
    let at = superblock.inode_at(file).unwrap() as usize;
    bytes[at + 300] ^= 1;
    let error = open_bytes(bytes.clone()).unwrap().stat(file).err().unwrap();
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(at as u64)));
    // A wrong extent, with a checksum that fits.
    bytes[at + 300] ^= 1;
    bytes[at + 176 + 6] = 0x7F;
    checksum::renew(&mut bytes[at..at + 512], 100);
    let error = open_bytes(bytes).unwrap().read_at(file, 0, 9).err().unwrap();
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(at as u64 + 176)));
}

#[test]
fn what_is_not_there_or_of_another_kind_is_told() {
    let fs = open_bytes(image("")).unwrap();
    for node in [0, 1 << 40, u64::MAX] {
        assert_eq!(kind_of(fs.stat(node)), ErrorKind::Corrupt, "{node}");
    }
    let file = fs.lookup(fs.root(), "setuid").unwrap();
    assert_eq!(kind_of(fs.list(file, 9)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.lookup(file, "x")), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.read_link(file)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.read_at(fs.root(), 0, 9)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.list(fs.root(), 3)), ErrorKind::Limit);
}
