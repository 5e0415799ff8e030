//! What mkfs.fat and mtools write is what is read.

mod damage;
mod details;
mod health;
mod trees;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::FileSystem;
use crate::disk::testkit;
use crate::disk::{ErrorKind, Result};

fn open(image: &Path) -> Arc<dyn FileSystem> {
    super::open(testkit::open(image)).unwrap_or_else(|e| panic!("{}: {e}", image.display()))
}

fn open_bytes(bytes: Vec<u8>) -> Result<Arc<dyn FileSystem>> {
    super::open(testkit::memory(bytes))
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind
}

/// An empty filesystem, made by `mkfs.fat` with options in words.
fn format(dir: &Path, options: &str, kib: u64) -> PathBuf {
    let image = dir.join("image");
    let _ = std::fs::remove_file(&image);
    std::fs::File::create(&image).unwrap().set_len(kib << 10).unwrap();
    let mut args: Vec<&str> = options.split_whitespace().collect();
    args.push(image.to_str().unwrap());
    testkit::run("dosfstools", "mkfs.fat", &args);
    image
}

/// Runs one of mtools on an image.
fn mtool(image: &Path, program: &str, args: &[&str]) -> String {
    let mut all = vec!["LC_ALL=C.UTF-8", "MTOOLS_SKIP_CHECK=1", program, "-i", image.to_str().unwrap()];
    all.extend(args);
    testkit::run("mtools", "env", &all)
}

/// Copies files and directories into the root of an image.
fn copy(image: &Path, sources: &[PathBuf]) {
    let mut args = vec!["-s", "-Q"];
    args.extend(sources.iter().map(|path| path.to_str().unwrap()));
    args.push("::/");
    mtool(image, "mcopy", &args);
}

/// Copies all that is in a directory.
fn copy_all(image: &Path, source: &Path) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    copy(image, &paths);
}

/// The place of the first directory entry with these eleven bytes of name.
fn entry_at(bytes: &[u8], name: &[u8; 11]) -> usize {
    let found = bytes.chunks_exact(32).position(|entry| entry.starts_with(name));
    found.unwrap_or_else(|| panic!("no entry {name:?}")) * 32
}
