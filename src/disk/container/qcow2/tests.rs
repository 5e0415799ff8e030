//! QEMU writes the images, and what it says a guest reads is what must be read here.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::super::open;
use super::super::scan::{Bounds, Scan, scan_within};
use super::super::testing::{agrees_with_qemu, convert, opened, pattern, whole};
use super::counts::complete;
use super::header::Header;
use super::map::Map;
use crate::disk::testkit::{self, Counting, Dice, run};
use crate::disk::{ErrorKind, Memory, ReadAt};
use crate::inspect::facts::TroubleKind;

mod large;
mod refused;

#[test]
fn every_way_to_write_an_image_gives_the_same_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    let ways: &[&[&str]] = &[
        &[],
        &["-o", "compat=0.10"],
        &["-c"],
        &["-c", "-o", "compat=0.10"],
        &["-c", "-o", "compression_type=zstd"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=1k,compression_type=zstd"],
        &["-o", "cluster_size=2k"],
        &["-o", "cluster_size=4k"],
        &["-c", "-o", "cluster_size=4k,compression_type=zstd"],
        &["-c", "-o", "cluster_size=8k"],
        &["-c", "-o", "cluster_size=16k,compression_type=zstd"],
        &["-o", "cluster_size=32k"],
        &["-c", "-o", "cluster_size=128k"],
        &["-o", "cluster_size=256k"],
        &["-c", "-o", "cluster_size=512k,compression_type=zstd"],
        &["-c", "-o", "cluster_size=1M"],
        &["-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=2M,compression_type=zstd"],
        &["-o", "extended_l2=on"],
        &["-o", "extended_l2=on,cluster_size=16k"],
        &["-c", "-o", "extended_l2=on,cluster_size=128k"],
        &["-o", "extended_l2=on,cluster_size=2M"],
        &["-o", "lazy_refcounts=on"],
        &["-o", "preallocation=metadata"],
        &["-o", "preallocation=full"],
        &["-S", "0"],
        &["-W", "-m", "4"],
    ];
    for (number, way) in ways.iter().enumerate() {
        let file = convert(&raw, "qcow2", &format!("{number}.qcow2"), way);
        let container = agrees_with_qemu(&file, "qcow2");
        assert_eq!(container.facts.format, "QCOW2", "{way:?}");
        let guest = container.guest.unwrap();
        assert!(whole(guest.as_ref()) == bytes, "{way:?}: other bytes");
        let mut dice = Dice(number as u64 + 1);
        for _ in 0..50 {
            let at = dice.below(bytes.len() as u64) as usize;
            let len = (dice.below(100_000) as usize).min(bytes.len() - at);
            assert!(guest.read_vec_at(at as u64, len).unwrap() == bytes[at..at + len], "{way:?}: {len} at {at}");
        }
        assert_eq!(guest.read_vec_at(bytes.len() as u64, 1).unwrap_err().kind, ErrorKind::Corrupt);
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn several_threads_read_the_same_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    let guest = opened(&convert(&raw, "qcow2", "image", &["-c", "-o", "cluster_size=4k"])).guest.unwrap();
    std::thread::scope(|scope| {
        for seed in 1..5 {
            let (guest, bytes) = (&guest, &bytes);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..200 {
                    let at = dice.below(bytes.len() as u64 - 10_000) as usize;
                    assert!(guest.read_vec_at(at as u64, 10_000).unwrap() == bytes[at..at + 10_000]);
                }
            });
        }
    });
}

#[test]
fn zeros_that_were_written_and_discarded_read_as_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    for (name, options) in [("plain", "extended_l2=off"), ("sub", "extended_l2=on")] {
        let file = convert(&raw, "qcow2", name, &["-o", options]);
        let path = file.to_str().unwrap();
        let changes =
            ["write -P 7 100k 300k", "write -z 128k 200k", "write -P 9 131k 3k", "discard 1M 1M", "write -z 20k 2k"];
        let args: Vec<&str> = changes.iter().flat_map(|change| ["-c", change]).collect();
        run("qemu-utils", "qemu-io", &[&args[..], &[path]].concat());
        agrees_with_qemu(&file, "qcow2");
    }
}

