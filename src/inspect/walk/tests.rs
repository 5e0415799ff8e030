mod interrupted;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::disk::{Error, ErrorKind, Memory};
use crate::inspect::facts::{Access, DriverState, Source};
use crate::source::Meter;

const MIB: usize = 1 << 20;

fn run(tool: &str, package: &str, args: &[&str]) {
    let out =
        Command::new(tool).args(args).output().unwrap_or_else(|e| panic!("{tool} is needed (Debian: {package}): {e}"));
    assert!(out.status.success(), "{tool}: {}", String::from_utf8_lossy(&out.stderr));
}

/// An ext4 filesystem with the files of `tree`.
fn ext4(tree: &Path, uuid: &str, mib: usize) -> Vec<u8> {
    let image = tree.with_extension("ext4");
    std::fs::File::create(&image).unwrap().set_len((mib * MIB) as u64).unwrap();
    let (image, tree) = (image.to_str().unwrap(), tree.to_str().unwrap());
    run("/usr/sbin/mke2fs", "e2fsprogs", &["-q", "-F", "-t", "ext4", "-U", uuid, "-d", tree, image]);
    std::fs::read(image).unwrap()
}

/// A disk with an MBR and these partitions, one MiB apart.
fn disk(dir: &Path, partitions: &[Vec<u8>]) -> Vec<u8> {
    let mut disk = vec![0; MIB];
    let mut script = "label: dos\n".to_owned();
    for partition in partitions {
        writeln!(script, "start={}, size={}, type=83", disk.len() / 512, partition.len() / 512).unwrap();
        disk.extend(partition);
    }
    disk.resize(disk.len() + MIB, 0);
    let path = dir.join("disk.raw");
    std::fs::write(&path, &disk).unwrap();
    let text = dir.join("table");
    std::fs::write(&text, script).unwrap();
    let command = format!("/usr/sbin/sfdisk -q {} < {}", path.display(), text.display());
    run("sh", "fdisk", &["-c", &command]);
    std::fs::read(path).unwrap()
}

