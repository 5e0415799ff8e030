//! Whether the root that a boot entry names is the root filesystem, and is found under that name in the cloud.

use super::drv_01_virtio_installed::on_virtio;
use super::lnx_03_boot_entry::{Answer, Fault, bare};
use super::volumes::{in_another_case, unknown_content};
use super::{Case, Grade, Verdict, data_disks, shown};
use crate::inspect::facts::{Boot, Fact, Kernel, Linux};

/// Whether `root=` leads to the root filesystem, here and in the cloud.
pub(super) fn root(case: &Case, linux: &Linux, boot: &Boot) -> Answer {
    let Some(asked) = &boot.root_name else { return without_name(case, boot) };
    let Some(found) = &boot.root else {
        if let Some(volume) = in_another_case(case.facts, asked) {
            return spelled_otherwise(case, linux, boot, &volume.name);
        }
        let what = format!("root={}", shown(asked));
        return match perhaps(case, asked, &what) {
            Some(why) => Answer::Undecided(Box::new(Verdict::not_read(why))),
            None => Answer::Faults(vec![Fault {
                grade: Grade::Breach,
                what: format!("{what} is in no partition or volume of the image"),
                remedy: renamed(case, boot),
            }]),
        };
    };
    let system = case.facts.guest.as_ref().and_then(|guest| guest.root.as_deref());
    if system.is_some_and(|system| system != found) {
        return Answer::Faults(vec![Fault {
            grade: Grade::Breach,
            what: format!("root={} is {found}, and the system is on {}", shown(asked), system.unwrap_or_default()),
            remedy: renamed(case, boot),
        }]);
    }
    let kernel = linux.kernels.iter().find(|kernel| kernel.default);
    let mut faults = Vec::new();
    let mut fault = |grade, what: String| faults.push(Fault { grade, what, remedy: renamed(case, boot) });
    match of_disk(asked) {
        Named::Scsi if kernel.is_some_and(on_virtio) => {
            fault(Grade::Breach, format!("root={}: with its virtio driver the disk is /dev/vda", shown(asked)));
        }
        Named::Scsi => fault(Grade::Doubt, format!("root={}: on virtio the disk is /dev/vda", shown(asked))),
        Named::Machine => {
            fault(Grade::Doubt, format!("root={}: the name of the disk changes with the machine", shown(asked)));
        }
        Named::Filesystem if boot.initrd.is_empty() => return by_kernel_alone(case, boot, kernel, asked),
        Named::Filesystem | Named::Stable => {}
    }
    Answer::Faults(faults)
}

/// Where a device may be that is nowhere on what was read of this disk; `what` is how to call it.
pub(super) fn perhaps(case: &Case, name: &str, what: &str) -> Option<String> {
    let on_data_disk = data_disks::holder(case, name).map(|(disk, volume)| data_disks::on(disk, volume));
    if let Some(place) = on_data_disk.or_else(|| data_disks::may_hold(case, name)) {
        return Some(format!("{what} is looked for on the system disk, and may be on {place}"));
    }
    if elsewhere(name) {
        return Some(format!("whether {what} is there"));
    }
    unknown_content(case.facts).map(|unread| format!("{what} may be on {}, which is not read", unread.name))
}

/// A root whose identifier is in capitals where udev writes small letters, or the other way round.
fn spelled_otherwise(case: &Case, linux: &Linux, boot: &Boot, volume: &str) -> Answer {
    let asked = shown(boot.root_name.as_deref().unwrap_or_default());
    let kernel = linux.kernels.iter().find(|kernel| kernel.default);
    let initramfs = kernel.and_then(|kernel| kernel.initramfs.as_ref()).and_then(Fact::known);
    let tool = initramfs.map_or("", |initramfs| initramfs.tool.as_str());
    let what = format!("root={asked} differs from the name of {volume} by capitals and small letters");
    match tool {
        // They hand the name to blkid, and wait for a link of that very name.
        "initramfs-tools" | "mkinitcpio" => Answer::Faults(vec![Fault {
            grade: Grade::Breach,
            what: format!("{what}, and is not found"),
            remedy: renamed(case, boot),
        }]),
        _ => Answer::Undecided(Box::new(Verdict::not_read(format!(
            "{what}; whether it is found depends on the version of what made the initramfs"
        )))),
    }
}

/// No initramfs looks the root up: Linux itself knows it by its partition or by its own name for the device only
/// (block/early-lookup.c), and stops where it finds none. One that is built into the kernel would do.
fn by_kernel_alone(case: &Case, boot: &Boot, kernel: Option<&Kernel>, asked: &str) -> Answer {
    match kernel.map(|kernel| &kernel.initramfs) {
        Some(Some(Fact::Known(_))) => Answer::Faults(Vec::new()),
        Some(None) => Answer::Faults(vec![Fault {
            grade: Grade::Breach,
            what: format!(
                "root={} without an initramfs: Linux itself finds a root by PARTUUID, PARTLABEL or /dev name only",
                shown(asked)
            ),
            remedy: with_initramfs(case, boot),
        }]),
        Some(Some(Fact::Unreadable(_))) | None => Answer::Undecided(Box::new(Verdict::not_read(format!(
            "root={} takes an initramfs, the entry has none, and whether the kernel has one built in",
            shown(asked)
        )))),
    }
}

