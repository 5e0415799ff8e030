//! Where a boot loader's device names and paths lead in the guest.

use crate::guest::linux::System;
use crate::guest::linux::device::mapper_name;
use crate::guest::root::MountPoint;

/// What this program writes in the place of GRUB's own name of a volume: `vol:p1`.
const OWN: &str = "vol:";

/// Boot loader names to the guest's.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// The system and its disk.
    pub system: &'a System<'a>,
}

impl<'a> Places<'a> {
    /// The device that holds a path of the guest, and the path on it.
    pub fn split(self, path: &str) -> Option<(String, String)> {
        let (mount, rest) = self.mount(path)?;
        Some((own(&mount.volume), format!("{}{rest}", mount.inside)))
    }

    /// What a path of the guest lies on, and the path below it. Of two at one path the later one, as it covers
    /// the other.
    fn mount<'p>(self, path: &'p str) -> Option<(&'a MountPoint, &'p str)> {
        let inside = |at: &str| match at {
            "/" => Some(path),
            at => path.strip_prefix(at).filter(|rest| rest.starts_with('/')),
        };
        let mounts = self.system.mounts.iter().filter_map(|m| Some((m, inside(&m.at)?)));
        mounts.max_by_key(|(m, _)| m.at.len())
    }

    /// The volume that GRUB 2 calls `device`, with or without parentheses: `hd0,msdos1`, `hd0,gpt2`, `lvm/vg-lv`, and
    /// what [`split`](Self::split) gave. Another disk's is none of ours.
    pub fn volume(self, device: &str) -> Option<&'a str> {
        let device = device.trim_start_matches('(').trim_end_matches(')');
        let devices = self.system.devices;
        if let Some(name) = device.strip_prefix(OWN) {
            return devices.by_name(name).map(|v| v.name.as_str());
        }
        if let Some(mapped) = device.strip_prefix("lvm/") {
            let is = |v: &&'a crate::inspect::facts::Volume| {
                v.name.split_once('/').is_some_and(|(vg, lv)| mapper_name(vg, lv) == mapped)
            };
            return devices.volumes.iter().find(is).map(|v| v.name.as_str());
        }
        let (disk, part) = match device.split_once(',') {
            Some((disk, part)) => (disk, Some(part)),
            None => (device, None),
        };
        if !matches!(
            disk,
            "hd0" | "hostdisk//dev/sda" | "hostdisk//dev/vda" | "hostdisk//dev/xvda" | "hostdisk//dev/hda"
        ) {
            return None;
        }
        let Some(part) = part else { return devices.by_name("disk").map(|v| v.name.as_str()) };
        let number = part.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()?;
        devices.by_number(number).map(|v| v.name.as_str())
    }

    /// The volume that GRUB legacy calls `device`: partitions count from 0.
    pub fn legacy_volume(self, device: &str) -> Option<&'a str> {
        let (disk, part) = device.trim_start_matches('(').trim_end_matches(')').split_once(',')?;
        let number: u32 = part.parse().ok()?;
        if disk != "hd0" {
            return None;
        }
        self.system.devices.by_number(number.checked_add(1)?).map(|v| v.name.as_str())
    }

    /// The guest's path of a file on a volume; `None` where the guest does not mount it, or mounts another over it.
    pub fn guest(self, volume: &str, path: &str) -> Option<String> {
        let path = format!("/{}", path.trim_start_matches('/'));
        let inside = |m: &'a MountPoint| path.strip_prefix(&m.inside).filter(|rest| rest.starts_with('/'));
        let mounts = self.system.mounts.iter().filter(|m| m.volume == volume);
        // Of several subvolumes the innermost one that holds the path.
        let (mount, rest) = mounts.filter_map(|m| Some((m, inside(m)?))).max_by_key(|(m, _)| m.inside.len())?;
        let full = format!("{}{rest}", mount.at.trim_end_matches('/'));
        (self.mount(&full)?.0.at == mount.at).then_some(full)
    }

    /// The guest's path of what GRUB 2 writes as `(device)/path`, or as `/path` on the device `root`.
    pub fn file(self, spec: &str, root: &str) -> Option<String> {
        match spec.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((device, path)) => self.guest(self.volume(device)?, path),
            None => self.guest(self.volume(root)?, spec.strip_prefix('/')?),
        }
    }
}

/// A volume as a device name.
pub fn own(volume: &str) -> String {
    format!("{OWN}{volume}")
}
