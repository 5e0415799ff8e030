//! Device specifications, as fstab and kernel command lines write them, to volumes of this disk.

use super::escape::Escape;
use crate::inspect::facts::{Partition, PartitionTable, Volume};

/// The disk's volumes and partitions, by which device names are resolved.
#[derive(Clone, Copy)]
pub struct Devices<'a> {
    /// Every volume of the disk.
    pub volumes: &'a [Volume],
    /// The partitions; empty where there is no table.
    pub partitions: &'a [Partition],
}

/// What the kernel calls disks, without the letter that counts them.
const LETTERED: &[&str] = &["sd", "vd", "hd", "xvd"];
/// What the kernel calls first disks whose partitions come after a `p`.
const NUMBERED: &[&str] = &["nvme0n1", "mmcblk0", "nbd0", "loop0"];

/// What FreeBSD calls first disks: on virtio, SATA, SCSI, NVMe (vtblk(4), ada(4), da(4), nda(4), nvd(4)).
const FREEBSD: &[&str] = &["vtbd0", "ada0", "da0", "nda0", "nvd0"];

/// udev writes what it does not allow in a name as `\x20`.
const UDEV: Escape = Escape { mark: "\\x", digits: 2, radix: 16 };

impl<'a> Devices<'a> {
    /// Of a disk with these volumes and this table.
    pub fn new(volumes: &'a [Volume], table: Option<&'a PartitionTable>) -> Self {
        Self { volumes, partitions: table.map(|t| t.partitions.as_slice()).unwrap_or_default() }
    }