fn opened(bytes: Arc<dyn ReadAt>) -> Opened {
    let facts = Source { access: Access::Reached, size_bytes: bytes.len(), ..Source::default() };
    Opened { facts, bytes: Some(bytes), meter: Arc::new(Meter::default()) }
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

const ROOT: &str = "11111111-2222-3333-4444-555555555555";
const BOOT: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";

/// A Debian with a `/boot` of its own.
fn guest(dir: &Path) -> Vec<u8> {
    guest_with(dir, "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_PCI=y\n")
}

/// The same whose kernel has this configuration.
fn guest_with(dir: &Path, config: &str) -> Vec<u8> {
    let (root, boot) = (dir.join("root"), dir.join("boot"));
    write(&root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n");
    write(&root, "etc/fstab", format!("UUID={ROOT} / ext4 defaults 0 1\nUUID={BOOT} /boot ext4 defaults 0 2\n"));
    write(&root, "usr/bin/sh", std::fs::read("/bin/sh").unwrap());
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
    std::fs::create_dir_all(root.join("boot")).unwrap();
    write(&root, "var/lib/dpkg/status", "Package: cloud-init\nStatus: install ok installed\nVersion: 22.4\n");
    write(&root, "etc/cloud/cloud.cfg", "datasource_list: [ConfigDrive, None]\n");
    write(&root, "lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
    let units = "lib/systemd/system";
    write(&root, &format!("{units}/default.target"), "[Unit]\nWants=ssh.service multi-user.target\n");
    write(&root, &format!("{units}/multi-user.target"), "[Unit]\n");
    write(&root, &format!("{units}/ssh.service"), "[Service]\nExecStart=/usr/sbin/sshd -D\n");
    write(&root, &format!("{units}/cloud-init.target"), "[Unit]\nWants=cloud-init.service\n");
    write(&root, &format!("{units}/cloud-init.service"), "[Service]\n");
    write(&root, "etc/ssh/sshd_config", "Port 2222\n");
    let module = "lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko";
    write(&root, module, "elf");
    write(&root, "lib/modules/6.1.0/modules.dep", "kernel/drivers/block/virtio_blk.ko:\n");
    write(&boot, "vmlinuz-6.1.0", "kernel");
    write(&boot, "config-6.1.0", config);
    write(
        &boot,
        "grub/grub.cfg",
        format!(
            "search --fs-uuid --set=root {BOOT}\nmenuentry 'Debian' {{\nlinux /vmlinuz-6.1.0 root=UUID={ROOT} ro\ninitrd /initrd.img-6.1.0\n}}\n"
        ),
    );
    let initrd = dir.join("initrd");
    write(&initrd, module, "elf");
    let pack = format!(
        "cd {} && find . -mindepth 1 | busybox cpio -o -H newc | gzip > {}/initrd.img-6.1.0",
        initrd.display(),
        boot.display()
    );
    run("sh", "busybox, gzip", &["-c", &pack]);
    disk(dir, &[ext4(&boot, BOOT, 16), ext4(&root, ROOT, 32)])
}

#[test]
fn a_linux_with_a_boot_partition_is_read_from_disk_to_drivers() {
    let dir = tempfile::tempdir().unwrap();
    let facts = inspect(&opened(Arc::new(Memory(guest(dir.path()))))).unwrap();
    assert_eq!(facts.container.as_ref().unwrap().format, "RAW");
    let shown: Vec<_> =
        facts.volumes.iter().map(|v| (&*v.name, &*v.type_id, v.holds, &*v.mounted_at, v.trouble.clone())).collect();
    assert_eq!(shown, [("p1", "ext4", Holds::Boot, "/boot", None), ("p2", "ext4", Holds::System, "/", None)]);
    let guest = facts.guest.unwrap();
    assert_eq!((guest.root.as_deref(), guest.family), (Some("p2"), Family::Linux));
    assert_eq!(guest.architecture.unwrap().value, std::env::consts::ARCH);
    assert_eq!(guest.release.unwrap().known().unwrap().id, "debian");
    let linux = guest.linux.unwrap();
    let boot = linux.boot.unwrap();
    let boot = boot.known().expect("the boot loader is understood");
    assert_eq!((boot.kernel.as_str(), boot.root.as_deref()), ("/boot/vmlinuz-6.1.0", Some("p2")));
    assert!(boot.missing.is_empty());
    let kernel = &linux.kernels[0];
    let driver = |name: &str| kernel.drivers.iter().find(|d| d.name == name).unwrap();
    assert!(kernel.default);
    assert_eq!(driver("virtio_blk").state, DriverState::Module);
    assert_eq!(
        driver("virtio_blk").in_initramfs.as_deref(),
        Some("lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko")
    );
    assert_eq!(driver("virtio_pci").state, DriverState::Builtin);
    assert_eq!(driver("virtio_net").state, DriverState::Absent);
    let cloud_init = linux.cloud_init.unwrap();
    let cloud_init = cloud_init.known().unwrap();
    assert_eq!(cloud_init.version, "22.4");
    assert!(cloud_init.enabled_by.is_some() && cloud_init.disabled_by.is_none());
    assert_eq!(cloud_init.datasources.as_ref().unwrap().list, ["ConfigDrive", "None"]);
    let ssh = linux.ssh.unwrap();
    let ssh = ssh.known().unwrap();
    assert_eq!((ssh.starts.by.as_str(), ssh.listens[0].port), ("/lib/systemd/system/default.target:2", 2222));
    assert_eq!(linux.firewall.unwrap().known(), Some(&Vec::new()));
    assert_eq!(linux.agent.unwrap().known().unwrap().installed, None);
}

/// As CoreOS' way is: no line of fstab names the volume.
#[test]
fn what_a_unit_of_systemd_mounts_is_told_of_its_volume() {
    let dir = tempfile::tempdir().unwrap();
    let (root, data) = (dir.path().join("root"), dir.path().join("data"));
    write(&root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write(&root, "usr/bin/sh", std::fs::read("/bin/sh").unwrap());
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
    write(&root, "etc/fstab", format!("UUID={ROOT} / ext4 defaults 0 1\n"));
    let units = "etc/systemd/system";
    write(&root, &format!("{units}/default.target"), "[Unit]\nRequires=local-fs.target\n");
    write(&root, &format!("{units}/local-fs.target"), "[Unit]\n");
    let mount = format!("[Mount]\nWhat=/dev/disk/by-uuid/{BOOT}\nWhere=/srv/data\n");
    write(&root, &format!("{units}/srv-data.mount"), &mount);
    let disk = |dir: &Path| disk(dir, &[ext4(&root, ROOT, 32), ext4(&data, BOOT, 16)]);
    write(&data, "a", "b");
    let mounted = |bytes| inspect(&opened(Arc::new(Memory(bytes)))).unwrap().volumes.remove(1).mounted_at;
    assert_eq!(mounted(disk(dir.path())), "", "nothing wants the unit");
    write(&root, &format!("{units}/local-fs.target.wants/srv-data.mount"), mount);
    assert_eq!(mounted(disk(dir.path())), "/srv/data");
}

#[test]
fn how_full_a_volume_is_is_looked_up_only_where_it_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let raw = guest(dir.path());
    let [plain, compact] = ["disk.raw", "disk.qcow2"].map(|name| dir.path().join(name));
    std::fs::write(&plain, &raw).unwrap();
    let [from, to] = [&plain, &compact].map(|path| path.to_str().unwrap());
    run("qemu-img", "qemu-utils", &["convert", "-f", "raw", "-O", "qcow2", from, to]);
    let looked = |image: Vec<u8>| {
        let facts = inspect(&opened(Arc::new(Memory(image)))).unwrap();
        facts.volumes.iter().for_each(|v| assert_eq!(v.health, Some(Fact::Known(Vec::new())), "{}", v.name));
        facts.volumes.iter().map(|v| v.usage.as_ref().map(|u| u.known().unwrap().total_bytes)).collect::<Vec<_>>()
    };
    assert_eq!(looked(raw), [Some(16 << 20), Some(32 << 20)], "only filesystems tell how much of a RAW is in use");
    assert_eq!(looked(std::fs::read(&compact).unwrap()), [None, Some(32 << 20)], "the system writes to its root");
}

#[test]
fn a_data_disk_has_no_root_and_no_trouble() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("data"), "photos/a.jpg", "x");
    let image = disk(dir.path(), &[ext4(&dir.path().join("data"), ROOT, 8)]);
    let facts = inspect(&opened(Arc::new(Memory(image)))).unwrap();
    let volume = &facts.volumes[0];
    assert_eq!((volume.holds, &volume.trouble), (Holds::Data, &None));
    assert_eq!(volume.top, ["lost+found", "photos"]);
    let guest = facts.guest.unwrap();
    assert_eq!((guest.root, guest.trouble), (None, None));
}

#[test]
fn a_volume_that_is_not_read_says_why() {
    let dir = tempfile::tempdir().unwrap();
    // The first sector of JFS's superblock.
    let mut volume = vec![0; 4 * MIB];
    volume[0x8000..0x8004].copy_from_slice(b"JFS1");
    let image = disk(dir.path(), &[volume]);
    let facts = inspect(&opened(Arc::new(Memory(image)))).unwrap();
    assert_eq!(facts.volumes[0].type_id, "jfs");
    assert_eq!(facts.volumes[0].trouble.as_ref().unwrap().kind, TroubleKind::Unsupported);
    assert_eq!(facts.guest.unwrap().root, None);
}

/// Bytes whose reading ends after a while.
struct Ending {
    bytes: Memory,
    left: std::sync::atomic::AtomicI64,
    error: Error,
}

impl ReadAt for Ending {
    fn len(&self) -> u64 {
        self.bytes.len()
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) > 0 {
            self.bytes.read_exact_at(buf, at)
        } else {
            Err(self.error.clone())
        }
    }
}

