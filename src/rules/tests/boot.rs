//! PAR-08.

use crate::inspect::Facts;
use crate::inspect::facts::{
    BootMode, DeadEnd, EndKind, ExtFeatures, Fact, Family, Loader, Program, Role, Scheme, TroubleKind, Undecided,
    VolumeClass, Way,
};
use crate::report::Outcome::{Fail, NotApplicable, Pass, Unknown, Warn};
use crate::report::RuleResult;
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2020, TENCENT, boot_modes, ext4, fstab, guest, linux, mount, outcome, partition, release, result, table,
    trouble, troubled, unread_member, volume, windows,
};

fn with(change: impl Fn(&mut Facts)) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| change(f)
}

fn tencent(change: impl Fn(&mut Facts)) -> RuleResult {
    result(TENCENT, "PAR-08", with(change))
}

fn end(mode: BootMode, why: EndKind) -> DeadEnd {
    DeadEnd { mode, why, volume: Some("p1".into()), path: Some("/EFI/BOOT/BOOTX64.EFI".into()), at: Some(1024) }
}

fn uefi(loader: Loader, path: &str) -> Way {
    Way { mode: BootMode::Uefi, loader, volume: Some("p1".into()), path: Some(path.into()), ..Way::default() }
}

fn undecided(mode: BootMode, kind: TroubleKind) -> Undecided {
    Undecided { mode, trouble: troubled(kind) }
}

#[test]
fn a_loader_that_a_firmware_finds_passes_and_is_told() {
    let rule = tencent(|_| {});
    assert_eq!((rule.result, rule.message.as_str()), (Pass, "BIOS: GRUB 2, outside of the partitions at sector 1"));
    assert_eq!(rule.evidence[0].offset, Some(512));
    let told = |role, loader| {
        tencent(move |f| {
            table(f).partitions[0].role = role;
            let way = Way { mode: BootMode::Bios, loader, volume: Some("p1".into()), at: Some(4096), ..Way::default() };
            boot_modes(f).ways = vec![way];
        })
        .message
    };
    assert_eq!(told(Role::BiosBoot, Loader::Grub2), "BIOS: GRUB 2, in the BIOS-boot partition p1 at sector 8");
    assert_eq!(
        told(Role::FreebsdBoot, Loader::Freebsd),
        "BIOS: FreeBSD's boot code, in the freebsd-boot partition p1 at sector 8"
    );
    assert_eq!(told(Role::Plain, Loader::Syslinux), "BIOS: SYSLINUX, in p1 at sector 8");
    let hybrid = tencent(|f| boot_modes(f).ways.push(uefi(Loader::Fallback, "/EFI/BOOT/BOOTX64.EFI")));
    assert!(hybrid.result == Pass && hybrid.message.contains("; UEFI: "), "{hybrid:?}");
    assert!(!crate::profiles::get(A2018_06).unwrap().spec.rules.iter().any(|r| r.name == "BootLoaderFound"));
}

/// No grubx64.efi and no fbx64.efi beside it.
#[test]
fn a_shim_alone_is_no_loader() {
    let shim = || Way { program: Some(Program::Shim), ..uefi(Loader::Fallback, "/EFI/BOOT/BOOTX64.EFI") };
    let alone = tencent(|f| boot_modes(f).ways = vec![shim()]);
    assert!(alone.result == Unknown && alone.message.contains("is shim, and the program"), "{alone:?}");
    assert_eq!(tencent(|f| boot_modes(f).ways.push(shim())).result, Pass, "a BIOS starts it");
    let whole = tencent(|f| boot_modes(f).ways = vec![Way { program: Some(Program::Grub2), ..shim() }]);
    assert_eq!(whole.result, Pass);
    assert_eq!(outcome(A2020, "PAR-08", with(|f| boot_modes(f).ways = vec![shim()])), Unknown);
}

