//! Whole trees, entry by entry, against the directory they were made of.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

use super::super::super::{FileSystem, Node, NodeKind};
use super::{edit, make, number_of, open, run};
use crate::disk::testkit::Dice;
use crate::guest::Tree;

const MANY: usize = 3000;
const FEW: usize = 200;
const WINDOW: usize = 1 << 20;

/// A source directory with what is hard to read.
fn source(many: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    std::fs::create_dir_all(at("etc/日本語/ünïcödé")).unwrap();
    std::fs::write(at("etc/os-release"), "ID=debian\n").unwrap();
    std::fs::write(at("etc/日本語/ünïcödé/файл"), "юникод").unwrap();
    std::fs::write(at("etc").join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "latin-1").unwrap();
    std::fs::write(at("etc").join("n".repeat(255)), "a long name").unwrap();
    std::fs::write(at("etc/empty"), "").unwrap();
    // Sizes around what an inode holds itself, and around a block.
    for size in [59, 60, 61, 100, 140, 156, 200, 1023, 1024, 1025, 4096, 4097, 70_000] {
        std::fs::write(at(&format!("etc/size-{size}")), pattern(size)).unwrap();
    }
    for size in [1, 59, 60, 61, 100, 150, 1000] {
        symlink("t".repeat(size), at(&format!("etc/link-{size}"))).unwrap();
    }
    symlink("../etc/os-release", at("etc/link")).unwrap();
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
    // A fragment every other page: more extents than one node holds.
    let fragments = File::create(at("fragments")).unwrap();
    for n in 0..1000_u64 {
        fragments.write_all_at(&[u8::try_from(n % 251).unwrap(); 4096], n * 8192).unwrap();
    }
    // Data behind each level of a block map of 1 KiB blocks, holes between: direct blocks end at 12 KiB, one level of
    // pointers at 268 KiB, two at 64.26 MiB. The last one only in the large tree: it takes long to compare.
    let sparse = File::create(at("sparse")).unwrap();
    for offset in [4096, 16 << 10, 200 << 10, 300 << 10, 10 << 20] {
        sparse.write_all_at(b"not a hole", offset).unwrap();
    }
    if many == MANY {
        sparse.write_all_at(b"not a hole", 64 << 20).unwrap();
        sparse.write_all_at(b"not a hole", 66 << 20).unwrap();
    }
    sparse.write_all_at(b"end", if many == MANY { 70 << 20 } else { 11 << 20 } + 5).unwrap();
    dir
}

/// Files that end in a hole. Not for inline_data: mke2fs 1.47.0 makes them shorter there.
fn add_trailing_holes(source: &Path) {
    let sparse = File::options().write(true).open(source.join("sparse")).unwrap();
    sparse.set_len(sparse.metadata().unwrap().len() + (1 << 20)).unwrap();
    File::create(source.join("all-hole")).unwrap().set_len(100_000).unwrap();
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 253).unwrap()).collect()
}

