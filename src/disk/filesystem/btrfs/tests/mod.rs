//! What mkfs.btrfs and the kernel write is what is read.

mod compare;
mod corpus;
mod hostile;
mod log;
mod lzo;
mod mounted;
mod refusals;
mod replay;
mod source;
mod trees;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::FileSystem;
use crate::disk::testkit::{self, Mounted, run};
use crate::disk::{ErrorKind, Result};

pub(crate) fn open(image: &Path) -> Result<Arc<dyn FileSystem>> {
    super::open(testkit::open(image))
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind
}

/// Makes a filesystem of `size` bytes with options in words, of the files in `source` if one is given.
pub(crate) fn make(dir: &Path, options: &str, size: u64, source: Option<&Path>) -> PathBuf {
    let image = dir.join("image");
    let _ = std::fs::remove_file(&image);
    std::fs::File::create(&image).unwrap().set_len(size).unwrap();
    let mut args = vec!["-q", "-f"];
    args.extend(options.split_whitespace());
    if let Some(source) = source {
        args.extend(["--rootdir", source.to_str().unwrap()]);
    }
    args.push(image.to_str().unwrap());
    run("btrfs-progs", "mkfs.btrfs", &args);
    image
}

/// `btrfs` with arguments in words.
pub(crate) fn btrfs(args: &str) -> String {
    run("btrfs-progs", "btrfs", &args.split_whitespace().collect::<Vec<_>>())
}

/// Says that `btrfs check` finds nothing wrong with an image.
fn assert_sound(image: &Path) {
    btrfs(&format!("check --check-data-csum --readonly {}", image.display()));
}

/// An image mounted by the kernel.
pub(crate) fn mount(image: &Path, options: &str) -> Option<Mounted> {
    Mounted::new("btrfs", options, image)
}
