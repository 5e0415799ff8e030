//! sfdisk and sgdisk write the tables, and sfdisk says what is in them.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

mod copies;
mod foreign;
mod kinds;
mod logical;

use std::path::Path;
use std::sync::Arc;

use super::read;
use crate::disk::testkit::{self, Counting, run};
use crate::disk::{Error, ErrorKind, ReadAt};
use crate::inspect::facts::{GptCopy, PartitionTable, Role, Scheme};

const MIB: u64 = 1 << 20;

fn disk(dir: &Path, mib: u64) -> std::path::PathBuf {
    let file = dir.join("disk");
    std::fs::File::create(&file).unwrap().set_len(mib * MIB).unwrap();
    file
}

/// Partitions a fresh disk by an sfdisk script.
fn sfdisk(dir: &Path, mib: u64, script: &str) -> Vec<u8> {
    let file = disk(dir, mib);
    let command = format!("printf '%b' '{script}' | sfdisk -q {}", file.display());
    run("fdisk", "sh", &["-c", &format!("PATH=$PATH:/usr/sbin:/sbin; {command}")]);
    std::fs::read(file).unwrap()
}

fn parse(bytes: &[u8]) -> Result<PartitionTable, Error> {
    read(&testkit::memory(bytes.to_vec()))
}

/// What sfdisk says of the same disk, in our words: number, start, size, type, identifier.
fn according_to_sfdisk(file: &Path) -> Vec<(u32, u64, u64, String, String)> {
    let json = run("fdisk", "sfdisk", &["-J", file.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let table = &json["partitiontable"];
    let sector = table["sectorsize"].as_u64().unwrap_or(512);
    let id = table["id"].as_str().unwrap().trim_start_matches("0x").to_owned();
    let partitions = table["partitions"].as_array().cloned().unwrap_or_default();
    let row = |partition: serde_json::Value| {
        let node = partition["node"].as_str().unwrap();
        let number: u32 = node.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        let kind = partition["type"].as_str().unwrap().to_lowercase();
        let uuid = partition["uuid"].as_str().map_or_else(|| format!("{id}-{number:02x}"), str::to_lowercase);
        let bytes = |key: &str| partition[key].as_u64().unwrap() * sector;
        (number, bytes("start"), bytes("size"), format!("{kind:0>2}"), uuid)
    };
    let mut rows: Vec<_> = partitions.into_iter().map(row).collect();
    rows.sort_unstable();
    rows
}

fn rows(table: &PartitionTable) -> Vec<(u32, u64, u64, String, String)> {
    let row = |p: &crate::inspect::facts::Partition| {
        (p.number, p.start_bytes, p.size_bytes, p.type_id.clone(), p.uuid.clone())
    };
    let mut rows: Vec<_> = table.partitions.iter().map(row).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn mbr_with_logical_partitions_reads_as_sfdisk_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    for script in [
        "label: dos\n,4M,83,*\n,4M,82\n",
        "label: dos\n,4M,ef\n,4M,7\n,20M,E\n,2M,83\n,3M,83\n,4M,8e\n,1M,fd\n",
        "label: dos\n,20M,f\n,4M,83,*\n,2M,83\n,3M,82\n",
        "label: dos\n,,c\n",
        "label: dos\n,20M,85\n,4M,a5\n",
    ] {
        let bytes = sfdisk(dir.path(), 40, script);
        let table = parse(&bytes).unwrap();
        assert_eq!((table.scheme, table.signature.as_str(), table.sector_bytes), (Scheme::Mbr, "55aa", 512));
        assert_eq!(rows(&table), according_to_sfdisk(&dir.path().join("disk")), "{script}");
        let active: Vec<_> = table.partitions.iter().filter(|p| p.active).map(|p| p.number).collect();
        let starred = script.lines().skip(1).position(|line| line.ends_with('*')).map(|at| at as u32 + 1);
        assert_eq!(active, starred.into_iter().collect::<Vec<_>>(), "{script}");
    }
}

#[test]
fn gpt_reads_as_sfdisk_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let script = "label: gpt\nsize=1M,type=21686148-6449-6E6F-744E-656564454649\n\
                  size=4M,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B,name=\"EFI system\"\n\
                  size=4M,type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\n\
                  size=4M,type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE\n\
                  type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name=\"root\"\n";
    let bytes = sfdisk(dir.path(), 40, script);
    let table = parse(&bytes).unwrap();
    assert_eq!((table.scheme, table.gpt_copy, table.hybrid), (Scheme::Gpt, Some(GptCopy::Primary), false));
    assert_eq!(rows(&table), according_to_sfdisk(&dir.path().join("disk")));
    let roles: Vec<_> = table.partitions.iter().map(|p| p.role).collect();
    assert_eq!(roles, [Role::BiosBoot, Role::Esp, Role::Swap, Role::MicrosoftReserved, Role::Plain]);
    assert_eq!(table.partitions[4].name, "root");
    assert_eq!(table.backup_bytes, Some(40 * MIB - 512));
    assert!(table.usable_end_bytes.unwrap() < 40 * MIB);
}

#[test]
fn either_copy_of_a_gpt_suffices_and_neither_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let good = sfdisk(dir.path(), 16, "label: gpt\n,4M,L\n,4M,L\n");
    let expected = rows(&parse(&good).unwrap());
    for (what, at) in [("header", 512 + 40), ("entries", 1024 + 130)] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let table = parse(&bytes).unwrap();
        assert_eq!(table.gpt_copy, Some(GptCopy::Backup), "{what}");
        assert_eq!(rows(&table), expected, "{what}");
        assert_eq!(table.backup_bytes, Some(16 * MIB - 512));
        let last = bytes.len() - 512;
        bytes[last + 40] ^= 1;
        let error = parse(&bytes).unwrap_err();
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(at as u64 / 512 * 512)), "{what}");
    }
    let mut headless = good.clone();
    headless[..17 << 10].fill(0);
    let table = parse(&headless).unwrap();
    assert_eq!((table.gpt_copy, rows(&table)), (Some(GptCopy::Backup), expected.clone()), "LBA 0 to 33 wiped");
}

