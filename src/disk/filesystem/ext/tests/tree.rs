//! A whole tree as one can compare it: every path with what is there.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::super::{FileSystem, Node, NodeKind};

const WINDOW: usize = 1 << 20;

/// What is at a path: kind, permissions, owners, size, and content by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub kind: NodeKind,
    pub mode: u32,
    pub owners: (u32, u32),
    /// Size and digest of a file, target of a link, or what went wrong.
    pub content: String,
}

pub(super) type Entries = BTreeMap<String, Entry>;

/// Everything as this reader finds it.
pub(super) fn read(fs: &dyn FileSystem) -> Entries {
    let mut entries = Entries::new();
    walk(fs, fs.root(), "", &mut entries);
    entries
}

fn walk(fs: &dyn FileSystem, dir: Node, path: &str, entries: &mut Entries) {
    for entry in fs.list(dir, 100_000).unwrap_or_else(|e| panic!("{path}: {e}")) {
        let path = format!("{path}/{}", entry.name);
        let stat = fs.stat(entry.node).unwrap_or_else(|e| panic!("{path}: {e}"));
        let content = match stat.kind {
            NodeKind::Directory => String::new(),
            NodeKind::Link => fs.read_link(entry.node).unwrap_or_else(|e| format!("{:?}", e.kind)),
            NodeKind::File => digest(fs, entry.node, stat.size),
            NodeKind::Special => "special".to_owned(),
        };
        let found = Entry { kind: stat.kind, mode: stat.mode, owners: (stat.uid, stat.gid), content };
        entries.insert(path.clone(), found);
        if stat.kind == NodeKind::Directory {
            walk(fs, entry.node, &path, entries);
        }
    }
}

fn digest(fs: &dyn FileSystem, file: Node, size: u64) -> String {
    let mut digest = Sha256::new();
    let mut at = 0;
    while at < size {
        match fs.read_at(file, at, WINDOW) {
            Ok(found) if found.is_empty() => return "short".to_owned(),
            Ok(found) => {
                at += found.len() as u64;
                digest.update(&found);
            }
            Err(error) => return format!("{:?}", error.kind),
        }
    }
    format!("{size} {}", hex::encode(digest.finalize()))
}

/// Everything as the kernel finds it at a mount point.
pub(super) fn mounted(root: &Path) -> Entries {
    let mut entries = Entries::new();
    walk_mounted(root, "", &mut entries);
    entries
}

fn walk_mounted(dir: &Path, path: &str, entries: &mut Entries) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        let stat = std::fs::symlink_metadata(entry.path()).unwrap();
        let kind = match stat.file_type() {
            t if t.is_dir() => NodeKind::Directory,
            t if t.is_symlink() => NodeKind::Link,
            t if t.is_file() => NodeKind::File,
            _ => NodeKind::Special,
        };
        let content = match kind {
            NodeKind::Directory => String::new(),
            NodeKind::Link => std::fs::read_link(entry.path())
                .map_or_else(|_| "Corrupt".to_owned(), |target| target.to_string_lossy().into_owned()),
            NodeKind::File => std::fs::read(entry.path()).map_or_else(
                |_| "Corrupt".to_owned(),
                |found| format!("{} {}", found.len(), hex::encode(Sha256::digest(&found))),
            ),
            NodeKind::Special => "special".to_owned(),
        };
        let mode = stat.permissions().mode() & 0o7777;
        entries.insert(path.clone(), Entry { kind, mode, owners: (stat.uid(), stat.gid()), content });
        if kind == NodeKind::Directory {
            walk_mounted(&entry.path(), &path, entries);
        }
    }
}

/// Asserts that two trees are the same, and names what differs.
pub(super) fn assert_same(found: &Entries, expected: &Entries, what: &str) {
    let names = |a: &Entries, b: &Entries| -> Vec<String> {
        a.iter()
            .filter(|(path, entry)| b.get(*path) != Some(entry))
            .map(|(p, e)| format!("{p}: {e:?}"))
            .take(5)
            .collect()
    };
    let (ours, theirs) = (names(found, expected), names(expected, found));
    assert!(ours.is_empty() && theirs.is_empty(), "{what}:\n found {ours:#?}\n expected {theirs:#?}");
}
