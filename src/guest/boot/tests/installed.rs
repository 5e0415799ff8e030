//! Disks on which the installers themselves put their boot loaders.

use super::*;

/// Makes a filesystem in partition `$N`, mounts it, runs what `$DO` says, and takes all down again.
const SCRIPT: &str = r#"
exec 2>&1
LOOP=$(losetup -f --show "$IMAGE") || { echo "skipped: no loop device"; exit 0; }
trap 'umount "$M" || true; partx -d "$LOOP" || true; losetup -d "$LOOP"' EXIT
partx -a "$LOOP" || true
udevadm settle || true
PART=${LOOP}p$N
[ -b "$PART" ] || { echo "skipped: no device of a partition"; exit 0; }
set -e
mkfs.ext2 -q -F "$PART"
mount "$PART" "$M"
grub() {
  grub-install --target=i386-pc --boot-directory="$M" --install-modules="biosdisk part_msdos part_gpt ext2" --locales= \
    --fonts= --themes= "$@"
}
eval "$DO"
"#;

/// The disk after an installer ran on a partition of it; `None`, said aloud, where there are no loop devices.
fn installed(image: &[u8], partition: u32, what: &str) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let (file, mount) = (dir.path().join("disk"), dir.path().join("mount"));
    std::fs::write(&file, image).unwrap();
    std::fs::create_dir(&mount).unwrap();
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = std::process::Command::new("bash")
        .args(["-c", SCRIPT])
        .env("PATH", path)
        .env("IMAGE", &file)
        .env("M", &mount)
        .env("N", partition.to_string())
        .env("DO", what)
        .output()
        .expect("bash is needed");
    let said = String::from_utf8_lossy(&output.stdout);
    if let Some(skipped) = said.lines().find(|line| line.starts_with("skipped: ")) {
        eprintln!("{skipped}");
        return None;
    }
    assert!(output.status.success(), "Debian: grub2-common, grub-pc-bin, extlinux: {said}");
    Some(std::fs::read(file).unwrap())
}

fn ext2() -> Vec<u8> {
    vec![0; 24 * MIB]
}

#[test]
fn what_grub_install_writes_is_followed() {
    let bios_boot = ("type=21686148-6449-6E6F-744E-656564454649", vec![0; MIB]);
    let mbr = || disk("dos", &[("type=83, bootable", ext2())]);
    let Some(gap) = installed(&mbr(), 1, "grub $LOOP") else { return };
    assert_eq!(ways(&look(gap)), ["BIOS Grub2  0x200"]);
    let gpt = disk("gpt", &[bios_boot, ("", ext2())]);
    let found = look(installed(&gpt, 2, "grub $LOOP").unwrap());
    assert_eq!(ways(&found), ["BIOS Grub2 p1 0x100000"]);
    let gpt = disk("gpt", &[("", ext2())]);
    let found = look(installed(&gpt, 1, "grub --force $LOOP").unwrap());
    assert!(ways(&found)[0].starts_with("BIOS Grub2 p1 0x"), "by block list: {found:?}");
    let code = of_package("syslinux-common", "/usr/lib/syslinux/mbr/mbr.bin");
    let found = look(installed(&started_by(mbr(), &code), 1, "grub --force $PART").unwrap());
    assert!(ways(&found)[0].starts_with("BIOS Grub2 p1 0x"), "in the boot sector of the partition: {found:?}");
}

#[test]
fn what_extlinux_installs_is_followed() {
    let code = of_package("syslinux-common", "/usr/lib/syslinux/mbr/mbr.bin");
    let image = started_by(disk("dos", &[("type=83, bootable", ext2())]), &code);
    let Some(image) = installed(&image, 1, "mkdir $M/boot; extlinux --install $M/boot") else { return };
    let found = look(image);
    assert!(ways(&found)[0].starts_with("BIOS Syslinux p1 0x"), "{found:?}");
}
