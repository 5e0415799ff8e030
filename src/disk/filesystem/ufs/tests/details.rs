//! Places of the superblock, holes, flags, old directories, free space, and what is refused.

use std::os::unix::fs::symlink;

use super::{inode_of, kind_of, made, made_of, make, open_bytes, opened, pattern, put};
use crate::disk::ErrorKind;
use crate::inspect::facts::SignKind;

fn source() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), pattern(100_000)).unwrap();
    for name in ["one", "two", "three", "four"] {
        std::fs::write(dir.path().join(name), vec![0; 4096]).unwrap();
    }
    symlink("target", dir.path().join("link")).unwrap();
    dir
}

fn content(bytes: &[u8], name: &str) -> Vec<u8> {
    let fs = open_bytes(bytes).unwrap();
    fs.read_at(fs.lookup(fs.root(), name).unwrap(), 0, 1 << 20).unwrap()
}

/// Where `makefs` puts the superblock, whatever the version.
const AT: usize = 8192;

/// Moves the superblock, and says so in it.
fn moved(bytes: &[u8], to: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut superblock = bytes[AT..AT + 1376].to_vec();
    superblock[1000..1008].copy_from_slice(&(to as u64).to_le_bytes());
    bytes[AT..AT + 1376].fill(0);
    bytes[to..to + 1376].copy_from_slice(&superblock);
    bytes
}

#[test]
fn the_superblock_is_found_at_its_four_places() {
    // With blocks of 64 KiB nothing else lies at these places: a copy, inodes not in use.
    let source = source();
    let two = made_of(source.path(), "version=2,bsize=65536,fsize=8192", "16m");
    for place in [0, 8192, 64 << 10, 256 << 10] {
        let bytes = moved(&two, place);
        assert!(content(&bytes, "file") == pattern(100_000), "{place}");
        assert_eq!(opened(&bytes).superblock.at, place as u64);
    }
    let one = made_of(source.path(), "version=1,bsize=65536,fsize=8192", "16m");
    assert!(content(&moved(&one, 0), "file") == pattern(100_000));
    // A copy of UFS1's lies where UFS2 has its own: it is not taken for it, nor is a copy that says it is another's.
    assert_eq!(opened(&one).superblock.at, 8192);
    let mut none = two.clone();
    none[AT..AT + 1376].fill(0);
    assert_eq!(kind_of(open_bytes(&none)), ErrorKind::Corrupt);
}

#[test]
fn big_endian_is_not_read() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    for version in ["version=1", "version=2"] {
        let bytes = std::fs::read(make(dir.path(), source.path(), version, "-B be -s 16m")).unwrap();
        let error = open_bytes(&bytes).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.what.contains("big-endian"), "{error}");
    }
}

#[test]
fn holes_are_zeros_and_three_levels_of_addresses_are_followed() {
    let source = source();
    for (version, width) in [("version=1,bsize=4096,fsize=512", 4_u64), ("version=2,bsize=4096,fsize=512", 8)] {
        let mut bytes = made(source.path(), version);
        let address = |name: &str| {
            let (_, inode) = inode_of(&bytes, name);
            inode.addresses[..usize::try_from(width).unwrap()].to_vec()
        };
        let byte = |address: &[u8]| {
            let mut wide = [0; 8];
            wide[..address.len()].copy_from_slice(address);
            u64::from_le_bytes(wide) * 512
        };
        let [one, two, three, four] = ["one", "two", "three", "four"].map(address);
        let (_, file) = inode_of(&bytes, "file");
        // The second block, and the third behind the block of addresses.
        put(&mut bytes, file.addresses_at + width, &[0; 8][..one.len()]);
        let indirect = byte(&file.addresses[12 * one.len()..13 * one.len()]);
        put(&mut bytes, indirect + 2 * width, &[0; 8][..one.len()]);
        let mut expected = pattern(100_000);
        expected[4096..8192].fill(0);
        expected[14 * 4096..15 * 4096].fill(0);
        assert!(content(&bytes, "file") == expected, "{version}");

        // Data behind three blocks of addresses, at the very last of them.
        let per_block = 4096 / width;
        let last = (per_block - 1) * width;
        put(&mut bytes, byte(&one), b"at the very end");
        put(&mut bytes, byte(&two) + last, &one);
        put(&mut bytes, byte(&three) + last, &two);
        put(&mut bytes, byte(&four) + last, &three);
        put(&mut bytes, file.addresses_at + 14 * width, &four);
        let blocks = 12 + per_block + per_block.pow(2) + per_block.pow(3);
        let size_at = file.at + if width == 4 { 8 } else { 16 };
        put(&mut bytes, size_at, &(blocks * 4096 - 4000).to_le_bytes());
        let fs = open_bytes(&bytes).unwrap();
        let node = fs.lookup(fs.root(), "file").unwrap();
        let found = fs.read_at(node, (blocks - 1) * 4096 - 10, 4096).unwrap();
        assert_eq!(found.len(), 106);
        assert_eq!(&found[..26], b"\0\0\0\0\0\0\0\0\0\0at the very end\0", "{version}");
        put(&mut bytes, size_at, &(blocks * 4096 + 1).to_le_bytes());
        assert_eq!(kind_of(open_bytes(&bytes).unwrap().read_at(node, blocks * 4096, 1)), ErrorKind::Corrupt);
    }
}

