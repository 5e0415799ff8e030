//! What a system mounts from data disks: LNX-04, LNX-03, and the rules on its files.

use crate::inspect::Facts;
use crate::inspect::facts::{Guest, Trouble, TroubleKind, Volume, VolumeClass};
use crate::report::Outcome::{self, Fail, Pass, Unknown, Warn};
use crate::report::RuleResult;
use crate::rules::DataDisk;
use crate::rules::fixture::{
    A2020, boot, data_disk, ext4, fstab, mount, outcome, result_with, trouble, unread_member, volume,
};

/// LNX-04 of a system with that line and a data disk.
fn line(source: &str, type_id: &str, change: impl FnOnce(&mut DataDisk)) -> RuleResult {
    let mut disk = data_disk("data1");
    change(&mut disk);
    result_with(A2020, "LNX-04", &[disk], |f, _| fstab(f).entries.push(mount(source, "/data", type_id, None)))
}

#[test]
fn a_source_is_looked_for_on_the_data_disks_by_what_is_written_on_them() {
    let logical = |disk: &mut DataDisk| {
        let features = disk.facts.volumes[0].ext.clone().unwrap();
        disk.facts.volumes.push(Volume { name: "my-vg/lv".into(), partition: None, ..ext4(2, features) });
    };
    let rows: &[(&str, &str, Outcome, &str)] = &[
        ("UUID=da7a", "ext4", Pass, "in the image and its data disks"),
        ("LABEL=files", "ext4", Pass, ""),
        ("PARTUUID=da7a-01", "auto", Pass, ""),
        ("PARTLABEL=data", "ext4", Pass, ""),
        ("/dev/disk/by-uuid/da7a", "ext4", Pass, ""),
        ("/dev/disk/by-partlabel/data", "ext4", Pass, ""),
        ("/dev/mapper/my--vg-lv", "ext4", Pass, ""),
        ("/dev/my-vg/lv", "ext4", Pass, ""),
        ("UUID=da7a", "xfs", Warn, "the type is \"xfs\" here and ext4 on p1 of data disk `data1`"),
        ("UUID=da7a", "swap", Warn, "the type is \"swap\" here"),
        ("UUID=dead", "ext4", Fail, "in no partition or volume of the image and its data disks"),
        ("/dev/mapper/other-lv", "ext4", Fail, "in no partition or volume"),
        // Which disk these are is not known.
        ("/dev/vdb1", "ext4", Warn, "by its place among them"),
        ("/dev/vdc1", "ext4", Fail, "names a disk by its place"),
        ("/dev/sdb1", "ext4", Fail, "names a disk by its place"),
        ("/dev/vda7", "ext4", Fail, "names a disk by its place"),
        ("/dev/disk/by-id/virtio-d-part1", "ext4", Fail, "named by the hardware of another disk"),
        ("/dev/disk/by-path/pci-0-part1", "ext4", Fail, "named by the hardware of another disk"),
        ("/dev/vdb1", "swap", Warn, "the swap is in no partition"),
    ];
    for (source, type_id, wanted, says) in rows {
        let rule = line(source, type_id, logical);
        assert_eq!(rule.result, *wanted, "{source} {type_id}: {}", rule.message);
        assert!(rule.message.contains(says), "{source}: {}", rule.message);
    }
    let remedy = line("UUID=da7a", "xfs", |_| {}).remedy;
    assert_eq!(remedy, "In line 2 of /etc/fstab write ext4 for the type.");
}

