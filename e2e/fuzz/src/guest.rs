//! What is read of a guest's files. An input is the content of a target's files, in their order, with a byte 0xFF (which
//! no text has) between them.

use std::sync::Arc;

use image_import::disk::{Memory, ReadAt};
use image_import::guest::linux::device::Devices;
use image_import::guest::linux::services::Services;
use image_import::guest::linux::{
    self, System, accounts, bootloader, cloud_init, embedded, fstab, kernel, network, packages, release,
};
use image_import::guest::root::MountPoint;
use image_import::guest::{Tree, freebsd};
use image_import::inspect::facts::{BootMode, BootModes, Family, Loader, Program, Volume, Way};

use crate::files::Files;

/// Two volumes that a text may name.
fn volumes() -> Vec<Volume> {
    ["root", "boot"]
        .into_iter()
        .zip(1..)
        .map(|(label, number)| Volume {
            name: format!("p{number}"),
            partition: Some(number),
            label: label.to_owned(),
            uuid: format!("0a1b2c3d-0000-4000-8000-00000000000{number}"),
            type_id: "ext4".to_owned(),
            ..Volume::default()
        })
        .collect()
}

fn files(data: &[u8], paths: &[&str]) -> Files {
    let contents =
        data.split(|byte| *byte == 0xFF).map(|content| Arc::new(Memory(content.to_vec())) as Arc<dyn ReadAt>);
    paths.iter().zip(contents).fold(Files::new(), |files, (path, content)| files.with(path, content))
}

/// A file that only has to be there.
fn stub() -> Arc<dyn ReadAt> {
    Arc::new(Memory(b"stub".to_vec()))
}

/// Reads with a system of these files, and of a kernel that is there.
fn system(files: Files, read: impl FnOnce(&System)) {
    started(files, None, read);
}

/// The same, where UEFI finds this program in its place on the root's volume.
fn started(files: Files, program: Option<Program>, read: impl FnOnce(&System)) {
    let (volume, path) = (Some("p1".to_owned()), Some("/EFI/BOOT/BOOTX64.EFI".to_owned()));
    let way = Way { mode: BootMode::Uefi, loader: Loader::Fallback, volume, path, program, at: None };
    let modes = program.map(|_| BootModes { ways: vec![way], ..BootModes::default() });
    let files = files.with("/boot/vmlinuz-1", stub()).with("/boot/initrd-1", stub());
    let (tree, volumes) = (files.tree(), volumes());
    let mounts = [MountPoint { at: "/".to_owned(), volume: "p1".to_owned(), inside: String::new() }];
    read(&System { tree: &tree, devices: Devices::new(&volumes, None), mounts: &mounts, modes: modes.as_ref() });
}

/// GRUB 2: its configuration, its environment, entries of the Boot Loader Specification.
pub fn grub(data: &[u8]) {
    let paths = [
        "/boot/grub/grub.cfg",
        "/boot/grub/grubenv",
        "/boot/loader/entries/a.conf",
        "/boot/loader/entries/b-2.conf",
        "/boot/grub/custom.cfg",
    ];
    system(files(data, &paths), |system| drop(bootloader::read(system)));
}

/// GRUB Legacy.
pub fn legacy(data: &[u8]) {
    system(files(data, &["/boot/grub/menu.lst", "/boot/grub/default"]), |system| drop(bootloader::read(system)));
}

/// EXTLINUX.
pub fn extlinux(data: &[u8]) {
    let paths = ["/boot/extlinux/extlinux.conf", "/boot/extlinux/more.cfg"];
    system(files(data, &paths), |system| drop(bootloader::read(system)));
}

/// systemd-boot: its configuration and entries.
pub fn systemd_boot(data: &[u8]) {
    let paths = ["/loader/loader.conf", "/loader/entries/a-1+3-1.conf", "/loader/entries/a-2.conf"];
    started(files(data, &paths), Some(Program::SystemdBoot), |system| drop(bootloader::read(system)));
}

/// A program that UEFI starts, and what is in it where that is a kernel.
pub fn unified(file: Arc<dyn ReadAt>) {
    let beside = Files::new().with("/EFI/Linux/a.efi", file.clone());
    started(beside, Some(Program::SystemdBoot), |system| drop(bootloader::read(system)));
    started(Files::new().with("/EFI/BOOT/BOOTX64.EFI", file), Some(Program::UnifiedKernel), |system| {
        let boot = bootloader::read(system).ok();
        drop(kernel::read(system, boot.as_ref()));
    });
}

/// `/etc/fstab`.
pub fn fstab(data: &[u8]) {
    let volumes = volumes();
    let _ = fstab::read(&files(data, &["/etc/fstab"]).tree(), &Devices::new(&volumes, None)).and_then(fstab::whole);
}

/// Which system it is: the first byte chooses the file.
pub fn release(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let all = [
        "/etc/os-release",
        "/etc/lsb-release",
        "/etc/SuSE-release",
        "/etc/redhat-release",
        "/etc/debian_version",
        "/etc/issue",
    ];
    let _ = release::read(&files(text, &[all[usize::from(*choice) % all.len()]]).tree());
}

