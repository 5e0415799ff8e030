//! Labels of other machines are named, and none of them is taken for a table.

use super::{disk, parse, sfdisk};
use crate::disk::testkit::{self, blkid, run};
use crate::inspect::facts::Scheme;

#[test]
fn labels_that_parted_makes_are_named_as_blkid_names_them() {
    let dir = tempfile::tempdir().unwrap();
    for label in ["dvh", "mac", "sun"] {
        let file = disk(dir.path(), 32);
        let path = file.to_str().unwrap();
        run("parted", "parted", &["-s", path, "mklabel", label]);
        let table = parse(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!((table.scheme, table.instead.as_deref()), (Scheme::None, Some(blkid(&file, "PTTYPE").as_str())));
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn samples_of_labels_are_named() {
    for (name, instead) in [
        ("partitions/blkid-atari-primary.img.xz", "atari"),
        ("partitions/blkid-atari-xgm.img.xz", "atari"),
        ("partitions/blkid-bsd.img.xz", "bsd"),
        ("partitions/blkid-sgi.img.xz", "sgi"),
        ("partitions/blkid-sun.img.xz", "sun"),
        ("partitions/dissect-apm.bin", "mac"),
    ] {
        let Some(bytes) = testkit::sample(name) else { return };
        let table = parse(&bytes).unwrap();
        assert_eq!((table.scheme, table.instead.as_deref()), (Scheme::None, Some(instead)), "{name}");
    }
    let mut aix = vec![0; 1 << 20];
    aix[..4].copy_from_slice(&[0xc9, 0xc2, 0xd4, 0xc1]);
    assert_eq!(parse(&aix).unwrap().instead.as_deref(), Some("aix"));
}

#[test]
fn a_damaged_label_is_none_and_a_table_outweighs_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 32);
    run("parted", "parted", &["-s", file.to_str().unwrap(), "mklabel", "sun"]);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    assert_eq!(parse(&bytes).unwrap().instead, None, "the checksum is wrong");
    let mbr = sfdisk(dir.path(), 32, "label: dos\n,4M,83\n");
    assert_eq!(parse(&mbr).unwrap().instead, None);
}
