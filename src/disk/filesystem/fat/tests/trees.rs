//! Whole trees, entry by entry, against the directory they were made of.

use std::path::{Path, PathBuf};

use super::super::super::{FileSystem, Node, NodeKind};
use super::{copy, copy_all, format, mtool, open};
use crate::disk::testkit;
use crate::guest::Tree;

const MANY: usize = 3000;

/// A source directory with what is hard to read; `many` entries in one of its directories.
fn source(many: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    std::fs::create_dir_all(at("EFI/BOOT")).unwrap();
    std::fs::write(at("EFI/BOOT/BOOTX64.EFI"), pattern(70_000)).unwrap();
    std::fs::create_dir_all(at("日本語/ünïcödé directory")).unwrap();
    std::fs::write(at("日本語/ünïcödé directory/файл.txt"), "юникод").unwrap();
    std::fs::write(at("a name with spaces. and.dots"), "spaces").unwrap();
    std::fs::write(at("lower.txt"), "lower").unwrap();
    std::fs::write(at("Mixed.TXT"), "mixed").unwrap();
    std::fs::write(at("empty"), "").unwrap();
    // Thirteen units fill a piece of a long name; 255 are the most.
    for len in [12, 13, 14, 26, 27, 255] {
        std::fs::write(at(&"n".repeat(len)), len.to_string()).unwrap();
    }
    for size in [1, 511, 512, 513, 1024, 4095, 4096, 4097, 32768, 65537] {
        std::fs::write(at(&format!("size-{size}")), pattern(size)).unwrap();
    }
    let deep = at("deep").join("dir/".repeat(40));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("bottom"), "found").unwrap();
    std::fs::create_dir(at("many")).unwrap();
    for n in 0..many {
        std::fs::write(at(&format!("many/{n:04}-module-with-a-long-name.ko.xz")), format!("{n}")).unwrap();
    }
    dir
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 253).unwrap()).collect()
}

/// Compares a directory with its source and gives how many entries it and those below it have.
fn compare(fs: &dyn FileSystem, dir: Node, source: &Path) -> usize {
    let mut expected: Vec<PathBuf> = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    expected.sort();
    let mut found = fs.list(dir, 10_000).unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = expected.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(found.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), names, "{}", source.display());
    let below: usize = expected.iter().zip(&found).map(|(path, entry)| compare_entry(fs, entry.node, path)).sum();
    expected.len() + below
}

fn compare_entry(fs: &dyn FileSystem, node: Node, path: &Path) -> usize {
    let stat = fs.stat(node).unwrap();
    if stat.kind == NodeKind::Directory {
        assert!(path.is_dir(), "{}", path.display());
        return compare(fs, node, path);
    }
    let expected = std::fs::read(path).unwrap();
    assert_eq!((stat.kind, stat.size), (NodeKind::File, expected.len() as u64), "{}", path.display());
    assert!(fs.read_at(node, 0, 1 << 30).unwrap() == expected, "{}", path.display());
    // And at odd places: across clusters, across the end, behind it, backwards.
    for at in [expected.len() / 2, expected.len() / 3, expected.len().saturating_sub(3), expected.len()] {
        let end = (at + 5000).min(expected.len());
        assert!(fs.read_at(node, at as u64, 5000).unwrap() == expected[at..end], "{} from {at}", path.display());
    }
    assert_eq!(fs.read_at(node, u64::MAX, 1).unwrap(), b"");
    0
}

/// Makes the tree with each set of options and compares all of it.
fn reads_as_written(many: usize, variants: &[(&str, u64)]) {
    let (source, dir) = (source(many), tempfile::tempdir().unwrap());
    for (options, kib) in variants {
        let image = format(dir.path(), options, *kib);
        copy_all(&image, source.path());
        testkit::run("dosfstools", "fsck.fat", &["-n", image.to_str().unwrap()]);
        let fs = open(&image);
        let entries = compare(fs.as_ref(), fs.root(), source.path());
        assert!(entries > many + 60, "{options}: {entries}");
        assert_eq!(fs.signs().unwrap(), [], "{options}");
        let tree = Tree::new(fs);
        let deep = format!("/DEEP/{}bottom", "DIR/".repeat(40));
        assert_eq!(tree.read_text(&deep, 99).unwrap(), "found", "{options}");
    }
}

