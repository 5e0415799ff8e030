//! Damaged texts: whatever they say, reading them returns, and nothing of them gets through that does not belong in facts.

use super::device::Devices;
use super::*;
use crate::disk::testkit::damaged;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::Volume;

/// Changes and cuts a text at each of its words, and reads what comes of it.
fn harmless(path: &str, text: &str, read: impl Fn(&System)) {
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).scan(0, |at, word| {
        let start = *at;
        *at += word.len();
        Some(start..*at)
    });
    let volumes = [Volume { name: "p1".into(), partition: Some(1), label: "root".into(), ..Volume::default() }];
    let mounts = [MountPoint { at: "/".into(), volume: "p1".into(), inside: String::new() }];
    for bytes in damaged(text.as_bytes(), &words.collect::<Vec<_>>(), 600) {
        let fs = MemoryFs::of_texts(&[("/boot/vmlinuz-1", ""), ("/boot/initrd-1", ""), ("/usr/bin/cloud-init", "")]);
        let tree = fs.file(path, bytes).tree();
        read(&System { tree: &tree, devices: Devices::new(&volumes, None), mounts: &mounts, boot_sector: &[] });
    }
}

#[test]
fn damaged_boot_loaders_are_harmless() {
    let legacy = "default saved\nfallback 1\ntitle A\n root (hd0,0)\n kernel /boot/vmlinuz-1 ro root=/dev/sda1\n \
                  initrd /boot/initrd-1\ntitle B\n rootnoverify (hd0,1)\n chainloader +1\n";
    let extlinux = "DEFAULT a\nINCLUDE /boot/extlinux/extlinux.conf\nLABEL a\n MENU LABEL A\n KERNEL ../vmlinuz-1\n \
                    APPEND initrd=/boot/initrd-1 root=LABEL=root\nLABEL b\n LINUX ../vmlinuz-1\n INITRD ../initrd-1\n";
    for (path, text) in [("/boot/grub/menu.lst", legacy), ("/boot/extlinux/extlinux.conf", extlinux)] {
        harmless(path, text, |system| {
            if let Ok(boot) = bootloader::read(system) {
                assert!(!boot.command_line.contains(char::is_control), "{:?}", boot.command_line);
            }
        });
    }
}

#[test]
fn damaged_tables_of_mounts_are_harmless() {
    let text = "UUID=0a1b / ext4 defaults,noatime 0 1\nLABEL=root /mnt/a\\040b ext4 noauto,nofail 0 2\n\
                /dev/sda2 none swap sw\n//host/share /s cifs _netdev\n";
    harmless("/etc/fstab", text, |system| {
        for mount in fstab::read(system.tree, &system.devices).map(|fstab| fstab.entries).unwrap_or_default() {
            assert!(!mount.target.contains(char::is_control), "{:?}", mount.target);
        }
    });
}

#[test]
fn damaged_releases_are_harmless() {
    for (path, text) in [
        ("/etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\nID_LIKE=\"rhel \\\"fedora\\\"\"\nVERSION_ID='12'\n"),
        ("/etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\n"),
        ("/etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n"),
        ("/etc/redhat-release", "CentOS release 6.10 (Final)\n"),
        ("/etc/issue", "\nUbuntu 10.04.4 LTS \\n \\l\n"),
    ] {
        harmless(path, text, |system| {
            if let Ok(found) = release::read(system.tree) {
                assert!(
                    !found.id.contains(char::is_control) && !found.version_id.contains(char::is_control),
                    "{found:?}"
                );
            }
        });
    }
}

#[test]
fn damaged_lists_of_packages_and_configurations_are_harmless() {
    let status = "Package: bash\nStatus: install ok installed\nVersion: 5\n\nPackage: cloud-init\nStatus: install ok \
                  installed\nArchitecture: all\nVersion: 22.4.2-1\nDescription: a\n b\n\n";
    let config = "users: [default]\ndatasource_list: [NoCloud, &a None]\ndatasource:\n  NoCloud: {seedfrom: *a}\n";
    for (path, text) in [
        (packages::DPKG_STATUS, status),
        ("/etc/cloud/cloud.cfg", config),
        ("/etc/cloud/cloud.cfg.d/90.cfg", "datasource_list:\n  - AliYun\n  - Ec2\n"),
        ("/etc/cloud/ds-identify.cfg", "policy: search,found=first\ndatasource: Ec2\n"),
    ] {
        harmless(path, text, |system| {
            let services = Services::open(system.tree, Some("ds=nocloud"));
            drop(services.and_then(|services| {
                cloud_init::read(system.tree, &services, Some("ds=nocloud"), &packages::read(system.tree))
            }));
        });
    }
}

#[test]
fn packages_that_say_which_distribution_it_is_are_facts() {
    let package = |name: &str, version: &str| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n")
    };
    let status = [package("base-files", "12.4+deb12u5"), package("bash", "5.2"), package(&"x-release".repeat(20), "1")];
    let tree = MemoryFs::of_texts(&[(packages::DPKG_STATUS, &status.concat())]).tree();
    let devices = Devices { volumes: &[], partitions: &[] };
    let linux = read(&System { tree: &tree, devices, mounts: &[], boot_sector: &[] }).unwrap();
    let found = &linux.packages.as_ref().and_then(Fact::known).unwrap().release;
    assert_eq!(found[0], ReleasePackage { name: "base-files".into(), version: "12.4+deb12u5".into() });
    assert_eq!((found.len(), found[1].name.chars().count()), (2, RELEASE_MAX), "cut");
}