#[test]
fn immutable_and_append_only_are_told_and_snapshots_are_not_read() {
    let source = source();
    for (version, field) in [("version=1", 100), ("version=2", 88)] {
        let clean = made(source.path(), version);
        let (node, inode) = inode_of(&clean, "file");
        let told = |flags: u32| {
            let mut bytes = clean.clone();
            put(&mut bytes, inode.at + field, &flags.to_le_bytes());
            let stat = open_bytes(&bytes).unwrap().stat(node).unwrap();
            (stat.immutable, stat.append_only)
        };
        assert_eq!(
            [0x2, 0x2_0000, 0x4, 0x4_0000, 0x800, 0].map(told),
            [(true, false), (true, false), (false, true), (false, true), (false, false), (false, false)]
        );
        let mut bytes = clean.clone();
        put(&mut bytes, inode.at + field, &0x20_0000_u32.to_le_bytes());
        assert_eq!(kind_of(open_bytes(&bytes).unwrap().read_at(node, 0, 9)), ErrorKind::Unsupported);
    }
}

#[test]
fn directories_of_42bsd_tell_no_types() {
    let source = source();
    let mut bytes = made(source.path(), "version=1");
    let root = super::inode::read(&opened(&bytes), 2).unwrap();
    let fragment = opened(&bytes).superblock.fragment;
    let start = u64::from(u32::from_le_bytes(root.addresses[..4].try_into().unwrap())) * fragment;
    let (mut at, end) = (usize::try_from(start).unwrap(), usize::try_from(start + 512).unwrap());
    while at < end {
        bytes[at + 6] = bytes[at + 7];
        bytes[at + 7] = 0;
        at += usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
    }
    assert_eq!(kind_of(open_bytes(&bytes).unwrap().list(2, 99)), ErrorKind::Corrupt);
    put(&mut bytes, AT as u64 + 1320, &[0; 4]);
    let fs = open_bytes(&bytes).unwrap();
    let mut names: Vec<String> = fs.list(2, 99).unwrap().into_iter().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(names, ["file", "four", "link", "one", "three", "two"]);
    assert!(content(&bytes, "file") == pattern(100_000));
    assert_eq!(fs.read_link(fs.lookup(2, "link").unwrap()).unwrap(), "target");
}

#[test]
fn free_space_is_what_the_maps_of_the_groups_say() {
    let (source, dir) = (source(), tempfile::tempdir().unwrap());
    let mut several_groups = false;
    for options in
        ["version=1,bsize=4096,fsize=512", "version=2,bsize=8192,fsize=1024", "version=2,bsize=8192,fsize=8192"]
    {
        let image = make(dir.path(), source.path(), options, "-B le -s 64m");
        let bytes = std::fs::read(image).unwrap();
        let number = |at: usize| usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
        let (fragment, groups, per_group) = (number(AT + 52), number(AT + 44), number(AT + 188));
        let mut free = 0;
        for group in 0..groups {
            let shift = if options.contains("version=1") { number(AT + 24) * (group & !number(AT + 28)) } else { 0 };
            let at = (per_group * group + shift + number(AT + 12)) * fragment;
            assert_eq!(number(at + 4), 0x0009_0255, "{options}: no group {group}");
            let (map, bits) = (at + number(at + 96), number(at + 20));
            free += (0..bits).filter(|bit| bytes[map + bit / 8] >> (bit % 8) & 1 == 1).count();
        }
        let usage = open_bytes(&bytes).unwrap().usage().unwrap();
        assert_eq!(usage.free_bytes, (free * fragment) as u64, "{options}");
        assert_eq!(usage.total_bytes, bytes.len() as u64, "{options}");
        // The root, six names, and the first two, which are never used.
        let inodes = (number(AT + 44) * number(AT + 184)) as u64;
        assert_eq!(usage.free_inodes, Some(inodes - 9), "{options}");
        several_groups |= groups > 1;
    }
    assert!(several_groups);
}

#[test]
fn one_that_was_not_left_cleanly_says_so() {
    let source = source();
    let clean = made(source.path(), "version=2");
    let signs = |state: u8, flags: u32| {
        let mut bytes = clean.clone();
        bytes[AT + 209] = state;
        put(&mut bytes, AT as u64 + 1312, &flags.to_le_bytes());
        open_bytes(&bytes).map(|fs| fs.signs().unwrap())
    };
    let told = |state: u8, flags: u32| -> Vec<_> {
        let signs = signs(state, flags).unwrap();
        signs.into_iter().map(|sign| (sign.kind, sign.at, sign.value)).collect()
    };
    let at = AT as u64;
    assert_eq!(told(1, 0x0A), []);
    assert_eq!(told(0, 0x02), [(SignKind::Dirty, at + 209, "fs_clean is 0".to_owned())]);
    let journal = "fs_clean is 0, and its soft-updates journal was not replayed";
    assert_eq!(told(0, 0x0A), [(SignKind::Dirty, at + 209, journal.to_owned())]);
    assert_eq!(told(1, 0x04), [(SignKind::Dirty, at + 1312, "fs_flags are 0x4".to_owned())]);
    assert_eq!(told(1, 0x01), [(SignKind::Dirty, at + 1312, "fs_flags are 0x1".to_owned())]);
    // gjournal keeps whole blocks elsewhere: clean it needs nothing, otherwise it is not read.
    assert_eq!(told(1, 0x40), []);
    assert_eq!(kind_of(signs(0, 0x40)), ErrorKind::Unsupported);
}

#[test]
fn flags_may_be_where_they_were_before_they_moved() {
    let source = source();
    let mut bytes = made(source.path(), "version=1");
    bytes[AT + 211] = 0x04;
    put(&mut bytes, AT as u64 + 1312, &[0; 4]);
    assert_eq!(open_bytes(&bytes).unwrap().signs().unwrap().len(), 1);
}
