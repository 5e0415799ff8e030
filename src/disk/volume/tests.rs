//! Volumes of disks that the real tools made.

mod arrays;
mod labels;

use std::path::Path;
use std::sync::Arc;

use super::scan;
use crate::disk::testkit::{self, Counting, run};
use crate::disk::{ReadAt, container, partition};
use crate::inspect::facts::{Scheme, TroubleKind, VolumeClass};

/// A disk with an ext4 in its first partition, swap in its second and nothing in its third.
fn disk(dir: &Path) -> std::path::PathBuf {
    let file = dir.join("disk");
    let path = file.to_str().unwrap();
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; truncate -s 64M {path}
         printf 'label: dos\\n,16M,83\\n,8M,82\\n,20M,E\\n,4M,83\\n,8M,83\\n' | sfdisk -q {path}
         mke2fs -q -F -t ext4 -L ROOT -E offset=1048576 {path} 16m
         truncate -s 8M {path}.swap; mkswap -q -L SWAP {path}.swap
         dd if={path}.swap of={path} bs=1M seek=17 conv=notrunc status=none"
    );
    run("fdisk, e2fsprogs, util-linux", "sh", &["-ec", &script]);
    file
}

#[test]
fn every_partition_is_a_volume_except_the_frame() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = testkit::open(&disk(dir.path()));
    let found = scan(&bytes, &partition::read(&bytes).unwrap()).unwrap();
    let shown: Vec<_> =
        found.iter().map(|(v, _)| (v.name.as_str(), v.type_id.as_str(), v.label.as_str(), v.class)).collect();
    assert_eq!(
        shown,
        [
            ("p1", "ext4", "ROOT", VolumeClass::Filesystem),
            ("p2", "swap", "SWAP", VolumeClass::Swap),
            ("p5", "", "", VolumeClass::Empty),
            ("p4", "", "", VolumeClass::Empty)
        ]
    );
    assert_eq!((found[0].1.len(), found[0].0.partition), (16 << 20, Some(1)));
    assert!(found.iter().all(|(volume, _)| volume.trouble.is_none()));
}

#[test]
fn a_partition_past_the_end_of_the_disk_is_corrupt_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(disk(dir.path())).unwrap();
    let cut = testkit::memory(bytes[..10 << 20].to_vec());
    let found = scan(&cut, &partition::read(&cut).unwrap()).unwrap();
    assert_eq!(found[0].0.type_id, "ext4");
    for (volume, _) in &found {
        let trouble = volume.trouble.as_ref().unwrap();
        assert_eq!((trouble.kind, trouble.at), (TroubleKind::Corrupt, Some(10 << 20)), "{}", volume.name);
    }
    assert_eq!(found[1].0.class, VolumeClass::Unrecognised);
}

#[test]
fn a_disk_without_a_table_is_one_volume() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("disk");
    let path = file.to_str().unwrap();
    run("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext3", path, "8m"]);
    let bytes = testkit::open(&file);
    let found = scan(&bytes, &partition::read(&bytes).unwrap()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0.name.as_str(), found[0].0.type_id.as_str(), found[0].0.partition), ("disk", "ext3", None));
}

#[test]
fn what_only_another_layer_could_open_says_so() {
    let Some(bytes) = testkit::sample("lvm/dfvfs-luks2.first1MiB.raw.zst") else { return };
    let bytes = testkit::memory(bytes);
    let found = scan(&bytes, &partition::read(&bytes).unwrap()).unwrap();
    let (volume, _) = &found[0];
    assert_eq!((volume.type_id.as_str(), volume.class), ("crypto_LUKS", VolumeClass::Encrypted));
    assert_eq!(volume.trouble.as_ref().unwrap().kind, TroubleKind::Encrypted);
}