/// What an entry without initramfs takes.
fn with_initramfs(case: &Case, boot: &Boot) -> String {
    let partition = case.root().ok().and_then(|root| super::volumes::partition(case.facts, root));
    let uuid = partition.map(|partition| bare(&partition.uuid)).filter(|uuid| !uuid.is_empty());
    if boot.loader == "uki" {
        let root = uuid.map(|uuid| format!(", or with root=PARTUUID={uuid} on its command line")).unwrap_or_default();
        return format!("Make the unified kernel again with an initramfs{root}.");
    }
    let made = match case.os_id() {
        "debian" | "ubuntu" => "`update-initramfs -c -k all && update-grub`",
        _ => "`dracut --regenerate-all -f`, and name it in the entry",
    };
    match uuid {
        Some(uuid) => {
            format!("Make an initramfs: {made}; or write root=PARTUUID={uuid} in {}.", bare(&boot.entry.place))
        }
        None => format!("Make an initramfs: {made}."),
    }
}

/// Whether a root is none of a local disk, or one that this version does not resolve.
fn elsewhere(name: &str) -> bool {
    let other = [
        "/dev/nfs",
        "/dev/ram",
        "/dev/root",
        "/dev/dm-",
        "/dev/md",
        "/dev/loop",
        "nfs",
        "live:",
        "zfs",
        "ZFS=",
        "iscsi:",
        "nbd:",
        "block:",
        "tmpfs",
        "gpt-auto",
    ];
    let numbers = !name.is_empty() && name.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
    numbers
        || other.iter().any(|start| name.starts_with(start))
        || name.starts_with("PARTUUID=") && name.contains("/PART")
}

/// What a name of the root rests on.
enum Named {
    /// `/dev/sda1`, `/dev/hda1`: gone with a virtio disk.
    Scsi,
    /// Another name that counts disks, or is made of the hardware's.
    Machine,
    /// Content of a volume that only an initramfs looks up.
    Filesystem,
    /// Anything else.
    Stable,
}

fn of_disk(name: &str) -> Named {
    let starts = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    let mapped = ["dm-", "md-", "lvm-"];
    let by_hardware = ["/dev/disk/by-id/", "/dev/disk/by-path/"].iter().find_map(|start| name.strip_prefix(start));
    match () {
        () if starts(&["/dev/sd", "/dev/hd"]) => Named::Scsi,
        () if starts(&["/dev/xvd", "/dev/nvme", "/dev/mmcblk"]) => Named::Machine,
        () if by_hardware.is_some_and(|rest| !mapped.iter().any(|start| rest.starts_with(start))) => Named::Machine,
        () if starts(&["UUID=", "LABEL="]) => Named::Filesystem,
        // udev's names: /dev/disk/by-uuid/..., /dev/mapper/..., /dev/GROUP/VOLUME.
        () if name.strip_prefix("/dev/").is_some_and(|rest| rest.contains('/')) => Named::Filesystem,
        () => Named::Stable,
    }
}

/// No `root=`: the initramfs, the partition's type or the kernel's own header names it.
fn without_name(case: &Case, boot: &Boot) -> Answer {
    let by_type = case.root().ok().and_then(|root| super::volumes::partition(case.facts, root));
    let typed = by_type.is_some_and(|partition| ROOT_TYPES.contains(&partition.type_id.as_str()));
    // What looks for it is in the initramfs.
    if typed && !boot.initrd.is_empty() && matches!(boot.loader.as_str(), "systemd-boot" | "uki") {
        return Answer::Faults(Vec::new());
    }
    Answer::Undecided(Box::new(Verdict::not_read(
        "the kernel command line has no root=, no file of the initramfs that is read names one, and where it looks else",
    )))
}

/// Types of a root partition by which systemd finds it (Discoverable Partitions Specification): x86-64, x86, 64-bit ARM.
pub(super) const ROOT_TYPES: &[&str] = &[
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
    "44479540-f297-41b2-9af7-d131d5f0458a",
    "b921b045-1df0-41c3-af44-4c6f280d3fae",
];

/// What names the root by what lies on it.
fn renamed(case: &Case, boot: &Boot) -> String {
    let uuid = case.root().ok().map(|volume| bare(&volume.uuid)).filter(|uuid| !uuid.is_empty());
    let name = uuid.map_or_else(|| "UUID=... (`blkid` prints it)".to_owned(), |uuid| format!("UUID={uuid}"));
    let place = bare(&boot.entry.place);
    match (boot.loader.as_str(), case.os_id()) {
        ("grub2", "debian" | "ubuntu") => {
            format!("Write root={name}: take GRUB_DISABLE_LINUX_UUID out of /etc/default/grub, then `update-grub`.")
        }
        ("grub2", _) => format!(
            "Write root={name}: `grubby --update-kernel=ALL --args=\"root={name}\"`, or /etc/default/grub and \
             `grub2-mkconfig -o /boot/grub2/grub.cfg`."
        ),
        ("uki", _) => format!("Make the unified kernel again with root={name} on its command line."),
        _ => format!("In {place} write root={name}."),
    }
}
