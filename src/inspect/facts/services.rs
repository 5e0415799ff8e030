//! What starts in a guest and who may reach it: SSH, packet filters, the QEMU guest agent.

use serde::{Deserialize, Serialize};

use super::Evident;

/// Whether a service starts at boot, and what makes it so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Starts {
    /// When.
    pub when: When,
    /// The link, file or line that decides; for `Unknown`, why that is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
}

impl Starts {
    /// Nothing is said at all.
    fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }
}

/// When a service starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// At boot.
    Boot,
    /// When something asks for it: a device, a call on D-Bus.
    Demand,
    /// Something keeps it from starting.
    Kept,
    /// It is there and nothing starts it.
    Never,
    /// It is not there.
    Absent,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The program that starts services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Init {
    /// systemd.
    Systemd,
    /// upstart.
    Upstart,
    /// System V init.
    SystemV,
    /// OpenRC.
    OpenRc,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Init {
    /// Nothing is said.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// The SSH server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ssh {
    /// Whether it starts.
    pub starts: Starts,
    /// Started by a socket of systemd, whose own lines say where it listens.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub socket: bool,
    /// Where it listens, the first 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<Listen>,
    /// What has it listen on IPv6 alone: `AddressFamily inet6`, `-6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Evident>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
    /// What keeps it from running when it is started: a line of its configuration that it does not take, a program that is
    /// not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Evident>,
    /// None of its host keys is in the image, and nothing was found that makes them. Not looked for where cloud-init runs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keyless: bool,
    /// `PermitRootLogin`, where it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_login: Option<Evident>,
    /// Kinds of host keys in the image: `rsa`, `ed25519`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_keys: Vec<String>,
}

/// One address and port that is listened on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Listen {
    /// Address or name; empty for every address of IPv4 and IPv6.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The line that says so; empty for the default.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// That line is no configuration: it gives the server an option.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub option: bool,
}

/// One packet filter that starts, or may.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Firewall {
    /// `firewalld`, `iptables`, `nftables`, `ufw`, `SuSEfirewall2`, `pf`, ...
    pub name: String,
    /// Whether it starts.
    pub starts: Starts,
    /// What it makes of a connection to TCP port 22 from anywhere.
    pub ssh: Passage,
    /// The line that decides, or why none does.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Only of connections over IPv6.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ipv6: bool,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Passage {
    /// Nothing at all is filtered.
    Open,
    /// It passes.
    Passes,
    /// It does not.
    Blocked,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// An agent that a hypervisor's host talks to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Agent {
    /// How it was found to be installed: `dpkg`, `program`; `None` when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Evident>,
    /// Its version; empty when unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether it starts; says nothing of one that is not installed.
    #[serde(skip_serializing_if = "Starts::is_unsaid")]
    pub starts: Starts,
}
