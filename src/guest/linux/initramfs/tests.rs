mod built;

use super::*;
use crate::disk::ErrorKind;
use crate::disk::testkit::piped;
use crate::guest::linux::cpio::tests::archive;
use crate::guest::linux::testdata;
use crate::guest::testing::MemoryFs;

const BLK: &str = "usr/lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko";
const PCI: &str = "lib/modules/6.1.0/kernel/drivers/virtio/virtio_pci.ko.xz";

/// What packs, and the Debian packages that have it.
const TOOLS: [[&str; 2]; 5] = [["gzip", "-c"], ["xz", "-c"], ["zstd", "-qc"], ["bzip2", "-c"], ["lzop", "-c"]];
const TOOLS_OF: &str = "gzip, xz-utils, zstd, bzip2, lzop";

fn listed(bytes: &[u8]) -> Result<Contents> {
    let tree = MemoryFs::new().file("/boot/initrd", bytes).tree();
    read(&tree, &["/boot/initrd".to_owned()], "6.1.0")
}

fn main_part() -> Vec<u8> {
    archive(&[("conf/initramfs.conf", b"x"), (BLK, b"elf"), (PCI, b"elf"), ("init", b"#!/bin/sh\n")])
}

#[test]
fn every_compression_that_is_read_gives_the_same_members() {
    let plain = main_part();
    for (name, bytes) in [
        ("none", plain.clone()),
        ("gzip", piped(&["gzip", "-9n"], "gzip", &plain)),
        ("xz", piped(&["xz", "--check=crc32"], "xz-utils", &plain)),
        ("zstd", piped(&["zstd", "-q", "-19"], "zstd", &plain)),
        ("lz4", piped(&["lz4", "-l", "-9", "-c"], "lz4", &plain)),
        ("lzma", piped(&["xz", "--format=lzma"], "xz-utils", &plain)),
        ("bzip2", piped(&["bzip2", "-c"], "bzip2", &plain)),
        ("lzo", piped(&["lzop", "-9", "-c"], "lzop", &plain)),
    ] {
        let found = listed(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(found.facts.compression, name);
        assert_eq!(found.facts.members, 4, "{name}");
        assert_eq!(found.facts.tool, "initramfs-tools");
        assert_eq!(found.drivers["virtio_blk"], BLK);
        assert_eq!(found.drivers["virtio_pci"], PCI);
    }
}

#[test]
fn microcode_comes_before_the_compressed_part() {
    let mut bytes = archive(&[("kernel/x86/microcode/GenuineIntel.bin", &[1; 5000])]);
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes.extend(piped(&["zstd", "-q"], "zstd", &main_part()));
    let found = listed(&bytes).unwrap();
    assert_eq!((found.facts.members, found.facts.compression.as_str()), (5, "zstd"));
    assert!(found.drivers.contains_key("virtio_blk"));
}

#[test]
fn parts_of_all_kinds_follow_one_another() {
    let mut bytes = piped(&["gzip"], "gzip", &archive(&[("a", b"1")]));
    bytes.extend([0; 8]);
    bytes.extend(piped(&["xz", "--check=none"], "xz-utils", &archive(&[(BLK, b"1")])));
    bytes.extend(piped(&["zstd", "-q"], "zstd", &archive(&[(PCI, b"1")])));
    bytes.extend(piped(&["bzip2"], "bzip2", &archive(&[("b", b"1")])));
    bytes.extend(piped(&["lzop"], "lzop", &archive(&[("l", b"1")])));
    bytes.extend(archive(&[("z", b"1")]));
    let found = listed(&bytes).unwrap();
    assert_eq!(found.facts.members, 6);
    assert_eq!(found.drivers.len(), 2);
}

#[test]
fn modules_of_another_kernel_do_not_count() {
    let found = listed(&archive(&[("lib/modules/6.1.0-old/kernel/virtio_blk.ko", b"x"), ("lib/virtio_pci.ko", b"x")]));
    assert_eq!(found.unwrap().drivers.len(), 0);
}

#[test]
fn an_empty_module_is_none() {
    assert!(listed(&archive(&[(BLK, b"")])).unwrap().drivers.is_empty());
}

#[test]
fn what_blocks_a_driver_inside_is_seen() {
    let conf = ("etc/modprobe.d/cloud.conf", &b"blacklist virtio_blk\ninstall virtio_pci /bin/false\n"[..]);
    let found = listed(&archive(&[(BLK, b"x"), (PCI, b"x"), conf])).unwrap();
    assert_eq!(found.blocked["virtio_blk"], "/boot/initrd: etc/modprobe.d/cloud.conf: blacklist virtio_blk");
    assert_eq!(found.blocked.len(), 2);
}

#[test]
fn mkinitrd_loads_only_what_its_init_names() {
    let init = &b"#!/bin/nash\nmount -t proc /proc /proc\ninsmod /lib/virtio_pci.ko\n# insmod /lib/virtio_blk.ko\n"[..];
    let found = listed(&archive(&[("init", init), ("lib/virtio_pci.ko", b"x"), ("lib/virtio_blk.ko", b"x")])).unwrap();
    assert_eq!(found.facts.tool, "mkinitrd");
    assert_eq!(found.drivers.len(), 2);
    assert_eq!(found.blocked.keys().collect::<Vec<_>>(), [&"virtio_blk"]);
}

/// EL5 says what it loads before it does.
#[test]
fn to_name_a_module_is_not_to_load_it() {
    let init = &b"#!/bin/nash\necho \"Loading virtio_blk.ko module\"\ninsmod /lib/virtio_pci.ko\n"[..];
    let found = listed(&archive(&[("init", init), ("lib/virtio_pci.ko", b"x"), ("lib/virtio_blk.ko", b"x")])).unwrap();
    assert_eq!(found.blocked.keys().collect::<Vec<_>>(), [&"virtio_blk"]);
    // An older one than nash's, with another shell.
    let init = &b"#!/bin/sh\ninsmod /lib/virtio_blk.ko\n"[..];
    let found = listed(&archive(&[("linuxrc", init), ("lib/virtio_blk.ko", b"x"), ("lib/ext3.ko", b"x")])).unwrap();
    assert_eq!((found.facts.tool.as_str(), found.blocked.keys().collect::<Vec<_>>()), ("mkinitrd", vec![&"ext3"]));
}

#[test]
fn what_is_packed_once_more_is_not_read() {
    let error = listed(&archive(&[("usr/lib/dracut/x", b"x"), ("squash/root.img", b"hsqs")])).unwrap_err();
    assert!(error.kind == ErrorKind::Unsupported && error.what.contains("squash/root.img"), "{error}");
}

#[test]
fn what_made_it_is_seen_and_whether_for_one_machine() {
    let made = |members: &[(&str, &[u8])]| listed(&archive(members)).unwrap().facts;
    let dracut = made(&[("usr/lib/dracut", b"x"), ("usr/lib/dracut/hostonly-kernel-modules.txt", b"ext4\n")]);
    assert_eq!((dracut.tool.as_str(), dracut.host_only, dracut.lvm), ("dracut", true, false));
    let arch = made(&[("buildconfig", b"HOOKS=(base lvm2)"), ("usr/bin/lvm", b"x"), ("init", b"#!/usr/bin/ash\n")]);
    assert_eq!((arch.tool.as_str(), arch.host_only, arch.lvm), ("mkinitcpio", false, true));
    assert_eq!(made(&[("sbin/nlplug-findfs", b"x")]).tool, "mkinitfs");
    let called =
        |with: &str| made(&[("usr/lib/dracut", b"x"), ("usr/lib/dracut/build-parameter.txt", with.as_bytes())]);
    assert!(called(" --kver '6.1.0' --no-hostonly -H\n").host_only);
    assert!(!called(" --hostonly --no-hostonly --force\n").host_only);
    let generic = made(&[("usr/lib/dracut", b"x"), ("etc/lvm/lvm.conf", b"x")]);
    assert!(!generic.host_only && !generic.lvm);
}

#[test]
fn dracuts_own_command_line_blocks_as_the_kernels_does() {
    let line = ("etc/cmdline.d/90-x.conf", &b" rd.driver.blacklist=virtio_blk \n"[..]);
    let found = listed(&archive(&[(BLK, b"x"), line])).unwrap();
    assert!(found.blocked["virtio_blk"].ends_with("etc/cmdline.d/90-x.conf: rd.driver.blacklist=virtio_blk"));
}

#[test]
fn the_root_inside_is_the_last_that_the_scripts_of_its_maker_come_to() {
    let root =
        |members: &[(&str, &[u8])]| listed(&archive(members)).unwrap().facts.root.map(|root| (root.value, root.place));
    let is = |value: &str, place: &str| Some((value.to_owned(), place.to_owned()));
    let dracut = ("usr/lib/dracut", &b"x"[..]);
    let (early, late) =
        (("etc/cmdline.d/10-a.conf", &b"root=/dev/a"[..]), ("etc/cmdline.d/20-b.conf", &b"root=/dev/b ro"[..]));
    assert_eq!(root(&[dracut, late, early]), is("/dev/b", "etc/cmdline.d/20-b.conf"));
    assert_eq!(root(&[dracut, ("etc/cmdline", b"root=/dev/c"), late]), is("/dev/c", "etc/cmdline"));
    assert_eq!(root(&[dracut, ("etc/cmdline.d/x.conf", b"ro")]), None);
    assert_eq!(root(&[("buildconfig", b"x"), late]), None, "mkinitcpio reads no such file");
    let (tools, own) = (("conf/initramfs.conf", &b"ROOT=/dev/a\n"[..]), ("conf/conf.d/root", &b"ROOT=LABEL=b\n"[..]));
    assert_eq!(root(&[tools]), is("/dev/a", "conf/initramfs.conf"));
    assert_eq!(root(&[own, tools]), is("LABEL=b", "conf/conf.d/root"));
    assert_eq!(
        root(&[tools, ("conf/conf.d/x", b"ROOT=$(findfs LABEL=c)\n")]),
        None,
        "what a shell makes of it is not known"
    );
    assert_eq!(root(&[tools, ("conf/conf.d/x", b"ROOT=\n")]), None);
    assert_eq!(root(&[tools, ("conf/conf.d/x", b"ROOT=probe\n")]), None);
}

/// SLES 10 and 11: run_all.sh holds the list that start.sh sets, and modprobe loads what a module needs.
#[test]
fn suse_loads_what_its_modules_need() {
    let run = &b"[ \"$RESOLVED_INITRD_MODULES\" ] || RESOLVED_INITRD_MODULES='virtio_blk virtio_pci ext3'\n"[..];
    let ring = "lib/modules/6.1.0/kernel/drivers/virtio/virtio_ring.ko";
    let dm = "lib/modules/6.1.0/kernel/drivers/md/dm-mod.ko";
    let found = listed(&archive(&[("run_all.sh", run), (BLK, b"x"), (PCI, b"x"), (ring, b"x"), (dm, b"x")])).unwrap();
    assert_eq!((found.drivers.len(), found.blocked.keys().collect::<Vec<_>>()), (4, vec![&"dm_mod"]));
}

#[test]
fn suse_names_its_modules_in_start_sh() {
    let start = &b"RESOLVED_INITRD_MODULES='virtio_pci virtio-blk ext3'\n"[..];
    let found = listed(&archive(&[("run_all.sh", b"x"), ("config/start.sh", start), (BLK, b"x")])).unwrap();
    assert_eq!((found.facts.tool.as_str(), found.blocked.len()), ("mkinitrd", 0));
}

#[test]
fn what_is_not_read_is_named_and_damage_is_corrupt() {
    assert_eq!(listed(b"\x89LZO....").unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(listed(b"\x02\x21\x4c\x18....").unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(listed(b"garbage").unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(listed(b"").unwrap_err().kind, ErrorKind::Corrupt);
    for tool in TOOLS {
        let bytes = piped(&tool, TOOLS_OF, &main_part());
        let error = listed(&bytes[..bytes.len() / 2]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{tool:?}: {error}");
    }
}

#[test]
fn a_small_file_that_unpacks_without_end_is_limited() {
    let mut big = archive(&[("a", b"")]);
    big.truncate(112);
    let mut plain = archive(&[("big", &vec![0; 40 << 20])]);
    plain.truncate(plain.len() - 120);
    let one = piped(&["gzip", "-1"], "gzip", &plain);
    let error = listed(&one).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    let mut bomb = Vec::new();
    let good = piped(&["gzip", "-1"], "gzip", &archive(&[("big", &vec![0; 40 << 20])]));
    for _ in 0..14 {
        bomb.extend(&good);
    }
    assert_eq!(listed(&bomb).unwrap_err().kind, ErrorKind::Limit);
}

#[test]
fn a_filesystems_error_is_passed_on() {
    let broken = Error::limit("ext4", "the read budget is used up");
    let tree = MemoryFs::new().broken("/boot/initrd", broken.clone()).tree();
    let what = "/boot/initrd: the read budget is used up".to_owned();
    assert_eq!(read(&tree, &["/boot/initrd".to_owned()], "6.1.0").unwrap_err(), Error { what, ..broken });
}

#[test]
fn every_error_names_its_file() {
    let tree = MemoryFs::new().file("/boot/good", main_part()).file("/boot/empty", "").tree();
    let error = |path: &str| read(&tree, &["/boot/good".to_owned(), path.to_owned()], "6.1.0").unwrap_err();
    assert_eq!(error("/boot/empty"), Error::corrupt(LAYER, 0, "/boot/empty: the file is empty"));
    let missing = error("/boot/none");
    assert_eq!((missing.kind, missing.what.as_str()), (ErrorKind::NotFound, "there is no /boot/none"));
}

/// The decoder of the kernel has no other check; this program's own has.
#[test]
fn an_xz_check_that_linux_does_not_know_is_damage() {
    for (check, name) in [("crc64", "CRC64"), ("sha256", "SHA-256")] {
        let error = listed(&piped(&["xz", &format!("--check={check}")], "xz-utils", &main_part())).unwrap_err();
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(0)));
        assert!(error.what.contains(name) && error.what.contains("--check=crc32"), "{error}");
    }
}

/// Linux holds such a window, so the ramdisk is none that cannot be unpacked: it is only not read here.
#[test]
fn a_window_that_is_not_held_is_a_limit_and_no_damage() {
    for tool in [&["zstd", "-q", "--long=27", "-c"][..], &["xz", "-9", "--check=crc32"]] {
        let error = listed(&piped(tool, "zstd, xz-utils", &main_part())).unwrap_err();
        assert_eq!((error.kind, error.at), (ErrorKind::Limit, Some(0)), "{tool:?}: {error}");
        assert!(error.what.contains("a window of more than 32 MiB"), "{error}");
    }
}

#[test]
fn no_mutation_panics() {
    for tool in TOOLS {
        let good = piped(&tool, TOOLS_OF, &main_part());
        for at in 0..good.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = listed(&bad);
            }
        }
    }
}

#[test]
fn real_ramdisks_of_debian() {
    for (file, compression, has, lacks) in [
        ("bookworm-cloud-list-novirtio-gzip.img", "gzip", &[][..], &["virtio_blk", "virtio_pci", "virtio_net"][..]),
        ("bookworm-cloud-list-virtioscsi-zstd.img", "zstd", &["virtio_scsi", "virtio_pci"][..], &["virtio_blk"][..]),
        (
            "bookworm-cloud-most-default.img",
            "gzip",
            &["virtio_blk", "virtio_net", "virtio_scsi", "virtio_pci", "virtio", "virtio_ring", "xen_blkfront"][..],
            &[][..],
        ),
    ] {
        let Some(bytes) = testdata(&format!("initramfs/{file}")) else { return };
        let tree = MemoryFs::new().file("/initrd", bytes).tree();
        let release = "6.1.0-50-cloud-amd64";
        let found = read(&tree, &["/initrd".to_owned()], release).unwrap();
        assert_eq!(found.facts.compression, compression, "{file}");
        assert_eq!(found.facts.tool, "initramfs-tools", "{file}");
        assert!(has.iter().all(|d| found.drivers.contains_key(d)), "{file}: {:?}", found.drivers);
        assert!(lacks.iter().all(|d| !found.drivers.contains_key(d)), "{file}: {:?}", found.drivers);
    }
}

#[test]
fn what_dracut_waits_for_and_starts_is_seen() {
    let hook = r"usr/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2fdisk\x2fby-uuid\x2f9a.sh";
    let found = listed(&archive(&[
        ("usr/lib/dracut", b"x"),
        (hook, b"[ -e x ]"),
        ("usr/lib/udev/rules.d/64-lvm.rules", b"x"),
        ("etc/cmdline", b"rd.lvm.lv=vg/last"),
        ("etc/cmdline.d/90lvm.conf", b" rd.lvm.lv=vg/root ro\nrd.lvm.lv=vg/swap"),
    ]));
    let found = found.unwrap().facts.dracut.unwrap();
    assert_eq!((found.old, found.every_volume), (false, false));
    assert_eq!(found.words, ["rd.lvm.lv=vg/root", "rd.lvm.lv=vg/swap", "rd.lvm.lv=vg/last"]);
    assert_eq!(found.awaits, ["/dev/disk/by-uuid/9a"]);
    let old = listed(&archive(&[("lib/dracut-lib.sh", b"x"), ("lib/udev/rules.d/69-dm-lvm.rules", b"x")]));
    let old = old.unwrap().facts.dracut.unwrap();
    assert!(old.old && old.every_volume);
    assert_eq!(listed(&main_part()).unwrap().facts.dracut, None);
}
