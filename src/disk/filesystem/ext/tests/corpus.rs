//! Filesystems made by others: damaged ones of e2fsprogs' own tests, clean ones of other readers' tests.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::mutations::{LARGEST_READ, Recorder, walk};
use super::run;
use crate::disk::ErrorKind;

/// The directory of samples, if there is one on this machine.
fn samples() -> Option<PathBuf> {
    Some(crate::disk::testkit::collection()?.join("ext"))
}

/// The image of one of e2fsprogs' own tests.
pub(super) fn case(name: &str) -> Option<Vec<u8>> {
    let packed = samples()?.join("e2fsprogs-tests-dev.tar.xz");
    let dir = tempfile::tempdir().unwrap();
    let inside = format!("{name}/image.gz");
    let status = Command::new("tar").arg("-xJf").arg(&packed).arg("-C").arg(dir.path()).arg(inside).status();
    assert!(status.expect("tar and xz are in the Debian packages tar and xz-utils").success());
    Some(unpacked(&dir.path().join(name).join("image.gz")))
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

/// What the kernel makes of the journals among them: refused, or replayed to so many names.
const JOURNALS: [(&str, Result<usize, ErrorKind>); 9] = [
    ("j_corrupt_commit_csum", Err(ErrorKind::Corrupt)),
    ("j_corrupt_descr_csum", Err(ErrorKind::Corrupt)),
    ("j_corrupt_descr_tid", Ok(2)),
    // By Linux 6.14 and later; replayed by older ones.
    ("j_corrupt_revoke_block", Err(ErrorKind::Unsupported)),
    ("j_corrupt_revoke_csum", Ok(2)),
    ("j_corrupt_revoke_rcount", Err(ErrorKind::Corrupt)),
    ("j_corrupt_sb_csum", Err(ErrorKind::Corrupt)),
    ("j_corrupt_sb_magic", Err(ErrorKind::Corrupt)),
    ("j_recover_fast_commit", Ok(4)),
];

#[test]
fn filesystems_that_e2fsck_calls_clean_read_as_it_leaves_them() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let packed = samples.join("e2fsprogs-tests-dev.tar.xz");
    let status = Command::new("tar").arg("-xJf").arg(&packed).arg("-C").arg(dir.path()).status();
    assert!(status.expect("tar and xz are in the Debian packages tar and xz-utils").success());
    let image = dir.path().join("image");
    let unpack = |case: &str| std::fs::write(&image, unpacked(&dir.path().join(case).join("image.gz"))).unwrap();
    for (case, names) in JOURNALS {
        unpack(case);
        let found = super::open(&image).map(|fs| super::tree::read(fs.as_ref()));
        assert_eq!(found.map(|found| found.len()).map_err(|error| error.kind), names, "{case}");
    }
    let expected = std::fs::read_to_string(dir.path().join("EXPECTED.tsv")).unwrap();
    let (mut compared, mut entries) = (0, 0);
    for line in expected.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let case = fields[0];
        if fields[2] != "0" || case.starts_with("j_") {
            continue;
        }
        unpack(case);
        let fs = super::open(&image).unwrap_or_else(|e| panic!("{case}: {e}"));
        let found = super::tree::read(fs.as_ref());
        drop(fs);
        run("e2fsck", &["-fy", image.to_str().unwrap()]);
        let mut repaired = super::tree::read(super::open(&image).unwrap().as_ref());
        // Which e2fsck makes where there is none.
        repaired.retain(|path, _| path != "/lost+found" || found.contains_key(path));
        super::tree::assert_same(&found, &repaired, case);
        compared += 1;
        entries += found.len();
    }
    println!("{compared} images, {entries} entries");
    assert!(compared >= 20, "{compared}");
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
