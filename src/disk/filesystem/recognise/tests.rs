//! `blkid -p` is asked about the same bytes.

use std::path::{Path, PathBuf};

use super::recognise;
use crate::disk::testkit::{self, Counting, blkid, run};
use crate::inspect::facts::VolumeClass;

/// A file of `mib` MiB with a filesystem.
fn make(dir: &Path, mib: u64, package: &str, program: &str, args: &[&str]) -> PathBuf {
    let file = dir.join("volume");
    std::fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
    run(package, program, &[args, &[file.to_str().unwrap()]].concat());
    file
}

#[test]
fn names_labels_and_identifiers_are_those_of_blkid() {
    let dir = tempfile::tempdir().unwrap();
    let made: &[(u64, &str, &str, &[&str])] = &[
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext2", "-L", "two"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext3", "-L", "a label of 16 ch"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", "-O", "^has_journal"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext2", "-O", "uninit_bg"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext3", "-O", "extent"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", "-O", "^extent,^64bit,^flex_bg,^metadata_csum"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-r", "0"]),
        (8, "e2fsprogs", "mke2fs", &["-q", "-F", "-O", "journal_dev"]),
        (320, "xfsprogs", "mkfs.xfs", &["-q", "-f", "-L", "data"]),
        (320, "xfsprogs", "mkfs.xfs", &["-q", "-f", "-m", "crc=0"]),
        (8, "ntfs-3g", "mkntfs", &["-q", "-F", "-f", "-L", "Système"]),
        (8, "ntfs-3g", "mkntfs", &["-q", "-F", "-f", "-c", "65536"]),
        (1, "dosfstools", "mkfs.vfat", &["-F", "12", "-n", "TWELVE"]),
        (16, "dosfstools", "mkfs.vfat", &["-F", "16", "-n", "SIXTEEN"]),
        (64, "dosfstools", "mkfs.vfat", &["-F", "32", "-n", "EFI"]),
        (64, "dosfstools", "mkfs.vfat", &["-F", "32"]),
        (8, "util-linux", "mkswap", &["-q", "-L", "swap"]),
        (8, "util-linux", "mkswap", &["-q", "-p", "65536"]),
        (128, "btrfs-progs", "mkfs.btrfs", &["-q", "-f", "-L", "butter"]),
        (64, "f2fs-tools", "mkfs.f2fs", &["-q", "-l", "flash"]),
        (64, "exfatprogs", "mkfs.exfat", &["-L", "large"]),
        (64, "jfsutils", "mkfs.jfs", &["-q", "-L", "journal"]),
        (64, "reiserfsprogs", "mkfs.reiserfs", &["-q", "-f", "-f", "-l", "murder"]),
        (16, "bcache-tools", "make-bcache", &["-B"]),
        (128, "bcache-tools", "make-bcache", &["-C"]),
        (
            32,
            "cryptsetup-bin",
            "cryptsetup",
            &["luksFormat", "-q", "--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-file", "/proc/version"],
        ),
        (
            32,
            "cryptsetup-bin",
            "cryptsetup",
            &[
                "luksFormat",
                "-q",
                "--type",
                "luks2",
                "--label",
                "vault",
                "--pbkdf",
                "pbkdf2",
                "--pbkdf-force-iterations",
                "1000",
                "--key-file",
                "/proc/version",
            ],
        ),
    ];
    for (mib, package, program, args) in made {
        let file = make(dir.path(), *mib, package, program, args);
        let content = recognise(testkit::open(&file).as_ref()).unwrap();
        let found = [content.type_id, content.label, content.uuid];
        assert_eq!(found, ["TYPE", "LABEL", "UUID"].map(|tag| blkid(&file, tag)), "{program} {args:?}");
        assert_eq!(content.ext.is_some(), found[0].starts_with("ext"), "{args:?}");
    }
}

#[test]
fn filesystems_that_are_only_read_are_named_as_blkid_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("a"), "a").unwrap();
    let image = dir.path().join("image");
    let [from, to] = [&files, &image].map(|path| path.to_str().unwrap());
    for (package, program, args) in
        [("squashfs-tools", "mksquashfs", [from, to, "-quiet"]), ("erofs-utils", "mkfs.erofs", ["-d0", to, from])]
    {
        let _ = std::fs::remove_file(&image);
        run(package, program, &args);
        let content = recognise(testkit::open(&image).as_ref()).unwrap();
        assert_eq!([content.type_id, content.uuid], ["TYPE", "UUID"].map(|tag| blkid(&image, tag)), "{program}");
        let error = crate::disk::filesystem::open(&blkid(&image, "TYPE"), testkit::open(&image)).err().unwrap();
        assert_eq!(error.kind, crate::disk::ErrorKind::Unsupported);
    }
}

#[test]
fn lvm_members_have_the_identifier_lvm_shows() {
    let Some(bytes) = testkit::sample("lvm/dfvfs-lvm.raw.zst") else { return };
    let content = recognise(testkit::memory(bytes).as_ref()).unwrap();
    assert_eq!((content.type_id.as_str(), content.class), ("LVM2_member", VolumeClass::Member));
    assert_eq!(content.uuid, "V9N6H5-MXlo-JmEE-TLHs-KyAo-kLv5-JL0RY7");
}

#[test]
fn nothing_is_told_from_something_unknown() {
    let class = |bytes: Vec<u8>| recognise(testkit::memory(bytes).as_ref()).unwrap().class;
    assert_eq!(class(vec![0; 1 << 20]), VolumeClass::Empty);
    assert_eq!(class(vec![5; 1 << 20]), VolumeClass::Unrecognised);
    assert_eq!(class(Vec::new()), VolumeClass::Unrecognised);
    let mut end = vec![0; 1 << 20];
    *end.last_mut().unwrap() = 1;
    assert_eq!(class(end), VolumeClass::Unrecognised);
}

#[test]
fn a_boot_sector_in_front_does_not_make_an_ext_filesystem_fat() {
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), 8, "e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4"]);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] = 0xeb;
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(recognise(testkit::memory(bytes).as_ref()).unwrap().type_id, "ext4");
}

#[test]
fn damage_never_panics_and_a_volume_costs_few_requests() {
    type Made = (u64, &'static str, &'static str, &'static [&'static str], [std::ops::Range<usize>; 2]);
    let dir = tempfile::tempdir().unwrap();
    let made: [Made; 4] = [
        (2, "e2fsprogs", "mke2fs", &["-q", "-F"], [1024..1160, 1160..1300]),
        (2, "ntfs-3g", "mkntfs", &["-q", "-F", "-f"], [0..90, 16384..20480]),
        (1, "dosfstools", "mkfs.vfat", &["-n", "X"], [0..36, 36..90]),
        (1, "util-linux", "mkswap", &["-q"], [1024..1100, 4080..4096]),
    ];
    for (mib, package, program, args, places) in made {
        let bytes = std::fs::read(make(dir.path(), mib, package, program, args)).unwrap();
        for copy in testkit::damaged(&bytes, &places, 500) {
            let counting = Counting::new(testkit::memory(copy));
            recognise(counting.as_ref()).unwrap();
            assert!(counting.requests() <= 3 && counting.bytes() < 1 << 20, "{program}");
        }
    }
}
