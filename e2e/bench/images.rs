//! The disk images that are measured.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the folder of test images.
pub fn image(name: &str) -> PathBuf {
    let folder = std::env::var("IMAGE_IMPORT_IMAGES").expect("the folder e2e/images/build.sh prints: run `make bench`");
    Path::new(&folder).join(name)
}

/// What an image may cost, by what its container lets a reader do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The guest's blocks lie in the object as they are.
    Plain,
    /// They are packed, and what lies far apart on the disk is close together.
    Packed,
    /// Its size is the point: memory must not grow with it.
    Large,
}

/// The disks that e2e/bench/images.sh builds.
pub const MEASURED: &[(Kind, &str)] = &[
    (Kind::Plain, "debian-12.raw"),
    (Kind::Plain, "gpt-ext4.raw"),
    (Kind::Plain, "gpt-xfs.raw"),
    (Kind::Plain, "lvm-xfs.raw"),
    (Kind::Plain, "gpt-ntfs.raw"),
    (Kind::Packed, "debian-12.zlib.qcow2"),
    (Kind::Packed, "debian-12.zstd.qcow2"),
    (Kind::Plain, "debian-12.dynamic.vhd"),
    (Kind::Plain, "debian-12.fixed.vhd"),
    (Kind::Plain, "debian-12.sparse.vmdk"),
    (Kind::Plain, "debian-12.stream.vmdk"),
    (Kind::Large, "2tib.raw"),
    (Kind::Large, "2tib.qcow2"),
];

/// Paths of [`MEASURED`].
pub fn measured() -> impl Iterator<Item = (Kind, PathBuf)> {
    let folder = std::env::var("IMAGE_IMPORT_BENCH").expect("the folder e2e/bench/images.sh prints: run `make bench`");
    MEASURED.iter().map(move |(kind, name)| (*kind, Path::new(&folder).join(name)))
}

/// The good image as a sparse RAW file in `folder`: ext4 with nothing between it and the object.
pub fn raw(folder: &Path) -> PathBuf {
    let to = folder.join("debian-12.raw");
    let done = Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(image("debian-12.qcow2")).arg(&to).status();
    assert!(done.is_ok_and(|status| status.success()), "qemu-img is needed (Debian: qemu-utils)");
    to
}
