//! The two copies of a GPT: which one counts, what is wrong with the other, and disks that grew or were cut.

use super::{MIB, disk, parse, rows, sfdisk};
use crate::disk::testkit::{self, Counting, run};
use crate::disk::{ErrorKind, ReadAt, partition};
use crate::inspect::facts::{GptCopy, Named, PartitionTable, Scheme, TroubleKind};
use std::sync::Arc;

const SCRIPT: &str = "label: gpt\n,4M,L\n,4M,L\n";

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Makes the checksums of the copy whose header is at byte `at` right again.
fn reseal(bytes: &mut [u8], at: usize) {
    let array = u64::from_le_bytes(bytes[at + 72..at + 80].try_into().unwrap()) as usize * 512;
    let len = u64::from(u32_at(bytes, at + 80)) * u64::from(u32_at(bytes, at + 84));
    if let Some(entries) = bytes.get(array..array.saturating_add(len as usize)) {
        let crc = crc32fast::hash(entries);
        put(bytes, at + 88, &crc.to_le_bytes());
    }
    put(bytes, at + 16, &[0; 4]);
    let crc = crc32fast::hash(&bytes[at..at + u32_at(bytes, at + 12) as usize]);
    put(bytes, at + 16, &crc.to_le_bytes());
}

fn trouble(table: &PartitionTable) -> Option<(TroubleKind, &str)> {
    table.other_copy.as_ref().map(|trouble| (trouble.kind, trouble.what.as_str()))
}

/// What sgdisk says when it verifies the disk.
fn verified(file: &std::path::Path) -> String {
    run("gdisk", "sgdisk", &["-v", file.to_str().unwrap()])
}

#[test]
fn the_copy_that_is_of_no_use_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let good = sfdisk(dir.path(), 16, SCRIPT);
    let last = good.len() - 512;
    let entries = last - 32 * 512;
    let table = parse(&good).unwrap();
    assert_eq!((table.gpt_copy, trouble(&table), table.unprotected), (Some(GptCopy::Primary), None, false));
    for (copy, at, why) in [
        (GptCopy::Primary, last, "there is no header"),
        (GptCopy::Primary, last + 40, "the CRC of the header is wrong"),
        (GptCopy::Primary, entries + 40, "the CRC of the entries is wrong"),
        (GptCopy::Backup, 512, "there is no first header"),
        (GptCopy::Backup, 512 + 40, "the CRC of the header is wrong"),
        (GptCopy::Backup, 1024 + 40, "the CRC of the entries is wrong"),
    ] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let table = parse(&bytes).unwrap();
        let kind = if why.starts_with("there") { TroubleKind::NotFound } else { TroubleKind::Corrupt };
        assert_eq!((table.gpt_copy, trouble(&table)), (Some(copy), Some((kind, why))), "{at}");
        assert_eq!(rows(&table), rows(&parse(&good).unwrap()), "{at}");
        // The tool that mends it sees the same damage.
        let file = dir.path().join("damaged");
        std::fs::write(&file, &bytes).unwrap();
        let said = verified(&file);
        assert!(["damaged", "invalid", "corrupt"].iter().any(|word| said.contains(word)), "{at}: {said}");
    }
}

