//! BSD disklabels: fdisk writes them, partx says what is in them.

use super::{TroubleKind, VolumeClass, run, scan, testkit};
use crate::disk::partition;
use crate::inspect::facts::{Scheme, Volume};

fn volumes(bytes: Vec<u8>) -> Vec<Volume> {
    let bytes = testkit::memory(bytes);
    scan(&bytes, &partition::read(&bytes).unwrap()).unwrap().into_iter().map(|(volume, _)| volume).collect()
}

/// A disk with a slice of each kind, a filesystem in partition `a` of its label, and swap space in `b`.
fn sliced(dir: &std::path::Path, kind: &str) -> std::path::PathBuf {
    let file = dir.join(kind);
    let path = file.to_str().unwrap();
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; truncate -s 64M {path}
         printf '2048,20M,{kind}\\n,30M,E\\n,4M,83\\n,2M,83\\n' | sfdisk -q -X dos {path}
         mke2fs -q -F -t ext2 -L FBSD -E offset=1048576 {path} 4m
         printf 'b\\ny\\nn\\na\\n\\n+5M\\nt\\na\\n7\\nn\\nb\\n20480\\n+2M\\nt\\nb\\n1\\nw\\n' | fdisk {path} >&2"
    );
    run("fdisk, e2fsprogs", "sh", &["-ec", &script]);
    file
}

#[test]
fn partitions_of_a_slice_are_volumes_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["a5", "a6", "a9"] {
        let file = sliced(dir.path(), kind);
        let found = volumes(std::fs::read(&file).unwrap());
        let shown: Vec<_> = found.iter().map(|v| (v.name.as_str(), v.type_id.as_str(), v.class)).collect();
        assert_eq!(
            shown,
            [
                ("p1", "bsd", VolumeClass::Member),
                ("p1/a", "ext2", VolumeClass::Filesystem),
                ("p1/b", "swap", VolumeClass::Swap),
                ("p3", "", VolumeClass::Empty),
                ("p4", "", VolumeClass::Empty)
            ],
            "{kind}"
        );
        assert_eq!((found[1].label.as_str(), &found[0].trouble), ("FBSD", &None));
        let sizes = run("util-linux", "partx", &["-g", "-o", "SECTORS,TYPE", file.to_str().unwrap()]);
        let nested: Vec<u64> = sizes
            .lines()
            .filter_map(|line| line.trim().split_once(char::is_whitespace))
            .filter(|(_, kind)| matches!(kind.trim(), "0x7" | "0x1"))
            .map(|(sectors, _)| sectors.parse::<u64>().unwrap() * 512)
            .collect();
        assert_eq!([found[1].size_bytes, found[2].size_bytes].to_vec(), nested, "{kind}");
    }
}

#[test]
fn freebsd_counts_from_the_start_of_the_slice() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(sliced(dir.path(), "a5")).unwrap();
    let label = (1 << 20) + 512;
    for (index, at) in [(0, 0_u32), (1, 20480 - 2048), (2, 0)] {
        let offset = label + 148 + index * 16 + 4;
        bytes[offset..offset + 4].copy_from_slice(&at.to_le_bytes());
    }
    let found = volumes(bytes.clone());
    assert_eq!((found[1].name.as_str(), found[1].type_id.as_str()), ("p1/a", "ext2"));
    // Partitions outside of their slice are passed over; what the slice holds is then seen as it is.
    for index in 0..4 {
        bytes[label + 148 + index * 16 + 7] = 0x7f;
    }
    let found = volumes(bytes);
    assert_eq!((found[0].name.as_str(), found[0].type_id.as_str(), found[1].name.as_str()), ("p1", "ext2", "p3"));
}

#[test]
fn a_disk_that_is_sliced_as_a_whole_has_no_table_and_volumes() {
    let Some(bytes) = testkit::sample("partitions/blkid-bsd.img.xz") else { return };
    let disk = testkit::memory(bytes.clone());
    let table = partition::read(&disk).unwrap();
    assert_eq!((table.scheme, table.instead.as_deref()), (Scheme::None, Some("bsd")));
    let found = volumes(bytes);
    // Sizes as libblkid's expected answer has them. The sample is a slice without its disk: the label counts from there.
    let shown: Vec<_> = found.iter().map(|v| (v.name.as_str(), v.size_bytes / 512)).collect();
    assert_eq!(shown, [("disk", 8704), ("disk/e", 4864), ("disk/f", 3584)]);
    assert_eq!((found[0].class, found[0].trouble.is_none()), (VolumeClass::Member, true));
}

#[test]
fn labels_that_are_not_read_are_members_with_trouble() {
    for (name, label) in [("partitions/blkid-sun.img.xz", "sun"), ("partitions/blkid-sgi.img.xz", "sgi")] {
        let Some(bytes) = testkit::sample(name) else { return };
        let found = volumes(bytes);
        assert_eq!((found[0].type_id.as_str(), found[0].class), (label, VolumeClass::Member));
        assert_eq!(found[0].trouble.as_ref().unwrap().kind, TroubleKind::Unsupported);
    }
}

#[test]
fn damaged_labels_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(sliced(dir.path(), "a6")).unwrap();
    let label = (1 << 20) + 512;
    for copy in testkit::damaged(&bytes[..4 << 20], &[label..label + 148, label + 148..label + 400], 150) {
        let disk = testkit::memory(copy);
        for (volume, bytes) in scan(&disk, &partition::read(&disk).unwrap()).unwrap() {
            assert!(bytes.len() <= volume.size_bytes.max(disk.len()));
        }
    }
}
