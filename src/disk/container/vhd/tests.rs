//! QEMU and other programs write the disks; QEMU says what is in them.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::path::Path;
use std::process::Command;

use super::super::testing::{DISK, agrees_with_qemu, convert, opened_bytes, pattern, text, whole};
use crate::disk::container::open;
use crate::disk::testkit::{self, Counting, run, sample};
use crate::inspect::facts::{Checked, TroubleKind};

/// Puts the right checksum into the 512 bytes of a footer, or the 1024 of a dynamic header.
fn seal(structure: &mut [u8], at: usize) {
    structure[at..at + 4].fill(0);
    let sum = structure.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    structure[at..at + 4].copy_from_slice(&(!sum).to_be_bytes());
}

/// Changes both footers of a dynamic disk, and keeps them sound.
fn change(image: &mut [u8], change: impl Fn(&mut [u8])) {
    let end = image.len() - 512;
    for at in [0, end] {
        let footer = &mut image[at..at + 512];
        if footer.starts_with(b"conectix") {
            change(footer);
            seal(footer, 64);
        }
    }
}

fn dynamic(dir: &Path, options: &str) -> Vec<u8> {
    let (raw, _) = pattern(dir);
    std::fs::read(convert(&raw, "vpc", "made.vhd", &["-o", options])).unwrap()
}

/// What `qemu-img info` says of the size, `None` where it refuses.
fn size_by_qemu(dir: &Path, image: &[u8]) -> Option<u64> {
    let file = dir.join("asked.vhd");
    std::fs::write(&file, image).unwrap();
    let out = Command::new("qemu-img").args(["info", "--output=json", "-f", "vpc", text(&file)]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).ok()?;
    told["virtual-size"].as_u64()
}

#[test]
fn every_way_to_write_a_disk_gives_the_same_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    for (number, (options, rounded)) in [
        ("subformat=dynamic", true),
        ("subformat=fixed", true),
        ("subformat=dynamic,force_size=on", false),
        ("subformat=fixed,force_size=on", false),
    ]
    .into_iter()
    .enumerate()
    {
        let file = convert(&raw, "vpc", &format!("{number}.vhd"), &["-o", options]);
        let container = agrees_with_qemu(&file, "vpc");
        assert_eq!(container.facts.format, "VHD");
        let guest = whole(container.guest.unwrap().as_ref());
        assert!(guest.starts_with(&bytes) && guest[bytes.len()..].iter().all(|byte| *byte == 0), "{options}");
        assert_eq!(guest.len() > bytes.len(), rounded, "{options}");
    }
}

#[test]
fn the_creator_decides_whether_geometry_or_size_counts() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dynamic(dir.path(), "force_size=on");
    for creator in [
        b"vpc ",
        b"qemu",
        b"qem2",
        b"win ",
        b"d2v ",
        b"CTXS",
        b"tap\0",
        b"tap ",
        b"vbox",
        b"vs  ",
        b"Win ",
        b"\0\0\0\0",
    ] {
        for geometry in [[0, 100, 4, 17], [0xff, 0xff, 16, 255]] {
            let mut image = plain.clone();
            change(&mut image, |footer| {
                footer[28..32].copy_from_slice(creator);
                footer[56..60].copy_from_slice(&geometry);
            });
            let expected = size_by_qemu(dir.path(), &image);
            let facts = opened_bytes(image).facts;
            assert!(expected.is_some());
            assert_eq!(facts.virtual_size_bytes, expected, "{creator:?} {geometry:?}");
            assert_eq!(facts.trouble, None, "{creator:?} {geometry:?}");
        }
    }
}

