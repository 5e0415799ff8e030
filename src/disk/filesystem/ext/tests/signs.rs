//! What a filesystem says of its health: nothing where it is healthy, and each thing that is wrong with its place.

use std::path::{Path, PathBuf};

use super::{edit, make, open, run};
use crate::inspect::facts::SignKind;

/// What mke2fs can make, one after the other.
const HEALTHY: [(&str, &str); 25] = [
    ("-t ext2 -b 1024", "16M"),
    ("-t ext2 -b 4096 -O ^sparse_super,^resize_inode", "140M"),
    ("-r 0 -b 1024", "32M"),
    ("-t ext3 -b 1024", "32M"),
    ("-t ext3 -b 4096 -I 128", "140M"),
    ("-t ext4", "16M"),
    ("-t ext4 -b 1024", "64M"),
    ("-t ext4 -b 1024 -I 128", "64M"),
    ("-t ext4 -b 2048 -I 512", "64M"),
    ("-t ext4 -O ^64bit", "140M"),
    ("-t ext4 -O ^metadata_csum", "140M"),
    ("-t ext4 -O ^metadata_csum,^64bit,uninit_bg", "140M"),
    ("-t ext4 -O ^metadata_csum,uninit_bg", "140M"),
    ("-t ext4 -O ^metadata_csum,^uninit_bg", "140M"),
    ("-t ext4 -O metadata_csum_seed", "140M"),
    ("-t ext4 -O bigalloc -C 65536 -N 4096", "1G"),
    ("-t ext4 -O bigalloc -b 1024 -C 16384", "200M"),
    ("-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024", "64M"),
    ("-t ext4 -O meta_bg,^resize_inode,^flex_bg,^sparse_super -b 1024 -g 1024", "64M"),
    ("-t ext4 -O sparse_super2 -b 1024", "64M"),
    ("-t ext4 -O inline_data,large_dir,ea_inode", "64M"),
    ("-t ext4 -O orphan_file,fast_commit,mmp", "64M"),
    ("-t ext4 -O casefold,encrypt,verity,project,quota,stable_inodes -E encoding=utf8", "64M"),
    ("-t ext4 -O ^has_journal", "64M"),
    ("-t ext4 -O ^has_journal,uninit_bg,^metadata_csum -N 64", "64M"),
];

fn made(dir: &Path, options: &str, size: &str) -> PathBuf {
    let source = dir.join("source");
    let _ = std::fs::create_dir(&source);
    for n in 0..20 {
        std::fs::write(source.join(format!("file-{n}")), vec![n; 3000]).unwrap();
    }
    make(dir, &source, options, size)
}

#[test]
fn a_healthy_filesystem_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (options, size) in HEALTHY {
        let image = made(dir.path(), options, size);
        assert_eq!(open(&image).unwrap().signs().unwrap(), [], "{options}");
    }
    // What the kernel and tune2fs set in the first superblock alone.
    let image = made(dir.path(), "-t ext2 -O ^ext_attr", "64M");
    edit(&image, "feature ext_attr large_file dir_nlink");
    assert_eq!(open(&image).unwrap().signs().unwrap(), []);
}

#[test]
fn what_mounting_takes_that_may_not_be_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "-t ext4 -b 65536 -N 4096", "300M");
    assert_eq!(signs(&image), [(SignKind::LargeBlocks, 0x418, "blocks of 65536 bytes".to_owned())]);
    // As `mke2fs -J device=` leaves it; tune2fs wants a block device for that.
    let image = made(dir.path(), "-t ext4", "16M");
    edit(&image, "ssv journal_inum 0");
    edit(&image, "ssv journal_dev 0x801");
    assert_eq!(signs(&image), [(SignKind::JournalElsewhere, 0x4E4, "s_journal_dev 0x801".to_owned())]);
}

/// The signs of an image: kind, byte offset, value.
fn signs(image: &Path) -> Vec<(SignKind, u64, String)> {
    open(image).unwrap().signs().unwrap().into_iter().map(|sign| (sign.kind, sign.at, sign.value)).collect()
}

#[test]
fn what_the_superblock_notes_is_told() {
    let cases: [(&str, &[&str], SignKind, u64, &str); 8] = [
        ("-t ext4", &["ssv state 3", "ssv error_count 7"], SignKind::Errors, 0x3A, "s_state 0x3, 7 errors"),
        ("-t ext4", &["ssv error_count 7"], SignKind::ErrorsRecorded, 0x194, "7 errors"),
        ("-t ext2", &["ssv state 0"], SignKind::Dirty, 0x3A, "s_state 0x0, not cleanly unmounted"),
        ("-t ext3", &["ssv last_orphan 12"], SignKind::Orphans, 0xE8, "s_last_orphan 12"),
        ("-t ext4 -O orphan_file", &["feature orphan_present"], SignKind::Orphans, 0x64, "orphan_present"),
        (
            "-t ext3",
            &["feature needs_recovery"],
            SignKind::LogNeedsReplay,
            0x60,
            "needs_recovery, 0 transactions, 0 fast commit records",
        ),
        ("-t ext2", &["ssv state 2"], SignKind::Errors, 0x3A, "s_state 0x2, 0 errors"),
        ("-t ext4", &["ssv state 2"], SignKind::Errors, 0x3A, "s_state 0x2, 0 errors"),
    ];
    for (options, requests, kind, field, value) in cases {
        let dir = tempfile::tempdir().unwrap();
        let image = made(dir.path(), options, "16M");
        for request in requests {
            edit(&image, request);
        }
        let mut expected = vec![(kind, 1024 + field, value.to_owned())];
        if options == "-t ext2" && value.contains("0x2") {
            expected.push((SignKind::Dirty, 1024 + 0x3A, "s_state 0x2, not cleanly unmounted".to_owned()));
        }
        assert_eq!(signs(&image), expected, "{options} {requests:?}");
    }
    // Where orphans have a file of their own the old list means something else.
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "-t ext4 -O orphan_file", "16M");
    edit(&image, "ssv last_orphan 12");
    assert_eq!(signs(&image), []);
}