#[test]
fn a_disk_that_grew_is_not_a_disk_that_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let good = sfdisk(dir.path(), 16, SCRIPT);
    let file = dir.path().join("disk");
    let path = file.to_str().unwrap();
    let look = || {
        let bytes = testkit::open(&file);
        let table = partition::read(&bytes).unwrap();
        (table.grown(bytes.len()), table.past(bytes.len()), table)
    };
    let (grown, past, _) = look();
    assert!(!grown && past.is_empty(), "as it was made");

    run("qemu-utils", "qemu-img", &["resize", "-q", "-f", "raw", path, "24M"]);
    let (grown, past, table) = look();
    assert!(grown && past.is_empty() && table.other_copy.is_none(), "{past:?}");
    assert_eq!(table.backup_bytes, Some(16 * MIB - 512));
    // The first copy is lost: where the second one lies is in the MBR, too.
    let mut headless = std::fs::read(&file).unwrap();
    headless[512..1024].fill(0);
    let table = parse(&headless).unwrap();
    assert_eq!((table.gpt_copy, table.backup_bytes), (Some(GptCopy::Backup), Some(16 * MIB - 512)));
    let len = headless.len() as u64;
    assert_eq!((table.grown(len), table.stray_backup(len), table.leads_to_backup()), (false, Some(16 * MIB), false));
    assert_eq!(table.stray_backup(16 * MIB), None);
    // And what the guest would do mends it.
    run("gdisk", "sgdisk", &["-e", path]);
    let (grown, past, table) = look();
    assert!(!grown && past.is_empty(), "{past:?}");
    assert_eq!(table.backup_bytes, Some(24 * MIB - 512));

    let cut = &good[..good.len() - (8 << 20)];
    let table = parse(cut).unwrap();
    let end = table.partitions[1].start_bytes + table.partitions[1].size_bytes;
    assert!(!table.grown(cut.len() as u64));
    assert_eq!(
        table.past(cut.len() as u64),
        [(Named::Backup, 16 * MIB), (Named::Usable, 16 * MIB - 33 * 512), (Named::Partition(2), end)]
    );
    assert_eq!(trouble(&table), Some((TroubleKind::Corrupt, "the second header lies past the end of the disk")));
}

#[test]
fn of_a_gpt_without_both_headers_only_a_cut_disk_is_called_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = sfdisk(dir.path(), 64, "label: gpt\nstart=2048\n");
    let len = bytes.len();
    bytes[512..34 * 512].fill(0);
    bytes[len - 33 * 512..].fill(0);
    for (len, second) in [
        (len, "there is no second header"),
        (len - 512, "the second header lies past the end of the disk"),
        (len / 2, "the second header lies past the end of the disk"),
    ] {
        let error = parse(&bytes[..len]).unwrap_err();
        let said = format!("neither copy is valid: there is no first header; {second}");
        assert!(error.kind == ErrorKind::Corrupt && error.what.ends_with(&said), "{len}: {error}");
    }
}

#[test]
fn an_mbr_names_the_partitions_that_end_past_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = sfdisk(dir.path(), 40, "label: dos\n,4M,83\n,20M,E\n,4M,83\n,8M,83\n");
    let table = parse(&bytes).unwrap();
    assert!(table.past(bytes.len() as u64).is_empty() && !table.grown(bytes.len() as u64));
    let past: Vec<_> = table.past(20 << 20).into_iter().map(|(named, _)| named).collect();
    assert_eq!(past, [Named::Partition(4), Named::Partition(3), Named::Partition(2)]);
    // The cover of a GPT counts on no disk.
    let gpt = sfdisk(dir.path(), 16, SCRIPT);
    assert!(parse(&gpt).unwrap().past(16 * MIB).is_empty());
}

#[test]
fn tables_of_other_sizes_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 64);
    let path = file.to_str().unwrap();
    // More than the usual 128 entries, and numbers that do not follow each other.
    run(
        "gdisk",
        "sgdisk",
        &["-o", "-S", "256", "-n", "7:0:+1M", "-n", "3:0:+1M", "-n", "200:0:+1M", "-A", "3:set:2", path],
    );
    let table = parse(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(rows(&table), super::according_to_sfdisk(&file));
    let shown: Vec<_> = table.partitions.iter().map(|p| (p.number, p.active)).collect();
    assert_eq!(shown, [(3, true), (7, false), (200, false)]);
    assert!(table.other_copy.is_none());

    // Entries of 256 bytes, by hand: Linux' own tools make none.
    let mut bytes = sfdisk(dir.path(), 16, SCRIPT);
    let expected = rows(&parse(&bytes).unwrap());
    let last = bytes.len() - 512;
    for (header, array) in [(512, 1024), (last, last - 32 * 512)] {
        let second = bytes[array + 128..array + 256].to_vec();
        put(&mut bytes, array + 128, &[0; 128]);
        put(&mut bytes, array + 256, &second);
        put(&mut bytes, header + 80, &64_u32.to_le_bytes());
        put(&mut bytes, header + 84, &256_u32.to_le_bytes());
        reseal(&mut bytes, header);
    }
    let table = parse(&bytes).unwrap();
    assert_eq!((rows(&table), table.other_copy), (expected, None));
}

