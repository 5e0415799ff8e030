//! The drivers that decide whether a kernel finds its disk and network in a cloud.

use crate::inspect::facts::DriverState;

/// A driver by its names.
pub struct Known {
    /// The module, with underscores.
    pub name: &'static str,
    /// Options of the kernel configuration that build it, the most exact first.
    pub options: &'static [&'static str],
    /// The module's path under `/lib/modules/<release>/`, without `.ko`.
    pub path: &'static str,
}

/// All of them. virtio and its ring have been one option since Linux 3.4.
pub const KNOWN: &[Known] = &[
    Known { name: "virtio_blk", options: &["CONFIG_VIRTIO_BLK"], path: "kernel/drivers/block/virtio_blk" },
    Known { name: "virtio_pci", options: &["CONFIG_VIRTIO_PCI"], path: "kernel/drivers/virtio/virtio_pci" },
    Known { name: "virtio_net", options: &["CONFIG_VIRTIO_NET"], path: "kernel/drivers/net/virtio_net" },
    Known { name: "virtio_scsi", options: &["CONFIG_SCSI_VIRTIO"], path: "kernel/drivers/scsi/virtio_scsi" },
    Known { name: "virtio", options: &["CONFIG_VIRTIO"], path: "kernel/drivers/virtio/virtio" },
    Known {
        name: "virtio_ring",
        options: &["CONFIG_VIRTIO_RING", "CONFIG_VIRTIO"],
        path: "kernel/drivers/virtio/virtio_ring",
    },
    Known { name: "xen_blkfront", options: &["CONFIG_XEN_BLKDEV_FRONTEND"], path: "kernel/drivers/block/xen-blkfront" },
];

/// That of the network, which no kernel needs before its root.
pub const NETWORK: &str = "virtio_net";

/// Drivers by which a kernel mounts its root, beside those of its disk: of a filesystem, and of logical volumes.
pub const OF_ROOT: &[Known] = &[
    Known { name: "ext4", options: &["CONFIG_EXT4_FS"], path: "kernel/fs/ext4/ext4" },
    Known { name: "ext3", options: &["CONFIG_EXT3_FS"], path: "kernel/fs/ext3/ext3" },
    Known { name: "xfs", options: &["CONFIG_XFS_FS"], path: "kernel/fs/xfs/xfs" },
    Known { name: "btrfs", options: &["CONFIG_BTRFS_FS"], path: "kernel/fs/btrfs/btrfs" },
    Known { name: "dm_mod", options: &["CONFIG_BLK_DEV_DM"], path: "kernel/drivers/md/dm-mod" },
];

/// All that is looked for, those of the disk first.
pub fn all() -> impl Iterator<Item = &'static Known> + Clone {
    KNOWN.iter().chain(OF_ROOT)
}

/// Those of [`OF_ROOT`] that may mount a volume of this type and name: any one of a filesystem's will do.
pub fn of_root(type_id: &str, volume: &str) -> Vec<&'static str> {
    let filesystem: &[&str] = match type_id {
        "ext4" => &["ext4"],
        "ext3" | "ext2" => &["ext4", "ext3"],
        "xfs" => &["xfs"],
        "btrfs" => &["btrfs"],
        _ => &[],
    };
    // Logical volumes are called by their group: `vg/root`.
    let mapped = volume.contains('/').then_some("dm_mod");
    filesystem.iter().copied().chain(mapped).collect()
}

/// The driver whose module has this file name (`virtio_blk.ko.xz`), as [`all`] spells it.
pub fn of_file(path: &str) -> Option<&'static str> {
    let file = path.rsplit('/').next()?;
    let stem = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().find_map(|end| file.strip_suffix(end))?;
    named(stem)
}

/// The driver of that name, hyphens and underscores alike, as modprobe takes them.
pub fn named(name: &str) -> Option<&'static str> {
    all().find(|known| same(known.name, name)).map(|known| known.name)
}

/// Whether two module names are the same: hyphens and underscores are (modprobe(8)).
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| a == b || (is_dash(a) && is_dash(b)))
}

fn is_dash(byte: u8) -> bool {
    matches!(byte, b'-' | b'_')
}

/// What a kernel configuration says of each driver, in the order of [`all`].
pub fn from_config(text: &str) -> Vec<DriverState> {
    let value =
        |option: &str| text.lines().find_map(|line| line.strip_prefix(option)?.strip_prefix('=').map(str::trim));
    all()
        .map(|known| match known.options.iter().find_map(|option| value(option)) {
            Some("y") => DriverState::Builtin,
            Some("m") => DriverState::Module,
            _ => DriverState::Absent,
        })
        .collect()
}

/// The lines of a `modprobe.d` file that keep a driver of [`all`] from loading: `blacklist NAME`, and
/// `install NAME /bin/true` (modprobe.d(5)).
pub fn blocked_in(text: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (verb, name, command) = (words.next(), words.next(), words.next());
        let blocks = match verb {
            Some("blacklist") => true,
            Some("install") => command.is_some_and(|c| matches!(c.rsplit('/').next(), Some("true" | "false"))),
            _ => false,
        };
        if let (true, Some(name)) = (blocks, name.and_then(named)) {
            found.push((name, super::cut(line.trim(), 120)));
        }
    }
    found
}

