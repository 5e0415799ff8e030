//! QEMU and other programs write the disks; QEMU says what is in them.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::super::testing::{agrees_with_qemu, convert, opened, opened_bytes, pattern, text, whole};
use crate::disk::container::open;
use crate::disk::testkit::{self, Counting, Dice, run, sample};
use crate::inspect::Budget;
use crate::inspect::facts::{Checked, TroubleKind};
use crate::source::open_file;

const SECTOR: usize = 512;

fn word(image: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(image[at..at + 8].try_into().unwrap())
}

fn entry(image: &[u8], at: usize) -> usize {
    u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize
}

/// Where the grains of the first table begin.
fn grains(image: &[u8]) -> Vec<usize> {
    let table = entry(image, word(image, 56) as usize * SECTOR) * SECTOR;
    (0..512).map(|index| entry(image, table + index * 4) * SECTOR).collect()
}

fn made(dir: &Path, options: &str) -> Vec<u8> {
    let (raw, _) = pattern(dir);
    std::fs::read(convert(&raw, "vmdk", "made.vmdk", &["-o", options])).unwrap()
}

/// An image with grains of a size that QEMU does not write itself: header, descriptor, directory, tables, grains.
fn sparse(size: usize, grain: usize, entries: usize, compressed: bool, disk: &[u8]) -> Vec<u8> {
    let kind = if compressed { "streamOptimized" } else { "monolithicSparse" };
    let sectors = size / SECTOR;
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"{kind}\"\nRW {sectors} SPARSE \"a.vmdk\"\n"
    );
    let tables = size.div_ceil(grain * entries);
    let directory = 3;
    let first_table = directory + (tables * 4).div_ceil(SECTOR);
    let table_sectors = (entries * 4).div_ceil(SECTOR);
    let overhead = first_table + tables * table_sectors;
    let flags = if compressed { 0x3_0001_u32 } else { 1 };
    let mut image = [b"KDMV".as_slice(), &1_u32.to_le_bytes(), &flags.to_le_bytes()].concat();
    for field in [sectors, grain / SECTOR, 1, 2] {
        image.extend((field as u64).to_le_bytes());
    }
    image.extend((entries as u32).to_le_bytes());
    for field in [0, directory, overhead] {
        image.extend((field as u64).to_le_bytes());
    }
    image.extend(b"\0\n \r\n");
    image.extend(u16::from(compressed).to_le_bytes());
    image.resize(SECTOR, 0);
    image.extend(descriptor.as_bytes());
    image.resize(overhead * SECTOR, 0);
    for table in 0..tables {
        let at = directory * SECTOR + table * 4;
        image[at..at + 4].copy_from_slice(&((first_table + table * table_sectors) as u32).to_le_bytes());
    }
    for (number, bytes) in disk.chunks(grain).enumerate().filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0)) {
        let at = (first_table + number / entries * table_sectors) * SECTOR + number % entries * 4;
        let host = (image.len() / SECTOR) as u32;
        image[at..at + 4].copy_from_slice(&host.to_le_bytes());
        if compressed {
            let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            stream.write_all(bytes).unwrap();
            let packed = stream.finish().unwrap();
            image.extend(((number * grain / SECTOR) as u64).to_le_bytes());
            image.extend((packed.len() as u32).to_le_bytes());
            image.extend(packed);
        } else {
            image.extend(bytes);
        }
        image.resize(image.len().next_multiple_of(SECTOR), 0);
    }
    image
}

/// The same image with its directory named by a footer, as programs write it that cannot go back.
fn with_footer(image: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    image.resize(image.len().next_multiple_of(SECTOR), 0);
    let footer = image[..SECTOR].to_vec();
    image[56..64].fill(0xff);
    let mut marker = [0; SECTOR];
    marker[..8].copy_from_slice(&1_u64.to_le_bytes());
    marker[12] = 3;
    [&image[..], &marker, &footer, &[0; SECTOR]].concat()
}

