//! Arrays of md. The superblocks are written here by the format's documentation; `mdadm --examine` says whether they are
//! what they should be.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests run on 64-bit machines")]

use super::{TroubleKind, VolumeClass, run, scan, testkit};
use crate::disk::{ReadAt, partition};
use crate::inspect::facts::Volume;
use std::sync::Arc;

const MIB: usize = 1 << 20;

#[derive(Clone)]
struct Shape {
    version: &'static str,
    level: i32,
    disks: u32,
    own: u32,
    events: u64,
    features: u32,
    role: u16,
    name: &'static str,
}

const SHAPE: Shape =
    Shape { version: "1.2", level: 1, disks: 2, own: 0, events: 20, features: 0, role: 0, name: "host:data" };

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn sum(words: &[u8], skip: usize) -> u32 {
    let words = words.chunks_exact(4).enumerate().filter(|(index, _)| *index != skip);
    let sum: u64 = words.map(|(_, word)| u64::from(u32::from_le_bytes(word.try_into().unwrap()))).sum();
    ((sum & 0xffff_ffff) + (sum >> 32)) as u32
}

/// A member of 16 MiB that holds `content` (12 MiB).
fn member(shape: &Shape, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 16 * MIB];
    let (at, data) = match shape.version {
        "1.1" => (0, MIB),
        "1.2" => (4096, MIB),
        "1.0" => (bytes.len() - 8192, 0),
        _ => (bytes.len() - 65536, 0),
    };
    put(&mut bytes, data, content);
    let sectors = content.len() as u64 / 512;
    let mut block = vec![0_u8; 4096];
    let mut word = |at: usize, value: u32| put(&mut block, at, &value.to_le_bytes());
    word(0, 0xa92b_4efc);
    if shape.version == "0.90" {
        let words = [
            (2, 90),
            (4, 0),
            (5, 0x1111_1111),
            (6, 1),
            (7, shape.level as u32),
            (8, (sectors / 2) as u32),
            (9, shape.disks),
            (10, shape.disks),
            (11, 3),
            (13, 0x2222_2222),
            (14, 0x3333_3333),
            (15, 0x4444_4444),
            (32, 1),
            (33, 1),
            (34, shape.disks),
            (35, shape.disks),
            (39, shape.events as u32),
            (992, shape.own),
            (995, shape.own),
            (996, if shape.role == 0 { 6 } else { 1 }),
            (128 + shape.own as usize * 32, shape.own),
            (131 + shape.own as usize * 32, shape.own),
            (132 + shape.own as usize * 32, 6),
        ];
        for (index, value) in words {
            word(index * 4, value);
        }
        let checksum = sum(&block, 38);
        put(&mut block, 152, &checksum.to_le_bytes());
    } else {
        for (at, value) in [
            (4, 1),
            (8, shape.features),
            (72, shape.level as u32),
            (92, shape.disks),
            (160, shape.own),
            (220, shape.disks),
            (64, 1),
            (192, 1),
            (80, sectors as u32),
            (128, (data / 512) as u32),
            (136, sectors as u32),
            (144, (at / 512) as u32),
            (200, shape.events as u32),
        ] {
            word(at, value);
        }
        put(&mut block, 16, &[7; 16]);
        put(&mut block, 32, shape.name.as_bytes());
        put(&mut block, 168, &[8 + shape.own as u8; 16]);
        put(&mut block, 208, &u64::MAX.to_le_bytes());
        for disk in 0..shape.disks {
            let role = if disk == shape.own { shape.role } else { disk as u16 };
            put(&mut block, 256 + disk as usize * 2, &role.to_le_bytes());
        }
        let covered = 256 + shape.disks as usize * 2;
        let mut padded = block[..covered].to_vec();
        padded.resize(covered.next_multiple_of(4), 0);
        let checksum = sum(&padded, 54);
        put(&mut block, 216, &checksum.to_le_bytes());
    }
    put(&mut bytes, at, &block);
    bytes
}

/// An ext4 with a label.
fn filesystem(dir: &std::path::Path, label: &str) -> Vec<u8> {
    let file = dir.join(label);
    run("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", "-L", label, file.to_str().unwrap(), "12m"]);
    std::fs::read(file).unwrap()
}

fn volumes(bytes: Vec<u8>) -> Vec<(Volume, Arc<dyn ReadAt>)> {
    let bytes = testkit::memory(bytes);
    scan(&bytes, &partition::read(&bytes).unwrap()).unwrap()
}

