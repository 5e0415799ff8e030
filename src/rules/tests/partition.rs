//! PAR-01, PAR-02, PAR-03, PAR-05.

use crate::inspect::Facts;
use crate::inspect::facts::{
    BootMode, ExtFeatures, Fact, Family, GptCopy, Holds, Role, Scheme, Sign, SignKind, Trouble, TroubleKind, Volume,
    VolumeClass,
};
use crate::report::Outcome::{Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, GIB, TENCENT, boot_modes, ext4, fstab, guest, linux, mount, outcome, partition,
    release, result, table, trouble, troubled, unread_member, volume,
};

fn no_system(facts: &mut Facts, volumes: Vec<Volume>) {
    facts.volumes = volumes;
    facts.guest = None;
}

fn holding(number: u32, holds: Holds) -> Volume {
    Volume { holds, ..ext4(number, ExtFeatures::default()) }
}

#[test]
fn a_disk_without_a_table_fails_everywhere_and_says_what_is_there_instead() {
    for profile in ALIBABA.into_iter().chain([TENCENT]) {
        assert_eq!(outcome(profile, "PAR-01", |_, _| {}), Pass);
        let rule = result(profile, "PAR-01", |f, _| {
            table(f).scheme = Scheme::None;
            table(f).instead = Some("xfs".into());
        });
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "PartitionNotPresent"));
        assert!(rule.message.starts_with("NoTable: ") && rule.message.contains("\"xfs\""), "{}", rule.message);
        for label in ["bsd", "sun"] {
            let rule = result(profile, "PAR-01", |f, _| {
                table(f).scheme = Scheme::None;
                table(f).instead = Some(label.into());
            });
            assert_eq!((rule.result, rule.code.as_str()), (Fail, "PartitionNotPresent"));
            assert!(rule.message.contains(label) && !rule.message.contains("image of a partition"), "{}", rule.message);
            assert!(rule.remedy.contains("partition table, MBR or GPT"), "{}", rule.remedy);
        }
        let data = outcome(profile, "PAR-02", |f, _| {
            table(f).scheme = Scheme::None;
            no_system(f, vec![holding(1, Holds::Data)]);
        });
        assert_eq!(data, NotApplicable, "the missing table says it");
    }
}

#[test]
fn a_damaged_table_fails_with_its_byte_and_an_unreadable_one_is_unknown() {
    let rule = result(TENCENT, "PAR-01", |f, _| f.table = Some(trouble(TroubleKind::Corrupt)));
    assert_eq!(rule.result, Fail);
    assert!(rule.message.contains("0x1000") && rule.evidence[0].offset == Some(0x1000));
    assert_eq!(outcome(TENCENT, "PAR-02", |f, _| f.table = Some(trouble(TroubleKind::Corrupt))), NotApplicable);
    assert_eq!(outcome(TENCENT, "PAR-01", |f, _| f.table = Some(trouble(TroubleKind::Limit))), Unknown);
    assert_eq!(outcome(TENCENT, "PAR-02", |f, _| f.table = Some(trouble(TroubleKind::Limit))), Unknown);
}

#[test]
fn a_root_that_mounts_only_with_what_may_not_be_there_is_unknown() {
    for (kind, says) in [
        (SignKind::JournalElsewhere, "journal is on another device"),
        (SignKind::PartElsewhere, "a part of it is on another device"),
        (SignKind::LargeBlocks, "memory pages of x86"),
    ] {
        let sign = || Some(Fact::Known(vec![Sign { kind, ..Sign::default() }]));
        let rule = result(TENCENT, "PAR-02", |f, _| f.volumes[0].health = sign());
        assert!(rule.result == Unknown && rule.message.contains(says), "{rule:?}");
        let intact = result(A2020, "FS-05", |f, _| f.volumes[0].health = sign());
        assert_eq!(intact.result, Warn, "{}", intact.message);
        let beside = outcome(TENCENT, "PAR-02", |f, _| {
            f.volumes.push(Volume { health: sign(), ..holding(2, Holds::Data) });
        });
        assert_eq!(beside, Pass, "of another volume");
    }
}

