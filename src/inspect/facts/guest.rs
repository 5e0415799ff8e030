//! The operating system.

use serde::{Deserialize, Serialize};

use super::{Accounts, Fact, Linux, Network, Trouble};

/// The operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Guest {
    /// The volume that holds its root; `None` when none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Which family of systems.
    pub family: Family,
    /// Why the search for a root ended before all volumes were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Whether the first partition has the folder with which a `Customized Linux` takes its settings; `None` where that
    /// partition's files are not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_folder: Option<bool>,
    /// Machine of its programs, from an ELF header: `x86_64`, `i386`, `aarch64`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Evident>,
    /// Distribution and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Fact<Release>>,
    /// What sets up the network. Of Linux and FreeBSD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Fact<Network>>,
    /// root's account and the file of passwords. Of Linux and FreeBSD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Fact<Accounts>>,
    /// What only a Linux has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<Linux>,
}

/// Family of operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Family {
    /// Linux.
    Linux,
    /// Microsoft Windows.
    Windows,
    /// FreeBSD.
    FreeBSD,
    /// None was recognised.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A value and the file that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evident {
    /// The value.
    pub value: String,
    /// Path in the guest, with `:line` where that helps.
    #[serde(rename = "where")]
    pub place: String,
}

/// Distribution and version, as the guest's own files state them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Release {
    /// `ID` of os-release, or what an older file amounts to: `debian`, `centos`, `sles`.
    pub id: String,
    /// `ID_LIKE`, split.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
    /// `VERSION_ID`; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version_id: String,
    /// `PRETTY_NAME`, or the line that was found.
    pub pretty_name: String,
    /// The file that decided.
    pub file: String,
}
