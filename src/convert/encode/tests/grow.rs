//! sfdisk and sgdisk make the tables and say whether they are right after the disk has grown.

use std::path::Path;

use super::{Compression, MIB, Target, disk, encoded, text};
use crate::convert::encode::grow::{HEAD, backup_gpt};
use crate::convert::encode::{Disk, Patch};
use crate::disk::container::open;
use crate::disk::testkit::{self, run};
use crate::disk::{ErrorKind, ReadAt};

fn sfdisk(file: &Path, script: &str) {
    let command = format!("PATH=$PATH:/usr/sbin:/sbin; printf '{script}' | sfdisk -q {}", text(file));
    run("fdisk", "sh", &["-c", &command]);
}

fn head(disk: &dyn ReadAt) -> Vec<u8> {
    disk.read_vec_at(0, HEAD.min(disk.len() as usize)).unwrap()
}

/// The disk in a file, grown and with its table moved.
fn grown(file: &Path, size: u64) -> Disk {
    let disk = disk(testkit::open(file));
    let patches = backup_gpt(&head(disk.guest()), size).unwrap();
    disk.grown(size).unwrap().patched(patches)
}

fn made(dir: &Path, size: u64, script: &str) -> std::path::PathBuf {
    let file = dir.join("disk.raw");
    std::fs::File::create(&file).unwrap().set_len(size).unwrap();
    sfdisk(&file, script);
    file
}

const SCRIPT: &str = r"label: gpt\n2048,20M,U,*\n,,L\n";

#[test]
fn the_second_table_moves_to_the_new_end() {
    let dir = tempfile::tempdir().unwrap();
    for (old, script) in
        [(64 * MIB, SCRIPT), (64 * MIB + 512, SCRIPT), (64 * MIB, r"label: gpt\ntable-length: 512\n,,L\n")]
    {
        let file = made(dir.path(), old, script);
        for new in [old, 65 * MIB, 100 * MIB] {
            for target in [Target::Raw, Target::qcow2(Compression::Zlib)] {
                let (bytes, ..) = encoded(&grown(&file, new), target);
                let out = dir.path().join("grown");
                std::fs::write(&out, &bytes).unwrap();
                if target != Target::Raw {
                    let raw = dir.path().join("grown.raw");
                    run("qemu-utils", "qemu-img", &["convert", "-f", "qcow2", "-O", "raw", text(&out), text(&raw)]);
                    std::fs::rename(raw, &out).unwrap();
                }
                assert_eq!(std::fs::metadata(&out).unwrap().len(), new);
                let said = run("gdisk", "sgdisk", &["-v", text(&out)]);
                assert!(said.contains("No problems found"), "{old} to {new}: {said}");
                let said = run("fdisk", "sfdisk", &["--verify", text(&out)]);
                assert!(said.contains("No errors detected"), "{old} to {new}: {said}");
                let dump = |file: &Path| {
                    let dump = run("fdisk", "sfdisk", &["--dump", text(file)]);
                    let kept = dump.lines().filter(|line| line.contains(" : ") || line.starts_with("label-id"));
                    kept.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect::<Vec<_>>()
                };
                assert_eq!(dump(&out), dump(&file), "the same partitions");
            }
        }
    }
}

/// What sgdisk itself does about it ("move second header to end").
#[test]
fn the_tables_are_those_that_sgdisk_writes() {
    let dir = tempfile::tempdir().unwrap();
    let file = made(dir.path(), 64 * MIB, SCRIPT);
    let (ours, ..) = encoded(&grown(&file, 100 * MIB), Target::Raw);
    std::fs::File::options().write(true).open(&file).unwrap().set_len(100 << 20).unwrap();
    run("gdisk", "sgdisk", &["-e", text(&file)]);
    let theirs = std::fs::read(&file).unwrap();
    let end = 100 << 20;
    // sgdisk rounds the last sector that may be used down to a whole MiB, and puts the second table's entries behind it.
    let header =
        |disk: &[u8], at: usize| [&disk[at..at + 16], &disk[at + 20..at + 48], &disk[at + 56..at + 72]].concat();
    for at in [512, end - 512] {
        assert_eq!(header(&ours, at), header(&theirs, at));
    }
    assert!(ours[1024..34 * 512] == theirs[1024..34 * 512] && ours[end - 33 * 512..end - 512] == ours[1024..34 * 512]);
    // The sectors that the protective partition has.
    assert_eq!(ours[446 + 12..446 + 16], (100 * 2048_u32 - 1).to_le_bytes());
}

