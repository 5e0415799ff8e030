//! What mke2fs, debugfs and e2fsck write is what is read.

mod corpus;
mod dirty;
mod fast_commits;
mod features;
mod hostile;
mod journals;
mod mutations;
mod refusals;
mod signs;
mod tree;
mod trees;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::super::FileSystem;
use crate::disk::{Error, ErrorKind, ReadAt, Result};

/// An image file as bytes.
struct Image(File);

impl ReadAt for Image {
    fn len(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        FileExt::read_exact_at(&self.0, buf, at).map_err(|e| Error::corrupt("image", at, e.to_string()))
    }
}

fn open(image: &Path) -> Result<Arc<dyn FileSystem>> {
    super::open(Arc::new(Image(File::open(image).unwrap())))
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind
}

/// Runs a tool of the machine and gives its standard output. `e2fsck` ends with 1 where it changed something.
fn run(tool: &str, args: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(tool).args(args).env("PATH", path).output();
    let output = output.unwrap_or_else(|e| panic!("{tool}: {e}; it is in the Debian package e2fsprogs"));
    let code = output.status.code();
    let fine = code == Some(0) || (tool == "e2fsck" && code == Some(1));
    assert!(fine, "{tool} {args:?}: {code:?} {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a filesystem of `source` by `mke2fs`, with options in words.
fn make(dir: &Path, source: &Path, options: &str, size: &str) -> PathBuf {
    let image = dir.join("image");
    let mut args = vec!["-q", "-F"];
    args.extend(options.split_whitespace());
    args.extend(["-d", source.to_str().unwrap(), image.to_str().unwrap(), size]);
    let _ = std::fs::remove_file(&image);
    run("mke2fs", &args);
    image
}

/// Changes an image by a `debugfs` request.
fn edit(image: &Path, request: &str) {
    run("debugfs", &["-w", "-R", request, image.to_str().unwrap()]);
}

/// The inode number `debugfs` knows a path by.
fn number_of(image: &Path, path: &str) -> u64 {
    let found = run("debugfs", &["-R", &format!("stat {path}"), image.to_str().unwrap()]);
    found.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{path}: {found}"))
}
