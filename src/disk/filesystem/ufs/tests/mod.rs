//! What makefs writes is what is read.

mod damage;
mod details;
mod trees;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::superblock::Superblock;
use super::{FileSystem, Inode, Node, Recent, Ufs, inode};
use crate::disk::testkit;
use crate::disk::{ErrorKind, Result};

/// Makes a filesystem of `source` with the options of `makefs -t ffs -o` and others, in words.
fn make(dir: &Path, source: &Path, options: &str, others: &str) -> PathBuf {
    let image = dir.join("image");
    let _ = std::fs::remove_file(&image);
    let mut args = vec!["-t", "ffs", "-o", options];
    args.extend(others.split_whitespace());
    args.extend([image.to_str().unwrap(), source.to_str().unwrap()]);
    testkit::run("makefs", "makefs", &args);
    image
}

fn made(source: &Path, options: &str) -> Vec<u8> {
    made_of(source, options, "4m")
}

fn made_of(source: &Path, options: &str, size: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(make(dir.path(), source, options, &format!("-B le -s {size}"))).unwrap()
}

fn opened(bytes: &[u8]) -> Ufs {
    let disk = testkit::memory(bytes.to_vec());
    let superblock = Superblock::read(disk.as_ref()).unwrap();
    Ufs { recent: Recent::new(8), disk, superblock }
}

/// The inode of a file in the root.
fn inode_of(bytes: &[u8], name: &str) -> (Node, Inode) {
    let ufs = opened(bytes);
    let node = ufs.lookup(ufs.root(), name).unwrap();
    (node, inode::read(&ufs, node).unwrap())
}

fn open_bytes(bytes: &[u8]) -> Result<Arc<dyn FileSystem>> {
    super::open(testkit::memory(bytes.to_vec()))
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind
}

fn put(bytes: &mut [u8], at: u64, value: &[u8]) {
    let at = usize::try_from(at).unwrap();
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 253).unwrap()).collect()
}
