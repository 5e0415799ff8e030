//! What is refused, and by which words.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::{edit, kind_of, make, open};
use crate::disk::{Error, ErrorKind};

fn made(options: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), "content").unwrap();
    let image = make(dir.path(), &source, options, "16M");
    (dir, image)
}

fn refusal(options: &str, damage: impl FnOnce(&std::path::Path)) -> Error {
    let (_dir, image) = made(options);
    assert!(open(&image).is_ok(), "{options}");
    damage(&image);
    open(&image).err().unwrap_or_else(|| panic!("{options}: opened nevertheless"))
}

fn overwrite(image: &std::path::Path, at: u64, bytes: &[u8]) {
    File::options().write(true).open(image).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn features_that_are_not_read_are_named() {
    // s_feature_incompat, without a checksum over it.
    for (bits, words) in [(0x42_u32, None), (0x43, Some("compression")), (0x8000_0042, Some("incompat 0x80000000"))] {
        let (_dir, image) = made("-t ext4 -O ^metadata_csum,^64bit,^flex_bg");
        overwrite(&image, 1024 + 0x60, &bits.to_le_bytes());
        match words {
            None => assert!(open(&image).is_ok()),
            Some(words) => {
                let error = open(&image).err().unwrap();
                assert_eq!(error.kind, ErrorKind::Unsupported);
                assert!(error.what.contains(words), "{error}");
            }
        }
    }
}

#[test]
fn an_external_journal_is_no_filesystem() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("journal");
    super::run("mke2fs", &["-q", "-F", "-O", "journal_dev", image.to_str().unwrap(), "16M"]);
    let error = open(&image).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.what.contains("journal_dev"), "{error}");
}

#[test]
fn damage_is_corrupt_and_says_where() {
    let plain = "-t ext4 -O ^metadata_csum";
    let cases: [(u64, &[u8]); 8] = [
        (0x38, &[0, 0]),       // s_magic
        (0x18, &[7]),          // s_log_block_size
        (0x4, &[0xFF; 4]),     // s_blocks_count_lo
        (0x14, &[0xFF; 4]),    // s_first_data_block
        (0x20, &[0; 4]),       // s_blocks_per_group
        (0x28, &[0; 4]),       // s_inodes_per_group
        (0x58, &[0x80, 0x01]), // s_inode_size
        (0xFE, &[0x10, 0x00]), // s_desc_size
    ];
    for (field, bytes) in cases {
        let error = refusal(plain, |image| overwrite(image, 1024 + field, bytes));
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(1024 + field)), "{error}");
    }
}

#[test]
fn a_superblock_that_fails_its_checksum_is_corrupt_as_for_the_kernel() {
    // The label: nothing else would notice.
    let error = refusal("-t ext4 -O metadata_csum", |image| overwrite(image, 1024 + 0x78, b"x"));
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(1024 + 0x3FC)));
}

#[test]
fn a_filesystem_larger_than_its_volume_is_corrupt() {
    let error = refusal("-t ext4", |image| File::options().write(true).open(image).unwrap().set_len(15 << 20).unwrap());
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(1024 + 0x4)));
}

#[test]
fn a_wrong_extent_is_corrupt_at_its_own_offset() {
    let (_dir, image) = made("-t ext4 -O ^metadata_csum");
    // The start of the first extent of the file: bytes 8..12 of the entry after the header.
    edit(&image, "set_inode_field /file block[5] 0xFFFFFFF0");
    let fs = open(&image).unwrap();
    let file = fs.lookup(fs.root(), "file").unwrap();
    let error = fs.read_at(file, 0, 9).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    let bytes = std::fs::read(&image).unwrap();
    let at = usize::try_from(error.at.unwrap()).unwrap();
    assert_eq!(bytes[at + 8..at + 12], 0xFFFF_FFF0_u32.to_le_bytes());
}

#[test]
fn a_link_of_impossible_length_is_corrupt() {
    let (_dir, image) = made("-t ext4 -O ^metadata_csum");
    edit(&image, "symlink link target");
    edit(&image, "set_inode_field /link size 0x7fffffff");
    let fs = open(&image).unwrap();
    let link = fs.lookup(fs.root(), "link").unwrap();
    assert_eq!(kind_of(fs.read_link(link)), ErrorKind::Corrupt);
}

#[test]
fn a_node_that_is_not_there_is_corrupt() {
    let (_dir, image) = made("-t ext4");
    let fs = open(&image).unwrap();
    for node in [0, 1 << 20, u64::MAX] {
        assert_eq!(kind_of(fs.stat(node)), ErrorKind::Corrupt, "{node}");
    }
    let unused = 3000;
    assert_eq!(kind_of(fs.stat(unused)), ErrorKind::Corrupt);
}
