//! States of the disk, made by the tools that make them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::layout::{Content, Part, assert_rows, disk, esp, ext4, judged, link, write};
use crate::disk::partition;
use crate::disk::testkit::{self, run};
use crate::report::Outcome::{Advice, Fail, Pass, Warn};
use crate::rules::fixture::{A2020, TENCENT};

const LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const MIB: u64 = 1 << 20;

/// The files of a Debian, with this fstab.
fn debian(dir: &Path, fstab: &str) {
    let root = &dir.join("root");
    write(root, "etc/os-release", "ID=debian\nVERSION_ID=\"10\"\n");
    write(root, "etc/fstab", fstab);
    write(root, "usr/bin/sh", std::fs::read("/bin/sh").unwrap());
    if !root.join("bin").exists() {
        link(root, "bin", "usr/bin");
    }
}

fn part(number: u32, kind: &'static str, file: PathBuf) -> Part {
    Part { number, kind, name: "", more: vec![], content: Content::File(file) }
}

#[test]
fn an_esp_in_fstab_is_no_second_partition_and_a_swap_that_dangles_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    debian(dir, "LABEL=root / ext4 defaults 0 1\nLABEL=EFI-SYSTEM /boot/efi vfat umask=0077 0 1\n");
    let with_esp =
        |dir: &Path| disk(dir, &[part(1, ESP, esp(dir, &[])), part(2, LINUX, ext4(dir, "root", "root", 24))]);
    let rows = [(A2020, "PAR-05", Pass), (A2020, "FS-01", Pass), (A2020, "LNX-04", Pass), (TENCENT, "PAR-08", Pass)];
    assert_rows(&with_esp(dir), &rows);
    debian(dir, "LABEL=root / ext4 defaults 0 1\nUUID=0b3a8d5e-93a4-4b4e-8a3c-1f6b8f1f7a11 none swap sw 0 0\n");
    assert_rows(&with_esp(dir), &[(A2020, "LNX-04", Warn), (A2020, "PAR-05", Pass)]);
}

#[test]
fn a_second_data_partition_counts_more_where_it_is_mounted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(&dir.join("data"), "photos/a.jpg", "x");
    let image = |fstab: &str| {
        debian(dir, fstab);
        let root = ext4(dir, "root", "root", 24);
        disk(dir, &[part(1, LINUX, root), part(2, LINUX, ext4(dir, "data", "data", 8))])
    };
    let mounted = image("LABEL=root / ext4 defaults 0 1\nLABEL=data /srv ext4 defaults 0 2\n");
    assert_rows(&mounted, &[(A2020, "PAR-05", Fail), (A2020, "FS-01", Pass)]);
    let idle = image("LABEL=root / ext4 defaults 0 1\n");
    assert_rows(&idle, &[(A2020, "PAR-05", Warn), (A2020, "FS-01", Pass)]);
}

#[test]
fn a_disk_that_has_grown_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    debian(dir, "LABEL=root / ext4 defaults 0 1\n");
    let image = disk(dir, &[part(1, LINUX, ext4(dir, "root", "root", 24))]);
    let length = std::fs::metadata(&image).unwrap().len();
    let resize = |len: u64| std::fs::OpenOptions::new().write(true).open(&image).unwrap().set_len(len).unwrap();
    resize(length + 64 * MIB);
    assert_rows(&image, &[(A2020, "SRC-10", Advice), (TENCENT, "SRC-10", Advice), (A2020, "PAR-01", Pass)]);
    run("gdisk", "sgdisk", &["-e", image.to_str().unwrap()]);
    assert_rows(&image, &[(A2020, "SRC-10", Pass)]);
    resize(length - 4 * MIB);
    assert_rows(&image, &[(A2020, "SRC-10", Fail)]);
}

#[test]
fn a_disk_that_has_grown_without_its_first_header_has_no_table_until_it_is_cut_back() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    debian(dir, "LABEL=root / ext4 defaults 0 1\n");
    let image = disk(dir, &[part(1, LINUX, ext4(dir, "root", "root", 24))]);
    let path = image.to_str().unwrap();
    let length = std::fs::metadata(&image).unwrap().len();
    let resize = |len: u64| std::fs::OpenOptions::new().write(true).open(&image).unwrap().set_len(len).unwrap();
    let wipe = |lba: u64| {
        let file = std::fs::OpenOptions::new().write(true).open(&image).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[0; 512], lba * 512).unwrap();
    };
    let rows = |image: &Path| partition::read(&testkit::open(image)).unwrap().partitions.len();
    wipe(1);
    resize(length + 64 * MIB);
    let rule = judged(&image, A2020);
    let (table, whole) = (&rule["PAR-01"], &rule["SRC-10"]);
    assert_eq!((table.result, whole.result), (Fail, Pass), "{table:?} {whole:?}");
    assert!(table.remedy.contains(&format!("truncate -s {length} IMAGE")), "{}", table.remedy);
    assert!(!run("gdisk", "sgdisk", &["-p", path]).contains("8300"), "sgdisk sees no partition");
    // The remedy, and what it warns of.
    let copy = dir.join("copy");
    std::fs::copy(&image, &copy).unwrap();
    run("gdisk", "sgdisk", &["-e", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 0);
    resize(length);
    run("gdisk", "sgdisk", &["-e", path]);
    resize(length + 64 * MIB);
    assert_rows(&image, &[(A2020, "PAR-01", Pass), (A2020, "SRC-10", Advice)]);
    // Where only the entries are lost, the first header leads to the second copy.
    wipe(2);
    let rule = &judged(&image, A2020)["PAR-01"];
    assert!(rule.result == Fail && rule.remedy.ends_with("`sgdisk -e IMAGE`."), "{rule:?}");
    assert!(rule.evidence.iter().any(|seen| seen.what == "no valid entries"), "{rule:?}");
    run("gdisk", "sgdisk", &["-e", path]);
    assert_rows(&image, &[(A2020, "PAR-01", Pass), (A2020, "SRC-10", Pass)]);
}