#[test]
fn what_was_uploaded_instead_of_a_system_is_told_by_the_four_causes() {
    for (volumes, sub) in [
        (vec![holding(1, Holds::Data)], "UploadedDataDisk"),
        (vec![holding(1, Holds::Boot)], "UploadedBootPartition"),
        (vec![holding(1, Holds::Installer)], "UploadedInstallationMedia"),
        (vec![holding(1, Holds::Nothing)], "UploadedWrongFile"),
        (vec![volume(1, "", VolumeClass::Empty)], "UploadedWrongFile"),
        (vec![], "UploadedWrongFile"),
    ] {
        let rule = result(TENCENT, "PAR-02", |f, _| no_system(f, volumes));
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "RootPartitionNotFound"));
        assert!(rule.message.starts_with(sub), "{sub}: {}", rule.message);
        assert!(rule.remedy.contains("镜像损坏，可能是错误的镜像制作方式导致的"));
    }
    assert_eq!(outcome(TENCENT, "PAR-02", |_, _| {}), Pass);
    assert_eq!(outcome(TENCENT, "DRV-01", |f, _| no_system(f, vec![holding(1, Holds::Data)])), NotApplicable);
}

#[test]
fn a_volume_that_cannot_be_read_makes_the_root_unknown_never_missing() {
    let unread = Volume {
        trouble: Some(troubled(TroubleKind::Unsupported)),
        holds: Holds::Unknown,
        ..volume(2, "btrfs", VolumeClass::Filesystem)
    };
    let (md, pv) = (unread_member(2, "linux_raid_member"), unread_member(2, "LVM2_member"));
    for (other, reason) in [
        (volume(2, "crypto_LUKS", VolumeClass::Encrypted), "VolumeEncrypted"),
        (volume(2, "xfs", VolumeClass::Filesystem), "NotReadYet"),
        (unread, "NotReadYet"),
        (md, "NotReadYet"),
        (pv, "NotReadYet"),
    ] {
        for id in ["PAR-02", "OS-01", "DRV-01"] {
            let rule = result(TENCENT, id, |f, _| no_system(f, vec![holding(1, Holds::Boot), other.clone()]));
            assert_eq!((rule.result, rule.code.as_str()), (Unknown, reason), "{id} {other:?}");
        }
    }
    let damaged =
        Volume { trouble: Some(troubled(TroubleKind::Corrupt)), ..volume(1, "ext4", VolumeClass::Filesystem) };
    let rule = result(TENCENT, "PAR-02", |f, _| no_system(f, vec![damaged.clone()]));
    assert!(rule.result == Fail && rule.message.contains("0x1000"), "{rule:?}");
    assert!(rule.remedy.starts_with("See that the upload is complete"), "{}", rule.remedy);
    assert_eq!(outcome(TENCENT, "DRV-01", |f, _| no_system(f, vec![damaged.clone()])), NotApplicable);
    let cut = outcome(TENCENT, "PAR-02", |f, _| {
        table(f).partitions[0].size_bytes = u64::MAX / 2;
        no_system(f, vec![damaged.clone()]);
    });
    assert_eq!(cut, NotApplicable, "SRC-10 says it");
    let luks = volume(2, "crypto_LUKS", VolumeClass::Encrypted);
    assert_eq!(outcome(TENCENT, "PAR-02", |f, _| no_system(f, vec![damaged, luks])), Unknown, "it may be in there");
}

#[test]
fn an_efi_partition_that_is_not_read_hides_no_system() {
    let esp =
        Volume { trouble: Some(troubled(TroubleKind::Unsupported)), ..volume(2, "vfat", VolumeClass::Filesystem) };
    let rule = result(TENCENT, "PAR-02", |f, _| {
        table(f).partitions.push(partition(2, Role::Esp));
        no_system(f, vec![holding(1, Holds::Data), esp]);
    });
    assert!(rule.result == Fail && rule.message.starts_with("UploadedDataDisk"), "{rule:?}");
}

#[test]
fn a_windows_system_is_never_judged_compliant_by_rules_for_linux() {
    let rule = result(TENCENT, "PAR-02", |f, _| guest(f).family = crate::inspect::facts::Family::Windows);
    assert_eq!((rule.result, rule.code.as_str()), (Unknown, "NotReadYet"));
    for id in ["OS-01", "DRV-01", "SVC-01", "SVC-02"] {
        assert_eq!(
            outcome(TENCENT, id, |f, _| guest(f).family = crate::inspect::facts::Family::Windows),
            NotApplicable
        );
    }
}

