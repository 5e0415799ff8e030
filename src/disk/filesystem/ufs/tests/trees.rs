//! Whole trees, entry by entry, against the directory they were made of.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::super::super::{FileSystem, Node, NodeKind};
use super::{make, pattern};
use crate::disk::testkit;
use crate::guest::Tree;

const MANY: usize = 3000;

fn source(many: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    std::fs::create_dir_all(at("etc/日本語/ünïcödé")).unwrap();
    std::fs::write(at("etc/日本語/ünïcödé/файл"), "юникод").unwrap();
    std::fs::write(at("etc").join("n".repeat(255)), "a long name").unwrap();
    std::fs::write(at("etc/empty"), "").unwrap();
    // Around fragments and blocks, and (with blocks of 4 KiB) behind one and two blocks of addresses.
    for size in [1, 511, 512, 513, 4095, 4096, 4097, 49_152, 49_153, 70_000, 800_000, 6_000_000] {
        std::fs::write(at(&format!("etc/size-{size}")), pattern(size)).unwrap();
    }
    for size in [1, 59, 60, 61, 119, 120, 121, 1000] {
        symlink("t".repeat(size), at(&format!("etc/link-{size}"))).unwrap();
    }
    symlink("../etc/size-1", at("etc/link")).unwrap();
    for (name, mode) in [("setuid", 0o4755), ("secret", 0o600)] {
        std::fs::write(at(name), name).unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let deep = at("deep").join("d/".repeat(60));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("bottom"), "found").unwrap();
    std::fs::create_dir(at("many")).unwrap();
    for n in 0..many {
        std::fs::write(at(&format!("many/module-{n:04}.ko")), format!("{n}")).unwrap();
    }
    dir
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
    let expected = std::fs::symlink_metadata(path).unwrap();
    if stat.kind != NodeKind::Link {
        assert_eq!(stat.mode, expected.mode() & 0o7777, "{}", path.display());
    }
    assert_eq!((stat.uid, stat.gid), (expected.uid(), expected.gid()), "{}", path.display());
    assert_eq!((stat.immutable, stat.append_only), (false, false), "{}", path.display());
    match stat.kind {
        NodeKind::Directory => return compare(fs, node, path),
        NodeKind::Link => {
            assert_eq!(fs.read_link(node).unwrap(), std::fs::read_link(path).unwrap().to_str().unwrap());
        }
        NodeKind::File => {
            let expected = std::fs::read(path).unwrap();
            assert_eq!(stat.size, expected.len() as u64, "{}", path.display());
            assert!(fs.read_at(node, 0, 1 << 30).unwrap() == expected, "{}", path.display());
            for at in [expected.len() / 3, expected.len().saturating_sub(3), expected.len()] {
                let end = (at + 5000).min(expected.len());
                assert!(fs.read_at(node, at as u64, 5000).unwrap() == expected[at..end], "{} {at}", path.display());
            }
            assert_eq!(fs.read_at(node, u64::MAX, 1).unwrap(), b"");
        }
        NodeKind::Special => panic!("{} became a device", path.display()),
    }
    0
}

/// Makes the tree and compares all of it. Gives the number of its cylinder groups.
fn reads_as_written(many: usize, options: &str) -> u32 {
    let (source, dir) = (source(many), tempfile::tempdir().unwrap());
    let image = make(dir.path(), source.path(), options, "-B le -s 64m");
    let fs = super::super::open(testkit::open(&image)).unwrap_or_else(|e| panic!("{options}: {e}"));
    let entries = compare(fs.as_ref(), fs.root(), source.path());
    assert!(entries > many + 80, "{options}: {entries}");
    assert_eq!(fs.signs().unwrap(), [], "{options}");
    let tree = Tree::new(fs);
    assert_eq!(tree.read("/etc/link", 99).unwrap(), [0], "{options}");
    let deep = format!("/deep/{}bottom", "d/".repeat(60));
    assert_eq!(tree.read_text(&deep, 99).unwrap(), "found", "{options}");
    let groups = testkit::open(&image).read_vec_at(8192 + 44, 4).unwrap();
    u32::from_le_bytes(groups.try_into().unwrap())
}

#[test]
fn both_versions_with_every_size_of_blocks_and_fragments() {
    for version in [1, 2] {
        for sizes in [
            "bsize=8192,fsize=1024",
            "bsize=8192,fsize=8192",
            "bsize=16384,fsize=2048",
            "bsize=32768,fsize=4096",
            "bsize=65536,fsize=8192",
        ] {
            reads_as_written(200, &format!("version={version},{sizes}"));
        }
    }
}

#[test]
fn thousands_of_files_in_several_cylinder_groups() {
    for version in [1, 2] {
        let groups = reads_as_written(MANY, &format!("version={version},bsize=4096,fsize=512"));
        assert!(groups > 1, "version {version}: {groups}");
    }
}

#[test]
fn a_whole_file_costs_few_reads() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(source.path().join("large"), pattern(4 << 20)).unwrap();
    let image = make(dir.path(), source.path(), "version=2,bsize=32768,fsize=4096", "-B le -s 16m");
    let counting = testkit::Counting::new(testkit::open(&image));
    let fs = super::super::open(std::sync::Arc::clone(&counting) as _).unwrap();
    let node = fs.lookup(fs.root(), "large").unwrap();
    let before = counting.requests();
    assert!(fs.read_at(node, 0, 4 << 20).unwrap() == pattern(4 << 20));
    let reads = counting.requests() - before;
    // One block of addresses, and the content before and behind it.
    assert!(reads <= 4, "{reads} reads for 4 MiB");
}