#[test]
fn a_disk_that_nothing_starts_fails_with_where_the_ways_end() {
    let nothing = |ends: Vec<DeadEnd>| {
        tencent(move |f| {
            boot_modes(f).ways.clear();
            boot_modes(f).ends.clone_from(&ends);
        })
    };
    let rule = nothing(vec![end(BootMode::Bios, EndKind::NoCode)]);
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "PartitionNotPresent"));
    assert_eq!(
        rule.message,
        "NoBootPartition: nothing starts the disk: BIOS: LBA 0 has no boot code; UEFI: there is no EFI system partition"
    );
    assert!(rule.remedy.contains("`grub-install /dev/sdX`") && rule.remedy.contains("镜像损坏"), "{}", rule.remedy);
    for (why, words) in [
        (EndKind::NoActive, "marked active"),
        (EndKind::NoBootSector, "p1, which is started, has no boot sector"),
        (EndKind::NotBootable, "only says that it is not bootable"),
        (EndKind::NoLoader, "leads to sector 2, where no loader is"),
        (EndKind::NoFile, "p1 has no \"/EFI/BOOT/BOOTX64.EFI\""),
        (EndKind::NotProgram, "is no program that UEFI starts"),
        (EndKind::NotFat, "the EFI system partition p1 has no FAT"),
        (EndKind::BootIni, "where no Windows is"),
        (EndKind::Other, "this version does not know"),
    ] {
        for mode in [BootMode::Bios, BootMode::Uefi] {
            let rule = nothing(vec![end(mode, why)]);
            assert!(rule.result == Fail && rule.message.contains(words), "{}", rule.message);
        }
    }
    assert_eq!(nothing(vec![]).result, Fail, "both were followed");
}

#[test]
fn the_remedy_is_that_of_the_system() {
    let of = |id: &'static str| {
        tencent(move |f| {
            boot_modes(f).ways.clear();
            guest(f).release = Some(Fact::Known(release(id, "8", &[])));
        })
        .remedy
    };
    for (id, command) in [
        ("ubuntu", "`grub-install /dev/sdX`"),
        ("centos", "`grub2-install /dev/sdX`"),
        ("sles", "`grub2-install /dev/sdX`"),
        ("alpine", "`extlinux --install /boot`"),
    ] {
        assert!(of(id).contains(command), "{id}: {}", of(id));
    }
    let of_windows = |path: &'static str| {
        tencent(move |f| {
            windows(f);
            boot_modes(f).ways.clear();
            boot_modes(f).ends = vec![DeadEnd { path: Some(path.into()), ..end(BootMode::Bios, EndKind::NoFile) }];
        })
    };
    assert!(of_windows("/Boot/BCD").remedy.contains("`bcdboot C:\\Windows /s S: /f ALL`"));
    assert!(of_windows("/ntldr").remedy.contains("`fixboot`"));
    assert_eq!(of_windows("/ntldr").result, Fail);
    let freebsd = tencent(|f| {
        boot_modes(f).ways.clear();
        guest(f).family = Family::FreeBSD;
    });
    assert!(freebsd.result == Fail && freebsd.remedy.contains("gpart bootcode"), "{freebsd:?}");
}

#[test]
fn what_could_not_be_followed_is_unknown_and_never_a_failure() {
    for (kind, reason) in [
        (TroubleKind::Unsupported, "NotReadYet"),
        (TroubleKind::Encrypted, "VolumeEncrypted"),
        (TroubleKind::Limit, "LimitExceeded"),
        (TroubleKind::Corrupt, "NotReadYet"),
    ] {
        for mode in [BootMode::Bios, BootMode::Uefi] {
            let rule = tencent(|f| {
                boot_modes(f).ways.clear();
                boot_modes(f).ends = vec![end(BootMode::Bios, EndKind::NoCode)];
                boot_modes(f).undecided = vec![undecided(mode, kind)];
            });
            assert_eq!((rule.result, rule.code.as_str()), (Unknown, reason), "{kind:?}");
        }
        let other = tencent(|f| boot_modes(f).undecided = vec![undecided(BootMode::Uefi, kind)]);
        assert_eq!(other.result, Pass, "a BIOS starts it all the same");
    }
    assert_eq!(tencent(|f| f.boot_modes = None).result, Unknown);
    assert_eq!(tencent(|f| f.boot_modes = Some(trouble(TroubleKind::Limit))).result, Unknown);
    assert_eq!(tencent(|f| f.truncated = vec!["fstab.entries".into()]).result, Unknown);
}

