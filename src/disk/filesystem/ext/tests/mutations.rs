//! Changed bytes: whatever they say, every call returns, and within its bounds.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::super::{FileSystem, Node, NodeKind};
use super::{make, run};
use crate::disk::{Memory, ReadAt, Result};

/// What one call may ask of the disk at once: a stretch of a directory, or what the caller asked for.
pub(super) const LARGEST_READ: usize = 256 << 10;
const FILE_READ: usize = 64 << 10;
const MAX_NODES: usize = 2000;

/// Bytes that note what is read of them.
pub(super) struct Recorder {
    bytes: Memory,
    pub largest: AtomicUsize,
    pub reads: AtomicUsize,
    places: Option<Mutex<BTreeSet<u64>>>,
}

impl Recorder {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Memory(bytes), largest: AtomicUsize::new(0), reads: AtomicUsize::new(0), places: None }
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

/// Opens and walks all there is, within a budget of nodes. Gives how many entries were seen.
pub(super) fn walk(disk: &Arc<Recorder>) -> usize {
    walk_reading(disk, FILE_READ)
}

/// The same, with reads of `len` bytes.
fn walk_reading(disk: &Arc<Recorder>, len: usize) -> usize {
    let Ok(fs) = super::super::open(Arc::clone(disk) as Arc<dyn ReadAt>) else { return 0 };
    walk_opened(fs.as_ref(), len)
}

/// The same of an opened one.
pub(super) fn walk_opened(fs: &dyn FileSystem, len: usize) -> usize {
    let _ = (fs.usage(), fs.signs());
    let mut ahead = vec![fs.root()];
    let mut seen = 0;
    while let Some(node) = ahead.pop() {
        seen += 1;
        if seen > MAX_NODES {
            break;
        }
        visit(fs, node, len, &mut ahead);
    }
    seen
}

fn visit(fs: &dyn FileSystem, node: Node, len: usize, ahead: &mut Vec<Node>) {
    let Ok(stat) = fs.stat(node) else { return };
    match stat.kind {
        NodeKind::Directory => {
            ahead.extend(fs.list(node, 500).unwrap_or_default().into_iter().map(|entry| entry.node));
            let _ = fs.lookup(node, "file-7");
        }
        NodeKind::Link => assert!(fs.read_link(node).map_or(0, |target| target.len()) <= 3 * 4096),
        NodeKind::File => {
            for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                assert!(fs.read_at(node, at, len).map_or(0, |found| found.len()) <= len);
            }
        }
        NodeKind::Special => {}
    }
}

/// A small filesystem with everything in it.
fn image(options: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir_all(source.join("a/b/c")).unwrap();
    for n in 0..40 {
        std::fs::write(source.join(format!("a/file-{n}")), vec![7; n * 20]).unwrap();
    }
    for size in [10, 100, 300] {
        std::os::unix::fs::symlink("t".repeat(size), source.join(format!("a/b/link-{size}"))).unwrap();
    }
    let fragments = std::fs::File::create(source.join("a/b/c/fragments")).unwrap();
    for n in 0..60_u64 {
        std::os::unix::fs::FileExt::write_all_at(&fragments, &[1; 100], n * 8192).unwrap();
    }
    let image = make(dir.path(), &source, options, "2M");
    run("e2fsck", &["-fyD", image.to_str().unwrap()]);
    std::fs::read(image).unwrap()
}

/// xorshift64: the same mutations in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

fn mutations_are_harmless(options: &str, rounds: usize, seed: u64) {
    let clean = image(options);
    let recorder = Arc::new(Recorder { places: Some(Mutex::default()), ..Recorder::new(clean.clone()) });
    // A byte of each file leads past all of its metadata and reads next to nothing else.
    let whole = walk_reading(&recorder, 1);
    assert!(whole > 45, "{options}: only {whole} entries in the clean image");
    let reads = recorder.reads.load(Ordering::Relaxed);
    // Zeros are mostly unused: only every eighth of them is changed.
    let places = recorder.places.as_ref().unwrap().lock().unwrap();
    let places = places.iter().map(|at| usize::try_from(*at).unwrap());
    let places: Vec<usize> = places.filter(|at| clean[*at] != 0 || at % 8 == 0).collect();

    let mut random = Random(seed);
    let interesting = [0, 1, 2, 0x7F, 0x80, 0xFF];
    let mut differed = 0;
    for round in 0..rounds {
        let mut bytes = clean.clone();
        for _ in 0..=random.next(3) {
            let at = places[random.next(places.len())];
            bytes[at] = match random.next(3) {
                0 => bytes[at] ^ (1 << random.next(8)),
                1 => interesting[random.next(interesting.len())],
                _ => u8::try_from(random.next(256)).unwrap(),
            };
        }
        let disk = Arc::new(Recorder::new(bytes));
        differed += usize::from(walk(&disk) != whole);
        let largest = disk.largest.load(Ordering::Relaxed);
        assert!(largest <= LARGEST_READ, "{options}, round {round}: {largest} bytes read at once");
        let asked = disk.reads.load(Ordering::Relaxed);
        assert!(asked <= reads * 100 + 100_000, "{options}, round {round}: {asked} reads, {reads} in the clean image");
    }
    assert!(differed > rounds / 50, "{options}: the mutations hit nothing ({differed} of {rounds})");
}

#[test]
fn mutated_ext4_is_harmless() {
    mutations_are_harmless("-t ext4 -b 1024 -O ^metadata_csum,^has_journal,^resize_inode -N 128", 1200, 0x5EED);
}

#[test]
fn mutated_ext2_is_harmless() {
    mutations_are_harmless("-t ext2 -b 1024 -O ^resize_inode -N 128", 1200, 0xE2F5);
}

#[test]
fn mutated_inline_data_and_meta_bg_are_harmless() {
    mutations_are_harmless(
        "-t ext4 -b 1024 -O inline_data,meta_bg,^metadata_csum,^has_journal,^resize_inode -N 128",
        1200,
        0x1471_14E0,
    );
}

#[test]
fn a_volume_cut_anywhere_is_harmless() {
    let clean = image("-t ext4 -b 1024 -O ^has_journal,^resize_inode -N 128");
    let boundaries = [0, 1, 1023, 1024, 1025, 1024 + 0x38, 2047, 2048, 2049, 3072, 4096];
    for len in boundaries.into_iter().chain((0..clean.len()).step_by(50_021)) {
        let disk = Arc::new(Recorder::new(clean[..len].to_vec()));
        assert_eq!(walk(&disk), 0, "{len} bytes");
        // The same with a superblock that claims only what is left: pointers lead past the end.
        let mut bytes = clean[..len].to_vec();
        if let Some(count) = bytes.get_mut(1024 + 4..1024 + 8) {
            count.copy_from_slice(&u32::try_from(len / 1024).unwrap().to_le_bytes());
        }
        let disk = Arc::new(Recorder::new(bytes));
        walk(&disk);
        assert!(disk.largest.load(Ordering::Relaxed) <= LARGEST_READ);
    }
}
