//! Catalogue 9b: a CoreOS disk, partition by partition as its own build makes it, before its first boot and after. No
//! image of the distribution is at hand: this layout is synthetic.

use std::path::Path;

use super::layout::{Content, Part, assert_rows, disk, esp, ext4, judged, link, write};
use crate::disk::testkit::run;
use crate::guest::testing::bzimage;
use crate::report::Outcome::{Advice, Fail, NotApplicable, Pass, Unknown};
use crate::rules::fixture::{A2018_06, A2020, TENCENT};

const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const BIOS_BOOT: &str = "21686148-6449-6E6F-744E-656564454649";
const USR: &str = "5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6";
const RESERVED: &str = "C95DC21A-DF0E-4340-8D7B-26CBFA9A03E0";
const DATA: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const ROOT: &str = "3884DD41-8582-4404-B9A8-E9B84F2DF50E";
const USR_A: &str = "7130C94A-213A-4E5A-8E26-6CCE9662F132";
const USR_B: &str = "E03DD35C-7C2D-4A47-B3FE-27F15780A57C";

/// The files of `/usr`.
fn usr(dir: &Path, name: &str, id: &str, version: &str) {
    let root = &dir.join(name);
    let release = format!("NAME=\"{id}\"\nID={id}\nVERSION_ID={version}\nPRETTY_NAME=\"{id} {version}\"\n");
    write(root, "lib64/os-release", release);
    link(root, "lib", "lib64");
    write(root, "bin/bash", std::fs::read("/bin/true").unwrap());
    write(root, "bin/coreos-cloudinit", "ELF");
    write(root, "lib64/systemd/systemd", std::fs::read("/bin/true").unwrap());
    link(root, "sbin/init", "../lib/systemd/systemd");
    let units = "lib64/systemd/system";
    write(root, &format!("{units}/multi-user.target"), "[Unit]\nRequires=basic.target\n");
    write(root, &format!("{units}/basic.target"), "[Unit]\nWants=sockets.target\n");
    write(root, &format!("{units}/sockets.target"), "[Unit]\n");
    link(root, &format!("{units}/default.target"), "multi-user.target");
    write(root, &format!("{units}/sshd.socket"), "[Socket]\nListenStream=22\nAccept=yes\n");
    write(root, &format!("{units}/sshd@.service"), "[Service]\nExecStart=-/usr/sbin/sshd -i\n");
    link(root, &format!("{units}/sockets.target.wants/sshd.socket"), "../sshd.socket");
    // systemd runs what may be run, and sshd's host keys are made at boot.
    write(root, "sbin/sshd", "ELF");
    write(root, "share/ssh/sshd_config", "UsePAM yes\n");
    run("coreutils", "chmod", &["755", root.join("sbin/sshd").to_str().unwrap()]);
    write(root, &format!("{units}/sshd-keygen.service"), "[Service]\nExecStart=/usr/lib/coreos/sshd_keygen\n");
    link(root, &format!("{units}/multi-user.target.wants/sshd-keygen.service"), "../sshd-keygen.service");
    write(
        root,
        &format!("{units}/systemd-networkd.service"),
        "[Service]\nExecStart=/usr/lib/systemd/systemd-networkd\n",
    );
    link(root, &format!("{units}/multi-user.target.wants/systemd-networkd.service"), "../systemd-networkd.service");
    write(root, "lib64/systemd/network/zz-default.network", "[Match]\nName=*\n\n[Network]\nDHCP=yes\n");
    let modules = "lib64/modules/5.15.1-flatcar";
    write(
        root,
        &format!("{modules}/modules.builtin"),
        "kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/virtio/virtio.ko\nkernel/drivers/virtio/virtio_ring.ko\n",
    );
    let built = ["block/virtio_blk", "net/virtio_net", "block/xen-blkfront"];
    for module in built {
        write(root, &format!("{modules}/kernel/drivers/{module}.ko.xz"), "module");
    }
    let list = built.iter().map(|module| format!("kernel/drivers/{module}.ko.xz:\n")).collect::<Vec<_>>().concat();
    write(root, &format!("{modules}/modules.dep"), list);
}