#[test]
fn blocks_of_other_sizes_are_read() {
    let dir = tempfile::tempdir().unwrap();
    // The blocks are written by hand: QEMU makes only those of 2 MiB, and reads all.
    for block in [4096_usize, 64 << 10, 512 << 10, 4 << 20] {
        let (size, blocks) = (3 * (4 << 20) / 2_usize, (3 * (4 << 20) / 2_usize).div_ceil(block));
        let bitmap = (block / 512).div_ceil(8).next_multiple_of(512);
        let mut image = dynamic(dir.path(), "force_size=on")[..1536].to_vec();
        let table = (blocks * 4).next_multiple_of(512);
        image.resize(1536 + table, 0xff);
        let mut disk = vec![0_u8; size];
        for number in (0..blocks).rev().step_by(3) {
            let at = image.len();
            image[1536 + number * 4..1536 + number * 4 + 4].copy_from_slice(&((at / 512) as u32).to_be_bytes());
            image.resize(at + bitmap, 0xff);
            image.resize(at + bitmap + block, (number % 251) as u8 + 1);
            let end = size.min(number * block + block);
            disk[number * block..end].fill((number % 251) as u8 + 1);
        }
        image[512 + 28..512 + 32].copy_from_slice(&(blocks as u32).to_be_bytes());
        image[512 + 32..512 + 36].copy_from_slice(&(block as u32).to_be_bytes());
        seal(&mut image[512..1536], 36);
        let footer = image[..512].to_vec();
        image.extend(footer);
        change(&mut image, |footer| footer[48..56].copy_from_slice(&(size as u64).to_be_bytes()));
        let file = dir.path().join(format!("{block}.vhd"));
        std::fs::write(&file, &image).unwrap();
        let guest = agrees_with_qemu(&file, "vpc").guest.unwrap();
        assert!(whole(guest.as_ref()) == disk, "{block}");
        let at = size as u64 / 2 - 777;
        assert!(guest.read_vec_at(at, 5000).unwrap() == disk[at as usize..at as usize + 5000], "{block}");
    }
}

#[test]
fn what_is_damaged_is_read_where_qemu_reads_it_and_never_called_raw() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dynamic(dir.path(), "force_size=on");
    let fixed = dynamic(dir.path(), "subformat=fixed,force_size=on");
    let bytes = whole(opened_bytes(disk.clone()).guest.unwrap().as_ref());
    let (end, fixed_end) = (disk.len() - 512, fixed.len() - 512);
    let copy = "the footer is damaged, its copy is used";
    let rows: [(&str, &[u8], &[usize], &str); 16] = [
        ("nothing", &disk, &[], ""),
        ("last cookie", &disk, &[end], copy),
        ("last checksum", &disk, &[end + 64], copy),
        ("last reserved byte", &disk, &[end + 400], copy),
        ("header checksum", &disk, &[512 + 36], "the checksum of the dynamic disk header is wrong"),
        ("header reserved byte", &disk, &[512 + 900], "the checksum of the dynamic disk header is wrong"),
        ("first cookie", &disk, &[0], "the copy of the footer in front, by which QEMU opens it, is damaged"),
        ("first checksum", &disk, &[65], "the checksum of the footer's copy in front is wrong"),
        ("first reserved byte", &disk, &[400], "the checksum of the footer's copy in front is wrong"),
        ("both cookies", &disk, &[0, end], "neither the footer nor its copy in front begins as a footer does"),
        ("both checksums", &disk, &[64, end + 64], "the checksum of the footer's copy in front is wrong"),
        ("first checksum, last cookie", &disk, &[64, end], "the checksum of the footer's copy in front is wrong"),
        ("all of both", &disk, &[0, 64, end, end + 64], "neither the footer nor its copy in front begins"),
        ("header cookie", &disk, &[512], "there is no dynamic disk header where the footer says"),
        ("cookie of a fixed disk", &fixed, &[fixed_end], "neither the footer nor its copy in front begins"),
        ("checksum of a fixed disk", &fixed, &[fixed_end + 64], "the checksum of the footer is wrong"),
    ];
    for (what, image, places, said) in rows {
        let mut copy = image.to_vec();
        for at in places {
            copy[*at] ^= 0x55;
        }
        let reads = size_by_qemu(dir.path(), &copy).is_some();
        let container = opened_bytes(copy);
        let facts = container.facts;
        assert_eq!((facts.format.as_str(), facts.missing), ("VHD", None), "{what}");
        if let Some(guest) = container.guest {
            assert!(reads && facts.detail.contains(said), "{what}: {}", facts.detail);
            assert!(whole(guest.as_ref()) == bytes, "{what}");
        } else {
            let trouble = facts.trouble.unwrap();
            assert!(!reads && trouble.kind == TroubleKind::Corrupt, "{what}: {trouble:?}");
            assert!(trouble.what.contains(said), "{what}: {}", trouble.what);
        }
    }
    // A boot sector in front of bytes that an earlier life of the disk left behind.
    let mut raw = disk.clone();
    raw[..512].fill(0);
    raw[510..512].copy_from_slice(&[0x55, 0xaa]);
    raw.truncate(end);
    assert_eq!(opened_bytes(raw).facts.format, "RAW");
}

