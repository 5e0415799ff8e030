//! Chains of extended boot records, which `partx` reads as Linux does.

use super::{MIB, disk, parse, sfdisk};
use crate::disk::ErrorKind;
use crate::disk::testkit::{Counting, memory, run};
use crate::disk::{ReadAt, partition};
use crate::inspect::facts::{Named, Role};
use std::sync::Arc;

/// Slot, type, start, sectors.
type Slot = (usize, u8, u32, u32);
/// Where a record lies, and what is in it.
type Record<'a> = (u32, &'a [Slot]);

fn record(bytes: &mut [u8], lba: u32, slots: &[Slot]) {
    let at = lba as usize * 512;
    bytes[at + 446..at + 510].fill(0);
    bytes[at + 510..at + 512].copy_from_slice(&[0x55, 0xaa]);
    for (slot, kind, start, sectors) in slots {
        let entry = at + 446 + slot * 16;
        bytes[entry + 4] = *kind;
        bytes[entry + 8..entry + 12].copy_from_slice(&start.to_le_bytes());
        bytes[entry + 12..entry + 16].copy_from_slice(&sectors.to_le_bytes());
    }
}

/// A disk of 16 MiB from its boot records.
fn made(records: &[Record]) -> Vec<u8> {
    let mut bytes = vec![0; 16 << 20];
    for (lba, slots) in records {
        record(&mut bytes, *lba, slots);
    }
    bytes
}

/// Number, start and size of every partition but the frames, whose size Linux makes small, in order of their numbers.
fn ours(bytes: &[u8]) -> Vec<(u32, u64, u64)> {
    let table = parse(bytes).unwrap();
    let real = table.partitions.iter().filter(|p| p.role != Role::Extended);
    let mut rows: Vec<_> = real.map(|p| (p.number, p.start_bytes / 512, p.size_bytes / 512)).collect();
    rows.sort_unstable();
    rows
}

fn according_to_partx(bytes: &[u8]) -> Vec<(u32, u64, u64)> {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 16);
    std::fs::write(&file, bytes).unwrap();
    let shown = run("util-linux", "partx", &["-g", "-o", "NR,START,SECTORS,TYPE", file.to_str().unwrap()]);
    let mut rows = Vec::new();
    for line in shown.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        if !matches!(words[3], "0x5" | "0xf" | "0x85") {
            rows.push((words[0].parse().unwrap(), words[1].parse().unwrap(), words[2].parse().unwrap()));
        }
    }
    rows.sort_unstable();
    rows
}

#[test]
fn chains_of_every_shape_are_numbered_as_partx_numbers_them() {
    let mbr: &[Slot] = &[(0, 0x83, 64, 100), (1, 5, 2048, 20000)];
    let shapes: &[(&str, &[Record])] = &[
        ("the usual one", &[(0, mbr), (2048, &[(0, 0x83, 64, 500), (1, 5, 1000, 900)]), (3048, &[(0, 0x82, 64, 700)])]),
        (
            "records that point back",
            &[
                (0, mbr),
                (2048, &[(0, 0x83, 64, 100), (1, 5, 9000, 900)]),
                (11048, &[(0, 0x83, 64, 700), (1, 5, 3000, 900)]),
                (5048, &[(0, 0x83, 64, 600)]),
            ],
        ),
        ("the link comes first", &[(0, mbr), (2048, &[(0, 5, 1000, 900)]), (3048, &[(0, 0x83, 64, 700)])]),
        (
            "four slots in use, of which the last are rubbish",
            &[
                (0, mbr),
                (2048, &[(0, 0x83, 64, 100), (1, 5, 9000, 900), (2, 0x83, 200, 300), (3, 0x83, 900_000, 300)]),
                (11048, &[(0, 0x83, 64, 100), (2, 0x83, 800, 300)]),
            ],
        ),
        (
            "links of another type",
            &[
                (0, &[(0, 0xf, 2048, 20000)]),
                (2048, &[(0, 0x83, 64, 100), (1, 0x85, 9000, 900)]),
                (11048, &[(0, 0x83, 64, 100)]),
            ],
        ),
        (
            "a second link, which nobody follows",
            &[
                (0, mbr),
                (2048, &[(0, 0x83, 64, 100), (1, 5, 9000, 900), (2, 5, 5000, 900)]),
                (7048, &[(0, 0x83, 64, 50)]),
                (11048, &[(0, 0x83, 64, 100)]),
            ],
        ),
        (
            "a link that leaves the frame",
            &[(0, mbr), (2048, &[(0, 0x83, 64, 100), (1, 5, 22000, 900)]), (24048, &[(0, 0x83, 64, 100)])],
        ),
        ("a link past the end of the disk", &[(0, mbr), (2048, &[(0, 0x83, 64, 100), (1, 5, 900_000, 900)])]),
        ("a record without a signature", &[(0, mbr), (2048, &[(0, 0x83, 64, 100), (1, 5, 5000, 900)])]),
        ("no record at all", &[(0, mbr)]),
        ("the frame first", &[(0, &[(0, 5, 2048, 4000), (2, 0x83, 10000, 200)]), (2048, &[(0, 0x83, 64, 100)])]),
        ("a partition that is larger than the frame", &[(0, mbr), (2048, &[(0, 0x83, 64, 25000)])]),
    ];
    for (what, records) in shapes {
        let bytes = made(records);
        assert_eq!(ours(&bytes), according_to_partx(&bytes), "{what}");
        assert!(!ours(&bytes).is_empty(), "{what}");
    }
}

