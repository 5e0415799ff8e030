//! What sets up the network at boot, and which interfaces it is told of.

use serde::{Deserialize, Serialize};

use super::Evident;

/// The network as the guest's files set it up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// What sets up interfaces at boot (`ifupdown`, `NetworkManager`, `systemd-networkd`, `network-scripts`, `wicked`,
    /// `netplan`, `cloud-init`, `rc.conf`, `dhcpcd`, `connman`), each with what starts it.
    pub managers: Vec<Evident>,
    /// Interfaces that are configured, at most 8: where any is on DHCP, has a static IPv6 address, or is required, some of
    /// those that are kept are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_default")]
    pub more: u32,
    /// What puts an interface without a configuration of its own on DHCP, and where that shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Evident>,
    /// Where NetworkManager is told not to do that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_automatic: Option<String>,
    /// What should set up interfaces and is kept from it, and by what; nothing where it is not installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Evident>,
    /// Interfaces are on DHCP by scripts that need a client program, and none is installed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub client_missing: bool,
    /// How many interfaces `/etc/udev/rules.d/70-persistent-net.rules` names.
    #[serde(skip_serializing_if = "is_default")]
    pub persistent: u32,
    /// Why interfaces keep the kernel's names (`eth0`); `None` where udev gives them predictable ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_names: Option<String>,
}

/// One configured interface, or a pattern that interfaces match.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Interface {
    /// How the configuration finds its interface.
    #[serde(skip_serializing_if = "is_default")]
    pub by: By,
    /// Name, pattern or hardware address.
    pub name: String,
    /// What it is.
    #[serde(skip_serializing_if = "is_default")]
    pub kind: LinkKind,
    /// IPv4.
    pub v4: V4,
    /// IPv6.
    #[serde(skip_serializing_if = "is_default")]
    pub v6: V6,
    /// A static IPv6 address or gateway.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address6: String,
    /// The boot asks for it, and waits or fails where it is not there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Configured, and not brought up at boot.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// NetworkManager knows it and does not bring it up, and makes no connection of its own for the card.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// The bond or team that it is a part of.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bond: String,
    /// cloud-init wrote it, runs, and will write it anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rewritten: bool,
    /// `path:line`.
    #[serde(rename = "where")]
    pub place: String,
}

/// How a configuration finds its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// By its name.
    #[default]
    Name,
    /// By a hardware address.
    Mac,
    /// By a pattern, a driver, a path, or nothing at all: any number of interfaces.
    #[serde(other)]
    Pattern,
}

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkKind {
    /// A network card.
    #[default]
    Card,
    /// A bond or team of cards.
    Bond,
    /// A bridge.
    Bridge,
    /// VLAN, tunnel, wireless and other links that no cloud provides.
    #[serde(other)]
    Other,
}

/// How an interface gets an IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum V4 {
    /// By DHCP.
    Dhcp,
    /// From the configuration.
    Static,
    /// Not at all.
    None,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// How an interface gets an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum V6 {
    /// From router advertisements, by configuration.
    Auto,
    /// By DHCPv6.
    Dhcp,
    /// From the configuration.
    Static,
    /// As by default: nothing is said.
    #[default]
    #[serde(other)]
    None,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
