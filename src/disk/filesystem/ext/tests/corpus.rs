//! Filesystems made by others: damaged ones of e2fsprogs' own tests, clean ones of other readers' tests.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::mutations::{LARGEST_READ, Recorder, walk};

/// The directory of samples, if there is one on this machine.
fn samples() -> Option<PathBuf> {
    let root = std::env::var_os("IMAGE_IMPORT_TESTDATA").map_or_else(|| "../shared/testdata".into(), PathBuf::from);
    let dir = root.join("ext");
    if !dir.is_dir() {
        eprintln!("skipped: no samples in {}", dir.display());
        return None;
    }
    Some(dir)
}

fn unpacked(path: &Path) -> Vec<u8> {
    let raw = std::fs::read(path).unwrap();
    let mut bytes = Vec::new();
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => flate2::read::GzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).unwrap(),
        Some("zst") => {
            ruzstd::decoding::StreamingDecoder::new(raw.as_slice()).unwrap().read_to_end(&mut bytes).unwrap()
        }
        other => panic!("{other:?}"),
    };
    bytes
}

#[test]
fn damaged_filesystems_are_harmless() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let packed = samples.join("e2fsprogs-tests-dev.tar.xz");
    let status = Command::new("tar").arg("-xJf").arg(&packed).arg("-C").arg(dir.path()).status();
    assert!(status.expect("tar and xz are in the Debian packages tar and xz-utils").success());
    let (mut images, mut walked) = (0, 0);
    for case in std::fs::read_dir(dir.path()).unwrap() {
        let path = case.unwrap().path().join("image.gz");
        if !path.is_file() {
            continue;
        }
        let mut bytes = unpacked(&path);
        images += 1;
        // As it is, and padded: many were stored without their tail, which alone would refuse them.
        for _ in 0..2 {
            let disk = Arc::new(Recorder::new(bytes.clone()));
            let seen = walk(&disk);
            walked += usize::from(seen > 1);
            assert!(disk.largest.load(Ordering::Relaxed) <= LARGEST_READ, "{}", path.display());
            assert!(disk.reads.load(Ordering::Relaxed) < 500_000, "{}", path.display());
            bytes.resize(bytes.len() + (8 << 20), 0);
        }
    }
    println!("{images} images, {walked} walks");
    assert!(images >= 100 && walked >= 100, "{images} images, {walked} walks");
}

#[test]
fn filesystems_of_other_readers_tests_are_read() {
    let Some(samples) = samples() else { return };
    let expected = [
        ("dfvfs-ext4.raw.zst", 5),
        ("dissect-ext4.bin.gz", 2),
        ("ext4view-test_disk1.bin.zst", 10),
        ("ext4view-test_disk_ext3.bin.zst", 2),
        ("goext4-hierarchy_32.ext4.zst", 2),
        ("goext4-tiny.ext4.zst", 2),
    ];
    for (name, entries) in expected {
        let disk = Arc::new(Recorder::new(unpacked(&samples.join(name))));
        let seen = walk(&disk);
        println!("{name}: {seen}");
        assert!(seen >= entries, "{name}: {seen} entries");
    }
}
