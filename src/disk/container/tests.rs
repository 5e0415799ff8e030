//! What an object is taken for.

use super::testing::opened;
use super::{Class, FORMATS, descriptor, open};
use crate::disk::testkit::{self, Counting, run, run_in};

fn format(bytes: impl Into<Vec<u8>>) -> String {
    open(testkit::memory(bytes.into())).unwrap().facts.format
}

#[test]
fn names_are_unique_and_every_format_has_advice() {
    let names: std::collections::BTreeSet<_> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(names.len(), FORMATS.len());
    for format in FORMATS {
        assert!(!format.advice.is_empty() && !format.advice.contains('\n'), "{}", format.name);
        assert_eq!(descriptor(format.name).map(|found| found.name), Some(format.name));
    }
}

#[test]
fn what_is_no_image_is_called_by_its_name() {
    let padded = |start: &[u8]| [start, &[0; 4096]].concat();
    for (bytes, name) in [
        (Vec::new(), "empty"),
        (b"<!DOCTYPE html><html><body>403 Forbidden</body></html>".to_vec(), "HTML"),
        (b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>".to_vec(), "XML"),
        (b"{\"error\": \"not found\"}\n".to_vec(), "JSON"),
        (b"not found: the path has no such object\n".to_vec(), "text"),
        (vec![7; 40], "data"),
        (vec![0; 40], "data"),
        (b"%PDF-1.7\n".to_vec(), "PDF"),
        (padded(b"\x7fELF\x02\x01"), "ELF"),
        (padded(&[0xed, 0xab, 0xee, 0xdb, 3, 0]), "rpm"),
        (padded(b"!<arch>\ndebian-binary   "), "deb"),
        (padded(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]), "MSI"),
        (padded(b"vhdxfile"), "VHDX"),
        (padded(b"QED\0"), "QED"),
        (padded(b"WithouFreSpacExt"), "Parallels"),
        (padded(b"LUKS\xba\xbe\0\x02"), "LUKS"),
        (padded(b"Rar!\x1a\x07\x01\0"), "rar"),
        (padded(b"7z\xbc\xaf\x27\x1c\0\x04"), "7z"),
        (padded(b"PK\x03\x04"), "zip"),
        (padded(b"# Disk DescriptorFile\nversion=1\n"), "VMDK"),
        (padded(b"\xbe\xba\xfe\xca\0\0\0\0"), "VMDK"),
        (padded(b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0"), "cloop"),
        (b"#!/bin/sh\nexec true\n".to_vec(), "text"),
        (padded(b"MSWIM\0\0\0\xd0\0\0\0"), "WIM"),
        (padded(b"WLPWM\0\0\0\xd0\0\0\0"), "WIM"),
        (padded(b"070701"), "cpio"),
        (padded(b"LZIP\x01"), "lzip"),
        (padded(b"\x89LZO\0\r\n\x1a\n"), "lzop"),
        (padded(&[0x3a, 0xff, 0x26, 0xed, 1, 0, 0, 0]), "Android sparse"),
        (padded(b"VMA\0\0\0\0\x01"), "VMA"),
        (padded(b"EVF\x09\x0d\x0a\xff\0"), "EWF"),
        (padded(b"partclone-image"), "partclone"),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned();
        assert_eq!(format(bytes), name, "{shown}");
    }
    let frame = [b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0".as_slice(), &[1; 2340]].concat();
    assert_eq!(format(frame.repeat(4)), "BIN");
    let mut program = padded(b"MZ");
    program[0x3c] = 0x80;
    program[0x80..0x84].copy_from_slice(b"PE\0\0");
    assert_eq!(format(program), "PE");
}

#[test]
fn a_page_is_one_in_any_character_set_and_of_any_length() {
    let page = "<!DOCTYPE html>\n<HTML><title>Zugriff verweigert: 访问被拒绝, accès refusé</title>\n";
    for set in ["UTF-8", "GBK", "ISO-8859-1//TRANSLIT", "WINDOWS-1252//TRANSLIT", "UTF-16"] {
        let encoded = |text: &str| testkit::piped(&["iconv", "-f", "UTF-8", "-t", set], "libc-bin", text.as_bytes());
        assert_eq!(format(encoded(page)), "HTML", "{set}");
        assert_eq!(format(encoded(&page.repeat(20_000))), "HTML", "{set}, more than a disk's least");
        assert_eq!(format(encoded(&format!("\r\n {}", page.replace("<!DOCTYPE html>", "")))), "HTML", "{set}");
    }
    let other_end: Vec<u8> = "\u{feff}".encode_utf16().chain(page.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    assert_eq!(format(other_end), "HTML");
    for start in [&b"<html>\xe9"[..], b"\xff\xfe<\0h\0t\0m\0l\0", b"\xff\xfe", b"\xfe\xff\0<"] {
        let mut disk = start.to_vec();
        disk.resize(2 << 20, 0);
        assert_eq!(format(disk), "RAW", "zeros follow, as in no page: {start:?}");
    }
}

#[test]
fn real_archivers_are_recognised_whatever_they_pack() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk.img");
    std::fs::write(&disk, vec![0; 3 << 20]).unwrap();
    std::fs::write(dir.path().join("vm.ovf"), "<Envelope/>").unwrap();
    let shell = |command: &str| {
        run_in(dir.path(), "bash", "sh", &["-c", command]);
    };
    shell("gzip -k disk.img && bzip2 -k disk.img && xz -k disk.img && zstd -q disk.img");
    shell("xz --format=lzma -k disk.img && tar cf disk.tar disk.img && tar cf vm.ova vm.ovf disk.img");
    shell("tar --format=v7 -cf old.tar disk.img");
    for (file, name) in [
        ("disk.img", "RAW"),
        ("disk.img.gz", "gzip"),
        ("disk.img.bz2", "bzip2"),
        ("disk.img.xz", "xz"),
        ("disk.img.zst", "zstd"),
        ("disk.img.lzma", "lzma"),
        ("disk.tar", "tar"),
        ("old.tar", "tar"),
        ("vm.ova", "OVA"),
    ] {
        let container = open(testkit::open(&dir.path().join(file))).unwrap();
        assert_eq!(container.facts.format, name, "{file}");
        assert_eq!(container.guest.is_some(), name == "RAW", "{file}");
    }
}

#[test]
fn other_disk_formats_of_qemu_are_named_with_their_size() {
    let dir = tempfile::tempdir().unwrap();
    for (format, options, name, size) in [
        ("vpc", "force_size=on", "VHD", Some(64 << 20)),
        ("vpc", "force_size=on,subformat=fixed", "VHD", Some(64 << 20)),
        ("vmdk", "subformat=monolithicSparse", "VMDK", Some(64 << 20)),
        ("vmdk", "subformat=streamOptimized", "VMDK", Some(64 << 20)),
        ("vhdx", "subformat=dynamic", "VHDX", None),
        ("vdi", "static=off", "VDI", None),
        ("qed", "cluster_size=65536", "QED", None),
    ] {
        let file = dir.path().join(format);
        let path = file.to_str().unwrap();
        run("qemu-utils", "qemu-img", &["create", "-q", "-f", format, "-o", options, path, "64M"]);
        let facts = open(testkit::open(&file)).unwrap().facts;
        assert_eq!((facts.format.as_str(), facts.virtual_size_bytes), (name, size), "{options}");
        assert_eq!(facts.unsafe_references.is_empty(), name != "QED", "{options}: {:?}", facts.unsafe_references);
        assert_eq!(facts.trouble, None, "{options}");
    }
}

#[test]
fn an_iso_is_one_also_as_a_hybrid_and_inside_any_disk() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("file"), vec![1; 1 << 20]).unwrap();
    let iso = dir.path().join("cd.iso");
    let path = iso.to_str().unwrap();
    run("genisoimage", "genisoimage", &["-quiet", "-V", "MY DISC", "-udf", "-o", path, tree.to_str().unwrap()]);
    let facts = open(testkit::open(&iso)).unwrap().facts;
    assert_eq!((facts.format.as_str(), facts.detail.as_str()), ("ISO", "volume \"MY DISC\""));
    assert_eq!(descriptor("ISO").unwrap().class, Class::Medium);

    for (format, options, name) in [
        ("qcow2", "cluster_size=4k", "QCOW2"),
        ("vpc", "subformat=dynamic", "VHD"),
        ("vpc", "subformat=fixed", "VHD"),
        ("vmdk", "subformat=streamOptimized", "VMDK"),
    ] {
        let file = dir.path().join("wrapped");
        run("qemu-utils", "qemu-img", &["convert", "-O", format, "-o", options, path, file.to_str().unwrap()]);
        let facts = open(testkit::open(&file)).unwrap().facts;
        assert_eq!((facts.format.as_str(), facts.guest_format.as_deref()), (name, Some("ISO")));
    }

    let mut hybrid = std::fs::read(&iso).unwrap();
    hybrid[510..512].copy_from_slice(&[0x55, 0xaa]);
    hybrid[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(format(hybrid), "ISO");
}

#[test]
fn what_is_left_of_an_iso_that_was_larger_than_the_disk_is_no_iso() {
    let mut disk = vec![0; 1 << 20];
    disk[0x8000..0x8007].copy_from_slice(b"\x01CD001\x01");
    disk[0x8000 + 80..0x8000 + 84].copy_from_slice(&4096_u32.to_le_bytes());
    disk[0x8000 + 128..0x8000 + 130].copy_from_slice(&2048_u16.to_le_bytes());
    assert_eq!(format(disk), "RAW");
}

#[test]
fn an_image_or_archive_inside_an_image_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = super::testing::pattern(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (inner, format) in [("qcow2", "QCOW2"), ("vdi", "VDI"), ("vhdx", "VHDX"), ("vmdk", "VMDK")] {
        run("qemu-utils", "qemu-img", &["convert", "-O", inner, raw.to_str().unwrap(), &path("inner")]);
        run("qemu-utils", "qemu-img", &["convert", "-f", "raw", "-O", "qcow2", &path("inner"), &path("outer")]);
        let facts = opened(&dir.path().join("outer")).facts;
        assert_eq!((facts.format.as_str(), facts.guest_format.as_deref()), ("QCOW2", Some(format)));
    }
    run("qemu-utils", "qemu-img", &["convert", "-O", "qcow2", raw.to_str().unwrap(), &path("outer")]);
    assert_eq!(opened(&dir.path().join("outer")).facts.guest_format, None, "a disk is a disk");
}

#[test]
fn a_file_of_any_kind_inside_an_image_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("disk.ovf"), "<Envelope/>").unwrap();
    for (archive, member) in [("disk.tar", "disk.vmdk"), ("disk.ova", "disk.ovf")] {
        std::fs::write(path("disk.vmdk"), vec![7; 100_000]).unwrap();
        run("tar", "tar", &["cf", &path(archive), "-C", dir.path().to_str().unwrap(), member]);
    }
    let lzma = [&[0x5d, 0, 0, 0x80, 0][..], &[0xff; 8], &[0], &[0x9c; 4000]].concat();
    let dmg = [vec![0x78; 4096], b"koly".to_vec(), vec![1; 508]].concat();
    let mut pe = vec![0; 4096];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3c] = 0x80;
    pe[0x80..0x84].copy_from_slice(b"PE\0\0");
    let kinds: [(&str, Vec<u8>); 10] = [
        ("tar", std::fs::read(path("disk.tar")).unwrap()),
        ("OVA", std::fs::read(path("disk.ova")).unwrap()),
        ("HTML", b"<!DOCTYPE html>\n<html><body>404</body></html>\n".to_vec()),
        ("XML", b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>".to_vec()),
        ("JSON", b"{\"error\": \"not found\"}\n".to_vec()),
        ("text", "version https://git-lfs.github.com/spec/v1\n".repeat(4000).into_bytes()),
        ("ELF", std::fs::read("/bin/sh").unwrap()),
        ("PE", pe),
        ("lzma", lzma),
        ("DMG", dmg),
    ];
    for (name, bytes) in kinds {
        std::fs::write(path("inner"), bytes).unwrap();
        assert_eq!(opened(&dir.path().join("inner")).facts.format, name);
        for (format, options) in [("qcow2", "cluster_size=64k"), ("vmdk", "subformat=streamOptimized")] {
            let args = ["convert", "-f", "raw", "-O", format, "-o", options, &path("inner"), &path("outer")];
            run("qemu-utils", "qemu-img", &args);
            let facts = opened(&dir.path().join("outer")).facts;
            assert_eq!(facts.guest_format.as_deref(), Some(name), "in {format}");
        }
    }
    // Nothing at all, and bytes of no kind, are no file.
    for bytes in [vec![0; 1 << 20], vec![0x80; 1 << 20]] {
        std::fs::write(path("inner"), bytes).unwrap();
        run("qemu-utils", "qemu-img", &["convert", "-f", "raw", "-O", "qcow2", &path("inner"), &path("outer")]);
        assert_eq!(opened(&dir.path().join("outer")).facts.guest_format, None);
    }
}

