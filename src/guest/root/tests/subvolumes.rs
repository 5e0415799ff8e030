//! Systems in subvolumes, as installers of three distributions lay them out, made by the kernel.

use std::fs;
use std::path::Path;

use super::*;
use crate::disk::filesystem::btrfs::tests::{btrfs, make, mount, open};
use crate::guest::linux::System;
use crate::guest::linux::bootloader;
use crate::inspect::facts::Boot;

/// Makes a volume with `subvolumes`, the last of which becomes the default one where `set` says so, and files in it.
/// `None` where nothing can be mounted.
fn volume(subvolumes: &[&str], set: bool, files: &[(&str, &str)]) -> Option<Readable> {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 128 << 20, None);
    let mounted = mount(&image, "rw")?;
    for name in subvolumes {
        let at = mounted.join(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        btrfs(&format!("subvolume create {}", at.display()));
    }
    for (path, text) in files {
        write(&mounted.join(path), text);
    }
    if let (true, Some(last)) = (set, subvolumes.last()) {
        btrfs(&format!("subvolume set-default {}", mounted.join(last).display()));
    }
    drop(mounted);
    let fs = open(&image).unwrap();
    let look = look(&fs).unwrap();
    // The open file stays readable when its folder is removed.
    Some(Readable { name: "p1".into(), fs, look })
}

fn write(at: &Path, text: &str) {
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    fs::write(at, text).unwrap();
}

fn found(on: &[Readable]) -> Root {
    find(on, &Devices::new(&volumes(&["p1", "p2"]), None)).unwrap().expect("a root")
}

fn booted(root: &Root) -> Boot {
    let known = volumes(&["p1", "p2"]);
    let devices = Devices::new(&known, None);
    bootloader::read(&System { tree: &root.tree, devices, mounts: &root.mounts, modes: None }).unwrap()
}

fn grub(lines: &str) -> String {
    format!("set default=0\nmenuentry 'Linux' {{\nsearch --no-floppy --fs-uuid --set=root uuid-p1\n{lines}}}\n")
}

#[test]
fn ubuntu_is_in_the_subvolume_that_its_boot_loader_names() {
    let fstab = "UUID=uuid-p1 / btrfs defaults,subvol=@ 0 1\nUUID=uuid-p1 /home btrfs defaults,subvol=@home 0 2\n\
        UUID=uuid-p1 /mnt/all btrfs subvolid=5\nUUID=uuid-p1 /mnt/none btrfs subvol=@none\n";
    let config =
        grub("linux /@/boot/vmlinuz root=UUID=uuid-p1 ro rootflags=subvol=@ quiet\ninitrd /@/boot/initrd.img\n");
    let files = [
        ("@/etc/os-release", "ID=ubuntu\n"),
        ("@/etc/fstab", fstab),
        ("@/usr/bin/env", ""),
        ("@/mnt/all/here", ""),
        ("@/boot/grub/grub.cfg", &config),
        ("@/boot/vmlinuz", "k"),
        ("@/boot/initrd.img", "i"),
        ("@home/ada/.profile", "p"),
        // A copy of the system as it was.
        ("@old/etc/os-release", "ID=ubuntu-old\n"),
        ("@old/etc/fstab", fstab),
        ("@old/usr/bin/env", ""),
    ];
    for set in [false, true] {
        let subvolumes = if set { ["@home", "@old", "@"] } else { ["@", "@home", "@old"] };
        let Some(volume) = volume(&subvolumes, set, &files) else { return };
        assert_eq!(volume.look.holds, Holds::System);
        let root = found(&[volume]);
        assert_eq!((root.volume.as_str(), root.family, root.rivals.len()), ("p1", Family::Linux, 0));
        assert_eq!(root.tree.read("/etc/os-release", 64).unwrap(), b"ID=ubuntu\n");
        assert!(root.tree.exists("/home/ada/.profile").unwrap());
        assert!(root.tree.exists("/mnt/all/@old/etc/fstab").unwrap());
        assert!(!root.tree.exists("/mnt/none").unwrap());
        let boot = booted(&root);
        assert_eq!((boot.kernel.as_str(), boot.initrd[0].as_str()), ("/boot/vmlinuz", "/boot/initrd.img"));
        assert!(boot.missing.is_empty());
    }
}

