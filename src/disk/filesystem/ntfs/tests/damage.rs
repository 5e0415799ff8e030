//! Changed bytes: whatever they say, every call returns, and within its bounds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::super::NodeKind;
use super::{edit, make, node, noise, open, put, words};
use crate::disk::{Memory, ReadAt, Result, testkit};

/// What one call may ask of the disk at once: a piece of `$Bitmap`, or what the caller asked for and a chunk more.
const LARGEST_READ: usize = 1 << 20;
const FILE_READ: usize = 64 << 10;
const MAX_NODES: usize = 400;

/// Bytes that note what is read of them.
struct Recorder {
    bytes: Memory,
    largest: AtomicUsize,
    reads: AtomicUsize,
    places: Option<Mutex<BTreeSet<u64>>>,
}

impl Recorder {
    fn new(bytes: Vec<u8>, noting: bool) -> Arc<Self> {
        let places = noting.then(Mutex::default);
        Arc::new(Self { bytes: Memory(bytes), largest: AtomicUsize::new(0), reads: AtomicUsize::new(0), places })
    }
}

impl ReadAt for Recorder {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.largest.fetch_max(buf.len(), Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
        if let Some(places) = &self.places {
            places.lock().unwrap().extend(at..at + buf.len() as u64);
        }
        self.bytes.read_exact_at(buf, at)
    }
}

/// Opens and walks all there is, within a budget of nodes; gives how much was there.
fn walk(disk: &Arc<Recorder>, len: usize) -> usize {
    let Ok(fs) = super::super::open(Arc::clone(disk) as Arc<dyn ReadAt>) else { return 0 };
    let mut seen = usize::from(fs.usage().is_ok()) + fs.signs().map_or(0, |signs| 1 + signs.len());
    let mut ahead = vec![fs.root()];
    for _ in 0..MAX_NODES {
        let Some(node) = ahead.pop() else { break };
        let Ok(stat) = fs.stat(node) else { continue };
        seen += 1;
        match stat.kind {
            NodeKind::Directory => {
                ahead.extend(fs.list(node, 500).unwrap_or_default().into_iter().map(|entry| entry.node));
                seen += usize::from(fs.lookup(node, "FILE-7").is_ok());
            }
            NodeKind::Link => {
                seen += fs.read_link(node).map_or(0, |target| target.len());
            }
            NodeKind::File => {
                for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                    let found = fs.read_at(node, at, len).map_or(0, |found| found.len());
                    assert!(found <= len);
                    seen += found;
                }
            }
            NodeKind::Special => {}
        }
    }
    seen
}

/// A small volume with everything in it, made without a mount.
fn everything(dir: &Path) -> PathBuf {
    let image = make(dir, "-c 1024", 2 << 20);
    for n in 0..60 {
        put(&image, &format!("file-{n}-with-a-name-that-takes-its-room"), "", &noise(n, n as usize * 20));
    }
    // More names than a record holds: an attribute list.
    for n in 0..12 {
        put(&image, "streams", &format!("stream-{n}-{}", "n".repeat(40)), &noise(n, 900));
    }
    let at = |name: &str| node(open(&image).unwrap().as_ref(), name).unwrap();
    put(&image, "link", "", b"");
    edit::record(&image, at("link"), |raw| {
        edit::add_reparse_point(raw, 0xA000_000C, b"\x02\0\x04\0\0\0\x02\0\x01\0\0\0x\0/\0y\0");
    });
    // A chunk of XPRESS in which every symbol has nine bits, another that is stored.
    let mut packed = vec![0x70, 1, 0, 0];
    packed.extend([0x99; 256]);
    packed.extend(noise(7, 0x70));
    packed.extend(words(8, 900));
    for algorithm in 0..4 {
        let name = format!("packed-{algorithm}");
        put(&image, &name, "", &vec![0; 4096 + 900]);
        put(&image, &name, "WofCompressedData", &packed);
        edit::record(&image, at(&name), |raw| {
            let data = [[1, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0, 0], [algorithm, 0, 0, 0]].concat();
            edit::add_reparse_point(raw, 0x8000_0017, &data);
        });
    }
    // A compression unit: one cluster of LZNT1, then a hole of fifteen.
    put(
        &image,
        "lznt1",
        "",
        &[&[0x07, 0xB0, 0x08, b'a', b'b', b'c', 0xF0, 0x2F, b'd', b'e'], [0; 1014].as_slice()].concat(),
    );
    edit::record(&image, at("lznt1"), |raw| {
        let (at, len) = edit::attribute(raw, 0x80);
        raw[at + 0xC] = 1;
        raw[at + 0x18] = 15;
        raw[at + 0x22] = 4;
        for size in [0x28, 0x30, 0x38] {
            raw[at + size..at + size + 8].copy_from_slice(&(16_u64 << 10).to_le_bytes());
        }
        let pairs = at + usize::from(raw[at + 0x20]);
        let first = usize::from(1 + (raw[pairs] & 15) + (raw[pairs] >> 4));
        assert!(pairs + first + 3 <= at + len, "no room for a hole");
        raw[pairs + first..pairs + first + 3].copy_from_slice(&[0x01, 15, 0]);
    });
    image
}