#[test]
fn footers_that_contradict_each_other_or_their_place_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dynamic(dir.path(), "force_size=on");
    let end = disk.len() - 512;
    // Two sound footers of different disks: QEMU reads the first, the specification the last.
    for place in [48, 16] {
        let mut image = disk.clone();
        image[end + place + 6] ^= 0x10;
        seal(&mut image[end..], 64);
        assert!(size_by_qemu(dir.path(), &image).is_some());
        let container = opened_bytes(image);
        let trouble = container.facts.trouble.unwrap();
        assert!(trouble.kind == TroubleKind::Unsupported && container.guest.is_none(), "{trouble:?}");
        assert!(trouble.what.contains("tell of different disks"), "{}", trouble.what);
    }
    // Fixed to one reader, dynamic to the other.
    let mut image = disk.clone();
    change(&mut image, |footer| footer[63] = 2);
    assert_eq!(opened_bytes(image).facts.trouble.unwrap().kind, TroubleKind::Corrupt);
    for kind in [0, 1, 3, 5] {
        let mut fixed = dynamic(dir.path(), "subformat=fixed,force_size=on");
        change(&mut fixed, |footer| footer[63] = kind);
        assert_eq!(size_by_qemu(dir.path(), &fixed), None);
        assert_eq!(opened_bytes(fixed).facts.trouble.unwrap().kind, TroubleKind::Corrupt, "type {kind}");
    }
    let mut image = disk;
    change(&mut image, |footer| footer[16..24].fill(0xff));
    assert_eq!(size_by_qemu(dir.path(), &image), None);
    let facts = opened_bytes(image).facts;
    assert_eq!((facts.missing, facts.trouble.unwrap().kind), (None, TroubleKind::Corrupt), "damaged, not cut");
}

#[test]
fn a_disk_that_was_cut_short_says_what_is_missing_and_how_long_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let image = dynamic(dir.path(), "force_size=on");
    let len = image.len();
    let blocks = DISK.div_ceil(2 << 20);
    let table_end = 1536 + blocks * 4;
    for (cut, what, ends_at) in [
        (len - 2, "footer", len),
        (len - 512, "footer", len),
        (len - 513, "data block", len - 512),
        (len / 2, "data block", len - 512),
        (table_end + 4096, "data block", len - 512),
        (1537, "block allocation table", table_end),
        (1536, "block allocation table", table_end),
        (1535, "dynamic disk header", 1536),
        (512, "dynamic disk header", 1536),
    ] {
        let container = opened_bytes(image[..cut].to_vec());
        let facts = container.facts;
        let missing = facts.missing.unwrap_or_else(|| panic!("{cut}: {:?}", facts.trouble));
        assert_eq!((missing.what.as_str(), missing.ends_at), (what, ends_at as u64), "cut to {cut}");
        assert_eq!(facts.trouble.unwrap().kind, TroubleKind::Corrupt);
        assert!(container.guest.is_none() && container.layout.is_none());
    }
    // Of a fixed disk no byte tells once its footer is gone; a footer that was put behind too little does.
    let fixed = dynamic(dir.path(), "subformat=fixed,force_size=on");
    let short = [&fixed[..1 << 20], &fixed[fixed.len() - 512..]].concat();
    let missing = opened_bytes(short).facts.missing.unwrap();
    assert_eq!((missing.what.as_str(), missing.ends_at), ("footer", fixed.len() as u64));
}

