//! LNX-03.

use crate::inspect::Facts;
use crate::inspect::facts::{
    BootMode, Driver, DriverState, Fact, Family, Initramfs, KernelFault, Loader, Program, Trouble, TroubleKind,
    VolumeClass, Way,
};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2020, ALIBABA, boot, boot_modes, driver, guest, linux, outcome, release, result, table, trouble,
    unread_member, volume, windows,
};

type Row<'a> = (&'a str, &'a dyn Fn(&mut Facts), Outcome);

fn with(change: &dyn Fn(&mut Facts)) -> impl Fn(&mut Facts, &mut Request) + '_ {
    |facts, _| change(facts)
}

fn all(rows: &[Row]) {
    for (what, change, wanted) in rows {
        for profile in ALIBABA {
            let rule = result(profile, "LNX-03", with(change));
            assert_eq!(rule.result, *wanted, "{what}: {}", rule.message);
            if matches!(*wanted, Fail | Warn) {
                assert_eq!(rule.code, "GrubMenuLstInvalid", "{what}");
                assert!(!rule.remedy.is_empty() && !rule.evidence.is_empty(), "{what}");
            }
        }
    }
}

fn asks(f: &mut Facts, name: &str, found: Option<&str>) {
    boot(f).root_name = Some(name.into());
    boot(f).root = found.map(str::to_owned);
}

fn made_by(f: &mut Facts, tool: &str) {
    linux(f).kernels[0].initramfs = Some(Fact::Known(Initramfs { tool: tool.into(), ..Initramfs::default() }));
}

fn started_by(f: &mut Facts, loader: Loader, program: Option<Program>) {
    let mode = if program.is_some() { BootMode::Uefi } else { BootMode::Bios };
    boot_modes(f).ways = vec![Way { mode, loader, program, ..Way::default() }];
}

fn has_second(f: &mut Facts) {
    f.volumes.push(volume(2, "ext4", VolumeClass::Filesystem));
}

#[test]
fn a_default_entry_of_the_rescue_mode_is_a_doubt() {
    for (line, wanted) in [
        ("ro single", Warn),
        ("ro systemd.unit=rescue.target quiet", Warn),
        ("ro emergency", Warn),
        ("ro single systemd.unit=multi-user.target", Pass),
        ("ro rd.break 3", Pass),
        ("ro init=/bin/sh", Warn),
        ("ro init=/bin/bash init=/sbin/init", Pass),
        ("ro init=/lib/systemd/systemd", Pass),
    ] {
        let rule = result(A2020, "LNX-03", |f, _| boot(f).command_line = line.into());
        assert_eq!(rule.result, wanted, "{line}: {}", rule.message);
        let named = rule.message.contains("/boot/grub/grub.cfg") && rule.remedy.contains("`update-grub`");
        assert!(wanted == Pass || named, "{} {}", rule.message, rule.remedy);
    }
}

#[test]
fn a_default_entry_that_stops_in_its_initramfs_is_a_doubt() {
    for (tool, line, wanted) in [
        ("initramfs-tools", "ro break quiet", Warn),
        ("initramfs-tools", "ro break=premount", Warn),
        ("initramfs-tools", "ro break=x,mount", Warn),
        ("initramfs-tools", "ro break break=none", Pass),
        ("initramfs-tools", "ro rd.break nobreak breaks=top", Pass),
        ("dracut", "ro rd.break", Warn),
        ("dracut", "ro rd.break=pre-mount", Warn),
        ("dracut", "ro break=premount", Pass),
        ("mkinitrd", "ro break rd.break", Pass),
    ] {
        let rule = result(A2020, "LNX-03", |f, _| {
            made_by(f, tool);
            boot(f).command_line = line.into();
        });
        assert_eq!(rule.result, wanted, "{tool} {line}: {}", rule.message);
        assert!(wanted == Pass || rule.message.contains("stops at a shell in its initramfs"), "{}", rule.message);
    }
}