fn qemu_opens(dir: &Path, image: &[u8]) -> bool {
    let file = dir.join("asked.vmdk");
    std::fs::write(&file, image).unwrap();
    Command::new("qemu-img").args(["info", "-f", "vmdk", text(&file)]).output().unwrap().status.success()
}

#[test]
fn every_way_to_write_a_disk_gives_the_same_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    for (number, options) in [
        "subformat=monolithicSparse",
        "subformat=streamOptimized",
        "subformat=monolithicSparse,zeroed_grain=on",
        "subformat=monolithicSparse,compat6=on",
        "subformat=streamOptimized,compat6=on",
        "subformat=monolithicSparse,adapter_type=lsilogic",
    ]
    .into_iter()
    .enumerate()
    {
        let file = convert(&raw, "vmdk", &format!("{number}.vmdk"), &["-o", options]);
        let container = agrees_with_qemu(&file, "vmdk");
        assert!(container.facts.qcow2_bytes.unwrap().is_exact());
        let guest = container.guest.unwrap();
        assert!(whole(guest.as_ref())[..bytes.len()] == bytes, "{options}");
        let mut dice = Dice(number as u64 + 1);
        for _ in 0..50 {
            let at = dice.below(bytes.len() as u64) as usize;
            let len = (dice.below(200_000) as usize).min(bytes.len() - at);
            assert!(guest.read_vec_at(at as u64, len).unwrap() == bytes[at..at + len], "{options}: {len} at {at}");
        }
    }
}

#[test]
fn grains_of_zeros_read_as_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let file = convert(&raw, "vmdk", "zero.vmdk", &["-o", "subformat=monolithicSparse,zeroed_grain=on"]);
    let changes = ["write -z 0 1M", "write -P 7 300k 64k", "write -z 4M 640k"];
    let args: Vec<&str> = changes.iter().flat_map(|change| ["-c", change]).collect();
    run("qemu-utils", "qemu-io", &[&["-f", "vmdk"], &args[..], &[text(&file)]].concat());
    agrees_with_qemu(&file, "vmdk");
}

#[test]
fn grains_and_tables_of_any_size_and_a_footer_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let (_, disk) = pattern(dir.path());
    for (number, (grain, entries, compressed)) in [
        (4096, 512, false),
        (4096, 512, true),
        (65536, 512, true),
        (65536, 7, false),
        (1 << 20, 512, true),
        ((1 << 20) + 1536, 512, true),
        (16 << 20, 512, false),
        (3 * 512, 512, true),
        (3 * 512, 500, false),
    ]
    .into_iter()
    .enumerate()
    {
        let image = sparse(disk.len(), grain, entries, compressed, &disk);
        for (end, image) in [("front", image.clone()), ("end", with_footer(&image))] {
            let file = dir.path().join(format!("{number}-{end}.vmdk"));
            std::fs::write(&file, image).unwrap();
            let guest = agrees_with_qemu(&file, "vmdk").guest.unwrap();
            assert!(whole(guest.as_ref()) == disk, "grain {grain}, {entries} entries, compressed {compressed}, {end}");
            for (number, bytes) in disk.chunks(5000).enumerate() {
                assert!(guest.read_vec_at(number as u64 * 5000, bytes.len()).unwrap() == bytes, "{grain}: {number}");
            }
        }
    }
}