/// A medium that was written to a disk and partitioned over leaves its descriptors in the gap before the first partition.
/// What a hybrid medium appends for the user's files lies behind the medium.
#[test]
fn an_iso_that_a_system_was_installed_over_is_none_and_one_with_a_partition_behind_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("file"), vec![1; 8 << 20]).unwrap();
    let disk = dir.path().join("disk");
    let path = disk.to_str().unwrap();
    for (from, label, kind) in
        [(1 << 20, "gpt", "RAW"), (1 << 20, "dos", "RAW"), (16 << 20, "gpt", "ISO"), (16 << 20, "dos", "ISO")]
    {
        run("genisoimage", "genisoimage", &["-quiet", "-o", path, tree.to_str().unwrap()]);
        std::fs::File::options().write(true).open(&disk).unwrap().set_len(40 << 20).unwrap();
        let script = format!(
            "PATH=$PATH:/usr/sbin:/sbin; echo {},,L | sfdisk -q --wipe never --force -X {label} {path}",
            from / 512
        );
        run("fdisk", "sh", &["-c", &script]);
        assert_eq!(opened(&disk).facts.format, "ISO", "{label} at {from}, empty");
        run("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", "-E", &format!("offset={from}"), path, "16m"]);
        assert_eq!(opened(&disk).facts.format, kind, "{label} at {from}");
        let inside = dir.path().join("wrapped");
        run("qemu-utils", "qemu-img", &["convert", "-O", "qcow2", path, inside.to_str().unwrap()]);
        let guest = opened(&inside).facts.guest_format;
        assert_eq!(guest.as_deref(), Some("ISO").filter(|_| kind == "ISO"), "{label} at {from} in a QCOW2");
    }
}

