//! Damage: chains that go round or astray, and changed bytes everywhere. Every call returns, within its bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::super::{Node, NodeKind};
use super::{copy_all, entry_at, format, kind_of, open_bytes};
use crate::disk::testkit::{self, Counting};
use crate::disk::{ErrorKind, ReadAt};

const MAX_NODES: usize = 500;

/// Opens and walks all there is, within a budget of nodes. Gives how many entries were seen.
fn walk(bytes: Arc<dyn ReadAt>) -> usize {
    let Ok(fs) = super::super::open(bytes) else { return 0 };
    let _ = (fs.usage(), fs.signs());
    let mut ahead: Vec<Node> = vec![fs.root()];
    let mut seen = 0;
    while let Some(node) = ahead.pop().filter(|_| seen < MAX_NODES) {
        seen += 1;
        let Ok(stat) = fs.stat(node) else { continue };
        if stat.kind == NodeKind::Directory {
            ahead.extend(fs.list(node, 500).unwrap_or_default().into_iter().map(|entry| entry.node));
            let _ = fs.lookup(node, "FILE-7");
        } else {
            for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                assert!(fs.read_at(node, at, 64 << 10).map_or(0, |found| found.len()) <= 64 << 10);
            }
        }
    }
    seen
}

fn image(options: &str, kib: u64) -> Vec<u8> {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(source.path().join("a/b c d e f g h i j k/c")).unwrap();
    for n in 0..40 {
        std::fs::write(source.path().join(format!("a/file-{n}")), vec![7; n * 50]).unwrap();
    }
    std::fs::write(source.path().join("LARGE"), vec![7; 20_000]).unwrap();
    let image = format(dir.path(), options, kib);
    copy_all(&image, source.path());
    std::fs::read(image).unwrap()
}

/// A filesystem of which all but the beginning is free, without the rest.
fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    let sectors = 1600_u32;
    if bytes.len() > 4 << 20 {
        bytes.truncate(512 * sectors as usize);
        bytes[32..36].copy_from_slice(&sectors.to_le_bytes());
    }
    bytes
}

#[test]
fn changed_bytes_are_harmless() {
    for (options, kib, fat) in
        [("-F 12", 1440, 200), ("-F 16 -s 1 -f 1", 2500, 200), ("-F 32 -s 1 -f 1", 40 << 10, 500)]
    {
        let clean = cut(image(options, kib));
        let whole = walk(testkit::memory(clean.clone()));
        assert!(whole >= 45, "{options}: {whole}");
        let fat_at = 512 * usize::from(u16::from_le_bytes(clean[14..16].try_into().unwrap()));
        let file = entry_at(&clean, b"FILE-7     ");
        let root = entry_at(&clean, b"LARGE      ");
        let places = [0..90, fat_at..fat_at + fat, file - 512..file + 512, root - 64..root + 128];
        let mut differed = 0;
        for copy in testkit::damaged(&clean, &places, 500) {
            let counting = Counting::new(testkit::memory(copy));
            let start = Instant::now();
            differed += usize::from(walk(Arc::clone(&counting) as _) != whole);
            assert!(start.elapsed() < Duration::from_secs(5), "{options}");
            assert!(counting.requests() < 200_000 && counting.bytes() < 2 << 30, "{options}");
        }
        assert!(differed > 50, "{options}: the changes hit nothing ({differed})");
    }
}

