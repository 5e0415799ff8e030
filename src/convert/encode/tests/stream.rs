//! The stream of parts: how it is cut, what it adds up to, and that it is the same each time.

use sha2::{Digest, Sha256};

use super::{Compression, ID, Kept, MIB, TARGETS, Target, disk, encoded, mixed};
use crate::convert::encode::{Disk, Patch, encode, plan};
use crate::disk::{ErrorKind, testkit};

#[test]
fn the_same_disk_gives_the_same_bytes_each_time() {
    let disk = disk(testkit::memory(mixed(30 << 20)));
    for target in TARGETS {
        let (first, ..) = encoded(&disk, *target);
        for _ in 0..2 {
            assert!(encoded(&disk, *target).0 == first, "{target:?}");
        }
    }
}

#[test]
fn a_file_that_is_written_from_front_to_back_has_its_hash() {
    let disk = disk(testkit::memory(mixed(11 << 20)));
    for target in TARGETS {
        let (file, totals, _) = encoded(&disk, *target);
        let known = matches!(target, Target::Raw | Target::VhdFixed { .. });
        assert_eq!(totals.sha256, known.then(|| Sha256::digest(&file).into()), "{target:?}");
    }
}

#[test]
fn parts_are_as_small_as_an_upload_of_the_largest_file_allows() {
    let container = crate::disk::container::open(testkit::memory(mixed(3 << 20))).unwrap();
    let grown = |size| Disk::of(&container).unwrap().grown(size).unwrap();
    for (size, target, wanted, part) in [
        (1 << 30, Target::Raw, 0, 5 * MIB),
        (1 << 30, Target::Raw, 5 * MIB + 1, 6 * MIB),
        (1 << 30, Target::Raw, 8 * MIB, 8 * MIB),
        (80_000 * MIB, Target::Raw, 8 * MIB, 8 * MIB),
        (80_000 * MIB + 1, Target::Raw, 8 * MIB, 9 * MIB),
        (80_000 * MIB, Target::VhdFixed { id: ID }, 8 * MIB, 9 * MIB),
        (2 << 40, Target::Raw, 8 * MIB, 210 * MIB),
        // What is not stored needs no part: the map tells.
        (2 << 40, Target::qcow2(Compression::Zlib), 8 * MIB, 8 * MIB),
        (2040 << 30, Target::VhdDynamic { id: ID }, 8 * MIB, 8 * MIB),
    ] {
        let plan = plan(&grown(size), target, wanted).unwrap();
        assert_eq!((plan.part, plan.size), (part, size.next_multiple_of(if target == Target::Raw { 1 } else { 512 })));
        assert!(plan.most <= part * 10_000, "{target:?} of {size}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let container = crate::disk::container::open(testkit::memory(mixed(3 << 20))).unwrap();
    let grown = |size| Disk::of(&container).unwrap().grown(size).unwrap();
    let small = |cluster_bits| Target::Qcow2 { cluster_bits, compression: Compression::None };
    for (size, target, kind) in [
        ((2040 << 30) + 1, Target::VhdFixed { id: ID }, ErrorKind::Unsupported),
        ((2040 << 30) + 1, Target::VhdDynamic { id: ID }, ErrorKind::Unsupported),
        ((128 << 30) + 1, small(9), ErrorKind::Unsupported),
        (1 << 20, small(8), ErrorKind::Unsupported),
        (1 << 20, small(22), ErrorKind::Unsupported),
        (1 << 60, small(16), ErrorKind::Unsupported),
        (u64::MAX, small(21), ErrorKind::Unsupported),
        (u64::MAX, Target::Raw, ErrorKind::Limit),
    ] {
        assert_eq!(plan(&grown(size.max(3 << 20)), target, 0).unwrap_err().kind, kind, "{target:?} of {size}");
    }
    assert_eq!(Disk::of(&container).unwrap().grown(1 << 20).err().unwrap().kind, ErrorKind::Unsupported);
}

#[test]
fn a_disk_of_no_bytes_is_a_file_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("empty");
    testkit::run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", file.to_str().unwrap(), "0"]);
    let disk = disk(testkit::open(&file));
    for target in TARGETS {
        let plan = plan(&disk, *target, 0).unwrap();
        let mut kept = Kept::default();
        let totals = encode(&disk, &plan, &mut kept).unwrap();
        assert_eq!((totals.bytes, totals.size), (kept.file().len() as u64, 0), "{target:?}");
        assert_eq!(totals.parts, totals.bytes.div_ceil(plan.part).max(1) as u32, "{target:?}");
        let out = dir.path().join("out");
        std::fs::write(&out, kept.file()).unwrap();
        if let Target::Qcow2 { .. } = target {
            testkit::run("qemu-utils", "qemu-img", &["check", "-q", out.to_str().unwrap()]);
        }
    }
}

#[test]
fn patches_are_in_the_file_wherever_they_lie() {
    let mut bytes = vec![0; 9 << 20];
    bytes[..1 << 20].copy_from_slice(&mixed(1 << 20));
    let places = [(5, 3), ((2 << 20) - 2, 4), ((6 << 20) + 77, 3 << 20), (10 << 20, 100), ((20 << 20) - 1, 1)];
    let patches = places.map(|(at, len)| Patch { at, bytes: vec![0xa5; len] });
    let mut wanted = bytes.clone();
    wanted.resize(20 << 20, 0);
    for (at, len) in places {
        wanted[at as usize..at as usize + len].fill(0xa5);
    }
    for target in TARGETS {
        let disk = disk(testkit::memory(bytes.clone())).grown(20 << 20).unwrap().patched(patches.clone());
        let (file, ..) = encoded(&disk, *target);
        let guest = crate::disk::container::open(testkit::memory(file)).unwrap().guest.unwrap();
        assert!(guest.read_vec_at(0, 20 << 20).unwrap() == wanted, "{target:?}");
    }
}
