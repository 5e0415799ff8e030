//! The commands that make an initramfs, as each distribution has them.

use crate::inspect::Facts;
use crate::inspect::facts::{DriverState, Fact, Initramfs};
use crate::rules::fixture::{A2020, TENCENT, boot, guest, linux, release, result};

/// The system, and what made its initramfs, which its boot entry has at that path.
fn system(facts: &mut Facts, (id, version, tool, path): (&str, &str, &str, &str)) {
    guest(facts).release = Some(Fact::Known(release(id, version, &[])));
    boot(facts).initrd = vec![path.into()];
    linux(facts).kernels[0].initramfs =
        Some(Fact::Known(Initramfs { tool: tool.into(), path: path.into(), ..Initramfs::default() }));
}

/// A system as [`system`] takes it, and two remedies.
type Row = ((&'static str, &'static str, &'static str, &'static str), &'static str, &'static str);

/// What DRV-01 and LNX-03 say of one that lacks the drivers of the disk, or of the root.
const ROWS: &[Row] = &[
    (
        ("sles", "11.4", "mkinitrd", "/boot/initrd-3.2.0"),
        "add virtio_pci virtio_blk to INITRD_MODULES in /etc/sysconfig/kernel and call `mkinitrd`, or `mkinitrd -k vmlinuz-3.2.0 -i initrd-3.2.0 -m \"virtio_pci virtio_blk\"`",
        "`mkinitrd -k vmlinuz-3.2.0 -i initrd-3.2.0 -m \"ext4\"`",
    ),
    (
        ("sles", "11.4", "mkinitrd", "/boot/ird"),
        "In the guest: `mkinitrd -k vmlinuz-3.2.0 -i ird -m \"virtio_pci virtio_blk\"`",
        "In the guest: `mkinitrd -k vmlinuz-3.2.0 -i ird -m \"ext4\"`",
    ),
    (
        ("centos", "5.11", "mkinitrd", "/boot/initrd-3.2.0.img"),
        "`mkinitrd -f --with=virtio_pci --with=virtio_blk /boot/initrd-3.2.0.img 3.2.0`",
        "`mkinitrd -f --with=ext4 /boot/initrd-3.2.0.img 3.2.0`",
    ),
    (
        ("centos", "6.10", "dracut", "/boot/initramfs-3.2.0.img"),
        "`dracut -f --add-drivers \"virtio_pci virtio_blk virtio_net\" /boot/initramfs-3.2.0.img 3.2.0`",
        "`dracut -f --add-drivers \"ext4\" /boot/initramfs-3.2.0.img 3.2.0`",
    ),
    (
        ("centos", "7", "dracut", "/boot/initramfs-3.2.0.img"),
        "`dracut -f --kver 3.2.0 --add-drivers \"virtio_pci virtio_blk virtio_net\"`",
        "`dracut -f --kver 3.2.0 --add-drivers \"ext4\"`",
    ),
    (
        ("centos", "7", "dracut", "/boot/ird.img"),
        "`dracut -f --add-drivers \"virtio_pci virtio_blk virtio_net\" /boot/ird.img 3.2.0`",
        "`dracut -f --add-drivers \"ext4\" /boot/ird.img 3.2.0`",
    ),
    (
        ("debian", "12", "initramfs-tools", "/boot/ird.img"),
        "/etc/initramfs-tools/modules && mkinitramfs -o /boot/ird.img 3.2.0`",
        "`echo ext4 >> /etc/initramfs-tools/modules && mkinitramfs -o /boot/ird.img 3.2.0`",
    ),
    // A link to the one with the release in its name.
    (
        ("debian", "12", "initramfs-tools", "/initrd.img"),
        "update-initramfs -u -k 3.2.0`",
        "update-initramfs -u -k 3.2.0`",
    ),
];

#[test]
fn each_release_has_its_own_command() {
    for (of, disk, root) in ROWS {
        let rule = result(TENCENT, "DRV-01", |f, _| {
            system(f, *of);
            linux(f).kernels[0].drivers.iter_mut().for_each(|driver| driver.in_initramfs = None);
        });
        assert!(rule.remedy.contains(disk), "{of:?}: {}", rule.remedy);
        let rule = result(A2020, "LNX-03", |f, _| {
            system(f, *of);
            let kernel = &mut linux(f).kernels[0];
            let ext4 = kernel.drivers[0].clone();
            kernel.drivers.push(crate::inspect::facts::Driver {
                name: "ext4".into(),
                state: DriverState::Module,
                in_initramfs: None,
                ..ext4
            });
        });
        assert!(rule.remedy.contains(root), "{of:?}: {}", rule.remedy);
    }
}

#[test]
fn an_initramfs_that_is_missing_is_made_by_what_the_release_has() {
    for (id, version, command) in [
        ("sles", "11.4", "`mkinitrd -k vmlinuz-3.2.0 -i ird.img`"),
        ("centos", "5.11", "`mkinitrd -f /boot/ird.img 3.2.0`"),
        ("centos", "7", "`dracut -f /boot/ird.img 3.2.0`"),
        ("debian", "12", "`mkinitramfs -o /boot/ird.img 3.2.0`"),
    ] {
        let rule = result(A2020, "LNX-03", |f, _| {
            system(f, (id, version, "", "/boot/ird.img"));
            boot(f).missing = vec!["/boot/ird.img".into()];
        });
        assert!(rule.remedy.contains(command), "{id} {version}: {}", rule.remedy);
    }
}

/// It is in the program that starts: no command may write over that.
#[test]
fn a_unified_kernel_is_not_written_over() {
    let rule = result(TENCENT, "DRV-01", |f, _| {
        system(f, ("centos", "9", "dracut", "/boot/efi/EFI/BOOT/BOOTX64.EFI"));
        boot(f).loader = "uki".into();
        linux(f).kernels[0].drivers.iter_mut().for_each(|driver| driver.in_initramfs = None);
    });
    assert!(!rule.remedy.contains("BOOTX64"), "{}", rule.remedy);
}