#[test]
fn a_record_past_the_end_of_the_disk_is_lost_and_what_stands_before_it_is_read() {
    let far: &[Record] = &[(0, &[(0, 5, 2048, 20000)]), (2048, &[(0, 0x83, 64, 500), (1, 5, 900_000, 900)])];
    let bytes = made(far);
    let table = parse(&bytes).unwrap();
    let at = (2048 + 900_000) * 512;
    assert_eq!((table.lost_record_bytes, ours(&bytes)), (Some(at), vec![(5, 2112, 500)]));
    assert_eq!(table.past(bytes.len() as u64), [(Named::Record, at + 512)]);
    // A disk that was cut loses records, and the partition around them ends past its end too.
    let whole = made(&[
        (0, &[(0, 5, 2048, 30000)]),
        (2048, &[(0, 0x83, 64, 500), (1, 5, 20000, 900)]),
        (22048, &[(0, 0x83, 64, 700)]),
    ]);
    assert_eq!(parse(&whole).unwrap().lost_record_bytes, None);
    for (sectors, lost) in [(22049, false), (22048, true), (4000, true)] {
        let table = parse(&whole[..sectors * 512]).unwrap();
        assert_eq!(table.lost_record_bytes, lost.then_some(22048 * 512), "{sectors}");
        assert!(!table.past(sectors as u64 * 512).is_empty());
    }
}

#[test]
fn a_slot_without_a_type_takes_a_number_and_is_no_partition() {
    let bytes = made(&[
        (0, &[(0, 5, 2048, 20000)]),
        (2048, &[(0, 0, 64, 500), (1, 5, 1000, 900)]),
        (3048, &[(0, 0x83, 64, 700)]),
    ]);
    // sda6, as Linux (block/partitions/msdos.c) looks at the size alone.
    assert_eq!(ours(&bytes), [(6, 3112, 700)]);
}

