//! Flags of nodes, free space, and nodes that cannot be read while the rest can.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::super::NodeKind;
use super::mutations::Recorder;
use super::{edit, kind_of, make, open, run};
use crate::disk::ErrorKind;
use crate::guest::Tree;

fn source() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("home")).unwrap();
    std::fs::write(dir.path().join("home/File"), "private").unwrap();
    std::fs::write(dir.path().join("resolv.conf"), "nameserver ::1\n").unwrap();
    std::fs::write(dir.path().join("plain"), "plain").unwrap();
    dir
}

#[test]
fn immutable_and_append_only_are_told() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    let image = make(dir.path(), source.path(), "-t ext4", "16M");
    edit(&image, "set_inode_field /resolv.conf flags 0x80010");
    edit(&image, "set_inode_field /plain flags 0x80020");
    let tree = Tree::new(open(&image).unwrap());
    let flags = |path: &str| tree.stat(path).map(|stat| (stat.immutable, stat.append_only)).unwrap();
    assert_eq!(flags("/resolv.conf"), (true, false));
    assert_eq!(flags("/plain"), (false, true));
    assert_eq!(flags("/home/File"), (false, false));
    assert_eq!(tree.read("/resolv.conf", 99).unwrap(), b"nameserver ::1\n");
}

#[test]
fn owners_have_both_halves() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    for options in ["-t ext2", "-t ext4"] {
        let image = make(dir.path(), source.path(), options, "16M");
        edit(&image, "set_inode_field /plain uid 70000");
        edit(&image, "set_inode_field /plain gid 4000000000");
        let stat = Tree::new(open(&image).unwrap()).stat("/plain").unwrap();
        assert_eq!((stat.uid, stat.gid), (70_000, 4_000_000_000), "{options}");
    }
}

#[test]
fn a_large_directory_costs_few_reads() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir_all(source.join("many")).unwrap();
    for n in 0..3000 {
        std::fs::write(source.join(format!("many/module-{n:04}.ko")), "").unwrap();
    }
    for options in ["-t ext4 -N 4096", "-t ext4 -b 1024 -N 4096", "-t ext3 -N 4096", "-t ext2 -b 1024 -N 4096"] {
        let image = make(dir.path(), &source, options, "32M");
        run("e2fsck", &["-fyD", image.to_str().unwrap()]);
        let disk = Arc::new(Recorder::new(std::fs::read(&image).unwrap()));
        let fs = super::super::open(Arc::clone(&disk) as _).unwrap();
        let many = fs.lookup(fs.root(), "many").unwrap();
        let before = disk.reads.load(Ordering::Relaxed);
        assert_eq!(fs.list(many, 5000).unwrap().len(), 3000);
        let listed = disk.reads.load(Ordering::Relaxed) - before;
        assert!(fs.lookup(many, "module-2999.ko").is_ok());
        let found = disk.reads.load(Ordering::Relaxed) - before - listed;
        println!("{options}: {listed} reads to list, {found} to find");
        assert!(listed <= 12 && found <= 12, "{options}: {listed} reads to list, {found} to find");
    }
}

#[test]
fn an_encrypted_node_is_told_and_the_rest_is_read() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    let image = make(dir.path(), source.path(), "-t ext4 -O encrypt", "16M");
    edit(&image, "set_inode_field /home flags 0x80800");
    edit(&image, "set_inode_field /plain flags 0x80800");
    let tree = Tree::new(open(&image).unwrap());
    assert_eq!(tree.stat("/home").unwrap().kind, NodeKind::Directory);
    assert_eq!(kind_of(tree.list("/home", 9)), ErrorKind::Encrypted);
    assert_eq!(kind_of(tree.exists("/home/File")), ErrorKind::Encrypted);
    assert_eq!(kind_of(tree.read("/plain", 9)), ErrorKind::Encrypted);
    assert_eq!(tree.read("/resolv.conf", 99).unwrap(), b"nameserver ::1\n");
}