/// Changes a byte.
fn flip(image: &Path, at: usize) {
    let mut bytes = std::fs::read(image).unwrap();
    bytes[at] ^= 0x40;
    std::fs::write(image, bytes).unwrap();
}

#[test]
fn checksums_that_do_not_fit_are_told() {
    // Of 1 KiB blocks the descriptors are in block 2; bg_used_dirs_count is at 0x10, bg_checksum at 0x1E.
    for options in ["-t ext4 -b 1024", "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg", "-t ext4 -b 1024 -O ^64bit"] {
        let dir = tempfile::tempdir().unwrap();
        let image = made(dir.path(), options, "32M");
        let size = if options.contains("^64bit") { 32 } else { 64 };
        flip(&image, 2048 + size + 0x10);
        let found = signs(&image);
        assert_eq!(found.len(), 1, "{options}: {found:?}");
        let (kind, at, value) = &found[0];
        assert_eq!((*kind, *at), (SignKind::ChecksumMismatch, 2048 + size as u64 + 0x1E), "{options}");
        assert!(value.starts_with("descriptor of group 1 "), "{value}");
    }
    for options in ["-t ext4 -b 1024", "-t ext4 -b 1024 -I 128", "-t ext4 -b 1024 -O metadata_csum_seed"] {
        let dir = tempfile::tempdir().unwrap();
        let image = made(dir.path(), options, "32M");
        let places = run("debugfs", &["-R", "imap <2>", image.to_str().unwrap()]);
        // "located at block 73, offset 0x0100"
        let number = |after: &str| {
            let text = places.split(after).nth(1).unwrap();
            let text: String = text.chars().take_while(|c| c.is_ascii_hexdigit() || *c == 'x').collect();
            text.strip_prefix("0x").map_or_else(|| text.parse().unwrap(), |hex| usize::from_str_radix(hex, 16).unwrap())
        };
        let at = number("located at block ") * 1024 + number("offset ");
        // i_atime
        flip(&image, at + 8);
        assert_eq!(signs(&image), [(SignKind::ChecksumMismatch, at as u64, "root inode".to_owned())], "{options}");
        assert!(open(&image).unwrap().list(2, 9).is_err());
    }
}

#[test]
fn a_copy_of_the_superblock_that_says_something_else_is_told() {
    // With 1 KiB blocks groups have 8 MiB: copies are at 8 MiB + 1 KiB and 24 MiB + 1 KiB.
    let copies = [(8 << 20) + 1024, (24 << 20) + 1024];
    for (field, what) in [(0x38, "no superblock"), (0x68, "UUID"), (0x20, "blocks a group"), (0x5C, "features")] {
        for (copy, group) in copies.into_iter().zip([1, 3]) {
            let dir = tempfile::tempdir().unwrap();
            let image = made(dir.path(), "-t ext4 -b 1024", "64M");
            flip(&image, copy + field);
            let expected = (SignKind::BackupMismatch, (copy + field) as u64, format!("{what} in group {group}"));
            assert_eq!(signs(&image), [expected]);
        }
    }
    // Counts, times and state differ on healthy filesystems; so do the features that come as they are used.
    for field in [0xC, 0x10, 0x2C, 0x3A, 0x178] {
        let dir = tempfile::tempdir().unwrap();
        let image = made(dir.path(), "-t ext4 -b 1024", "64M");
        flip(&image, copies[0] + field);
        assert_eq!(signs(&image), [], "{field:#x}");
    }
}

#[test]
fn signs_are_read_after_the_replay_and_errors_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "-t ext4 -b 1024", "16M");
    edit(&image, "ssv error_count 3");
    // The journal holds a superblock with an orphan, with no error, and without a checksum over that.
    let mut block = std::fs::read(&image).unwrap()[1024..2048].to_vec();
    block[0xE8] = 13;
    block[0x194] = 0;
    std::fs::write(dir.path().join("block"), &block).unwrap();
    let requests =
        format!("journal_open -c -v 3\njournal_write -b 1 {}\njournal_close\n", dir.path().join("block").display());
    super::journals::debugfs(&image, &requests);
    let kinds: Vec<_> = signs(&image).into_iter().map(|(kind, at, _)| (kind, at - 1024)).collect();
    let expected = [
        (SignKind::ErrorsRecorded, 0x194),
        (SignKind::LogNeedsReplay, 0x60),
        (SignKind::Orphans, 0xE8),
        (SignKind::ChecksumMismatch, 0x3FC),
    ];
    assert_eq!(kinds, expected);
}
