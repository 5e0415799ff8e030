//! Signs of health, as ntfs-3g's own probe sees them.

use std::path::Path;
use std::process::Command;

use super::{content, edit, kind_of, make, node, noise, open, put};
use crate::disk::ErrorKind;
use crate::disk::testkit;
use crate::inspect::facts::SignKind;

/// What `ntfs-3g.probe` ends with (`ntfs_mount_error` of ntfs-3g).
const FINE: i32 = 0;
const INCONSISTENT: i32 = 13;
const HIBERNATED: i32 = 14;
const UNCLEAN: i32 = 15;

fn probe(image: &Path) -> i32 {
    let output = Command::new("ntfs-3g.probe").arg("--readwrite").arg(image).output();
    let output = output.unwrap_or_else(|e| panic!("ntfs-3g.probe: {e}: install the Debian package ntfs-3g"));
    output.status.code().unwrap()
}

fn signs(image: &Path) -> Vec<SignKind> {
    open(image).unwrap().signs().unwrap().into_iter().map(|sign| sign.kind).collect()
}

#[test]
fn healthy_filesystems_have_none() {
    let dir = tempfile::tempdir().unwrap();
    for options in ["-c 512", "-c 4096", "-c 65536", "-s 4096 -c 4096"] {
        let image = make(dir.path(), options, 32 << 20);
        assert_eq!(signs(&image), [], "{options}");
        put(&image, "file", "", b"content");
        assert_eq!(signs(&image), [], "{options}");
        assert_eq!(probe(&image), FINE, "{options}");
    }
}

#[test]
fn marked_to_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    // It schedules a check, and takes that back with -d.
    testkit::run("ntfs-3g", "ntfsfix", &[image.to_str().unwrap()]);
    let found = open(&image).unwrap().signs().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].value.as_str()), (SignKind::Dirty, "$Volume flags 0x0001"));
    assert!(edit::places(&image, 3)[0] < found[0].at && found[0].at < edit::places(&image, 4)[0]);
    testkit::run("ntfs-3g", "ntfsfix", &["-d", image.to_str().unwrap()]);
    assert_eq!(signs(&image), []);
}

#[test]
fn hibernated() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    let cases: [(&[u8], bool); 6] =
        [(b"HIBR", true), (b"hibr", true), (b"WAKE", false), (b"wake", false), (b"RSTR", false), (b"\0\0\0\0", false)];
    put(&image, "hiberfil.sys", "", &[b"wake".as_slice(), &[1; 8188]].concat());
    let file = node(open(&image).unwrap().as_ref(), "hiberfil.sys").unwrap();
    let mft = super::super::Ntfs::open(testkit::open(&image)).unwrap().mft;
    let content = mft.file(file).unwrap().stream(&mft, 0x80, "").unwrap().unwrap();
    let at = content.place(&mft.disk, 0).unwrap();
    for (magic, is_hibernated) in cases {
        edit::write(&image, at, magic);
        let expected: &[_] = if is_hibernated { &[SignKind::Hibernated] } else { &[] };
        assert_eq!(signs(&image), expected, "{}", String::from_utf8_lossy(magic));
        // ntfs-3g goes further, and takes all that is not zeros for a system.
        if is_hibernated {
            assert_eq!(probe(&image), HIBERNATED);
        }
    }
}

#[test]
fn a_copy_of_the_file_table_that_differs() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..4 {
        let image = make(dir.path(), "", 16 << 20);
        let [_, copy] = edit::places(&image, number);
        edit::record_at(&image, copy, |raw| {
            let (at, _) = edit::attribute(raw, 0x10);
            raw[at + 0x20] ^= 1;
        });
        let found = open(&image).unwrap().signs().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].at), (SignKind::BackupMismatch, copy), "{number}");
        assert_eq!(probe(&image), INCONSISTENT, "{number}");
    }
}

