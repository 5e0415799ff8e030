use super::*;
use crate::disk::Error;
use crate::disk::testkit::piped;
use crate::guest::linux::cpio::tests::archive;
use crate::guest::linux::device::Devices;
use crate::guest::linux::testarchive;
use crate::guest::testing::{MemoryFs, bzimage};
use crate::inspect::facts::TroubleKind;

const CONFIG: &str = "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_NET=m\nCONFIG_VIRTIO=y\n";
const DEP: &str = "kernel/drivers/block/virtio_blk.ko.xz: kernel/x.ko\nkernel/drivers/net/virtio_net.ko.xz:\n";

fn guest() -> MemoryFs {
    MemoryFs::new()
        .file("/boot/vmlinuz-6.1.0", "kernel")
        .file("/boot/config-6.1.0", CONFIG)
        .file("/boot/initrd.img-6.1.0", archive(&[("lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko.xz", b"x")]))
        .file("/lib/modules/6.1.0/modules.dep", DEP)
        .file("/lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko.xz", "x")
}

fn boot(line: &str) -> Boot {
    Boot {
        kernel: "/boot/vmlinuz-6.1.0".into(),
        initrd: vec!["/boot/initrd.img-6.1.0".into()],
        command_line: line.into(),
        ..Boot::default()
    }
}

fn kernels(fs: MemoryFs, boot: Option<&Boot>) -> Vec<Kernel> {
    let tree = fs.tree();
    let system = System { tree: &tree, devices: Devices { volumes: &[], partitions: &[] }, mounts: &[], modes: None };
    read(&system, boot).unwrap()
}

fn driver<'a>(kernel: &'a Kernel, name: &str) -> &'a Driver {
    kernel.drivers.iter().find(|d| d.name == name).unwrap()
}

#[test]
fn configuration_modules_and_initramfs_together_say_how_a_driver_is_there() {
    let found = kernels(guest(), Some(&boot("ro")));
    let kernel = &found[0];
    assert_eq!((kernel.version.as_str(), kernel.default), ("6.1.0", true));
    assert_eq!(kernel.config.as_deref(), Some("/boot/config-6.1.0"));
    assert_eq!(driver(kernel, "virtio_blk").state, DriverState::Module);
    assert!(driver(kernel, "virtio_blk").in_initramfs.as_deref().unwrap().ends_with("virtio_blk.ko.xz"));
    assert_eq!(driver(kernel, "virtio_pci").state, DriverState::Builtin);
    assert_eq!(driver(kernel, "virtio_ring").state, DriverState::Builtin);
    // modules.dep lists it, and nobody installed it.
    assert_eq!(driver(kernel, "virtio_net").state, DriverState::Absent);
    assert_eq!(driver(kernel, "xen_blkfront").state, DriverState::Absent);
    assert!(kernel.initramfs.as_ref().unwrap().known().is_some());
}

#[test]
fn a_driver_on_the_kernel_line_is_blocked() {
    let found = kernels(guest(), Some(&boot("ro modprobe.blacklist=virtio_blk")));
    assert_eq!(
        driver(&found[0], "virtio_blk").blocked_by.as_deref(),
        Some("kernel command line: modprobe.blacklist=virtio_blk")
    );
    assert_eq!(driver(&found[0], "virtio_net").blocked_by, None);
}

#[test]
fn a_driver_whose_function_is_not_called_is_blocked() {
    let blocked = |config: &str, line: &str| {
        let found = kernels(guest().file("/boot/config-6.1.0", format!("{CONFIG}{config}")), Some(&boot(line)));
        driver(&found[0], "virtio_pci").blocked_by.clone()
    };
    let word = "initcall_blacklist=virtio_pci_driver_init";
    assert_eq!(
        blocked("", &format!("modprobe.blacklist=virtio_pci {word}")),
        Some(format!("kernel command line: {word}"))
    );
    assert_eq!(blocked("# CONFIG_KALLSYMS is not set\n", word), None);
}

#[test]
fn a_word_for_dracut_says_nothing_to_another_initramfs_nor_of_what_loads_later() {
    let blocked = |maker: &str, line: &str, name: &str| {
        let members: &[(&str, &[u8])] =
            &[("lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko", b"x"), (maker, b"x")];
        let fs = guest().file("/boot/initrd.img-6.1.0", archive(members));
        driver(&kernels(fs, Some(&boot(line)))[0], name).blocked_by.is_some()
    };
    let (debian, dracut) = ("scripts/init-top", "usr/lib/dracut");
    for word in ["rd.driver.blacklist=virtio_blk,virtio_net", "rdblacklist=virtio_blk"] {
        assert!(blocked(dracut, word, "virtio_blk") && !blocked(debian, word, "virtio_blk"), "{word}");
        assert!(!blocked(dracut, word, "virtio_net"), "{word}");
        let kmod_s = format!("{word} modprobe.blacklist=virtio_blk,virtio_net");
        assert!(blocked(debian, &kmod_s, "virtio_blk") && blocked(debian, &kmod_s, "virtio_net"));
    }
}