/// Remembers what was announced, and how many bytes were read without it.
struct Announced {
    inner: Arc<dyn ReadAt>,
    spans: Mutex<Vec<(u64, u64)>>,
    unannounced: AtomicU64,
}

impl ReadAt for Announced {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> crate::disk::Result<()> {
        let end = at + buf.len() as u64;
        if !self.spans.lock().unwrap().iter().any(|(from, to)| *from <= at && end <= *to) {
            self.unannounced.fetch_add(buf.len() as u64, Relaxed);
        }
        self.inner.read_exact_at(buf, at)
    }
    fn will_read(&self, at: u64, len: u64) -> crate::disk::Result<()> {
        self.spans.lock().unwrap().push((at, at + len));
        Ok(())
    }
}

#[test]
fn compressed_clusters_that_lie_together_are_announced_together() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("text.raw");
    let lines: Vec<u8> = (0..2_000_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    std::fs::write(&raw, &lines).unwrap();
    // One thread writes the clusters in their order.
    let file = convert(&raw, "qcow2", "text.qcow2", &["-c", "-m", "1"]);
    let object =
        Arc::new(Announced { inner: testkit::open(&file), spans: Mutex::default(), unannounced: AtomicU64::new(0) });
    let guest = open(object.clone()).unwrap().guest.unwrap();
    guest.read_vec_at(0, 1).unwrap();
    let before = object.unannounced.load(Relaxed);
    assert!(guest.read_vec_at(100, 6 << 20).unwrap() == lines[100..100 + (6 << 20)]);
    assert_eq!(object.unannounced.load(Relaxed), before);
    let spans = object.spans.lock().unwrap();
    assert!(spans.len() <= 3, "{spans:?}");
    assert!(spans.iter().all(|(from, to)| to - from <= 4 << 20), "{spans:?}");
}

#[test]
fn an_image_that_qemu_marked_as_corrupt_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = convert(&pattern(dir.path()).0, "qcow2", "image", &[]);
    assert!(!opened(&file).facts.marked_corrupt);
    // Bit 1 of the incompatible features (docs/interop/qcow2.txt).
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[79] |= 2;
    std::fs::write(&file, bytes).unwrap();
    let facts = opened(&file).facts;
    assert!(facts.marked_corrupt && facts.trouble.is_none(), "{facts:?}");
    let refused = std::process::Command::new("qemu-io").args(["-c", "write 0 512"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("Image is corrupt; cannot be opened read/write"), "{said}");
}

#[test]
fn snapshots_are_counted_and_the_active_disk_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    let file = convert(&raw, "qcow2", "image", &[]);
    let path = file.to_str().unwrap();
    run("qemu-utils", "qemu-img", &["snapshot", "-c", "before", path]);
    run("qemu-utils", "qemu-io", &["-c", "write -P 1 0 64k", path]);
    let container = opened(&file);
    assert!(container.facts.detail.contains("1 snapshots"), "{}", container.facts.detail);
    let now = whole(container.guest.unwrap().as_ref());
    assert!(now[..65536].iter().all(|byte| *byte == 1) && now[65536..] == bytes[65536..]);
}