#[test]
fn many_logical_partitions_are_read_up_to_what_linux_counts() {
    let chain = |count: u32, full: bool| {
        let mut bytes = vec![0; 16 << 20];
        record(&mut bytes, 0, &[(0, 5, 2048, 30000)]);
        for number in 0..count {
            let data: Slot = (0, 0x83, 1, 10);
            let link: Slot = (1, 5, (number + 1) * 20, 20);
            let slots: &[Slot] = if number + 1 == count {
                &[data]
            } else if full {
                &[data, link]
            } else {
                &[link]
            };
            record(&mut bytes, 2048 + number * 20, slots);
        }
        bytes
    };
    let sixty = chain(60, true);
    assert_eq!((ours(&sixty).len(), ours(&sixty)), (60, according_to_partx(&sixty)));
    assert_eq!(ours(&chain(251, true)).len(), 251);
    let error = parse(&chain(252, true)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
    // Linux gives up on records that hold nothing.
    assert_eq!((ours(&chain(90, false)).len(), ours(&chain(150, false)).len()), (1, 0));
}

#[test]
fn a_chain_that_never_ends_is_told_after_few_reads() {
    for next in [0, 1000] {
        let bytes = made(&[
            (0, &[(0, 5, 2048, 20000)]),
            (2048, &[(0, 0x83, 64, 500), (1, 5, 1000, 900)]),
            (3048, &[(0, 0x83, 64, 500), (1, 5, next, 900)]),
        ]);
        let counting = Counting::new(memory(bytes));
        let disk: Arc<dyn ReadAt> = counting.clone();
        let table = partition::read(&disk).unwrap();
        assert_eq!(table.circle_bytes, Some((2048 + u64::from(next)) * 512));
        assert_eq!(table.partitions.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 5, 6], "what stands before it");
        // Most of them look whether its partitions hold anything, with sectors of either size.
        assert!(counting.requests() < 20, "{}", counting.requests());
    }
}

#[test]
fn sectors_of_4096_bytes_are_told_by_what_the_entries_lead_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 64);
    let path = file.to_str().unwrap();
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; printf 'o\\nn\\np\\n1\\n\\n+16M\\nn\\np\\n2\\n\\n+16M\\nw\\n' | fdisk -b 4096 {path} >&2
         mke2fs -q -F -t ext4 -E offset=$((17 << 20)) {path} 16m"
    );
    run("fdisk, e2fsprogs", "sh", &["-c", &script]);
    let table = parse(&std::fs::read(&file).unwrap()).unwrap();
    let shown: Vec<_> = table.partitions.iter().map(|p| (p.start_bytes, p.size_bytes)).collect();
    assert_eq!((table.sector_bytes, shown), (4096, vec![(MIB, 16 * MIB), (17 * MIB, 16 * MIB)]));
    // Of a disk without any content it cannot be told.
    let empty = sfdisk(dir.path(), 64, "label: dos\n,4M,83\n");
    assert_eq!(parse(&empty).unwrap().sector_bytes, 512);
}

#[test]
fn a_disk_with_sectors_of_4096_bytes_is_known_also_when_its_end_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 64);
    let path = file.to_str().unwrap();
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; printf 'o\\nn\\np\\n1\\n\\n+16M\\nn\\np\\n2\\n\\n+16M\\nw\\n' | fdisk -b 4096 {path} >&2
         mke2fs -q -F -t ext4 -E offset=$((1 << 20)) {path} 16m"
    );
    run("fdisk, e2fsprogs", "sh", &["-c", &script]);
    let bytes = std::fs::read(&file).unwrap();
    let (first, second) = ((Named::Partition(1), 17 * MIB), (Named::Partition(2), 33 * MIB));
    for (mib, past) in [(33, vec![]), (32, vec![second]), (10, vec![second, first]), (2, vec![second, first])] {
        let cut = mib * MIB;
        let table = parse(&bytes[..cut as usize]).unwrap();
        assert_eq!((table.sector_bytes, table.past(cut)), (4096, past), "{mib} MiB");
    }
}

#[test]
fn a_gpt_with_sectors_of_4096_bytes_is_read_in_both_copies() {
    let dir = tempfile::tempdir().unwrap();
    let file = disk(dir.path(), 64);
    let path = file.to_str().unwrap();
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; printf 'g\\nn\\n1\\n\\n+16M\\nn\\n2\\n\\n+16M\\nw\\n' | fdisk -b 4096 {path} >&2"
    );
    run("fdisk", "sh", &["-c", &script]);
    let mut bytes = std::fs::read(&file).unwrap();
    for damaged in [false, true] {
        if damaged {
            bytes[4096 + 40] ^= 1;
        }
        let table = parse(&bytes).unwrap();
        let shown: Vec<_> = table.partitions.iter().map(|p| (p.start_bytes, p.size_bytes)).collect();
        assert_eq!((table.sector_bytes, shown), (4096, vec![(MIB, 16 * MIB), (17 * MIB, 16 * MIB)]));
        assert_eq!(table.other_copy.is_some(), damaged);
        assert_eq!(table.backup_bytes, Some(64 * MIB - 4096));
    }
}
