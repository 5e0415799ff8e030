use super::*;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::Volume;

fn root(fstab: &str) -> MemoryFs {
    MemoryFs::of_texts(&[
        ("/etc/os-release", "ID=debian\n"),
        ("/etc/fstab", fstab),
        ("/usr/bin/env", ""),
        ("/bin/sh", ""),
    ])
}

fn boot() -> MemoryFs {
    MemoryFs::of_texts(&[("/vmlinuz-6.1", "kernel"), ("/initrd.img-6.1", ""), ("/grub/grub.cfg", "")])
}

fn readable(name: &str, fs: MemoryFs) -> Readable {
    let fs = fs.shared();
    let look = look(&fs).unwrap();
    Readable { name: name.into(), fs, look }
}

fn volumes(names: &[&str]) -> Vec<Volume> {
    names.iter().map(|n| Volume { name: (*n).into(), uuid: format!("uuid-{n}"), ..Volume::default() }).collect()
}

#[test]
fn each_kind_of_volume_is_told_apart() {
    let holds = |fs: MemoryFs| look(&fs.shared()).unwrap().holds;
    assert_eq!(holds(root("")), Holds::System);
    assert_eq!(holds(boot()), Holds::Boot);
    assert_eq!(holds(MemoryFs::new().dir("/lost+found")), Holds::Nothing);
    assert_eq!(holds(MemoryFs::of_texts(&[("/photos/a.jpg", "")])), Holds::Data);
    assert_eq!(holds(MemoryFs::of_texts(&[("/isolinux/isolinux.bin", ""), ("/vmlinuz", "")])), Holds::Installer);
    assert_eq!(holds(MemoryFs::of_texts(&[("/EFI/BOOT/BOOTX64.EFI", "")])), Holds::Boot);
    assert_eq!(holds(MemoryFs::of_texts(&[("/etc/hosts", ""), ("/home/a", "")])), Holds::Data);
}

#[test]
fn a_root_is_known_by_links_that_lead_to_other_volumes() {
    let fs = MemoryFs::new().link("/etc/os-release", "../usr/lib/os-release").dir("/usr").link("/bin", "usr/bin");
    assert_eq!(look(&fs.shared()).unwrap().family, Family::Linux);
}

#[test]
fn windows_is_known_by_its_hive_in_a_folder_of_any_name() {
    for folder in ["Windows", "WINNT", "MyWindows"] {
        let hive = format!("/{folder}/System32/config/SYSTEM");
        let found = look(&MemoryFs::of_texts(&[(&hive, ""), ("/pagefile.sys", "")]).shared()).unwrap();
        assert_eq!((found.family, found.holds), (Family::Windows, Holds::System), "{folder}");
    }
    let without = look(&MemoryFs::of_texts(&[("/Windows/notepad.exe", ""), ("/Users/a", "")]).shared()).unwrap();
    assert_eq!((without.family, without.holds), (Family::Unknown, Holds::Data));
}

#[test]
fn freebsd_is_recognised() {
    let fs =
        MemoryFs::of_texts(&[("/etc/rc.conf", ""), ("/bin/freebsd-version", ""), ("/sbin/init", ""), ("/usr/x", "")]);
    assert_eq!(look(&fs.shared()).unwrap().family, Family::FreeBSD);
}

#[test]
fn the_tree_has_what_fstab_mounts() {
    let vols = volumes(&["p1", "p2"]);
    let found = find(
        &[readable("p1", boot()), readable("p2", root("UUID=uuid-p2 / ext4\nUUID=uuid-p1 /boot/ ext4\n"))],
        &Devices::new(&vols, None),
    );
    let found = found.unwrap().unwrap();
    assert_eq!(found.volume, "p2");
    assert!(found.tree.exists("/boot/vmlinuz-6.1").unwrap());
    assert_eq!(found.mounts[1], MountPoint { at: "/boot".into(), volume: "p1".into() });
    assert!(found.rivals.is_empty());
}

#[test]
fn a_volume_of_kernels_that_nothing_mounts_is_boot_when_the_roots_own_is_empty() {
    let vols = volumes(&["p1", "p2"]);
    let found = find(&[readable("p1", boot()), readable("p2", root(""))], &Devices::new(&vols, None)).unwrap().unwrap();
    assert!(found.tree.exists("/boot/vmlinuz-6.1").unwrap());
    let own = root("").file("/boot/vmlinuz-5.10", "");
    let found = find(&[readable("p1", boot()), readable("p2", own)], &Devices::new(&vols, None)).unwrap().unwrap();
    assert!(!found.tree.exists("/boot/vmlinuz-6.1").unwrap());
}

#[test]
fn of_two_systems_the_one_that_calls_itself_root_is_taken() {
    let vols = volumes(&["p1", "p2"]);
    let devices = Devices::new(&vols, None);
    let (old, new) = (root("UUID=gone / ext4\n"), root("UUID=uuid-p2 / ext4\n"));
    let found = find(&[readable("p1", old.clone()), readable("p2", new)], &devices).unwrap().unwrap();
    assert_eq!((found.volume.as_str(), found.rivals.len()), ("p2", 0));
    let found = find(&[readable("p1", old.clone()), readable("p2", old)], &devices).unwrap().unwrap();
    assert_eq!((found.volume.as_str(), found.rivals), ("p1", vec!["p2".to_owned()]));
}

#[test]
fn no_system_is_no_root() {
    let vols = volumes(&["p1"]);
    assert!(find(&[readable("p1", boot())], &Devices::new(&vols, None)).unwrap().is_none());
}
