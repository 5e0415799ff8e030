//! What only a Linux has: mounts, boot entry, kernels, cloud-init.

use serde::{Deserialize, Serialize};

use super::{Agent, Critical, Evident, Fact, Firewall, Init, Issue, Packages, SeLinux, Ssh};

/// Facts that only a Linux has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Linux {
    /// `/etc/fstab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fstab: Option<Fact<Fstab>>,
    /// The boot loader's default entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Fact<Boot>>,
    /// The kernels, the default entry's first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kernels: Vec<Kernel>,
    /// The program that starts services.
    #[serde(skip_serializing_if = "Init::is_unknown")]
    pub init: Init,
    /// cloud-init.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<Fact<CloudInit>>,
    /// The SSH server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<Fact<Ssh>>,
    /// The packet filters that start, or may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall: Option<Fact<Vec<Firewall>>>,
    /// The QEMU guest agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Fact<Agent>>,
    /// SELinux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<Fact<SeLinux>>,
    /// The package database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Fact<Packages>>,
    /// The folders and programs without which it does not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<Fact<Critical>>,
    /// `/etc/issue` and `/etc/issue.net`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<Fact<Vec<Issue>>>,
}

/// The mounts that `/etc/fstab` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fstab {
    /// False when the file is not there.
    pub present: bool,
    /// Every entry that is not a comment, pseudo filesystems left out.
    pub entries: Vec<Mount>,
    /// What is there where there is no file: `a folder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// The root is what this table says it is: of FreeBSD, whose boot loader is told of no other one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub names_root: bool,
}

/// One line of `/etc/fstab`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mount {
    /// Line number, from 1.
    pub line: u32,
    /// First field, unescaped.
    pub source: String,
    /// Second field, unescaped.
    pub target: String,
    /// Third field.
    #[serde(rename = "type")]
    pub type_id: String,
    /// Those of the options that decide: `noauto`, `nofail`, `ro`, `bind`, `_netdev`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The volume of this disk that the source names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Whether the source is a file of this system, and is not there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

/// What the boot loader starts when nobody is at the keyboard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Boot {
    /// `grub2`, `grub-legacy`, `extlinux`, `systemd-boot`, `uki`.
    pub loader: String,
    /// Path of its configuration; of a unified kernel, of the kernel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub config: String,
    /// Title of the entry.
    pub entry: Evident,
    /// Path of the kernel in the guest.
    pub kernel: String,
    /// Paths of the initial ramdisks in the guest, in order.
    pub initrd: Vec<String>,
    /// The kernel's command line, at most 512 characters.
    pub command_line: String,
    /// What the command line's last `root=` says; where it has none, what the initial ramdisk takes in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_name: Option<String>,
    /// The file in the initial ramdisk that says so, where the command line does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_place: Option<String>,
    /// What that names, when it is a volume of this disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The entry starts a Xen hypervisor.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub xen: bool,
    /// Its configuration has no other entry.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// What makes the loader wait for somebody at the keyboard: `timeout=-1`, no timeout, a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
    /// Those of `kernel` and `initrd` that are not in the guest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why `kernel`, which is there, does not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_fault: Option<KernelFault>,
    /// The folder in which a BIOS' GRUB 2 finds no `normal.mod`, by which it reads its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_normal: Option<String>,
    /// Configurations of GRUB legacy that do not start this disk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<String>,
    /// What dracut's scripts in the initial ramdisk start, and what they wait for that is nowhere on this disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dracut: Option<Dracut>,
}

/// What dracut's scripts do before the root is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dracut {
    /// They are older than the words that begin with `rd.`: of dracut 004.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub old: bool,
    /// udev starts every logical volume, whatever the words say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub every_volume: bool,
    /// The words on logical volumes, in the order in which they are read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Devices for which they wait.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<String>,
}

/// Why a kernel image does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KernelFault {
    /// It has no bytes.
    Empty,
    /// It ends before its packed kernel does.
    Short,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// One installed kernel and the drivers it starts with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kernel {
    /// Release: `6.1.0-18-cloud-amd64`.
    pub version: String,
    /// Path of the kernel image.
    pub path: String,
    /// The default entry starts this one.
    pub default: bool,
    /// It runs in 64 bit, as its header says.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub long_mode: bool,
    /// Where the configuration was read: `/boot/config-...`, `modules.builtin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Drivers that matter, each with where it is.
    pub drivers: Vec<Driver>,
    /// It runs only as a Xen guest: the configuration line that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xen_only: Option<String>,
    /// The initramfs of its entry; `None` when the entry names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initramfs: Option<Fact<Initramfs>>,
    /// Where its entry names none: the one that lies in `/boot` by the kernel's usual name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_initramfs: Option<String>,
}

/// One driver of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Driver {
    /// Name with underscores: `virtio_blk`.
    pub name: String,
    /// How the kernel has it.
    pub state: DriverState,
    /// In the initramfs: the member's name. Of FreeBSD: the module that the boot loader loads, and the line that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_initramfs: Option<String>,
    /// Blocked from loading: where that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

/// How a kernel has a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriverState {
    /// Built into the kernel.
    Builtin,
    /// A module under `/lib/modules`.
    Module,
    /// Nowhere.
    Absent,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// An initial ramdisk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Initramfs {
    /// Path in the guest.
    pub path: String,
    /// Compression of its main part: `zstd`, `gzip`, `xz`, `none`.
    pub compression: String,
    /// Number of members that were listed.
    pub members: u32,
    /// What made it, where that shows: `initramfs-tools`, `dracut`, `mkinitrd`, `mkinitcpio`, `mkinitfs`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tool: String,
    /// dracut made it for the machine that it ran on, with the drivers of that one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub host_only: bool,
    /// It has the programs that start logical volumes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lvm: bool,
    /// The root that it takes where the kernel's command line names none, and its file that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Evident>,
    /// What dracut's scripts in it do: what comes of that is in the boot entry.
    #[serde(skip)]
    pub dracut: Option<Dracut>,
}

/// cloud-init.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudInit {
    /// How it was found to be installed: `dpkg`, `/usr/bin/cloud-init`; `None` when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Evident>,
    /// Its version; empty when unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What makes it start: a unit link, the generator, an S-link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_by: Option<String>,
    /// What keeps it from starting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_by: Option<String>,
    /// The effective `datasource_list`; `None` when unset, so that the version's own list holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasources: Option<Datasources>,
}

impl CloudInit {
    /// Whether it runs at boot.
    pub fn starts(&self) -> bool {
        self.enabled_by.is_some() && self.disabled_by.is_none()
    }
}

/// cloud-init's effective `datasource_list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Datasources {
    /// The names, in order; none where there is a list that ds-identify does not see, and takes for none.
    pub list: Vec<String>,
    /// The file, or `kernel command line`, that decided.
    #[serde(rename = "where")]
    pub place: String,
    /// What is written there, where that is no `datasource_list`: `policy: disabled`, `ds=nocloud`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Whether ds-identify looks for each of them at boot, and switches cloud-init off where it finds none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub searched: bool,
}
