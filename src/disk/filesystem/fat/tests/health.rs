//! Free space, and signs of a filesystem that was not left cleanly.

use std::path::Path;

use super::{copy_all, format, mtool, open, open_bytes};
use crate::disk::testkit::{self, Counting};
use crate::inspect::facts::SignKind;

/// What `mdir` says is free.
fn free(image: &Path) -> u64 {
    let listing = mtool(image, "mdir", &["::"]);
    let line = listing.lines().find(|line| line.contains("bytes free")).unwrap();
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn free_space_is_what_mtools_tells() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for n in 0..50 {
        std::fs::write(source.path().join(format!("file {n}")), vec![1; n * 100]).unwrap();
    }
    for (options, kib) in [("-F 12", 1440), ("-F 12 -s 4", 4 << 10), ("-F 16", 32 << 10), ("-F 32 -s 1", 40 << 10)] {
        let image = format(dir.path(), options, kib);
        copy_all(&image, source.path());
        let usage = open(&image).usage().unwrap();
        assert_eq!(usage.free_bytes, free(&image), "{options}");
        assert!(usage.total_bytes > usage.free_bytes + 100_000 && usage.total_bytes <= kib << 10, "{options}");
        assert_eq!(usage.free_inodes, None);
    }
}

#[test]
fn a_large_fat_is_counted_unless_its_summary_can_be_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let image = format(dir.path(), "-F 32 -s 1", 150 << 10);
    // The reserved sectors, both FATs, the root.
    let clean = testkit::open(&image).read_vec_at(0, 4 << 20).unwrap();
    let true_count = free(&image);
    let usage = |bytes: &[u8]| {
        let counting = Counting::new(testkit::memory(bytes.to_vec()));
        let fs = super::super::open(std::sync::Arc::clone(&counting) as _).unwrap();
        (fs.usage().unwrap().free_bytes, counting.bytes() > 1 << 20)
    };
    assert_eq!(usage(&clean), (true_count, false));
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = clean.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    // FSInfo is sector 1: its count, its count unknown or impossible, its signature; the volume's state.
    assert_eq!(usage(&changed(512 + 488, &100_u32.to_le_bytes())), (51_200, false));
    assert_eq!(usage(&changed(512 + 488, &[0xFF; 4])), (true_count, true));
    assert_eq!(usage(&changed(512 + 488, &[0, 0, 0, 0x0F])), (true_count, true));
    assert_eq!(usage(&changed(512 + 484, b"x")), (true_count, true));
    assert_eq!(usage(&changed(0x41, &[1])), (true_count, true));
}

#[test]
fn one_that_was_not_left_cleanly_says_so() {
    let dir = tempfile::tempdir().unwrap();
    // Where FAT[1] has its two bits, and where the boot sector has the state.
    for (options, kib, high, state) in
        [("-F 16", 16 << 10, Some(3), 0x25), ("-F 32", 40 << 10, Some(7), 0x41), ("-F 12", 1440, None, 0x25)]
    {
        let image = format(dir.path(), options, kib);
        let mut clean = std::fs::read(&image).unwrap();
        clean.truncate(1 << 20);
        let fat = 512 * usize::from(u16::from_le_bytes(clean[14..16].try_into().unwrap()));
        let signs = |at: usize, change: &dyn Fn(&mut u8)| {
            let mut bytes = clean.clone();
            change(&mut bytes[at]);
            let signs = open_bytes(bytes).unwrap().signs().unwrap();
            signs.into_iter().map(|sign| (sign.kind, usize::try_from(sign.at).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(signs(0, &|_| {}), [], "{options}");
        assert_eq!(signs(state, &|byte| *byte |= 1), [(SignKind::Dirty, state)], "{options}");
        // Without the extended record that byte is a program's.
        let mut old = clean.clone();
        old[state] |= 1;
        old[state + 1] = 0;
        assert_eq!(open_bytes(old).unwrap().signs().unwrap(), [], "{options}");
        if let Some(high) = high {
            let (entry, [clean, no_errors]) = if high == 3 { (2, [0x80, 0x40]) } else { (4, [0x08, 0x04]) };
            assert_eq!(signs(fat + high, &|byte| *byte &= !clean), [(SignKind::Dirty, fat + entry)], "{options}");
            assert_eq!(signs(fat + high, &|byte| *byte &= !no_errors), [(SignKind::Errors, fat + entry)], "{options}");
        }
    }
}

#[test]
fn fsck_agrees_on_what_is_dirty() {
    let dir = tempfile::tempdir().unwrap();
    let image = format(dir.path(), "-F 32", 40 << 10);
    let mut bytes = std::fs::read(&image).unwrap();
    bytes[0x41] |= 1;
    std::fs::write(&image, &bytes).unwrap();
    assert_eq!(open(&image).signs().unwrap().len(), 1);
    let output = std::process::Command::new("/usr/sbin/fsck.fat").arg("-n").arg(&image).output();
    let output = output.expect("install the Debian package dosfstools");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Dirty bit is set"), "{said}");
}
