//! What mkntfs, ntfs-3g and wimlib write is what is read.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

mod codec;
mod compressed;
mod damage;
mod edit;
mod fragments;
mod links;
mod mounted;
mod names;
mod records;
mod samples;
mod signs;
mod trees;
mod wof;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{FileSystem, Node, NodeKind};
use crate::disk::{ErrorKind, Result, testkit};

use mounted::Mounted;

/// An empty filesystem, made by `mkntfs` with options in words.
fn make(dir: &Path, options: &str, size: u64) -> PathBuf {
    let image = dir.join("image");
    std::fs::File::create(&image).unwrap().set_len(size).unwrap();
    let mut args = vec!["-F", "-q"];
    args.extend(options.split_whitespace());
    args.push(image.to_str().unwrap());
    testkit::run("ntfs-3g", "mkntfs", &args);
    image
}

fn open(image: &Path) -> Result<Arc<dyn FileSystem>> {
    super::open(testkit::open(image))
}

/// Copies content into a file at the root, or into a stream of it, without mounting.
fn put(image: &Path, name: &str, stream: &str, content: &[u8]) {
    let source = image.with_extension("source");
    std::fs::write(&source, content).unwrap();
    let mut args = vec!["-f", "-q"];
    if !stream.is_empty() {
        args.extend(["-N", stream]);
    }
    args.extend([image.to_str().unwrap(), source.to_str().unwrap(), name]);
    testkit::run("ntfs-3g", "ntfscp", &args);
}

/// The node of a path.
fn node(fs: &dyn FileSystem, path: &str) -> Result<Node> {
    path.split('/').filter(|name| !name.is_empty()).try_fold(fs.root(), |dir, name| fs.lookup(dir, name))
}

/// All of a file.
fn content(fs: &dyn FileSystem, path: &str) -> Result<Vec<u8>> {
    let node = node(fs, path)?;
    let size = usize::try_from(fs.stat(node)?.size).unwrap();
    fs.read_at(node, 0, size)
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind
}

/// Bytes that do not compress, from a seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = testkit::Dice(seed | 1);
    (0..len).map(|_| dice.roll().to_le_bytes()[3]).collect()
}

/// Bytes that compress about as text does.
fn words(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = testkit::Dice(seed | 1);
    let mut text = Vec::with_capacity(len + 16);
    while text.len() < len {
        text.extend_from_slice(format!("{:x} ", dice.below(5000) * 7919).as_bytes());
        if dice.below(20) == 0 {
            text.extend_from_slice(&[b'=', 0xE8, 0, 1, 2, 3].repeat(usize::try_from(dice.below(60)).unwrap()));
        }
    }
    text.truncate(len);
    text
}

/// How a comparison of a tree went on.
#[derive(Default)]
struct Compared {
    entries: usize,
    bytes: u64,
}

impl Compared {
    /// Compares a directory, and all below it, with the one it was copied from.
    fn directory(&mut self, fs: &dyn FileSystem, dir: Node, source: &Path) {
        let mut expected: Vec<_> = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
        expected.sort();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut found = fs.list(dir, 20_000).unwrap();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = found.iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(names, expected.iter().map(name).collect::<Vec<_>>(), "{}", source.display());
        for (path, entry) in expected.iter().zip(&found) {
            self.entries += 1;
            assert_eq!(fs.lookup(dir, &entry.name).unwrap(), entry.node, "{}", path.display());
            match fs.stat(entry.node).unwrap().kind {
                NodeKind::Directory => self.directory(fs, entry.node, path),
                NodeKind::File => self.file(fs, entry.node, path),
                other => panic!("{}: {other:?}", path.display()),
            }
        }
    }

    /// Compares a file, as a whole and from odd places on.
    fn file(&mut self, fs: &dyn FileSystem, file: Node, source: &Path) {
        let expected = std::fs::read(source).unwrap();
        let size = expected.len();
        assert_eq!(fs.stat(file).unwrap().size, size as u64, "{}", source.display());
        for (at, want) in [(0, 1 << 30), (size / 3, 5000), (size.saturating_sub(3), 10), (size, 1), (size + 9, 1)] {
            let part = expected.get(at..size.min(at + want)).unwrap_or_default();
            let found = fs.read_at(file, at as u64, want).unwrap();
            assert!(found == part, "{} from {at}: {} bytes", source.display(), found.len());
        }
        self.bytes += size as u64;
    }
}
