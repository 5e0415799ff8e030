//! Names, attributes, the entries that are none, and the choices a boot sector leaves.

use super::super::boot::Width;
use super::{copy_all, entry_at, format, kind_of, mtool, open, open_bytes};
use crate::disk::ErrorKind;
use crate::disk::filesystem::{FileSystem, NodeKind};

fn made(options: &str, kib: u64, files: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in files {
        std::fs::write(source.path().join(name), name).unwrap();
    }
    let image = format(dir.path(), options, kib);
    if !files.is_empty() {
        copy_all(&image, source.path());
    }
    (dir, image)
}

fn names(fs: &dyn FileSystem) -> Vec<String> {
    let mut names: Vec<String> = fs.list(fs.root(), 99).unwrap().into_iter().map(|entry| entry.name).collect();
    names.sort();
    names
}

#[test]
fn names_are_found_whatever_their_case_long_or_short() {
    let (_dir, image) = made("-F 16", 16 << 10, &["Grub Configuration.cfg", "ÄÖÜ é.txt", "vmlinuz", "straße"]);
    let fs = open(&image);
    let text = |name: &str| fs.lookup(fs.root(), name).and_then(|node| fs.read_at(node, 0, 99)).map(String::from_utf8);
    for name in ["Grub Configuration.cfg", "GRUB configuration.CFG", "grubco~1.cfg", "GRUBCO~1.CFG", "grubco~1.cfg."] {
        assert_eq!(text(name).unwrap().unwrap(), "Grub Configuration.cfg", "{name}");
    }
    assert_eq!(text("äöü É.TXT").unwrap().unwrap(), "ÄÖÜ é.txt");
    assert_eq!(text("VMLINUZ").unwrap().unwrap(), "vmlinuz");
    for name in ["grub", "STRASSE", "vmlınuz", "", ".", "..", "..."] {
        assert_eq!(kind_of(fs.lookup(fs.root(), name)), ErrorKind::NotFound, "{name}");
    }
    assert_eq!(names(fs.as_ref()), ["Grub Configuration.cfg", "straße", "vmlinuz", "ÄÖÜ é.txt"]);
}

#[test]
fn labels_and_deleted_files_are_no_files() {
    let (_dir, image) = made("-F 32 -n LABEL", 40 << 10, &["kept", "deleted with a long name", "plain.txt"]);
    mtool(&image, "mlabel", &["::OTHER"]);
    mtool(&image, "mdel", &["::deleted with a long name"]);
    let fs = open(&image);
    assert_eq!(names(fs.as_ref()), ["kept", "plain.txt"]);
    for name in ["LABEL", "OTHER", "deleted with a long name"] {
        assert_eq!(kind_of(fs.lookup(fs.root(), name)), ErrorKind::NotFound, "{name}");
    }
}

#[test]
fn attributes_are_those_that_mattrib_sets() {
    let (_dir, image) = made("-F 16", 16 << 10, &["one", "two"]);
    mtool(&image, "mattrib", &["+r", "+h", "+s", "-a", "::one"]);
    let fs = open(&image);
    let stat = |name: &str| fs.stat(fs.lookup(fs.root(), name).unwrap()).unwrap();
    assert_eq!((stat("one").attributes, stat("two").attributes), (0x07, 0x20));
    assert_eq!((stat("one").kind, stat("one").mode), (NodeKind::File, 0));
    assert_eq!(fs.stat(fs.root()).unwrap().attributes, 0x10);
    assert_eq!(kind_of(fs.read_at(fs.root(), 0, 9)), ErrorKind::NotFound);
    let one = fs.lookup(fs.root(), "one").unwrap();
    assert_eq!(kind_of(fs.list(one, 9)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.read_link(one)), ErrorKind::NotFound);
    assert_eq!(kind_of(fs.list(fs.root(), 1)), ErrorKind::Limit);
}

#[test]
fn a_long_name_that_is_not_its_entrys_own_is_passed_over() {
    let (_dir, image) = made("-F 16", 16 << 10, &["a long name of two pieces"]);
    let clean = std::fs::read(&image).unwrap();
    let at = entry_at(&clean, b"ALONGN~1   ");
    let shown = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = clean.clone();
        change(&mut bytes);
        names(open_bytes(bytes).unwrap().as_ref())
    };
    assert_eq!(shown(&|_| {}), ["a long name of two pieces"]);
    // Renamed by a system that knows no long names; a wrong checksum in one piece; a piece missing, or out of order.
    assert_eq!(shown(&|bytes| bytes[at] = b'B'), ["BLONGN~1"]);
    assert_eq!(shown(&|bytes| bytes[at - 32 + 13] ^= 1), ["ALONGN~1"]);
    assert_eq!(shown(&|bytes| bytes[at - 32] = 0xE5), ["ALONGN~1"]);
    assert_eq!(shown(&|bytes| bytes[at - 64] = 0x43), ["ALONGN~1"]);
    assert_eq!(shown(&|bytes| bytes[at - 64] = 0x02), ["ALONGN~1"]);
    // A character of two units, and half of one.
    assert_eq!(
        shown(&|bytes| bytes[at - 31..at - 27].copy_from_slice(&[0x3D, 0xD8, 0x80, 0xDE])),
        ["🚀long name of two pieces"]
    );
    assert_eq!(
        shown(&|bytes| bytes[at - 31..at - 29].copy_from_slice(&[0x00, 0xD8])),
        ["\u{FFFD} long name of two pieces"]
    );
    // Pieces without an entry: the whole entry deleted as DOS does it.
    assert_eq!(shown(&|bytes| bytes[at] = 0xE5), Vec::<String>::new());
}