#[test]
fn a_source_that_may_be_on_a_data_disk_is_unknown() {
    type Row = (&'static str, fn(&mut DataDisk));
    let rows: &[Row] = &[
        ("nothing of it was read", |d| d.facts = Facts::default()),
        ("its table is damaged", |d| d.facts.table = Some(trouble(TroubleKind::Corrupt))),
        ("its volumes were not looked for", |d| {
            d.facts.volumes.clear();
            d.facts.guest = Some(Guest { trouble: Some(Trouble::default()), ..Guest::default() });
        }),
        ("an encrypted volume", |d| d.facts.volumes.push(volume(2, "crypto_LUKS", VolumeClass::Encrypted))),
        ("a member that is not read", |d| d.facts.volumes.push(unread_member(2, "LVM2_member"))),
        ("lists that were cut", |d| d.facts.truncated = vec!["partitions.uuid".into()]),
    ];
    for (what, change) in rows {
        for source in ["UUID=dead", "LABEL=x", "PARTUUID=x", "/dev/mapper/vg-lv"] {
            let rule = line(source, "ext4", change);
            assert_eq!(rule.result, Unknown, "{what}, {source}: {}", rule.message);
            assert!(rule.message.contains("data disk `data1`"), "{}", rule.message);
        }
        assert_eq!(line("/dev/sdb1", "ext4", change).result, Fail, "{what}: it is not looked for there");
        assert_eq!(line("/dev/disk/by-id/x-part1", "ext4", change).result, Fail, "{what}");
    }
    let spelled = line("UUID=DA7A", "ext4", |_| {});
    assert!(spelled.result == Unknown && spelled.message.contains("capitals"), "{}", spelled.message);
    let cut = line("UUID=da7a", "ext4", |d| d.facts.truncated = vec!["volumes".into()]);
    assert_eq!(cut.result, Pass, "found is found");
}

#[test]
fn a_line_that_is_wrong_for_certain_fails_beside_one_that_is_open() {
    let mut disk = data_disk("data1");
    disk.facts.volumes.push(volume(2, "crypto_LUKS", VolumeClass::Encrypted));
    let rule = result_with(A2020, "LNX-04", &[disk], |f, _| {
        fstab(f).entries.push(mount("/dev/mapper/secret", "/secret", "ext4", None));
        fstab(f).entries.push(mount("/dev/sdb1", "/data", "ext4", None));
    });
    assert!(rule.result == Fail && !rule.message.contains("secret"), "{}", rule.message);
}

/// What lies on a data disk is not there when the system's own files are read.
#[test]
fn a_system_of_which_a_part_is_on_a_data_disk_is_unknown() {
    let with = |id: &str, source: &'static str, target: &'static str, options: &'static [&'static str]| {
        result_with(A2020, id, &[data_disk("data1")], |f, _| {
            let mut entry = mount(source, target, "ext4", None);
            entry.options = options.iter().map(|o| (*o).to_owned()).collect();
            fstab(f).entries.push(entry);
        })
    };
    for id in ["DRV-01", "SVC-01", "SVC-05", "LNX-01", "LNX-03"] {
        for target in ["/usr", "/var", "/boot/"] {
            let rule = with(id, "UUID=da7a", target, &[]);
            assert_eq!(rule.result, Unknown, "{id} {target}: {}", rule.message);
            assert!(rule.message.contains("of the system is on p1 of data disk `data1`"), "{}", rule.message);
        }
        assert_eq!(with(id, "UUID=da7a", "/var/lib/mysql", &[]).result, Pass, "{id}");
        assert_eq!(with(id, "UUID=da7a", "/usr", &["noauto"]).result, Pass, "{id}");
    }
    let mut unread = data_disk("data1");
    unread.facts = Facts::default();
    let rule = result_with(A2020, "SVC-05", &[unread], |f, _| {
        fstab(f).entries.push(mount("UUID=dead", "/usr", "ext4", None));
    });
    assert!(rule.result == Unknown && rule.message.contains("/usr of the system may be on"), "{}", rule.message);
    assert_eq!(with("LNX-04", "UUID=da7a", "/usr", &[]).result, Pass);
    assert_eq!(outcome(A2020, "DRV-01", |f, _| fstab(f).entries.push(mount("UUID=da7a", "/usr", "ext4", None))), Pass);
}

#[test]
fn a_root_that_may_be_on_a_data_disk_is_unknown() {
    let root = |asked: &'static str| {
        result_with(A2020, "LNX-03", &[data_disk("data1")], |f, _| {
            (boot(f).root_name, boot(f).root) = (Some(asked.into()), None);
        })
    };
    let rule = root("UUID=da7a");
    assert!(rule.result == Unknown && rule.message.contains("p1 of data disk `data1`"), "{}", rule.message);
    assert_eq!(root("UUID=dead").result, Fail);
    assert_eq!(root("/dev/sdb1").result, Fail);
}