#[test]
fn samples_of_volume_groups_are_read() {
    for (name, volumes) in [
        (
            "lvm/dfvfs-lvm.raw.zst",
            &["test_volume_group/test_logical_volume1", "test_volume_group/test_logical_volume2"][..],
        ),
        ("lvm/dissect-lvm.bin.gz", &["vg_test/lv_test"]),
    ] {
        let Some(bytes) = testkit::sample(name) else { return };
        let bytes = testkit::memory(bytes);
        let found = scan(&bytes, &partition::read(&bytes).unwrap()).unwrap();
        let names: Vec<_> = found[1..].iter().map(|(volume, _)| volume.name.as_str()).collect();
        assert_eq!((found[0].0.class, names.as_slice()), (VolumeClass::Member, volumes), "{name}: {:?}", found[0].0);
    }
}

#[test]
fn a_volume_of_a_windows_dynamic_disk_is_not_called_unrecognised() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("disk");
    let path = file.to_str().unwrap();
    let script = format!("PATH=$PATH:/usr/sbin:/sbin; truncate -s 8M {path}; echo ,,42 | sfdisk -q -X dos {path}");
    run("fdisk", "sh", &["-ec", &script]);
    let mut bytes = std::fs::read(&file).unwrap();
    // Behind what is looked at to recognise it.
    bytes[7 << 20..8 << 20].fill(9);
    let bytes = testkit::memory(bytes);
    let found = scan(&bytes, &partition::read(&bytes).unwrap()).unwrap();
    assert_eq!((found[0].0.type_id.as_str(), found[0].0.class), ("LDM", VolumeClass::Member));
    assert_eq!(found[0].0.trouble.as_ref().unwrap().kind, TroubleKind::Unsupported);
}

#[test]
fn what_storage_spaces_spread_over_disks_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("disk");
    std::fs::File::create(&file).unwrap().set_len(8 << 20).unwrap();
    run("gdisk", "sgdisk", &["-n1:0:+4M", "-t1:E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D", file.to_str().unwrap()]);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[(1 << 20) + 5000] = 9;
    let bytes = testkit::memory(bytes);
    let found = scan(&bytes, &partition::read(&bytes).unwrap()).unwrap();
    assert_eq!((found[0].0.type_id.as_str(), found[0].0.class), ("Storage Spaces", VolumeClass::Member));
    assert_eq!(found[0].0.trouble.as_ref().unwrap().kind, TroubleKind::Unsupported);
}

#[test]
fn damage_never_panics_and_costs_little() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(disk(dir.path())).unwrap();
    let small = &bytes[..20 << 20];
    for copy in testkit::damaged(small, &[446..512, (1 << 20) + 1024..(1 << 20) + 1200], 50) {
        let counting = Counting::new(testkit::memory(copy));
        let disk: Arc<dyn ReadAt> = counting.clone();
        if let Ok(table) = partition::read(&disk) {
            for (volume, bytes) in scan(&disk, &table).unwrap() {
                assert!(bytes.len() <= volume.size_bytes && bytes.len() <= disk.len());
            }
        }
        assert!(counting.requests() < 600, "{} requests", counting.requests());
    }
}

#[test]
fn a_real_image_is_walked_from_the_object_to_its_volumes() {
    let Some(bytes) = testkit::sample("containers/scalibr-gpt-ext-exfat-fat32-ntfs.qcow2.zst") else { return };
    let counting = Counting::new(testkit::memory(bytes));
    let disk = container::open(counting.clone()).unwrap().guest.unwrap();
    let table = partition::read(&disk).unwrap();
    let starts: Vec<_> = table.partitions.iter().map(|partition| partition.start_bytes / 512).collect();
    assert_eq!((table.scheme, starts), (Scheme::Gpt, vec![2048, 131_072, 262_144, 393_216]));
    let kinds: Vec<_> = scan(&disk, &table).unwrap().into_iter().map(|(volume, _)| volume.type_id).collect();
    assert_eq!(kinds, ["ext4", "exfat", "vfat", "ntfs"]);
    assert!(counting.requests() < 40, "{} requests", counting.requests());
}
