//! Hostile bytes behind checksums that fit: no panic, no endless walk, no large allocation.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::super::{FileSystem, Node, NodeKind};
use super::{make, mount, source};
use crate::disk::testkit::{damaged, memory};
use crate::disk::{ReadAt, Result};

/// The largest read: a piece of data.
const LARGEST: usize = 1 << 20;
const PRIMARY: u64 = 0x1_0000;
const MIXED: &str = "--mixed --nodesize 4096 -m single -d single";

/// Bytes of which some blocks are others, and which count what is read.
struct Changed {
    base: Arc<[u8]>,
    blocks: BTreeMap<u64, Vec<u8>>,
    len: u64,
    reads: AtomicU64,
    largest: AtomicUsize,
    places: Mutex<BTreeMap<u64, usize>>,
}

impl Changed {
    fn new(base: &Arc<[u8]>, blocks: BTreeMap<u64, Vec<u8>>, len: u64) -> Arc<Self> {
        let base = Arc::clone(base);
        Arc::new(Self { base, blocks, len, reads: 0.into(), largest: 0.into(), places: Mutex::default() })
    }
}

impl ReadAt for Changed {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(buf.len(), Ordering::Relaxed);
        self.places.lock().unwrap().insert(at, buf.len());
        crate::disk::check_range("changed", self.len, at, buf.len())?;
        match self.blocks.get(&at).filter(|block| block.len() == buf.len()) {
            Some(block) => buf.copy_from_slice(block),
            None => buf.copy_from_slice(&self.base[usize::try_from(at).unwrap()..][..buf.len()]),
        }
        Ok(())
    }
}

/// Opens and walks all there is, within a budget of nodes. Gives how many were seen.
fn walk(disk: &Arc<Changed>) -> usize {
    let Ok(fs) = super::super::open(Arc::clone(disk) as Arc<dyn ReadAt>) else { return 0 };
    let _ = (fs.usage(), fs.signs());
    let mut ahead = vec![fs.root()];
    let mut seen = 0;
    while let Some(node) = ahead.pop().filter(|_| seen < 500) {
        seen += 1;
        visit(fs.as_ref(), node, &mut ahead);
    }
    seen
}

fn visit(fs: &dyn FileSystem, node: Node, ahead: &mut Vec<Node>) {
    let Ok(stat) = fs.stat(node) else { return };
    match stat.kind {
        NodeKind::Directory => {
            ahead.extend(fs.list(node, 300).unwrap_or_default().into_iter().map(|entry| entry.node));
            let _ = fs.lookup(node, "file-7");
        }
        NodeKind::Link => assert!(fs.read_link(node).map_or(0, |target| target.len()) <= 3 * 4096),
        NodeKind::File => {
            for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                assert!(fs.read_at(node, at, 40_000).map_or(0, |found| found.len()) <= 40_000);
            }
        }
        NodeKind::Special => {}
    }
}

/// The bytes of a block that mean something: of a node the header, the items and their data; all of the superblock's
/// fields.
fn meaningful(block: &[u8], at: u64) -> [Range<usize>; 2] {
    if at == PRIMARY {
        return [0x30..0x130, 0x32B..0x32B + 200];
    }
    let count = usize::from(u16::from_le_bytes([block[0x60], block[0x61]]));
    if block[0x64] != 0 {
        return [0x50..101, 101..101 + count * 33];
    }
    let items = 101 + count * 25;
    let last = u32::from_le_bytes(block[items - 8..items - 4].try_into().unwrap());
    let data = 101 + usize::try_from(last).unwrap();
    // Of many items the last few stand for all.
    [0x50..items, data..block.len().min(data + 1500)]
}

fn image(options: &str) -> Arc<[u8]> {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    fs::create_dir_all(files.join("a/b")).unwrap();
    for n in 0..80 {
        fs::write(files.join(format!("a/file-{n}")), source::text(n * 97)).unwrap();
    }
    std::os::unix::fs::symlink("t".repeat(300), files.join("a/b/link")).unwrap();
    let fragments = fs::File::create(files.join("a/b/fragments")).unwrap();
    for n in 0..20_u64 {
        std::os::unix::fs::FileExt::write_all_at(&fragments, &[1; 100], n * 16_384).unwrap();
    }
    fs::read(make(dir.path(), options, 20 << 20, Some(&files))).unwrap().into()
}

#[test]
fn damage_behind_checksums_that_fit_is_harmless() {
    damage_is_harmless(&image(MIXED), 1200);
}

