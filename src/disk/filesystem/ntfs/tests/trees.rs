//! Whole trees that ntfs-3g wrote, entry by entry, against the directory they were copied from.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Compared, Mounted, content, make, noise, open, put, words};
use crate::disk::testkit;

const MANY: usize = 3200;

/// A source directory with what is hard to read.
fn source(many: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    std::fs::create_dir_all(at("Windows/System32/日本語/ÜNÏcödé")).unwrap();
    std::fs::write(at("Windows/System32/日本語/ÜNÏcödé/файл"), "юникод").unwrap();
    std::fs::write(at("Windows/System32/😀 outside the BMP"), "surrogates").unwrap();
    std::fs::write(at("Windows").join("n".repeat(255)), "a long name").unwrap();
    std::fs::write(at("empty"), "").unwrap();
    // Sizes around what a record holds itself, a cluster, and a compression unit.
    for size in [1, 500, 700, 720, 1023, 4095, 4096, 4097, 65_535, 65_536, 65_537, 200_001] {
        std::fs::write(at(&format!("words-{size}")), words(size as u64, size)).unwrap();
        std::fs::write(at(&format!("noise-{size}")), noise(size as u64, size)).unwrap();
    }
    let sparse = File::create(at("sparse")).unwrap();
    for offset in [4096, 16 << 10, 200 << 10, 1 << 20, 3 << 20] {
        sparse.write_all_at(b"not a hole", offset).unwrap();
    }
    sparse.set_len((5 << 20) + 5).unwrap();
    std::fs::create_dir(at("many")).unwrap();
    for n in 0..many {
        std::fs::write(at(&format!("many/Driver-{n:04}.sys")), format!("{n}")).unwrap();
    }
    let deep = at("deep").join("d/".repeat(40));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("bottom"), "found").unwrap();
    dir
}

/// Copies a tree to a filesystem of these options and compares all of it.
fn reads_as_written(many: usize, options: &str, size: u64) {
    let source = source(many);
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), options, size);
    let Some(mounted) = Mounted::new(&image, "rw") else { return };
    copy(source.path(), mounted.dir());
    drop(mounted);
    let fs = open(&image).unwrap_or_else(|e| panic!("{options}: {e}"));
    let mut compared = Compared::default();
    compared.directory(fs.as_ref(), fs.root(), source.path());
    assert_eq!(compared.entries, many + 76, "{options}");
    assert_eq!(fs.signs().unwrap(), [], "{options}");
    assert_eq!(fs.usage().unwrap().free_bytes, free(&image), "{options}");
}

fn copy(source: &Path, mounted: &Path) {
    let from = format!("{}/.", source.display());
    testkit::run("coreutils", "cp", &["-r", "--sparse=always", &from, mounted.to_str().unwrap()]);
}

/// The free space `ntfsinfo` counts.
fn free(image: &Path) -> u64 {
    let said = testkit::run("ntfs-3g", "ntfsinfo", &["-m", image.to_str().unwrap()]);
    let number = |of: &str| -> u64 {
        let line = said.lines().find(|line| line.trim().starts_with(of)).unwrap_or_else(|| panic!("{of}: {said}"));
        line.split(&[':', '('][..]).nth(1).unwrap().trim().parse().unwrap()
    };
    number("Free Clusters") * number("Cluster Size")
}

#[test]
fn clusters_of_every_size() {
    for cluster in [512, 65_536] {
        reads_as_written(100, &format!("-c {cluster}"), 48 << 20);
    }
    reads_as_written(100, "-c 2097152", 640 << 20);
}

#[test]
fn disks_of_large_sectors_have_large_records() {
    reads_as_written(100, "-s 4096 -c 4096", 64 << 20);
}

#[test]
fn a_directory_of_thousands() {
    reads_as_written(MANY, "-c 4096", 64 << 20);
}

#[test]
fn files_copied_without_a_mount() {
    let dir = tempfile::tempdir().unwrap();
    for cluster in [512, 4096, 65_536] {
        let image = make(dir.path(), &format!("-c {cluster}"), 32 << 20);
        let expected: Vec<_> = [0, 1, 600, 4096, 300_000]
            .into_iter()
            .map(|size| (format!("File-{size}"), noise(size as u64, size)))
            .collect();
        for (name, content) in &expected {
            put(&image, name, "", content);
        }
        put(&image, "File-1", "a stream", b"not the content");
        let fs = open(&image).unwrap();
        for (name, expected) in &expected {
            assert!(content(fs.as_ref(), name).unwrap() == *expected, "{cluster}: {name}");
        }
        assert_eq!(fs.list(fs.root(), 10).unwrap().len(), expected.len());
        assert_eq!(fs.usage().unwrap().free_bytes, free(&image));
        assert_eq!(fs.usage().unwrap().total_bytes % cluster, 0);
        assert_eq!(fs.signs().unwrap(), []);
    }
}