#[test]
fn a_disk_that_was_cut_short_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let sparse = made(dir.path(), "subformat=monolithicSparse");
    let stream = with_footer(&made(dir.path(), "subformat=streamOptimized"));
    let directory = word(&sparse, 56) as usize * SECTOR;
    let overhead = word(&sparse, 64) as usize * SECTOR;
    for (image, cut, what) in [
        (&sparse, sparse.len() - (64 << 10), "grain"),
        (&sparse, sparse.len() / 2, "grain"),
        (&sparse, overhead, "grain"),
        (&sparse, overhead - 1, "metadata"),
        (&sparse, directory, "metadata"),
        (&stream, stream.len() - SECTOR - 1, "footer"),
        (&stream, stream.len() - SECTOR, "footer"),
        (&stream, stream.len() - 3 * SECTOR, "footer"),
        (&stream, stream.len() / 2, "footer"),
        (&stream, 64 << 10, "footer"),
    ] {
        let container = opened_bytes(image[..cut].to_vec());
        let missing = container.facts.missing.unwrap_or_else(|| panic!("{cut}: {:?}", container.facts.trouble));
        assert_eq!(missing.what, what, "cut to {cut}");
        assert!(missing.ends_at > cut as u64);
        assert_eq!(container.facts.trouble.unwrap().kind, TroubleKind::Corrupt);
        assert!(container.guest.is_none());
    }
    // The last grain begins within the object and its data pass the end.
    let plain = made(dir.path(), "subformat=streamOptimized");
    let last = *grains(&plain).iter().max().unwrap();
    let end = last + 12 + entry(&plain, last + 8);
    for (cut, whole) in [(end, true), (end - 1, false), (last + 13, false)] {
        let missing = opened_bytes(plain[..cut].to_vec()).facts.missing.map(|m| (m.what, m.at, m.ends_at));
        let expected = ("compressed data".to_owned(), last as u64, end as u64);
        assert_eq!(missing, (!whole).then_some(expected), "cut to {cut}");
    }
}

#[test]
fn the_markers_around_a_footer_are_those_that_qemu_takes() {
    let dir = tempfile::tempdir().unwrap();
    let stream = with_footer(&made(dir.path(), "subformat=streamOptimized"));
    let (marker, end) = (stream.len() - 3 * SECTOR, stream.len() - SECTOR);
    for (at, reads) in [
        (marker, true),
        (marker + 8, false),
        (marker + 13, false),
        (end, false),
        (end + 7, false),
        (end + 8, false),
        (end + 12, false),
        (end + 16, true),
    ] {
        let mut image = stream.clone();
        image[at] ^= 2;
        assert_eq!(qemu_opens(dir.path(), &image), reads, "{at}");
        let missing = opened_bytes(image).facts.missing.map(|missing| missing.what);
        assert_eq!(missing, (!reads).then(|| "footer".to_owned()), "{at}");
    }
}

#[test]
fn a_disk_that_was_cut_within_its_last_grain_is_whole_as_long_as_qemu_reads_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    // The last grain of the file is the last of the disk, of which there are three sectors, or the first, whole.
    let (raw, mut disk) = pattern(dir.path());
    disk[65536..].fill(0);
    disk[..65536].fill(7);
    let full = disk.clone();
    let end = disk.len() - 1536;
    disk[end..].fill(9);
    for (name, disk, needed) in [("short", disk, 1536), ("full", full, 65536)] {
        std::fs::write(&raw, &disk).unwrap();
        for kind in ["monolithicSparse", "streamOptimized"] {
            let options = format!("subformat={kind}");
            let image = std::fs::read(convert(&raw, "vmdk", "made.vmdk", &["-o", &options])).unwrap();
            let last = *grains(&image).iter().max().unwrap();
            let packed = 12 + entry(&image, last + 8);
            let needed = if kind == "streamOptimized" { packed } else { needed };
            let cuts = [1, 11, 12, 13, 511, 512, needed - 1, needed, needed + 1, 65535, 65536];
            for cut in cuts.map(|within| (last + within).min(image.len())) {
                let file = dir.path().join("cut.vmdk");
                std::fs::write(&file, &image[..cut]).unwrap();
                let out = dir.path().join("cut.raw");
                let args = ["convert", "-f", "vmdk", "-O", "raw", text(&file), text(&out)];
                let reads = Command::new("qemu-img").args(args).output().unwrap().status.success();
                let reads = reads && std::fs::read(&out).unwrap() == disk;
                let missing = opened(&file).facts.missing;
                assert_eq!(missing.is_none(), reads, "{name} {kind}, {} of {needed}: {missing:?}", cut - last);
                assert!(missing.is_none_or(|missing| missing.at == last as u64 && missing.ends_at > cut as u64));
            }
        }
    }
}

