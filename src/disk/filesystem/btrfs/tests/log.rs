//! A log tree: what was synced after the last commit is nowhere else.

use std::fs::{self, File};

use super::refusals::change_superblock;
use super::source::text;
use super::{Mount, compare::compare, make, open};
use crate::disk::ErrorKind;

#[test]
fn a_crash_after_a_sync_is_refused_and_a_crash_after_a_commit_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 200 << 20, None);
    // No commit but those asked for.
    let Some(mounted) = Mount::new(&image, "commit=300") else { return };
    fs::write(mounted.join("old"), text(100_000)).unwrap();
    super::btrfs(&format!("filesystem sync {}", mounted.join("").display()));
    let committed = dir.path().join("committed");
    fs::copy(&image, &committed).unwrap();

    fs::write(mounted.join("new"), text(100_000)).unwrap();
    File::open(mounted.join("new")).unwrap().sync_all().unwrap();
    let crashed = dir.path().join("crashed");
    fs::copy(&image, &crashed).unwrap();
    fs::remove_file(mounted.join("new")).unwrap();
    drop(mounted);

    let fs = open(&committed).unwrap();
    let before = Mount::new(&committed, "ro").unwrap();
    assert_eq!(compare(fs.as_ref(), fs.root(), &before.join("")), 1);
    drop(before);

    let error = open(&crashed).err().expect("a file would be missed");
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.what.contains("log tree must be replayed"), "{error}");

    // Once the kernel has replayed it, both files are there.
    drop(Mount::new(&crashed, "rw").unwrap());
    let replayed = Mount::new(&crashed, "ro").unwrap();
    let fs = open(&crashed).unwrap();
    assert_eq!(compare(fs.as_ref(), fs.root(), &replayed.join("")), 2);
}

#[test]
fn a_superblock_that_names_a_log_tree_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 128 << 20, None);
    change_superblock(&image, 0x60, &0x0100_0000_u64.to_le_bytes());
    let error = open(&image).err().unwrap();
    assert_eq!((error.kind, error.at), (ErrorKind::Unsupported, Some(0x1_0060)));
}
