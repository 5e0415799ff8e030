//! FS-05, FS-06.

use crate::inspect::Facts;
use crate::inspect::facts::{
    ExtFeatures, Fact, Role, Sign, SignKind, TroubleKind, Usage, Volume, VolumeClass, is_written,
};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2020, ALIBABA, ext4, fstab, guest, linux, mount, outcome, partition, release, result, table, trouble,
    unread_member, volume,
};

const MIB: u64 = 1 << 20;

fn saying(type_id: &'static str, kinds: &'static [SignKind]) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        let root = &mut f.volumes[0];
        root.type_id = type_id.into();
        root.ext = root.ext.take().filter(|_| type_id.starts_with("ext"));
        let sign = |kind: &SignKind| Sign { kind: *kind, at: 0x43a, value: "s_state 0x2".into() };
        root.health = Some(Fact::Known(kinds.iter().map(sign).collect()));
    }
}

#[test]
fn damage_is_refused_and_what_the_next_mount_mends_is_warned_about() {
    use SignKind::{
        BackupMismatch, ChecksumMismatch, Dirty, Errors, ErrorsRecorded, InProgress, LogNeedsReplay, NeedsRepair,
        Orphans,
    };
    let rows: &[(&str, &[SignKind], Outcome)] = &[
        ("ext4", &[Errors], Fail),
        ("ext4", &[ChecksumMismatch], Fail),
        ("ext4", &[BackupMismatch], Fail),
        ("xfs", &[NeedsRepair], Fail),
        ("xfs", &[InProgress], Fail),
        ("xfs", &[ChecksumMismatch], Fail),
        ("ext4", &[LogNeedsReplay], Warn),
        ("ext4", &[Orphans], Warn),
        ("ext4", &[ErrorsRecorded], Warn),
        ("ext4", &[Dirty], Warn),
        ("xfs", &[LogNeedsReplay], Warn),
        ("vfat", &[Errors], Warn),
        ("ext4", &[SignKind::Other], Warn),
        ("ext4", &[LogNeedsReplay, Errors], Fail),
        ("ext4", &[], Advice),
    ];
    for profile in ALIBABA {
        for (type_id, kinds, wanted) in rows {
            let rule = result(profile, "FS-05", saying(type_id, kinds));
            assert_eq!(rule.result, *wanted, "{type_id} {kinds:?}: {}", rule.message);
            if kinds.is_empty() {
                assert_eq!(rule.code, "Passed");
                assert!(rule.message.contains("not a full fsck"), "{}", rule.message);
            } else {
                assert_eq!(rule.code, "FileSystemIntegrity");
                assert_eq!(rule.evidence[0].offset, Some(0x43a));
                assert!(rule.message.contains("p1"), "{}", rule.message);
            }
        }
    }
}

/// Section 9a.
#[test]
fn a_platform_outside_the_list_lowers_failures_to_warnings() {
    for platform in ["Customized Linux", "Others Linux"] {
        let declared = |change: fn(&mut Facts)| {
            move |f: &mut Facts, r: &mut Request| {
                r.platform = Some(platform.into());
                change(f);
            }
        };
        for profile in ALIBABA {
            let errors = declared(|f| saying("ext4", &[SignKind::Errors])(f, &mut Request::default()));
            assert_eq!(outcome(profile, "FS-05", errors), Warn);
            assert_eq!(outcome(profile, "FS-06", declared(|f| f.volumes[0].usage = free(0, None))), Warn);
            assert_eq!(outcome(profile, "FS-06", declared(|f| f.volumes[0].usage = free(900 * MIB, None))), Advice);
        }
    }
}