#[test]
fn an_iso_inside_a_qcow2_is_an_iso() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(&dir.join("medium"), "isolinux/isolinux.bin", "x");
    write(&dir.join("medium"), "README.txt", "Debian installation");
    let [iso, qcow2, from] = ["medium.iso", "medium.qcow2", "medium"].map(|name| dir.join(name).display().to_string());
    run("genisoimage", "genisoimage", &["-quiet", "-V", "INSTALL", "-R", "-o", &iso, &from]);
    run("qemu-utils", "qemu-img", &["convert", "-f", "raw", "-O", "qcow2", &iso, &qcow2]);
    assert_rows(Path::new(&qcow2), &[(A2020, "IMG-02", Fail), (TENCENT, "PAR-02", Fail), (TENCENT, "IMG-01", Pass)]);
    let rule = judged(Path::new(&qcow2), TENCENT);
    assert_eq!(rule["PAR-02"].code, "RootPartitionNotFound");
    let failed = |profile: &str| judged(Path::new(&qcow2), profile).values().filter(|r| r.result == Fail).count();
    assert_eq!((failed(A2020), failed(TENCENT)), (1, 1), "one medium fails one rule");
}

/// A physical volume with `vg0/root` and `vg0/swap` on it, as LVM's own tools lay it out; `None`, said aloud, where loop
/// devices cannot be had.
fn physical_volume(dir: &Path, root: &Path) -> Option<PathBuf> {
    let file = dir.join("pv");
    std::fs::File::create(&file).unwrap().set_len(64 * MIB).unwrap();
    let script = r#"
exec 2>&1
export PATH=$PATH:/usr/sbin:/sbin
LOOP=$(losetup -f --show "$PV") || { echo "skipped: no loop device"; exit 0; }
trap 'losetup -d "$LOOP"' EXIT
set -e
lvm() { command "$1" --config "devices { filter=[\"a|^$LOOP\$|\",\"r|.*|\"] use_devicesfile=0 obtain_device_list_from_udev=0 hints=\"none\" external_device_info_source=\"none\" } global { activation=0 locking_dir=\"$DIR/lock\" event_activation=0 use_lvmpolld=0 } backup { backup=0 archive=0 backup_dir=\"$DIR\" archive_dir=\"$DIR\" } activation { monitoring=0 udev_sync=0 udev_rules=0 }" "${@:2}"; }
lvm pvcreate -q "$LOOP"
lvm vgcreate -q vg0 "$LOOP"
lvm lvcreate -q -an -Zn -Wn -l 8 -n root vg0
lvm lvcreate -q -an -Zn -Wn -l 4 -n swap vg0
lvm pvs --noheadings --units b --nosuffix -o pe_start "$LOOP" | tr -d ' ' | sed 's/^/start /'
for lv in root swap; do lvm lvs --noheadings -o seg_pe_ranges vg0/$lv | sed "s/.*:\([0-9]*\)-.*/$lv \1/"; done
"#;
    let output = Command::new("bash").args(["-c", script]).env("PV", &file).env("DIR", dir).output().expect("bash");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if let Some(skipped) = said.lines().find(|line| line.starts_with("skipped: ")) {
        eprintln!("{skipped}");
        return None;
    }
    assert!(output.status.success(), "install the Debian package lvm2: {said}");
    let number = |word: &str| -> u64 {
        let value = said.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{word}: {said}")).trim().parse().unwrap()
    };
    let swap = dir.join("swap");
    std::fs::File::create(&swap).unwrap().set_len(16 * MIB).unwrap();
    run("util-linux", "mkswap", &["-q", swap.to_str().unwrap()]);
    for (volume, content) in [("root", root), ("swap", &swap)] {
        use std::os::unix::fs::FileExt;
        let at = number("start") + number(volume) * 4 * MIB;
        let out = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        out.write_all_at(&std::fs::read(content).unwrap(), at).unwrap();
    }
    Some(file)
}

#[test]
fn a_root_and_a_swap_on_lvm_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    debian(dir, "/dev/mapper/vg0-root / ext4 defaults 0 1\n/dev/vg0/swap none swap sw 0 0\n");
    let Some(volume) = physical_volume(dir, &ext4(dir, "root", "root", 24)) else { return };
    let image = disk(dir, &[part(1, "E6D6D379-F507-44C2-A23C-238F2A3DF928", volume)]);
    assert_rows(
        &image,
        &[
            (A2020, "PAR-02", Pass),
            (A2020, "PAR-05", Warn),
            (A2020, "FS-01", Pass),
            (A2020, "LNX-04", Pass),
            (A2020, "OS-01", Pass),
            (TENCENT, "PAR-02", Pass),
        ],
    );
    assert!(judged(&image, A2020)["PAR-05"].message.contains("vg0/swap"));
}