#[test]
fn the_default_entry_leads_to_the_system() {
    all(&[
        ("as it is", &|_| {}, Pass),
        ("no kernel", &|f| boot(f).missing = vec!["/boot/vmlinuz-3.2.0".into()], Fail),
        ("no initramfs", &|f| boot(f).missing = vec!["/boot/initrd.img-3.2.0".into()], Fail),
        ("an empty kernel", &|f| boot(f).kernel_fault = Some(KernelFault::Empty), Fail),
        ("a kernel cut short", &|f| boot(f).kernel_fault = Some(KernelFault::Short), Fail),
        ("no normal.mod", &|f| boot(f).no_normal = Some("/boot/grub/i386-pc".into()), Warn),
        ("root is nowhere", &|f| asks(f, "UUID=dead", None), Fail),
        ("root is spelled in another case", &|f| (made_by(f, "initramfs-tools"), asks(f, "UUID=0A1B", None)).1, Fail),
        ("and dracut looks for it", &|f| (made_by(f, "dracut"), asks(f, "UUID=0A1B", None)).1, Unknown),
        ("root is another volume", &|f| (has_second(f), asks(f, "LABEL=data", Some("p2"))).1, Fail),
        ("root is on the network", &|f| asks(f, "/dev/nfs", None), Unknown),
        ("root is a number", &|f| asks(f, "801", None), Unknown),
        ("no root=", &|f| boot(f).root_name = None, Unknown),
    ]);
}

#[test]
fn a_root_by_the_name_of_its_disk_counts_by_what_virtio_makes_of_it() {
    let no_virtio = |f: &mut Facts| {
        let driver = driver(f, "virtio_blk");
        (driver.state, driver.in_initramfs) = (DriverState::Absent, None);
    };
    all(&[
        ("sda1 on virtio", &|f| asks(f, "/dev/sda1", Some("p1")), Fail),
        ("hda1 on virtio", &|f| asks(f, "/dev/hda1", Some("p1")), Fail),
        ("sda1 without virtio", &|f| (asks(f, "/dev/sda1", Some("p1")), no_virtio(f)).0, Warn),
        ("xvda1", &|f| asks(f, "/dev/xvda1", Some("p1")), Warn),
        ("nvme", &|f| asks(f, "/dev/nvme0n1p1", Some("p1")), Warn),
        ("by-path", &|f| asks(f, "/dev/disk/by-path/pci-0-part1", Some("p1")), Warn),
        ("by the logical volume's id", &|f| asks(f, "/dev/disk/by-id/dm-name-vg-lv", Some("p1")), Pass),
        ("vda1", &|f| asks(f, "/dev/vda1", Some("p1")), Pass),
        ("a partition's UUID", &|f| asks(f, "PARTUUID=0a1b-01", Some("p1")), Pass),
    ]);
    let rule = result(A2020, "LNX-03", with(&|f| asks(f, "/dev/sda1", Some("p1"))));
    assert!(rule.message.contains("/dev/vda") && rule.remedy.contains("root=UUID=0a1b"), "{rule:?}");
}

