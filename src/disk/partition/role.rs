//! What a partition's type says it is for.

use crate::inspect::facts::{Partition, Role};

/// GPT type GUIDs, as <https://uapi-group.org/specifications/specs/discoverable_partitions_specification/>, the UEFI
/// specification and their vendors publish them.
const GPT_ROLES: &[(&str, Role)] = &[
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", Role::Esp),
    ("21686148-6449-6e6f-744e-656564454649", Role::BiosBoot),
    ("9e1a2d38-c612-4316-aa26-8b49521e5a8b", Role::Prep),
    ("83bd6b9d-7f41-11dc-be0b-001560b84f0f", Role::FreebsdBoot),
    ("e3c9e316-0b5c-4db8-817d-f92df00215ae", Role::MicrosoftReserved),
    ("bc13c2ff-59e6-4262-a352-b275fd6f7172", Role::Xbootldr),
    ("de94bba4-06d1-4d40-a16a-bfd50179d6ac", Role::Recovery),
    ("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", Role::DynamicDisk),
    ("af9bc60f-1431-4f62-bc68-3311714a69ad", Role::DynamicDisk),
    ("e75caf8f-f680-4cee-afa3-b001e56efc2d", Role::StorageSpaces),
    ("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", Role::Swap),
    ("516e7cb5-6ecf-11d6-8ff8-00022d09712b", Role::BsdSwap),
    ("49f48d32-b10e-11dc-b99b-0019d1879648", Role::BsdSwap),
];

/// CoreOS' partitions by type: `/usr`, the root, the root on RAID, what it keeps for later.
pub const COREOS_USR: &str = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6";
const COREOS_ROOT: [&str; 2] = ["3884dd41-8582-4404-b9a8-e9b84f2df50e", "be9067b9-ea49-4f15-b4f6-f36f8c9e1818"];
const COREOS_RESERVED: &str = "c95dc21a-df0e-4340-8d7b-26cbfa9a03e0";

/// FreeBSD's slice, as MBR and as GPT know it.
const FREEBSD_SLICE: [&str; 2] = ["a5", "516e7cb4-6ecf-11d6-8ff8-00022d09712b"];
/// OpenBSD's and NetBSD's.
const OTHER_BSD_SLICE: [&str; 3] = ["a6", "a9", "824cc7a0-36a8-11e3-890a-952519ad3f61"];

/// True for the three types of an extended partition: CHS, LBA, and Linux' own.
pub fn is_extended(kind: u8) -> bool {
    matches!(kind, 0x05 | 0x0f | 0x85)
}

/// The role of an MBR type.
pub fn of_mbr(kind: u8) -> Role {
    match kind {
        0x12 | 0xde => Role::Oem,
        0x27 => Role::Recovery,
        0x41 => Role::Prep,
        0x42 => Role::DynamicDisk,
        0x82 => Role::Swap,
        0xe7 => Role::StorageSpaces,
        0xea => Role::Xbootldr,
        0xee => Role::Protective,
        0xef => Role::Esp,
        kind if is_extended(kind) => Role::Extended,
        _ => Role::Plain,
    }
}

/// The role of a GPT type, spelled in lower case.
pub fn of_gpt(type_id: &str) -> Role {
    GPT_ROLES.iter().find(|(known, _)| *known == type_id).map_or(Role::Plain, |(_, role)| *role)
}

/// True for a partition that FreeBSD slices once more.
pub fn is_freebsd_slice(partition: &Partition) -> bool {
    FREEBSD_SLICE.contains(&partition.type_id.as_str())
}

/// True for a partition that one of the BSDs slices once more.
pub fn is_bsd_slice(partition: &Partition) -> bool {
    is_freebsd_slice(partition) || OTHER_BSD_SLICE.contains(&partition.type_id.as_str())
}

/// True for a `/usr` of CoreOS, by type or by the name it always has.
pub fn is_coreos_usr(partition: &Partition) -> bool {
    partition.type_id == COREOS_USR || matches!(partition.name.as_str(), "USR-A" | "USR-B")
}

/// True for the root of CoreOS, by type or by name.
pub fn is_coreos_root(partition: &Partition) -> bool {
    COREOS_ROOT.contains(&partition.type_id.as_str()) || partition.name == "ROOT"
}

/// True for any partition of CoreOS' layout that holds files, but the EFI system partition.
pub fn is_coreos(partition: &Partition) -> bool {
    is_coreos_usr(partition)
        || is_coreos_root(partition)
        || partition.type_id == COREOS_RESERVED
        || matches!(partition.name.as_str(), "OEM" | "OEM-CONFIG")
}