/// Functions by which drivers start, and the release of Linux from which on each is called so.
const INITCALLS: &[(&str, &str, (u32, u32))] = &[
    ("virtio_blk", "virtio_blk_init", (5, 19)),
    ("virtio_pci", "virtio_pci_driver_init", (3, 16)),
    ("virtio_net", "virtio_net_driver_init", (3, 16)),
    ("virtio_scsi", "virtio_scsi_init", (5, 19)),
    ("virtio", "virtio_init", (3, 16)),
];

/// Stands before functions that the kernel does not call, of what is built in no more than of a module (since Linux 3.16).
pub const UNCALLED: &str = "initcall_blacklist=";

/// Begins what says that a ramdisk whose scripts load each module by name loads this one not.
pub const UNNAMED: &str = "its scripts do not load";

/// The words of a kernel command line that keep a driver from starting, built in or not, in a kernel of this release.
pub fn uncalled_on(command_line: &str, release: &str) -> Vec<(&'static str, String)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let release = (numbers.next(), numbers.next());
    let mut found = Vec::new();
    for word in command_line.split_whitespace() {
        let Some(names) = word.strip_prefix(UNCALLED) else { continue };
        for (driver, _, (major, minor)) in INITCALLS.iter().filter(|(_, call, _)| names.split(',').any(|n| n == *call))
        {
            if release >= (Some(*major), Some(*minor)) {
                found.push((*driver, super::cut(word, 120)));
            }
        }
    }
    found
}

/// The words of a kernel command line that keep a driver of [`all`] from loading (kernel-parameters, dracut.cmdline).
pub fn blocked_on(command_line: &str) -> Vec<(&'static str, String)> {
    const WORDS: &[&str] =
        &["modprobe.blacklist=", "module_blacklist=", "rd.driver.blacklist=", "rdblacklist=", "rd.blacklist="];
    let mut found = Vec::new();
    for word in command_line.split_whitespace() {
        let Some(names) = WORDS.iter().find_map(|start| word.strip_prefix(start)) else { continue };
        // The kernel takes a hyphen for no underscore, and neither does libkmod on this line, other than in its files.
        let exact = !of_dracut(word);
        for name in names.split(',').filter_map(|name| named(name).filter(|known| !exact || *known == name)) {
            found.push((name, super::cut(word, 120)));
        }
    }
    found
}

/// Whether dracut alone reads such a word, while its initramfs starts: what comes later may load the driver.
pub fn of_dracut(word: &str) -> bool {
    word.starts_with("rd")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(config: &str, driver: &str) -> DriverState {
        let at = all().position(|known| known.name == driver).unwrap();
        from_config(config)[at]
    }

    #[test]
    fn modules_are_known_by_their_files() {
        assert_eq!(of_file("lib/modules/6.1/kernel/drivers/block/virtio_blk.ko.xz"), Some("virtio_blk"));
        assert_eq!(of_file("kernel/drivers/block/xen-blkfront.ko"), Some("xen_blkfront"));
        assert_eq!(of_file("kernel/drivers/virtio/virtio_pci_modern_dev.ko"), None);
        assert_eq!(of_file("virtio_blk"), None);
    }

    #[test]
    fn comments_and_longer_names_are_not_options() {
        assert_eq!(state("# CONFIG_VIRTIO_BLK is not set\nCONFIG_VIRTIO_BLK_X=y\n", "virtio_blk"), DriverState::Absent);
    }

    #[test]
    fn every_way_to_block_a_driver_is_seen() {
        let text = "# blacklist virtio_net\nblacklist virtio-blk\ninstall virtio_pci /bin/true\ninstall virtio_net /sbin/modprobe x\n";
        let names: Vec<_> = blocked_in(text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["virtio_blk", "virtio_pci"]);
        let line =
            "ro rd.driver.blacklist=nouveau,virtio_blk modprobe.blacklist=virtio_net xmodule_blacklist=virtio_pci";
        let names: Vec<_> = blocked_on(line).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["virtio_blk", "virtio_net"]);
        for word in ["module_blacklist", "modprobe.blacklist"] {
            let found = blocked_on(&format!("{word}=virtio-blk,virtio_pci"));
            assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["virtio_pci"], "{word}");
        }
    }

    #[test]
    fn a_driver_whose_function_is_not_called_is_known_by_its_release() {
        let names = |line: &str, release: &str| uncalled_on(line, release).iter().map(|(n, _)| *n).collect::<Vec<_>>();
        let line = "ro initcall_blacklist=x,virtio_blk_init initcall_blacklist=virtio_pci_driver_init";
        assert_eq!(names(line, "6.1.0-18-cloud-amd64"), ["virtio_blk", "virtio_pci"]);
        // There virtio_blk's was called `init`.
        assert_eq!(names(line, "5.10.0"), ["virtio_pci"]);
        assert_eq!(names(line, "3.10.0-1160.el7"), [""; 0]);
        assert_eq!(names(line, ""), [""; 0]);
        assert_eq!(names("initcall_blacklist=virtio-blk-init,init xinitcall_blacklist=virtio_init", "6.1"), [""; 0]);
    }
}
