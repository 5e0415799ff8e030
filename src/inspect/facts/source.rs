//! The object in its bucket.

use serde::{Deserialize, Serialize};

use crate::disk::Http;

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
    /// The cloud whose store answered, where its answer says so: `oss`, `cos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// Region of the bucket, where the store says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
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