// mtools takes a FAT32 of less than 65525 clusters for a FAT16.
#[test]
fn every_width_and_size_of_cluster() {
    reads_as_written(
        300,
        &[
            ("-F 12 -s 8", 8 << 10),
            ("-F 12 -s 64 -f 1", 32 << 10),
            ("-F 16 -s 1", 20 << 10),
            ("-F 16 -s 128", 400 << 10),
            ("-F 32 -s 1", 40 << 10),
            ("-F 32 -s 2 -f 1", 80 << 10),
            ("-F 32 -s 128", 4800 << 10),
        ],
    );
}

#[test]
fn every_size_of_sector() {
    reads_as_written(
        300,
        &[
            ("-F 12 -S 1024 -s 4", 8 << 10),
            ("-F 16 -S 2048 -s 1", 32 << 10),
            ("-F 16 -S 4096 -s 1 -a", 40 << 10),
            ("-F 32 -S 4096 -s 1", 300 << 10),
        ],
    );
}

#[test]
fn a_directory_of_thousands() {
    reads_as_written(MANY, &[("-F 16 -s 4", 60 << 10), ("-F 32 -s 1", 60 << 10)]);
}

#[test]
fn a_file_in_pieces() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fillers: Vec<PathBuf> = (0..200)
        .map(|n| {
            let path = source.path().join(format!("{}{n:03}.f", if n % 2 == 0 { "even" } else { "odd" }));
            std::fs::write(&path, [1; 2000]).unwrap();
            path
        })
        .collect();
    let large = source.path().join("large");
    std::fs::write(&large, pattern(250_000)).unwrap();
    for (options, kib) in [("-F 12 -s 4 -r 512", 2_000), ("-F 16 -s 1 -r 512", 10_000), ("-F 32 -s 1", 40_000)] {
        let image = format(dir.path(), options, kib);
        copy(&image, &fillers);
        mtool(&image, "mdel", &["::even*"]);
        if options.contains("32") {
            // FSI_Nxt_Free, where mtools would go on.
            let mut bytes = std::fs::read(&image).unwrap();
            bytes[512 + 492..512 + 496].copy_from_slice(&[2, 0, 0, 0]);
            std::fs::write(&image, bytes).unwrap();
        }
        copy(&image, std::slice::from_ref(&large));
        for even in fillers.iter().step_by(2) {
            let _ = std::fs::remove_file(even);
        }
        let fs = open(&image);
        let counting = testkit::Counting::new(testkit::open(&image));
        let counted = super::super::open(std::sync::Arc::clone(&counting) as _).unwrap();
        let node = counted.lookup(counted.root(), "large").unwrap();
        let before = counting.requests();
        assert!(counted.read_at(node, 0, 1 << 20).unwrap() == pattern(250_000), "{options}");
        let runs = counting.requests() - before;
        assert!((60..=110).contains(&runs), "{options}: {runs} requests for a file in about 100 pieces");
        assert_eq!(compare(fs.as_ref(), fs.root(), source.path()), 101, "{options}");
        for filler in &fillers {
            std::fs::write(filler, [1; 2000]).unwrap();
        }
    }
}

#[test]
fn a_whole_file_costs_one_read() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(source.path().join("large"), pattern(1 << 20)).unwrap();
    let image = format(dir.path(), "-F 32 -s 1", 40 << 10);
    copy_all(&image, source.path());
    let counting = testkit::Counting::new(testkit::open(&image));
    let fs = super::super::open(std::sync::Arc::clone(&counting) as _).unwrap();
    let node = fs.lookup(fs.root(), "large").unwrap();
    let before = counting.requests();
    assert!(fs.read_at(node, 0, 1 << 20).unwrap() == pattern(1 << 20));
    // The entry, the content.
    assert_eq!(counting.requests() - before, 2);
    let before = counting.requests();
    for at in (0..1 << 20).step_by(4096) {
        fs.read_at(node, at, 4096).unwrap();
    }
    assert_eq!(counting.requests() - before, 512);
}