#[test]
fn a_transfer_as_text_is_called_that() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "subformat=streamOptimized");
    let mut as_text = Vec::new();
    for byte in &image {
        if *byte == b'\n' {
            as_text.push(b'\r');
        }
        as_text.push(*byte);
    }
    let trouble = opened_bytes(as_text).facts.trouble.unwrap();
    assert_eq!((trouble.kind, trouble.at), (TroubleKind::Corrupt, Some(73)));
    assert!(trouble.what.contains("ASCII mode"), "{}", trouble.what);
    for (bytes, kind) in [(*b"\n \n\0", TroubleKind::Corrupt), (*b"x \r\n", TroubleKind::Unsupported)] {
        let mut changed = image.clone();
        changed[73..77].copy_from_slice(&bytes);
        assert_eq!(opened_bytes(changed).facts.trouble.unwrap().kind, kind, "{bytes:?}");
    }
}

#[test]
fn a_disk_in_pieces_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, piece) in [
        ("monolithicFlat", None),
        ("twoGbMaxExtentFlat", None),
        ("twoGbMaxExtentSparse", Some("twoGbMaxExtentSparse-s001.vmdk")),
    ] {
        let file = dir.path().join(format!("{kind}.vmdk"));
        let subformat = format!("subformat={kind}");
        run("qemu-utils", "qemu-img", &["create", "-q", "-f", "vmdk", "-o", &subformat, text(&file), "8M"]);
        let facts = opened(&file).facts;
        assert_eq!((facts.format.as_str(), facts.virtual_size_bytes), ("VMDK", Some(8 << 20)));
        assert_eq!(facts.unsafe_references[0].value, kind);
        let trouble = facts.trouble.unwrap();
        assert!(trouble.kind == TroubleKind::Unsupported && trouble.what.contains("qemu-img convert -f vmdk"));
        let Some(piece) = piece else { continue };
        let container = opened(&dir.path().join(piece));
        assert!(container.guest.is_none(), "a piece of a disk is no disk");
        assert_eq!(container.facts.trouble.unwrap().kind, TroubleKind::Unsupported);
    }
    for (magic, name) in [(&b"COWD\x01\0\0\0"[..], "COWD"), (&b"\xbe\xba\xfe\xca\0\0\0\0"[..], "SESparse")] {
        let facts = opened_bytes([magic, &[0; 4096]].concat()).facts;
        assert_eq!((facts.format.as_str(), facts.unsafe_references[0].value.as_str()), ("VMDK", name));
    }
    for line in ["parentFileNameHint=\"base.vmdk\"", "RW 8 FLAT \"/etc/passwd\" 0", "RW 8 SPARSE \"b.vmdk\""] {
        let mut image = sparse(1 << 20, 65536, 512, false, &[]);
        let text = String::from_utf8(image[512..1536].to_vec()).unwrap();
        let changed = format!("{}{line}\n", text.trim_end_matches('\0'));
        image[512..512 + changed.len()].copy_from_slice(changed.as_bytes());
        let container = opened_bytes(image);
        assert_eq!(container.facts.unsafe_references.len(), 1, "{line}");
        assert!(container.guest.is_none(), "{line}");
    }
}

