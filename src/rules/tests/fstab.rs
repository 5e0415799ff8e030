//! LNX-04.

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, Init, TroubleKind, VolumeClass};
use crate::report::Outcome::{self, Fail, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2020, ALIBABA, boot, fstab, guest, linux, mount, outcome, release, result, trouble, unread_member, volume,
};

fn line(
    source: &'static str,
    target: &'static str,
    type_id: &'static str,
    found: Option<&'static str>,
    options: &'static [&'static str],
) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        let mut entry = mount(source, target, type_id, found);
        entry.line = 9;
        entry.options = options.iter().map(|o| (*o).to_owned()).collect();
        fstab(f).entries.push(entry);
    }
}

#[test]
fn a_table_that_systemd_leaves_alone_demands_nothing() {
    for (init, words, wanted) in [
        (Init::Systemd, "ro fstab=no", Pass),
        (Init::Systemd, "fstab=yes fstab=OFF quiet", Pass),
        (Init::Systemd, "fstab=0 fstab=1", Fail),
        (Init::Systemd, "rd.fstab=0 xfstab=no fstab=nothing", Fail),
        (Init::SystemV, "ro fstab=no", Fail),
    ] {
        let rule = result(A2020, "LNX-04", |f, request| {
            line("UUID=dead", "/data", "ext4", None, &[])(f, request);
            linux(f).init = init;
            boot(f).command_line = words.into();
        });
        assert_eq!(rule.result, wanted, "{words}: {}", rule.message);
    }
}

#[test]
fn every_kind_of_line_has_its_severity() {
    type Row = (&'static str, &'static str, &'static str, Option<&'static str>, &'static [&'static str], Outcome);
    let rows: &[Row] = &[
        ("UUID=dead", "/data", "ext4", None, &[], Fail),
        ("UUID=dead", "/data", "ext4", None, &["nofail"], Pass),
        ("UUID=dead", "/data", "ext4", None, &["noauto"], Pass),
        ("UUID=dead", "/data", "ext4", None, &["x-systemd.automount"], Pass),
        ("/dev/sdb1", "/data", "ext4", None, &[], Fail),
        ("/dev/sda1", "/data", "ext4", Some("p1"), &[], Warn),
        ("/dev/hda1", "/data", "ext4", Some("p1"), &[], Warn),
        ("/dev/nvme0n1p1", "/data", "ext4", Some("p1"), &[], Warn),
        ("/dev/mmcblk0p1", "/data", "ext4", Some("p1"), &[], Warn),
        ("/dev/nvme1n1p1", "/data", "ext4", None, &[], Fail),
        ("/dev/vda1", "/data", "ext4", Some("p1"), &[], Pass),
        ("/dev/disk/by-id/ata-X-part1", "/data", "ext4", None, &[], Fail),
        ("/dev/disk/by-path/pci-0-part1", "/data", "ext4", Some("p1"), &[], Warn),
        ("/dev/mapper/vg-lv", "/data", "ext4", None, &[], Fail),
        ("UUID=dead", "none", "swap", None, &[], Warn),
        ("/swapfile", "none", "swap", None, &[], Pass),
        ("/srv/a", "/srv/b", "none", None, &["bind"], Pass),
        ("/dev/sr0", "/media", "iso9660", None, &[], Pass),
        ("/dev/fd0", "/floppy", "auto", None, &[], Pass),
        ("host:/export", "/mnt", "nfs4", None, &[], Warn),
        ("host:/export", "/mnt", "nfs4", None, &["nofail"], Pass),
        ("//host/share", "/mnt", "cifs", None, &["_netdev"], Warn),
        ("UUID=0A1B", "/data", "ext4", None, &[], Fail),
        ("UUID=0A1B", "none", "swap", None, &[], Warn),
        ("UUID=0a1b", "/data", "ext3", Some("p1"), &[], Warn),
        ("UUID=0a1b", "/data", "auto", Some("p1"), &[], Pass),
        ("UUID=0a1b", "/data", "xfs,ext4", Some("p1"), &[], Pass),
    ];
    for (source, target, type_id, found, options, wanted) in rows.iter().copied() {
        for profile in ALIBABA {
            let rule = result(profile, "LNX-04", line(source, target, type_id, found, options));
            assert_eq!(rule.result, wanted, "{source} {target} {type_id} {options:?}: {}", rule.message);
            if wanted != Pass {
                assert_eq!(rule.code, "FstabInvalid");
                assert_eq!(rule.evidence[0].place, "/etc/fstab:9");
            }
        }
    }
    assert_eq!(outcome(A2020, "LNX-04", |_, _| {}), Pass);
}

#[test]
fn a_hardware_name_of_the_disk_the_root_is_on_is_a_warning() {
    let rule = outcome(A2020, "LNX-04", |f, _| {
        fstab(f).entries[0].source = "/dev/disk/by-id/ata-X-part1".into();
        fstab(f).entries[0].volume = None;
        fstab(f).entries.push(mount("/dev/disk/by-id/ata-X-part2", "/boot", "ext4", None));
    });
    assert_eq!(rule, Warn);
}

#[test]
fn the_remedy_names_the_uuid_where_the_volume_is_known() {
    let rule = result(A2020, "LNX-04", |f, _| fstab(f).entries[0].source = "/dev/sda1".into());
    assert!(
        rule.result == Warn && rule.remedy.starts_with("In line 2 of /etc/fstab write UUID=0a1b"),
        "{}",
        rule.remedy
    );
}