/// What xorriso appends to a hybrid medium lies behind its files, and within its volume.
#[test]
fn a_hybrid_medium_with_a_partition_that_was_appended_is_a_medium_also_where_it_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::File::create(path("part")).unwrap().set_len(8 << 20).unwrap();
    run("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", &path("part")]);
    let random: Vec<u8> = (0..3_u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(path("file"), random).unwrap();
    for offset in [None, Some("16")] {
        let mut args = vec!["-as", "mkisofs", "-quiet", "-V", "LIVE"];
        args.extend(offset.iter().flat_map(|offset| ["-partition_offset", offset]));
        let (part, medium, file) = (path("part"), path("medium"), path("file"));
        args.extend(["-appended_part_as_gpt", "-append_partition", "2", "0x83", &part, "-o", &medium, &file]);
        run("xorriso", "xorriso", &args);
        let facts = opened(&dir.path().join("medium")).facts;
        assert_eq!((facts.format.as_str(), facts.trouble), ("ISO", None), "{offset:?}");
        let whole = std::fs::read(&medium).unwrap();
        std::fs::write(&medium, &whole[..2_800_000]).unwrap();
        let facts = opened(&dir.path().join("medium")).facts;
        assert_eq!(facts.format, "ISO", "{offset:?}, cut");
        assert!(facts.detail.contains("incomplete: 2800000 of "), "{}", facts.detail);
        std::fs::remove_file(&medium).unwrap();
    }
}

