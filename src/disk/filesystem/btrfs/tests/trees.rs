//! Whole trees as `mkfs.btrfs --rootdir` writes them, with each set of options.

use super::compare::compare;
use super::{make, open, source};
use crate::inspect::facts::SignKind;

const OPTIONS: [&str; 11] = [
    "",
    "--mixed --nodesize 4096",
    "--nodesize 4096 -m single",
    "--nodesize 65536 -m single",
    "--sectorsize 65536 --nodesize 65536",
    "--sectorsize 16384",
    "-O ^no-holes -R ^free-space-tree -m dup -d dup",
    "-O ^extref,^skinny-metadata --csum xxhash",
    "--csum sha256 --nodesize 8192",
    "--csum blake2 --shrink",
    "-R quota",
];

#[test]
fn every_file_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    source::write(&files, 600);
    for options in OPTIONS {
        let image = make(dir.path(), options, 256 << 20, Some(&files));
        let fs = open(&image).unwrap_or_else(|error| panic!("{options}: {error}"));
        let entries = compare(fs.as_ref(), fs.root(), &files);
        assert!(entries > 660, "{options}: {entries} entries");
        let signs: Vec<_> = fs.signs().unwrap().iter().map(|sign| sign.kind).collect();
        // What an x86 machine does not mount is read all the same.
        let large = options.contains("--sectorsize").then_some(SignKind::LargeBlocks);
        assert_eq!(signs, large.into_iter().collect::<Vec<_>>(), "{options}");
        let usage = fs.usage().unwrap();
        assert!(usage.free_bytes < usage.total_bytes && usage.free_bytes > 0, "{options}: {usage:?}");
        println!("{options}: {entries} entries");
    }
}

#[test]
fn a_list_longer_than_wanted_is_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    for n in 0..20 {
        std::fs::write(files.join(format!("{n}")), "").unwrap();
    }
    let fs = open(&make(dir.path(), "", 128 << 20, Some(&files))).unwrap();
    assert_eq!(fs.list(fs.root(), 20).unwrap().len(), 20);
    assert_eq!(super::kind_of(fs.list(fs.root(), 19)), crate::disk::ErrorKind::Limit);
}