#[test]
fn a_descriptor_is_told_by_its_version_whatever_its_comments_say() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("split.vmdk");
    let create = ["create", "-q", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", text(&file), "8M"];
    run("qemu-utils", "qemu-img", &create);
    let made = std::fs::read_to_string(&file).unwrap();
    let body = made.strip_prefix("# Disk DescriptorFile\n").unwrap();
    for (start, by_qemu) in [
        ("# Disk DescriptorFile\n", true),
        ("# Disk Descriptor File\n", true),
        ("# DISK DESCRIPTORFILE\n", true),
        ("#\n# made by hand\n  \n", true),
        ("", true),
        // QEMU takes only lines of spaces for empty ones.
        ("\n# made by hand\n\n", false),
    ] {
        for body in [body.to_owned(), body.replace('\n', "\r\n"), body.replace("version=1", "version=3")] {
            std::fs::write(&file, format!("{start}{body}")).unwrap();
            let told = run("qemu-utils", "qemu-img", &["info", "--output=json", text(&file)]);
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert_eq!(told["format"] == "vmdk", by_qemu, "{start:?}");
            let facts = opened(&file).facts;
            assert_eq!((facts.format.as_str(), facts.virtual_size_bytes), ("VMDK", Some(8 << 20)), "{start:?}");
            assert_eq!(facts.unsafe_references[0].value, "twoGbMaxExtentSparse", "{start:?}");
            assert!(facts.trouble.unwrap().what.contains("qemu-img convert -f vmdk"));
        }
    }
    for other in ["# settings\nversion=1.2\n", "# settings\nversion = 1\n", "# settings\nname=x\nversion=1\n", "#\n"] {
        assert_eq!(opened_bytes(other.into()).facts.format, "text", "{other:?}");
    }
}

#[test]
fn a_descriptor_in_which_qemu_finds_no_content_id_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "subformat=monolithicSparse");
    let key = b"parentCID=";
    let end = image.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    let mut refused = 0;
    for at in SECTOR..=end {
        let mut copy = image.clone();
        copy[at] ^= 0x15;
        let (qemu, container) = (qemu_opens(dir.path(), &copy), opened_bytes(copy));
        assert_eq!(container.guest.is_some(), qemu, "byte {at}: {:?}", container.facts.trouble);
        // What follows the last `=` makes it a disk with a parent first.
        if !qemu && at < end {
            refused += 1;
            let trouble = container.facts.trouble.unwrap();
            assert_eq!((trouble.kind, trouble.at), (TroubleKind::Corrupt, Some(512)), "byte {at}");
        }
    }
    assert!(refused > 8, "{refused}");
}

#[test]
fn samples_of_other_programs_read_as_qemu_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    for (name, size, detail) in [
        ("containers/vmdk-monolith.img", 65536, "version 1, monolithicSparse"),
        ("containers/diskforensic-df.vmdk", 1 << 20, "version 1, monolithicSparse"),
    ] {
        let Some(image) = sample(name) else { return };
        let file = dir.path().join("disk.vmdk");
        std::fs::write(&file, image).unwrap();
        let facts = agrees_with_qemu(&file, "vmdk").facts;
        assert_eq!((facts.virtual_size_bytes, facts.detail.as_str()), (Some(size), detail));
    }
    let Some(image) = sample("containers/qemu-iotest-version3.vmdk.bz2") else { return };
    let container = opened_bytes(image);
    assert_eq!(container.facts.virtual_size_bytes, Some(16 << 30));
    assert_eq!((container.facts.checked, container.facts.allocated_bytes), (Checked::Whole, Some(151 << 16)));
}

#[test]
fn what_qemu_refuses_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "subformat=streamOptimized");
    let changes: [(&str, std::ops::Range<usize>, &[u8], TroubleKind); 6] = [
        ("version 4", 4..5, &[4], TroubleKind::Unsupported),
        ("no entries", 44..48, &[0; 4], TroubleKind::Corrupt),
        ("513 entries", 44..48, &[1, 2, 0, 0], TroubleKind::Corrupt),
        ("grains of 0", 20..28, &[0; 8], TroubleKind::Corrupt),
        ("grains of 2 GiB", 20..28, &[0, 0, 0x40, 0, 0, 0, 0, 0], TroubleKind::Corrupt),
        ("a huge disk", 12..20, &[0, 0, 0, 0, 0, 4, 0, 0], TroubleKind::Unsupported),
    ];
    for (what, place, value, kind) in changes {
        let mut copy = image.clone();
        copy[place].copy_from_slice(value);
        assert!(!qemu_opens(dir.path(), &copy), "{what}");
        assert_eq!(opened_bytes(copy).facts.trouble.unwrap().kind, kind, "{what}");
    }
    let mut copy = image.clone();
    copy[20..28].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    assert_eq!(
        opened_bytes(copy).facts.trouble.unwrap().kind,
        TroubleKind::Unsupported,
        "compressed grains of 512 MiB"
    );
}

