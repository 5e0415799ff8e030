//! What a Linux's package database says, and what of the system is not as its packages have it.

use serde::{Deserialize, Serialize};

use super::Evident;

/// The package database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Packages {
    /// `dpkg`, `rpm`, `apk`; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manager: String,
    /// How it is kept: `status`, `bdb`, `ndb`, `sqlite`, `installed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub format: String,
    /// The package that the default kernel came in; `None` when no package has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelPackage>,
    /// Packages that say which distribution it is: dpkg's `base-files`, rpm's `centos-release` and its kin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<ReleasePackage>,
}

/// A package that says which distribution it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The package of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KernelPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who made it: rpm's vendor or else packager, the maintainer elsewhere; empty when unsaid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Source package; empty where it has the same name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// The folders and programs without which no Linux starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Critical {
    /// Folders that are not there: `/lib64`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Folders that are links with an absolute target, and that target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absolute: Vec<Evident>,
    /// Files and links that are as their packages have them.
    pub same: u32,
    /// Those that are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Those that could not be compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<Evident>,
}

/// A file that is not as its package has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Changed {
    /// Real path in the guest.
    pub path: String,
    /// The package that has it.
    pub package: String,
    /// First digits of the digest, or the target of the link, by the package; empty when it only says that there is one.
    pub wanted: String,
    /// The same of what is there; empty when nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// Where the link in its place leads, by which nothing is reached; empty when it is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub leads_to: String,
}

/// `/etc/issue` or `/etc/issue.net`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Issue {
    /// Path in the guest.
    pub path: String,
    /// How it is, compared with what its package brought.
    pub state: IssueState,
    /// Its first line, where it is not as its package brought it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub line: String,
    /// Its text names the distribution that this is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// `ID` of another distribution that it names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub names: String,
}

/// How an issue file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IssueState {
    /// As its package brought it.
    Shipped,
    /// Not there.
    Absent,
    /// A link to what is made at boot.
    Generated,
    /// Changed since.
    Modified,
    /// No package says what it should hold.
    Unowned,
    /// There is nothing to compare it with.
    #[default]
    #[serde(other)]
    Unknown,
}