#[test]
fn a_filesystem_whose_health_is_not_known_is_unknown_and_damage_is_damage() {
    let second = |volume: Volume| move |f: &mut Facts, _: &mut Request| f.volumes.push(volume.clone());
    let ext = || ext4(2, ExtFeatures::default());
    let troubled = |kind| match trouble::<()>(kind) {
        Fact::Unreadable(trouble) => Some(trouble),
        Fact::Known(()) => None,
    };
    for (volume, wanted) in [
        (ext(), Unknown),
        (Volume { health: Some(trouble(TroubleKind::Limit)), ..ext() }, Unknown),
        (Volume { health: Some(trouble(TroubleKind::Corrupt)), ..ext() }, Fail),
        (Volume { trouble: troubled(TroubleKind::Unsupported), ..ext() }, Unknown),
        (Volume { trouble: troubled(TroubleKind::Corrupt), ..ext() }, Fail),
        (volume(2, "crypto_LUKS", VolumeClass::Encrypted), Unknown),
        (unread_member(2, "linux_raid_member"), Unknown),
        (volume(2, "swap", VolumeClass::Swap), Advice),
        (volume(2, "", VolumeClass::Empty), Advice),
        (Volume { health: Some(Fact::Known(Vec::new())), ..ext() }, Advice),
    ] {
        assert_eq!(outcome(A2020, "FS-05", second(volume.clone())), wanted, "{volume:?}");
    }
    let both = outcome(A2020, "FS-05", |f, r| {
        saying("ext4", &[SignKind::Errors])(f, r);
        f.volumes.push(ext());
    });
    assert_eq!(both, Fail, "what is known suffices");
    assert_eq!(outcome(A2020, "FS-05", |f, _| f.truncated.push("volumes".into())), Unknown);
    let no_system = |f: &mut Facts, _: &mut Request| {
        f.guest = None;
        f.volumes[0].holds = crate::inspect::facts::Holds::Data;
    };
    for id in ["FS-05", "FS-06"] {
        assert_eq!(outcome(A2020, id, no_system), NotApplicable, "{id}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the fact")]
fn free(free_bytes: u64, free_inodes: Option<u64>) -> Option<Fact<Usage>> {
    Some(Fact::Known(Usage { total_bytes: 40_960 * MIB, free_bytes, free_inodes }))
}

#[test]
fn a_system_needs_room_to_write() {
    for (usage, wanted) in [
        (free(0, None), Fail),
        (free(10_000 * MIB, Some(0)), Fail),
        (free(4096, None), Warn),
        (free(64 * MIB - 1, None), Warn),
        (free(10_000 * MIB, Some(99)), Warn),
        (free(64 * MIB, Some(100)), Advice),
        (free(1024 * MIB - 1, Some(100)), Advice),
        (free(1024 * MIB, Some(100)), Pass),
        (trouble_as_usage(TroubleKind::Limit), Unknown),
        (trouble_as_usage(TroubleKind::Corrupt), Fail),
        (None, Unknown),
    ] {
        for profile in ALIBABA {
            let rule = result(profile, "FS-06", |f, _| f.volumes[0].usage.clone_from(&usage));
            assert_eq!(rule.result, wanted, "{usage:?}: {}", rule.message);
            if matches!(wanted, Fail | Warn | Advice) {
                assert_eq!(rule.code, "SystemDiskFull");
            }
        }
    }
    let small = Some(Fact::Known(Usage { total_bytes: 2048 * MIB, free_bytes: 300 * MIB, free_inodes: None }));
    assert_eq!(outcome(A2020, "FS-06", |f, _| f.volumes[0].usage.clone_from(&small)), Pass, "more than a tenth");
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the fact")]
fn trouble_as_usage(kind: TroubleKind) -> Option<Fact<Usage>> {
    Some(trouble(kind))
}

#[test]
fn only_where_the_system_writes_counts() {
    let mounted = |target: &'static str, usage: Option<Fact<Usage>>| {
        move |f: &mut Facts, _: &mut Request| {
            table(f).partitions.push(partition(2, Role::Plain));
            f.volumes.push(Volume { usage: usage.clone(), ..ext4(2, ExtFeatures::default()) });
            fstab(f).entries.push(mount("UUID=x", target, "ext4", Some("p2")));
        }
    };
    for target in ["/var", "/var/", "/etc", "/tmp"] {
        assert!(is_written(target));
        assert_eq!(outcome(A2020, "FS-06", mounted(target, free(0, None))), Fail, "{target}");
        assert_eq!(outcome(A2020, "FS-06", mounted(target, None)), Unknown, "{target}");
    }
    for target in ["/boot", "/boot/efi", "/usr", "/srv", "none"] {
        assert!(!is_written(target));
        assert_eq!(outcome(A2020, "FS-06", mounted(target, free(0, None))), Pass, "{target}");
    }
    let subvolumes = |f: &mut Facts, r: &mut Request| {
        mounted("/srv", free(0, None))(f, r);
        fstab(f).entries.push(mount("UUID=x", "/var", "btrfs", Some("p2")));
    };
    assert_eq!(outcome(A2020, "FS-06", subvolumes), Fail, "one volume, two places");
    let unread = |f: &mut Facts, r: &mut Request| {
        mounted("/var", free(0, None))(f, r);
        linux(f).fstab = Some(trouble(TroubleKind::Limit));
    };
    assert_eq!(outcome(A2020, "FS-06", unread), Unknown, "it may be /var");
    let coreos = |f: &mut Facts, r: &mut Request| {
        mounted("/var", free(0, None))(f, r);
        guest(f).release = Some(Fact::Known(release("flatcar", "3510.2.0", &[])));
    };
    assert_eq!(outcome(A2020, "FS-06", coreos), Pass, "only ROOT is judged");
    assert_eq!(outcome(A2020, "FS-06", |f, _| f.truncated.push("volumes".into())), Unknown);
}

#[test]
fn a_full_freebsd_is_mended_by_its_own_commands() {
    let rule = result(A2020, "FS-06", |f, _| {
        guest(f).family = crate::inspect::facts::Family::FreeBSD;
        f.volumes[0].type_id = "ufs".into();
        f.volumes[0].usage = Some(Fact::Known(Usage { total_bytes: 100 * MIB, free_bytes: 0, free_inodes: None }));
    });
    assert!(rule.remedy.contains("`growfs /`") && !rule.remedy.contains("apt-get"), "{}", rule.remedy);
}
