//! The worker's message: `v1:` and base64 of deflated JSON, at most 4096 bytes.

use crate::inspect::Facts;

/// What a worker has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `worker inspect`: what was found.
    Facts(Box<Facts>),
    /// `worker convert`: the object that was written.
    Written(Written),
    /// `worker convert`: why nothing was written, and trying again will not help.
    Refused(Refusal),
}

/// The object a conversion wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Written {
    /// Its address.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// `sha256:` and the hexadecimal digest.
    pub checksum: String,
}

/// Why a conversion wrote nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Refusal {
    /// `SourceChanged`, `DestinationExists`, `DestinationForbidden`, `DestinationNotFound`, `SourceForbidden`, `SourceNotFound`.
    pub reason: String,
    /// One sentence, without query strings.
    pub message: String,
    /// What the store answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<crate::disk::Http>,
}