#[test]
fn gpt_is_refused_where_the_document_refuses_it() {
    let gpt = |f: &mut Facts, _: &mut Request| table(f).scheme = Scheme::Gpt;
    for profile in [TENCENT, A2018_12, A2018_06] {
        let rule = result(profile, "PAR-03", gpt);
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "GptPartitionNotSupported"));
        assert_eq!(outcome(profile, "PAR-03", |_, _| {}), Pass);
        assert_eq!(outcome(profile, "PAR-03", |f, _| table(f).scheme = Scheme::None), NotApplicable);
    }
    assert!(!crate::profiles::get(A2020).unwrap().spec.rules.iter().any(|r| r.name == "MbrPartitionTable"));
    let by_backup = |mode: BootMode| {
        result(A2020, "PAR-01", |f, _| {
            table(f).scheme = Scheme::Gpt;
            table(f).gpt_copy = Some(GptCopy::Backup);
            boot_modes(f).ways[0].mode = mode;
        })
    };
    let rule = by_backup(BootMode::Bios);
    assert!(rule.result == Fail && rule.message.contains("backup") && rule.remedy.contains("sgdisk -e"), "{rule:?}");
    assert_eq!(by_backup(BootMode::Uefi).result, Warn, "the firmware mends it");
    let grown = |at: Option<u64>, kind: TroubleKind, mode: BootMode, family: Family| {
        result(A2020, "PAR-01", |f, _| {
            table(f).scheme = Scheme::Gpt;
            table(f).gpt_copy = Some(GptCopy::Backup);
            table(f).backup_bytes = Some(20 * GIB - 512);
            table(f).other_copy = Some(Trouble { at, ..troubled(kind) });
            boot_modes(f).ways[0].mode = mode;
            guest(f).family = family;
        })
    };
    let (uefi, bios) = (BootMode::Uefi, BootMode::Bios);
    for (at, kind, mode, family, wanted, remedy) in [
        (None, TroubleKind::NotFound, uefi, Family::Linux, Fail, "truncate -s 21474836480 IMAGE"),
        (Some(512), TroubleKind::Corrupt, bios, Family::FreeBSD, Fail, "truncate -s 21474836480 IMAGE"),
        (Some(1024), TroubleKind::Corrupt, uefi, Family::Linux, Fail, "anew, in a RAW image"),
        (Some(1024), TroubleKind::Corrupt, uefi, Family::Windows, Fail, "anew, in a RAW image"),
        (Some(1024), TroubleKind::Corrupt, bios, Family::FreeBSD, Warn, "anew, in a RAW image"),
        (None, TroubleKind::Limit, uefi, Family::Linux, Warn, "anew, in a RAW image"),
    ] {
        let rule = grown(at, kind, mode, family);
        assert_eq!(rule.result, wanted, "{rule:?}");
        assert!(rule.remedy.contains(remedy) && !rule.message.contains("UEFI firmware or"), "{rule:?}");
    }
    let bare = result(A2020, "PAR-01", |f, _| {
        table(f).scheme = Scheme::Gpt;
        table(f).unprotected = true;
    });
    assert!(bare.result == Fail && bare.message.starts_with("NoTable: the GPT has no protective MBR"), "{bare:?}");
    for scheme in [Scheme::Gpt, Scheme::Mbr] {
        let large = result(A2020, "PAR-01", |f, _| (table(f).scheme, table(f).sector_bytes) = (scheme, 4096));
        assert!(large.result == Fail && large.message.contains("sectors of 4096 bytes"), "{large:?}");
    }
    let unseen = result(A2020, "PAR-01", |f, _| table(f).unseen = Some(2));
    assert!(unseen.result == Warn && unseen.remedy.contains("`sgdisk -s IMAGE`"), "{unseen:?}");
    let hybrid = result(TENCENT, "PAR-03", |f, _| {
        table(f).scheme = Scheme::Gpt;
        table(f).hybrid = true;
    });
    assert!(hybrid.result == Fail && hybrid.message.contains("hybrid"));
}

/// C-25, C-26.
#[test]
fn gpt_systems_that_are_listed_fail_with_both_lines_in_the_message() {
    for (profile, id, lines) in [
        (TENCENT, "coreos", ["S4 L14", "S4 L12"]),
        (A2018_06, "coreos", ["S2 L52", "S2 L26"]),
        (A2018_06, "freebsd", ["S2 L52", "S2 L28"]),
    ] {
        let rule = result(profile, "PAR-03", |f, _| {
            table(f).scheme = Scheme::Gpt;
            guest(f).release = Some(Fact::Known(release(id, "2000.1.0", &[])));
        });
        assert_eq!(rule.result, Fail);
        assert!(lines.iter().all(|l| rule.message.contains(l)), "{}", rule.message);
    }
}

fn with_volume(other: Volume, mounted: Option<&'static str>) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        if let Some(at) = mounted {
            let line = mount("UUID=x", at, "ext4", Some(&other.name));
            fstab(f).entries.push(line);
        }
        f.volumes.push(other.clone());
    }
}

