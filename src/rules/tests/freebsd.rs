//! Catalogue 9c: a FreeBSD disk as its release images are laid out, row by row.

use std::path::{Path, PathBuf};

use super::layout::{Content, Part, assert_rows, disk, esp, judged, write};
use crate::disk::testkit::run;
use crate::report::Outcome::{Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::fixture::{A2018_06, A2020, TENCENT};

const BOOT: &str = "83BD6B9D-7F41-11DC-BE0B-001560B84F0F";
const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const SWAP: &str = "516E7CB5-6ECF-11D6-8FF8-00022D09712B";
const UFS: &str = "516E7CB6-6ECF-11D6-8FF8-00022D09712B";

/// The files of a stock image.
fn system(root: &Path) {
    write(root, "bin/freebsd-version", "#!/bin/sh\nUSERLAND_VERSION=\"13.2-RELEASE\"\n");
    write(root, "bin/sh", "ELF");
    write(root, "sbin/init", "ELF");
    write(root, "lib/libc.so.7", "ELF");
    write(root, "libexec/ld-elf.so.1", "ELF");
    write(root, "usr/bin/login", "ELF");
    write(
        root,
        "etc/fstab",
        "/dev/gpt/rootfs\t/\tufs\trw\t1\t1\n/dev/gpt/swapfs none swap sw 0 0\n/dev/gpt/efiesp /boot/efi msdosfs rw 2 2\n",
    );
    write(root, "etc/master.passwd", "root:*:0:0::0:0:Charlie &:/root:/bin/sh\n");
    write(root, "etc/spwd.db", "db");
    write(root, "etc/ssh/sshd_config", "#Port 22\n#PermitRootLogin no\n");
    write(root, "etc/rc.conf", "ifconfig_DEFAULT=\"DHCP\"\nsshd_enable=\"YES\"\ncloudinit_enable=\"YES\"\n");
    write(
        root,
        "etc/defaults/rc.conf",
        "sshd_enable=\"NO\"\nfirewall_enable=\"NO\"\npf_enable=\"NO\"\nipfilter_enable=\"NO\"\n",
    );
    write(root, "usr/local/bin/cloud-init", "#!/usr/local/bin/python3.9\n");
    write(root, "boot/kernel/kernel", b"\x7fELF\0virtio_pci/virtio_blk\0virtio_pci\0virtio_pci/vtnet\0vtnet\0");
}

/// UFS2 with the files of a folder.
fn ufs(dir: &Path, tree: &str) -> PathBuf {
    let (image, tree) = (dir.join(format!("{tree}.ufs")), dir.join(tree));
    let _ = std::fs::remove_file(&image);
    let (at, from) = (image.to_str().unwrap(), tree.to_str().unwrap());
    run("makefs", "makefs", &["-t", "ffs", "-B", "le", "-s", "16m", "-o", "version=2", at, from]);
    image
}

/// Gives the one file of that size the flag `schg`, which makefs sets on a BSD alone: `di_mode`, `di_size` and `di_flags`
/// of an inode (sys/ufs/ufs/dinode.h).
fn schg(image: &Path, size: u64) {
    let mut bytes = std::fs::read(image).unwrap();
    let is_it = |inode: &[u8]| inode[..2] == 0o100_644_u16.to_le_bytes() && inode[16..24] == size.to_le_bytes();
    let found: Vec<usize> = (0..bytes.len() / 256).filter(|at| is_it(&bytes[at * 256..at * 256 + 256])).collect();
    let [inode] = found.as_slice() else { panic!("{found:?}") };
    bytes[inode * 256 + 88..inode * 256 + 92].copy_from_slice(&0x2_0000_u32.to_le_bytes());
    std::fs::write(image, bytes).unwrap();
}

fn freebsd(dir: &Path, root: PathBuf, more: Vec<Part>) -> PathBuf {
    let part = |number, kind, name, content| Part { number, kind, name, more: vec![], content };
    let mut parts = vec![
        part(1, BOOT, "bootfs", Content::Nothing),
        part(2, ESP, "efiesp", Content::File(esp(dir, &[]))),
        part(3, SWAP, "swapfs", Content::Nothing),
        part(4, UFS, "rootfs", Content::File(root)),
    ];
    parts.extend(more);
    disk(dir, &parts)
}

#[test]
fn a_stock_image_answers_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    system(&dir.join("root"));
    let image = freebsd(dir, ufs(dir, "root"), vec![]);
    assert_rows(
        &image,
        &[
            (A2020, "OS-01", Pass),
            (A2018_06, "OS-01", Pass),
            (TENCENT, "OS-01", Fail),
            (TENCENT, "PAR-02", Pass),
            (TENCENT, "PAR-08", Pass),
            (A2018_06, "PAR-03", Fail),
            (A2020, "PAR-05", Warn),
            (A2020, "FS-01", Advice),
            (A2020, "LNX-01", NotApplicable),
            (A2020, "LNX-02", NotApplicable),
            (A2020, "LNX-04", Pass),
            (A2020, "LNX-05", Pass),
            (A2020, "LNX-06", NotApplicable),
            (A2020, "LNX-07", Advice),
            (A2020, "DRV-01", Pass),
            (A2018_06, "DRV-01", Pass),
            (TENCENT, "DRV-01", Pass),
            (A2020, "SVC-01", Pass),
            (TENCENT, "SVC-02", Unknown),
            (A2020, "SVC-05", Pass),
            (A2020, "SVC-06", Pass),
            (A2020, "SVC-08", Pass),
            (A2020, "SVC-10", Pass),
            // Rows of their own they have none.
            (A2020, "SVC-11", Unknown),
            (A2020, "SVC-12", Unknown),
            (TENCENT, "OS-10", Unknown),
        ],
    );
    let report = judged(&image, A2018_06);
    assert!(report["PAR-03"].message.contains("S2 L52") && report["PAR-03"].message.contains("S2 L28"));
    assert!(report["OS-01"].message.contains("FreeBSD 13.2-RELEASE"), "{}", report["OS-01"].message);
}

