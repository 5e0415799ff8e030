//! DRV-01.

use crate::inspect::Facts;
use crate::inspect::facts::{DriverState, Fact, Trouble, TroubleKind};
use crate::report::Outcome::{self, Advice, Fail, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, TENCENT, driver, guest, kernel, linux, outcome, release, result, trouble,
};

/// A driver of the default kernel: how it is there, and whether the initramfs has it.
fn set(facts: &mut Facts, name: &str, state: DriverState, in_initramfs: bool) {
    let driver = driver(facts, name);
    driver.state = state;
    driver.in_initramfs = in_initramfs.then(|| format!("kernel/{name}.ko"));
}

fn without(name: &'static str) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| set(f, name, DriverState::Module, false)
}

fn everywhere(change: impl Fn(&mut Facts, &mut Request)) -> [Outcome; 4] {
    [TENCENT, A2020, A2018_12, A2018_06].map(|profile| outcome(profile, "DRV-01", &change))
}

#[test]
fn the_disk_drivers_are_built_in_or_in_the_initramfs() {
    assert_eq!(everywhere(|_, _| {}), [Pass; 4]);
    let builtin = |f: &mut Facts, _: &mut Request| {
        for name in ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"] {
            set(f, name, DriverState::Builtin, false);
        }
        linux(f).kernels[0].initramfs = None;
    };
    assert_eq!(everywhere(builtin), [Pass; 4]);
    // Without Xen's driver either, so that no profile has a milder reading.
    for name in ["virtio_blk", "virtio_pci", "virtio_ring", "virtio"] {
        let missing = |f: &mut Facts, r: &mut Request| {
            without(name)(f, r);
            set(f, "xen_blkfront", DriverState::Absent, false);
        };
        assert_eq!(everywhere(missing), [Fail; 4], "{name}");
    }
    assert_eq!(outcome(TENCENT, "DRV-01", |f, _| linux(f).kernels[0].initramfs = None), Pass, "listed members decide");
}

#[test]
fn a_missing_driver_names_kernel_place_and_command() {
    let rule = result(TENCENT, "DRV-01", without("virtio_blk"));
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "VirtioNotInstall"));
    assert!(rule.message.contains("3.2.0") && rule.message.contains("/boot/initrd.img-3.2.0"), "{}", rule.message);
    assert!(rule.remedy.contains("update-initramfs -u -k 3.2.0"), "{}", rule.remedy);
    assert!(rule.remedy.contains("镜像需要安装 virtio 驱动，参考 导入准备 中的`驱动`部分"), "{}", rule.remedy);
    let none = result(TENCENT, "DRV-01", |f, _| {
        without("virtio_blk")(f, &mut Request::default());
        linux(f).kernels[0].initramfs = None;
    });
    assert!(none.message.contains("no initramfs"), "{}", none.message);
}

/// C-04.
#[test]
fn xen_in_the_place_of_virtio() {
    let xen_only_boot = without("virtio_blk");
    assert_eq!(everywhere(&xen_only_boot), [Fail, Warn, Fail, Fail]);
    let rule = result(A2020, "DRV-01", &xen_only_boot);
    assert!(rule.message.contains("boots only on Xen-based instances"), "{}", rule.message);
    let nowhere = |f: &mut Facts, _: &mut Request| set(f, "xen_blkfront", DriverState::Absent, false);
    assert_eq!(everywhere(nowhere), [Pass, Pass, Fail, Fail]);
    let outside = |f: &mut Facts, _: &mut Request| set(f, "xen_blkfront", DriverState::Module, false);
    assert_eq!(everywhere(outside), [Pass, Pass, Advice, Advice]);
}

#[test]
fn a_system_that_starts_on_xen_alone_fails_everywhere() {
    let hypervisor = |f: &mut Facts, _: &mut Request| match linux(f).boot.as_mut() {
        Some(Fact::Known(boot)) => boot.xen = true,
        _ => unreachable!(),
    };
    assert_eq!(everywhere(hypervisor), [Fail; 4]);
    let paravirtual =
        |f: &mut Facts, _: &mut Request| linux(f).kernels[0].xen_only = Some("CONFIG_X86_64_XEN=y".into());
    assert_eq!(everywhere(paravirtual), [Fail; 4]);
    let beside = |f: &mut Facts, r: &mut Request| {
        paravirtual(f, r);
        linux(f).kernels.push(kernel("4.9.0", false));
    };
    assert_eq!(everywhere(beside), [Unknown; 4]);
    let not_in_the_menu = |f: &mut Facts, r: &mut Request| {
        beside(f, r);
        match linux(f).boot.as_mut() {
            Some(Fact::Known(boot)) => boot.alone = true,
            _ => unreachable!(),
        }
    };
    assert_eq!(everywhere(not_in_the_menu), [Fail; 4]);
    assert!(result(TENCENT, "DRV-01", not_in_the_menu).message.ends_with("and there is no other entry"));
}

