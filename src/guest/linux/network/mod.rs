//! The network as the guest's files set it up at boot.
//!
//! One file for each way to write it down; here is put together which of them count.

mod cloudinit;
mod files;
mod first;
mod ifcfg;
mod ifupdown;
mod keyfile;
mod link;
mod names;
mod netplan;
mod networkd;
mod networkmanager;
mod rcconf;
#[cfg(test)]
mod tests;
mod wicked;

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::services::{Service, Services, Start};
use crate::inspect::facts::{CloudInit, Evident, Interface, Network, V4};

use cloudinit::Config;

pub use names::card_names;
pub use rcconf::read as freebsd;

/// Most interfaces that go into the facts.
const MAX_INTERFACES: usize = 8;
/// Programs that ask a DHCP server, where ifupdown and EL's scripts look for them.
const CLIENTS: &[&str] = &["dhclient", "dhclient3", "dhcpcd", "udhcpc", "pump"];
const BIN: &[&str] = &["/sbin", "/usr/sbin", "/bin", "/usr/bin"];
/// Managers that are recognised, and whose configuration is not read.
const UNREAD: &[&str] = &["dhcpcd", "connman"];

/// Reads it. `command_line` is the default entry's, where it is known; `cloud_init` says whether that runs.
///
/// # Errors
/// What could not be read, and `Unsupported` where it cannot be told what starts.
pub fn read(tree: &Tree, services: &Services, command_line: &str, cloud_init: Option<&CloudInit>) -> Result<Network> {
    let mut found = Found { tree, command_line, network: Network::default(), interfaces: Vec::new() };
    let rewrites = found.cloud_init(cloud_init)?;
    let manager = starts(services, "NetworkManager")?;
    let networkd = starts(services, "systemd-networkd")?;
    let plan = netplan::read(tree, rewrites)?;
    found.scripts(services, manager.as_deref(), rewrites)?;
    if let Some(place) = manager {
        found.network_manager(&place, plan.as_ref())?;
    }
    let mut generated = Vec::new();
    if let Some(plan) = plan {
        found.manages("netplan", &plan.generator);
        generated = plan.networkd;
    }
    if let Some(place) = &networkd {
        found.manages("systemd-networkd", place);
    }
    // netplan starts it where it has something for it.
    if networkd.is_some() || !generated.is_empty() {
        found.interfaces.extend(networkd::read(tree, command_line, generated)?);
    }
    for name in UNREAD {
        if let Some(place) = starts(services, name)? {
            found.manages(name, &place);
        }
    }
    found.network.persistent = names::persistent(tree)?;
    found.network.kernel_names = names::kernel_names(tree, command_line)?;
    (found.network.interfaces, found.network.more) = link::choose(found.interfaces, MAX_INTERFACES);
    Ok(found.network)
}

/// What starts a service at boot, a path; `None` where nothing does.
fn starts(services: &Services, name: &str) -> Result<Option<String>> {
    match services.start(&Service { units: &[&format!("{name}.service")], scripts: &[name] })? {
        Start::Enabled { by } => Ok(Some(by)),
        Start::Unknown { why } => Err(Error::unsupported(files::LAYER, format!("whether {name} starts: {why}"))),
        Start::OnDemand { .. } | Start::Kept { .. } | Start::Disabled | Start::Absent => Ok(None),
    }
}

/// What was found so far.
struct Found<'a> {
    tree: &'a Tree,
    command_line: &'a str,
    network: Network,
    interfaces: Vec<Interface>,
}

impl Found<'_> {
    fn manages(&mut self, name: &str, place: &str) {
        self.network.managers.push(Evident { value: name.to_owned(), place: place.to_owned() });
    }

    /// Whether cloud-init sets up the network, and so writes its files anew.
    fn cloud_init(&mut self, cloud_init: Option<&CloudInit>) -> Result<bool> {
        let runs = cloud_init.filter(|c| c.installed.is_some() && c.disabled_by.is_none());
        let Some(place) = runs.and_then(|c| c.enabled_by.as_deref()) else { return Ok(false) };
        match cloudinit::read(self.tree, self.command_line)? {
            Config::Disabled(_) => return Ok(false),
            Config::Unset => {
                self.network.automatic = Some(Evident { value: "cloud-init".to_owned(), place: place.to_owned() });
            }
            Config::Interfaces(interfaces) => self.interfaces.extend(interfaces),
        }
        self.manages("cloud-init", place);
        Ok(true)
    }

    /// ifupdown, EL's network-scripts and SUSE's wicked: what a script or a daemon of the distribution brings up.
    fn scripts(&mut self, services: &Services, manager: Option<&str>, rewrites: bool) -> Result<()> {
        let mut by_script = Vec::new();
        if let Some(place) = starts(services, "networking")?
            && self.tree.exists(ifupdown::PATH)?
        {
            self.manages("ifupdown", &place);
            by_script.extend(ifupdown::read(self.tree, rewrites)?);
        }
        let suse = self.tree.exists("/etc/sysconfig/network/config")?;
        let network = starts(services, "network")?;
        if suse {
            if let Some(place) = starts(services, "wicked")?.or(network) {
                self.manages("wicked", &place);
                self.interfaces.extend(wicked::read(self.tree)?);
            }
        } else {
            let by_manager = manager.is_some() && networkmanager::read(self.tree)?.ifcfg;
            let readers = ifcfg::Readers { scripts: network.is_some(), manager: by_manager };
            if readers.scripts || readers.manager {
                let found = ifcfg::read(self.tree, readers)?;
                if by_manager { self.interfaces.extend(found) } else { by_script.extend(found) }
            }
            if let Some(place) = network {
                self.manages("network-scripts", &place);
            }
        }
        if by_script.iter().any(|i| i.v4 == V4::Dhcp && !i.off) {
            self.network.client_missing = !self.has_client()?;
        }
        self.interfaces.extend(by_script);
        Ok(())
    }

    fn has_client(&self) -> Result<bool> {
        for dir in BIN {
            for client in CLIENTS {
                if self.tree.exists(&format!("{dir}/{client}"))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn network_manager(&mut self, place: &str, plan: Option<&netplan::Plan>) -> Result<()> {
        self.manages("NetworkManager", place);
        let settings = networkmanager::read(self.tree)?;
        // netplan takes back what Ubuntu's package says of all cards, where it is told to have NetworkManager do all.
        let all = plan.is_some_and(|plan| plan.all_by_manager);
        if let (Some(unmanaged), false) = (&settings.unmanaged, all) {
            self.network.not_automatic = Some(unmanaged.clone());
        } else {
            self.interfaces.extend(keyfile::read(self.tree)?);
            match settings.no_auto_default {
                Some(place) => self.network.not_automatic = Some(place),
                None if self.network.automatic.is_none() => {
                    let by = Evident { value: "NetworkManager".to_owned(), place: place.to_owned() };
                    self.network.automatic = Some(by);
                }
                None => {}
            }
        }
        self.interfaces.extend(plan.iter().flat_map(|plan| plan.manager.clone()));
        Ok(())
    }
}