/// Linux itself looks up no UUID of a filesystem, and no name that udev gives.
#[test]
fn without_an_initramfs_the_kernel_has_to_find_the_root() {
    let alone = |f: &mut Facts, name: &str| {
        asks(f, name, Some("p1"));
        boot(f).initrd.clear();
        linux(f).kernels[0].initramfs = None;
        linux(f).kernels[0].drivers.iter_mut().for_each(|driver| driver.state = DriverState::Builtin);
    };
    all(&[
        ("a UUID", &|f| alone(f, "UUID=0a1b"), Fail),
        ("a label", &|f| alone(f, "LABEL=root"), Fail),
        ("udev's link", &|f| alone(f, "/dev/disk/by-uuid/0a1b"), Fail),
        ("a logical volume", &|f| alone(f, "/dev/mapper/vg-root"), Fail),
        ("by its group", &|f| alone(f, "/dev/vg/root"), Fail),
        ("a partition's UUID", &|f| alone(f, "PARTUUID=0a1b-01"), Pass),
        ("a partition's name", &|f| alone(f, "PARTLABEL=root"), Pass),
        ("the kernel's name", &|f| alone(f, "/dev/vda1"), Pass),
        ("one built in", &|f| (alone(f, "UUID=0a1b"), kernel_has(f, Fact::Known(Initramfs::default()))).0, Pass),
        ("perhaps", &|f| (alone(f, "UUID=0a1b"), kernel_has(f, trouble(TroubleKind::Unsupported))).0, Unknown),
        ("unified", &|f| (alone(f, "UUID=0a1b"), boot(f).loader = "uki".into()).0, Fail),
        ("unified, by its partition", &|f| (alone(f, "PARTUUID=0a1b"), boot(f).loader = "uki".into()).0, Pass),
    ]);
    let unified = result(A2020, "LNX-03", with(&|f| (alone(f, "UUID=0a1b"), boot(f).loader = "uki".into()).0));
    assert!(unified.remedy.starts_with("Make the unified kernel again with an initramfs"), "{}", unified.remedy);
    let rule = result(A2020, "LNX-03", with(&|f| alone(f, "UUID=0a1b")));
    assert!(rule.message.contains("without an initramfs") && rule.remedy.contains("update-initramfs -c"), "{rule:?}");
}

fn kernel_has(f: &mut Facts, initramfs: Fact<Initramfs>) {
    linux(f).kernels[0].initramfs = Some(initramfs);
}

#[test]
fn a_root_that_only_the_initramfs_names_is_shown_with_its_place() {
    let named = |f: &mut Facts| boot(f).root_place = Some("/boot/initrd: etc/cmdline.d/95root-dev.conf".into());
    let rule = result(A2020, "LNX-03", with(&named));
    assert_eq!(rule.result, Pass);
    assert!(rule.evidence.iter().any(|seen| seen.place.contains("95root-dev.conf")), "{rule:?}");
}

#[test]
fn only_the_loader_that_starts_is_judged() {
    let fallback = |program| move |f: &mut Facts| started_by(f, Loader::Fallback, Some(program));
    all(&[
        ("GRUB legacy", &|f| started_by(f, Loader::GrubLegacy, None), Pass),
        ("EXTLINUX", &|f| started_by(f, Loader::Syslinux, None), Pass),
        ("GRUB by UEFI", &fallback(Program::Grub2), Pass),
        ("systemd-boot", &fallback(Program::SystemdBoot), Pass),
        ("a unified kernel", &fallback(Program::UnifiedKernel), Pass),
        ("shim alone", &fallback(Program::Shim), Unknown),
        ("another program", &fallback(Program::Other), Unknown),
        ("Windows' loader", &|f| started_by(f, Loader::Bootmgr, None), Unknown),
        ("nothing starts it", &|f| boot_modes(f).ways.clear(), Unknown),
        ("not looked at", &|f| f.boot_modes = None, Unknown),
        ("not read", &|f| linux(f).boot = Some(trouble(TroubleKind::Unsupported)), Unknown),
        ("it waits for somebody", &|f| boot(f).waits = Some("timeout=-1".into()), Warn),
        ("menu.lst beside it", &|f| boot(f).unused = vec!["/boot/grub/menu.lst".into()], Advice),
    ]);
    let both = |f: &mut Facts| {
        boot_modes(f).ways.push(Way { mode: BootMode::Uefi, loader: Loader::Fallback, ..Way::default() });
    };
    let rule = result(A2020, "LNX-03", with(&both));
    assert!(rule.result == Advice && rule.message.contains("UEFI is not known"), "{}", rule.message);
    let waits = result(
        A2020,
        "LNX-03",
        with(&|f| {
            boot(f).waits = Some("timeout=-1".into());
            boot(f).config = "/boot/grub/grub.cfg".into();
        }),
    );
    assert!(
        waits.message.contains("waits until somebody presses a key (\"/boot/grub/grub.cfg\": \"timeout=-1\")"),
        "{}",
        waits.message
    );
    assert!(waits.remedy.contains("GRUB_TIMEOUT=5") && waits.remedy.contains("update-grub"), "{}", waits.remedy);
    let unused = result(A2020, "LNX-03", with(&|f| boot(f).unused = vec!["/boot/grub/menu.lst".into()]));
    assert!(unused.message.contains("/boot/grub/menu.lst is not used to boot this disk"), "{}", unused.message);
}