/// A kernel with the disk's driver in the initramfs inside it, or without.
fn kernel(dir: &Path, member: &str) -> Vec<u8> {
    write(&dir.join("initramfs"), member, "module");
    let pack = "cd initramfs && find . | cpio --quiet -o -H newc > ../inside && cd .. && rm -r initramfs \
        && head -c 200000 /dev/zero > vmlinux && cat inside >> vmlinux && gzip -9 < vmlinux > payload";
    run("cpio, gzip", "sh", &["-ec", &format!("cd {} && {pack}", dir.display())]);
    bzimage("5.15.1-flatcar", &std::fs::read(dir.join("payload")).unwrap())
}

const BLK: &str = "usr/lib/modules/5.15.1-flatcar/kernel/drivers/block/virtio_blk.ko.xz";

/// A disk with that root, `/usr` in the first place, perhaps another in the second, and these kernels.
fn coreos(dir: &Path, usr_a: std::path::PathBuf, usr_b: Content, files: &[(&str, Vec<u8>)]) -> std::path::PathBuf {
    for folder in ["boot", "usr", "oem"] {
        std::fs::create_dir_all(dir.join("root").join(folder)).unwrap();
    }
    write(&dir.join("oem"), "oem-release", "ID=qemu\n");
    // GRUB takes the higher priority; both have started before.
    let attributes = |number: u32, bits: &[u32]| {
        bits.iter().flat_map(|bit| ["-A".to_owned(), format!("{number}:set:{bit}")]).collect::<Vec<_>>()
    };
    let uuid = |number: u32, uuid: &str| vec!["-u".to_owned(), format!("{number}:{uuid}")];
    let part = |number, kind, name, more, content| Part { number, kind, name, more, content };
    disk(
        dir,
        &[
            part(1, ESP, "EFI-SYSTEM", vec![], Content::File(esp(dir, files))),
            part(2, BIOS_BOOT, "BIOS-BOOT", vec![], Content::Nothing),
            part(3, USR, "USR-A", [uuid(3, USR_A), attributes(3, &[48, 56])].concat(), Content::File(usr_a)),
            part(4, USR, "USR-B", [uuid(4, USR_B), attributes(4, &[49, 56])].concat(), usr_b),
            part(6, DATA, "OEM", vec![], Content::File(ext4(dir, "oem", "OEM", 4))),
            part(7, RESERVED, "OEM-CONFIG", vec![], Content::Nothing),
            part(9, ROOT, "ROOT", vec![], Content::File(ext4(dir, "root", "ROOT", 128))),
        ],
    )
}

/// ext4 that cannot be mounted for writing: the build sets the uppermost byte of `s_feature_ro_compat`.
fn sealed(image: std::path::PathBuf) -> std::path::PathBuf {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(&image).unwrap();
    file.write_all_at(&[0xff], 0x464 + 3).unwrap();
    image
}

#[test]
fn a_disk_before_its_first_boot_answers_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    usr(dir, "usr-a", "coreos", "1068.8.0");
    let usr_a = sealed(ext4(dir, "usr-a", "USR-A", 24));
    let files = [("coreos/vmlinuz-a", kernel(dir, BLK)), ("coreos/first_boot", b"Ignition".to_vec())];
    let image = coreos(dir, usr_a, Content::Nothing, &files);
    assert_rows(
        &image,
        &[
            (TENCENT, "PAR-02", Pass),
            (TENCENT, "PAR-03", Fail),
            (TENCENT, "PAR-08", Pass),
            (TENCENT, "OS-01", Pass),
            (TENCENT, "DRV-01", Pass),
            (TENCENT, "SVC-01", Advice),
            (A2018_06, "PAR-03", Fail),
            (A2018_06, "OS-01", Pass),
            (A2018_06, "SVC-10", Pass),
            (A2020, "PAR-05", Pass),
            (A2020, "FS-01", Pass),
            (A2020, "FS-06", Pass),
            (A2020, "OS-01", Pass),
            (A2020, "OS-09", Pass),
            (A2020, "LNX-01", NotApplicable),
            (A2020, "LNX-02", Pass),
            (A2020, "LNX-04", Pass),
            (A2020, "LNX-05", NotApplicable),
            (A2020, "LNX-07", NotApplicable),
            (A2020, "DRV-01", Pass),
            (A2020, "SVC-08", Pass),
            (A2020, "SVC-10", Pass),
        ],
    );
    let report = judged(&image, TENCENT);
    assert!(report["PAR-03"].message.contains("S4 L14") && report["PAR-03"].message.contains("S4 L12"));
    assert!(report["SVC-01"].message.contains("ignition"), "{}", report["SVC-01"].message);
    assert!(report["DRV-01"].message.contains("virtio_blk in the initramfs"), "{}", report["DRV-01"].message);
    assert!(judged(&image, A2020)["SVC-08"].evidence.iter().any(|seen| seen.place.contains("/usr/lib")));
}

