//! Filesystems that others made for their tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::super::{FileSystem, Node, NodeKind};
use crate::disk::filesystem::btrfs::FORMAT;
use crate::disk::testkit::{memory, open, run, sample};
use crate::disk::{ReadAt, Slice};

const PIECE: usize = 4 << 20;

/// What is below `dir`, by path: the beginning of the content's SHA-256, or what it is.
fn contents(fs: &dyn FileSystem, dir: Node, path: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs.list(dir, 10_000).unwrap() {
        let path = format!("{path}/{}", entry.name);
        let stat = fs.stat(entry.node).unwrap();
        let what = match stat.kind {
            NodeKind::Directory => "directory".to_owned(),
            NodeKind::Link => fs.read_link(entry.node).unwrap(),
            NodeKind::Special => "special".to_owned(),
            NodeKind::File => {
                let mut digest = Sha256::new();
                for at in (0..stat.size).step_by(PIECE) {
                    digest.update(fs.read_at(entry.node, at, PIECE).unwrap());
                }
                hex::encode(&digest.finalize()[..4])
            }
        };
        found.insert(path.clone(), what);
        if stat.kind == NodeKind::Directory {
            contents(fs, entry.node, &path, found);
        }
    }
}

fn all(image: Arc<dyn ReadAt>) -> BTreeMap<String, String> {
    let fs = (FORMAT.open)(image).unwrap();
    let mut found = BTreeMap::new();
    contents(fs.as_ref(), fs.root(), "", &mut found);
    found
}

fn expected(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(path, what)| ((*path).to_owned(), (*what).to_owned())).collect()
}

// What the kernel reads of both is what is expected.

#[test]
fn a_filesystem_of_dissects_tests_is_read() {
    let Some(image) = sample("btrfs/dissect-btrfs-default.bin.gz") else { return };
    let wanted = expected(&[
        ("/large.txt", "b94bdbc9"),
        ("/link.txt", "path/to/a/file.txt"),
        ("/path", "directory"),
        ("/path/to", "directory"),
        ("/path/to/a", "directory"),
        ("/path/to/a/file.txt", "0c6c43a1"),
        ("/small.txt", "a4c98511"),
    ]);
    assert_eq!(all(memory(image)), wanted);
}

#[test]
fn a_filesystem_of_discutils_tests_is_read() {
    let Some(disk) = sample("btrfs/discutils-btrfs.vhdx.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let [vhdx, raw] = ["disk.vhdx", "disk.raw"].map(|name| dir.path().join(name));
    std::fs::write(&vhdx, disk).unwrap();
    run("qemu-utils", "qemu-img", &["convert", "-O", "raw", vhdx.to_str().unwrap(), raw.to_str().unwrap()]);
    let wanted = expected(&[
        ("/folder", "directory"),
        ("/folder/subfolder", "directory"),
        ("/folder/subfolder/compressed", "bc3dff34"),
        ("/folder/subfolder/f64464c2024778f347277de6fa26fe87", "b5e6579e"),
        ("/folder/subfolder/fa121c8b73cf3b01a4840b1041b35e9f", "50033e5a"),
        ("/folder/subfolder/file", "b9e68e1b"),
        ("/folder/subfolder/lzo", "bc3dff34"),
        ("/folder/subfolder/sparse", "20492a4d"),
        ("/folder/symlink", "../subvolume/subvolumefolder/subvolumefile"),
        ("/opt", "directory"),
        ("/subvolume", "directory"),
        ("/subvolume/subvolumefolder", "directory"),
        ("/subvolume/subvolumefolder/subvolumefile", "f2ca1bb6"),
    ]);
    // Its only partition.
    assert_eq!(all(Arc::new(Slice::new(open(&raw), 1 << 20, u64::MAX))), wanted);
}
