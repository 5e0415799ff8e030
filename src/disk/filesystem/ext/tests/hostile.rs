//! Changed bytes where journals and fast commits are: every call returns, and within its bounds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::journal::Record;
use super::super::{Ext, changes};
use super::mutations::{LARGEST_READ, Recorder, walk};
use super::{make, run};
use crate::disk::testkit::{Dice, damaged, sample};

/// A small filesystem with transactions, revocations and escaped blocks in its journal, and the places of that.
fn with_journal(options: &str, checksums: &str) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir(&source).unwrap();
    for n in 0..40 {
        std::fs::write(source.join(format!("file-{n}")), vec![n; 1500]).unwrap();
    }
    let image = make(dir.path(), &source, &format!("{options} -b 1024 -N 64 -J size=1"), "4M");
    let file = dir.path().join("blocks");
    let mut blocks = std::fs::read(&image).unwrap()[1024..30 * 1024].to_vec();
    blocks[4096..4100].copy_from_slice(&0xC03B_3998_u32.to_be_bytes());
    std::fs::write(&file, blocks).unwrap();
    let numbers: Vec<String> = (1..30).map(|n: u32| n.to_string()).collect();
    let write = format!("journal_write -b {} {}\n", numbers.join(","), file.display());
    let requests = format!("journal_open {checksums}\n{write}journal_write -r 5,6,7\n{write}journal_close\n");
    super::journals::debugfs(&image, &requests);
    let places = run("debugfs", &["-R", "blocks <8>", image.to_str().unwrap()]);
    let bytes = std::fs::read(&image).unwrap();
    let used = |at: &usize| bytes[*at..at + 4] == 0xC03B_3998_u32.to_be_bytes();
    let places: Vec<_> = places.split_whitespace().map(|n| n.parse::<usize>().unwrap() * 1024).filter(used).collect();
    assert!(places.len() >= 5, "{options}");
    // Most of what is said is at the beginning of a block.
    (bytes, places.into_iter().flat_map(|at| [at..at + 0x60, at..at + 1024]).collect())
}

#[test]
fn a_damaged_journal_is_harmless() {
    for (options, checksums) in [("-t ext3", ""), ("-t ext4 -O ^metadata_csum", ""), ("-t ext4", "-c -v 3")] {
        let (bytes, mut places) = with_journal(options, checksums);
        // The journal's inode is among them: it is one of the first.
        places.push(1024..1024 + 0x200);
        let (mut opened, mut all) = (0, 0);
        for copy in damaged(&bytes, &places, 400) {
            let disk = Arc::new(Recorder::new(copy));
            opened += usize::from(walk(&disk) > 1);
            all += 1;
            let (largest, reads) = (disk.largest.load(Ordering::Relaxed), disk.reads.load(Ordering::Relaxed));
            assert!(largest <= LARGEST_READ && reads < 20_000, "{options}: {reads} reads, {largest} bytes at once");
        }
        assert!(opened > 0 && opened < all, "{options}: {opened} of {all} opened");
    }
}

#[test]
fn damaged_fast_commits_are_harmless() {
    let dir = "ext/e2fsprogs-tests-dev.tar.xz";
    if sample(dir).is_none() {
        return;
    }
    let bytes = super::corpus::case("j_recover_fast_commit").unwrap();
    let fast: Vec<_> =
        (0..bytes.len() / 1024).map(|n| n * 1024).filter(|at| bytes[*at..at + 4] == [9, 0, 8, 0]).collect();
    assert!(!fast.is_empty());
    let places: Vec<_> = fast.into_iter().map(|at| at..at + 2048).collect();
    for copy in damaged(&bytes, &places, 400) {
        let disk = Arc::new(Recorder::new(copy));
        walk(&disk);
        assert!(disk.reads.load(Ordering::Relaxed) < 20_000);
    }
}

/// Whatever a checksum may guard.
fn record(dice: &mut Dice) -> Record {
    let node = [0, 1, 2, 8, 11, 12, 13, 14, 63, 64, 65, u64::from(u32::MAX)];
    let pick = |dice: &mut Dice, from: &[u64]| from[usize::try_from(dice.below(from.len() as u64)).unwrap()];
    let numbers = [0, 1, 7, 100, 0x7FFF, 0x8000, u64::from(u32::MAX), 1 << 47];
    let (directory, to) = (pick(dice, &node), pick(dice, &node));
    let name = format!("file-{}", dice.below(50)).into_bytes();
    let (logical, len) = (pick(dice, &numbers) & 0xFFFF_FFFF, pick(dice, &numbers));
    match dice.below(6) {
        0 => {
            let mut raw = vec![0; usize::try_from(128 + dice.below(129)).unwrap()];
            for byte in &mut raw {
                *byte = if dice.below(3) == 0 { dice.roll().to_le_bytes()[0] } else { 0 };
            }
            raw[1] = [0x41, 0x81, 0xA1, 0x11][usize::try_from(dice.below(4)).unwrap()];
            raw[0x22] = 8;
            Record::Inode { node: to, raw }
        }
        1 => Record::AddRange { node: to, logical, len, physical: pick(dice, &numbers), written: dice.below(2) == 0 },
        2 => Record::DeleteRange { node: to, logical, len },
        3 => Record::Create { directory, node: to, name },
        4 => Record::Link { directory, node: to, name },
        _ => Record::Unlink { directory, node: to, name },
    }
}

#[test]
fn fast_commits_of_anything_are_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir_all(source.join("a/b")).unwrap();
    std::fs::write(source.join("file-1"), vec![1; 5000]).unwrap();
    let image = make(dir.path(), &source, "-t ext4 -b 1024 -N 64 -O ^has_journal", "2M");
    let bytes = std::fs::read(&image).unwrap();
    let mut dice = Dice(0xFA57_C0DE);
    let mut applied = 0;
    for _ in 0..2000 {
        let disk = Arc::new(Recorder::new(bytes.clone()));
        let mut ext = Ext::open(Arc::clone(&disk) as _).unwrap();
        for _ in 0..=dice.below(12) {
            if changes::apply(&mut ext, vec![record(&mut dice)]).is_err() {
                break;
            }
            applied += 1;
        }
        super::mutations::walk_opened(&ext, 4096);
        let (largest, reads) = (disk.largest.load(Ordering::Relaxed), disk.reads.load(Ordering::Relaxed));
        assert!(largest <= LARGEST_READ && reads < 20_000, "{reads} reads, {largest} bytes at once");
    }
    assert!(applied > 2000, "{applied}");
}
