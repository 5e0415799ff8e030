//! The container format of the object.

use serde::{Deserialize, Serialize};

use super::Trouble;

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