#[test]
fn without_a_configuration_the_modules_tell() {
    let fs = MemoryFs::new()
        .file("/boot/vmlinuz-6.1.0", "kernel")
        .file("/lib/modules/6.1.0/modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n")
        .file("/lib/modules/6.1.0/modules.dep", DEP)
        .file("/lib/modules/6.1.0/kernel/drivers/net/virtio_net.ko.xz", "x");
    let found = kernels(fs, None);
    let states: Vec<_> = ["virtio_pci", "virtio_net", "virtio_blk"].map(|n| driver(&found[0], n).state).into();
    assert_eq!(states, [DriverState::Builtin, DriverState::Module, DriverState::Absent]);
    assert_eq!(found[0].config.as_deref(), Some("/lib/modules/6.1.0/modules.builtin"));
}

#[test]
fn nothing_to_go_by_is_unknown_never_absent() {
    let found = kernels(MemoryFs::new().file("/boot/vmlinuz-6.1.0", "kernel"), None);
    assert!(found[0].drivers.iter().all(|d| d.state == DriverState::Unknown), "{:?}", found[0].drivers);
    assert_eq!(found[0].config, None);
}

#[test]
fn an_unreadable_configuration_is_not_taken_for_an_empty_one() {
    let fs = guest().broken("/boot/config-6.1.0", Error::limit("ext4", "budget")).file("/lib/modules/6.1.0/x", "");
    let found = kernels(fs, Some(&boot("")));
    assert_eq!(driver(&found[0], "virtio_pci").state, DriverState::Unknown);
    assert_eq!(driver(&found[0], "virtio_blk").state, DriverState::Module);
}

#[test]
fn an_initramfs_that_cannot_be_read_says_why() {
    let fs = guest().file("/boot/initrd.img-6.1.0", b"PK\x03\x04xxxxx");
    let found = kernels(fs, Some(&boot("")));
    let Some(Fact::Unreadable(trouble)) = &found[0].initramfs else { panic!("{:?}", found[0].initramfs) };
    assert_eq!(trouble.kind, TroubleKind::Unsupported);
    assert_eq!(driver(&found[0], "virtio_blk").in_initramfs, None);
}

#[test]
fn an_initramfs_that_is_not_there_is_named_and_a_link_is_left_open() {
    let trouble = |fs: MemoryFs, boot: &Boot| match kernels(fs, Some(boot)).remove(0).initramfs {
        Some(Fact::Unreadable(trouble)) => (trouble.kind, trouble.what),
        other => panic!("{other:?}"),
    };
    let what = "there is no /boot/initrd-gone".to_owned();
    let gone = Boot { initrd: vec!["/boot/initrd-gone".into()], ..boot("") };
    let missing = Boot { missing: gone.initrd.clone(), ..gone.clone() };
    assert_eq!(trouble(guest(), &missing), (TroubleKind::NotFound, what.clone()));
    // The boot loader did not find it missing: it may follow the link elsewhere.
    assert_eq!(trouble(guest().link("/boot/initrd-gone", "/x"), &gone), (TroubleKind::Unsupported, what));
}

/// What mounts the root is looked for in the default kernel alone.
#[test]
fn the_roots_filesystem_and_volume_need_drivers_too() {
    use crate::guest::root::MountPoint;
    use crate::inspect::facts::Volume;
    let tree = guest().file("/boot/vmlinuz-5.10.0", "kernel").tree();
    let volume = Volume { name: "vg/root".into(), type_id: "xfs".into(), ..Volume::default() };
    let mounts = [MountPoint { at: "/".into(), volume: "vg/root".into(), inside: String::new() }];
    let devices = Devices { volumes: std::slice::from_ref(&volume), partitions: &[] };
    let found = read(&System { tree: &tree, devices, mounts: &mounts, modes: None }, Some(&boot(""))).unwrap();
    let names = |kernel: &Kernel| kernel.drivers.iter().map(|d| d.name.clone()).skip(7).collect::<Vec<_>>();
    assert_eq!((names(&found[0]), names(&found[1])), (vec!["xfs".to_owned(), "dm_mod".to_owned()], Vec::new()));
}

