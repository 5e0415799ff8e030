use std::process::Command;

use super::*;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::{DriverState, Volume};

const SCRIPT: &str = "#!/bin/sh\nset -e\nUSERLAND_VERSION=\"13.2-RELEASE-p4\"\n: ${ROOT:=}\n";

/// A kernel as the compiler makes it: what `DRIVER_MODULE` and `MODULE_VERSION` leave among its strings, and the text of
/// its configuration, as `INCLUDE_CONFIG_FILE` has it.
fn kernel(modules: &[&str], config: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let strings = modules
        .iter()
        .enumerate()
        .map(|(n, name)| format!("const char a{n}[] = \"virtio_pci/{name}\"; const char b{n}[] = \"{name}\";\n"))
        .collect::<Vec<_>>()
        .concat();
    let source = dir.path().join("kernel.c");
    std::fs::write(&source, format!("{strings}const char config[] = \"{config}\";\n")).unwrap();
    let output = dir.path().join("kernel");
    let args = ["-nostdlib", "-static", "-Wl,-e,0", "-o", output.to_str().unwrap(), source.to_str().unwrap()];
    assert!(Command::new("gcc").args(args).status().expect("install the Debian package gcc").success());
    std::fs::read(output).unwrap()
}

fn states(fs: MemoryFs) -> Vec<DriverState> {
    let kernels = kernel::read(&fs.tree()).unwrap();
    kernels.first().map(|kernel| kernel.drivers.iter().map(|driver| driver.state).collect()).unwrap_or_default()
}

#[test]
fn the_release_is_what_the_script_says_and_os_release_comes_second() {
    let of = |fs: MemoryFs| release(&fs.tree()).map(|release| format!("{} {}", release.id, release.version_id));
    let link = MemoryFs::of_texts(&[("/bin/freebsd-version", SCRIPT)]).link("/etc/os-release", "../var/run/os-release");
    assert_eq!(of(link).unwrap(), "freebsd 13.2");
    assert_eq!(
        of(MemoryFs::of_texts(&[("/etc/os-release", "ID=freebsd\nVERSION_ID=14.0\n")])).unwrap(),
        "freebsd 14.0"
    );
    assert!(of(MemoryFs::of_texts(&[("/bin/freebsd-version", "#!/bin/sh\n")])).unwrap_err().is_not_found());
    assert!(of(MemoryFs::of_texts(&[("/etc/os-release", "ID=debian\nVERSION_ID=12\n")])).is_err());
}

#[test]
fn virtio_is_built_in_or_loaded_or_not_known() {
    use DriverState::{Builtin, Module, Unknown};
    let generic = kernel(&["virtio_blk", "virtio_pci", "vtnet"], "device virtio_blk");
    let own = kernel(&["ada"], "nodevice virtio_blk\\nnodevice virtio_pci");
    let at = |path: &str, kernel: &[u8]| MemoryFs::new().file(path, kernel);
    assert_eq!(states(at("/boot/kernel/kernel", &generic)), [Builtin; 3], "GENERIC");
    assert_eq!(states(at("/boot/kernel/kernel", &own)), [Unknown; 3], "what the configuration says is no driver");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &generic).unwrap();
    assert_eq!(states(at("/boot/kernel/kernel.gz", &gzip.finish().unwrap())), [Builtin; 3], "gzip");
    let modules = ["virtio_blk", "virtio_pci", "if_vtnet"];
    let loaded = modules.iter().map(|module| format!("{module}_load=\"YES\" # virtio\n")).collect::<Vec<_>>().concat();
    let with = |fs: MemoryFs, dir: &str| modules.iter().fold(fs, |fs, m| fs.file(&format!("{dir}/{m}.ko"), "elf"));
    let told = at("/boot/kernel/kernel", &own).file("/boot/loader.conf", &loaded);
    assert_eq!(states(told.clone()), [Unknown; 3], "loaded, and not there");
    assert_eq!(states(with(told.clone(), "/boot/kernel")), [Module; 3]);
    assert_eq!(states(with(told, "/boot/modules")), [Module; 3]);
    let off = at("/boot/kernel/kernel", &own).file("/boot/loader.conf", &loaded);
    let off = off.file("/boot/loader.conf.local", "virtio_blk_load=NO\n");
    assert_eq!(states(with(off, "/boot/kernel")), [Unknown, Module, Module], "the last file counts");
    let other = at("/boot/kernel/kernel", &generic).file("/boot/mine/kernel", &own);
    assert_eq!(states(other.clone().file("/boot/loader.conf", "kernel=\"mine\"\n")), [Unknown; 3]);
    let next = other.file("/boot/nextboot.conf", "nextboot_enable=\"YES\"\nkernel=\"mine\"\n");
    assert_eq!(states(next), [Unknown; 3], "what the next start takes");
    assert_eq!(states(MemoryFs::new()), [], "no kernel");
}