#[test]
fn an_array_of_one_member_is_read_in_every_version() {
    let dir = tempfile::tempdir().unwrap();
    let content = filesystem(dir.path(), "ARRAY");
    for (version, level, disks, name, expected) in [
        ("0.90", 1, 2, "", "md3"),
        ("1.0", 1, 2, "host:data", "md/data"),
        ("1.1", 1, 3, "host:0", "md0"),
        ("1.2", 1, 1, "data", "md/data"),
        ("1.2", -1, 1, "7", "md7"),
        ("1.2", 0, 1, "7", "md7"),
    ] {
        let shape = Shape { version, level, disks, name, ..SHAPE };
        let bytes = member(&shape, &content);
        let file = dir.path().join("member");
        std::fs::write(&file, &bytes).unwrap();
        testkit::seed("volume", &format!("md-{version}-{level}"), || bytes.clone());
        let said = run("mdadm", "mdadm", &["--examine", file.to_str().unwrap()]);
        assert!(said.contains("correct") && !said.contains("expected"), "{version}: {said}");
        let found = volumes(bytes);
        let shown: Vec<_> =
            found.iter().map(|(v, _)| (v.name.as_str(), v.type_id.as_str(), v.label.as_str())).collect();
        assert_eq!(shown[1..], [(expected, "ext4", "ARRAY")], "{version}");
        assert_eq!((shown[0].1, &found[0].0.trouble), ("linux_raid_member", &None), "{version}");
        assert!(found[1].1.read_vec_at(0, content.len()).unwrap() == content, "{version}: the array's bytes");
    }
}

#[test]
fn what_needs_other_disks_or_is_not_up_to_date_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let content = filesystem(dir.path(), "ARRAY");
    for (shape, why) in [
        (Shape { level: 5, disks: 3, ..SHAPE }, "RAID5 of 3 disks"),
        (Shape { level: 0, ..SHAPE }, "RAID0 of 2 disks"),
        (Shape { level: -1, ..SHAPE }, "linear array of 2 disks"),
        (Shape { level: 10, disks: 4, ..SHAPE }, "RAID10 of 4 disks"),
        (Shape { role: 0xffff, ..SHAPE }, "a spare"),
        (Shape { role: 0xfffe, ..SHAPE }, "taken out"),
        (Shape { features: 2, ..SHAPE }, "rebuilt"),
        (Shape { version: "0.90", role: 1, ..SHAPE }, "taken out"),
    ] {
        let found = volumes(member(&shape, &content));
        let trouble = found[0].0.trouble.as_ref().unwrap();
        assert_eq!((found.len(), trouble.kind), (1, TroubleKind::Unsupported), "{why}");
        assert!(trouble.what.contains(why), "{}", trouble.what);
    }
    let mut bytes = member(&SHAPE, &content);
    bytes[4096 + 100] ^= 1;
    assert_eq!(volumes(bytes)[0].0.trouble.as_ref().unwrap().kind, TroubleKind::Corrupt);
}

#[test]
fn of_two_members_the_newest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (filesystem(dir.path(), "OLD"), filesystem(dir.path(), "NEW"));
    let file = dir.path().join("disk");
    let path = file.to_str().unwrap();
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; truncate -s 40M {path}; printf 'label: dos\\n,16M,fd\\n,16M,fd\\n' | sfdisk -q {path}"
    );
    run("fdisk", "sh", &["-ec", &script]);
    let mut bytes = std::fs::read(&file).unwrap();
    put(&mut bytes, MIB, &member(&SHAPE, &old));
    put(&mut bytes, 17 * MIB, &member(&Shape { own: 1, role: 1, events: 21, ..SHAPE }, &new));
    let found = volumes(bytes);
    let shown: Vec<_> = found.iter().map(|(v, _)| (v.name.as_str(), v.label.as_str(), v.class)).collect();
    assert_eq!(shown[2], ("md/data", "NEW", VolumeClass::Filesystem));
    assert!(found.iter().all(|(volume, _)| volume.trouble.is_none()));
}

#[test]
fn a_sample_of_a_real_array_is_read() {
    let Some(bytes) = testkit::sample("lvm/md-raid1-1.bin.gz") else { return };
    let found = volumes(bytes);
    assert_eq!(found[0].0.type_id, "linux_raid_member");
    assert!(found.len() == 2 && found[0].0.trouble.is_none(), "{:?}", found[0].0);
    assert!(found[1].0.name.starts_with("md"), "{}", found[1].0.name);
}

#[test]
fn damaged_superblocks_never_panic() {
    let content = vec![1; 12 * MIB];
    for (version, at) in [("1.2", 4096), ("1.0", 16 * MIB - 8192), ("0.90", 16 * MIB - 65536)] {
        let bytes = member(&Shape { version, ..SHAPE }, &content);
        let places = [at..at + 264, at + 3968..at + 4096];
        for copy in testkit::damaged(&bytes, &places, 60) {
            for (_, bytes) in volumes(copy) {
                testkit::read_all(bytes.as_ref(), 1 << 20);
            }
        }
    }
}
