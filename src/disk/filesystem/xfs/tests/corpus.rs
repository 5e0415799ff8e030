//! Filesystems made by others, of other readers' tests.

use super::{Body, open_bytes, tree_of};
use crate::disk::testkit::sample;
use crate::inspect::facts::SignKind;

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
        println!("{name}: {} entries", tree.len());
        let kinds: Vec<_> = fs.signs().unwrap().iter().map(|sign| sign.kind).collect();
        // One was copied while it was mounted, as xfs_logprint says too.
        let dirty = name.contains("symlink_long");
        assert_eq!(kinds, if dirty { vec![SignKind::LogNeedsReplay] } else { Vec::new() }, "{name}");
        assert!(tree.len() >= entries, "{name}: {} entries", tree.len());
        for path in paths {
            assert!(tree.get(*path).is_some_and(|found| found.body != Body::Directory), "{name}: {path}");
        }
    }
}