    /// The volume of this disk that `spec` names, in the spelling of blkid and of udev's links, which mount(8), systemd and
    /// initramfs-tools compare as text: small letters but for FAT and NTFS. `UUID=`, `LABEL=`, `PARTUUID=`, `PARTLABEL=`, `/dev/disk/by-*`,
    /// `/dev/mapper/vg-lv`, `/dev/vg/lv`, or a partition of the first disk (`/dev/sda1`, `/dev/vda1`, ...).
    ///
    /// `by-id` and `by-path` say by their `-part` suffix only which partition of some disk they mean: they are taken
    /// for this one's, as there is no other.
    pub fn resolve(&self, spec: &str) -> Option<&'a Volume> {
        self.find(spec, |own, asked| own == asked)
    }

    /// The same, in whatever case an identifier is written, as BusyBox and, for partitions, Linux itself compare them.
    pub fn resolve_in_any_case(&self, spec: &str) -> Option<&'a Volume> {
        self.find(spec, str::eq_ignore_ascii_case)
    }

    /// The volume of this disk that `spec` names, whichever disk of several this is: by a name that [`is_written`] on it.
    pub fn resolve_on_any_disk(&self, spec: &str) -> Option<&'a Volume> {
        self.resolve(spec).filter(|_| is_written(spec))
    }

    /// The same, in whatever case an identifier is written.
    pub fn resolve_on_any_disk_in_any_case(&self, spec: &str) -> Option<&'a Volume> {
        self.resolve_in_any_case(spec).filter(|_| is_written(spec))
    }

    fn find(&self, spec: &str, same: fn(&str, &str) -> bool) -> Option<&'a Volume> {
        let same = |own: &str, asked: &str| !asked.is_empty() && same(own, asked);
        let spec = spec.trim();
        if let Some((tag, value)) = spec.split_once('=') {
            let value = value.trim_matches(['"', '\'']);
            return match tag {
                "UUID" => self.volumes.iter().find(|v| same(&v.uuid, value)),
                "LABEL" => self.by_label(value),
                "PARTUUID" => self.by_partition(|p| same(&p.uuid, value)),
                "PARTLABEL" => self.by_partition(|p| p.name == value && !value.is_empty()),
                _ => None,
            };
        }
        let path = spec.strip_prefix("/dev/")?;
        if let Some((by, name)) = path.strip_prefix("disk/by-").and_then(|rest| rest.split_once('/')) {
            let name = UDEV.undo(name);
            return match by {
                "uuid" => self.volumes.iter().find(|v| same(&v.uuid, &name)),
                "label" => self.by_label(&name),
                "partuuid" => self.by_partition(|p| same(&p.uuid, &name)),
                "partlabel" => self.by_partition(|p| p.name == name),
                "id" | "path" => match name.strip_prefix("dm-name-").or_else(|| name.strip_prefix("md-name-")) {
                    Some(mapped) => self.by_mapper_name(mapped),
                    None => self.by_number(name.rsplit_once("-part")?.1.parse().ok()?),
                },
                _ => None,
            };
        }
        if let Some(mapped) = path.strip_prefix("mapper/") {
            return self.by_mapper_name(mapped);
        }
        if path.contains('/') {
            return self.by_name(path).or_else(|| self.by_geom(path, same));
        }
        // Arrays are called as they are: `md0`.
        self.first_disk(path).or_else(|| self.by_name(path).filter(|_| path.starts_with("md")))
    }

    fn by_mapper_name(&self, mapped: &str) -> Option<&'a Volume> {
        self.volumes.iter().find(|v| v.name.split_once('/').is_some_and(|(vg, lv)| mapper_name(vg, lv) == mapped))
    }

    /// The volume with a filesystem UUID, in whatever case it is written: so GRUB compares them.
    pub fn by_uuid(&self, uuid: &str) -> Option<&'a Volume> {
        self.volumes.iter().find(|v| !uuid.is_empty() && v.uuid.eq_ignore_ascii_case(uuid))
    }

    /// The volume with a filesystem label.
    pub fn by_label(&self, label: &str) -> Option<&'a Volume> {
        self.volumes.iter().find(|v| !label.is_empty() && v.label == label)
    }

    /// The volume that is partition `number`.
    pub fn by_number(&self, number: u32) -> Option<&'a Volume> {
        self.volumes.iter().find(|v| v.partition == Some(number))
    }

    /// The volume of that name in the facts: `p1`, `vg0/root`, `disk`.
    pub fn by_name(&self, name: &str) -> Option<&'a Volume> {
        self.volumes.iter().find(|v| v.name == name)
    }

    /// The partition that the volume of that name is.
    pub fn partition_of(&self, volume: &str) -> Option<&'a Partition> {
        let number = self.by_name(volume)?.partition?;
        self.partitions.iter().find(|partition| partition.number == number)
    }

    fn by_partition(&self, wanted: impl Fn(&Partition) -> bool) -> Option<&'a Volume> {
        let partition = self.partitions.iter().find(|p| wanted(p))?;
        self.by_number(partition.number)
    }

    fn first_disk(&self, name: &str) -> Option<&'a Volume> {
        if let Some(part) = FREEBSD.iter().find_map(|disk| name.strip_prefix(disk)) {
            return self.of_freebsd(part);
        }
        let part = LETTERED
            .iter()
            .find_map(|kind| name.strip_prefix(kind)?.strip_prefix('a'))
            .or_else(|| NUMBERED.iter().find_map(|disk| name.strip_prefix(disk)))?;
        if part.is_empty() {
            return self.by_name("disk");
        }
        self.by_number(part.strip_prefix('p').unwrap_or(part).parse().ok()?)
    }
}

impl<'a> Devices<'a> {
    /// What FreeBSD's glabel(8) names: `gpt/NAME`, `gptid/UUID`, `ufs/LABEL`, `ufsid/ID`, `msdosfs/LABEL`, and
    /// `diskid/DISK-SERIALp2`, which is taken for this disk as Linux' `by-id` is.
    fn by_geom(&self, path: &str, same: impl Fn(&str, &str) -> bool) -> Option<&'a Volume> {
        let (by, name) = path.split_once('/')?;
        match by {
            "gpt" => self.by_partition(|p| p.name == name && !name.is_empty()),
            "gptid" => self.by_partition(|p| same(&p.uuid, name)),
            "ufs" | "msdosfs" => self.by_label(name),
            "ufsid" => self.volumes.iter().find(|v| same(&v.uuid, name)),
            "diskid" => self.of_freebsd(name.get(name.rfind(['p', 's'])?..)?),
            _ => None,
        }
    }

    /// What comes after a disk's name: `p2` of a GPT, `s1a` of a disklabel in a slice, `a` of one on the whole disk.
    fn of_freebsd(&self, part: &str) -> Option<&'a Volume> {
        if let Some(number) = part.strip_prefix('p') {
            return self.by_number(number.parse().ok()?);
        }
        let Some(slice) = part.strip_prefix('s') else {
            return self.by_name(&if part.is_empty() { "disk".to_owned() } else { format!("disk/{part}") });
        };
        let digits = slice.trim_end_matches(|c: char| c.is_ascii_lowercase());
        match slice.strip_prefix(digits).unwrap_or_default() {
            "" => self.by_number(digits.parse().ok()?),
            letter => self.by_name(&format!("p{digits}/{letter}")),
        }
    }
}