#[test]
fn a_used_up_budget_leaves_facts_and_a_failed_transport_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let image = guest(dir.path());
    let ending = |reads: i64, error: Error| {
        inspect(&opened(Arc::new(Ending { bytes: Memory(image.clone()), left: reads.into(), error })))
    };
    let mut complete = 0;
    for reads in [0, 1, 2, 3, 5, 8, 12, 20, 30, 40, 60, 80, 100, 140, 200, 300] {
        let facts = ending(reads, Error::limit("source", "the read budget is used up")).unwrap();
        let linux = facts.guest.as_ref().and_then(|guest| guest.linux.as_ref());
        // Whatever was cut off is said to be so, and never taken for absent.
        if let Some(linux) = linux {
            for kernel in &linux.kernels {
                let blk = kernel.drivers.iter().find(|d| d.name == "virtio_blk").unwrap();
                assert_ne!(blk.state, DriverState::Absent, "{reads}");
            }
            complete += usize::from(linux.boot.as_ref().is_some_and(|boot| boot.known().is_some()));
        }
        assert!(facts.container.is_some(), "{reads}");
        match ending(reads, Error::io("source", "connection reset")) {
            Err(error) => assert_eq!(error.kind, ErrorKind::Io),
            Ok(_) => assert!(complete > 0, "{reads}"),
        }
    }
}

