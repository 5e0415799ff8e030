//! What dracut's scripts in an initial ramdisk do before they mount the root, of the words and files that say so.

use super::device::Devices;
use super::{PATH_MAX, cut};
use crate::inspect::facts::Dracut;

/// Most words and devices that go into the facts.
pub const MAX_WORDS: usize = 16;
pub const MAX_AWAITED: usize = 64;
const MAX_NOWHERE: usize = 4;
/// udev's rules that start logical volumes without a daemon of their own; dracut's (64-lvm.rules) is another one.
pub const EVERY_VOLUME: &[&str] = &["69-dm-lvm.rules", "69-lvm.rules"];

/// Words on logical volumes (modules.d/90lvm: parse-lvm.sh, lvm_scan.sh). Those with underscores are of dracut 004, and
/// later ones took them, too, for long.
const WORDS: &[&str] = &["rd.lvm", "rd.lvm.lv", "rd.lvm.vg", "rd_LVM_LV", "rd_LVM_VG", "rd_NO_LVM"];
/// The start of a script by whose name one of them waits for a device (`wait_for_dev`).
const WAITS: &str = "lib/dracut/hooks/initqueue/finished/devexists-";

/// The words of a command line that are on logical volumes.
pub fn on_volumes(line: &str) -> impl Iterator<Item = String> {
    let words = line.split_whitespace().map(|word| word.replace('"', ""));
    words.filter(|word| WORDS.contains(&word.split('=').next().unwrap_or_default())).map(|word| cut(&word, PATH_MAX))
}

/// The device that a member of this name waits for: `/` is written as `\x2f` in it.
pub fn awaited(member: &str) -> Option<String> {
    let (before, name) = member.split_once(WAITS)?;
    let name = name.strip_suffix(".sh")?;
    matches!(before, "" | "usr/" | "var/").then(|| cut(&name.replace("\\x2f", "/"), PATH_MAX))
}

/// What they do once they have read the kernel's command line, given what they were built with: devices that are on this
/// disk are there, but for those whose names count other disks than virtio's.
pub fn on(line: &str, devices: &Devices, built: Dracut) -> Dracut {
    let mut words: Vec<String> = built.words.into_iter().chain(on_volumes(line)).collect();
    // One that is left out may be the one that counts.
    if words.len() > MAX_WORDS {
        words.clear();
    }
    let other = |name: &str| ["/dev/sd", "/dev/hd"].iter().any(|start| name.starts_with(start));
    let nowhere = built.awaits.into_iter().filter(|name| other(name) || devices.resolve(name).is_none());
    Dracut { words, awaits: nowhere.take(MAX_NOWHERE).collect(), ..built }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::facts::Volume;

    #[test]
    fn scripts_that_wait_are_known_by_their_names() {
        for (member, device) in [
            (
                r"usr/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2fdisk\x2fby-uuid\x2f9a.sh",
                Some("/dev/disk/by-uuid/9a"),
            ),
            (r"var/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2fvg\x2fswap.sh", Some("/dev/vg/swap")),
            (
                r"lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2fdisk\x2fby-label\x2fa\x20b.sh",
                Some(r"/dev/disk/by-label/a\x20b"),
            ),
            (r"lib/dracut/hooks/initqueue/finished/wait-network.sh", None),
            (r"lib/dracut/hooks/emergency/80-\x2fdev\x2fvda1.sh", None),
            (r"x/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2fvda1.sh", None),
        ] {
            assert_eq!(awaited(member).as_deref(), device, "{member}");
        }
    }

    #[test]
    fn words_on_volumes_count_and_devices_that_are_nowhere() {
        let volumes = [Volume { name: "vg/root".into(), uuid: "0a1b".into(), ..Volume::default() }];
        let devices = Devices::new(&volumes, None);
        let built = || Dracut {
            words: vec!["rd.lvm.lv=vg/a".into()],
            awaits: ["/dev/disk/by-uuid/0a1b", "/dev/mapper/vg-root", "/dev/vg/swap", "/dev/sda"]
                .map(str::to_owned)
                .to_vec(),
            ..Dracut::default()
        };
        let found = on("ro rd.lvm.lv=\"vg/root\" xrd.lvm=0 rd.lvm.conf=0 rd_NO_LVM", &devices, built());
        assert_eq!(found.words, ["rd.lvm.lv=vg/a", "rd.lvm.lv=vg/root", "rd_NO_LVM"]);
        assert_eq!(found.awaits, ["/dev/vg/swap", "/dev/sda"]);
        assert!(on(&"rd.lvm=1 ".repeat(16), &devices, built()).words.is_empty());
    }
}
