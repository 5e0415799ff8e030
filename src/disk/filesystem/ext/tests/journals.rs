//! Journals that debugfs wrote: every form of checksums and of block numbers, revocations, escaped blocks, transactions
//! without an end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{kind_of, make, open, run};
use crate::disk::ErrorKind;
use crate::inspect::facts::SignKind;

const BLOCK: usize = 1024;
const BLOCKS: usize = 200;
const MAGIC: [u8; 4] = 0xC03B_3998_u32.to_be_bytes();

/// Runs requests of `debugfs`, one a line.
pub(super) fn debugfs(image: &Path, requests: &str) {
    let mut child = Command::new("/usr/sbin/debugfs")
        .args(["-w", "-f", "-"])
        .arg(image)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("debugfs is in the Debian package e2fsprogs");
    child.stdin.take().unwrap().write_all(requests.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{requests}");
}

/// A filesystem with a file of many blocks, and the numbers of those.
fn image(dir: &Path, options: &str) -> (PathBuf, Vec<String>) {
    let source = dir.join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), vec![b'0'; BLOCK * BLOCKS]).unwrap();
    let image = make(dir, &source, &format!("{options} -b {BLOCK}"), "16M");
    let blocks = run("debugfs", &["-R", "blocks /file", image.to_str().unwrap()]);
    let data = std::fs::read(&image).unwrap();
    let is_data = |n: &str| {
        let at = n.parse::<usize>().unwrap() * BLOCK;
        data[at..at + BLOCK].iter().all(|b| *b == b'0')
    };
    let blocks: Vec<String> = blocks.split_whitespace().filter(|n| is_data(n)).map(str::to_owned).collect();
    assert_eq!(blocks.len(), BLOCKS, "{options}");
    (image, blocks)
}

/// A file of `count` blocks of `byte`, as `journal_write` takes it; the first one looks like one of the journal's own.
fn content(dir: &Path, byte: u8, count: usize) -> PathBuf {
    let path = dir.join(format!("content-{}", char::from(byte)));
    let mut bytes = vec![byte; BLOCK * count];
    bytes[..4].copy_from_slice(&MAGIC);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The first bytes of every block of the file, in order.
fn read(image: &Path) -> Vec<[u8; 5]> {
    let fs = open(image).unwrap();
    let file = fs.lookup(fs.root(), "file").unwrap();
    let found = fs.read_at(file, 0, BLOCK * BLOCKS).unwrap();
    // Across blocks, and from the middle of one.
    assert!(fs.read_at(file, 3, BLOCK * 3).unwrap() == found[3..3 + BLOCK * 3]);
    found.chunks(BLOCK).map(|block| block[..5].try_into().unwrap()).collect()
}

fn written(byte: u8, first: bool) -> [u8; 5] {
    if first { [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], byte] } else { [byte; 5] }
}

/// Every form of a journal: features, and the version of checksums that debugfs is asked for.
const FORMS: [(&str, &str, &str); 8] = [
    ("-t ext3", "", "none"),
    ("-t ext4 -O ^metadata_csum", "", "none, 64bit"),
    ("-t ext3", "-c", "v1"),
    ("-t ext4 -O ^metadata_csum", "-c", "v1, 64bit"),
    ("-t ext4 -O ^64bit", "-c -v 2", "v2"),
    ("-t ext4", "-c -v 2", "v2, 64bit"),
    ("-t ext4 -O ^64bit", "-c -v 3", "v3"),
    ("-t ext4", "-c -v 3", "v3, 64bit"),
];

