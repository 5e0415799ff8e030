//! The partition table.

use serde::{Deserialize, Serialize};

use super::{Trouble, TroubleKind};

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
    /// GPT: which copy was used: the first, where it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpt_copy: Option<GptCopy>,
    /// GPT: why the other copy is of no use; `None` where it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_copy: Option<Trouble>,
    /// GPT: first byte of the second header, as the first one states it, or where it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_bytes: Option<u64>,
    /// GPT: first byte after the last usable sector, as the header states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable_end_bytes: Option<u64>,
    /// GPT beside MBR entries of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hybrid: bool,
    /// GPT without the MBR that protects it: firmware and Linux do not see it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unprotected: bool,
    /// Partitions of a GPT with numbers that Linux does not see (above 255), and that are not among those read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<u32>,
    /// Numbers of partitions that share sectors, two by two; the first of them where there are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<[u32; 2]>,
    /// MBR: first byte of the extended boot record that the chain of logical partitions comes back to. What stands before
    /// that is among the partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circle_bytes: Option<u64>,
    /// MBR: first byte of an extended boot record that the chain of logical partitions leads to and that does not lie
    /// within the disk. What stands before that is among the partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_record_bytes: Option<u64>,
    /// No table: what lies at the start of the disk instead, as `blkid` spells it: a filesystem, or a label
    /// that is not read (`mac`, `sun`, `sgi`, `atari`, `aix`) or read as volumes (`bsd`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// The partitions, in the table's order.
    pub partitions: Vec<Partition>,
}

impl PartitionTable {
    /// What the table names that ends past the end of a disk of `disk_bytes`, the farthest first, with its end. Empty
    /// means that nothing is missing.
    pub fn past(&self, disk_bytes: u64) -> Vec<(Named, u64)> {
        let sector = u64::from(self.sector_bytes);
        let backup = self.backup_end().map(|end| (Named::Backup, end));
        let usable = self.usable_end_bytes.map(|end| (Named::Usable, end));
        let record = self.lost_record_bytes.map(|at| (Named::Record, at.saturating_add(sector)));
        let partitions = self.partitions.iter().filter(|partition| partition.role != Role::Protective);
        let ends = partitions.map(|p| (Named::Partition(p.number), p.start_bytes.saturating_add(p.size_bytes)));
        let mut past: Vec<_> =
            backup.into_iter().chain(usable).chain(record).chain(ends).filter(|(_, end)| *end > disk_bytes).collect();
        past.sort_by_key(|(_, end)| std::cmp::Reverse(*end));
        past
    }

    /// The disk has grown since its GPT was written: the second header lies before the last sector, and nothing is
    /// missing. No damage: `growpart` or `sgdisk -e` in the guest moves it, by the first header.
    pub fn grown(&self, disk_bytes: u64) -> bool {
        self.gpt_copy != Some(GptCopy::Backup)
            && self.backup_end().is_some_and(|end| end < disk_bytes)
            && self.past(disk_bytes).is_empty()
    }

    /// GPT read from its second copy, which does not lie in the last sector: where it ends. Who does not go by the first
    /// header looks in the last sector (UEFI 2.10, chapter 5.3.2; EDK2, Linux, sgdisk).
    pub fn stray_backup(&self, disk_bytes: u64) -> Option<u64> {
        let by_backup = self.gpt_copy == Some(GptCopy::Backup);
        self.backup_end().filter(|end| by_backup && end.saturating_add(u64::from(self.sector_bytes)) <= disk_bytes)
    }

    /// GPT read from its second copy: the header of the first one is valid and says where the second lies.
    pub fn leads_to_backup(&self) -> bool {
        let beyond = |at: u64| at > u64::from(self.sector_bytes);
        self.other_copy.as_ref().is_some_and(|other| other.kind == TroubleKind::Limit || other.at.is_some_and(beyond))
    }

    /// GPT: the other copy is damaged, and not only larger than is read.
    pub fn is_damaged(&self) -> bool {
        self.other_copy.as_ref().is_some_and(|other| other.kind != TroubleKind::Limit)
    }

    /// GPT: first byte after the second header.
    fn backup_end(&self) -> Option<u64> {
        self.backup_bytes.map(|at| at.saturating_add(u64::from(self.sector_bytes)))
    }
}

/// Something that a table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The second header of a GPT.
    Backup,
    /// The last sector that a GPT may use.
    Usable,
    /// An extended boot record of an MBR.
    Record,
    /// The partition of this number.
    Partition(u32),
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
    /// The first.
    Primary,
    /// The second, because the first is damaged.
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
    /// MBR: the active flag. GPT: "legacy BIOS bootable".
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub active: bool,
    /// PARTUUID, as Linux spells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// GPT: the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// GPT, a `/usr` of CoreOS: of several its boot loader takes the one with the highest; 0 is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
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
    /// Kernels and initial RAM disks that an EFI boot loader starts (Boot Loader Specification).
    Xbootldr,
    /// Recovery of Windows or of the machine's maker.
    Recovery,
    /// Tools of the machine's maker.
    Oem,
    /// Metadata or data of a Windows dynamic disk (LDM).
    DynamicDisk,
    /// Part of a Windows storage pool.
    StorageSpaces,
    /// Linux swap, by type.
    Swap,
    /// Swap of a BSD, by type; it has no signature.
    BsdSwap,
    /// The frame of logical partitions.
    Extended,
    /// The MBR entry that covers a GPT.
    Protective,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}
