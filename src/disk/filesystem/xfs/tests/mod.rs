//! What mkfs.xfs and the kernel write is what is read.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

mod corpus;
mod free;
mod log;
mod mounted;
mod mutations;
mod refusals;
mod signs;
mod trees;
mod writer;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{FileSystem, Node, NodeKind};
use crate::disk::testkit::{memory, run};
use crate::disk::{ErrorKind, Result};

const PACKAGE: &str = "xfsprogs";

/// A whole tree, by path.
type Tree = BTreeMap<String, Found>;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    mode: u32,
    uid: u32,
    gid: u32,
    body: Body,
}

#[derive(Clone, PartialEq, Eq)]
enum Body {
    Directory,
    File(Vec<u8>),
    Link(String),
    Special,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::File(content) => write!(f, "file of {} bytes", content.len()),
            Self::Link(target) => write!(f, "link to {target}"),
            Self::Special => f.write_str("special"),
        }
    }
}

fn open(image: &Path) -> Result<Arc<dyn FileSystem>> {
    super::open(crate::disk::testkit::open(image))
}

fn open_bytes(bytes: Vec<u8>) -> Result<Arc<dyn FileSystem>> {
    super::open(memory(bytes))
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind
}

/// Reads all there is.
fn tree_of(fs: &dyn FileSystem) -> Tree {
    let mut tree = Tree::new();
    descend(fs, fs.root(), String::new(), &mut tree);
    tree
}

fn descend(fs: &dyn FileSystem, node: Node, path: String, tree: &mut Tree) {
    let stat = fs.stat(node).unwrap_or_else(|e| panic!("{path}: {e}"));
    let body = match stat.kind {
        NodeKind::Directory => {
            let entries = fs.list(node, 100_000).unwrap_or_else(|e| panic!("{path}: {e}"));
            let step = entries.len() / 100 + 1;
            for (place, entry) in entries.into_iter().enumerate() {
                if place % step == 0 {
                    assert_eq!(fs.lookup(node, &entry.name), Ok(entry.node), "{path}/{}", entry.name);
                }
                descend(fs, entry.node, format!("{path}/{}", entry.name), tree);
            }
            assert_eq!(kind_of(fs.lookup(node, "there is none")), ErrorKind::NotFound, "{path}");
            Body::Directory
        }
        NodeKind::File => {
            let mut content = Vec::new();
            while (content.len() as u64) < stat.size {
                let piece = fs.read_at(node, content.len() as u64, 300_000).unwrap_or_else(|e| panic!("{path}: {e}"));
                assert!(!piece.is_empty(), "{path} ends early");
                content.extend(piece);
            }
            Body::File(content)
        }
        NodeKind::Link => Body::Link(fs.read_link(node).unwrap_or_else(|e| panic!("{path}: {e}"))),
        NodeKind::Special => Body::Special,
    };
    tree.insert(path, Found { mode: stat.mode, uid: stat.uid, gid: stat.gid, body });
}

/// Fails at the first entry in which two trees differ.
fn assert_same(found: &Tree, wanted: &Tree, what: &str) {
    for (path, entry) in wanted {
        assert_eq!(found.get(path), Some(entry), "{what}: {path}");
    }
    for path in found.keys() {
        assert!(wanted.contains_key(path), "{what}: {path} is not there in truth");
    }
}

/// A tree to make, with what is hard to read: names, sizes around blocks, directories of every form.
fn sample_tree(many: usize, links: &[usize]) -> Tree {
    let mut tree = Tree::new();
    let mut add = |path: &str, mode, body| {
        let number = u32::try_from(tree.len()).unwrap();
        tree.insert(path.to_owned(), Found { mode, uid: number * 7, gid: number * 70_001, body });
    };
    add("", 0o755, Body::Directory);
    for dir in ["/etc", "/etc/日本語", "/empty", "/names", "/many", "/few"] {
        add(dir, 0o755, Body::Directory);
    }
    let content = |size: usize| Body::File((0..size).map(|n| (n * 31 % 251) as u8).collect());
    for size in [0, 1, 511, 512, 513, 4095, 4096, 4097, 65_536, 70_000] {
        add(&format!("/etc/size-{size}"), 0o644, content(size));
    }
    add("/etc/日本語/файл", 0o400, content(9));
    add(&format!("/names/{}", "n".repeat(255)), 0o644, content(3));
    add("/setuid", 0o4755, content(5));
    add("/setgid", 0o2755, content(5));
    for size in links {
        add(&format!("/etc/link-{size}"), 0o777, Body::Link("t".repeat(*size)));
    }
    add("/pipe", 0o600, Body::Special);
    for number in 0..many {
        add(&format!("/many/module-{number:05}-{}.ko", "x".repeat(50)), 0o644, content(number % 5));
    }
    for number in 0..40 {
        add(&format!("/few/{number}"), 0o644, content(number));
    }
    let deep = (0..30).fold(String::new(), |path, n| {
        let path = format!("{path}/d{n}");
        add(&path, 0o700, Body::Directory);
        path
    });
    add(&format!("{deep}/bottom"), 0o644, content(7));
    tree
}

/// Makes a filesystem that holds `tree` by `mkfs.xfs`, with options in words.
fn make(dir: &Path, options: &str, size: u64, tree: &Tree) -> PathBuf {
    let image = dir.join("image");
    let _ = std::fs::remove_file(&image);
    std::fs::File::create(&image).unwrap().set_len(size).unwrap();
    let files = dir.join("files");
    std::fs::create_dir_all(&files).unwrap();
    let mut prototype = "none\n0 0\n".to_owned();
    describe(tree, "", &files, &mut prototype);
    let described = dir.join("prototype");
    std::fs::write(&described, prototype).unwrap();
    let (image_name, described) = (image.to_str().unwrap(), described.to_str().unwrap());
    let mut args = vec!["-q", "--unsupported", "-p", described];
    args.extend(options.split_whitespace());
    args.push(image_name);
    run(PACKAGE, "mkfs.xfs", &args);
    image
}

/// A directory in the words of `mkfs.xfs -p`.
fn describe(tree: &Tree, path: &str, files: &Path, out: &mut String) {
    let mode = |found: &Found, letter: char| {
        let bit = |bit, letter| if found.mode & bit != 0 { letter } else { '-' };
        let mode = found.mode & 0o777;
        format!("{letter}{}{}{mode:03o} {} {}", bit(0o4000, 'u'), bit(0o2000, 'g'), found.uid, found.gid)
    };
    writeln!(out, "{}", mode(&tree[path], 'd')).unwrap();
    let children = tree.range(format!("{path}/")..format!("{path}0"));
    for (child, found) in children.filter(|(child, _)| !child[path.len() + 1..].contains('/')) {
        write!(out, "{} ", &child[path.len() + 1..]).unwrap();
        match &found.body {
            Body::Directory => describe(tree, child, files, out),
            Body::File(content) => {
                let file = files.join(format!("{:x}-{}", content.len(), crc32c::crc32c(content)));
                std::fs::write(&file, content).unwrap();
                writeln!(out, "{} {}", mode(found, '-'), file.display()).unwrap();
            }
            Body::Link(target) => writeln!(out, "{} {target}", mode(found, 'l')).unwrap(),
            Body::Special => writeln!(out, "{}", mode(found, 'p')).unwrap(),
        }
    }
    out.push_str("$\n");
}