#[test]
fn an_upload_that_was_cut_short_anywhere_says_what_is_missing_or_lost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    for (way, cluster) in [
        (&[][..], 65536),
        (&["-c"], 65536),
        (&["-c", "-o", "compression_type=zstd"], 65536),
        (&["-c", "-o", "cluster_size=512"], 512),
        (&["-o", "extended_l2=on"], 65536),
        (&["-o", "compat=0.10,cluster_size=4k"], 4096),
    ] {
        let image = std::fs::read(convert(&raw, "qcow2", "image", way)).unwrap();
        let mut dice = Dice(11);
        let boundaries = (1..image.len() / 65536).step_by(2).map(|number| number * 65536);
        let anywhere: Vec<usize> = (0..20).map(|_| dice.below(image.len() as u64) as usize).collect();
        for cut in boundaries.chain(anywhere).chain([1, 71, 104, image.len() - 512]) {
            let container = open(testkit::memory(image[..cut].to_vec())).unwrap();
            let facts = container.facts;
            match facts.missing {
                Some(missing) => {
                    assert!(missing.ends_at > cut as u64, "{way:?} cut to {cut}: {missing:?}");
                    assert!(missing.ends_at <= image.len().next_multiple_of(cluster) as u64, "{way:?}: {missing:?}");
                    assert_eq!(facts.trouble.unwrap().kind, TroubleKind::Corrupt);
                    assert!(container.guest.is_none());
                }
                None if cut < 112 => assert!(container.guest.is_none()),
                None => {
                    let guest = whole(
                        container.guest.unwrap_or_else(|| panic!("{way:?} cut to {cut}: {:?}", facts.trouble)).as_ref(),
                    );
                    // An uncompressed image may end within its last cluster: what is not there reads as zeros.
                    assert!(guest == bytes || cut + cluster > image.len(), "{way:?} cut to {cut}: other bytes");
                }
            }
        }
    }
}

/// QEMU opens nothing of an image whose bitmaps are not whole; where a program that did not know them wrote to it (the feature
/// bit is then clear) they are not looked at.
#[test]
fn bitmaps_that_are_cut_off_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let file = convert(&raw, "qcow2", "image", &[]);
    let path = file.to_str().unwrap();
    run("qemu-utils", "qemu-img", &["bitmap", "--add", path, "b1"]);
    let image = std::fs::read(&file).unwrap();
    let facts = open(testkit::memory(image.clone())).unwrap().facts;
    assert_eq!((facts.missing, facts.trouble), (None, None));
    let cut = image.len() - 65536;
    std::fs::write(&file, &image[..cut]).unwrap();
    let qemu = Command::new("qemu-img").args(["info", path]).output().unwrap();
    assert!(!qemu.status.success(), "QEMU opens it");
    let missing = open(testkit::memory(image[..cut].to_vec())).unwrap().facts.missing.unwrap();
    assert!(missing.what == "bitmap directory" && missing.ends_at > cut as u64, "{missing:?}");
    let mut unknown = image[..cut].to_vec();
    unknown[88..96].fill(0);
    assert_eq!(open(testkit::memory(unknown)).unwrap().facts.missing, None);
}

#[test]
fn an_object_that_ends_within_its_header_extensions_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let image = std::fs::read(convert(&raw, "qcow2", "whole.qcow2", &[])).unwrap();
    for cut in [113, 200, 511, 512, 4096] {
        let facts = open(testkit::memory(image[..cut].to_vec())).unwrap().facts;
        let missing = facts.missing.unwrap_or_else(|| panic!("{cut}: {:?}", facts.trouble));
        assert!(missing.ends_at > cut as u64, "{cut}: {missing:?}");
    }
}

#[test]
fn reference_counts_of_any_width_prove_that_nothing_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    for way in [
        "refcount_bits=1",
        "refcount_bits=2",
        "refcount_bits=4",
        "refcount_bits=8",
        "compat=0.10",
        "refcount_bits=32",
        "refcount_bits=64,cluster_size=4k",
        "refcount_bits=1,cluster_size=512",
    ] {
        let file = convert(&raw, "qcow2", "image", &["-o", way]);
        agrees_with_qemu(&file, "qcow2");
        let image = std::fs::read(file).unwrap();
        let proved = |image: &[u8]| {
            let header = Header::parse(image).unwrap();
            let mut found = Scan::default();
            complete(&Map::new(testkit::memory(image.to_vec()), header), &mut found).is_ok() && found.complete
        };
        assert!(proved(&image), "{way}");
        for part in 1..20 {
            assert!(!proved(&image[..image.len() / 20 * part]), "{way} cut to {part} parts of 20");
        }
    }
}