/// An MBR that shows partitions, too: what stands before them there stays as it is, as sgdisk leaves it.
#[test]
fn a_hybrid_mbr_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    for hybrid in ["1", "1:2", "2:EE"] {
        let file = dir.path().join("disk.raw");
        let _ = std::fs::remove_file(&file);
        std::fs::File::create(&file).unwrap().set_len(100 << 20).unwrap();
        run("gdisk", "sgdisk", &["-n", "1:2048:+20M", "-n", "2:0:0", "-h", hybrid, text(&file)]);
        let before = std::fs::read(&file).unwrap();
        let (ours, ..) = encoded(&grown(&file, 130 * MIB), Target::Raw);
        assert!(ours[..512] == before[..512], "{hybrid}: the MBR");
        let out = dir.path().join("grown");
        std::fs::write(&out, &ours).unwrap();
        let said = run("gdisk", "sgdisk", &["-v", text(&out)]);
        assert!(said.contains("No problems found") && !said.contains("overlap"), "{hybrid}: {said}");
    }
}

/// What a refusal says, done.
#[test]
fn a_table_whose_first_header_is_damaged_is_mended_as_the_refusal_says() {
    let dir = tempfile::tempdir().unwrap();
    for damage in [512, 512 + 60, 1024] {
        let file = made(dir.path(), 64 * MIB, SCRIPT);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[damage] ^= 1;
        let refused = backup_gpt(&bytes[..HEAD], 100 * MIB).unwrap_err();
        assert!(refused.what.contains("`sgdisk -e`"), "{}", refused.what);
        std::fs::write(&file, &bytes).unwrap();
        run("gdisk", "sgdisk", &["-e", text(&file)]);
        let mended = std::fs::read(&file).unwrap();
        assert!(!backup_gpt(&mended[..HEAD], 100 * MIB).unwrap().is_empty(), "{damage}");
    }
}

#[test]
fn where_no_table_has_to_move_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let gpt = made(dir.path(), 64 * MIB, SCRIPT);
    let bytes = std::fs::read(&gpt).unwrap();
    assert_eq!(backup_gpt(&bytes[..HEAD], 64 * MIB).unwrap(), [], "it lies right");
    assert_eq!(backup_gpt(&vec![0; HEAD], 64 * MIB).unwrap(), []);
    assert_eq!(backup_gpt(&[], 64 * MIB).unwrap(), []);
    let mbr = made(dir.path(), 64 * MIB, r"label: dos\n2048,20M,L\n");
    assert_eq!(backup_gpt(&std::fs::read(mbr).unwrap()[..HEAD], 100 * MIB).unwrap(), [], "an MBR has no end");
}

#[test]
fn a_damaged_table_is_refused_and_nothing_panics() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(made(dir.path(), 64 * MIB, SCRIPT)).unwrap();
    let refused = |change: &dyn Fn(&mut Vec<u8>), size: u64| {
        let mut head = bytes[..HEAD].to_vec();
        change(&mut head);
        backup_gpt(&head, size).unwrap_err().kind
    };
    assert_eq!(refused(&|head| head[512] = 0, 100 * MIB), ErrorKind::Corrupt, "no header");
    assert_eq!(refused(&|head| head[512 + 60] ^= 1, 100 * MIB), ErrorKind::Corrupt, "its checksum");
    assert_eq!(refused(&|head| head[1024] ^= 1, 100 * MIB), ErrorKind::Corrupt, "the entries' checksum");
    assert_eq!(refused(&|head| head.truncate(1024), 100 * MIB), ErrorKind::Limit);
    assert_eq!(refused(&|_| {}, 63 * MIB), ErrorKind::Corrupt, "the partitions would not fit");
    assert_eq!(refused(&|_| {}, 0), ErrorKind::Corrupt);
    for copy in testkit::damaged(&bytes[..HEAD], &[440..512, 512..604, 1024..2048], 500) {
        for size in [0, 512, 64 * MIB, 100 * MIB, u64::MAX] {
            let patches: Vec<Patch> = backup_gpt(&copy, size).unwrap_or_default();
            assert!(
                patches.iter().all(|patch| patch.at.saturating_add(patch.bytes.len() as u64) <= size.max(HEAD as u64))
            );
        }
    }
    let image = open(testkit::memory(bytes)).unwrap();
    assert!(image.guest.is_some());
}