#[test]
fn the_network_driver_is_needed_but_not_at_boot() {
    let outside = |f: &mut Facts, _: &mut Request| set(f, "virtio_net", DriverState::Module, false);
    assert_eq!(everywhere(outside), [Pass; 4]);
    let nowhere = |f: &mut Facts, _: &mut Request| set(f, "virtio_net", DriverState::Absent, false);
    assert_eq!(everywhere(nowhere), [Fail, Warn, Warn, Warn]);
    let blocked =
        |f: &mut Facts, _: &mut Request| driver(f, "virtio_net").blocked_by = Some("modprobe.blacklist".into());
    assert_eq!(everywhere(blocked), [Fail, Warn, Warn, Warn]);
}

#[test]
fn a_blacklisted_module_counts_as_absent_and_a_built_in_one_does_not() {
    let blocked =
        |f: &mut Facts, _: &mut Request| driver(f, "virtio_blk").blocked_by = Some("etc/modprobe.d/x.conf".into());
    let rule = result(TENCENT, "DRV-01", blocked);
    assert!(rule.result == Fail && rule.message.contains("modprobe.d"), "{}", rule.message);
    let builtin = |f: &mut Facts, r: &mut Request| {
        blocked(f, r);
        driver(f, "virtio_blk").state = DriverState::Builtin;
    };
    assert_eq!(outcome(TENCENT, "DRV-01", builtin), Pass);
}

#[test]
fn a_driver_whose_function_is_not_called_does_not_start_even_where_it_is_built_in() {
    for (name, call) in [("virtio_pci", "virtio_pci_driver_init"), ("virtio_net", "virtio_net_driver_init")] {
        let rule = result(TENCENT, "DRV-01", move |f, _| {
            set(f, name, DriverState::Builtin, false);
            driver(f, name).blocked_by = Some(format!("kernel command line: initcall_blacklist={call}"));
        });
        assert!(rule.result == Fail && rule.message.contains("is blacklisted by"), "{}", rule.message);
        assert!(rule.remedy.contains("out of \"initcall_blacklist="), "{}", rule.remedy);
    }
}

/// Adding a driver to an initramfs that has it mends nothing.
#[test]
fn the_remedy_of_a_blacklisted_driver_takes_it_off_the_blacklist() {
    let blocked = |name: &'static str, by: &'static str| {
        result(TENCENT, "DRV-01", move |f, _| driver(f, name).blocked_by = Some(by.into())).remedy
    };
    for name in ["virtio_blk", "virtio_net"] {
        let line = blocked(name, "kernel command line: module_blacklist=floppy,virtio_blk,virtio_net");
        assert!(line.starts_with(&format!("In the guest: take {name} out of \"module_blacklist=floppy,")), "{line}");
        assert!(line.contains("/etc/default/grub") && !line.contains("initramfs-tools/modules"), "{line}");
        let file = blocked(name, "/boot/initrd.img-3.2.0: etc/modprobe.d/x.conf: install virtio_blk /bin/true");
        assert!(
            file.contains("the line \"install virtio_blk /bin/true\" from \"/etc/modprobe.d/x.conf\"")
                && file.contains("update-initramfs -u -k 3.2.0")
                && !file.contains("initramfs-tools/modules"),
            "{file}"
        );
    }
    let both = result(TENCENT, "DRV-01", |f, r| {
        without("virtio_pci")(f, r);
        driver(f, "virtio_blk").blocked_by = Some("kernel command line: modprobe.blacklist=virtio_blk".into());
    });
    assert!(both.remedy.contains("take virtio_blk out of") && both.remedy.contains("initramfs-tools/modules"));
    let unnamed = "/boot/initrd: its scripts do not load virtio_blk";
    let named = result(TENCENT, "DRV-01", |f, _| driver(f, "virtio_blk").blocked_by = Some(unnamed.into()));
    assert!(named.message.contains("virtio_blk is not loaded (\"/boot/initrd: its scripts"), "{}", named.message);
    let mkinitrd = blocked("virtio_blk", unnamed);
    assert!(mkinitrd.contains("initramfs-tools/modules") && !mkinitrd.contains("remove the line"), "{mkinitrd}");
}

/// GRUB 2 starts the kernel without it; the others do not start.
#[test]
fn an_initramfs_that_is_not_in_the_image_loads_nothing() {
    let missing = |loader: &'static str| {
        move |f: &mut Facts, _: &mut Request| {
            let linux = linux(f);
            let Some(Fact::Known(boot)) = linux.boot.as_mut() else { unreachable!() };
            boot.loader = loader.into();
            boot.missing = boot.initrd.clone();
            linux.kernels[0].initramfs = Some(Fact::Unreadable(Trouble {
                kind: TroubleKind::NotFound,
                what: "there is no /boot/initrd.img-3.2.0".into(),
                ..Trouble::default()
            }));
            for driver in &mut linux.kernels[0].drivers {
                driver.in_initramfs = None;
            }
        }
    };
    let builtin = |loader: &'static str| {
        move |f: &mut Facts, r: &mut Request| {
            missing(loader)(f, r);
            for driver in &mut linux(f).kernels[0].drivers {
                driver.state = DriverState::Builtin;
            }
        }
    };
    assert_eq!(outcome(A2018_06, "DRV-01", missing("grub2")), Fail);
    assert_eq!(everywhere(builtin("grub2")), [Pass; 4]);
    for loader in ["grub-legacy", "extlinux", "systemd-boot"] {
        assert_eq!(everywhere(missing(loader)), [Fail; 4]);
        assert_eq!(everywhere(builtin(loader)), [Fail; 4]);
    }
    for rule in [result(TENCENT, "DRV-01", missing("grub2")), result(TENCENT, "DRV-01", builtin("extlinux"))] {
        assert!(rule.message.contains("/boot/initrd.img-3.2.0"), "{}", rule.message);
        assert!(rule.evidence.iter().any(|e| e.place == "/boot/initrd.img-3.2.0"), "{:?}", rule.evidence);
        assert!(rule.remedy.contains("update-initramfs -c -k 3.2.0"), "{}", rule.remedy);
    }
}