/// The partition that lies over the medium may be the EFI system partition alone, or the disk have no table.
#[test]
fn a_system_that_was_installed_over_a_small_medium_is_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("file"), vec![7; 20 << 20]).unwrap();
    let disk = path("disk");
    let medium = |len: u64| {
        let _ = std::fs::remove_file(&disk);
        run("xorriso", "xorriso", &["-as", "mkisofs", "-quiet", "-o", &disk, &path("file")]);
        std::fs::File::options().write(true).open(&disk).unwrap().set_len(len).unwrap();
    };
    medium(128 << 20);
    let table = "start=2048,size=81920,type=U\nstart=83968,size=102400,type=L\n";
    let script = format!("PATH=$PATH:/usr/sbin:/sbin; printf 'label: gpt\n{table}' | sfdisk -q --wipe never {disk}");
    run("fdisk", "sh", &["-c", &script]);
    assert_eq!(opened(disk.as_ref()).facts.format, "ISO", "its partitions are empty");
    run("dosfstools", "mkfs.vfat", &["-F", "32", "--offset", "2048", &disk, "40960"]);
    assert_eq!(opened(disk.as_ref()).facts.format, "RAW");

    medium(512 << 20);
    run("xfsprogs", "mkfs.xfs", &["-q", "-f", "-K", &disk]);
    let bytes = std::fs::read(&disk).unwrap();
    // Where mkfs wiped nothing at 32 KiB, the volume descriptor is still there.
    assert_eq!(opened(disk.as_ref()).facts.format, "RAW", "{}", bytes[0x8001..].starts_with(b"CD001"));
}