/// A UUID is compared as text.
#[test]
fn an_identifier_in_another_case_is_said_and_corrected() {
    let rule = result(A2020, "LNX-04", line("UUID=0A1B", "/data", "ext4", None, &[]));
    assert!(rule.message.contains("differs from the name of p1 by capitals"), "{}", rule.message);
    assert!(rule.remedy.starts_with("In line 9 of /etc/fstab write UUID=0a1b"), "{}", rule.remedy);
}

#[test]
fn the_file_of_a_loop_mount_has_to_be_there() {
    let with = |absent, type_id, options| {
        result(A2020, "LNX-04", move |f, r| {
            line("/srv/none.img", "/data", type_id, None, options)(f, r);
            fstab(f).entries.last_mut().unwrap().absent = absent;
        })
    };
    let rule = with(true, "auto", &["loop"]);
    assert!(rule.result == Fail && rule.message.contains("the file is not there"), "{}", rule.message);
    assert_eq!(with(true, "iso9660", &[]).result, Fail);
    assert_eq!(with(false, "ext4", &["loop"]).result, Pass);
    assert_eq!(with(true, "ext4", &["loop", "nofail"]).result, Pass);
    for (type_id, options) in [("swap", &[][..]), ("none", &["bind"]), ("fuse.mergerfs", &[])] {
        assert_eq!(with(true, type_id, options).result, Pass, "{type_id} is not judged");
    }
}

#[test]
fn the_remedy_changes_the_field_that_is_wrong() {
    let remedy = |source, type_id| {
        let rule = result(A2020, "LNX-04", line(source, "/data", type_id, Some("p1"), &[]));
        assert!(rule.result == Warn && rule.message.contains("and ext4 on p1"), "{}", rule.message);
        rule.remedy
    };
    assert_eq!(remedy("/dev/vda1", "xfs"), "In line 9 of /etc/fstab write ext4 for the type.");
    assert_eq!(
        remedy("/dev/sda1", "ext5"),
        "In line 9 of /etc/fstab write UUID=0a1b for the source and ext4 for the type."
    );
    assert!(remedy("/dev/sda1", "swap").contains("name a swap partition"));
}

/// The root that is mounted is mounted anew; only what is waited for has to be there.
#[test]
fn the_line_of_the_root_is_judged_by_what_it_stops() {
    let root = |source: &'static str| {
        result(A2020, "LNX-04", move |f, _| {
            (fstab(f).entries[0].source, fstab(f).entries[0].volume) = (source.into(), None);
        })
    };
    for (source, wanted) in [
        ("/dev/root", Pass),
        ("/dev/vda77", Warn),
        ("/dev/mapper/other-root", Warn),
        ("UUID=dead", Fail),
        ("LABEL=Root", Fail),
    ] {
        let rule = root(source);
        assert_eq!(rule.result, wanted, "{source}: {}", rule.message);
        let remedy = rule.remedy.starts_with("In line 2 of /etc/fstab write UUID=0a1b");
        assert!(wanted == Pass || remedy, "{source}: {}", rule.remedy);
    }
    assert_eq!(outcome(A2020, "LNX-04", line("/dev/root", "/data", "ext4", None, &[])), Fail);
}

#[test]
fn each_line_that_is_wrong_is_mended_from_the_last_on() {
    let rule = result(A2020, "LNX-04", |f, r| {
        line("UUID=dead", "/data", "ext4", None, &[])(f, r);
        line("UUID=beef", "/srv", "ext4", None, &[])(f, r);
        fstab(f).entries[1].line = 4;
    });
    let (last, first) = rule.remedy.split_once(" Remove line 4 of").unwrap();
    assert!(last.starts_with("Remove line 9 of /etc/fstab") && first.contains("nofail"), "{}", rule.remedy);
}

#[test]
fn the_line_that_is_missing_is_told() {
    let rule = result(A2020, "LNX-04", |f, _| fstab(f).entries.clear());
    assert!(rule.remedy.contains("`UUID=0a1b / ext4 defaults 0 1`"), "{}", rule.remedy);
    assert!(!rule.remedy.contains("FreeBSD"), "{}", rule.remedy);
}

#[test]
fn a_missing_file_or_root_line_warns_except_on_coreos() {
    let absent = |f: &mut Facts, _: &mut Request| fstab(f).present = false;
    assert_eq!(outcome(A2020, "LNX-04", absent), Warn);
    assert_eq!(outcome(A2020, "LNX-04", |f, _| fstab(f).entries.clear()), Warn);
    assert!(result(A2020, "LNX-04", absent).message.starts_with("there is no /etc/fstab;"));
    let folder = result(A2020, "LNX-04", |f, r| {
        absent(f, r);
        fstab(f).instead = Some("a folder".into());
    });
    assert!(folder.result == Warn && folder.message.starts_with("/etc/fstab is no file but a folder;"), "{folder:?}");
    let coreos = outcome(A2020, "LNX-04", |f, r| {
        absent(f, r);
        guest(f).release = Some(Fact::Known(release("coreos", "1000.0.0", &[])));
    });
    assert_eq!(coreos, Pass);
}

#[test]
fn a_name_that_may_be_on_an_unread_volume_is_unknown() {
    for unread in [volume(2, "crypto_LUKS", VolumeClass::Encrypted), unread_member(2, "LVM2_member")] {
        let found = outcome(A2020, "LNX-04", |f, r| {
            line("/dev/mapper/data", "/data", "ext4", None, &[])(f, r);
            f.volumes.push(unread);
        });
        assert_eq!(found, Unknown);
    }
    assert_eq!(outcome(A2020, "LNX-04", |f, _| linux(f).fstab = Some(trouble(TroubleKind::Limit))), Unknown);
    assert_eq!(outcome(A2020, "LNX-04", |f, _| linux(f).fstab = Some(trouble(TroubleKind::Corrupt))), Fail);
}