#[test]
fn chains_that_go_round_or_astray_are_corrupt_where_they_do() {
    let clean = image("-F 16 -s 1 -f 1", 4 << 10);
    let fat = 512 * usize::from(u16::from_le_bytes(clean[14..16].try_into().unwrap()));
    let large = entry_at(&clean, b"LARGE      ");
    let first = usize::from(u16::from_le_bytes(clean[large + 26..large + 28].try_into().unwrap()));
    let entry = |cluster: usize| fat + 2 * cluster;
    let outcome = |cluster: usize, next: usize| {
        let mut bytes = clean.clone();
        bytes[entry(cluster)..entry(cluster) + 2].copy_from_slice(&u16::try_from(next).unwrap().to_le_bytes());
        let error = open_bytes(bytes).unwrap().read_at(large as u64, 0, 20_000).err().unwrap();
        (error.kind, usize::try_from(error.at.unwrap()).unwrap())
    };
    // To itself, to its beginning, in a ring that begins later; to a free cluster, number 1, one that is not there.
    assert_eq!(outcome(first + 5, first + 5), (ErrorKind::Corrupt, entry(first + 5)));
    assert_eq!(outcome(first + 9, first), (ErrorKind::Corrupt, entry(first + 9)));
    assert_eq!(outcome(first + 6, first + 3).0, ErrorKind::Corrupt);
    for next in [0, 1, 0xFFF0] {
        assert_eq!(outcome(first + 5, next), (ErrorKind::Corrupt, entry(first + 5)), "{next:#x}");
    }
    // An end before the end.
    assert_eq!(outcome(first + 5, 0xFFFF), (ErrorKind::Corrupt, large));
    let mut bytes = clean.clone();
    bytes[large + 26..large + 28].fill(0);
    assert_eq!(kind_of(open_bytes(bytes).unwrap().read_at(large as u64, 0, 1)), ErrorKind::Corrupt);
    let mut bytes = clean.clone();
    bytes[large + 28..large + 32].fill(0xFF);
    assert_eq!(kind_of(open_bytes(bytes).unwrap().read_at(large as u64, 0, 1)), ErrorKind::Corrupt);
}

#[test]
fn a_directory_that_goes_round_is_corrupt() {
    let mut bytes = image("-F 16 -s 1 -f 1", 4 << 10);
    let fat = 512 * usize::from(u16::from_le_bytes(bytes[14..16].try_into().unwrap()));
    let dir = entry_at(&bytes, b"A          ");
    let first = u16::from_le_bytes(bytes[dir + 26..dir + 28].try_into().unwrap());
    let entry = fat + 2 * usize::from(first);
    bytes[entry..entry + 2].copy_from_slice(&first.to_le_bytes());
    let fs = open_bytes(bytes).unwrap();
    let error = fs.list(fs.lookup(0, "a").unwrap(), 99).err().unwrap();
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(entry as u64)));
}

#[test]
fn a_boot_sector_that_contradicts_itself_is_corrupt_and_says_where() {
    let mut clean = image("-F 32 -s 1", 40 << 10);
    clean.truncate(1 << 20);
    let cases: [(usize, &[u8]); 8] = [
        (11, &[0, 3]),       // BPB_BytsPerSec
        (13, &[3]),          // BPB_SecPerClus
        (14, &[0, 0]),       // BPB_RsvdSecCnt
        (16, &[0]),          // BPB_NumFATs
        (22, &[0xFF, 0xFF]), // BPB_FATSz16: then FAT16, with too many clusters
        (32, &[9, 0, 0, 0]), // BPB_TotSec32
        (36, &[0; 4]),       // BPB_FATSz32
        (44, &[1, 0, 0, 0]), // BPB_RootClus
    ];
    for (field, value) in cases {
        let mut bytes = clean.clone();
        bytes[field..field + value.len()].copy_from_slice(value);
        let error = open_bytes(bytes).err().unwrap_or_else(|| panic!("{field}"));
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
        let blamed = if matches!(field, 22 | 36) { [32, 22] } else { [field as u64; 2] };
        assert!(blamed.contains(&error.at.unwrap()), "{field}: {error}");
    }
}

#[test]
fn a_node_that_is_no_entry_is_corrupt() {
    let clean = image("-F 16 -s 1 -f 1", 4 << 10);
    let large = entry_at(&clean, b"LARGE      ") as u64;
    let fs = open_bytes(clean).unwrap();
    for node in [1, 32, 512, large + 1, (4 << 20) - 32, u64::MAX - 31, u64::MAX] {
        assert_eq!(kind_of(fs.stat(node)), ErrorKind::Corrupt, "{node}");
    }
    assert_eq!(fs.stat(large).unwrap().size, 20_000);
}
