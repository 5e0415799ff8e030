//! Disks of every shape: empty, full, tiny, odd, with holes at either end.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Compression, MIB, TARGETS, Target, agrees, convert, disk, encoded, mixed, text};
use crate::disk::testkit::{self, Counting, Dice, run};

/// A disk of `size` bytes with data in places (at, length), as a sparse file.
fn sparse(raw: &Path, size: u64, places: &[(u64, usize)]) {
    let file = File::create(raw).unwrap();
    file.set_len(size).unwrap();
    let mut dice = Dice(3);
    for (at, len) in places {
        // A run of noise and a run of text.
        let bytes: Vec<u8> = (0..*len).map(|n| if n % 8192 < 4096 { dice.roll() as u8 } else { b'x' } | 1).collect();
        file.write_all_at(&bytes, *at).unwrap();
    }
}

/// Its name, its size, and what is written where.
type Shape<'a> = (&'a str, u64, &'a [(u64, usize)]);

#[test]
fn every_shape_of_disk_becomes_the_same_disk() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    let whole = 5 * MIB;
    let shapes: &[Shape] = &[
        ("empty", whole, &[]),
        ("full", whole, &[(0, 5 << 20)]),
        ("one sector", 512, &[(0, 512)]),
        ("one empty sector", 512, &[]),
        ("smaller than a cluster", 65536 - 512, &[(0, 1024)]),
        ("one cluster", 65536, &[(65535, 1)]),
        ("a cluster and a sector", 65536 + 512, &[(65536, 512)]),
        ("a hole in front", whole, &[(3 << 20, 2 << 20)]),
        ("a hole at the end", whole, &[(0, 3 << 20)]),
        ("only the last sector", whole + 512, &[(whole, 512)]),
        ("only the last byte", 64 * MIB, &[((64 << 20) - 1, 1)]),
        ("both ends", 33 * MIB + 1536, &[(0, 1), ((33 << 20) + 1024, 512)]),
        ("around the edges of chunks", 9 * MIB, &[((2 << 20) - 3, 6), (4 << 20, 1), ((6 << 20) - 1, 1)]),
    ];
    for (name, size, places) in shapes {
        sparse(&raw, *size, places);
        let source = convert(&raw, "qcow2", "source", &[]);
        for target in TARGETS {
            eprintln!("{name} to {target:?}");
            agrees(&source, &raw, *target);
        }
    }
}

#[test]
fn a_disk_that_is_not_a_whole_number_of_sectors_is_filled_up_with_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    std::fs::write(&raw, mixed(3 * MIB as usize + 100)).unwrap();
    for target in TARGETS.iter().filter(|target| **target != Target::Raw) {
        agrees(&raw, &raw, *target);
    }
    let (file, ..) = encoded(&disk(testkit::open(&raw)), Target::Raw);
    assert!(file == std::fs::read(&raw).unwrap(), "RAW has every byte and no more");
}

#[test]
fn tables_of_every_size_are_whole_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    // Several L2 tables and refcount blocks, at clusters of 512 bytes: one for 32 KiB and for 128 KiB.
    std::fs::write(&raw, mixed(20 << 20)).unwrap();
    for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
        for cluster_bits in 9..=21 {
            agrees(&raw, &raw, Target::Qcow2 { cluster_bits, compression });
        }
    }
}

#[test]
fn zeros_are_neither_read_nor_written_and_clusters_of_data_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    sparse(&raw, 1 << 30, &[(0, 70_000), (700 << 20, 1), ((1 << 30) - 1, 1)]);
    let source = convert(&raw, "qcow2", "source", &[]);
    let counting = Counting::new(testkit::open(&source));
    let disk = disk(counting.clone());
    let before = counting.bytes();
    let (file, totals, _) = encoded(&disk, Target::qcow2(Compression::None));
    assert_eq!(totals.data_clusters, 4);
    assert!(counting.bytes() - before < 1 << 20, "{} bytes were read", counting.bytes() - before);
    // Header, 4 clusters, 2 L2 tables, L1, a refcount block and the refcount table.
    assert_eq!(file.len(), 10 * 65536);

    // Of a RAW disk all is read, and the zeros are found all the same.
    let (again, totals, _) = encoded(&super::disk(testkit::open(&raw)), Target::qcow2(Compression::None));
    assert_eq!(totals.data_clusters, 4);
    assert!(file == again);
    let measured = run("qemu-utils", "qemu-img", &["measure", "-O", "qcow2", text(&source)]);
    assert!(measured.starts_with("required size: "), "{measured}");
}

#[test]
fn incompressible_data_cost_no_more_than_uncompressed() {
    let mut dice = Dice(5);
    let noise: Vec<u8> = (0..8 << 20).map(|_| dice.roll() as u8).collect();
    let disk = disk(testkit::memory(noise));
    let (plain, ..) = encoded(&disk, Target::qcow2(Compression::None));
    for compression in [Compression::Zlib, Compression::Zstd] {
        let (packed, ..) = encoded(&disk, Target::qcow2(compression));
        assert_eq!(packed.len(), plain.len());
    }
}
