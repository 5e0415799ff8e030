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
mod specs;
#[cfg(test)]
mod tests;
mod wicked;

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::services::{Service, Services, Start};
use crate::inspect::facts::{By, CloudInit, Evident, Interface, Network, V4};

use cloudinit::Config;
use networkmanager::{Settings, Told};

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
    found.network.persistent = names::persistent(tree)?;
    found.network.kernel_names = names::kernel_names(tree, command_line)?;
    let rewrites = found.cloud_init(cloud_init)?;
    let plan = netplan::read(tree, rewrites)?;
    let manager = match starts(services, "NetworkManager")? {
        Some(place) => {
            Some((place, networkmanager::read(tree, plan.as_ref().is_some_and(|plan| plan.all_by_manager))?))
        }
        None => None,
    };
    found.scripts(services, manager.as_ref().map(|(_, settings)| settings), rewrites)?;
    if let Some((place, settings)) = &manager {
        found.network_manager(place, settings)?;
        found.interfaces.extend(plan.iter().flat_map(|plan| plan.manager.clone()));
    }
    let mut generated = Vec::new();
    if let Some(plan) = plan {
        found.manages("netplan", &plan.generator);
        if manager.is_none() {
            found.not_started("NetworkManager", start(services, "NetworkManager")?, plan.manager);
        }
        generated = plan.networkd;
    }
    match start(services, "systemd-networkd")? {
        // netplan starts it where it has something for it.
        Start::Disabled | Start::OnDemand { .. } if !generated.is_empty() => {
            found.interfaces.extend(networkd::read(tree, command_line, generated, found.known_names())?);
        }
        Start::Enabled { by } => {
            found.manages("systemd-networkd", &by);
            found.interfaces.extend(networkd::read(tree, command_line, generated, found.known_names())?);
        }
        other => {
            let generated = generated.into_iter().flat_map(|file| file.interfaces).collect();
            found.not_started("systemd-networkd", other, generated);
        }
    }
    for name in UNREAD {
        if let Some(place) = starts(services, name)? {
            found.manages(name, &place);
        }
    }
    (found.network.interfaces, found.network.more) = link::choose(found.interfaces, MAX_INTERFACES);
    Ok(found.network)
}

/// Whether a service starts at boot.
fn start(services: &Services, name: &str) -> Result<Start> {
    match services.start(&Service { units: &[&format!("{name}.service")], scripts: &[name] })? {
        Start::Unknown { why } => Err(Error::unsupported(files::LAYER, format!("whether {name} starts: {why}"))),
        known => Ok(known),
    }
}

