//! Changed bytes: whatever they say, every call returns, and within its bounds.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::super::{FileSystem, Node, NodeKind};
use super::super::checksum;
use super::writer::Writer;
use super::{make, sample_tree};
use crate::disk::testkit::{Dice, seed};
use crate::disk::{Memory, ReadAt, Result};

/// What one call may ask of the disk at once: the window before a log's head.
const LARGEST_READ: usize = 2 << 20;
const FILE_READ: usize = 4096;
const MAX_NODES: usize = 200;

/// Bytes, some of them changed, that note what is read of them.
struct Recorder {
    bytes: Arc<Memory>,
    changed: Vec<(usize, Vec<u8>)>,
    largest: AtomicUsize,
    total: AtomicU64,
    places: Option<Mutex<BTreeSet<usize>>>,
}

impl Recorder {
    fn new(bytes: &Arc<Memory>, changed: Vec<(usize, Vec<u8>)>) -> Arc<Self> {
        let places = changed.is_empty().then(Mutex::default);
        let bytes = Arc::clone(bytes);
        Arc::new(Self { bytes, changed, largest: AtomicUsize::new(0), total: AtomicU64::new(0), places })
    }
}

impl ReadAt for Recorder {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.largest.fetch_max(buf.len(), Ordering::Relaxed);
        self.total.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.bytes.read_exact_at(buf, at)?;
        let range = at as usize..at as usize + buf.len();
        // Where something is, not each of its bytes.
        if let Some(places) = &self.places {
            places.lock().unwrap().extend(range.clone().step_by(128));
        }
        for (start, piece) in &self.changed {
            let (from, to) = (range.start.max(*start), range.end.min(start + piece.len()));
            if from < to {
                buf[from - range.start..to - range.start].copy_from_slice(&piece[from - start..to - start]);
            }
        }
        Ok(())
    }
}

/// Opens and walks all there is, within a budget of nodes. Gives how many entries were seen, and a sum of what they hold.
fn walk(disk: &Arc<Recorder>) -> (usize, u32) {
    walk_reading(disk, FILE_READ)
}

/// The same, with reads of `len` bytes.
fn walk_reading(disk: &Arc<Recorder>, len: usize) -> (usize, u32) {
    let Ok(fs) = super::super::open(Arc::clone(disk) as Arc<dyn ReadAt>) else { return (0, 0) };
    let _ = fs.usage();
    let _ = fs.signs();
    let mut ahead = vec![fs.root()];
    let (mut seen, mut sum) = (0, 0);
    while let Some(node) = ahead.pop() {
        seen += 1;
        if seen > MAX_NODES {
            break;
        }
        sum = visit(fs.as_ref(), node, len, &mut ahead, sum);
    }
    (seen, sum)
}

fn visit(fs: &dyn FileSystem, node: Node, len: usize, ahead: &mut Vec<Node>, mut sum: u32) -> u32 {
    let Ok(stat) = fs.stat(node) else { return sum ^ 1 };
    match stat.kind {
        NodeKind::Directory => {
            ahead.extend(fs.list(node, 1000).unwrap_or_default().into_iter().map(|entry| entry.node));
            let _ = fs.lookup(node, &format!("module-00007-{}.ko", "x".repeat(50)));
            let _ = fs.lookup(node, "none");
        }
        NodeKind::Link => assert!(fs.read_link(node).map_or(0, |target| target.len()) <= 3 * 1024),
        NodeKind::File => {
            for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                let found = fs.read_at(node, at, len).unwrap_or_else(|_| b"?".to_vec());
                assert!(found.len() <= len);
                sum = crc32c::crc32c_append(sum, &found);
            }
        }
        NodeKind::Special => {}
    }
    sum
}

/// The block around byte `at` of `bytes`, or the sector, or the inode, with byte `at` changed to `value` and, where it
/// has one, a checksum that fits again, so that what is behind it is reached.
fn changed(bytes: &[u8], at: usize, value: u8, block: usize) -> (usize, Vec<u8>) {
    let sector = at / 512 * 512;
    let inode = bytes[sector..].starts_with(b"IN");
    let whole = at / block * block;
    let (start, len) = if inode || checksum::seal(&bytes[whole..]).is_none() { (sector, 512) } else { (whole, block) };
    let mut piece = bytes[start..start + len].to_vec();
    piece[at - start] = value;
    if inode {
        checksum::renew(&mut piece, 100);
    } else if let Some(seal) = checksum::seal(&piece) {
        checksum::renew(&mut piece, seal.crc);
    }
    (start, piece)
}