#[test]
fn a_loader_without_configuration_fails_unless_it_may_be_on_what_is_not_read() {
    let none = |f: &mut Facts| {
        let what = "GRUB legacy finds no /boot/grub/menu.lst".into();
        let trouble = Trouble { kind: TroubleKind::NotFound, layer: "boot loader".into(), what, at: None };
        linux(f).boot = Some(Fact::Unreadable(trouble));
        started_by(f, Loader::GrubLegacy, None);
    };
    let unread = |f: &mut Facts| f.volumes.push(unread_member(2, "LVM2_member"));
    all(&[
        ("none", &none, Fail),
        ("perhaps elsewhere", &|f| (none(f), unread(f)).0, Unknown),
        ("root perhaps elsewhere", &|f| (asks(f, "/dev/mapper/vg-root", None), unread(f)).0, Unknown),
        // What is wrong for certain is told all the same.
        (
            "and no kernel",
            &|f| (asks(f, "/dev/nfs", None), boot(f).missing = vec!["/boot/vmlinuz-3.2.0".into()]).1,
            Fail,
        ),
    ]);
    let rule = result(A2020, "LNX-03", with(&none));
    assert!(rule.message.contains("finds no /boot/grub/menu.lst") && rule.remedy.contains("update-grub"), "{rule:?}");
    let stub = result(
        A2020,
        "LNX-03",
        with(&|f| {
            none(f);
            started_by(f, Loader::Fallback, Some(Program::Grub2));
            if let Some(Fact::Unreadable(trouble)) = linux(f).boot.as_mut() {
                trouble.what = "line 1 of /boot/efi/EFI/debian/grub.cfg: no volume has the UUID 9999".into();
            }
        }),
    );
    assert!(stub.result == Fail && stub.remedy.contains("`grub-install --target=x86_64-efi"), "{stub:?}");
}

#[test]
fn a_root_by_its_type_needs_no_name() {
    let typed = |f: &mut Facts| {
        table(f).partitions[0].type_id = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709".into();
        boot(f).root_name = None;
    };
    let by_systemd = |f: &mut Facts| {
        typed(f);
        boot(f).loader = "uki".into();
        started_by(f, Loader::Fallback, Some(Program::UnifiedKernel));
    };
    all(&[
        ("GRUB does not tell where it is", &typed, Unknown),
        ("systemd looks for it", &by_systemd, Pass),
        ("and is not there", &|f| (by_systemd(f), boot(f).initrd.clear()).0, Unknown),
    ]);
}