#[test]
fn a_gpt_of_a_disk_with_4096_byte_sectors_is_found() {
    for name in ["partitions/gptman-disk2.img.zst", "partitions/gptman-disk4.img.zst"] {
        let Some(bytes) = testkit::sample(name) else { return };
        let table = parse(&bytes).unwrap();
        assert_eq!(table.scheme, Scheme::Gpt, "{name}");
        assert_eq!(table.sector_bytes, 4096, "{name}");
    }
}

#[test]
fn a_hybrid_table_counts_as_gpt_and_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 16);
    let path = file.to_str().unwrap();
    run("gdisk", "sgdisk", &["-n1:0:+4M", "-t1:ef00", "-n2:0:0", "-c2:data", path]);
    assert!(!read(&testkit::open(&file)).unwrap().hybrid);
    run("gdisk", "sgdisk", &["-h", "1:2", path]);
    let table = read(&testkit::open(&file)).unwrap();
    assert!(table.hybrid && table.scheme == Scheme::Gpt && table.partitions.len() == 2);
    assert_eq!((table.partitions[0].role, table.partitions[1].name.as_str()), (Role::Esp, "data"));
}

#[test]
fn a_filesystem_without_a_table_is_named_instead() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 400);
    let path = file.to_str().unwrap();
    for (package, program, args, name) in [
        ("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4"][..], "ext4"),
        ("xfsprogs", "mkfs.xfs", &["-q", "-f"], "xfs"),
        ("ntfs-3g", "mkntfs", &["-q", "-F", "-f"], "ntfs"),
        ("dosfstools", "mkfs.vfat", &["-I"], "vfat"),
        ("btrfs-progs", "mkfs.btrfs", &["-q", "-f"], "btrfs"),
    ] {
        std::fs::File::create(&file).unwrap().set_len(400 * MIB).unwrap();
        run(package, program, &[args, &[path]].concat());
        let table = read(&testkit::open(&file)).unwrap();
        assert_eq!((table.scheme, table.instead.as_deref()), (Scheme::None, Some(name)));
        assert!(table.partitions.is_empty());
    }
    for (bytes, signature) in [(vec![0; 1 << 20], "0000"), (vec![0; 100], ""), (Vec::new(), "")] {
        let table = parse(&bytes).unwrap();
        assert_eq!((table.scheme, table.instead, table.signature.as_str()), (Scheme::None, None, signature));
    }
}

