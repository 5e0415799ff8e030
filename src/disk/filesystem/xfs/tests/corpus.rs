//! Filesystems made by others, of other readers' tests.

use super::{Body, open_bytes, tree_of};
use crate::disk::testkit::sample;

#[test]
fn filesystems_of_other_readers_tests_are_read() {
    let expected: [(&str, usize, &[&str]); 3] = [
        ("xfs/dfvfs-xfs.raw.zst", 5, &["/a_directory/a_file", "/passwords.txt", "/a_link"]),
        ("xfs/dissect-xfs.bin.gz", 5, &[]),
        ("xfs/dissect-xfs_symlink_long.bin.gz", 5, &[]),
    ];
    for (name, entries, paths) in expected {
        let Some(bytes) = sample(name) else { return };
        let fs = open_bytes(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let tree = tree_of(fs.as_ref());
        println!("{name}: {:?} {:?}", tree, fs.signs());
        assert!(tree.len() >= entries, "{name}: {} entries", tree.len());
        for path in paths {
            assert!(tree.get(*path).is_some_and(|found| found.body != Body::Directory), "{name}: {path}");
        }
    }
}