#[test]
fn of_several_systems_that_nothing_names_none_is_called_the_one() {
    let files = [
        ("a/etc/os-release", ""),
        ("a/usr/x", ""),
        ("b/etc/os-release", ""),
        ("b/usr/x", ""),
        ("c/etc/fstab", ""),
        ("plain/etc/os-release", ""),
        ("plain/usr/x", ""),
    ];
    let Some(volume) = volume(&["a", "b", "c"], false, &files) else { return };
    assert_eq!(volume.look.systems.len(), 2);
    let root = found(&[volume]);
    assert_eq!(root.rivals.len(), 1);
    assert!(root.rivals[0].starts_with("p1:"));
}

#[test]
fn suse_is_in_the_default_subvolume_and_mounts_many_others() {
    let places =
        ["var", "usr/local", "tmp", "srv", "root", "opt", "home", "boot/grub2/x86_64-efi", "boot/grub2/i386-pc"];
    let lines: Vec<_> = places.iter().map(|p| format!("UUID=uuid-p1  /{p}  btrfs  subvol=/@/{p}  0  0\n")).collect();
    let fstab = format!(
        "UUID=uuid-p1  /  btrfs  defaults  0  0\n{}UUID=uuid-p1 /.snapshots btrfs subvol=/@/.snapshots 0 0\n",
        lines.concat()
    );
    let config = grub("set btrfs_relative_path=\"yes\"\nlinux /boot/vmlinuz root=UUID=uuid-p1\ninitrd /boot/initrd\n");
    let root = "@/.snapshots/1/snapshot";
    let subvolumes: Vec<_> = places.iter().map(|place| format!("@/{place}")).collect();
    let mut subvolumes: Vec<&str> = subvolumes.iter().map(String::as_str).collect();
    subvolumes.insert(0, "@");
    subvolumes.extend(["@/.snapshots", "@/.snapshots/1/snapshot"]);
    let own = |path: &str| format!("{root}/{path}");
    let in_root = [
        (own("etc/os-release"), "ID=sles\n"),
        (own("etc/fstab"), fstab.as_str()),
        (own("usr/lib/x"), ""),
        (own("boot/grub2/grub.cfg"), config.as_str()),
        (own("boot/vmlinuz"), "k"),
        (own("boot/initrd"), "i"),
        (own("var/stale"), ""),
    ];
    let on_others: Vec<_> = places.iter().map(|place| (format!("@/{place}/here"), "")).collect();
    let files: Vec<(&str, &str)> =
        in_root.iter().chain(&on_others).map(|(path, text)| (path.as_str(), *text)).collect();
    let Some(volume) = volume(&subvolumes, true, &files) else { return };
    let root = found(&[volume]);
    assert!(root.rivals.is_empty());
    assert_eq!(root.tree.read("/etc/os-release", 64).unwrap(), b"ID=sles\n");
    for place in places {
        assert!(root.tree.exists(&format!("/{place}/here")).unwrap(), "{place}");
    }
    assert!(!root.tree.exists("/var/stale").unwrap());
    assert!(root.tree.exists("/.snapshots/1/snapshot/etc/os-release").unwrap());
    let boot = booted(&root);
    assert_eq!((boot.kernel.as_str(), boot.missing.len()), ("/boot/vmlinuz", 0));
}

#[test]
fn fedora_has_the_word_on_its_boot_volume() {
    let fstab = "UUID=uuid-p1 / btrfs subvol=root,compress=zstd:1 0 0\nUUID=uuid-p2 /boot ext4 defaults 1 2\n\
        UUID=uuid-p1 /home btrfs subvol=home,compress=zstd:1 0 0\n";
    let files = [
        ("root/etc/os-release", "ID=fedora\n"),
        ("root/etc/fstab", fstab),
        ("root/usr/x", ""),
        ("snapshot/etc/os-release", "ID=old\n"),
        ("snapshot/usr/x", ""),
        ("home/ada/x", ""),
    ];
    let entry = "title Fedora\nlinux /vmlinuz-6\noptions root=UUID=uuid-p1 ro rootflags=subvol=root rhgb\n";
    let boot =
        MemoryFs::of_texts(&[("/vmlinuz-6", ""), ("/loader/entries/a.conf", entry), ("/grub2/grub.cfg", "blscfg\n")]);
    let Some(volume) = volume(&["root", "home", "snapshot"], false, &files) else { return };
    let root = found(&[volume, readable("p2", boot)]);
    assert!(root.rivals.is_empty());
    assert_eq!(root.tree.read("/etc/os-release", 64).unwrap(), b"ID=fedora\n");
    assert!(root.tree.exists("/home/ada/x").unwrap() && root.tree.exists("/boot/vmlinuz-6").unwrap());
    assert_eq!(booted(&root).kernel, "/boot/vmlinuz-6");
}