#[test]
fn a_geometry_that_covers_more_than_a_fixed_disk_has_is_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    let mut image = dynamic(dir.path(), "subformat=fixed,force_size=on");
    change(&mut image, |footer| {
        footer[28..32].copy_from_slice(b"vpc ");
        footer[56..60].copy_from_slice(&[0, 200, 4, 17]);
    });
    let file = dir.path().join("long.vhd");
    std::fs::write(&file, &image).unwrap();
    let container = agrees_with_qemu(&file, "vpc");
    assert!(container.facts.virtual_size_bytes > Some(image.len() as u64));
}

#[test]
fn footers_of_511_bytes_are_footers() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["dynamic", "fixed"] {
        let mut image = dynamic(dir.path(), &format!("subformat={kind},force_size=on"));
        for creator in [b"qem2", b"qemu", b"win "] {
            change(&mut image, |footer| footer[28..32].copy_from_slice(creator));
            let missing = opened_bytes(image[..image.len() - 1].to_vec()).facts.missing.unwrap();
            assert_eq!((missing.what.as_str(), missing.ends_at), ("footer", image.len() as u64), "{kind}: cut");
        }
        change(&mut image, |footer| {
            footer[28..32].copy_from_slice(b"vpc ");
            footer[56..60].copy_from_slice(&[0xff, 0xff, 16, 255]);
        });
        let bytes = whole(opened_bytes(image.clone()).guest.unwrap().as_ref());
        image.pop();
        let file = dir.path().join("short.vhd");
        std::fs::write(&file, image).unwrap();
        let container = agrees_with_qemu(&file, "vpc");
        assert!(container.facts.detail.contains("a footer of 511 bytes"), "{}", container.facts.detail);
        assert!(whole(container.guest.unwrap().as_ref()) == bytes, "{kind}");
    }
}

#[test]
fn a_fixed_disk_that_was_cut_within_its_footer_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let image = dynamic(dir.path(), "subformat=fixed,force_size=on");
    let len = image.len() as u64;
    for cut in [2, 8, 100, 400, 427, 428, 448, 500, 503, 504, 505, 508] {
        let container = opened_bytes(image[..image.len() - cut].to_vec());
        let facts = container.facts;
        let missing = facts.missing.unwrap_or_else(|| panic!("{cut}: {:?}", facts.trouble));
        let found = (facts.format.as_str(), missing.what.as_str(), missing.at, missing.ends_at);
        assert_eq!(found, ("VHD", "footer", len - 512, len), "cut by {cut}");
        assert!(container.guest.is_none());
    }
    // Of fewer bytes nobody can tell whether they are a footer's.
    for cut in [509, 511, 512, 513, 5000] {
        assert_eq!(opened_bytes(image[..image.len() - cut].to_vec()).facts.format, "RAW", "cut by {cut}");
    }
}

#[test]
fn sizes_are_whole_sectors_as_for_qemu() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["dynamic", "fixed"] {
        for (less, size) in [(0, DISK), (1, DISK - 512), (511, DISK - 512), (512, DISK - 512), (513, DISK - 1024)] {
            let mut image = dynamic(dir.path(), &format!("subformat={kind},force_size=on"));
            change(&mut image, |footer| footer[48..56].copy_from_slice(&((DISK - less) as u64).to_be_bytes()));
            assert_eq!(size_by_qemu(dir.path(), &image), Some(size as u64));
            assert_eq!(opened_bytes(image).facts.virtual_size_bytes, Some(size as u64), "{kind}, {less} less");
        }
    }
}

