//! The partition table.

use serde::{Deserialize, Serialize};

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