#[test]
fn entries_that_overlap_or_have_no_size_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = sfdisk(dir.path(), 16, "label: gpt\n,2M,L\n,2M,L\n,2M,L\n,2M,L\n");
    // The second begins inside the first, the fourth ends before it starts.
    put(&mut bytes, 1024 + 128 + 32, &2500_u64.to_le_bytes());
    put(&mut bytes, 1024 + 3 * 128 + 40, &5_u64.to_le_bytes());
    reseal(&mut bytes, 512);
    let table = parse(&bytes).unwrap();
    assert_eq!(table.overlaps, [[1, 2]]);
    assert_eq!(table.partitions[3].size_bytes, 0);
    let mbr = sfdisk(dir.path(), 16, "label: dos\n,3M,83\n,8M,E\n,1M,83\n,1M,83\n,2M,83\n,2M,83\n");
    assert!(parse(&mbr).unwrap().overlaps.is_empty(), "a frame does not overlap what is in it");
}

#[test]
fn absurd_numbers_cost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let good = sfdisk(dir.path(), 16, SCRIPT);
    let last = good.len() - 512;
    for (entries, size) in [(1_u32 << 31, 128_u32), (128, 1 << 31), (u32::MAX, u32::MAX), (1 << 20, 1 << 13)] {
        let mut bytes = good.clone();
        put(&mut bytes, 512 + 80, &entries.to_le_bytes());
        put(&mut bytes, 512 + 84, &size.to_le_bytes());
        reseal(&mut bytes, 512);
        // The other copy is read instead, and where there is none, that is not damage.
        for damaged in [false, true] {
            if damaged {
                bytes[last] = 0;
            }
            let counting = Counting::new(testkit::memory(bytes.clone()));
            let disk: Arc<dyn ReadAt> = counting.clone();
            match partition::read(&disk) {
                Ok(table) if !damaged => assert_eq!(table.gpt_copy, Some(GptCopy::Backup)),
                // An entry of an odd size contradicts the format.
                Err(error) if damaged => {
                    let odd = !size.is_multiple_of(8);
                    assert_eq!(error.kind, if odd { ErrorKind::Corrupt } else { ErrorKind::Limit }, "{size}");
                }
                other => panic!("{other:?}"),
            }
            assert!(counting.requests() < 12 && counting.bytes() < 1 << 20, "{} bytes", counting.bytes());
        }
    }
}

#[test]
fn a_gpt_without_its_mbr_and_an_mbr_beside_a_forgotten_gpt() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = sfdisk(dir.path(), 16, SCRIPT);
    bytes[..512].fill(0);
    let table = parse(&bytes).unwrap();
    assert_eq!((table.scheme, table.unprotected, table.partitions.len()), (Scheme::Gpt, true, 2));
    // Linux and UEFI firmware want the entry to begin at LBA 1.
    for (start, unprotected) in [(1_u32, false), (0, true), (2, true)] {
        let mut moved = sfdisk(dir.path(), 16, SCRIPT);
        moved[454..458].copy_from_slice(&start.to_le_bytes());
        assert_eq!(parse(&moved).unwrap().unprotected, unprotected, "{start}");
    }
    // As Linux and Windows see it: an MBR of its own decides.
    let mbr = sfdisk(dir.path(), 16, "label: dos\n,4M,83\n");
    bytes[..512].copy_from_slice(&mbr[..512]);
    let table = parse(&bytes).unwrap();
    assert_eq!((table.scheme, table.partitions.len()), (Scheme::Mbr, 1));
}

/// Linux sees 1, 5, 128 and 255 of them.
#[test]
fn numbers_that_linux_does_not_give_are_counted_and_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    std::fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
    let name = path.display().to_string();
    let numbers = [1, 5, 128, 255, 256, 400];
    let mut args = vec!["-S".to_owned(), "512".to_owned()];
    for (index, number) in numbers.iter().enumerate() {
        args.extend(["-n".to_owned(), format!("{number}:{}:+1M", 2048 * (index + 1))]);
    }
    args.push(name);
    run("gdisk", "/usr/sbin/sgdisk", &args.iter().map(String::as_str).collect::<Vec<_>>());
    let table = parse(&std::fs::read(&path).unwrap()).unwrap();
    let found: Vec<u32> = table.partitions.iter().map(|one| one.number).collect();
    assert_eq!((found.as_slice(), table.unseen), (&numbers[..4], Some(2)));
}