#[test]
fn disks_of_windows_are_read_as_qemu_reads_them() {
    for (name, size) in
        [("containers/dfvfs-ntfs-dynamic.vhd.zst", 4 << 20), ("containers/dissect-dynamic.vhd.gz", 10 << 20)]
    {
        let Some(image) = sample(name) else { return };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("disk.vhd");
        std::fs::write(&file, image).unwrap();
        let facts = agrees_with_qemu(&file, "vpc").facts;
        assert_eq!(facts.virtual_size_bytes, Some(size), "{name}");
        assert!(facts.qcow2_bytes.unwrap().is_exact(), "{name}: Windows marks whole blocks");
    }
}

#[test]
fn bitmaps_tell_how_much_of_a_block_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut image = dynamic(dir.path(), "force_size=on");
    let full = opened_bytes(image.clone()).facts.qcow2_bytes.unwrap();
    assert!(full.is_exact());
    let bitmap = u32::from_be_bytes(image[1536..1540].try_into().unwrap()) as usize * 512;
    assert!(image[bitmap..bitmap + 512].iter().all(|byte| *byte == 0xff));
    // 16 bytes of the bitmap are a cluster: two are cleared, and a third but for one sector.
    image[bitmap + 32..bitmap + 64 + 16].fill(0);
    image[bitmap + 64] = 1;
    let file = dir.path().join("bits.vhd");
    std::fs::write(&file, image).unwrap();
    let sizes = agrees_with_qemu(&file, "vpc").facts.qcow2_bytes.unwrap();
    assert_eq!((sizes.lower, sizes.upper), (full.upper - 2 * 65536, full.upper));
}

#[test]
fn a_differencing_disk_is_refused_by_name() {
    let Some(image) = sample("containers/dfvfs-fat-differential.vhd.zst") else { return };
    let container = opened_bytes(image);
    let reference = &container.facts.unsafe_references[0];
    assert_eq!((reference.what.as_str(), reference.value.as_str()), ("parent disk", "disk type 4 (differencing)"));
    assert!(container.guest.is_none());
    assert_eq!(container.facts.trouble.unwrap().kind, TroubleKind::Unsupported);
}

#[test]
fn what_qemu_refuses_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = dynamic(dir.path(), "force_size=on");
    let changes: [(&str, std::ops::Range<usize>, &[u8]); 6] = [
        ("header cookie", 512..513, b"x"),
        ("block size 3", 544..548, &[0, 0, 0, 3]),
        ("block size 0", 544..548, &[0; 4]),
        ("block size 256", 544..548, &[0, 0, 1, 0]),
        ("too few entries", 540..544, &[0, 0, 0, 1]),
        ("too many entries", 540..544, &[0x40, 0, 0, 1]),
    ];
    for (what, place, value) in changes {
        let mut copy = image.clone();
        copy[place].copy_from_slice(value);
        assert_eq!(size_by_qemu(dir.path(), &copy), None, "{what}");
        assert_eq!(opened_bytes(copy).facts.trouble.unwrap().kind, TroubleKind::Corrupt, "{what}");
    }
    let mut large = image.clone();
    change(&mut large, |footer| footer[48..56].copy_from_slice(&(3_u64 << 40).to_be_bytes()));
    assert_eq!(size_by_qemu(dir.path(), &large), None);
    assert_eq!(opened_bytes(large).facts.trouble.unwrap().kind, TroubleKind::Unsupported);
    if let Some(bomb) = sample("containers/qemu-afl5.img.bz2") {
        let counting = Counting::new(testkit::memory(bomb));
        let facts = open(counting.clone()).unwrap().facts;
        assert!(facts.trouble.is_some() && counting.bytes() < 8192);
    }
}

#[test]
fn a_table_with_more_entries_than_the_disk_needs_must_be_there_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let image = dynamic(dir.path(), "force_size=on");
    // The first table that ends with the object, and the next.
    let fits = (image.len() - 1536) / 4;
    for entries in [4, 128, 129, fits, fits + 1, 0x0100_0000] {
        let mut copy = image.clone();
        copy[540..544].copy_from_slice(&(entries as u32).to_be_bytes());
        seal(&mut copy[512..1536], 36);
        let reads = size_by_qemu(dir.path(), &copy).is_some();
        let facts = opened_bytes(copy).facts;
        let missing = facts.missing.map(|missing| (missing.what, missing.at, missing.ends_at));
        if entries > fits {
            let expected = ("block allocation table".to_owned(), 1536, 1536 + entries as u64 * 4);
            assert_eq!((reads, missing), (false, Some(expected)), "{entries} entries");
        } else {
            // From the 129th on they are bytes of the disk.
            let what = missing.map(|(what, ..)| what);
            assert_eq!((reads, what.as_deref()), (what.is_none(), what.as_deref().filter(|_| entries > 128)));
            assert_eq!((what.as_deref().unwrap_or("data block"), facts.checked), ("data block", Checked::Whole));
        }
    }
}

