//! Whole trees of files: as our filesystems read them, and as the kernel or another driver does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

use super::place::Place;
use crate::disk::filesystem::{FileSystem, Node, NodeKind};
use crate::disk::testkit::Mounted;

/// What is at each path: `folder`, `special`, `link TARGET`, or the size and digest of a file.
pub(super) type Tree = BTreeMap<String, String>;

/// Most entries of a tree, levels, and bytes of a file that are read.
const MOST: usize = 60_000;
const DEEPEST: u32 = 64;
const PIECE: usize = 1 << 20;
const LARGEST: u64 = 64 << 20;
const UNREADABLE: &str = "unreadable";

/// Reads a whole tree; what cannot be read is told in the place of its content.
pub(super) fn ours(fs: &dyn FileSystem) -> Tree {
    let mut tree = Tree::new();
    let mut left = vec![(fs.root(), String::new(), 0)];
    while let Some((dir, path, depth)) = left.pop() {
        if tree.len() >= MOST || depth >= DEEPEST {
            tree.insert(path, "more than is read".to_owned());
            continue;
        }
        let entries = match fs.list(dir, MOST) {
            Ok(entries) => entries,
            Err(error) => {
                tree.insert(path, error.to_string());
                continue;
            }
        };
        for entry in entries {
            let path = format!("{path}/{}", entry.name);
            let (what, is_folder) = told(fs, entry.node);
            if is_folder {
                left.push((entry.node, path.clone(), depth + 1));
            }
            tree.insert(path, what);
        }
    }
    tree
}

fn told(fs: &dyn FileSystem, node: Node) -> (String, bool) {
    let stat = match fs.stat(node) {
        Ok(stat) => stat,
        Err(error) => return (error.to_string(), false),
    };
    let what = match stat.kind {
        NodeKind::Directory => Ok("folder".to_owned()),
        NodeKind::Special => Ok("special".to_owned()),
        NodeKind::Link => fs.read_link(node).map(|target| format!("link {target}")),
        NodeKind::File => digest(fs, node, stat.size).map(|digest| format!("{} bytes, {digest}", stat.size)),
    };
    (what.unwrap_or_else(|error| error.to_string()), stat.kind == NodeKind::Directory)
}

fn digest(fs: &dyn FileSystem, file: Node, size: u64) -> crate::disk::Result<String> {
    let mut digest = Sha256::new();
    for at in (0..size.min(LARGEST)).step_by(PIECE) {
        digest.update(fs.read_at(file, at, PIECE)?);
    }
    Ok(hex::encode(&digest.finalize()[..8]))
}

/// The tree below a folder of this machine.
fn theirs(dir: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut left = vec![(dir.to_owned(), String::new())];
    while let Some((dir, path)) = left.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{path}/{}", String::from_utf8_lossy(entry.file_name().as_bytes()));
            let kind = entry.file_type().unwrap();
            let what = if kind.is_dir() {
                left.push((entry.path(), path.clone()));
                "folder".to_owned()
            } else if kind.is_symlink() {
                format!("link {}", fs::read_link(entry.path()).unwrap().display())
            } else if kind.is_file() {
                fs::read(entry.path()).map_or(UNREADABLE.to_owned(), |content| {
                    let read = &content[..content.len().min(usize::try_from(LARGEST).unwrap())];
                    format!("{} bytes, {}", content.len(), hex::encode(&Sha256::digest(read)[..8]))
                })
            } else {
                "special".to_owned()
            };
            tree.insert(path, what);
        }
    }
    tree
}

/// What another driver reads of a volume; why there is none, where it is not to be had on this machine.
pub(super) fn of_another_driver(place: &Place, type_id: &str) -> Result<Tree, String> {
    let dir = tempfile::tempdir().unwrap();
    let said = |output: std::process::Output| {
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
    };
    if type_id == "vfat" {
        let image = format!("{}@@{}", place.file.display(), place.at);
        let output = Command::new("mcopy").args(["-s", "-n", "-i", &image, "::"]).arg(dir.path()).output();
        said(output.unwrap_or_else(|e| panic!("mcopy: {e}: install the Debian package mtools")))?;
        return Ok(theirs(dir.path()));
    }
    let (driver, options) = match type_id {
        "ntfs" => ("ntfs-3g", "ro,streams_interface=none"),
        // A journal is replayed in the copy.
        kind => (kind, "rw"),
    };
    let options = format!("offset={},sizelimit={},{options}", place.at, place.len);
    let mounted = Mounted::at(driver, &options, &place.file, dir.path())?;
    Ok(theirs(mounted.path()))
}

/// What both read is the same; what the other driver does not read, ours does not either.
pub(super) fn assert_same(ours: &Tree, theirs: &Tree, volume: &str) {
    // What is encrypted shows in other ways.
    let encrypted: Vec<_> =
        ours.iter().filter(|(_, what)| what.contains("is encrypted")).map(|(path, _)| path).collect();
    let is_same = |path: &&String| match (ours.get(*path), theirs.get(*path)) {
        _ if encrypted.iter().any(|outer| path.starts_with(*outer)) => true,
        (Some(ours), Some(theirs)) => ours == theirs || same_link(ours, theirs),
        _ => false,
    };
    let other: Vec<_> = ours.keys().chain(theirs.keys()).filter(|path| !is_same(path)).take(5).collect();
    let shown: Vec<_> = other.iter().map(|path| (path, ours.get(*path), theirs.get(*path))).collect();
    assert!(shown.is_empty(), "{volume}: another driver reads something else (path, ours, theirs): {shown:#?}");
}

/// Whether two are the same symbolic link of NTFS. ntfs-3g shows an absolute target below the folder where it has the
/// volume, and follows a link of Interix, which to Windows is a file: `IntxLNK\\x01` and the target in UTF-16.
fn same_link(ours: &str, theirs: &str) -> bool {
    let Some(target) = theirs.strip_prefix("link ") else { return false };
    let absolute = ours.strip_prefix("link ").and_then(|ours| ours.split_once(':'));
    absolute.is_some_and(|(_, tail)| target.ends_with(tail))
        || ours.starts_with(&format!("{} bytes, ", 8 + 2 * target.encode_utf16().count()))
}