#[test]
fn of_two_systems_the_one_of_the_higher_priority_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    usr(dir, "usr-a", "coreos", "600.0.0");
    usr(dir, "usr-b", "flatcar", "3510.2.0");
    let usr_a = ext4(dir, "usr-a", "USR-A", 24);
    let usr_b = dir.join("usr-b.btrfs");
    std::fs::File::create(&usr_b).unwrap().set_len(64 << 20).unwrap();
    let (from, at) = (dir.join("usr-b"), usr_b.to_str().unwrap());
    let mixed = ["-q", "-f", "--mixed", "-m", "single", "-d", "single", "--rootdir", from.to_str().unwrap(), at];
    run("btrfs-progs", "mkfs.btrfs", &mixed);
    // After its first boot: the links, and /etc.
    let root = &dir.join("root");
    for name in ["bin", "sbin", "lib", "lib64"] {
        link(root, name, &format!("usr/{name}"));
    }
    link(root, "etc/os-release", "../usr/lib/os-release");
    link(root, "etc/issue", "../run/issue");
    write(root, "etc/shadow", "root:*:15887:0:::::\ncore:*:15887:0:::::\n");
    write(root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    let files = [("flatcar/vmlinuz-a", b"old".to_vec()), ("flatcar/vmlinuz-b", kernel(dir, BLK))];
    let image = coreos(dir, usr_a, Content::File(usr_b), &files);
    assert_rows(
        &image,
        &[
            (TENCENT, "PAR-02", Pass),
            (TENCENT, "OS-01", Advice),
            (TENCENT, "DRV-01", Pass),
            (TENCENT, "SVC-01", Advice),
            (A2020, "PAR-05", Pass),
            (A2020, "FS-01", Pass),
            (A2020, "LNX-01", NotApplicable),
            (A2020, "LNX-02", Pass),
            (A2020, "LNX-04", Pass),
            (A2020, "LNX-05", Pass),
            (A2020, "LNX-07", Advice),
            (A2020, "SVC-08", Pass),
        ],
    );
    let report = judged(&image, TENCENT);
    assert!(report["OS-01"].message.contains("3510.2.0"), "{}", report["OS-01"].message);
    assert!(report["SVC-01"].message.contains("coreos-cloudinit"), "{}", report["SVC-01"].message);
}

#[test]
fn what_is_missing_or_not_read_is_never_taken_for_the_other_system() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    usr(dir, "usr-a", "coreos", "600.0.0");
    let usr_a = ext4(dir, "usr-a", "USR-A", 24);
    let broken = dir.join("usr-b.jfs");
    // JFS, which is not read: what starts lies there.
    let mut jfs = vec![0; 1 << 20];
    jfs[0x8000..0x8004].copy_from_slice(b"JFS1");
    std::fs::write(&broken, jfs).unwrap();
    let files = [("coreos/vmlinuz-a", kernel(dir, BLK))];
    let image = coreos(dir, usr_a.clone(), Content::File(broken), &files);
    assert_rows(&image, &[(TENCENT, "PAR-02", Unknown), (TENCENT, "OS-01", Unknown), (A2020, "OS-01", Unknown)]);
    // The driver is nowhere that is read, and there is no kernel at all: neither is a failure.
    let image = coreos(dir, usr_a.clone(), Content::Nothing, &[("coreos/vmlinuz-a", kernel(dir, "init"))]);
    assert_rows(&image, &[(TENCENT, "DRV-01", Unknown), (A2020, "OS-01", Fail)]);
    let image = coreos(dir, usr_a, Content::Nothing, &[]);
    assert_rows(&image, &[(TENCENT, "DRV-01", Unknown), (TENCENT, "PAR-08", Unknown), (A2020, "SVC-01", Advice)]);
    // A /usr without its folders is one whose links lead nowhere.
    std::fs::remove_dir_all(dir.join("usr-a/sbin")).unwrap();
    let image = coreos(dir, ext4(dir, "usr-a", "USR-A", 24), Content::Nothing, &files);
    assert_rows(&image, &[(A2020, "LNX-01", Fail)]);
}
