//! PAR-07, FS-04, and what FS-05 and FS-06 make of Windows.

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, Family, Role, Scheme, Sign, SignKind, TroubleKind, Usage, VolumeClass};
use crate::report::Outcome::{Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2018_12, A2020, ALIBABA, TENCENT, guest, outcome, result, table, trouble, windows,
};

fn with(change: impl Fn(&mut Facts)) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        windows(f);
        change(f);
    }
}

#[test]
fn a_dynamic_disk_or_a_storage_pool_is_refused_by_tencent() {
    assert_eq!(outcome(TENCENT, "PAR-07", with(|_| {})), Pass);
    for role in [Role::DynamicDisk, Role::StorageSpaces] {
        let rule = result(TENCENT, "PAR-07", with(|f| table(f).partitions[1].role = role));
        assert_eq!((rule.result, rule.code.as_str()), (Fail, "LvmNotSupported"));
        assert!(rule.message.contains("partition 2") && rule.message.contains("S4 L28"), "{}", rule.message);
    }
    assert_eq!(outcome(TENCENT, "PAR-07", |_, _| {}), NotApplicable, "LVM of Linux is nobody's business");
    assert_eq!(outcome(TENCENT, "PAR-07", with(|f| f.truncated.push("partitions".into()))), Unknown);
    assert_eq!(outcome(TENCENT, "PAR-07", with(|f| f.table = Some(trouble(TroubleKind::Limit)))), Unknown);
    assert_eq!(outcome(TENCENT, "PAR-07", with(|f| f.table = Some(trouble(TroubleKind::Corrupt)))), NotApplicable);
}

#[test]
fn a_dynamic_disk_whose_system_is_not_seen_is_told_by_its_guids_alone() {
    let unseen = |scheme: Scheme| {
        with(move |f| {
            table(f).scheme = scheme;
            table(f).partitions[0].role = Role::DynamicDisk;
            f.volumes[0].class = VolumeClass::Member;
            f.volumes[0].holds = crate::inspect::facts::Holds::Unknown;
            *guest(f) = crate::inspect::facts::Guest { family: Family::Unknown, ..Default::default() };
        })
    };
    assert_eq!(outcome(TENCENT, "PAR-07", unseen(Scheme::Gpt)), Fail);
    assert_eq!(outcome(TENCENT, "PAR-07", unseen(Scheme::Mbr)), Unknown, "other systems have used that type");
}

#[test]
fn windows_is_on_ntfs_and_some_clouds_take_nothing_else() {
    let is = |volume: usize, type_id: &'static str| with(move |f| f.volumes[volume].type_id = type_id.into());
    for profile in ALIBABA.into_iter().chain([TENCENT]) {
        assert_eq!(outcome(profile, "FS-04", with(|_| {})), Pass);
        assert_eq!(outcome(profile, "FS-04", |_, _| {}), NotApplicable, "a Linux");
        for type_id in ["ReFS", "vfat", "exfat", "ext4"] {
            let rule = result(profile, "FS-04", is(0, type_id));
            assert_eq!((rule.result, rule.code.as_str()), (Fail, "WindowsFileSystemNotNtfs"), "{type_id}");
            assert!(rule.message.contains(type_id) && rule.message.contains("p1"), "{}", rule.message);
        }
        for role in [Role::Esp, Role::MicrosoftReserved, Role::Recovery, Role::Oem] {
            let exempt = |f: &mut Facts, r: &mut Request| {
                is(1, "vfat")(f, r);
                table(f).partitions[1].role = role;
            };
            assert_eq!(outcome(profile, "FS-04", exempt), Pass, "{role:?}");
        }
        for (class, reason) in [
            (VolumeClass::Encrypted, "VolumeEncrypted"),
            (VolumeClass::Member, "NotReadYet"),
            (VolumeClass::Unrecognised, "FactMissing"),
        ] {
            let rule = result(profile, "FS-04", with(|f| f.volumes[1].class = class));
            assert_eq!((rule.result, rule.code.as_str()), (Unknown, reason));
        }
        assert_eq!(outcome(profile, "FS-04", with(|f| f.volumes[1].class = VolumeClass::Empty)), Pass);
        for list in ["volumes", "partitions"] {
            assert_eq!(outcome(profile, "FS-04", with(|f| f.truncated.push(list.into()))), Unknown, "{list}");
        }
    }
    for (profile, wanted) in [(A2020, Warn), (A2018_12, Fail), (A2018_06, Fail), (TENCENT, Fail)] {
        assert_eq!(outcome(profile, "FS-04", is(1, "exfat")), wanted, "{profile}");
    }
}

#[test]
fn signs_of_ntfs_warn_and_a_full_volume_of_windows_fails() {
    let kinds = [
        SignKind::Dirty,
        SignKind::Hibernated,
        SignKind::LogNeedsReplay,
        SignKind::BackupMismatch,
        SignKind::CheckAskedFor,
    ];
    for kind in kinds {
        let sign = Sign { kind, at: 0x5000, value: "flags 0x1".into() };
        assert_eq!(
            outcome(A2020, "FS-05", with(|f| f.volumes[0].health = Some(Fact::Known(vec![sign.clone()])))),
            Warn
        );
    }
    assert_eq!(outcome(A2020, "FS-05", with(|_| {})), Advice);
    let full = |volume: usize| {
        with(move |f| f.volumes[volume].usage = Some(Fact::Known(Usage { total_bytes: 1 << 30, ..Usage::default() })))
    };
    assert_eq!(outcome(A2020, "FS-06", full(0)), Fail);
    assert_eq!(outcome(A2020, "FS-06", full(1)), Pass, "only the volume of Windows counts");
    for volume in [0, 1] {
        let rule = result(A2020, "FS-06", full(volume));
        let evidence = rule.evidence.iter().map(|e| e.what.as_str()).collect::<String>();
        for said in [rule.message, evidence] {
            assert!(said.contains("p1, the volume of Windows") && !said.contains("\"/\""), "{said}");
        }
    }
}