#[test]
fn damage_to_a_log_is_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), MIXED, 20 << 20, None);
    let Some(mounted) = mount(&image, "commit=300") else { return };
    fs::create_dir_all(mounted.join("a")).unwrap();
    (0..90).for_each(|n| fs::write(mounted.join(&format!("a/file-{n}")), source::text(n * 97)).unwrap());
    super::btrfs(&format!("filesystem sync {}", mounted.join("").display()));
    for n in 0..90 {
        let path = mounted.join(&format!("a/file-{n}"));
        match n % 5 {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::rename(path, mounted.join(&format!("a/moved-{n}"))).unwrap(),
            2 => fs::hard_link(path, mounted.join(&format!("a/moved-{n}"))).unwrap(),
            3 => fs::File::options().write(true).open(path).unwrap().set_len(50).unwrap(),
            _ => fs::write(path, source::noise(20_000, n)).unwrap(),
        }
    }
    for path in ["a/file-4", "a/file-7", "a/file-13", "a/moved-6", "a"] {
        fs::File::open(mounted.join(path)).unwrap().sync_all().unwrap();
    }
    let crashed: Arc<[u8]> = fs::read(&image).unwrap().into();
    assert_ne!(crashed[0x1_0060..0x1_0068], [0; 8], "there is a log");
    drop(mounted);
    damage_is_harmless(&crashed, 2000);
}

fn damage_is_harmless(base: &Arc<[u8]>, rounds: u64) {
    let clean = Changed::new(base, BTreeMap::new(), base.len() as u64);
    let whole = walk(&clean);
    assert!(whole > 80, "only {whole} entries in the clean image");

    // All blocks of metadata, one after the other, and the places in them.
    let mut skeleton = Vec::new();
    let (mut blocks, mut places) = (Vec::new(), Vec::new());
    for (at, len) in clean.places.lock().unwrap().iter().filter(|(_, len)| **len == 4096) {
        let block = &base[usize::try_from(*at).unwrap()..][..*len];
        // Nodes repeat the identity of the filesystem.
        if *at == PRIMARY || block[0x20..0x30] == base[0x1_0020..0x1_0030] {
            places.extend(meaningful(block, *at).into_iter().map(|r| r.start + skeleton.len()..r.end + skeleton.len()));
            blocks.push((*at, skeleton.len()));
            skeleton.extend_from_slice(block);
        }
    }
    assert!(blocks.len() > 10, "{} blocks of metadata", blocks.len());

    let clean_reads = clean.reads.load(Ordering::Relaxed);
    let mut differed = 0;
    for changed in damaged(&skeleton, &places, rounds).filter(|changed| changed.len() == skeleton.len()) {
        let resummed = blocks.iter().filter_map(|(at, start)| {
            let mut block = changed[*start..start + 4096].to_vec();
            let sum = crc32c::crc32c(&block[32..]);
            block[..4].copy_from_slice(&sum.to_le_bytes());
            (block != skeleton[*start..start + 4096]).then_some((*at, block))
        });
        let disk = Changed::new(base, resummed.collect(), base.len() as u64);
        differed += u64::from(walk(&disk) != whole);
        assert!(disk.largest.load(Ordering::Relaxed) <= LARGEST);
        let reads = disk.reads.load(Ordering::Relaxed);
        assert!(reads < clean_reads * 50 + 10_000, "{reads} reads, {clean_reads} of the clean image");
    }
    println!("{differed} of {rounds} changed what is seen");
    assert!(differed > rounds / 10, "the damage hit nothing ({differed} of {rounds})");
}

#[test]
fn a_volume_cut_anywhere_is_refused() {
    let base = image("--mixed --nodesize 4096");
    for len in
        [0, 1, 0x1_0000, 0x1_0040, 0x1_0FFF, 0x1_1000, 0x2_0000].into_iter().chain((0..base.len()).step_by(800_003))
    {
        assert!(super::super::open(memory(base[..len].to_vec())).is_err(), "{len} bytes");
        // The same with a device that claims only what is left: chunks lead past the end.
        if len < 0x1_1000 {
            continue;
        }
        let mut block = base[0x1_0000..0x1_1000].to_vec();
        block[0xD1..0xD9].copy_from_slice(&(len as u64).to_le_bytes());
        let sum = crc32c::crc32c(&block[32..]);
        block[..4].copy_from_slice(&sum.to_le_bytes());
        walk(&Changed::new(&base, BTreeMap::from([(PRIMARY, block)]), len as u64));
    }
}