/// What the entry lacks is not what the initramfs lacks.
#[test]
fn an_entry_without_initramfs_is_mended_in_the_boot_loader() {
    let judged = |id: &'static str, loader: &'static str, unused: Option<&'static str>| {
        result(TENCENT, "DRV-01", move |f, _| {
            guest(f).release = Some(Fact::Known(release(id, "7", &[])));
            let linux = linux(f);
            let Some(Fact::Known(boot)) = linux.boot.as_mut() else { unreachable!() };
            boot.loader = loader.into();
            boot.initrd.clear();
            linux.kernels[0].initramfs = None;
            linux.kernels[0].unused_initramfs = unused.map(str::to_owned);
            for driver in &mut linux.kernels[0].drivers {
                driver.in_initramfs = None;
            }
        })
    };
    let there = Some("/boot/initrd.img-3.2.0");
    for (id, loader, unused, remedy) in [
        (
            "debian",
            "grub2",
            there,
            "\"/boot/initrd.img-3.2.0\" is there, and the entry does not load it. In the guest: `update-grub`.",
        ),
        ("centos", "grub2", there, "In the guest: `grub2-mkconfig -o /boot/grub2/grub.cfg`."),
        ("debian", "extlinux", there, "name it in the boot entry at /boot/grub/grub.cfg"),
        ("debian", "grub2", None, "In the guest: `update-initramfs -c -k 3.2.0`, then `update-grub`."),
        (
            "centos",
            "grub2",
            None,
            "In the guest: `dracut -f --kver 3.2.0`, then `grub2-mkconfig -o /boot/grub2/grub.cfg`.",
        ),
    ] {
        let rule = judged(id, loader, unused);
        assert!(rule.result == Fail && rule.message.contains("the entry has no initramfs"), "{rule:?}");
        assert!(rule.remedy.contains(remedy), "{id}, {loader}: {}", rule.remedy);
        assert!(!rule.remedy.contains("initramfs-tools/modules"), "{}", rule.remedy);
    }
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let unreadable = |kind| {
        move |f: &mut Facts, r: &mut Request| {
            without("virtio_blk")(f, r);
            linux(f).kernels[0].initramfs = Some(trouble(kind));
        }
    };
    let rule = result(TENCENT, "DRV-01", unreadable(TroubleKind::Unsupported));
    assert_eq!((rule.result, rule.code.as_str()), (Unknown, "NotReadYet"));
    assert_eq!(outcome(TENCENT, "DRV-01", unreadable(TroubleKind::Corrupt)), Fail);
    assert_eq!(outcome(TENCENT, "DRV-01", |f, _| linux(f).boot = Some(trouble(TroubleKind::Unsupported))), Unknown);
    assert_eq!(outcome(TENCENT, "DRV-01", |f, _| set(f, "virtio_blk", DriverState::Unknown, false)), Unknown);
    for profile in ALIBABA {
        let coreos = outcome(profile, "DRV-01", |f, r| {
            unreadable(TroubleKind::Corrupt)(f, r);
            guest(f).release = Some(Fact::Known(release("coreos", "1000.0.0", &[])));
        });
        assert_eq!(coreos, Unknown, "never a failure on CoreOS");
    }
}

#[test]
fn another_installed_kernel_is_warned_about() {
    let other = |f: &mut Facts, _: &mut Request| {
        let mut other = kernel("3.16.0", false);
        other.drivers[3].in_initramfs = None;
        linux(f).kernels.push(other);
    };
    assert_eq!(everywhere(other), [Warn; 4]);
    assert!(result(TENCENT, "DRV-01", other).message.contains("3.16.0"));
}

#[test]
fn the_cloud_s_help_at_import_is_told_beside_the_finding() {
    let missing = |f: &mut Facts, r: &mut Request| {
        without("virtio_blk")(f, r);
        set(f, "xen_blkfront", DriverState::Absent, false);
    };
    assert!(result(A2020, "DRV-01", missing).message.contains("adds the driver at import"));
    assert!(!result(TENCENT, "DRV-01", missing).message.contains("adds the driver at import"));
}