#[test]
fn every_form_of_a_journal_is_replayed() {
    for (options, checksums, what) in FORMS {
        let dir = tempfile::tempdir().unwrap();
        let (image, blocks) = image(dir.path(), options);
        let (a, b, c) = (content(dir.path(), b'A', 150), content(dir.path(), b'B', 1), content(dir.path(), b'C', 1));
        // debugfs 1.47.0 sums up the blocks of a revocation too, which is then damaged for e2fsck and the kernel.
        let revokes = checksums != "-c";
        let requests = [
            format!("journal_open {checksums}"),
            format!("journal_write -b {} {}", blocks[..150].join(","), a.display()),
            if revokes {
                format!("journal_write -r {},{},{}", blocks[1], blocks[2], blocks[190])
            } else {
                String::new()
            },
            format!("journal_write -b {} {}", blocks[2], b.display()),
            format!("journal_write -c -b {} {}", blocks[3], c.display()),
            "journal_close".to_owned(),
        ];
        debugfs(&image, &(requests.join("\n") + "\n"));
        let log = run("debugfs", &["-R", "logdump -a", image.to_str().unwrap()]);
        assert_eq!(log.contains("type 5 (revoke table)"), revokes, "{what}: {log}");

        let found = read(&image);
        assert_eq!(found[0], written(b'A', true), "{what}: escaped");
        assert_eq!(found[1], [if revokes { b'0' } else { b'A' }; 5], "{what}: revoked");
        assert_eq!(found[2], written(b'B', true), "{what}: revoked, and written again");
        assert_eq!(found[3], [b'A'; 5], "{what}: what is not committed is not replayed");
        assert!(found[4..150].iter().all(|block| *block == [b'A'; 5]), "{what}");
        assert!(found[150..].iter().all(|block| *block == [b'0'; 5]), "{what}");
        let signs = open(&image).unwrap().signs().unwrap();
        assert_eq!(signs.iter().map(|sign| sign.kind).collect::<Vec<_>>(), [SignKind::LogNeedsReplay], "{what}");
        let transactions = if revokes { " 3 transactions" } else { " 2 transactions" };
        assert!(signs[0].value.contains(transactions), "{what}: {signs:?}");

        run("e2fsck", &["-fy", image.to_str().unwrap()]);
        assert!(read(&image) == found, "{what}: e2fsck reads otherwise");
        assert_eq!(open(&image).unwrap().signs().unwrap(), [], "{what}");
    }
}

/// A journal with three transactions, and where its blocks are: the place in the log is the index.
fn three_transactions(dir: &Path, options: &str, checksums: &str) -> (PathBuf, Vec<usize>) {
    let (image, blocks) = image(dir, options);
    let a = content(dir, b'A', 3);
    let write = |n: usize| format!("journal_write -b {} {}\n", blocks[n..n + 3].join(","), a.display());
    debugfs(&image, &format!("journal_open {checksums}\n{}{}{}journal_close\n", write(0), write(3), write(6)));
    let places = run("debugfs", &["-R", "blocks <8>", image.to_str().unwrap()]);
    let places: Vec<usize> = places.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let bytes = std::fs::read(&image).unwrap();
    let first = places.iter().position(|n| bytes[n * BLOCK..][..4] == MAGIC).unwrap();
    (image, places[first..].iter().map(|n| n * BLOCK).collect())
}

fn overwrite(image: &Path, changes: &[(usize, &[u8])]) {
    let mut bytes = std::fs::read(image).unwrap();
    for (at, change) in changes {
        bytes[*at..at + change.len()].copy_from_slice(change);
    }
    std::fs::write(image, bytes).unwrap();
}

