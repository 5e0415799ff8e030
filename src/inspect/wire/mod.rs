//! The worker's message: `v1:` and base64 of deflated JSON, at most 4096 bytes.
//!
//! The kubelet is the courier: it keeps the last 4096 bytes of the file a container leaves, so a longer message would
//! arrive without its head and is never written. Deflate starts with a preset dictionary, which belongs to the version:
//! it may not change once a release has used it. Whoever decodes trusts nothing: a pod's message may be forged.

mod decode;
mod encode;
mod reduce;

use serde::{Deserialize, Serialize};

use crate::inspect::Facts;

pub use decode::{DecodeError, decode};
pub use encode::{EncodeError, encode};

/// The most that a kubelet carries.
pub const MESSAGE_MAX: usize = 4096;
/// The version, at the start of every message.
const PREFIX: &str = "v1:";
/// What both ends have read already when a message begins.
const DICTIONARY: &[u8] = include_bytes!("v1.dict");

/// What a worker has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `worker inspect`: what was found.
    Facts(Box<Facts>),
    /// `worker convert`: the object that was written.
    Written(Written),
    /// `worker delete`: every object is gone.
    Deleted(Deleted),
    /// `worker notify`: the web server took the notice.
    Notified(Notified),
    /// `worker convert` and `worker delete`: why it was not done, and trying again will not help.
    Refused(Refusal),
}

/// The object a conversion wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Written {
    /// Its address.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// `sha256:` and the hexadecimal digest.
    pub checksum: String,
    /// Its entity tag, where the store gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Bytes of the disk that a guest of the object sees, where it was written anew and not copied as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_size_bytes: Option<u64>,
    /// `sha256:` and the digest of the source object, where all of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_checksum: Option<String>,
    /// Size of the file that the disk would be as an uncompressed QCOW2 with clusters of 64 KiB, where all of the disk was
    /// read: of one that was written anew, and of a RAW or fixed VHD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qcow2_bytes: Option<u64>,
}

/// That a notice was taken; there is nothing else to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Notified {}

/// What a deletion found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deleted {
    /// Objects that were deleted.
    pub deleted: u32,
    /// Objects that were gone already.
    pub gone: u32,
}

/// Why a conversion wrote nothing, or a deletion left something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Refusal {
    /// `SourceChanged`, `SourceCorrupt`, `ChecksumMismatch`, `ImageTooLarge`, `ConversionNotSupported`, `DestinationExists`,
    /// `DestinationForbidden`, `DestinationNotFound`, `DestinationChanged`, `SourceForbidden`, `SourceNotFound`.
    pub reason: String,
    /// One sentence, without query strings.
    pub message: String,
    /// What the store answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<crate::disk::Http>,
}

/// A message as JSON: an object with one member.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Envelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Box<Facts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<Written>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<Deleted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notified: Option<Notified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refusal>,
}

#[cfg(test)]
mod tests;
