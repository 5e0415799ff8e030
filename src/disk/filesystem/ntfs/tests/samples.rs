//! Filesystems made by others: Windows 10, Linux' ntfs3, mkntfs.

use std::sync::Arc;

use super::super::super::FileSystem;
use super::{content, kind_of, node};
use crate::disk::testkit::{self, memory};
use crate::disk::{ErrorKind, Slice};

fn open(bytes: Vec<u8>, at: u64) -> crate::disk::Result<Arc<dyn FileSystem>> {
    let disk = memory(bytes);
    let len = disk.len() - at;
    super::super::open(Arc::new(Slice::new(disk, at, len)))
}

fn names(fs: &dyn FileSystem, path: &str) -> Vec<String> {
    fs.list(node(fs, path).unwrap(), 1000).unwrap().into_iter().map(|entry| entry.name).collect()
}

/// Formatted by Windows 10 with compression on.
#[test]
fn a_volume_windows_compressed() {
    let Some(bytes) = testkit::sample("ntfs/win10-compressed-volume-ntfs-ramslack.raw.gz") else { return };
    let fs = open(bytes, 128 * 512).unwrap();
    assert_eq!(names(fs.as_ref(), "/"), ["$RECYCLE.BIN", "1.txt", "os_version.txt", "System Volume Information"]);
    let file = fs.stat(node(fs.as_ref(), "1.TXT").unwrap()).unwrap();
    assert_eq!((file.size, file.attributes), (6460, 0x820));
    assert_eq!(content(fs.as_ref(), "1.txt").unwrap(), b"TEST".repeat(1615));
    assert_eq!(content(fs.as_ref(), "os_version.txt").unwrap(), b"\r\nMicrosoft Windows [Version 10.0.14393]\r\n");
    assert_eq!(fs.signs().unwrap(), []);
    let usage = fs.usage().unwrap();
    assert!(usage.free_bytes < usage.total_bytes && usage.total_bytes == 2_091_007 / 8 * 4096);
}

#[test]
fn volumes_of_other_drivers() {
    if let Some(bytes) = testkit::sample("ntfs/linux-ntfs3.raw.gz") {
        let fs = open(bytes, 0).unwrap();
        assert_eq!(names(fs.as_ref(), "/test"), ["2.txt", "3.txt"]);
    }
    if let Some(bytes) = testkit::sample("ntfs/dfvfs-ntfs.raw.zst") {
        let fs = open(bytes, 0).unwrap();
        assert_eq!(names(fs.as_ref(), "/a_directory"), ["another_file", "a_file"]);
        assert_eq!(content(fs.as_ref(), "a_directory/another_file").unwrap().len(), 22);
        assert_eq!(content(fs.as_ref(), "passwords.txt").unwrap().len(), 116);
    }
    if let Some(bytes) = testkit::sample("ntfs/mkntfs-testfs1.zst") {
        let fs = open(bytes, 0).unwrap();
        let mut expected: Vec<_> = (1..=512).map(|n| n.to_string()).collect();
        expected.sort();
        assert_eq!(names(fs.as_ref(), "/many_subdirs"), expected);
        assert_eq!(content(fs.as_ref(), "file-with-12345").unwrap(), b"12345");
        let sparse = content(fs.as_ref(), "sparse-file").unwrap();
        assert_eq!((sparse.len(), &sparse[..5], &sparse[500_000..]), (500_005, &b"12345"[..], &b"11111"[..]));
        assert!(sparse[5..500_000].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn streams_are_not_content() {
    let Some(bytes) = testkit::sample("ntfs/grr-ntfs_img.dd.zst") else { return };
    // The partition claims more than the image has; the filesystem does not.
    let fs = open(bytes.clone(), 63 * 512).unwrap();
    assert_eq!(names(fs.as_ref(), "/adstest"), ["a.txt", "dir"]);
    assert_eq!(content(fs.as_ref(), "adstest/a.txt").unwrap(), b"This is a.txt");
    assert_eq!(names(fs.as_ref(), "/Test Directory")[2], "入乡随俗 海外春节别样过法.txt");
    assert_eq!(fs.signs().unwrap(), []);
    let short = bytes[..bytes.len() - 4096].to_vec();
    assert_eq!(kind_of(open(short, 63 * 512)), ErrorKind::Corrupt);
}