#[test]
fn an_l1_table_that_is_larger_than_needed_is_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shrunk.qcow2");
    let path = file.to_str().unwrap();
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", path, "1G"]);
    run("qemu-utils", "qemu-io", &["-c", "write -P 3 1M 1M", "-c", "write -P 4 900M 64k", path]);
    run("qemu-utils", "qemu-img", &["resize", "-q", "--shrink", path, "5M"]);
    agrees_with_qemu(&file, "qcow2");
}

#[test]
fn tables_that_are_shared_cost_no_more_than_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shared.qcow2");
    let path = file.to_str().unwrap();
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", path, "2000G"]);
    run("qemu-utils", "qemu-io", &["-c", "write -P 5 0 1M", path]);
    let mut image = std::fs::read(&file).unwrap();
    let word = |image: &[u8], at: usize| u64::from_be_bytes(image[at..at + 8].try_into().unwrap());
    let l1 = word(&image, 40) as usize;
    let l2_entry = image[l1..l1 + 8].to_vec();
    let l2 = (word(&image, l1) & 0x00ff_ffff_ffff_fe00) as usize;
    // Every other cluster is the same one, in every table.
    let data = image[l2..l2 + 8].to_vec();
    (0..4000).for_each(|index| image[l1 + index * 8..l1 + index * 8 + 8].copy_from_slice(&l2_entry));
    (0..8192).for_each(|index| image[l2 + index * 8..l2 + index * 8 + 8].fill(0));
    (0..8192).step_by(2).for_each(|index| image[l2 + index * 8..l2 + index * 8 + 8].copy_from_slice(&data));
    let counting = Counting::new(testkit::memory(image.clone()));
    let map = Map::new(counting.clone(), Header::parse(&image).unwrap());
    let mut found = scan_within(&map, Bounds { pages: 1024, jumps: 1024, steps: 100_000 }).unwrap();
    assert!(counting.bytes() < 2 << 20, "{}", counting.bytes());
    assert!(!found.all && found.missing.is_none() && found.allocated == 50_000 << 16);
    complete(&map, &mut found).unwrap();
    assert!(found.complete, "the counts tell that all is there");
    // The last table of all lies past the end, which the counts deny.
    image[l1 + 3999 * 8..l1 + 4000 * 8].copy_from_slice(&(1_u64 << 40 | 1 << 63).to_be_bytes());
    let map = Map::new(testkit::memory(image.clone()), Header::parse(&image).unwrap());
    let mut found = scan_within(&map, Bounds { pages: 1024, jumps: 1024, steps: 100_000 }).unwrap();
    complete(&map, &mut found).unwrap();
    assert_eq!((found.complete, found.missing.map(|missing| missing.at)), (false, Some(1 << 40)));
}

#[test]
fn a_leaked_cluster_past_the_end_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = pattern(dir.path());
    let mut image = std::fs::read(convert(&raw, "qcow2", "image", &[])).unwrap();
    let table = u64::from_be_bytes(image[48..56].try_into().unwrap()) as usize;
    let block = u64::from_be_bytes(image[table..table + 8].try_into().unwrap()) as usize;
    let past = image.len().div_ceil(65536) + 3;
    image[block + past * 2 + 1] = 1;
    let container = open(testkit::memory(image)).unwrap();
    assert_eq!(container.facts.trouble, None);
    assert!(whole(container.guest.unwrap().as_ref()) == bytes);
}

#[test]
fn a_hole_costs_no_request_and_a_huge_disk_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("huge");
    let path = file.to_str().unwrap();
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", path, "500G"]);
    run("qemu-utils", "qemu-io", &["-c", "write -P 5 300G 1M", path]);
    let counting = Counting::new(testkit::open(&file));
    let guest = open(counting.clone()).unwrap().guest.unwrap();
    let before = counting.requests();
    assert!(before <= 8, "{before} requests to open");
    assert!(guest.read_vec_at(100 << 30, 8 << 20).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!(counting.requests(), before);
    assert!(guest.read_vec_at(300 << 30, 1 << 20).unwrap().iter().all(|byte| *byte == 5));
    assert!(counting.requests() - before <= 3, "the table and one read of neighbouring clusters");
}

