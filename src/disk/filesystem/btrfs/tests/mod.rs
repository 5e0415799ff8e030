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
use std::process::Command;
use std::sync::Arc;

use super::super::FileSystem;
use crate::disk::testkit::{self, run};
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
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Mounts `image` at a new directory beside it; `None`, said aloud, on machines where that cannot be done.
    pub(crate) fn new(image: &Path, options: &str) -> Option<Self> {
        let at = image.with_extension("mounted");
        std::fs::create_dir_all(&at).unwrap();
        let options = format!("loop,{options}");
        match Command::new("mount").args(["-t", "btrfs", "-o", &options]).args([image, &at]).output() {
            Ok(output) if output.status.success() => Some(Self(at)),
            Ok(output) => {
                println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: mount: {error}");
                None
            }
        }
    }

    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Busy for a moment where a process that another test starts has not yet closed what it was born with.
        let unmounted = (0..100).any(|_| {
            let output = Command::new("umount").arg(&self.0).output();
            let unmounted = output.is_ok_and(|output| output.status.success());
            if !unmounted {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            unmounted
        });
        assert!(unmounted || std::thread::panicking(), "{} stays mounted", self.0.display());
    }
}