/// A disk of which some bytes are others, which ends early, and which notes where it is read.
struct Damaged {
    bytes: Arc<Memory>,
    changes: Vec<(u64, u8)>,
    len: u64,
    places: std::sync::Mutex<std::collections::BTreeSet<u64>>,
}

impl ReadAt for Damaged {
    fn len(&self) -> u64 {
        self.len
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        crate::disk::check_range("damaged", self.len, at, buf.len())?;
        self.places.lock().unwrap().insert(at);
        self.bytes.read_exact_at(buf, at)?;
        for (place, value) in &self.changes {
            if let Some(byte) = place.checked_sub(at).and_then(|index| buf.get_mut(usize::try_from(index).unwrap())) {
                *byte = *value;
            }
        }
        Ok(())
    }
}

#[test]
fn a_damaged_disk_gives_facts_that_a_message_carries() {
    use crate::disk::testkit::Dice;
    use crate::inspect::wire::{Message, decode, encode};
    let dir = tempfile::tempdir().unwrap();
    let bytes = Arc::new(Memory(guest(dir.path())));
    let told = |changes: Vec<(u64, u8)>, len: u64| {
        let disk = Arc::new(Damaged { bytes: Arc::clone(&bytes), changes, len, places: std::sync::Mutex::default() });
        let facts = inspect(&opened(Arc::clone(&disk) as _)).unwrap();
        let text = encode(&Message::Facts(Box::new(facts.clone()))).unwrap();
        decode(&text).unwrap();
        let places = disk.places.lock().unwrap().iter().copied().collect::<Vec<_>>();
        (facts, places)
    };
    let (clean, places) = told(Vec::new(), bytes.len());
    assert!(places.len() > 40, "{}", places.len());
    let mut dice = Dice(0x15_BEC7);
    let mut differed = 0;
    for _ in 0..250 {
        let changes = (0..=dice.below(3)).map(|_| {
            let place = places[usize::try_from(dice.below(places.len() as u64)).unwrap()];
            let within = if dice.below(2) == 0 { 32 } else { 256 };
            (
                place + dice.below(within),
                [0, 1, 0x7F, 0x80, 0xFF, dice.roll().to_le_bytes()[3]][usize::try_from(dice.below(6)).unwrap()],
            )
        });
        let (mut facts, _) = told(changes.collect(), bytes.len());
        facts.reads = clean.reads.clone();
        differed += usize::from(facts != clean);
    }
    assert!(differed > 50, "the damage hits nothing: {differed}");
    // Ends at the beginning of each thing that is read.
    for len in places.iter().step_by(places.len() / 60 + 1).chain(&[0, 1, 511, 512, 513]) {
        told(Vec::new(), *len);
    }
}