#[test]
fn a_driver_at_the_border_of_two_pieces_is_found() {
    for at in [(1 << 20) - 30, (1 << 20) - 11, (1 << 20) - 1, 1 << 20] {
        let mut kernel = vec![7; at];
        kernel.extend(b"\0virtio_blk\0\0virtio_pci\0\0vtnet\0");
        assert_eq!(states(MemoryFs::new().file("/boot/kernel/kernel", kernel)), [DriverState::Builtin; 3], "{at}");
    }
}

#[test]
fn everything_else_is_in_fstab_and_rc_conf() {
    let fstab = "# Device\tMountpoint\tFStype\n/dev/gpt/rootfs / ufs rw 1 1\n/dev/gpt/swapfs none swap sw 0 0\n\
        fdesc /dev/fd fdescfs rw 0 0\nproc /proc procfs rw 0 0\nmd /tmp mfs rw,-s2g 2 0\n";
    let fs = MemoryFs::of_texts(&[
        ("/etc/fstab", fstab),
        ("/etc/rc.conf", "sshd_enable=\"YES\"\ncloudinit_enable=\"YES\"\n"),
        ("/usr/local/bin/cloud-init", "#!/usr/local/bin/python3.11\n"),
        ("/usr/local/lib/python3.11/site-packages/cloud_init-24.1.dist-info/METADATA", ""),
        ("/libexec/ld-elf.so.1", "elf"),
    ]);
    let fs = fs.dir("/bin").dir("/sbin");
    let partition = |number, name: &str| crate::inspect::facts::Partition {
        number,
        name: name.into(),
        ..crate::inspect::facts::Partition::default()
    };
    let volume = |number| Volume { name: format!("p{number}"), partition: Some(number), ..Volume::default() };
    let (volumes, partitions) = ([volume(3), volume(4)], [partition(3, "swapfs"), partition(4, "rootfs")]);
    let linux = read(&fs.tree(), &Devices { volumes: &volumes, partitions: &partitions }).unwrap();
    let fstab = linux.fstab.unwrap();
    let entries: Vec<_> =
        fstab.known().unwrap().entries.iter().map(|m| (m.target.as_str(), m.volume.as_deref())).collect();
    assert_eq!(entries, [("/", Some("p4")), ("none", Some("p3"))]);
    let cloud_init = linux.cloud_init.unwrap();
    let cloud_init = cloud_init.known().unwrap();
    assert_eq!((cloud_init.version.as_str(), cloud_init.enabled_by.as_deref()), ("24.1", Some("/etc/rc.conf:2")));
    assert_eq!(linux.critical.unwrap().known().unwrap().missing, ["/lib"]);
    let off = read(&MemoryFs::of_texts(&[("/usr/local/bin/cloud-init", "")]).tree(), &Devices::new(&[], None)).unwrap();
    let off = off.cloud_init.unwrap();
    assert!(off.known().unwrap().installed.is_some() && off.known().unwrap().enabled_by.is_none());
}
