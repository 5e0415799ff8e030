//! What QEMU does not open is not opened here, and what leads out of the object is named.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::path::Path;
use std::process::Command;

use super::super::super::open;
use super::super::super::testing::{agrees_with_qemu, convert, opened, pattern, whole};
use crate::disk::testkit::{self, run};
use crate::inspect::facts::TroubleKind;

#[test]
fn what_leads_elsewhere_is_named_and_never_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let create = |name: &str, args: &[&str]| {
        let file = dir.path().join(name);
        let path = file.to_str().unwrap().to_owned();
        // For LUKS, qemu-img measures how fast it hashes, and gives up where the machine is too busy to tell.
        let made = || {
            let command =
                Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).args(args).arg(&path).arg("4M").output();
            command.expect("install the Debian package qemu-utils").status.success()
        };
        assert!((0..50).any(|_| made()), "qemu-img create {args:?}");
        opened(&file)
    };
    let data = dir.path().join("data");
    let backed = create("backed", &["-b", raw.to_str().unwrap(), "-F", "raw"]);
    let outside = create("outside", &["-o", &format!("data_file={}", data.display())]);
    let secret =
        &["--object", "secret,id=s,data=x", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"];
    let luks = create("luks", secret);
    for (container, what, at, value) in [
        (backed, "backing file", 8, raw.to_str().unwrap()),
        (outside, "external data file", 72, data.to_str().unwrap()),
        (luks, "encryption", 32, "2 (LUKS)"),
    ] {
        assert!(container.guest.is_none(), "{what}");
        assert_eq!(container.facts.virtual_size_bytes, Some(4 << 20), "{what}");
        let found = &container.facts.unsafe_references;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].what.as_str(), found[0].at), (what, at));
        assert_eq!(found[0].value, value.chars().take(64).collect::<String>());
        let kind = if what == "encryption" { TroubleKind::Encrypted } else { TroubleKind::Unsupported };
        assert_eq!(container.facts.trouble.unwrap().kind, kind);
    }
}

#[test]
fn an_unknown_feature_bit_is_refused_and_a_dirty_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    let image = std::fs::read(convert(&raw, "qcow2", "image", &[])).unwrap();
    let with_bits = |bits: u8| {
        let mut image = image.clone();
        image[79] |= bits;
        open(testkit::memory(image)).unwrap()
    };
    let unknown = with_bits(0x20);
    assert_eq!(unknown.facts.unsafe_references[0].what, "unknown feature bits");
    assert_eq!(unknown.facts.unsafe_references[0].value, "0x20");
    assert!(unknown.guest.is_none());
    let dirty = with_bits(0x03);
    assert!(dirty.facts.detail.contains("not closed cleanly, marked corrupt"), "{}", dirty.facts.detail);
    assert!(whole(dirty.guest.unwrap().as_ref()) == bytes);
    // QEMU reads an image that is marked corrupt, and refuses only to write to it.
    let file = dir.path().join("corrupt.qcow2");
    let mut marked = image.clone();
    marked[79] |= 2;
    std::fs::write(&file, marked).unwrap();
    agrees_with_qemu(&file, "qcow2");
}

#[test]
fn a_compression_type_needs_its_feature_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let zlib = std::fs::read(convert(&raw, "qcow2", "zlib", &["-c"])).unwrap();
    let zstd = std::fs::read(convert(&raw, "qcow2", "zstd", &["-c", "-o", "compression_type=zstd"])).unwrap();
    for (image, at, value, kind) in [
        (&zlib, 79, 8, TroubleKind::Corrupt),
        (&zlib, 104, 1, TroubleKind::Corrupt),
        (&zstd, 79, 0, TroubleKind::Corrupt),
        (&zstd, 104, 0, TroubleKind::Corrupt),
        (&zstd, 104, 2, TroubleKind::Unsupported),
    ] {
        let mut image = image.clone();
        image[at] = value;
        let file = dir.path().join("changed.qcow2");
        std::fs::write(&file, &image).unwrap();
        let asked = std::process::Command::new("qemu-img").arg("info").arg(&file).output().unwrap();
        assert!(!asked.status.success(), "QEMU refuses {value} at {at} too");
        assert_eq!(open(testkit::memory(image)).unwrap().facts.trouble.unwrap().kind, kind, "{value} at {at}");
    }
}

#[test]
fn a_header_that_qemu_does_not_open_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let good = std::fs::read(convert(&pattern(dir.path()).0, "qcow2", "good", &[])).unwrap();
    for (field, at, value) in [
        ("l1_size", 36, &[0xff; 4][..]),
        ("refcount_table_offset", 48, &[0, 0, 0, 0, 0, 0, 2, 1]),
        ("refcount_table_clusters", 56, &[0; 4]),
        ("refcount_table_clusters", 56, &[0, 1, 0, 0]),
        ("nb_snapshots", 60, &[0xff; 4]),
        ("snapshots_offset", 60, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 1]),
        ("snapshots_offset of no snapshot", 64, &[0, 0, 0, 0, 0, 0, 2, 1]),
        ("snapshots_offset of no snapshot", 64, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("l1_table_offset", 40, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("refcount_table_offset", 48, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]),
        ("compression_type", 104, &[9]),
    ] {
        let mut image = good.clone();
        image[at..at + value.len()].copy_from_slice(value);
        let file = dir.path().join("changed.qcow2");
        std::fs::write(&file, &image).unwrap();
        let asked = std::process::Command::new("qemu-img").arg("info").arg(&file).output().unwrap();
        assert!(!asked.status.success(), "QEMU refuses {field} {value:?} too");
        let container = open(testkit::memory(image)).unwrap();
        assert!(container.guest.is_none() && container.facts.trouble.is_some(), "{field}: {:?}", container.facts);
    }
}

