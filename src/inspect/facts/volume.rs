//! Partitions, volumes, and what is on them.

use serde::{Deserialize, Serialize};

use super::{Fact, Trouble};

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
    /// How full its filesystem is. Looked for where the system writes, and on every filesystem where the container does
    /// not tell how much a copy would hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Fact<Usage>>,
    /// What the filesystem says of its own health; `None` when it was not opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Fact<Vec<Sign>>>,
    /// Why its files were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// How full a filesystem is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Free bytes, those reserved for root counted as free.
    pub free_bytes: u64,
    /// Free inodes, where the filesystem has a fixed number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_inodes: Option<u64>,
}

/// True for the mount points that a system has to be able to write to: `/`, `/var`, `/etc`, `/tmp`.
pub fn is_written(mounted_at: &str) -> bool {
    mounted_at.starts_with('/') && ["", "/var", "/etc", "/tmp"].contains(&mounted_at.trim_end_matches('/'))
}

/// Something a filesystem says of its own health.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sign {
    /// What.
    pub kind: SignKind,
    /// Byte offset in the volume.
    pub at: u64,
    /// The value found there, in a few words.
    pub value: String,
}

/// Kinds of [`Sign`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignKind {
    /// The filesystem noted errors that were not repaired.
    Errors,
    /// It asks to be repaired before it is mounted (XFS).
    NeedsRepair,
    /// It was left while it was being made (XFS).
    InProgress,
    /// A checksum of its metadata does not fit, after the replay of its journal.
    ChecksumMismatch,
    /// A second copy of its metadata says something else.
    BackupMismatch,
    /// Its journal or log has to be replayed.
    LogNeedsReplay,
    /// Files that were deleted while they were open.
    Orphans,
    /// Errors that were noted once; it is clean since.
    ErrorsRecorded,
    /// Marked to be checked (NTFS, FAT).
    Dirty,
    /// A hibernated system holds it.
    Hibernated,
    /// A check at the next start was asked for.
    CheckAskedFor,
    /// Its journal, clean, is on another device, without which it is not mounted.
    JournalElsewhere,
    /// A part of it (XFS: the realtime section) is on another device, without which it is not mounted.
    PartElsewhere,
    /// Its blocks are larger than the pages of memory of an x86 machine: older kernels do not mount it.
    LargeBlocks,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
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
