//! What was found in an image, unjudged: the one thing that crosses from the worker to the controller.
//!
//! Facts hold names, paths and numbers; never a hash, a secret or a file's content at large. Every field has a default
//! and every enum an `Other`, so that a decoder of another version reads what it knows.

mod accounts;
mod boot;
mod container;
mod guest;
mod linux;
mod network;
mod packages;
mod selinux;
mod services;
mod source;
mod table;
mod volume;

pub use accounts::{Accounts, Break, Given, Judgement, Password, PasswordState, Uncompared};
pub use boot::{BootMode, BootModes, DeadEnd, EndKind, Loader, Menu, Program, Undecided, Way};
pub use container::{Checked, Container, Missing, SizeRange, UnsafeReference};
pub use guest::{Evident, Family, Guest, Release};
pub use linux::{
    Boot, CloudInit, Datasources, Dracut, Driver, DriverState, Fstab, Initramfs, Kernel, KernelFault, Linux, Mount,
};
pub use network::{By, Interface, LinkKind, Network, V4, V6};
pub use packages::{Changed, Critical, Issue, IssueState, KernelPackage, Packages, ReleasePackage};
pub use selinux::{SeLinux, SeLinuxMode, SecurityModule};
pub use services::{Agent, Firewall, Init, Listen, Passage, Ssh, Starts, When};
pub use source::{Access, Source};
pub use table::{GptCopy, Named, Partition, PartitionTable, Role, Scheme};
pub use volume::{ExtFeatures, Holds, Sign, SignKind, Usage, Volume, VolumeClass, is_written};

use serde::{Deserialize, Serialize};

use crate::disk::{self, ErrorKind, ahead};

/// Why something could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trouble {
    /// Whose fault it is.
    pub kind: TroubleKind,
    /// The layer that noticed: `qcow2`, `gpt`, `ext4`, ...
    pub layer: String,
    /// Byte offset within that layer, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// One clause: what.
    pub what: String,
}

/// [`ErrorKind`] without what never becomes a fact (`Io`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TroubleKind {
    /// Expected and not there.
    NotFound,
    /// The image contradicts its own format: a rule that needs it fails.
    Corrupt,
    /// This program does not read it: a rule that needs it is Unknown.
    Unsupported,
    /// Encrypted: a rule that needs it is Unknown.
    Encrypted,
    /// The budget was used up: a rule that needs it is Unknown.
    Limit,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

impl Trouble {
    /// The trouble an error of the byte layers makes; `Err` for a failed transport, which is never a fact.
    ///
    /// # Errors
    /// The error itself, when its kind is `Io`.
    pub fn from_error(error: disk::Error) -> disk::Result<Self> {
        let kind = match error.kind {
            ErrorKind::Io if !ahead::rehearsing() => return Err(error),
            ErrorKind::NotFound => TroubleKind::NotFound,
            ErrorKind::Corrupt => TroubleKind::Corrupt,
            // What one reader lacks does not keep the next from being rehearsed.
            ErrorKind::Unsupported | ErrorKind::Io => TroubleKind::Unsupported,
            ErrorKind::Encrypted => TroubleKind::Encrypted,
            ErrorKind::Limit => TroubleKind::Limit,
        };
        Ok(Self { kind, layer: error.layer.to_owned(), at: error.at, what: error.what })
    }
}

/// A fact that was either found or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fact<T> {
    /// Found.
    Known(T),
    /// Looked for, and not to be had.
    Unreadable(Trouble),
}

impl<T> Fact<T> {
    /// Turns a reading's result into a fact. A failed transport stays an error.
    ///
    /// # Errors
    /// The error itself, when its kind is `Io`.
    pub fn settle(result: disk::Result<T>) -> disk::Result<Self> {
        match result {
            Ok(value) => Ok(Self::Known(value)),
            Err(error) => Trouble::from_error(error).map(Self::Unreadable),
        }
    }

    /// The value, where it was found.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unreadable(_) => None,
        }
    }
}

/// Everything one inspection found of one disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Version of the program that looked.
    pub worker: String,
    /// The object.
    pub source: Source,
    /// The container; `None` when no byte of the object could be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The partition table; `None` when the container gives no guest view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Fact<PartitionTable>>,
    /// Every partition and volume with what is on it, in disk order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Which firmware finds a boot loader on it; `None` where there is no partition table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_modes: Option<Fact<BootModes>>,
    /// The operating system; `None` when there was no volume to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<Guest>,
    /// What the reading cost.
    pub reads: Reads,
    /// Names of the lists that were cut to fit the message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<String>,
}

/// What the reading cost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reads {
    /// Requests made.
    pub requests: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// Milliseconds from start to end.
    pub millis: u64,
    /// True when something was not read because the budget was used up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exceeded: bool,
}
