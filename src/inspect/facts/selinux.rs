//! SELinux: what its file says, what the kernel line makes of it, and whether the kernel has it on.

use serde::{Deserialize, Serialize};

/// SELinux of the default boot entry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeLinux {
    /// What the file and the kernel line make it.
    pub mode: SeLinuxMode,
    /// What decided: `/etc/selinux/config:7`, `kernel command line: enforcing=0`; empty where nothing speaks of it.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Whether the kernel of the default entry has it on.
    pub module: SecurityModule,
    /// What says so: `CONFIG_LSM="..." in /boot/config-...`, `kernel command line: security=apparmor`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// `/.autorelabel` is there: the next start labels every file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub autorelabel: bool,
}

/// What SELinux does with what its policy forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeLinuxMode {
    /// Forbids it.
    Enforcing,
    /// Logs it.
    Permissive,
    /// Is off.
    Disabled,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Whether a kernel has a security module on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecurityModule {
    /// On.
    On,
    /// Not built in, or not chosen.
    Off,
    /// The kernel's configuration was not found.
    #[default]
    #[serde(other)]
    Unknown,
}