#[test]
fn short_names_in_small_letters_and_with_letters_beyond_ascii() {
    let (_dir, image) = made("-F 16", 16 << 10, &["PLAIN.TXT"]);
    let clean = std::fs::read(&image).unwrap();
    let at = entry_at(&clean, b"PLAIN   TXT");
    let shown = |name: &[u8; 11], flags: u8| {
        let mut bytes = clean.clone();
        bytes[at..at + 11].copy_from_slice(name);
        bytes[at + 12] = flags;
        names(open_bytes(bytes).unwrap().as_ref()).remove(0)
    };
    assert_eq!(shown(b"PLAIN   TXT", 0), "PLAIN.TXT");
    assert_eq!(shown(b"PLAIN   TXT", 0x08), "plain.TXT");
    assert_eq!(shown(b"PLAIN   TXT", 0x10), "PLAIN.txt");
    assert_eq!(shown(b"PLAIN   TXT", 0x18), "plain.txt");
    assert_eq!(shown(b"\x9a\x8e      \x99  ", 0), "ÜÄ.Ö");
    assert_eq!(shown(b"\x05BC        ", 0), "σBC");
    assert_eq!(shown(b"A B     C  ", 0), "A B.C");
}

#[test]
fn one_fat_alone_may_be_in_use() {
    let (_dir, image) = made("-F 32 -s 1", 40 << 10, &["file-of-one-cluster", "x"]);
    let mut bytes = std::fs::read(&image).unwrap();
    let fat_len = 512 * usize::try_from(u32::from_le_bytes(bytes[36..40].try_into().unwrap())).unwrap();
    let first = 512 * usize::from(u16::from_le_bytes(bytes[14..16].try_into().unwrap()));
    // The first one is garbage from the root's entry on.
    bytes[first + 8..first + fat_len].fill(0x01);
    assert_eq!(kind_of(open_bytes(bytes.clone()).unwrap().list(0, 9)), ErrorKind::Corrupt);
    bytes[40] = 0x81;
    assert_eq!(names(open_bytes(bytes.clone()).unwrap().as_ref()), ["file-of-one-cluster", "x"]);
    bytes[40] = 0x82;
    assert_eq!(kind_of(open_bytes(bytes)), ErrorKind::Unsupported);
}

#[test]
fn the_width_goes_by_the_number_of_clusters() {
    // Sectors before the first cluster: 1 reserved, one FAT of 16 (FAT12: 12 would do), 32 of the root.
    let width = |clusters: u64| {
        let mut bytes = vec![0; 512];
        let fat = 16_u64.max((clusters + 2) * 2 / 512 + 1);
        bytes[11..14].copy_from_slice(&[0, 2, 1]);
        bytes[14..19].copy_from_slice(&[1, 0, 1, 0, 2]);
        bytes[22..24].copy_from_slice(&u16::try_from(fat).unwrap().to_le_bytes());
        bytes[32..36].copy_from_slice(&u32::try_from(1 + fat + 32 + clusters).unwrap().to_le_bytes());
        super::super::Geometry::read(&crate::disk::Memory(bytes)).map(|geometry| (geometry.width, geometry.clusters))
    };
    assert_eq!(width(4084).unwrap(), (Width::Bits12, 4084));
    assert_eq!(width(4085).unwrap(), (Width::Bits16, 4085));
    assert_eq!(width(65524).unwrap(), (Width::Bits16, 65524));
    assert_eq!(kind_of(width(65525)), ErrorKind::Corrupt);
}

#[test]
fn a_fat32_of_few_clusters_is_fat32_as_for_windows_and_linux() {
    let (_dir, image) = made("-F 32 -s 8", 4 << 10, &[]);
    let fs = open(&image);
    assert_eq!((names(fs.as_ref()), fs.signs().unwrap()), (Vec::new(), Vec::new()));
    // All but the root's one cluster.
    let said = crate::disk::testkit::run("dosfstools", "fsck.fat", &["-n", image.to_str().unwrap()]);
    let clusters: u64 = said.rsplit("1/").next().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(fs.usage().unwrap().free_bytes, (clusters - 1) * 4096, "{said}");
}