/// The kernel has the driver of the root's filesystem, or its initramfs does.
#[test]
fn the_root_can_be_mounted() {
    let has = |name: &'static str, state, member: bool| {
        move |f: &mut Facts| {
            let in_initramfs = member.then(|| format!("lib/modules/{name}.ko"));
            linux(f).kernels[0].drivers.push(Driver { name: name.into(), state, in_initramfs, blocked_by: None });
        }
    };
    let mapped = |f: &mut Facts, lvm: bool| {
        f.volumes[0].name = "vg/root".into();
        guest(f).root = Some("vg/root".into());
        boot(f).root = Some("vg/root".into());
        initramfs(f).lvm = lvm;
    };
    let unknown_layout = |f: &mut Facts| initramfs(f).tool.clear();
    let ext4 = |member| has("ext4", DriverState::Module, member);
    all(&[
        ("built in", &has("ext4", DriverState::Builtin, false), Pass),
        ("in the initramfs", &ext4(true), Pass),
        ("left out", &ext4(false), Fail),
        ("left out of what is not known", &|f| (ext4(false)(f), unknown_layout(f)).0, Warn),
        ("no initramfs", &|f| (ext4(false)(f), boot(f).initrd.clear(), linux(f).kernels[0].initramfs = None).0, Fail),
        ("not found out", &has("ext4", DriverState::Unknown, false), Pass),
        (
            "not readable",
            &|f| (ext4(false)(f), linux(f).kernels[0].initramfs = Some(trouble(TroubleKind::Limit))).0,
            Pass,
        ),
        ("a logical volume", &|f| (has("dm_mod", DriverState::Builtin, false)(f), mapped(f, true)).0, Pass),
        ("no device-mapper", &|f| (has("dm_mod", DriverState::Module, false)(f), mapped(f, true)).0, Fail),
        ("no lvm", &|f| (has("dm_mod", DriverState::Builtin, false)(f), mapped(f, false)).0, Fail),
    ]);
    let rule = result(A2020, "LNX-03", with(&ext4(false)));
    assert!(
        rule.message.contains("its root is ext4, and ext4 is a module and not in the initramfs"),
        "{}",
        rule.message
    );
    assert!(rule.remedy.contains("echo ext4 >> /etc/initramfs-tools/modules"), "{}", rule.remedy);
}

fn initramfs(f: &mut Facts) -> &mut Initramfs {
    match linux(f).kernels[0].initramfs.as_mut() {
        Some(Fact::Known(initramfs)) => initramfs,
        other => panic!("{other:?}"),
    }
}

/// 9a. Columns: a platform of the list, Customized Linux, Others Linux.
#[test]
fn other_platforms_are_only_told() {
    let platforms = [(None, Fail), (Some("Customized Linux"), Advice), (Some("Others Linux"), Advice)];
    for (platform, wanted) in platforms {
        for profile in ALIBABA {
            let found = outcome(profile, "LNX-03", |f, r| {
                asks(f, "UUID=dead", None);
                r.platform = platform.map(str::to_owned);
            });
            assert_eq!(found, wanted, "{platform:?}");
        }
    }
}

/// 9b, 9c.
#[test]
fn other_systems_have_other_loaders() {
    let coreos = |kernel: Option<&'static str>| {
        move |f: &mut Facts| {
            guest(f).release = Some(Fact::Known(release("flatcar", "3510.2.0", &["coreos"])));
            linux(f).boot = Some(trouble(TroubleKind::Unsupported));
            boot_modes(f).kernel = kernel.map(str::to_owned);
        }
    };
    all(&[
        ("CoreOS", &coreos(Some("/flatcar/vmlinuz-a")), Pass),
        ("CoreOS without its kernel", &coreos(None), Unknown),
        ("FreeBSD", &|f| guest(f).family = Family::FreeBSD, NotApplicable),
        ("Windows", &|f| drop(windows(f).table.clone()), NotApplicable),
    ]);
}

#[test]
fn evidence_names_the_loader_and_where_it_was_found() {
    let rule = result(A2018_06, "LNX-03", |_, _| {});
    let seen = |what: &str, place: &str| rule.evidence.iter().any(|e| e.what.contains(what) && e.place == place);
    assert!(seen("GRUB 2, found by a BIOS", "disk") && seen("root=\"UUID=0a1b\"", "p1"), "{:?}", rule.evidence);
    assert!(seen("default entry", "/boot/grub/grub.cfg"), "{:?}", rule.evidence);
    assert_eq!(rule.evidence[0].offset, Some(512));
}
