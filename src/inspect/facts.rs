//! What was found in an image, unjudged: the one thing that crosses from the worker to the controller.
//!
//! Facts hold names, paths and numbers; never a hash, a secret or a file's content at large. Every field has a default
//! and every enum an `Other`, so that a decoder of another version reads what it knows.

use serde::{Deserialize, Serialize};

use crate::disk::{self, ErrorKind, Http};

/// Why something could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trouble {
    /// Whose fault it is.
    pub kind: TroubleKind,
    /// The layer that noticed: `qcow2`, `gpt`, `ext4`, ...
    pub layer: String,
    /// Byte offset within that layer, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// One clause: what.
    pub what: String,
}

/// [`ErrorKind`] without what never becomes a fact (`Io`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TroubleKind {
    /// Expected and not there.
    NotFound,
    /// The image contradicts its own format: a rule that needs it fails.
    Corrupt,
    /// This program does not read it: a rule that needs it is Unknown.
    Unsupported,
    /// Encrypted: a rule that needs it is Unknown.
    Encrypted,
    /// The budget was used up: a rule that needs it is Unknown.
    Limit,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

impl Trouble {
    /// The trouble an error of the byte layers makes; `Err` for a failed transport, which is never a fact.
    ///
    /// # Errors
    /// The error itself, when its kind is `Io`.
    pub fn from_error(error: disk::Error) -> disk::Result<Self> {
        let kind = match error.kind {
            ErrorKind::Io => return Err(error),
            ErrorKind::NotFound => TroubleKind::NotFound,
            ErrorKind::Corrupt => TroubleKind::Corrupt,
            ErrorKind::Unsupported => TroubleKind::Unsupported,
            ErrorKind::Encrypted => TroubleKind::Encrypted,
            ErrorKind::Limit => TroubleKind::Limit,
        };
        Ok(Self { kind, layer: error.layer.to_owned(), at: error.at, what: error.what })
    }
}

/// A fact that was either found or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fact<T> {
    /// Found.
    Known(T),
    /// Looked for, and not to be had.
    Unreadable(Trouble),
}

impl<T> Fact<T> {
    /// Turns a reading's result into a fact. A failed transport stays an error.
    ///
    /// # Errors
    /// The error itself, when its kind is `Io`.
    pub fn settle(result: disk::Result<T>) -> disk::Result<Self> {
        match result {
            Ok(value) => Ok(Self::Known(value)),
            Err(error) => Trouble::from_error(error).map(Self::Unreadable),
        }
    }

    /// The value, where it was found.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unreadable(_) => None,
        }
    }
}

/// Everything one inspection found of one disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Version of the program that looked.
    pub worker: String,
    /// The object.
    pub source: Source,
    /// The container; `None` when no byte of the object could be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The partition table; `None` when the container gives no guest view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Fact<PartitionTable>>,
    /// Every partition and volume with what is on it, in disk order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// The operating system; `None` when there was no volume to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<Guest>,
    /// What the reading cost.
    pub reads: Reads,
    /// Names of the lists that were cut to fit the message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<String>,
}

/// The object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// Whether it could be read.
    pub access: Access,
    /// The store's answer, when it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// True when a credential was used.
    pub signed: bool,
    /// True for a file of this machine: no store was asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// Strong entity tag, with its quotes, as the store spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The version that was read, in a versioned bucket.
    #[serde(skip_serializing_if = "Option::is_none", rename = "versionID")]
    pub version_id: Option<String>,
    /// Size of the object.
    pub size_bytes: u64,
    /// When it was written, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// Whether the object could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// Yes.
    Reached,
    /// No such object or bucket.
    NotFound,
    /// The store refused: signature, ACL, policy.
    Forbidden,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// The container format of the object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Name of the format, as in [`crate::disk::container::FORMATS`]: `QCOW2`, `RAW`, `VHDX`, `gzip`, ...
    pub format: String,
    /// What the header says in one clause: `version 3, 64 KiB clusters, zstd`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The object's first 16 bytes, hexadecimal.
    pub magic: String,
    /// Size of the disk that the guest sees; `None` when the format is not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_size_bytes: Option<u64>,
    /// Format of an installation medium that the guest view is: `ISO`, `UDF`; `None` for a disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_format: Option<String>,
    /// References to other files and the like, which no import may follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsafe_references: Vec<UnsafeReference>,
    /// Why there is no guest view, when there is none though the format is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// Something in a container that leads outside of it, or that cannot be read safely.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UnsafeReference {
    /// What: `backing file`, `external data file`, `unknown feature bits`, `encryption`.
    pub what: String,
    /// Byte offset in the object.
    pub at: u64,
    /// The value found there, at most 64 characters.
    pub value: String,
}

/// The partition table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PartitionTable {
    /// Which table.
    pub scheme: Scheme,
    /// The last two bytes of LBA 0, hexadecimal: `55aa`.
    pub signature: String,
    /// Bytes in a sector.
    pub sector_bytes: u32,
    /// GPT: which copy was used, and why not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpt_copy: Option<GptCopy>,
    /// GPT: first byte of the other header, as the first one states it. At or past the end of the disk, something is
    /// missing; before its last sector, the disk has grown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_bytes: Option<u64>,
    /// GPT: first byte after the last usable sector, as the header states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable_end_bytes: Option<u64>,
    /// GPT beside MBR entries of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hybrid: bool,
    /// No table: what lies at the start of the disk instead, as `blkid` spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// The partitions, in the table's order.
    pub partitions: Vec<Partition>,
}

/// Kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Scheme {
    /// There is none.
    None,
    /// Master boot record.
    #[serde(rename = "MBR")]
    Mbr,
    /// GUID partition table.
    #[serde(rename = "GPT")]
    Gpt,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// Which copy of a GPT was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GptCopy {
    /// The first; the last one agrees or was not needed.
    Primary,
    /// The last one, because the first is damaged.
    Backup,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Partition {
    /// Number as Linux counts it: 1 to 4 primary, 5 and up logical.
    pub number: u32,
    /// First byte on the disk.
    pub start_bytes: u64,
    /// Size as the table states it.
    pub size_bytes: u64,
    /// Type: two hexadecimal digits (MBR) or a GUID (GPT).
    #[serde(rename = "type")]
    pub type_id: String,
    /// What the type says the partition is for.
    pub role: Role,
    /// MBR: the active flag.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub active: bool,
    /// PARTUUID, as Linux spells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// GPT: the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// What a partition's type says it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Data of any kind.
    Plain,
    /// EFI system partition.
    Esp,
    /// GRUB's core on GPT.
    BiosBoot,
    /// PowerPC boot.
    Prep,
    /// FreeBSD's boot code.
    FreebsdBoot,
    /// Microsoft reserved.
    MicrosoftReserved,
    /// Linux swap, by type.
    Swap,
    /// The frame of logical partitions.
    Extended,
    /// The MBR entry that covers a GPT.
    Protective,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// One partition, logical volume or whole disk, and what is on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// `p1`, `vg0/root`, `disk`.
    pub name: String,
    /// The partition it is, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// Size in bytes.
    pub size_bytes: u64,
    /// What is on it, as `blkid` spells it: `ext4`, `swap`, `LVM2_member`; empty when nothing was recognised.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub type_id: String,
    /// What that is.
    pub class: VolumeClass,
    /// The filesystem's label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The filesystem's UUID, as `blkid` spells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// ext2, ext3, ext4: the feature words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext: Option<ExtFeatures>,
    /// What the files on it make it.
    pub holds: Holds,
    /// Where the guest mounts it (`/`, `/boot`), from fstab; empty when nowhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mounted_at: String,
    /// The first names in its root directory, as evidence when no system was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<String>,
    /// Why its files were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// What a volume is to a rule that counts volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VolumeClass {
    /// A filesystem.
    Filesystem,
    /// Swap space.
    Swap,
    /// Part of something larger: an LVM physical volume, an md member.
    Member,
    /// Encrypted.
    Encrypted,
    /// All zeros where anything would be.
    Empty,
    /// Not recognised.
    Unrecognised,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// The three feature words of an ext superblock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtFeatures {
    /// `s_feature_compat`.
    pub compat: u32,
    /// `s_feature_incompat`.
    pub incompat: u32,
    /// `s_feature_ro_compat`.
    pub ro_compat: u32,
}

/// What the files on a volume make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Holds {
    /// Not looked at, or not readable.
    #[default]
    Unknown,
    /// An operating system's root.
    System,
    /// Kernels and a boot loader, no system.
    Boot,
    /// An installer's files.
    Installer,
    /// Files, none of them a system's.
    Data,
    /// No file.
    Nothing,
    /// A word of a newer version.
    #[serde(other)]
    Other,
}

/// The operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Guest {
    /// The volume that holds its root; `None` when none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Which family of systems.
    pub family: Family,
    /// Why the search for a root ended before all volumes were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Machine of its programs, from an ELF header: `x86_64`, `i386`, `aarch64`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Evident>,
    /// Distribution and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Fact<Release>>,
    /// What only a Linux has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<Linux>,
}

/// Family of operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Family {
    /// Linux.
    Linux,
    /// Microsoft Windows.
    Windows,
    /// FreeBSD.
    FreeBSD,
    /// None was recognised.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A value and the file that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evident {
    /// The value.
    pub value: String,
    /// Path in the guest, with `:line` where that helps.
    #[serde(rename = "where")]
    pub place: String,
}

/// Distribution and version, as the guest's own files state them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Release {
    /// `ID` of os-release, or what an older file amounts to: `debian`, `centos`, `sles`.
    pub id: String,
    /// `ID_LIKE`, split.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
    /// `VERSION_ID`; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version_id: String,
    /// `PRETTY_NAME`, or the line that was found.
    pub pretty_name: String,
    /// The file that decided.
    pub file: String,
}

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
    /// cloud-init.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<Fact<CloudInit>>,
}

/// The mounts that `/etc/fstab` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fstab {
    /// False when the file is not there.
    pub present: bool,
    /// Every entry that is not a comment, pseudo filesystems left out.
    pub entries: Vec<Mount>,
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
}

/// What the boot loader starts when nobody is at the keyboard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Boot {
    /// `grub2`, `grub-legacy`, `extlinux`, `systemd-boot`.
    pub loader: String,
    /// Title of the entry.
    pub entry: Evident,
    /// Path of the kernel in the guest.
    pub kernel: String,
    /// Paths of the initial ramdisks in the guest, in order.
    pub initrd: Vec<String>,
    /// The kernel's command line, at most 512 characters.
    pub command_line: String,
    /// What the command line's `root=` names, when it is a volume of this disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The entry starts a Xen hypervisor.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub xen: bool,
    /// Those of `kernel` and `initrd` that are not in the guest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
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
}

/// One driver of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Driver {
    /// Name with underscores: `virtio_blk`.
    pub name: String,
    /// How the kernel has it.
    pub state: DriverState,
    /// In the initramfs: the member's name.
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
    /// What made it, where that shows: `initramfs-tools`, `dracut`, `mkinitrd`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tool: String,
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

/// cloud-init's effective `datasource_list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Datasources {
    /// The names, in order.
    pub list: Vec<String>,
    /// The file, or `kernel command line`, that decided.
    #[serde(rename = "where")]
    pub place: String,
}

/// What the reading cost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reads {
    /// Requests made.
    pub requests: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// Milliseconds from start to end.
    pub millis: u64,
}