#[test]
fn a_raw_disk_is_all_there_and_only_reading_tells_its_size_as_qcow2() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, bytes) = super::testing::pattern(dir.path());
    let facts = super::testing::agrees_with_qemu(&raw, "raw").facts;
    assert_eq!((facts.format.as_str(), facts.allocated_bytes), ("RAW", Some(bytes.len() as u64)));
}

#[test]
fn a_qcow2_has_whole_sectors_as_for_qemu() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, _) = super::testing::pattern(dir.path());
    let file = super::testing::convert(&raw, "qcow2", "odd.qcow2", &[]);
    let image = std::fs::read(&file).unwrap();
    let with = |size: u64| {
        let mut image = image.clone();
        image[24..32].copy_from_slice(&size.to_be_bytes());
        std::fs::write(&file, image).unwrap();
    };
    let size = super::testing::DISK as u64;
    for (stated, sectors) in [(size + 1, size), (size + 511, size), (size - 1, size - 512), (511, 0), (512, 512)] {
        with(stated);
        assert_eq!(super::testing::agrees_with_qemu(&file, "qcow2").facts.virtual_size_bytes, Some(sectors));
    }
    // What the L1 table must cover is what the header states.
    with((512 << 20) + 100);
    let asked = std::process::Command::new("qemu-img").args(["info", file.to_str().unwrap()]).output().unwrap();
    assert!(!asked.status.success());
    let trouble = open(testkit::open(&file)).unwrap().facts.trouble.unwrap();
    assert_eq!(trouble.kind, crate::inspect::facts::TroubleKind::Corrupt);
}

#[test]
fn an_object_is_recognised_with_two_requests() {
    let counting = Counting::new(testkit::memory(vec![0; 5 << 20]));
    open(counting.clone()).unwrap();
    assert_eq!(counting.requests(), 2);
}

#[test]
fn samples_of_other_programs_are_called_by_their_names() {
    for (name, format, unsafe_reference) in [
        ("containers/cdi-archive.tar", "tar", false),
        ("containers/dfvfs-ext2.vhdx.zst", "VHDX", false),
        ("containers/dfvfs-fat-differential.vhd.zst", "VHD", true),
        ("containers/dfvfs-ntfs-dynamic.vhd.zst", "VHD", false),
        ("containers/dissect-dynamic.vhd.gz", "VHD", false),
        ("containers/qemu-hyperv2012r2-dynamic.vhd.bz2", "VHD", false),
        ("containers/qemu-iotest-version3.vmdk.bz2", "VMDK", false),
        ("containers/vmdk-monolith.img", "VMDK", false),
        ("containers/diskforensic-df.vmdk", "VMDK", false),
        ("containers/dfvfs-iso9660.raw.zst", "ISO", false),
        ("containers/isohybrid-memtest86plus-x64.iso.zst", "ISO", false),
        ("containers/qemu-simple-dmg.dmg.bz2", "DMG", false),
        ("containers/qemu-empty.bochs.bz2", "Bochs", false),
        ("containers/dissect-differencing.avhdx.gz", "VHDX", false),
        ("lvm/dfvfs-luks2.first1MiB.raw.zst", "LUKS", false),
    ] {
        let Some(bytes) = testkit::sample(name) else { return };
        let facts = open(testkit::memory(bytes)).unwrap().facts;
        assert_eq!(facts.format, format, "{name}");
        assert_eq!(!facts.unsafe_references.is_empty(), unsafe_reference, "{name}: {:?}", facts.unsafe_references);
    }
    let Some(bytes) = testkit::sample("containers/qemu-hyperv2012r2-dynamic.vhd.bz2") else { return };
    assert_eq!(open(testkit::memory(bytes)).unwrap().facts.virtual_size_bytes, Some(136_365_211_648));
}

#[test]
fn damaged_headers_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    for (format, name) in [("vpc", "a"), ("vmdk", "b"), ("qed", "c"), ("vdi", "d"), ("vhdx", "e")] {
        let file = dir.path().join(name);
        run("qemu-utils", "qemu-img", &["create", "-q", "-f", format, file.to_str().unwrap(), "4M"]);
        let bytes = std::fs::read(&file).unwrap();
        let tail = bytes.len() - 512..bytes.len();
        for copy in testkit::damaged(&bytes, &[0..64, 64..1536, tail], 200) {
            let counting = Counting::new(testkit::memory(copy));
            open(counting.clone()).unwrap();
            assert!(counting.requests() <= 16);
        }
    }
}
