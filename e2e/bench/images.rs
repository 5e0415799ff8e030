//! The disk images that are measured.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the folder of test images.
pub fn image(name: &str) -> PathBuf {
    let folder = std::env::var("IMAGE_IMPORT_IMAGES").expect("the folder e2e/images/build.sh prints: run `make bench`");
    Path::new(&folder).join(name)
}

/// The good image as a sparse RAW file in `folder`: ext4 with nothing between it and the object.
pub fn raw(folder: &Path) -> PathBuf {
    let to = folder.join("debian-12.raw");
    let done = Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(image("debian-12.qcow2")).arg(&to).status();
    assert!(done.is_ok_and(|status| status.success()), "qemu-img is needed (Debian: qemu-utils)");
    to
}