/// Changes what a walk reads of `clean`, and walks again.
fn mutations_are_harmless(clean: Vec<u8>, what: &str, rounds: usize, only: Option<&std::ops::Range<usize>>) {
    let memory = Arc::new(Memory(clean));
    let clean = &memory.0;
    let recorder = Recorder::new(&memory, Vec::new());
    // A byte of each file leads past all of its metadata and reads next to nothing else.
    let entries = walk_reading(&recorder, 1).0;
    assert!(entries > 50, "{what}: only {entries} entries in the clean image");
    let total = recorder.total.load(Ordering::Relaxed);
    let places = recorder.places.as_ref().unwrap().lock().unwrap();
    let of_use = |at: &usize| clean.get(*at..*at + 128).is_some_and(|piece| piece.iter().any(|byte| *byte != 0));
    let wanted = |at: &usize| only.is_none_or(|only| only.contains(at));
    let places: Vec<usize> = places.iter().copied().filter(|at| of_use(at) && wanted(at)).collect();
    let block = u32::from_be_bytes(clean[4..8].try_into().unwrap()) as usize;

    let whole = walk(&Recorder::new(&memory, Vec::new()));
    let mut dice = Dice(0x5EED);
    let interesting = [0, 1, 2, 0x7F, 0x80, 0xFF];
    let mut differed = 0;
    for round in 0..rounds {
        let changes = (0..=dice.below(3)).map(|_| {
            let place = places[dice.below(places.len() as u64) as usize];
            // Headers are most of what leads anywhere.
            let within = if dice.below(2) == 0 { dice.below(128) } else { dice.below(24) };
            let at = (place + within as usize).min(clean.len() - 1);
            let value = match dice.below(3) {
                0 => clean[at] ^ (1 << dice.below(8)),
                1 => interesting[dice.below(6) as usize],
                _ => dice.roll() as u8,
            };
            changed(clean, at, value, block)
        });
        let disk = Recorder::new(&memory, changes.collect());
        differed += usize::from(walk(&disk) != whole);
        let largest = disk.largest.load(Ordering::Relaxed);
        assert!(largest <= LARGEST_READ, "{what}, round {round}: {largest} bytes read at once");
        let asked = disk.total.load(Ordering::Relaxed);
        assert!(asked <= total * 20 + (256 << 20), "{what}, round {round}: {asked} bytes, {total} of the clean image");
    }
    println!("{what}: {differed} of {rounds} differed, {entries} entries");
    assert!(differed > rounds / 30, "{what}: the mutations hit nothing ({differed} of {rounds})");
}

/// A small filesystem with an index, trees of extents, and directories of every form.
fn image(options: &str, many: usize) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(make(dir.path(), &format!("-d agcount=1 {options}"), 24 << 20, &sample_tree(many, &[5, 150])))
        .unwrap()
}

#[test]
fn mutated_version_4_is_harmless() {
    let clean = image("-m crc=0 -b size=512 -i size=256 -n size=4096 -l size=3m", 1000);
    mutations_are_harmless(clean, "version 4", 200, None);
}

#[test]
fn mutated_version_5_is_harmless_though_its_checksums_fit() {
    let clean = image("-b size=1024 -l size=9m -i nrext64=1", 1000);
    mutations_are_harmless(clean, "version 5", 200, None);
}

#[test]
fn mutated_logs_are_harmless() {
    for options in ["-m crc=0 -l size=8m", "-l size=8m"] {
        let options = format!("{options} -m uuid=4b5a2f6e-0d4f-4d0a-9df3-7f6c3c6a1b11");
        let mut writer = Writer::new(image(&options, 0), 3000);
        let new = image(&options, 100);
        writer.become_like(&new);
        let log = writer.at(0)..writer.at(0) + writer.len as usize * super::writer::BLOCK;
        // Checksums of records are not mended: they do not matter where they are zero.
        for block in 0..writer.len {
            let at = writer.at(block);
            if writer.bytes[at..].starts_with(&0xFEED_BABE_u32.to_be_bytes()) {
                writer.bytes[at + 32..at + 36].fill(0);
            }
        }
        let name = if options.contains("crc=0") { "log-v4" } else { "log-v5" };
        seed("xfs", name, || writer.bytes.clone());
        mutations_are_harmless(writer.bytes, &options, 120, Some(&log));
    }
}

#[test]
fn a_volume_cut_anywhere_is_harmless() {
    let clean = image("-m crc=0 -b size=1024 -l size=4m", 20);
    for len in [0, 1, 511, 512, 513, 1024, 1536, 2048].into_iter().chain((0..clean.len()).step_by(500_021)) {
        let mut bytes = clean[..len].to_vec();
        assert_eq!(walk(&Recorder::new(&Arc::new(Memory(bytes.clone())), Vec::new())).0, 0, "{len} bytes");
        // The same with a superblock that claims only what is left: pointers lead past the end.
        if let Some(count) = bytes.get_mut(8..16) {
            count.copy_from_slice(&(len as u64 / 1024).to_be_bytes());
        }
        walk(&Recorder::new(&Arc::new(Memory(bytes)), Vec::new()));
    }
}