/// Whether a name is one that is written on the disk itself: UUID, label, a partition's or a logical volume's name. Others
/// count the disks of the machine, or are made of a disk's slot or serial number.
pub fn is_written(spec: &str) -> bool {
    let spec = spec.trim();
    let Some(path) = spec.strip_prefix("/dev/") else {
        return spec.split_once('=').is_some_and(|(tag, _)| ["UUID", "LABEL", "PARTUUID", "PARTLABEL"].contains(&tag));
    };
    let path = path.strip_prefix("disk/").unwrap_or(path);
    match path.split_once('/') {
        Some(("by-id" | "by-path", name)) => name.starts_with("dm-name-") || name.starts_with("md-name-"),
        Some((by, _)) => by != "diskid",
        // Arrays are called as they are.
        None => path.starts_with("md"),
    }
}

/// The device-mapper name of a logical volume: hyphens in either part are doubled (`lvm(8)`).
pub fn mapper_name(vg: &str, lv: &str) -> String {
    format!("{}-{}", vg.replace('-', "--"), lv.replace('-', "--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (Vec<Volume>, Vec<Partition>) {
        let volume = |name: &str, partition, uuid: &str, label: &str| Volume {
            name: name.into(),
            partition,
            uuid: uuid.into(),
            label: label.into(),
            ..Volume::default()
        };
        let partition = |number, uuid: &str, name: &str| Partition {
            number,
            uuid: uuid.into(),
            name: name.into(),
            ..Partition::default()
        };
        (
            vec![
                volume("p1", Some(1), "0a1b", "boot disk"),
                volume("p2", Some(2), "1c2d", "root"),
                volume("my-vg/root", None, "3e4f", ""),
                volume("md0", None, "5a6b", ""),
                volume("p2/a", None, "7c8d", ""),
                volume("esp", None, "AB12-34CD", ""),
            ],
            vec![partition(1, "c0ffee-01", "system boot"), partition(2, "c0ffee-02", "")],
        )
    }

    #[test]
    fn every_way_to_name_a_volume_is_understood() {
        let (volumes, partitions) = disk();
        let devices = Devices { volumes: &volumes, partitions: &partitions };
        for (spec, volume) in [
            ("UUID=0a1b", "p1"),
            ("UUID=AB12-34CD", "esp"),
            ("UUID=\"1c2d\"", "p2"),
            ("LABEL=root", "p2"),
            ("LABEL=\"boot disk\"", "p1"),
            ("PARTUUID=c0ffee-01", "p1"),
            ("PARTLABEL='system boot'", "p1"),
            ("/dev/disk/by-uuid/3e4f", "my-vg/root"),
            ("/dev/disk/by-label/boot\\x20disk", "p1"),
            ("/dev/disk/by-partuuid/c0ffee-02", "p2"),
            ("/dev/disk/by-partlabel/system\\x20boot", "p1"),
            ("/dev/disk/by-path/pci-0000:00:05.0-part2", "p2"),
            ("/dev/mapper/my--vg-root", "my-vg/root"),
            ("/dev/my-vg/root", "my-vg/root"),
            ("/dev/disk/by-id/dm-name-my--vg-root", "my-vg/root"),
            ("/dev/md0", "md0"),
            ("/dev/sda1", "p1"),
            ("/dev/vda2", "p2"),
            ("/dev/nvme0n1p2", "p2"),
            // FreeBSD's.
            ("/dev/gpt/system boot", "p1"),
            ("/dev/gptid/c0ffee-02", "p2"),
            ("/dev/ufs/root", "p2"),
            ("/dev/ufsid/0a1b", "p1"),
            ("/dev/vtbd0p2", "p2"),
            ("/dev/ada0s1", "p1"),
            ("/dev/da0s2a", "p2/a"),
            ("/dev/diskid/DISK-QM00001p2", "p2"),
        ] {
            assert_eq!(devices.resolve(spec).map(|v| v.name.as_str()), Some(volume), "{spec}");
        }
    }

    #[test]
    fn on_another_disk_a_volume_is_known_by_what_is_written_on_it() {
        let (volumes, partitions) = disk();
        let devices = Devices { volumes: &volumes, partitions: &partitions };
        for (spec, volume) in [
            ("UUID=0a1b", Some("p1")),
            ("LABEL=root", Some("p2")),
            ("PARTUUID=c0ffee-01", Some("p1")),
            ("PARTLABEL=system boot", Some("p1")),
            ("/dev/disk/by-uuid/3e4f", Some("my-vg/root")),
            ("/dev/disk/by-partlabel/system\\x20boot", Some("p1")),
            ("/dev/disk/by-id/dm-name-my--vg-root", Some("my-vg/root")),
            ("/dev/mapper/my--vg-root", Some("my-vg/root")),
            ("/dev/my-vg/root", Some("my-vg/root")),
            ("/dev/md0", Some("md0")),
            ("/dev/gptid/c0ffee-02", Some("p2")),
            ("/dev/disk/by-path/pci-0000:00:05.0-part2", None),
            ("/dev/disk/by-id/ata-X-part1", None),
            ("/dev/diskid/DISK-QM00001p2", None),
            ("/dev/sda1", None),
            ("/dev/vda2", None),
            ("/dev/nvme0n1p2", None),
            ("/dev/vtbd0p2", None),
            ("ID=x", None),
        ] {
            assert_eq!(devices.resolve_on_any_disk(spec).map(|v| v.name.as_str()), volume, "{spec}");
            assert_eq!(is_written(spec), volume.is_some(), "{spec}");
        }
        assert!(devices.resolve_on_any_disk("UUID=0A1B").is_none());
        assert!(devices.resolve_on_any_disk_in_any_case("UUID=0A1B").is_some());
    }

    /// `blkid -l -t UUID=0A1B`, and udev's links.
    #[test]
    fn an_identifier_in_another_case_is_another_name() {
        let (volumes, partitions) = disk();
        let devices = Devices { volumes: &volumes, partitions: &partitions };
        for (spec, volume) in [
            ("UUID=0A1B", "p1"),
            ("UUID=ab12-34cd", "esp"),
            ("PARTUUID=C0FFEE-02", "p2"),
            ("/dev/disk/by-uuid/3E4F", "my-vg/root"),
            ("/dev/disk/by-partuuid/C0FFEE-01", "p1"),
        ] {
            assert!(devices.resolve(spec).is_none(), "{spec}");
            assert_eq!(devices.resolve_in_any_case(spec).map(|v| v.name.as_str()), Some(volume), "{spec}");
        }
        assert!(devices.resolve_in_any_case("LABEL=ROOT").is_none());
        assert_eq!(devices.by_uuid("0A1B").map(|v| v.name.as_str()), Some("p1"), "GRUB's search");
    }

    #[test]
    fn what_is_not_on_this_disk_stays_unresolved() {
        let (volumes, partitions) = disk();
        let devices = Devices { volumes: &volumes, partitions: &partitions };
        for spec in [
            "UUID=ffff",
            "UUID=",
            "LABEL=",
            "PARTLABEL=",
            "/dev/sdb1",
            "/dev/sda3",
            "/dev/vda",
            "nfs:/export",
            "tmpfs",
            "/dev/mapper/other-root",
            "/dev/disk/by-label/boot\\xZZdisk",
            "/swapfile",
            "/dev/gpt/other",
            "/dev/ufs/",
            "/dev/ada1p2",
            "/dev/vtbd0s2b",
            "/dev/da0px",
            "/dev/diskid/DISK-1",
            "/dev/",
            "",
        ] {
            assert!(devices.resolve(spec).is_none(), "{spec}");
        }
    }
}