#[test]
fn another_failure_is_told_once() {
    assert_eq!(tencent(|f| table(f).scheme = Scheme::None).result, NotApplicable, "PAR-01 says it");
    assert_eq!(tencent(|f| f.table = Some(trouble(TroubleKind::Corrupt))).result, NotApplicable);
    let data = tencent(|f| {
        f.guest = None;
        f.volumes[0].holds = crate::inspect::facts::Holds::Data;
        boot_modes(f).ways.clear();
    });
    assert_eq!(data.result, NotApplicable, "PAR-02 says that it is a data disk");
    let cut = tencent(|f| {
        table(f).partitions[0].size_bytes = u64::MAX / 2;
        boot_modes(f).ways.clear();
    });
    assert_eq!(cut.result, NotApplicable, "SRC-10 says that the disk ends too early");
    let luks = tencent(|f| {
        f.guest = None;
        f.volumes = vec![volume(1, "crypto_LUKS", VolumeClass::Encrypted)];
    });
    assert_eq!((luks.result, luks.code.as_str()), (Unknown, "VolumeEncrypted"));
}

#[test]
fn a_boot_partition_of_fstab_that_is_not_in_the_image_fails() {
    let line = |source: &'static str, target: &'static str, volume: Option<&'static str>, options: &'static [&str]| {
        move |f: &mut Facts| {
            let mut line = mount(source, target, "ext4", volume);
            line.options = options.iter().map(|o| (*o).to_owned()).collect();
            fstab(f).entries.push(line);
        }
    };
    for (target, source) in
        [("/boot", "UUID=ffff"), ("/boot/efi", "LABEL=ESP"), ("/boot/", "/dev/sdb1"), ("/efi", "UUID=f")]
    {
        let rule = tencent(line(source, target, None, &[]));
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "PartitionNotPresent"), "{target}");
        assert!(rule.message.starts_with("NoBootPartition: line 2 of /etc/fstab mounts"), "{}", rule.message);
        assert!(rule.message.contains(source) && rule.remedy.contains("line 2"), "{rule:?}");
    }
    for options in [&["noauto"] as &[&str], &["nofail"], &["x-systemd.automount"]] {
        assert_eq!(tencent(line("UUID=ffff", "/boot", None, options)).result, Pass, "{options:?}");
    }
    assert_eq!(tencent(line("UUID=0a1b", "/boot", Some("p1"), &[])).result, Pass);
    assert_eq!(tencent(line("UUID=ffff", "/data", None, &[])).result, Pass, "LNX-04's");
    assert_eq!(tencent(line("/dev/disk/by-id/wwn-0x5", "/boot", None, &[])).result, Pass, "another machine's name");
    for unread in [volume(2, "crypto_LUKS", VolumeClass::Encrypted), unread_member(2, "linux_raid_member")] {
        let rule = tencent(|f| {
            line("UUID=ffff", "/boot", None, &[])(f);
            f.volumes.push(unread.clone());
        });
        assert_eq!(rule.result, Unknown, "it may be in there");
    }
    let cut = tencent(|f| {
        line("UUID=ffff", "/boot", None, &[])(f);
        f.truncated = vec!["volumes".into()];
    });
    assert_eq!(cut.result, Unknown);
    assert_eq!(tencent(|f| linux(f).fstab = None).result, Unknown);
    assert_eq!(tencent(|f| linux(f).fstab = Some(trouble(TroubleKind::Corrupt))).result, Unknown);
    assert_eq!(tencent(|f| fstab(f).present = false).result, Pass);
    let both = tencent(|f| {
        line("UUID=ffff", "/boot", None, &[])(f);
        boot_modes(f).ways.clear();
        boot_modes(f).undecided = vec![undecided(BootMode::Bios, TroubleKind::Unsupported)];
    });
    assert_eq!(both.result, Fail, "whatever starts it does not get further");
}