#[test]
fn a_journal_that_the_kernel_refuses_is_corrupt_and_says_where() {
    // Transactions take five blocks: a descriptor, three blocks, a commit; the first one is at place 1.
    for (checksums, place, field, what) in [
        ("-c -v 3", 0, 0x0, "has no superblock"),
        ("-c -v 3", 0, 0x18, "superblock does not match"),
        ("-c -v 3", 1, 0x20, "does not match its checksums"),
        ("-c -v 3", 2, 0x200, "does not match its checksum"),
        ("-c -v 3", 8, 0x200, "does not match its checksum"),
        ("-c -v 3", 10, 0x12, "does not match its checksum"),
        ("-c -v 2", 2, 0x200, "does not match its checksum"),
        ("-c -v 2", 6, 0x20, "does not match its checksums"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (image, places) = three_transactions(dir.path(), "-t ext4", checksums);
        overwrite(&image, &[(places[place] + field, &[0x5A])]);
        let error = open(&image).err().unwrap_or_else(|| panic!("{checksums} {place} {field:#x}: opened"));
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
        assert!(error.what.contains(what), "{checksums} {place} {field:#x}: {error}");
        let at = usize::try_from(error.at.unwrap()).unwrap();
        assert!(places.iter().any(|place| at / BLOCK == place / BLOCK), "{error}");
    }
}

#[test]
fn a_journal_of_blocks_past_the_end_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let (image, places) = three_transactions(dir.path(), "-t ext3", "");
    // The number in the first tag of the first descriptor.
    overwrite(&image, &[(places[1] + 12, &[0x7F])]);
    let error = open(&image).err().unwrap();
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(places[2] as u64)), "{error}");
}

#[test]
fn a_log_ends_where_a_block_does_not_continue_it() {
    for (options, checksums) in [("-t ext3", ""), ("-t ext4", "-c -v 3")] {
        for (place, field, transactions) in [(1, 0, 0), (6, 8, 1), (10, 0, 1), (11, 4, 2)] {
            let dir = tempfile::tempdir().unwrap();
            let (image, places) = three_transactions(dir.path(), options, checksums);
            overwrite(&image, &[(places[place] + field, &[0xEE])]);
            let found = read(&image).iter().filter(|block| **block != [b'0'; 5]).count();
            assert_eq!(found, transactions * 3, "{options}, {place} {field}");
        }
    }
}

#[test]
fn a_log_that_leads_back_into_itself_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (image, places) = three_transactions(dir.path(), "-t ext4 -O ^metadata_csum", "");
    // All of it is one revocation of nothing, again and again.
    let bytes = std::fs::read(&image).unwrap();
    let mut revocation = bytes[places[1]..places[1] + 12].to_vec();
    revocation[7] = 5;
    let changes: Vec<(usize, &[u8])> = places[1..].iter().map(|at| (*at, revocation.as_slice())).collect();
    overwrite(&image, &changes);
    let error = open(&image).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(error.what.contains("leads back into itself"), "{error}");
}

#[test]
fn what_a_journal_asks_for_that_is_not_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (image, places) = three_transactions(dir.path(), "-t ext3", "");
    // s_feature_incompat of the journal; s_maxlen.
    let clean = std::fs::read(&image).unwrap();
    overwrite(&image, &[(places[0] + 0x28, &[0, 0, 1, 1])]);
    assert_eq!(kind_of(open(&image)), ErrorKind::Unsupported);
    std::fs::write(&image, &clean).unwrap();
    overwrite(&image, &[(places[0] + 0x10, &[0xFF; 4])]);
    assert_eq!(kind_of(open(&image)), ErrorKind::Corrupt);
    // s_journal_inum, s_journal_dev: a journal on another device; none; one that is no file.
    for (inode, device, kind) in
        [(0, 5, ErrorKind::Unsupported), (0, 0, ErrorKind::Corrupt), (2, 0, ErrorKind::Corrupt)]
    {
        std::fs::write(&image, &clean).unwrap();
        overwrite(&image, &[(1024 + 0xE0, &[inode]), (1024 + 0xE4, &[device])]);
        assert_eq!(kind_of(open(&image)), kind);
    }
}

#[test]
fn a_journal_with_nothing_in_it_changes_nothing() {
    for options in ["-t ext3", "-t ext4", "-t ext4 -O ^metadata_csum,^64bit"] {
        let dir = tempfile::tempdir().unwrap();
        let (image, _) = image(dir.path(), options);
        super::edit(&image, "feature needs_recovery");
        assert!(read(&image).iter().all(|block| *block == [b'0'; 5]));
        let signs = open(&image).unwrap().signs().unwrap();
        assert_eq!(signs.iter().map(|sign| sign.kind).collect::<Vec<_>>(), [SignKind::LogNeedsReplay]);
    }
}