/// The lists of packages of dpkg and apk.
pub fn packages(data: &[u8]) {
    let _ = packages::read(&files(data, &[packages::DPKG_STATUS, "/lib/apk/db/installed"]).tree());
}

/// cloud-init: its configuration, and how it is started.
pub fn cloud_init(data: &[u8]) {
    let paths = [
        "/etc/cloud/cloud.cfg",
        "/etc/cloud/cloud.cfg.d/90.cfg",
        "/etc/cloud/ds-identify.cfg",
        "/etc/init/cloud-init.conf",
    ];
    let tree = files(data, &paths).with("/usr/bin/cloud-init", stub()).tree();
    for line in [None, Some("ds=nocloud cloud-init=disabled")] {
        let Ok(services) = Services::open(&tree, line) else { continue };
        let _ = cloud_init::read(&tree, &services, line, &packages::read(&tree));
    }
}

/// How interfaces are set up, by every program that does it.
pub fn network(data: &[u8]) {
    let paths = [
        "/etc/network/interfaces",
        "/etc/netplan/01.yaml",
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
        "/etc/NetworkManager/system-connections/a.nmconnection",
        "/etc/systemd/network/10-a.network",
        "/etc/NetworkManager/NetworkManager.conf",
        "/etc/udev/rules.d/70-persistent-net.rules",
    ];
    let files = starting(files(data, &paths), &["networking", "NetworkManager", "systemd-networkd", "network"]);
    let programs = ["/lib/systemd/system-generators/netplan", "/sbin/dhclient"];
    network_of(&programs.into_iter().fold(files, |files, path| files.with(path, stub())).tree(), "net.ifnames=0");
}

/// A systemd that starts these services.
fn starting(files: Files, names: &[&str]) -> Files {
    let files = files.with("/lib/systemd/systemd", stub()).with("/lib/systemd/system/default.target", stub());
    names.iter().fold(files, |files, name| {
        files
            .with(&format!("/lib/systemd/system/{name}.service"), stub())
            .with(&format!("/etc/systemd/system/default.target.wants/{name}.service"), stub())
    })
}

fn network_of(tree: &Tree, line: &str) {
    if let Ok(services) = Services::open(tree, Some(line)) {
        let _ = network::read(tree, &services, line, None);
    }
}

/// The same of SUSE and FreeBSD.
pub fn rc_conf(data: &[u8]) {
    let paths = [
        "/etc/sysconfig/network/config",
        "/etc/sysconfig/network/ifcfg-eth0",
        "/etc/rc.conf",
        "/boot/loader.conf",
        "/bin/freebsd-version",
    ];
    let files = starting(files(data, &paths), &["wicked"]).with("/boot/kernel/kernel", stub());
    system(files, |system| {
        network_of(system.tree, "");
        let _ = network::freebsd(system.tree);
        let _ = (freebsd::read(system.tree, &system.devices), freebsd::release(system.tree));
    });
}

/// What is let through to the guest, by every program that filters, and the secure shell behind it.
pub fn firewall(data: &[u8]) {
    let paths = [
        "/etc/nftables.conf",
        "/etc/sysconfig/iptables",
        "/etc/firewalld/zones/public.xml",
        "/etc/firewalld/firewalld.conf",
        "/etc/ufw/ufw.conf",
        "/etc/sysconfig/SuSEfirewall2",
        "/etc/ssh/sshd_config",
        "/etc/rc.conf",
        "/usr/lib/systemd/system/firewalld.service",
    ];
    let started = ["nftables", "iptables", "firewalld", "ufw", "SuSEfirewall2", "sshd"];
    let files = started.iter().fold(files(data, &paths), |files, name| {
        files.with(&format!("/etc/systemd/system/multi-user.target.wants/{name}.service"), stub())
    });
    let files = files.with("/lib/systemd/systemd", stub()).with("/usr/sbin/sshd", stub());
    system(files, |system| {
        let _ = (linux::read(system), freebsd::read(system.tree, &system.devices));
    });
}

/// Users and how their passwords are kept.
pub fn accounts(data: &[u8]) {
    let tree = files(data, &["/etc/passwd", "/etc/shadow", "/etc/master.passwd"]).tree();
    let _ = (accounts::read(&tree, Family::Linux, None), accounts::read(&tree, Family::FreeBSD, None));
}

/// A kernel's initial ramdisk.
pub fn initramfs(file: Arc<dyn ReadAt>) {
    kernels(
        Files::new().with("/boot/initrd.img-6.1.0", file).with("/boot/vmlinuz-6.1.0", Arc::new(Memory(vec![0; 64]))),
    );
}

/// A kernel, with its configuration inside, or an initial ramdisk; the same as a FreeBSD's.
pub fn kernel(file: Arc<dyn ReadAt>) {
    let path = "/boot/vmlinuz-6.1.0";
    system(Files::new().with(path, Arc::clone(&file)).with("/boot/kernel/kernel", file), |system| {
        let _ = (kernel::read(system, None), embedded::read(system.tree, path, "6.1.0"));
        let _ = freebsd::read(system.tree, &system.devices);
    });
}

fn kernels(files: Files) {
    system(files, |system| drop(kernel::read(system, None)));
}
