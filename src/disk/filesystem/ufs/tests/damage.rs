//! Damage: every call returns, within its bounds, and what contradicts itself says where.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::super::{Node, NodeKind};
use super::{inode_of, kind_of, made, made_of, open_bytes, opened, put};
use crate::disk::testkit::{self, Counting};
use crate::disk::{ErrorKind, ReadAt};

const AT: usize = 8192;
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
        match stat.kind {
            NodeKind::Directory => {
                ahead.extend(fs.list(node, 500).unwrap_or_default().into_iter().map(|entry| entry.node));
                let _ = fs.lookup(node, "file-7");
            }
            NodeKind::Link => assert!(fs.read_link(node).map_or(0, |target| target.len()) <= 3 * 4096),
            NodeKind::File => {
                for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                    assert!(fs.read_at(node, at, 64 << 10).map_or(0, |found| found.len()) <= 64 << 10);
                }
            }
            NodeKind::Special => {}
        }
    }
    seen
}

fn source() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
    for n in 0..40 {
        std::fs::write(dir.path().join(format!("a/file-{n}")), vec![7; n * 50]).unwrap();
    }
    std::fs::write(dir.path().join("large"), vec![7; 100_000]).unwrap();
    symlink("l".repeat(200), dir.path().join("link")).unwrap();
    dir
}

#[test]
fn changed_bytes_are_harmless() {
    let source = source();
    for options in ["version=1,bsize=4096,fsize=512", "version=2,bsize=4096,fsize=512"] {
        let clean = made_of(source.path(), options, "2m");
        let whole = walk(testkit::memory(clean.clone()));
        assert!(whole >= 46, "{options}: {whole}");
        let root = super::inode::read(&opened(&clean), 2).unwrap();
        let (_, large) = inode_of(&clean, "large");
        let place = |at: u64, len: usize| usize::try_from(at).unwrap()..usize::try_from(at).unwrap() + len;
        let width = root.addresses.len() / 15;
        let address = |slot: usize, raw: &[u8]| {
            let mut wide = [0; 8];
            wide[..width].copy_from_slice(&raw[slot * width..(slot + 1) * width]);
            u64::from_le_bytes(wide) * 512
        };
        let places = [
            AT..AT + 212,
            AT + 1000..AT + 1120,
            AT + 1304..AT + 1376,
            place(root.at, 2048),
            place(large.at, 256),
            place(address(12, &large.addresses), 128),
            place(address(0, &root.addresses), 128),
        ];
        let mut differed = 0;
        for copy in testkit::damaged(&clean, &places, 700) {
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
fn a_superblock_that_contradicts_itself_is_corrupt_and_says_where() {
    let source = source();
    let clean = made(source.path(), "version=2");
    let cases: [(usize, &[u8]); 7] = [
        (48, &[0, 0, 1, 1]),         // fs_bsize
        (48, &[0, 0, 2, 0]),         // fs_bsize
        (52, &[0, 1, 0, 0]),         // fs_fsize
        (52, &[0; 4]),               // fs_fsize
        (1080, &[0, 0, 0, 0, 0, 1]), // fs_size
        (44, &[0; 4]),               // fs_ncg
        (184, &[0; 4]),              // fs_ipg
    ];
    for (field, value) in cases {
        let mut bytes = clean.clone();
        put(&mut bytes, (AT + field) as u64, value);
        let error = open_bytes(&bytes).err().unwrap_or_else(|| panic!("{field}"));
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some((AT + field) as u64)), "{error}");
    }
    // Cut short.
    assert_eq!(kind_of(open_bytes(&clean[..clean.len() - 512])), ErrorKind::Corrupt);
}

#[test]
fn a_wrong_address_is_corrupt_at_its_own_offset() {
    let source = source();
    for (version, width) in [("version=1", 4), ("version=2", 8)] {
        let clean = made(source.path(), version);
        let (node, inode) = inode_of(&clean, "large");
        for slot in [0, 3] {
            let mut bytes = clean.clone();
            put(&mut bytes, inode.addresses_at + slot * width, &[0xFF; 8][..usize::try_from(width).unwrap()]);
            let error = open_bytes(&bytes).unwrap().read_at(node, 0, 100_000).err().unwrap();
            assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(inode.addresses_at + slot * width)));
        }
        let mut bytes = clean.clone();
        put(&mut bytes, inode.at, &[0, 0]);
        assert_eq!(kind_of(open_bytes(&bytes).unwrap().stat(node)), ErrorKind::Corrupt);
        put(&mut bytes, inode.at, &[0, 0xF0]);
        assert_eq!(kind_of(open_bytes(&bytes).unwrap().stat(node)), ErrorKind::Corrupt);
        assert_eq!(kind_of(open_bytes(&clean).unwrap().stat(u64::MAX)), ErrorKind::Corrupt);
    }
}

#[test]
fn lists_and_links_keep_to_their_limits() {
    let source = source();
    let clean = made(source.path(), "version=2");
    let fs = open_bytes(&clean).unwrap();
    let (node, link) = inode_of(&clean, "link");
    assert_eq!(fs.read_link(node).unwrap(), "l".repeat(200));
    assert_eq!(kind_of(fs.list(2, 2)), ErrorKind::Limit);
    assert_eq!(kind_of(fs.list(node, 9)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.lookup(node, "x")), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.read_link(2)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.read_at(2, 0, 9)), ErrorKind::NotFound);
    let mut bytes = clean.clone();
    put(&mut bytes, link.at + 16, &[0xFF; 7]);
    assert_eq!(kind_of(open_bytes(&bytes).unwrap().read_link(node)), ErrorKind::Corrupt);
    // A directory without its blocks is mangled, as FreeBSD says.
    let root = super::inode::read(&opened(&clean), 2).unwrap();
    let mut bytes = clean.clone();
    put(&mut bytes, root.addresses_at, &[0; 8]);
    assert_eq!(kind_of(open_bytes(&bytes).unwrap().list(2, 99)), ErrorKind::Corrupt);
}
