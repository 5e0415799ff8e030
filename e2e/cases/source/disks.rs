//! Small disks, made on the fly by the tools that make real ones: no root rights, no mounts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::startable::{loader, start_disk, start_partition};

/// UUID of the root filesystem.
pub const ROOT: &str = "11111111-2222-3333-4444-555555555555";
/// Features of the root filesystem that every cloud takes; small disks have no room for a journal.
pub const PLAIN: &str = "^has_journal,^64bit,^metadata_csum,^resize_inode";
/// Where the first partition begins, in bytes.
pub(super) const START: u64 = 32 << 10;

/// A folder for the disks of one case, and the system they are made of: a Debian 10 that starts by extlinux with virtio
/// and cloud-init, in 34 files.
pub struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    pub fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        for (path, text) in [
            ("etc/os-release", "ID=debian\nVERSION_ID=\"10\"\nPRETTY_NAME=\"Debian GNU/Linux 10 (buster)\"\n"),
            ("etc/fstab", &format!("UUID={ROOT} / ext4 defaults 0 1\n")),
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("etc/shadow", "root:*:18000:0:99999:7:::\n"),
            ("var/lib/dpkg/status", "Package: cloud-init\nStatus: install ok installed\nVersion: 20.4.1-2\n\n"),
            ("lib/systemd/system/multi-user.target", "[Unit]\n"),
            ("lib/systemd/system/cloud-init.service", "[Unit]\n"),
            ("etc/systemd/system/multi-user.target.wants/cloud-init.service", "[Unit]\n"),
            (
                "boot/extlinux/extlinux.conf",
                // Without an initramfs, no UUID.
                "DEFAULT linux\nLABEL linux\n LINUX /boot/vmlinuz-4.19.0\n APPEND root=/dev/vda1 ro\n",
            ),
            ("boot/vmlinuz-4.19.0", "a kernel\n"),
            (
                "boot/config-4.19.0",
                "CONFIG_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=y\nCONFIG_EXT4_FS=y\n",
            ),
            ("usr/bin/env", ""),
            ("lib64/ld-linux-x86-64.so.2", ""),
        ] {
            shop.write(path, text);
        }
        shop.write("sbin/init", program());
        shop.write("bin/sh", program());
        shop.write("boot/extlinux/ldlinux.sys", loader());
        let target = shop.folder.path().join("system/lib/systemd/system/default.target");
        std::os::unix::fs::symlink("multi-user.target", target).unwrap();
        shop
    }

    /// Writes a file of the system.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.path().join("system").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Removes a file of the system.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.folder.path().join("system").join(path)).unwrap();
    }

    /// A partition with an ext filesystem of 1 MiB that holds the system.
    pub fn system(&self, features: &str) -> Vec<u8> {
        self.ext("system", features, ROOT)
    }

    /// One with these files instead: `(path, text)`.
    pub fn files(&self, files: &[(&str, &str)]) -> Vec<u8> {
        let name = self.fresh("files");
        for (path, text) in files {
            let path = name.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.ext(name.file_name().unwrap().to_str().unwrap(), PLAIN, "99999999-2222-3333-4444-555555555555")
    }

    fn ext(&self, tree: &str, features: &str, uuid: &str) -> Vec<u8> {
        let file = self.blank("ext", 1 << 20);
        let args = ["-q", "-F", "-t", "ext4", "-b", "1024", "-N", "64", "-I", "256", "-O", features, "-U", uuid, "-d"];
        let tree = self.folder.path().join(tree);
        run("e2fsprogs", "mke2fs", args.iter().map(Path::new).chain([tree.as_path(), file.as_path()]), "");
        let mut partition = std::fs::read(file).unwrap();
        start_partition(&mut partition);
        partition
    }

    /// A partition with an empty FAT filesystem of 1 MiB, and its UUID as fstab writes it.
    pub fn fat(&self) -> (Vec<u8>, &'static str) {
        let file = self.blank("fat", 1 << 20);
        run("dosfstools", "mkfs.vfat", [Path::new("-i"), Path::new("12345678"), &file], "");
        (std::fs::read(file).unwrap(), "1234-5678")
    }

    /// A disk with a partition table (`dos`, `gpt`) and these partitions, each of whole MiB, that starts from the first.
    pub fn disk(&self, table: &str, partitions: &[Vec<u8>]) -> Vec<u8> {
        let kind = if table == "gpt" { "L" } else { "83" };
        let typed: Vec<_> = partitions.iter().map(|partition| (kind, partition.clone())).collect();
        self.typed_disk(table, &typed)
    }

    /// One whose partitions have types, as sfdisk names them.
    pub fn typed_disk(&self, table: &str, partitions: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut at = START;
        let mut script = format!("label: {table}\nfirst-lba: {}\n", START / 512);
        let mut places = Vec::new();
        for (kind, partition) in partitions {
            let len = u64::try_from(partition.len()).unwrap();
            let start = match (places.is_empty(), table) {
                (true, "gpt") => ", attrs=LegacyBIOSBootable",
                (true, _) => ", bootable",
                (false, _) => "",
            };
            writeln!(script, "start={}, size={}, type={kind}{start}", at / 512, len / 512).unwrap();
            places.push(usize::try_from(at).unwrap());
            at += len;
        }
        let file = self.blank("disk", at - START + (1 << 20));
        run("fdisk", "sfdisk", [Path::new("-q"), &file], &script);
        let mut disk = std::fs::read(file).unwrap();
        for ((_, partition), at) in partitions.iter().zip(places) {
            disk[at..at + partition.len()].copy_from_slice(partition);
        }
        start_disk(table, &mut disk);
        disk
    }

    /// The disk in another container, and its virtual size grown to `size` (`600G`) where that is given.
    pub fn convert(&self, disk: &[u8], format: &str, size: Option<&str>) -> Vec<u8> {
        let (raw, image) = (self.fresh("raw"), self.fresh("image"));
        std::fs::write(&raw, disk).unwrap();
        let words = ["convert", "-f", "raw", "-O", format].map(Path::new);
        run("qemu-utils", "qemu-img", words.into_iter().chain([raw.as_path(), image.as_path()]), "");
        if let Some(size) = size {
            let words = ["resize", "-q", "-f", format].map(Path::new);
            run("qemu-utils", "qemu-img", words.into_iter().chain([image.as_path(), Path::new(size)]), "");
        }
        std::fs::read(image).unwrap()
    }

    /// A qcow2 image of which the system disk is the only partition: what every cloud takes.
    pub fn image(&self) -> Vec<u8> {
        self.convert(&self.disk("dos", &[self.system(PLAIN)]), "qcow2", None)
    }

    /// A qcow2 image that reads what it lacks from another file.
    pub fn overlay(&self) -> Vec<u8> {
        let image = self.fresh("overlay");
        let words = ["create", "-q", "-f", "qcow2", "-u", "-b", "/etc/shadow", "-F", "raw"].map(Path::new);
        run("qemu-utils", "qemu-img", words.into_iter().chain([image.as_path(), Path::new("1M")]), "");
        std::fs::read(image).unwrap()
    }

    /// An ISO image with one file.
    pub fn iso(&self) -> Vec<u8> {
        let (tree, image) = (self.fresh("tree"), self.fresh("iso"));
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join("README"), "boot me").unwrap();
        let words = ["-as", "mkisofs", "-quiet", "-V", "DEBIAN", "-o"].map(Path::new);
        run("xorriso", "xorriso", words.into_iter().chain([image.as_path(), tree.as_path()]), "");
        std::fs::read(image).unwrap()
    }

    pub(super) fn blank(&self, name: &str, size: u64) -> PathBuf {
        let path = self.fresh(name);
        std::fs::File::create(&path).unwrap().set_len(size).unwrap();
        path
    }

    pub(super) fn fresh(&self, name: &str) -> PathBuf {
        (0..10_000).map(|n| self.folder.path().join(format!("{name}{n}"))).find(|path| !path.exists()).unwrap()
    }
}

/// The header of a program for x86-64 (System V ABI, "ELF Header"): of what it does, nothing is asked.
fn program() -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(64, 0);
    header[16..20].copy_from_slice(&[2, 0, 62, 0]);
    header
}

pub(super) fn run<'a>(package: &str, program: &str, args: impl IntoIterator<Item = &'a Path>, input: &str) {
    use std::io::Write;
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.args(args).env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{program}: {e}: install the Debian package {package}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
