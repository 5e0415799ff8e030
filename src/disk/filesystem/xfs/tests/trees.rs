//! Whole trees, entry by entry, over the options of mkfs.xfs.

use super::super::super::NodeKind;
use super::{Body, assert_same, make, open, sample_tree, tree_of};
use crate::disk::testkit::run;
use crate::inspect::facts::SignKind;

/// Enough for an index of several blocks, and to be found by it.
const MANY: usize = 1000;
const SIZE: u64 = 96 << 20;

fn is_read(options: &str, links: &[usize]) {
    let dir = tempfile::tempdir().unwrap();
    let many = if options.contains("-b size=65536") { MANY / 10 } else { MANY };
    let wanted = sample_tree(many, links);
    let image = make(dir.path(), options, SIZE, &wanted);
    let fs = open(&image).unwrap_or_else(|e| panic!("{options}: {e}"));
    assert_same(&tree_of(fs.as_ref()), &wanted, options);
    let signs: Vec<_> = fs.signs().unwrap().iter().map(|sign| sign.kind).collect();
    // What not every kernel mounts is read all the same.
    let large = ["size=8192", "size=16384", "size=65536"].iter().any(|size| options.contains(&format!("-b {size}")));
    assert_eq!(signs, large.then_some(SignKind::LargeBlocks).into_iter().collect::<Vec<_>>(), "{options}");

    // The tool's own view of free space.
    let usage = fs.usage().unwrap();
    let report = run(super::PACKAGE, "xfs_db", &["-r", "-c", "sb 0", "-c", "print", image.to_str().unwrap()]);
    let field = |name: &str| -> u64 {
        let line = report.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches([' ', '=']).parse().unwrap()
    };
    assert_eq!(usage.total_bytes, field("dblocks") * field("blocksize"), "{options}");
    // Without what the kernel keeps, as it is compared with `df` elsewhere.
    assert!(usage.free_bytes < field("fdblocks") * field("blocksize"), "{options}");
    assert_eq!(usage.free_inodes, None);
}

/// mkfs.xfs 6.1 gives a long link no header, which version 5 asks for: there only short ones.
const SHORT: [usize; 4] = [1, 50, 150, 300];
const LONG: [usize; 8] = [1, 50, 150, 155, 157, 300, 1000, 1023];

#[test]
fn version_5_is_read_with_every_size_of_blocks() {
    for block in [1024, 2048, 4096, 16_384] {
        is_read(&format!("-b size={block}"), &SHORT);
    }
    is_read("-b size=65536 -d agcount=1 -l size=40m", &SHORT);
}

#[test]
fn version_5_is_read_with_other_sizes_of_inodes_directories_and_sectors() {
    for options in [
        "-b size=1024 -n size=4096",
        "-n size=65536 -i size=2048",
        "-s size=4096 -i size=1024",
        "-b size=1024 -n size=65536 -d agcount=5",
    ] {
        is_read(options, &SHORT);
    }
}

#[test]
fn version_5_is_read_with_and_without_its_features() {
    for options in [
        "-m finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0,nrext64=0",
        "-m rmapbt=1,reflink=1,inobtcount=1,bigtime=1 -i sparse=1,nrext64=1",
        "-l su=65536",
        "-d su=64k,sw=3 -L label",
    ] {
        is_read(options, &SHORT);
    }
}

#[test]
fn version_4_is_read() {
    for options in [
        "-m crc=0",
        "-m crc=0 -n ftype=0",
        "-m crc=0 -b size=512 -i size=256 -l version=1",
        "-m crc=0 -b size=1024 -n size=8192 -i attr=1,projid32bit=0 -l lazy-count=0",
        "-m crc=0 -b size=65536 -s size=4096 -d agcount=1 -l size=40m",
    ] {
        is_read(options, &LONG);
    }
}

#[test]
fn names_are_found_in_any_case_where_the_filesystem_ignores_it() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = sample_tree(40, &[5]);
    for options in ["-n version=ci", "-m crc=0 -n version=ci"] {
        let image = make(dir.path(), options, SIZE, &wanted);
        let fs = open(&image).unwrap();
        assert_same(&tree_of(fs.as_ref()), &wanted, options);
        let etc = fs.lookup(fs.root(), "eTc").unwrap();
        assert_eq!(fs.stat(etc).unwrap().kind, NodeKind::Directory);
        assert!(fs.lookup(etc, "SIZE-511").is_ok());
        assert!(fs.lookup(etc, "SIZE-510").is_err());
    }
}

#[test]
fn a_file_is_read_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = sample_tree(0, &[]);
    let Body::File(content) = &wanted["/etc/size-70000"].body else { panic!() };
    let fs = open(&make(dir.path(), "", SIZE, &wanted)).unwrap();
    let file = fs.lookup(fs.lookup(fs.root(), "etc").unwrap(), "size-70000").unwrap();
    for (at, len) in [(0, 0), (1, 1), (4095, 2), (4096, 4096), (65_535, 9000), (69_999, 1), (70_000, 5), (80_000, 5)] {
        let found = fs.read_at(file, at as u64, len).unwrap();
        assert_eq!(found, content[at.min(70_000)..(at + len).min(70_000)], "{len} bytes at {at}");
    }
    assert_eq!(fs.read_at(file, u64::MAX, 5), Ok(Vec::new()));
}
