mod subvolumes;

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
    assert_eq!(found.mounts[1], MountPoint { at: "/boot".into(), volume: "p1".into(), inside: String::new() });
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

#[test]
fn what_is_bound_and_a_usr_of_its_own_are_in_the_tree() {
    let usr = MemoryFs::of_texts(&[("/lib/os-release", "ID=gentoo\n"), ("/share/a", "")]);
    let data = MemoryFs::of_texts(&[("/home/ada/.profile", "p"), ("/opt/b", "")]);
    let fstab = "UUID=uuid-p1 / ext4\nUUID=uuid-p2 /usr ext4\n/srv/data/home /home none bind 0 0\n\
        /srv /export none rbind\nUUID=uuid-p3 /srv/data ext4\n/nowhere /opt none bind\n/home /home none rbind\n";
    let fs = MemoryFs::of_texts(&[("/etc/fstab", fstab), ("/usr/stale", ""), ("/srv/own", "")])
        .link("/bin", "usr/bin")
        .link("/etc/os-release", "../usr/lib/os-release");
    let volumes = [readable("p1", fs), readable("p2", usr), readable("p3", data)];
    let found = find(&volumes, &Devices::new(&self::volumes(&["p1", "p2", "p3"]), None)).unwrap().unwrap();
    let tree = &found.tree;
    assert_eq!(tree.read("/etc/os-release", 64).unwrap(), b"ID=gentoo\n");
    assert!(!tree.exists("/usr/stale").unwrap());
    for path in ["/home/ada/.profile", "/srv/data/home/ada/.profile", "/export/data/opt/b", "/export/own"] {
        assert!(tree.exists(path).unwrap(), "{path}");
    }
    assert_eq!(tree.resolve("/home/../home/ada").unwrap(), "/home/ada");
}

/// A `/usr` by fstab has the units, one of which is of the machine's owner; of a line and a unit the line counts.
#[test]
fn what_units_of_systemd_mount_is_in_the_tree() {
    let usr = MemoryFs::of_texts(&[
        ("/lib/systemd/system/default.target", "[Unit]\nRequires=local-fs.target\n"),
        ("/lib/systemd/system/local-fs.target", "[Unit]\n"),
        ("/lib/systemd/system/home.mount", "[Mount]\nWhat=UUID=uuid-p3\nWhere=/home\n"),
        ("/lib/systemd/system/local-fs.target.wants/home.mount", ""),
    ]);
    let wants = "/etc/systemd/system/local-fs.target.wants";
    let fs = root("UUID=uuid-p1 / ext4\nUUID=uuid-p2 /usr ext4\nUUID=uuid-p4 /srv ext4\n")
        .link("/sbin/init", "/usr/lib/systemd/systemd")
        .file("/etc/systemd/system/opt.mount", "[Mount]\nWhat=/home/opt\nWhere=/opt\nOptions=bind\n")
        .file("/etc/systemd/system/srv.mount", "[Mount]\nWhat=UUID=uuid-p3\nWhere=/srv\n")
        .file(&format!("{wants}/opt.mount"), "")
        .file(&format!("{wants}/srv.mount"), "");
    let home = MemoryFs::of_texts(&[("/ada/.profile", ""), ("/opt/b", "")]);
    let srv = MemoryFs::of_texts(&[("/www", "")]);
    let volumes = [readable("p1", fs), readable("p2", usr), readable("p3", home), readable("p4", srv)];
    let devices = self::volumes(&["p1", "p2", "p3", "p4"]);
    let found = find(&volumes, &Devices::new(&devices, None)).unwrap().unwrap();
    for path in ["/home/ada/.profile", "/opt/b", "/srv/www"] {
        assert!(found.tree.exists(path).unwrap(), "{path}");
    }
    let mounts: Vec<_> = found.mounts.iter().map(|mount| (&*mount.at, &*mount.volume)).collect();
    assert_eq!(mounts, [("/", "p1"), ("/usr", "p2"), ("/srv", "p4"), ("/home", "p3")]);
}

#[test]
fn binding_what_is_bound_over_and_over_ends() {
    let lines: Vec<_> = (0..250).map(|n| format!("/ /b{n} none rbind\n")).collect();
    let fs = root(&format!("UUID=uuid-p1 / ext4\n{}", lines.concat()));
    let error = find(&[readable("p1", fs)], &Devices::new(&volumes(&["p1"]), None)).err().unwrap();
    assert_eq!(error.kind, crate::disk::ErrorKind::Limit);
}

#[test]
fn links_in_the_place_of_mount_points_stay_inside() {
    let fstab = "UUID=uuid-p1 / ext4\nUUID=uuid-p2 /home ext4\nUUID=uuid-p2 /loop ext4\nUUID=uuid-p2 ../../up ext4\n\
        UUID=uuid-p2 /../../over ext4\nUUID=uuid-p2 /proc/1/root ext4\n";
    let fs = root(fstab).link("/home", "../../../../data/home").dir("/data/home").link("/loop", "loop");
    let data = MemoryFs::of_texts(&[("/ada", "")]).link("/out", "../../../../../etc/fstab");
    let found = find(&[readable("p1", fs), readable("p2", data)], &Devices::new(&volumes(&["p1", "p2"]), None));
    let tree = found.unwrap().unwrap().tree;
    for path in ["/home/ada", "/data/home/ada", "/over/ada"] {
        assert!(tree.exists(path).unwrap(), "{path}");
    }
    assert_eq!(tree.resolve("/home/out").unwrap(), "/etc/fstab");
    assert!(!tree.exists("/up/ada").unwrap() && !tree.exists("/proc/1/root/ada").unwrap());
}