/// Compares a directory with its source and gives how many entries it and those below it have.
fn compare(fs: &dyn FileSystem, dir: Node, source: &Path) -> usize {
    let mut expected: Vec<_> = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    expected.sort_by_key(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    let mut found = fs.list(dir, 10_000).unwrap();
    found.retain(|entry| entry.name != "lost+found");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let names = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let found_names: Vec<_> = found.iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(found_names, expected.iter().map(names).collect::<Vec<_>>(), "{}", source.display());

    let below: usize = expected.iter().zip(&found).map(|(path, entry)| compare_entry(fs, entry.node, path)).sum();
    expected.len() + below
}

fn compare_entry(fs: &dyn FileSystem, node: Node, path: &Path) -> usize {
    let expected = std::fs::symlink_metadata(path).unwrap();
    let stat = fs.stat(node).unwrap();
    assert_eq!(stat.mode, expected.permissions().mode() & 0o7777, "{}", path.display());
    match stat.kind {
        NodeKind::Directory => {
            assert!(expected.is_dir(), "{}", path.display());
            return compare(fs, node, path);
        }
        NodeKind::Link => {
            assert_eq!(fs.read_link(node).unwrap(), std::fs::read_link(path).unwrap().to_string_lossy());
        }
        NodeKind::File => {
            assert!(expected.is_file(), "{}", path.display());
            assert_eq!(stat.size, expected.len(), "{}", path.display());
            compare_content(fs, node, path);
        }
        NodeKind::Special => panic!("{} became a device", path.display()),
    }
    0
}

fn compare_content(fs: &dyn FileSystem, node: Node, path: &Path) {
    let expected = File::open(path).unwrap();
    let len = expected.metadata().unwrap().len();
    let mut window = vec![0; WINDOW];
    for at in (0..=len).step_by(WINDOW) {
        let part = &mut window[..usize::try_from((len - at).min(WINDOW as u64)).unwrap()];
        expected.read_exact_at(part, at).unwrap();
        assert!(fs.read_at(node, at, WINDOW).unwrap() == *part, "{} from {at}", path.display());
    }
    // And at odd places: across blocks, across the end, behind it.
    for (at, want) in [(len / 3, 5000), (len.saturating_sub(3), 10), (len, 1), (len + (1 << 40), 1)] {
        let part = &mut window[..usize::try_from(len.saturating_sub(at).min(want)).unwrap()];
        expected.read_exact_at(part, at).unwrap();
        assert!(fs.read_at(node, at, usize::try_from(want).unwrap()).unwrap() == *part, "{} from {at}", path.display());
    }
}

/// Makes the tree with each set of options and compares all of it.
fn reads_as_written(variants: &[(&str, &str)]) {
    let sources = [(MANY, source(MANY)), (FEW, source(FEW))];
    let dir = tempfile::tempdir().unwrap();
    if !variants.iter().any(|(options, _)| options.contains("inline_data")) {
        for (_, source) in &sources {
            add_trailing_holes(source.path());
        }
    }
    for (n, (options, size)) in variants.iter().enumerate() {
        // The first one has the large directory.
        let (many, source) = &sources[n.min(1)];
        let image = make(dir.path(), source.path(), options, size);
        let fs = open(&image).unwrap_or_else(|e| panic!("{options}: {e}"));
        assert!(compare(fs.as_ref(), fs.root(), source.path()) > *many, "{options}");
        let tree = Tree::new(fs);
        assert_eq!(tree.read_text("/etc/link", 99).unwrap(), "ID=debian\n", "{options}");
        let deep = format!("/deep/{}bottom", "d/".repeat(60));
        assert_eq!(tree.read_text(&deep, 99).unwrap(), "found", "{options}");
    }
}

#[test]
fn ext2_and_ext3_with_every_level_of_block_map() {
    reads_as_written(&[
        ("-t ext2 -b 1024 -N 4096", "200M"),
        ("-t ext2 -b 2048 -N 4096", "200M"),
        ("-t ext2 -b 4096 -N 4096", "200M"),
        ("-t ext3 -b 1024 -N 4096", "200M"),
        ("-t ext3 -b 4096 -I 128 -N 4096", "200M"),
        ("-r 0 -b 1024 -N 4096", "200M"),
        ("-t ext4 -O ^extents,^64bit,^flex_bg -b 1024 -N 4096", "200M"),
    ]);
}

#[test]
fn ext4_with_every_size_of_blocks_and_inodes() {
    reads_as_written(&[
        ("-t ext4 -N 4096", "200M"),
        ("-t ext4 -b 1024 -I 128 -N 4096", "200M"),
        ("-t ext4 -b 1024 -I 1024 -N 4096", "200M"),
        ("-t ext4 -b 2048 -I 512 -N 4096", "200M"),
        ("-t ext4 -b 65536 -N 4096", "1G"),
        ("-t ext4 -O ^64bit,^metadata_csum,uninit_bg -N 4096", "200M"),
        ("-t ext4 -O ^filetype,^dir_index -N 4096", "200M"),
    ]);
}

#[test]
fn ext4_with_data_in_its_inodes() {
    reads_as_written(&[
        ("-t ext4 -O inline_data -I 256 -N 4096", "200M"),
        ("-t ext4 -O inline_data -I 512 -b 1024 -N 4096", "200M"),
    ]);
}

#[test]
fn ext4_with_its_group_descriptors_elsewhere() {
    reads_as_written(&[
        ("-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024 -N 8192", "300M"),
        ("-t ext4 -O meta_bg,^resize_inode,^64bit,^flex_bg,^sparse_super -b 1024 -g 1024 -N 8192", "300M"),
        ("-t ext4 -O meta_bg,^resize_inode,sparse_super2 -b 1024 -g 1024 -N 8192", "300M"),
        ("-t ext4 -O ^resize_inode,^flex_bg -g 512 -N 8192", "300M"),
    ]);
}

#[test]
fn ext4_with_features_that_change_nothing_for_a_reader() {
    reads_as_written(&[
        ("-t ext4 -O bigalloc -C 16384 -N 4096", "400M"),
        ("-t ext4 -O bigalloc -b 1024 -C 8192 -N 4096", "400M"),
        ("-t ext4 -O large_dir,ea_inode,mmp,metadata_csum_seed -N 4096", "200M"),
        ("-t ext4 -O casefold,encrypt,verity,project,quota -E encoding=utf8 -N 4096", "200M"),
        ("-t ext4 -O orphan_file,sparse_super2 -N 4096", "200M"),
        ("-t ext4 -O stable_inodes,fast_commit -N 4096", "200M"),
    ]);
}

/// Each feature that `mke2fs` can set or leave out (ext4(5)).
const FEATURES: [&str; 26] = [
    "64bit",
    "bigalloc",
    "casefold",
    "dir_index",
    "dir_nlink",
    "ea_inode",
    "encrypt",
    "extents",
    "extra_isize",
    "fast_commit",
    "filetype",
    "flex_bg",
    "has_journal",
    "huge_file",
    "inline_data",
    "large_dir",
    "metadata_csum",
    "metadata_csum_seed",
    "mmp",
    "orphan_file",
    "project",
    "quota",
    "sparse_super2",
    "stable_inodes",
    "uninit_bg",
    "verity",
];

#[test]
fn any_mixture_of_features_that_can_be_made_is_read() {
    let source = source(FEW);
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(0x00C0_FFEE);
    let (mut made, mut refused) = (0, 0);
    while made < 40 {
        let words: Vec<String> = FEATURES
            .iter()
            .filter_map(|name| match dice.below(4) {
                0 => Some((*name).to_owned()),
                1 => Some(format!("^{name}")),
                _ => None,
            })
            .collect();
        let block = ["1024", "2048", "4096"][usize::try_from(dice.below(3)).unwrap()];
        let image = dir.path().join("image");
        let _ = std::fs::remove_file(&image);
        let words = words.join(",");
        let args = ["-q", "-F", "-t", "ext4", "-O", &words, "-b", block, "-N", "4096", "-d"];
        let mke2fs =
            std::process::Command::new("mke2fs").args(args).arg(source.path()).arg(&image).arg("200M").output();
        // Some exclude each other, and some the tool fills badly: what it cannot make, and what e2fsck finds fault with.
        let sound = mke2fs.unwrap().status.success()
            && std::process::Command::new("e2fsck").arg("-fn").arg(&image).output().unwrap().status.success();
        if !sound {
            refused += 1;
            assert!(refused < 400, "{made} of {refused} were made");
            continue;
        }
        made += 1;
        let fs = open(&image).unwrap_or_else(|e| panic!("{words} {block}: {e}"));
        println!("{words} {block}");
        assert!(compare(fs.as_ref(), fs.root(), source.path()) > FEW, "{words} {block}");
        assert!(fs.signs().unwrap().is_empty(), "{words} {block}: {:?}", fs.signs());
    }
    println!("{made} made, {refused} not");
}

#[test]
fn hash_trees_read_like_linear_directories() {
    let source = source(MANY);
    let dir = tempfile::tempdir().unwrap();
    for options in ["-t ext4 -b 1024 -N 4096", "-t ext3 -N 4096", "-t ext4 -O ^metadata_csum,large_dir -N 4096"] {
        let image = make(dir.path(), source.path(), options, "200M");
        run("e2fsck", &["-fyD", image.to_str().unwrap()]);
        let dump = run("debugfs", &["-R", "htree_dump /many", image.to_str().unwrap()]);
        assert!(dump.contains("Root node dump"), "{options}: no hash tree was made");
        let fs = open(&image).unwrap();
        assert!(compare(fs.as_ref(), fs.root(), source.path()) > MANY, "{options}");
    }
}

#[test]
fn nodes_are_the_inodes_debugfs_knows() {
    let source = source(MANY);
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), source.path(), "-t ext4 -N 4096", "200M");
    let fs = open(&image).unwrap();
    let many = fs.lookup(fs.root(), "many").unwrap();
    assert_eq!(many, number_of(&image, "/many"));
    let listing = run("debugfs", &["-R", "ls -p /many", image.to_str().unwrap()]);
    let mut known: Vec<(String, u64)> = listing
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split('/').collect();
            Some(((*fields.get(5)?).to_owned(), fields.get(1)?.parse().ok()?))
        })
        .filter(|(name, _)| name != "." && name != "..")
        .collect();
    known.sort();
    let mut found: Vec<_> = fs.list(many, MANY).unwrap().into_iter().map(|e| (e.name, e.node)).collect();
    found.sort();
    assert_eq!(found.len(), MANY);
    assert_eq!(found, known);
    assert_eq!(fs.lookup(many, "module-2999.ko").unwrap(), number_of(&image, "/many/module-2999.ko"));
}

#[test]
fn extents_that_were_never_written_are_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("file"), vec![0xAA; 8192]).unwrap();
    let image = make(dir.path(), source.path(), "-t ext4 -b 4096", "16M");
    edit(&image, "fallocate /file 2 5");
    edit(&image, "set_inode_field /file size 24576");
    assert!(run("debugfs", &["-R", "ex /file", image.to_str().unwrap()]).contains("Uninit"));
    let fs = open(&image).unwrap();
    let file = fs.lookup(fs.root(), "file").unwrap();
    let found = fs.read_at(file, 0, 1 << 20).unwrap();
    assert_eq!(found.len(), 24_576);
    assert!(found[..8192].iter().all(|b| *b == 0xAA));
    assert!(found[8192..].iter().all(|b| *b == 0));
}