#[test]
fn blocks_that_no_byte_of_the_disk_needs_must_be_there_too() {
    let dir = tempfile::tempdir().unwrap();
    let image = dynamic(dir.path(), "force_size=on");
    let inside = (image.len() / 512 - 1 - (1 + (2 << 20) / 512)) as u32;
    for (block, whole) in [(u32::MAX, true), (inside, true), (inside + 2, false), (0x00ff_ffff, false)] {
        let mut copy = image.clone();
        copy[540..544].copy_from_slice(&128_u32.to_be_bytes());
        copy[1536 + 127 * 4..1536 + 128 * 4].copy_from_slice(&block.to_be_bytes());
        seal(&mut copy[512..1536], 36);
        assert_eq!(size_by_qemu(dir.path(), &copy).is_some(), whole, "{block}");
        let missing = opened_bytes(copy).facts.missing;
        let expected = u64::from(block) * 512 + 512 + (2 << 20);
        assert_eq!(missing.map(|found| found.ends_at), (!whole).then_some(expected), "{block}");
    }
    // More entries than are read.
    let entries = (17_u32 << 20) + 8;
    let mut long = image[..1536].to_vec();
    long[540..544].copy_from_slice(&entries.to_be_bytes());
    seal(&mut long[512..1536], 36);
    long.resize(1536 + entries as usize * 4, 0xff);
    long.extend(&image[..512]);
    assert_eq!(opened_bytes(long).facts.checked, Checked::Part);
}

#[test]
fn the_largest_disk_needs_little_memory_and_few_requests() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("huge.vhd");
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "vpc", "-o", "force_size=on", text(&file), "2040G"]);
    run("qemu-utils", "qemu-io", &["-f", "vpc", "-c", "write -P 5 1900G 1M", text(&file)]);
    let counting = Counting::new(testkit::open(&file));
    let container = open(counting.clone()).unwrap();
    assert_eq!((container.facts.checked, container.facts.allocated_bytes), (Checked::Whole, Some(2 << 20)));
    // The table alone has 4 MiB, read in pages; the source fetches them in runs, which are announced.
    assert!(counting.requests() < 80 && counting.bytes() < 6 << 20, "{}", counting.requests());
    let guest = container.guest.unwrap();
    let before = counting.requests();
    assert!(guest.read_vec_at(1900 << 30, 1 << 20).unwrap().iter().all(|byte| *byte == 5));
    assert!(guest.read_vec_at(1000 << 30, 8 << 20).unwrap().iter().all(|byte| *byte == 0));
    assert!(counting.requests() - before <= 2);
}

#[test]
fn damage_never_panics_and_never_costs_much() {
    let dir = tempfile::tempdir().unwrap();
    let image = dynamic(dir.path(), "force_size=on");
    let end = image.len() - 512;
    let places = [0..100, 512..560, 1536..1560, 1536..1537, 2048..2100, end..end + 100];
    for mut copy in testkit::damaged(&image, &places, 150) {
        let len = copy.len() as u64;
        if len as usize == image.len() {
            change(&mut copy, |_| {});
        }
        let counting = Counting::new(testkit::memory(copy));
        if let Some(guest) = open(counting.clone()).unwrap().guest {
            testkit::read_all(guest.as_ref(), 10 << 20);
        }
        assert!(counting.bytes() <= 2 * len + (64 << 20), "{} bytes", counting.bytes());
    }
}