#[test]
fn a_table_entry_that_points_nowhere_is_corrupt_at_its_own_place() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let image = std::fs::read(convert(&raw, "qcow2", "image", &[])).unwrap();
    let word = |image: &[u8], at: usize| u64::from_be_bytes(image[at..at + 8].try_into().unwrap());
    let l1 = word(&image, 40) as usize;
    let l2 = (word(&image, l1) & 0x00ff_ffff_ffff_fe00) as usize;
    for (at, value) in [(l1, 1_u64 << 40), (l1, 0x1_0200), (l2, 1 << 40), (l2, 0x1_0200), (l2, 1 << 62 | 1 << 50)] {
        let mut image = image.clone();
        image[at..at + 8].copy_from_slice(&value.to_be_bytes());
        let container = open(testkit::memory(image)).unwrap();
        let trouble =
            container.facts.trouble.unwrap_or_else(|| panic!("{value:#x} at {at:#x}: {:?}", container.facts.detail));
        assert_eq!((trouble.kind, trouble.at), (TroubleKind::Corrupt, Some(at as u64)), "{value:#x}: {trouble:?}");
    }
}

#[test]
fn damage_never_panics_and_never_costs_much() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("small.raw");
    let mut bytes = vec![0; 1 << 20];
    let mut dice = Dice(3);
    bytes[..300_000].iter_mut().for_each(|byte| *byte = (dice.roll() % 7) as u8);
    std::fs::write(&raw, bytes).unwrap();
    let ways: [&[&str]; 4] =
        [&["-c"], &["-c", "-o", "compression_type=zstd"], &["-o", "extended_l2=on"], &["-o", "cluster_size=512"]];
    for way in ways {
        let image = std::fs::read(convert(&raw, "qcow2", "image", way)).unwrap();
        let word =
            |at: usize| (u64::from_be_bytes(image[at..at + 8].try_into().unwrap()) & 0x00ff_ffff_ffff_fe00) as usize;
        let (l1, refcounts) = (word(40), word(48));
        let l2 = word(l1);
        let last = image.len() - 4096;
        let places = [0..112, l1..l1 + 16, l2..l2 + 256, refcounts..refcounts + 16, last..image.len()];
        for copy in testkit::damaged(&image, &places, 60) {
            let len = copy.len() as u64;
            let counting = Counting::new(Arc::new(Memory(copy)));
            if let Some(guest) = open(counting.clone()).unwrap().guest {
                testkit::read_all(guest.as_ref(), 4 << 20);
            }
            assert!(counting.bytes() <= 64 * len + (64 << 20), "{way:?}: {} bytes", counting.bytes());
        }
    }
}

#[test]
fn samples_of_other_programs_read_as_their_authors_say() {
    let expected: &[(&str, Option<u64>, Option<&str>)] = &[
        ("containers/cdi-fs-overhead.qcow2", Some(858_993_664), None),
        ("containers/dissect-basic.qcow2.gz", Some(536_870_912), None),
        ("containers/dfvfs-windows_volume.qcow2.zst", Some(35_913_728), None),
        ("containers/plaso-vsstest.qcow2.zst", Some(1 << 30), None),
        ("containers/cdi-cirros-snapshot1.qcow2.zst", Some(46_137_344), Some("backing file")),
        ("containers/dissect-backing-chain-1.qcow2.gz", None, Some("backing file")),
        ("containers/dissect-data-file.qcow2.gz", None, Some("external data file")),
    ];
    for (name, size, unsafe_reference) in expected {
        let Some(image) = testkit::sample(name) else { return };
        let container = open(testkit::memory(image)).unwrap();
        assert_eq!(container.facts.unsafe_references.first().map(|r| r.what.as_str()), *unsafe_reference, "{name}");
        assert_eq!(container.guest.is_some(), unsafe_reference.is_none(), "{name}: {:?}", container.facts.trouble);
        if size.is_some() {
            assert_eq!(container.facts.virtual_size_bytes, *size, "{name}");
        }
    }
}