/// What starts a service at boot, a path; `None` where nothing does.
fn starts(services: &Services, name: &str) -> Result<Option<String>> {
    Ok(match start(services, name)? {
        Start::Enabled { by } => Some(by),
        _ => None,
    })
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

    /// What netplan leaves to a program that does not start.
    fn not_started(&mut self, program: &str, start: Start, interfaces: Vec<Interface>) {
        if interfaces.is_empty() {
            return;
        }
        let place = match start {
            Start::Kept { by } => by,
            Start::Absent => String::new(),
            _ => "nothing starts it at boot".to_owned(),
        };
        self.network.kept = Some(Evident { value: program.to_owned(), place });
        self.interfaces.extend(interfaces.into_iter().map(|i| Interface { off: true, required: false, ..i }));
    }

    /// Whether cloud-init sets up the network, and so writes its files anew.
    fn cloud_init(&mut self, cloud_init: Option<&CloudInit>) -> Result<bool> {
        let runs = cloud_init.filter(|c| c.installed.is_some() && c.disabled_by.is_none());
        let Some(place) = runs.and_then(|c| c.enabled_by.as_deref()) else { return Ok(false) };
        let config = cloudinit::read(self.tree, self.command_line)?;
        if !matches!(config, Config::Disabled(_)) && self.writes_for_nobody()? {
            let why = format!("{} sources nothing that it writes", ifupdown::PATH);
            self.network.kept = Some(Evident { value: "cloud-init".to_owned(), place: why });
            self.manages("cloud-init", place);
            return Ok(true);
        }
        match config {
            Config::Disabled(_) => return Ok(false),
            Config::Unset => {
                self.network.automatic = Some(Evident { value: "cloud-init".to_owned(), place: place.to_owned() });
            }
            Config::Interfaces(interfaces) => self.interfaces.extend(interfaces),
        }
        self.manages("cloud-init", place);
        Ok(true)
    }

    /// Whether cloud-init writes for ifupdown (`eni`), and into a file that nothing sources.
    fn writes_for_nobody(&self) -> Result<bool> {
        let has = |dirs: &[&str], name: &str| {
            dirs.iter().try_fold(false, |found, dir| Ok(found || self.tree.exists(&format!("{dir}/{name}"))?))
        };
        for name in cloudinit::renderers(self.tree)?.unwrap_or_default() {
            // Where cloud-init itself looks (`available` in cloudinit/net).
            let sbin = &["/sbin", "/usr/sbin"];
            match name.as_str() {
                "eni" => {
                    let programs = has(sbin, "ifup")? && has(sbin, "ifdown")? && has(sbin, "ifquery")?;
                    if programs && self.tree.exists(ifupdown::PATH)? {
                        return Ok(!ifupdown::sources_cloud_init(self.tree)?);
                    }
                }
                "netplan" if !has(sbin, "netplan")? => {}
                "sysconfig" if !self.tree.exists("/etc/sysconfig/network-scripts")? => {}
                "network-manager" if !has(&["/usr/bin", "/bin"], "nmcli")? => {}
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// ifupdown, EL's network-scripts and SUSE's wicked: what a script or a daemon of the distribution brings up.
    fn scripts(&mut self, services: &Services, manager: Option<&Settings>, rewrites: bool) -> Result<()> {
        let mut by_script = self.ifupdown(services, manager, rewrites)?;
        let wicked = starts(services, "wicked")?;
        let suse = wicked.is_some() || self.tree.exists("/etc/sysconfig/network/config")?;
        let network = starts(services, "network")?;
        if suse {
            if let Some(place) = wicked.or(network) {
                self.manages("wicked", &place);
                self.interfaces.extend(wicked::read(self.tree)?);
            }
        } else {
            let by_manager = manager.filter(|settings| settings.ifcfg);
            let readers = ifcfg::Readers { scripts: network.is_some(), manager: by_manager.is_some() };
            if readers.scripts || readers.manager {
                let mut found = ifcfg::read(self.tree, readers)?;
                if let Some(settings) = by_manager.filter(|_| !readers.scripts) {
                    self.leave_alone(&mut found, settings);
                }
                if by_manager.is_some() { self.interfaces.extend(found) } else { by_script.extend(found) }
            }
            if let Some(place) = network {
                if let Some(path) = ifcfg::of_dos(self.tree)?.filter(|_| !readers.manager) {
                    let why = format!("{path} has line ends of DOS (CR LF)");
                    self.network.kept = Some(Evident { value: "network-scripts".to_owned(), place: why });
                }
                self.manages("network-scripts", &place);
            }
        }
        if by_script.iter().any(|i| i.v4 == V4::Dhcp && !i.off) {
            self.network.client_missing = !self.has_client()?;
        }
        self.interfaces.extend(by_script);
        Ok(())
    }

    /// ifupdown's stanzas. NetworkManager's plugin for them has it leave their interfaces alone.
    fn ifupdown(&mut self, services: &Services, manager: Option<&Settings>, rewrites: bool) -> Result<Vec<Interface>> {
        if !self.tree.exists(ifupdown::PATH)? {
            return Ok(Vec::new());
        }
        let plugin = manager.and_then(|settings| settings.ifupdown);
        let mut found = if let Some(place) = starts(services, "networking")? {
            self.manages("ifupdown", &place);
            ifupdown::read(self.tree, rewrites)?
        } else if plugin == Some(true) {
            let found = ifupdown::by_manager(self.tree, rewrites)?;
            self.interfaces.extend(found.into_iter().map(|i| Interface { held: i.off, required: false, ..i }));
            return Ok(Vec::new());
        } else if let Some(found) = services.systemd().map_or(Ok(None), |_| ifupdown::by_udev(self.tree, rewrites))? {
            self.manages("ifupdown", ifupdown::RULE);
            found
        } else if plugin.is_some() {
            let found = ifupdown::by_manager(self.tree, rewrites)?;
            found.into_iter().map(|i| Interface { off: true, required: false, ..i }).collect()
        } else {
            Vec::new()
        };
        for interface in &mut found {
            interface.held = interface.off && plugin.is_some();
        }
        Ok(found)
    }

    /// Profiles of cards that NetworkManager is told to leave alone bring nothing up.
    fn leave_alone(&self, profiles: &mut [Interface], settings: &Settings) {
        let of_card = settings.leaves(self.card_names());
        for profile in profiles {
            let left = match profile.by {
                By::Name => settings.unmanaged(&profile.name).is_some(),
                By::Mac | By::Pattern => matches!(of_card, Told::Yes(_)),
            };
            if left {
                (profile.off, profile.held, profile.required) = (true, true, false);
            } else if profile.by == By::Pattern && profile.v4 == V4::Dhcp && of_card != Told::No {
                profile.v4 = V4::Unknown;
            }
        }
    }

    fn card_names(&self) -> &'static [&'static str] {
        card_names(self.network.kernel_names.is_some())
    }

    /// The names of an instance's card, where no other one can be given to it.
    fn known_names(&self) -> &'static [&'static str] {
        if self.network.kernel_names.is_some() && self.network.persistent == 0 { card_names(true) } else { &[] }
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

    fn network_manager(&mut self, place: &str, settings: &Settings) -> Result<()> {
        self.manages("NetworkManager", place);
        let mut profiles = keyfile::read(self.tree)?;
        self.leave_alone(&mut profiles, settings);
        self.interfaces.extend(profiles);
        match (settings.leaves(self.card_names()), settings.no_auto_default(self.card_names())) {
            (Told::Yes(place), _) => self.network.kept = Some(Evident { value: "NetworkManager".to_owned(), place }),
            (_, Told::Yes(place)) => self.network.not_automatic = Some(place),
            (Told::Depends(place), _) | (_, Told::Depends(place)) => self.interfaces.push(Interface {
                by: By::Pattern,
                name: "*".to_owned(),
                v4: V4::Unknown,
                place,
                ..Interface::default()
            }),
            (Told::No, Told::No) if self.network.automatic.is_none() => {
                self.network.automatic = Some(Evident { value: "NetworkManager".to_owned(), place: place.to_owned() });
            }
            (Told::No, Told::No) => {}
        }
        Ok(())
    }
}