#[test]
fn other_kernels_follow_and_rescue_kernels_do_not() {
    let fs = guest()
        .file("/boot/vmlinuz-5.10.0", "kernel")
        .file("/boot/vmlinuz-0-rescue-abc", "kernel")
        .file("/boot/vmlinuz-5.10.0-kdump", "kernel")
        .link("/boot/vmlinuz-link", "vmlinuz-6.1.0");
    let found = kernels(fs, Some(&boot("")));
    let shown: Vec<_> = found.iter().map(|k| (k.version.as_str(), k.default)).collect();
    assert_eq!(shown, [("6.1.0", true), ("5.10.0", false)]);
}

#[test]
fn an_initramfs_that_the_entry_does_not_load_is_told() {
    let unused = |initrd: &[&str]| {
        let initrd = initrd.iter().map(|path| (*path).to_owned()).collect();
        kernels(guest(), Some(&Boot { initrd, ..boot("ro") }))[0].unused_initramfs.clone()
    };
    assert_eq!(unused(&[]).as_deref(), Some("/boot/initrd.img-6.1.0"));
    assert_eq!(unused(&["/boot/initrd.img-6.1.0"]), None);
    assert_eq!(unused(&["/boot/other"]), None, "its entry names one, which is not there");
}

#[test]
fn an_entry_without_initramfs_has_none() {
    let found = kernels(guest(), Some(&Boot { initrd: Vec::new(), ..boot("") }));
    assert_eq!(found[0].initramfs, None);
}

/// Every kernel has an archive without `init` inside; one that was built with its own starts that.
#[test]
fn an_entry_without_initramfs_may_have_one_in_its_kernel() {
    let module = ("lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko", &b"x"[..]);
    let image = |members: &[(&str, &[u8])]| {
        bzimage("6.1.0", &piped(&["gzip"], "gzip", &[&[7; 4096][..], &archive(members), &[9; 4096]].concat()))
    };
    let own = "CONFIG_INITRAMFS_SOURCE=\"/root/initramfs\"\n";
    let built_in = |config: &str, image: Vec<u8>| {
        let fs = guest().file("/boot/config-6.1.0", format!("{CONFIG}{config}")).file("/boot/vmlinuz-6.1.0", image);
        let loader = if config == own { "uki" } else { "grub2" }.into();
        let boot = Boot { initrd: Vec::new(), root_name: Some("UUID=0a1b".into()), loader, ..boot("") };
        kernels(fs, Some(&boot)).remove(0)
    };
    let found = built_in(own, image(&[("init", b"#!/bin/sh\n"), module]));
    assert!(matches!(&found.initramfs, Some(Fact::Known(facts)) if facts.path.ends_with("(built in)")), "{found:?}");
    assert!(driver(&found, "virtio_blk").in_initramfs.is_some());
    assert_eq!(built_in(own, image(&[("dev/console", b"")])).initramfs, None);
    assert_eq!(built_in("CONFIG_INITRAMFS_SOURCE=\"\"\n", b"not looked at".to_vec()).initramfs, None);
    assert!(matches!(built_in(own, b"no kernel".to_vec()).initramfs, Some(Fact::Unreadable(_))));
}

#[test]
fn a_xen_only_kernel_is_seen() {
    let found = kernels(guest().file("/boot/config-6.1.0", "CONFIG_X86_64_XEN=y\n"), Some(&boot("")));
    assert_eq!(found[0].xen_only.as_deref(), Some("CONFIG_X86_64_XEN=y"));
}

#[test]
fn a_real_kernel_package_is_read() {
    let Some(dir) = testarchive("kernel/linux-image-6.1.0-47-cloud-amd64_6.1.170-3_amd64.tar.xz") else { return };
    let release = "6.1.0-47-cloud-amd64";
    let file = |path: &str| std::fs::read(dir.path().join(path)).unwrap();
    let mut fs = MemoryFs::new()
        .file(&format!("/boot/vmlinuz-{release}"), file(&format!("boot/vmlinuz-{release}.first64k")))
        .file(&format!("/boot/config-{release}"), file(&format!("boot/config-{release}")));
    for module in ["block/virtio_blk.ko", "block/xen-blkfront.ko", "virtio/virtio_pci.ko"] {
        let path = format!("lib/modules/{release}/kernel/drivers/{module}");
        fs = fs.file(&format!("/{path}"), file(&path));
    }
    let found = kernels(fs, None);
    assert_eq!(found[0].version, release);
    for name in ["virtio_blk", "virtio_pci", "xen_blkfront"] {
        assert_eq!(driver(&found[0], name).state, DriverState::Module, "{name}");
    }
    assert_eq!(driver(&found[0], "virtio_net").state, DriverState::Absent);
}
