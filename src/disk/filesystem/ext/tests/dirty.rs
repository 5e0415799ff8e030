//! Filesystems that were not unmounted: copies of an image while the kernel has it mounted. What is read of the copy is
//! what the kernel finds on its next start, and what e2fsck leaves.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::tree::{self, Entries};
use super::{open, run};
use crate::disk::testkit::Mounted;
use crate::inspect::facts::SignKind;

/// An image mounted by the kernel.
pub(super) fn mount(image: &Path, options: &str) -> Option<Mounted> {
    Mounted::new("auto", options, image)
}

pub(super) fn fsync(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

/// Changes of all kinds, committed one by one and all together.
fn work(mounted: &Mounted) {
    let write = |path: &str, content: &[u8]| {
        let mut file = File::create(mounted.join(path)).unwrap();
        file.write_all(content).unwrap();
        file.sync_all().unwrap();
    };
    std::fs::create_dir_all(mounted.join("etc/deep/er")).unwrap();
    for n in 0..60 {
        write(&format!("etc/file-{n}"), &vec![n; usize::from(n) * 300]);
    }
    // Blocks of a directory that are freed and become a file's: their copies in the journal are revoked.
    std::fs::create_dir(mounted.join("many")).unwrap();
    for n in 0..600 {
        File::create(mounted.join(&format!("many/a-rather-long-name-of-a-file-{n}"))).unwrap();
    }
    fsync(&mounted.join("many"));
    std::fs::remove_dir_all(mounted.join("many")).unwrap();
    fsync(&mounted.join("."));
    // What looks like a block of the journal is escaped in it (with data=journal).
    let mut header = 0xC03B_3998_u32.to_be_bytes().to_vec();
    header.resize(300_000, 7);
    write("large", &header);
    write("etc/escaped", &[&header[..4], &[9; 5000][..]].concat());
    std::fs::rename(mounted.join("etc/file-3"), mounted.join("etc/deep/moved")).unwrap();
    std::fs::rename(mounted.join("etc/file-4"), mounted.join("etc/file-5")).unwrap();
    std::fs::hard_link(mounted.join("etc/file-6"), mounted.join("etc/deep/er/linked")).unwrap();
    std::fs::remove_file(mounted.join("etc/file-7")).unwrap();
    symlink("../etc/file-8", mounted.join("etc/short")).unwrap();
    symlink("t".repeat(300), mounted.join("etc/long")).unwrap();
    chown(mounted.join("etc/file-9"), Some(70_000), Some(80_000)).unwrap();
    File::options().write(true).open(mounted.join("etc/file-50")).unwrap().set_len(4321).unwrap();
    let sparse = File::create(mounted.join("sparse")).unwrap();
    for n in 0..40 {
        sparse.write_all_at(b"here", n * 20_000).unwrap();
    }
    sparse.sync_all().unwrap();
    fsync(&mounted.join("etc"));
    // The last change of all is not committed.
    std::fs::write(mounted.join("etc/never"), "never").unwrap();
}

/// Makes an image, works on it, and gives a copy made meanwhile.
pub(super) fn dirty(dir: &Path, options: &str, mount_options: &str, work: impl FnOnce(&Mounted)) -> Option<PathBuf> {
    let (image, copy) = (dir.join("image"), dir.join("copy"));
    let _ = std::fs::remove_file(&image);
    let mut args = vec!["-q", "-F", "-E", "lazy_itable_init=0"];
    args.extend(options.split_whitespace());
    args.extend([image.to_str().unwrap(), "64M"]);
    run("mke2fs", &args);
    let mounted = mount(&image, mount_options)?;
    work(&mounted);
    mounted.copy(&image, &copy);
    Some(copy)
}

/// The tree as the kernel finds it, replay included.
pub(super) fn kernel(copy: &Path) -> Option<Entries> {
    let again = copy.with_extension("kernel");
    std::fs::copy(copy, &again).unwrap();
    let mounted = mount(&again, "")?;
    Some(tree::mounted(mounted.path()))
}

/// The tree that e2fsck leaves, and how much it says is free.
fn repaired(copy: &Path) -> (Entries, crate::disk::filesystem::Usage) {
    let again = copy.with_extension("repaired");
    std::fs::copy(copy, &again).unwrap();
    run("e2fsck", &["-fy", again.to_str().unwrap()]);
    let fs = open(&again).unwrap();
    assert_eq!(fs.signs().unwrap(), []);
    (tree::read(fs.as_ref()), fs.usage().unwrap())
}

/// Reads a copy and compares it with both.
fn reads_as_recovered(copy: &Path, what: &str) -> usize {
    let fs = open(copy).unwrap_or_else(|e| panic!("{what}: {e}"));
    let found = tree::read(fs.as_ref());
    let signs = fs.signs().unwrap();
    let kinds: Vec<_> = signs.iter().map(|sign| sign.kind).filter(|kind| *kind != SignKind::Orphans).collect();
    assert_eq!(kinds, [SignKind::LogNeedsReplay], "{what}: {signs:?}");
    if let Some(expected) = kernel(copy) {
        tree::assert_same(&found, &expected, &format!("{what}, the kernel"));
    }
    let (expected, usage) = repaired(copy);
    tree::assert_same(&found, &expected, &format!("{what}, e2fsck"));
    if !signs.iter().any(|sign| sign.kind == SignKind::Orphans) {
        assert_eq!(fs.usage().unwrap(), usage, "{what}");
    }
    found.len()
}

fn all_read_as_recovered(cases: &[(&str, &str)]) {
    for (options, mount_options) in cases {
        let dir = tempfile::tempdir().unwrap();
        let what = format!("{options} {mount_options}");
        let Some(copy) = dirty(dir.path(), options, mount_options, work) else { return };
        let entries = reads_as_recovered(&copy, &what);
        println!("{what}: {entries} entries");
        assert!(entries > 60, "{what}: {entries} entries");
        // And so it is once it was unmounted, when there is nothing left to say.
        let image = dir.path().join("image");
        let fs = open(&image).unwrap();
        assert_eq!(fs.signs().unwrap(), [], "{what}, unmounted");
        let expected = kernel(&image).unwrap();
        tree::assert_same(&tree::read(fs.as_ref()), &expected, &format!("{what}, unmounted"));
    }
}

#[test]
fn journals_without_checksums() {
    all_read_as_recovered(&[
        ("-t ext3 -b 1024", ""),
        // The smallest there is: the log goes round and round.
        ("-t ext4 -O ^metadata_csum -b 1024 -J size=1", ""),
        ("-t ext3 -b 4096", "data=journal"),
        ("-t ext4 -O ^metadata_csum,^64bit", ""),
        ("-t ext4 -O ^metadata_csum -b 1024", ""),
    ]);
}

#[test]
fn journals_with_checksums() {
    all_read_as_recovered(&[
        ("-t ext4", ""),
        ("-t ext4 -b 1024 -J size=1", ""),
        ("-t ext4 -O ^64bit -b 1024", "data=journal"),
        ("-t ext4 -O metadata_csum_seed,orphan_file", "data=journal"),
        ("-t ext4 -O ^metadata_csum", "journal_checksum"),
        ("-t ext4 -O ^metadata_csum -b 1024", "journal_async_commit,data=writeback"),
        ("-t ext4", "journal_async_commit,data=writeback"),
    ]);
}

#[test]
fn journals_beside_other_features() {
    all_read_as_recovered(&[
        ("-t ext4 -O bigalloc -C 16384", ""),
        ("-t ext4 -O inline_data -I 256", ""),
        ("-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024", ""),
    ]);
}
