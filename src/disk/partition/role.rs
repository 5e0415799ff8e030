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
    ("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", Role::Swap),
];

/// Logical disk manager: metadata, data; Storage Spaces.
const WINDOWS_DYNAMIC: [&str; 4] = [
    "42",
    "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3",
    "af9bc60f-1431-4f62-bc68-3311714a69ad",
    "e75caf8f-f680-4cee-afa3-b001e56efc2d",
];

/// True for the three types of an extended partition: CHS, LBA, and Linux' own.
pub fn is_extended(kind: u8) -> bool {
    matches!(kind, 0x05 | 0x0f | 0x85)
}

/// The role of an MBR type.
pub fn of_mbr(kind: u8) -> Role {
    match kind {
        0x41 => Role::Prep,
        0x82 => Role::Swap,
        0xef => Role::Esp,
        kind if is_extended(kind) => Role::Extended,
        _ => Role::Plain,
    }
}

/// The role of a GPT type, spelled in lower case.
pub fn of_gpt(type_id: &str) -> Role {
    GPT_ROLES.iter().find(|(known, _)| *known == type_id).map_or(Role::Plain, |(_, role)| *role)
}

/// True for a partition of a Windows dynamic disk or a storage pool, whose volumes need not start where it does.
pub fn is_windows_dynamic(partition: &Partition) -> bool {
    WINDOWS_DYNAMIC.contains(&partition.type_id.as_str())
}