#[test]
fn what_a_cloud_does_not_take_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let root = &dir.join("root");
    system(root);
    write(
        root,
        "etc/fstab",
        "/dev/ada0p4 / ufs rw 1 1\n/dev/gpt/data /data ufs rw 2 2\n/dev/gpt/gone /gone ufs rw,failok 2 2\n",
    );
    write(
        root,
        "etc/rc.conf",
        "ifconfig_em0=\"inet 10.0.0.2/24\"\npf_enable=\"YES\"\nsshd_enable=\"NO\"\nqemu_guest_agent_enable=\"YES\"\n",
    );
    write(root, "usr/local/bin/qemu-ga", "ELF");
    write(root, "boot/kernel/kernel", b"\x7fELF\0ada\0");
    write(&dir.join("data"), "photos/a.jpg", "x");
    let data = Part { number: 5, kind: UFS, name: "data", more: vec![], content: Content::File(ufs(dir, "data")) };
    let files = ufs(dir, "root");
    schg(&files, std::fs::metadata(root.join("etc/master.passwd")).unwrap().len());
    let image = freebsd(dir, files, vec![data]);
    assert_rows(
        &image,
        &[
            (A2020, "PAR-05", Fail),
            (A2020, "LNX-04", Warn),
            (A2020, "LNX-05", Fail),
            (A2020, "DRV-01", Unknown),
            (TENCENT, "DRV-01", Unknown),
            (A2020, "SVC-01", Warn),
            (A2020, "SVC-05", Fail),
            (A2020, "SVC-06", Warn),
            (A2020, "SVC-08", Warn),
            (A2018_06, "SVC-10", Fail),
        ],
    );
    let report = judged(&image, A2020);
    assert!(report["LNX-05"].remedy.contains("chflags"), "{:?}", report["LNX-05"]);
    assert!(report["LNX-04"].remedy.contains("/dev/ufsid/"), "{}", report["LNX-04"].remedy);
    assert!(report["SVC-01"].remedy.contains("cloudinit_enable"), "{}", report["SVC-01"].remedy);
    assert!(report["PAR-05"].remedy.contains("`gpart delete -i N DISK`"), "{}", report["PAR-05"].remedy);
    let low = report.get("FS-06").filter(|rule| rule.result != Pass);
    assert!(low.is_none_or(|rule| rule.remedy.contains("growfs")), "{low:?}");
    // A required filesystem that is nowhere, and a folder without which it does not start.
    write(root, "etc/fstab", "/dev/gpt/rootfs / ufs rw 1 1\n/dev/gpt/gone /gone ufs rw 2 2\n");
    std::fs::remove_dir_all(root.join("libexec")).unwrap();
    let image = freebsd(dir, ufs(dir, "root"), vec![]);
    assert_rows(&image, &[(A2020, "LNX-04", Fail), (A2020, "LNX-01", Fail)]);
    // The loader takes the root from this table, unless it is told of another.
    write(root, "etc/fstab", "/dev/gpt/nothere / ufs rw 1 1\n");
    for (told, wanted) in [("autoboot_delay=\"3\"\n", Fail), ("vfs.root.mountfrom=\"ufs:/dev/gpt/rootfs\"\n", Warn)] {
        write(root, "boot/loader.conf", told);
        let image = freebsd(dir, ufs(dir, "root"), vec![]);
        assert_rows(&image, &[(A2020, "LNX-04", wanted)]);
        assert!(judged(&image, A2020)["LNX-04"].remedy.contains("/dev/ufsid/"));
    }
    write(root, "etc/fstab", "/dev/mirror/gm0s1a / ufs rw 1 1\n");
    write(root, "boot/loader.conf", "");
    assert_rows(&freebsd(dir, ufs(dir, "root"), vec![]), &[(A2020, "LNX-04", Warn)]);
}
