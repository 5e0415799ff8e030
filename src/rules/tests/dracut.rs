//! LNX-03: what dracut's scripts need.

use crate::inspect::Facts;
use crate::inspect::facts::{Dracut, DriverState, Fact, Initramfs, VolumeClass};
use crate::report::Outcome::{self, Fail, Pass, Unknown, Warn};
use crate::report::RuleResult;
use crate::rules::fixture::{
    A2018_06, A2020, boot, data_disk, driver, guest, linux, result, result_with, unread_member, volume,
};

/// The root on a logical volume `rhel-srv/root`, which an initramfs of dracut starts that reads these words.
fn mapped(facts: &mut Facts, words: &[&str]) {
    facts.volumes[0].name = "rhel-srv/root".into();
    facts.volumes.push(volume(3, "swap", VolumeClass::Swap));
    facts.volumes[1].name = "rhel-srv/swap".into();
    guest(facts).root = Some("rhel-srv/root".into());
    boot(facts).root = Some("rhel-srv/root".into());
    boot(facts).command_line = words.join(" ");
    built(facts, words, &[]);
}

fn built(facts: &mut Facts, words: &[&str], awaits: &[&str]) {
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    boot(facts).dracut = Some(Dracut { words: own(words), awaits: own(awaits), ..Dracut::default() });
    linux(facts).kernels[0].initramfs =
        Some(Fact::Known(Initramfs { tool: "dracut".into(), lvm: true, ..Initramfs::default() }));
}

fn by_words(words: &[&str], change: impl Fn(&mut Facts)) -> RuleResult {
    result(A2020, "LNX-03", |f, _| (mapped(f, words), change(f)).1)
}

#[test]
fn dracut_starts_the_logical_volumes_that_its_words_name() {
    let rows: &[(&[&str], Outcome)] = &[
        (&[], Pass),
        (&["rd.lvm.lv=rhel-srv/root", "rd.lvm.lv=rhel-srv/swap"], Pass),
        (&["rd.lvm.lv=rhel-srv"], Pass),
        (&["rd.lvm.vg=rhel-srv"], Pass),
        (&["rd.lvm.lv=rhel-srv/swap", "rd.lvm.vg=rhel-srv"], Pass),
        (&["rd.lvm.lv="], Pass),
        (&["rd.lvm"], Pass),
        (&["rd.lvm=0", "rd.lvm=1"], Pass),
        (&["rd_NO_LVM", "rd.lvm=1"], Pass),
        (&["rd.lvm.lv=centos/root"], Fail),
        (&["rd.lvm.lv=rhel-srv/swap"], Fail),
        (&["rd.lvm.vg=other"], Fail),
        (&["rd.lvm.vg=rhel-srv/root"], Fail),
        (&["rd.lvm=0"], Fail),
        (&["rd.lvm=1", "rd.lvm=off", "rd.lvm.lv=rhel-srv/root"], Fail),
        (&["rd_NO_LVM"], Fail),
        // One that is named and is nowhere is waited for.
        (&["rd.lvm.lv=rhel-srv/root", "rd.lvm.lv=centos/swap"], Fail),
        (&["rd.lvm.lv=@tag"], Unknown),
        (&["rd.lvm.lv=/dev/rhel-srv/root"], Unknown),
        // Some versions take it, some do not.
        (&["rd_LVM_LV=centos/root"], Unknown),
    ];
    for (words, wanted) in rows {
        let rule = by_words(words, |_| {});
        assert_eq!(rule.result, *wanted, "{words:?}: {}", rule.message);
    }
    let rule = by_words(&["rd.lvm.lv=centos/root"], |_| {});
    let told =
        "its root is the logical volume rhel-srv/root, and by \"rd.lvm.lv=centos/root\" dracut does not start it";
    assert!(rule.message.contains(told), "{}", rule.message);
    assert!(rule.remedy.starts_with("Write rd.lvm.lv=rhel-srv/root in the place of"), "{}", rule.remedy);
}

#[test]
fn dracut_of_old_has_other_words() {
    let old = |words: &[&str]| by_words(words, |f| boot(f).dracut.as_mut().unwrap().old = true).result;
    assert_eq!(old(&["rd_LVM_LV=VolGroup/lv_root"]), Fail);
    assert_eq!(old(&["rd_LVM_VG=rhel-srv", "rd_LVM_LV=rhel-srv/swap"]), Pass);
    assert_eq!(old(&["rd_LVM_LV=rhel-srv/root", "rd_LVM_LV=rhel-srv/gone"]), Pass);
    assert_eq!(old(&["rd.lvm.lv=centos/root"]), Pass);
    let every = by_words(&["rd.lvm=0"], |f| boot(f).dracut.as_mut().unwrap().every_volume = true);
    assert_eq!(every.result, Pass);
}

#[test]
fn without_lvm_inside_no_script_reads_the_words() {
    let plain = result(A2020, "LNX-03", |f, _| {
        built(f, &["rd.lvm.lv=centos/root"], &[]);
        linux(f).kernels[0].initramfs = Some(Fact::Known(Initramfs { tool: "dracut".into(), ..Initramfs::default() }));
    });
    assert_eq!(plain.result, Pass, "{}", plain.message);
}

#[test]
fn a_device_that_is_awaited_and_is_nowhere_stops_it() {
    let waits = |name: &str, change: &dyn Fn(&mut Facts)| {
        result(A2018_06, "LNX-03", |f, _| (built(f, &[], &[name]), change(f)).1)
    };
    for (name, wanted) in [
        ("/dev/disk/by-uuid/9999", Fail),
        ("/dev/disk/by-label/gone", Fail),
        ("/dev/disk/by-partuuid/9999-01", Fail),
        ("/dev/mapper/centos-swap", Fail),
        ("/dev/centos/swap", Fail),
        ("/dev/vda9", Fail),
        ("/dev/sda1", Fail),
        // udev's link is in the other case; which dracut takes is not said here.
        ("/dev/disk/by-uuid/0A1B", Unknown),
        ("/dev/disk/by-id/dm-uuid-LVM-x", Pass),
        ("/dev/md/home", Pass),
        ("/dev/md127", Pass),
        ("/dev/nvme0n1p3", Pass),
    ] {
        let rule = waits(name, &|_| {});
        assert_eq!(rule.result, wanted, "{name}: {}", rule.message);
    }
    let gone = "/dev/disk/by-uuid/9999";
    let rule = waits(gone, &|_| {});
    assert!(
        rule.message.contains("waits for \"/dev/disk/by-uuid/9999\": which is in no partition"),
        "{}",
        rule.message
    );
    assert!(rule.remedy.contains("`dracut -f"), "{}", rule.remedy);
    assert_eq!(waits(gone, &|f| f.volumes.push(unread_member(2, "LVM2_member"))).result, Unknown);
    assert_eq!(waits(gone, &|f| f.truncated.push("volumes".into())).result, Unknown);
    let no_virtio = |f: &mut Facts| {
        (driver(f, "virtio_blk").state, driver(f, "virtio_blk").in_initramfs) = (DriverState::Absent, None);
    };
    assert_eq!(waits("/dev/sda1", &no_virtio).result, Warn);
    // A data disk of the import may hold it.
    let disks = [data_disk("files")];
    let held = result_with(A2018_06, "LNX-03", &disks, |f, _| built(f, &[], &["/dev/disk/by-uuid/da7a"]));
    assert_eq!(held.result, Unknown, "{}", held.message);
}