#[test]
fn a_loader_under_a_vendors_path_alone_warns_where_it_is_asked() {
    let vendor = |f: &mut Facts| {
        boot_modes(f).ways = vec![uefi(Loader::Vendor, "/EFI/debian/shimx64.efi")];
    };
    for profile in [TENCENT, A2020] {
        let rule = result(profile, "PAR-08", with(vendor));
        assert_eq!(rule.result, Warn, "{profile}");
        let words = ["\"/EFI/debian/shimx64.efi\" on p1", "\"/EFI/BOOT/BOOTX64.EFI\"", "do not travel"];
        assert!(words.iter().all(|w| rule.message.contains(w)), "{}", rule.message);
        assert!(rule.remedy.contains("--force-extra-removable"), "{}", rule.remedy);
        let with_bios = |f: &mut Facts| {
            let way = boot_modes(f).ways[0].clone();
            vendor(f);
            boot_modes(f).ways.push(way);
        };
        let rule = result(profile, "PAR-08", with(with_bios));
        assert!(rule.result == Warn && rule.message.ends_with("a BIOS starts it"), "{}", rule.message);
    }
    let suse = tencent(|f| {
        vendor(f);
        guest(f).release = Some(Fact::Known(release("sles", "15", &[])));
    });
    assert!(suse.remedy.contains("BOOTX64.EFI"), "{}", suse.remedy);
    let microsoft = tencent(|f| {
        windows(f);
        boot_modes(f).ways = vec![uefi(Loader::Vendor, "/EFI/Microsoft/Boot/bootmgfw.efi")];
    });
    assert!(microsoft.result == Warn && microsoft.remedy.contains("bootx64.efi"), "{microsoft:?}");
    let second = tencent(|f| {
        vendor(f);
        boot_modes(f).ways.push(uefi(Loader::Fallback, "/EFI/BOOT/BOOTX64.EFI"));
    });
    assert_eq!(second.result, Pass, "another partition has one");
}

#[test]
fn a_cloud_whose_document_names_no_boot_partition_hears_of_the_fallback_alone() {
    let alibaba = |change: fn(&mut Facts)| outcome(A2020, "PAR-08", with(change));
    assert_eq!(alibaba(|_| {}), NotApplicable);
    assert_eq!(alibaba(|f| boot_modes(f).ways.clear()), NotApplicable);
    assert_eq!(alibaba(|f| boot_modes(f).ways.push(uefi(Loader::Fallback, "/EFI/BOOT/BOOTX64.EFI"))), Pass);
    let dangling = |f: &mut Facts| fstab(f).entries.push(mount("UUID=ffff", "/boot", "ext4", None));
    assert_eq!(alibaba(dangling), NotApplicable, "LNX-04's");
    let unread = |f: &mut Facts| boot_modes(f).undecided = vec![undecided(BootMode::Uefi, TroubleKind::Encrypted)];
    assert_eq!(alibaba(unread), Unknown);
}

/// Catalogue 9b, 9c.
#[test]
fn coreos_has_its_kernel_beside_the_loader_and_freebsd_no_fstab_that_is_read() {
    let coreos = |kernel: Option<&'static str>| {
        tencent(move |f| {
            guest(f).release = Some(Fact::Known(release("flatcar", "3000.1.0", &[])));
            boot_modes(f).kernel = kernel.map(str::to_owned);
        })
        .result
    };
    assert_eq!(coreos(Some("/flatcar/vmlinuz-a")), Pass);
    assert_eq!(coreos(None), Unknown);
    let freebsd = tencent(|f| {
        guest(f).family = Family::FreeBSD;
        guest(f).linux = None;
    });
    assert_eq!(freebsd.result, Pass);
}

#[test]
fn no_waiver_makes_a_disk_start() {
    use crate::api::Waiver;
    let waived = |change: fn(&mut Facts)| {
        outcome(TENCENT, "PAR-08", move |f, r| {
            change(f);
            r.waivers =
                vec![Waiver { rule: "BootLoaderFound".into(), justification: "x".into(), expiration_time: None }];
        })
    };
    assert_eq!(waived(|f| boot_modes(f).ways.clear()), Fail);
    assert_eq!(waived(|f| fstab(f).entries.push(mount("UUID=ffff", "/boot", "ext4", None))), Fail);
    let other = |f: &mut Facts| {
        f.volumes.push(ext4(2, ExtFeatures::default()));
        table(f).partitions.push(partition(2, Role::Esp));
    };
    assert_eq!(waived(other), Pass);
}