/// C-03.
#[test]
fn one_more_filesystem_fails_when_mounted_and_warns_when_not() {
    let data = || Volume { holds: Holds::Data, ..ext4(2, ExtFeatures::default()) };
    for profile in ALIBABA {
        assert_eq!(outcome(profile, "PAR-05", |_, _| {}), Pass);
        let boot = result(profile, "PAR-05", with_volume(data(), Some("/boot")));
        assert_eq!((boot.result, boot.code.as_str()), (Fail, "MultipleLinuxPartitions"));
        assert!(boot.message.contains("/boot") && boot.remedy.contains("Customized Linux"), "{boot:?}");
        assert_eq!(outcome(profile, "PAR-05", with_volume(data(), None)), Warn);
        assert_eq!(outcome(profile, "PAR-05", with_volume(volume(2, "swap", VolumeClass::Swap), None)), Warn);
        let luks = volume(2, "crypto_LUKS", VolumeClass::Encrypted);
        assert_eq!(outcome(profile, "PAR-05", with_volume(luks, None)), Warn);
        for neither in [volume(2, "", VolumeClass::Empty), volume(2, "LVM2_member", VolumeClass::Member)] {
            assert_eq!(outcome(profile, "PAR-05", with_volume(neither, None)), Pass);
        }
    }
    let noauto = outcome(A2020, "PAR-05", |f, _| {
        let mut line = mount("UUID=x", "/data", "ext4", Some("p2"));
        line.options = vec!["noauto".into()];
        fstab(f).entries.push(line);
        f.volumes.push(data());
    });
    assert_eq!(noauto, Warn);
}

#[test]
fn partitions_that_boot_the_machine_do_not_count() {
    for role in [Role::Esp, Role::BiosBoot, Role::Prep, Role::FreebsdBoot, Role::MicrosoftReserved] {
        let found = outcome(A2020, "PAR-05", |f, _| {
            table(f).partitions.push(partition(2, role));
            with_volume(volume(2, "vfat", VolumeClass::Filesystem), Some("/boot/efi"))(f, &mut Request::default());
        });
        assert_eq!(found, Pass, "{role:?}");
    }
}

#[test]
fn a_second_filesystem_beside_an_unread_fstab_is_undecided() {
    let found = outcome(A2020, "PAR-05", |f, _| {
        linux(f).fstab = Some(trouble(TroubleKind::Unsupported));
        f.volumes.push(holding(2, Holds::Data));
    });
    assert_eq!(found, Unknown);
    assert_eq!(outcome(A2020, "PAR-05", with_volume(unread_member(2, "linux_raid_member"), None)), Unknown);
}

#[test]
fn the_partitions_of_coreos_count_as_one() {
    let found = outcome(A2020, "PAR-05", |f, _| {
        guest(f).release = Some(Fact::Known(release("coreos", "1000.0.0", &[])));
        for (number, name) in [(2, "USR-A"), (3, "USR-B"), (4, "OEM")] {
            let mut part = partition(number, Role::Plain);
            part.name = name.into();
            table(f).partitions.push(part);
            f.volumes.push(holding(number, Holds::Data));
        }
    });
    assert_eq!(found, Pass);
}

#[test]
fn a_list_that_was_cut_gives_no_pass() {
    for id in ["PAR-05", "FS-01", "FS-02", "FS-03"] {
        for list in ["volumes", "partitions"] {
            assert_eq!(outcome(A2020, id, |f, _| f.truncated = vec![list.into()]), Unknown, "{id}");
        }
    }
    assert_eq!(outcome(A2020, "LNX-04", |f, _| f.truncated = vec!["fstab.entries".into()]), Unknown);
    let cut = |f: &mut Facts, _: &mut Request| {
        f.truncated = vec!["volumes".into(), "guest".into()];
        no_system(f, vec![]);
    };
    for id in ["PAR-02", "OS-01", "DRV-01"] {
        let rule = result(TENCENT, id, cut);
        assert_eq!((rule.result, rule.code.as_str()), (Unknown, "LimitExceeded"), "{id}");
    }
}

#[test]
fn a_search_for_the_root_that_ended_early_is_undecided() {
    for id in ["PAR-02", "OS-01", "DRV-01"] {
        let rule = result(TENCENT, id, |f, _| {
            f.volumes[0].holds = Holds::Data;
            f.guest = Some(crate::inspect::facts::Guest {
                trouble: Some(troubled(TroubleKind::Limit)),
                ..Default::default()
            });
        });
        assert_eq!((rule.result, rule.code.as_str()), (Unknown, "LimitExceeded"), "{id}");
    }
}