#[test]
fn a_directory_that_ignores_case_is_looked_up_as_the_guest_does() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    std::fs::write(source.path().join("home/stra\u{df}e"), "street").unwrap();
    let image = make(dir.path(), source.path(), "-t ext4 -O casefold -E encoding=utf8", "16M");
    edit(&image, "set_inode_field /home flags 0x40080000");
    let tree = Tree::new(open(&image).unwrap());
    let mut names = tree.list("/home", 9).unwrap();
    names.sort();
    assert_eq!(names, ["File", "stra\u{df}e"]);
    for name in ["File", "file", "FILE"] {
        assert_eq!(tree.read(&format!("/home/{name}"), 99).unwrap(), b"private", "{name}");
    }
    assert_eq!(tree.read("/home/STRA\u{df}E", 99).unwrap(), b"street");
    // Whether this is the same name takes the table of foldings to tell.
    assert_eq!(kind_of(tree.exists("/home/STRASSE")), ErrorKind::Unsupported);
    assert!(!tree.exists("/FILE").unwrap());
}

#[test]
fn devices_sockets_and_pipes_are_special() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    let image = make(dir.path(), source.path(), "-t ext4", "16M");
    edit(&image, "mknod pipe p");
    edit(&image, "mknod disk b 8 0");
    edit(&image, "mknod null c 1 3");
    let tree = Tree::new(open(&image).unwrap());
    for path in ["/pipe", "/disk", "/null"] {
        assert_eq!(tree.stat(path).unwrap().kind, NodeKind::Special, "{path}");
        assert_eq!(kind_of(tree.read(path, 9)), ErrorKind::NotFound, "{path}");
    }
}

#[test]
fn lists_and_links_keep_to_their_limits() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    let image = make(dir.path(), source.path(), "-t ext4", "16M");
    let fs = open(&image).unwrap();
    assert_eq!(fs.list(fs.root(), 4).unwrap().len(), 4);
    assert_eq!(kind_of(fs.list(fs.root(), 3)), ErrorKind::Limit);
    assert_eq!(kind_of(fs.read_link(fs.root())), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.read_at(fs.root(), 0, 9)), ErrorKind::NotFound);
    let plain = fs.lookup(fs.root(), "plain").unwrap();
    assert_eq!(kind_of(fs.list(plain, 9)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.lookup(plain, "x")), ErrorKind::NotFound);
}

#[test]
fn free_space_is_what_dumpe2fs_tells() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    for options in ["-t ext2 -b 1024", "-t ext4 -m 20", "-t ext4 -O bigalloc -C 65536", "-r 0 -b 1024"] {
        let image = make(dir.path(), source.path(), options, "64M");
        let header = run("dumpe2fs", &["-h", image.to_str().unwrap()]);
        let number = |name: &str| -> u64 {
            let line = header.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse().unwrap()
        };
        let size = number("Block size:");
        let usage = open(&image).unwrap().usage().unwrap();
        assert_eq!(usage.total_bytes, number("Block count:") * size, "{options}");
        assert_eq!(usage.free_bytes, number("Free blocks:") * size, "{options}");
        assert_eq!(usage.free_inodes, Some(number("Free inodes:")), "{options}");
    }
}

#[test]
fn a_run_is_read_at_once_and_metadata_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("large"), vec![5; 1 << 20]).unwrap();
    for options in ["-t ext4 -b 1024", "-t ext4 -b 4096", "-t ext2 -b 4096"] {
        let image = make(dir.path(), &source, options, "16M");
        let disk = Arc::new(Recorder::new(std::fs::read(&image).unwrap()));
        let fs = super::super::open(Arc::clone(&disk) as _).unwrap();
        let file = fs.lookup(fs.root(), "large").unwrap();
        let reads = || disk.reads.load(Ordering::Relaxed);

        let before = reads();
        assert!(fs.read_at(file, 0, 1 << 20).unwrap() == vec![5; 1 << 20]);
        let whole = reads() - before;
        // The inode's block, the data; on ext2 also the block of pointers, which lies amid the data.
        assert!(whole <= 4, "{options}: {whole} reads for 1 MiB");

        let before = reads();
        for at in (0..1 << 20).step_by(4096) {
            fs.read_at(file, at, 4096).unwrap();
        }
        let apiece = reads() - before;
        assert!(apiece <= 258, "{options}: {apiece} reads for 256 pages");
    }
}