#[test]
fn a_raw_data_file_is_said_only_of_a_disk_that_has_a_data_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = convert(&pattern(dir.path()).0, "qcow2", "good", &[]);
    let good = std::fs::read(&file).unwrap();
    for bit in [1, 2] {
        let mut image = good.clone();
        image[95] = 1 << (bit - 1);
        std::fs::write(&file, &image).unwrap();
        // `info` opens no data file, and so does not ask.
        let qemu = Command::new("qemu-img").args(["map", "-f", "qcow2"]).arg(&file).output().unwrap().status.success();
        let container = open(testkit::memory(image)).unwrap();
        assert_eq!((qemu, container.guest.is_some()), (bit == 1, bit == 1), "{:?}", container.facts.trouble);
    }
}

#[test]
fn the_table_of_a_disk_without_a_byte_is_held_to_its_place_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("empty.qcow2");
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", file.to_str().unwrap(), "0"]);
    let good = std::fs::read(file).unwrap();
    assert_eq!(opens(dir.path(), &good), (true, true));
    let mut image = good.clone();
    image[47] = 1;
    assert_eq!(opens(dir.path(), &image), (false, false));
}

/// What `qemu-img info` says of an image, and what is said here.
fn opens(dir: &Path, image: &[u8]) -> (bool, bool) {
    let file = dir.join("asked.qcow2");
    std::fs::write(&file, image).unwrap();
    let qemu = Command::new("qemu-img").arg("info").arg(&file).output().unwrap();
    (qemu.status.success(), open(testkit::memory(image.to_vec())).unwrap().guest.is_some())
}

#[test]
fn header_extensions_are_held_to_what_qemu_opens() {
    let dir = tempfile::tempdir().unwrap();
    let file = convert(&pattern(dir.path()).0, "qcow2", "good", &[]);
    run("qemu-utils", "qemu-img", &["bitmap", "--add", file.to_str().unwrap(), "b1"]);
    let good = std::fs::read(file).unwrap();
    let word = |at: usize| u32::from_be_bytes(good[at..at + 4].try_into().unwrap());
    let step = |at: usize| at + 8 + (word(at + 4) as usize).next_multiple_of(8);
    let places = std::iter::successors(Some(word(100) as usize), |at| Some(step(*at))).take_while(|at| word(*at) != 0);
    let end = places.clone().map(step).last().unwrap();
    let bitmaps = places.clone().find(|at| word(*at) == 0x2385_2875).unwrap();
    let extension = |kind: u32, len: u32| [kind.to_be_bytes(), len.to_be_bytes()].concat();
    let mut refused = 0;
    for (at, value) in [
        (end, extension(0x1234_5678, 16)),
        (end, extension(0x1234_5678, 65536)),
        (end, extension(0x1234_5678, u32::MAX)),
        (end, extension(0, 65536)),
        (end, extension(0, 8)),
        (end, extension(0xe279_2aca, 15)),
        (end, extension(0xe279_2aca, 16)),
        (end, extension(0x0537_be77, 16)),
        (bitmaps + 4, 23_u32.to_be_bytes().to_vec()),
        (bitmaps + 8, 0_u32.to_be_bytes().to_vec()),
        (bitmaps + 8, 65536_u32.to_be_bytes().to_vec()),
        (bitmaps + 12, 1_u32.to_be_bytes().to_vec()),
        (bitmaps + 16, (1_u64 << 40).to_be_bytes().to_vec()),
        (bitmaps + 24, 513_u64.to_be_bytes().to_vec()),
        (88, 0_u64.to_be_bytes().to_vec()),
    ] {
        let mut image = good.clone();
        image[at..at + value.len()].copy_from_slice(&value);
        let (qemu, here) = opens(dir.path(), &image);
        assert_eq!(here, qemu, "{value:?} at {at}");
        refused += usize::from(!qemu);
    }
    assert!(refused >= 8, "QEMU refuses most of these: {refused}");
}

#[test]
fn a_snapshot_with_more_extra_data_than_qemu_keeps_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = convert(&pattern(dir.path()).0, "qcow2", "good", &[]);
    for name in ["one", "two"] {
        run("qemu-utils", "qemu-img", &["snapshot", "-c", name, file.to_str().unwrap()]);
    }
    let good = std::fs::read(file).unwrap();
    let table = u64::from_be_bytes(good[64..72].try_into().unwrap()) as usize;
    let first_extra = u32::from_be_bytes(good[table + 36..table + 40].try_into().unwrap()) as usize;
    let strings = good[table + 13] as usize + good[table + 15] as usize;
    let second = (table + 40 + first_extra + strings).next_multiple_of(8);
    for (entry, extra) in
        [(table, 16_u32), (table, 1024), (table, 1025), (second, 1024), (second, 1025), (second, u32::MAX)]
    {
        let mut image = good.clone();
        image[entry + 36..entry + 40].copy_from_slice(&extra.to_be_bytes());
        let (qemu, here) = opens(dir.path(), &image);
        assert_eq!((here, qemu), (extra <= 1024, extra <= 1024), "{extra} at {entry}");
    }
}
