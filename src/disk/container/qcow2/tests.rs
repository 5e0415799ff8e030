//! QEMU writes the images, and what it says a guest reads is what must be read here.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::super::open;
use super::super::testing::{agrees_with_qemu, convert, opened, pattern, whole};
use crate::disk::testkit::{self, Counting, Dice, run};
use crate::disk::{ErrorKind, Memory, ReadAt};
use crate::inspect::facts::TroubleKind;

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
        &["-o", "cluster_size=4k"],
        &["-c", "-o", "cluster_size=4k,compression_type=zstd"],
        &["-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=2M,compression_type=zstd"],
        &["-o", "extended_l2=on"],
        &["-o", "extended_l2=on,cluster_size=16k"],
        &["-c", "-o", "extended_l2=on,cluster_size=128k"],
        &["-o", "lazy_refcounts=on"],
        &["-o", "refcount_bits=1"],
        &["-o", "refcount_bits=64"],
        &["-o", "preallocation=metadata"],
        &["-o", "preallocation=falloc"],
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

#[test]
fn what_leads_elsewhere_is_named_and_never_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    let create = |name: &str, args: &[&str]| {
        let file = dir.path().join(name);
        let path = file.to_str().unwrap().to_owned();
        run("qemu-utils", "qemu-img", &[&["create", "-q", "-f", "qcow2"], args, &[path.as_str(), "4M"]].concat());
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
fn an_upload_that_was_cut_short_is_found_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = pattern(dir.path());
    for way in [&[][..], &["-c"], &["-o", "cluster_size=512"], &["-o", "extended_l2=on"], &["-o", "compat=0.10"]] {
        let image = std::fs::read(convert(&raw, "qcow2", "image", way)).unwrap();
        for percent in [95, 90, 60, 30, 10, 1] {
            let cut = open(testkit::memory(image[..image.len() / 100 * percent].to_vec())).unwrap();
            let trouble = cut.facts.trouble.unwrap_or_else(|| panic!("{way:?} cut to {percent} %"));
            assert_eq!(trouble.kind, TroubleKind::Corrupt, "{way:?} {percent} %: {trouble:?}");
            assert!(trouble.at.is_some() && cut.guest.is_none());
        }
    }
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
        for copy in testkit::damaged(&image, &places, 120) {
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