#[test]
fn a_grain_that_does_not_unpack_is_corrupt_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut image = made(dir.path(), "subformat=streamOptimized");
    let grain = grains(&image)[3];
    image[grain + 12..grain + 40].fill(0xee);
    let guest = opened_bytes(image).guest.unwrap();
    let error = guest.read_vec_at(3 * 65536 + 100, 8).unwrap_err();
    assert_eq!((error.kind, error.at), (crate::disk::ErrorKind::Corrupt, Some(grain as u64)));
    guest.read_vec_at(4 * 65536, 8).unwrap();
}

#[test]
fn the_largest_disk_costs_few_requests() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("huge.vmdk");
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "vmdk", text(&file), "2000G"]);
    let writes = ["write -P 5 0 1M", "write -P 6 1000G 64k", "write -P 7 2047998M 1M"];
    let args: Vec<&str> = writes.iter().flat_map(|write| ["-c", write]).collect();
    run("qemu-utils", "qemu-io", &[&["-f", "vmdk"], &args[..], &[text(&file)]].concat());
    let object = open_file(&file, &Budget::default()).unwrap();
    let container = open(object.bytes.unwrap()).unwrap();
    let stored = (2 << 20) + (64 << 10);
    assert_eq!((container.facts.checked, container.facts.allocated_bytes), (Checked::Whole, Some(stored)));
    // QEMU allocates all tables at once, one after the other: 125 MiB, of which each byte is read once.
    assert!(object.meter.bytes() < 128 << 20, "{}", object.meter.bytes());
    assert!(object.meter.requests() < 50, "{}", object.meter.requests());
    let before = object.meter.requests();
    let guest = container.guest.unwrap();
    assert!(guest.read_vec_at(1000 << 30, 64 << 10).unwrap().iter().all(|byte| *byte == 6));
    assert!(guest.read_vec_at(2_047_998 << 20, 1 << 20).unwrap().iter().all(|byte| *byte == 7));
    assert!(object.meter.requests() - before <= 8);
    // What is cut from its end is still seen.
    let len = std::fs::metadata(&file).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(len - (64 << 10)).unwrap();
    let missing = open(testkit::open(&file)).unwrap().facts.missing.unwrap();
    assert_eq!((missing.what.as_str(), missing.ends_at), ("grain", len));
}

#[test]
fn damage_never_panics_and_never_costs_much() {
    let dir = tempfile::tempdir().unwrap();
    let images = [
        made(dir.path(), "subformat=monolithicSparse"),
        made(dir.path(), "subformat=streamOptimized"),
        with_footer(&made(dir.path(), "subformat=streamOptimized")),
    ];
    for image in images {
        let directory = (word(&image, 56).min(1 << 20) as usize * SECTOR).min(image.len() - 16);
        let table = (entry(&image, directory) * SECTOR).min(image.len() - 64);
        let grain = (entry(&image, table) * SECTOR).min(image.len() - 64);
        let end = image.len() - 1536;
        let places = [0..80, 8..80, directory..directory + 4, table..table + 64, grain..grain + 32, end..end + 600];
        for copy in testkit::damaged(&image, &places, 60) {
            let len = copy.len() as u64;
            let counting = Counting::new(testkit::memory(copy));
            if let Some(guest) = open(counting.clone()).unwrap().guest {
                testkit::read_all(guest.as_ref(), 10 << 20);
            }
            assert!(counting.bytes() <= 64 * len + (64 << 20), "{} bytes", counting.bytes());
        }
    }
}