#[test]
fn a_superblock_from_before_the_table_is_a_leftover_when_a_partition_holds_something() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 32);
    let path = file.to_str().unwrap();
    run("e2fsprogs", "mke2fs", &["-q", "-F", path]);
    let script = format!("PATH=$PATH:/usr/sbin:/sbin; echo 2048,,83 | sfdisk -q --wipe never --force -X dos {path}");
    run("fdisk", "sh", &["-c", &script]);
    let table = read(&testkit::open(&file)).unwrap();
    assert_eq!(
        (table.scheme, table.instead.as_deref()),
        (Scheme::None, Some("ext2")),
        "an entry that leads to nothing"
    );
    run("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", "-E", "offset=1048576", path, "16m"]);
    let table = read(&testkit::open(&file)).unwrap();
    assert_eq!((table.scheme, table.instead, table.partitions.len()), (Scheme::Mbr, None, 1));
}

#[test]
fn a_chain_of_logical_partitions_that_never_ends_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = sfdisk(dir.path(), 40, "label: dos\n,30M,E\n,2M,83\n,3M,83\n");
    let table = parse(&bytes).unwrap();
    let frame = table.partitions.iter().find(|p| p.role == Role::Extended).unwrap().start_bytes as usize;
    let next = u32::from_le_bytes(bytes[frame + 470..frame + 474].try_into().unwrap()) as usize * 512;
    // The second record names the first as its next.
    let at = frame + next + 446 + 16;
    bytes[at..at + 16].copy_from_slice(&[0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0]);
    let endless = parse(&bytes).unwrap();
    assert_eq!(endless.circle_bytes, Some(frame as u64));
    let numbers = |table: &PartitionTable| table.partitions.iter().map(|p| p.number).collect::<Vec<_>>();
    assert_eq!(numbers(&endless), numbers(&table));
}

#[test]
fn samples_of_other_programs_read_as_their_authors_say() {
    for (name, scheme, count) in [
        ("partitions/dfir-gpt-512-0p.raw.gz", Scheme::Gpt, 0),
        ("partitions/dfir-mbr-512-p0.bin", Scheme::None, 0),
        ("partitions/dfir-mbr-512-p1.bin", Scheme::Mbr, 1),
        ("partitions/dfir-mbr-512-p1e2.bin.gz", Scheme::Mbr, 4),
        ("partitions/dfvfs-gpt.raw.zst", Scheme::Gpt, 2),
        ("partitions/dfvfs-mbr.raw.zst", Scheme::Mbr, 3),
        ("partitions/dissect-apm.bin", Scheme::None, 0),
        ("partitions/blkid-sun.img.xz", Scheme::None, 0),
        ("partitions/blkid-gpt.img.xz", Scheme::Gpt, 5),
        ("partitions/etcher-gpt-test.img.gz", Scheme::Gpt, 3),
    ] {
        let Some(bytes) = testkit::sample(name) else { return };
        let table = parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((table.scheme, table.partitions.len()), (scheme, count), "{name}: {:?}", rows(&table));
    }
}

#[test]
fn a_table_costs_few_requests_and_damage_never_panics() {
    let dir = tempfile::tempdir().unwrap();
    let gpt = sfdisk(dir.path(), 8, "label: gpt\n,1M,L\n,1M,L\n");
    let counting = Counting::new(testkit::memory(gpt.clone()));
    let disk: Arc<dyn ReadAt> = counting.clone();
    read(&disk).unwrap();
    assert!(counting.requests() <= 3, "{} requests", counting.requests());
    let mbr = sfdisk(dir.path(), 8, "label: dos\n,1M,83\n,5M,E\n,1M,83\n,1M,83\n");
    let frame = 2 << 20;
    let last = gpt.len() - 512;
    let cases = [
        (&gpt, vec![446..512, 512..604, 1024..1280, last..gpt.len()]),
        (&mbr, vec![440..512, frame + 446..frame + 512, frame + (2 << 20) + 446..frame + (2 << 20) + 512]),
    ];
    for (bytes, places) in cases {
        for copy in testkit::damaged(bytes, &places, 600) {
            let counting = Counting::new(testkit::memory(copy));
            let disk: Arc<dyn ReadAt> = counting.clone();
            let _ = read(&disk);
            assert!(counting.requests() < 600 && counting.bytes() < 16 << 20);
        }
    }
}