#[test]
fn the_copy_serves_where_the_first_record_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    for (offset, damage) in [(0, b"BAAD".as_slice()), (510, b"xx"), (1022, b"xx"), (0, &[0; 1024])] {
        let image = make(dir.path(), "", 16 << 20);
        let file = noise(1, 20_000);
        put(&image, "file", "", &file);
        let [record, copy] = edit::places(&image, 0);
        edit::write(&image, record + offset, damage);
        assert!(content(open(&image).unwrap().as_ref(), "file").unwrap() == file);
        assert_eq!(signs(&image), [SignKind::BackupMismatch]);
        edit::write(&image, copy + offset, damage);
        assert_eq!(kind_of(open(&image)), ErrorKind::Corrupt);
    }
}

/// A restart page of the log: its number, whether a client has it open, and its flags.
fn restart_page(lsn: u64, client: u16, flags: u16) -> Vec<u8> {
    let mut page = vec![0; 4096];
    let mut set = |at: usize, value: &[u8]| page[at..at + value.len()].copy_from_slice(value);
    set(0, b"RSTR");
    set(4, &0x1E_u16.to_le_bytes());
    set(6, &9_u16.to_le_bytes());
    set(0x10, &4096_u32.to_le_bytes());
    set(0x14, &4096_u32.to_le_bytes());
    set(0x18, &0x30_u16.to_le_bytes());
    set(0x1A, &[1, 0, 1, 0]);
    set(0x1E, &7_u16.to_le_bytes());
    let area = 0x30;
    set(area, &lsn.to_le_bytes());
    set(area + 8, &1_u16.to_le_bytes());
    // The free clients, then those in use.
    set(area + 0xA, &(if client == 0 { 0xFFFF_u16 } else { 0 }).to_le_bytes());
    set(area + 0xC, &client.to_le_bytes());
    set(area + 0xE, &flags.to_le_bytes());
    // Bits of a log number that are its place in a log of 2 MiB.
    set(area + 0x10, &45_u32.to_le_bytes());
    set(area + 0x14, &(0x40_u16 + 0xA0).to_le_bytes());
    set(area + 0x16, &0x40_u16.to_le_bytes());
    set(area + 0x18, &(2_u64 << 20).to_le_bytes());
    set(area + 0x24, &0x30_u16.to_le_bytes());
    set(area + 0x26, &0x40_u16.to_le_bytes());
    let client = area + 0x40;
    set(client + 0x10, &[0xFF; 4]);
    set(client + 0x1C, &8_u32.to_le_bytes());
    set(client + 0x20, &"NTFS".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    edit::protect(&mut page);
    page
}

#[test]
fn a_log_that_was_left_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 64 << 20);
    let mft = super::super::Ntfs::open(testkit::open(&image)).unwrap().mft;
    let log = mft.file(2).unwrap().stream(&mft, 0x80, "").unwrap().unwrap();
    let at = log.place(&mft.disk, 0).unwrap();
    let needs_replay = [SignKind::LogNeedsReplay];
    // Of two pages the newer one counts.
    let cases = [
        ([(9, 0, 0), (5, 0, 2)], true),
        ([(5, 0, 2), (9, 0, 0)], true),
        ([(9, 0, 2), (5, 0, 0)], false),
        ([(5, 0, 0), (9, 0xFFFF, 0)], false),
        ([(9, 0xFFFF, 2), (9, 0xFFFF, 2)], false),
    ];
    for (pages, is_unclean) in cases {
        for (place, (lsn, client, flags)) in [0, 4096].into_iter().zip(pages) {
            edit::write(&image, at + place, &restart_page(lsn, client, flags));
        }
        let expected: &[_] = if is_unclean { &needs_replay } else { &[] };
        assert_eq!(signs(&image), expected, "{pages:?}");
        assert_eq!(probe(&image), if is_unclean { UNCLEAN } else { FINE }, "{pages:?}");
    }
}
