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
    /// Bytes of the guest's disk that the object holds data for, a compressed cluster counted with its full size; `None`
    /// when the tables were not all read. Of a RAW or fixed VHD that is the whole disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// Size of the file that the disk would be as an uncompressed QCOW2 with clusters of 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qcow2_bytes: Option<SizeRange>,
    /// How far it was looked whether the object is whole.
    #[serde(skip_serializing_if = "Checked::is_nothing")]
    pub checked: Checked,
    /// It says of itself that it is damaged (QCOW2's corrupt bit).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub marked_corrupt: bool,
    /// What the container names and the object, which is too short, does not hold: of several, what would end last. Such an
    /// object is not opened: `trouble` is then `Corrupt`, and there is no guest view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// What the guest view begins as, where that is the format of an object and no disk: `ISO`, `UDF`, or another container
    /// that was put into this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_format: Option<String>,
    /// References to other files and the like, which no import may follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsafe_references: Vec<UnsafeReference>,
    /// Why there is no guest view, when there is none though the format is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// How far a container was compared with the length of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Checked {
    /// Some tables: there are more than are read for this. What they name is there, or `missing`.
    Part,
    /// All that the container names is there, or `missing`.
    Whole,
    /// Not at all: the format is not read, or the container was not opened.
    #[default]
    #[serde(other)]
    Nothing,
}

impl Checked {
    /// True where nothing was compared.
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

/// A structure of a container that passes the end of the object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Missing {
    /// What: `L2 table`, `data cluster`, `footer`, `grain`, ...
    pub what: String,
    /// Byte of the object where it begins.
    pub at: u64,
    /// Byte of the object where it would end: the object must be at least so long.
    pub ends_at: u64,
}

/// A size that is known to lie between two numbers of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SizeRange {
    /// At least so much.
    pub lower: u64,
    /// At most so much.
    pub upper: u64,
}

impl SizeRange {
    /// True when nothing is left open.
    pub fn is_exact(self) -> bool {
        self.lower == self.upper
    }
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
