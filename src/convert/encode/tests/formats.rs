//! Every format that is read, to every format that is written.

use super::{MIB, TARGETS, agrees, convert, mixed, text};
use crate::disk::testkit::run;

/// Writes the disk in a format of QEMU's, and converts that.
fn from(format: &str, options: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    // Not a whole number of anything but sectors.
    std::fs::write(&raw, mixed((5 * MIB) as usize + 512 * 5)).unwrap();
    let source = convert(&raw, format, "source", options);
    for target in TARGETS {
        agrees(&source, &raw, *target);
    }
}

#[test]
fn raw() {
    from("raw", &[]);
}

#[test]
fn qcow2_plain_and_compressed() {
    from("qcow2", &[]);
    from("qcow2", &["-c"]);
    from("qcow2", &["-c", "-o", "compression_type=zstd"]);
}

#[test]
fn qcow2_of_small_and_large_clusters() {
    from("qcow2", &["-o", "cluster_size=512"]);
    from("qcow2", &["-c", "-o", "cluster_size=2M"]);
}

#[test]
fn qcow2_with_subclusters() {
    from("qcow2", &["-o", "extended_l2=on"]);
}

#[test]
fn vhd() {
    from("vpc", &["-o", "subformat=dynamic,force_size=on"]);
    from("vpc", &["-o", "subformat=fixed,force_size=on"]);
}

#[test]
fn vmdk() {
    from("vmdk", &["-o", "subformat=monolithicSparse"]);
    from("vmdk", &["-o", "subformat=streamOptimized"]);
}

#[test]
fn of_an_image_with_snapshots_the_disk_as_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    std::fs::write(&raw, mixed(3 * MIB as usize)).unwrap();
    let source = convert(&raw, "qcow2", "source", &[]);
    run("qemu-utils", "qemu-img", &["snapshot", "-c", "before", text(&source)]);
    let change = ["-c", "write -P 7 100k 300k", "-c", "write -z 1M 512k"];
    run("qemu-utils", "qemu-io", &[&change[..], &["-f", "qcow2", text(&source)]].concat());
    run("qemu-utils", "qemu-io", &[&change[..], &["-f", "raw", text(&raw)]].concat());
    for target in TARGETS {
        agrees(&source, &raw, *target);
    }
}