#[test]
fn damaged_volumes_are_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let image = everything(dir.path());
    let clean = std::fs::read(&image).unwrap();
    let fs = open(&image).unwrap();
    let found = |name: &str| fs.read_at(node(fs.as_ref(), name).unwrap(), 0, FILE_READ).unwrap();
    assert_eq!(found("lznt1")[..3], *b"abc");
    assert_eq!(found("lznt1").len(), 16 << 10);
    assert!(
        testkit::run("ntfs-3g", "ntfsinfo", &["-F", "/streams", image.to_str().unwrap()]).contains("$ATTRIBUTE_LIST")
    );

    // A byte of each file leads past all of its metadata; the whole of it past the compressed streams.
    let recorder = Recorder::new(clean.clone(), true);
    assert!(walk(&recorder, 1) > 150);
    let reads = recorder.reads.load(Ordering::Relaxed);
    let mut places = recorder.places.as_ref().unwrap().lock().unwrap().clone();
    for name in ["packed-0", "packed-1", "lznt1"] {
        let recorder = Recorder::new(clean.clone(), true);
        let fs = super::super::open(recorder.clone()).unwrap();
        let _ = fs.read_at(node(fs.as_ref(), name).unwrap(), 0, FILE_READ);
        places.extend(recorder.places.as_ref().unwrap().lock().unwrap().iter());
    }
    // Zeros are mostly unused: only every sixteenth of them is changed.
    let places: Vec<_> = places
        .into_iter()
        .map(|at| usize::try_from(at).unwrap())
        .filter(|at| clean[*at] != 0 || at % 16 == 0)
        .map(|at| at..at + 1)
        .collect();
    let whole = walk(&Recorder::new(clean.clone(), false), FILE_READ);
    let (mut rounds, mut differed) = (0, 0);
    // `damaged` cuts at every place too; of those only the first few are tried.
    for bytes in testkit::damaged(&clean, &places, 500).take(515) {
        let disk = Recorder::new(bytes, false);
        let start = Instant::now();
        differed += usize::from(walk(&disk, FILE_READ) != whole);
        rounds += 1;
        let (largest, asked) = (disk.largest.load(Ordering::Relaxed), disk.reads.load(Ordering::Relaxed));
        assert!(largest <= LARGEST_READ, "round {rounds}: {largest} bytes read at once");
        assert!(asked <= reads * 20 + 10_000, "round {rounds}: {asked} reads, {reads} in the clean image");
        assert!(start.elapsed() < Duration::from_secs(10), "round {rounds}");
    }
    assert!(differed > rounds / 20, "the damage hit nothing ({differed} of {rounds})");
}

/// The first index block of the root directory is made its own child.
#[test]
fn an_index_that_leads_back_into_itself() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "-c 4096", 4 << 20);
    for n in 0..40 {
        put(&image, &format!("file-{n}-{}", "n".repeat(90)), "", b"");
    }
    let mft = super::super::Ntfs::open(testkit::open(&image)).unwrap().mft;
    let blocks = mft.file(5).unwrap().stream(&mft, 0xA0, "$I30").unwrap().unwrap();
    assert!(blocks.size >= 8192, "one block");
    let at = blocks.place(&mft.disk, 0).unwrap();
    let mut raw = edit::bytes(&image, at, 4096);
    super::super::disk::restore(&mut raw, b"INDX", at).unwrap();
    let first = 0x18 + usize::from(u16::from_le_bytes([raw[0x18], raw[0x19]]));
    let len = usize::from(u16::from_le_bytes([raw[first + 8], raw[first + 9]]));
    // The first entry gets a child in what was the end of its name: the block it is in.
    raw[first + 12] |= 1;
    raw[first + 0x50] = 4;
    raw[first + len - 8..first + len].fill(0);
    edit::protect(&mut raw);
    edit::write(&image, at, &raw);
    let fs = open(&image).unwrap();
    assert_eq!(super::kind_of(fs.list(fs.root(), 100_000)), crate::disk::ErrorKind::Corrupt);
    // A name before all others.
    assert_eq!(super::kind_of(fs.lookup(fs.root(), "!")), crate::disk::ErrorKind::Corrupt);
}

#[test]
fn geometry_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "-c 4096", 4 << 20);
    let clean = std::fs::read(&image).unwrap();
    for (at, values) in [
        (0x3, &[0_u8, b'X'][..]),
        (0xB, &[1]),
        (0xC, &[0, 1, 0x20]),
        (0xD, &[0, 3, 0x7F, 0x81, 0xEE, 0xF3, 0xF4]),
        (0x2A, &[1]),
        (0x2F, &[0x80]),
        (0x33, &[1]),
        (0x3B, &[1]),
        (0x40, &[0, 3, 0x80, 0x81, 0xC0, 0xE0, 0xF8]),
    ] {
        for value in values {
            let mut bytes = clean.clone();
            bytes[at] = *value;
            let opened = super::super::open(testkit::memory(bytes));
            assert_eq!(super::kind_of(opened), crate::disk::ErrorKind::Corrupt, "byte {at:#x}: {value:#x}");
        }
    }
    // The same geometry in other words: a cluster of 2^3 sectors, a record of a quarter of a cluster.
    for (at, value) in [(0xD, 0xFD), (0x40, 0xF6)] {
        let mut bytes = clean.clone();
        bytes[at] = value;
        assert!(super::super::open(testkit::memory(bytes)).is_ok(), "byte {at:#x}: {value:#x}");
    }
}
