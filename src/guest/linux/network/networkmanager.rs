//! NetworkManager's own configuration: which profiles it reads, which cards it leaves alone, and what it does with one that
//! has no profile (NetworkManager.conf(5)).

use super::files::{LAYER, text, wanted};
use super::specs::Specs;
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::ini::Ini;
use crate::guest::linux::{PATH_MAX, cut, names};

const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
const PACKAGED: &str = "/usr/lib/NetworkManager/conf.d";
const LOCAL: &str = "/etc/NetworkManager/conf.d";
/// Ubuntu's file that has it leave cards alone; netplan stands in for it where NetworkManager is to do all.
const UBUNTU: &str = "10-globally-managed-devices.conf";
/// Where its plugins are installed, below a folder of the version since 1.8.
const LIBRARIES: &[&str] =
    &["/usr/lib64/NetworkManager", "/usr/lib/NetworkManager", "/usr/lib/x86_64-linux-gnu/NetworkManager"];
const IFCFG: &str = "ifcfg-rh";
const IFUPDOWN: &str = "ifupdown";
/// Most `[device]` sections.
const MAX_SECTIONS: usize = 16;

/// What it is told.
#[derive(Debug, Default)]
pub struct Settings {
    /// It reads ifcfg files, too.
    pub ifcfg: bool,
    /// It reads ifupdown's stanzas, and leaves their interfaces alone unless it is told to set them up (`true`).
    pub ifupdown: Option<bool>,
    no_auto: Specs,
    unmanaged: Specs,
    devices: Vec<Device>,
}

/// A `[device]` section.
#[derive(Debug, Default)]
struct Device {
    name: String,
    path: String,
    /// `match-device`; any where there is none.
    of: Option<Specs>,
    managed: Option<(bool, String)>,
    stop: bool,
}

/// Whether it is told something of the card of an instance.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// It is not.
    No,
    /// It is, and where.
    Yes(String),
    /// Of some of the names that the card may have, and where.
    Depends(String),
}

impl Settings {
    /// Where it is told to leave the card of that name alone.
    pub fn unmanaged(&self, name: &str) -> Option<&str> {
        self.unmanaged.place_of(name).or_else(|| {
            // The last section that matches decides, `[device]` after all others (nm_config_data_get_device_config()).
            let named = self.devices.iter().rev().filter(|device| device.name != "device");
            for device in named.chain(self.devices.iter().filter(|device| device.name == "device")) {
                if device.of.as_ref().is_none_or(|of| of.place_of(name).is_some()) {
                    if let Some((managed, place)) = &device.managed {
                        return (!managed).then_some(place.as_str());
                    }
                    if device.stop {
                        break;
                    }
                }
            }
            None
        })
    }

    /// Whether it is told to leave a card alone that has one of these names.
    pub fn leaves(&self, names: &[&str]) -> Told {
        told(names, |name| self.unmanaged(name))
    }

    /// Whether it is told to leave such a card alone where it has no profile.
    pub fn no_auto_default(&self, names: &[&str]) -> Told {
        told(names, |name| self.no_auto.place_of(name))
    }

    fn device(&mut self, name: &str, path: &str) -> Result<&mut Device> {
        // A section of a later file takes the place of one of its name.
        self.devices.retain(|device| device.name != name || device.path == path);
        if let Some(at) = self.devices.iter().position(|device| device.name == name)
            && let Some(last) = self.devices.len().checked_sub(1)
        {
            self.devices.swap(at, last);
        } else {
            self.devices.push(Device { name: name.to_owned(), path: path.to_owned(), ..Device::default() });
        }
        let limit = || Error::limit(LAYER, format!("more than {MAX_SECTIONS} [device] sections for NetworkManager"));
        if self.devices.len() > MAX_SECTIONS { Err(limit()) } else { self.devices.last_mut().ok_or_else(limit) }
    }
}

fn told<'p>(names: &[&str], place: impl Fn(&str) -> Option<&'p str>) -> Told {
    let places: Vec<&str> = names.iter().filter_map(|name| place(name)).collect();
    match places.first() {
        None => Told::No,
        Some(first) if places.len() == names.len() => Told::Yes((*first).to_owned()),
        Some(first) => Told::Depends((*first).to_owned()),
    }
}

/// Reads it. `all` says that netplan has it set up all that has no configuration of its own.
///
/// # Errors
/// `Limit` where it is told too much, and what the filesystem reports.
pub fn read(tree: &Tree, all: bool) -> Result<Settings> {
    let mut plugins = None;
    let mut found = Settings::default();
    let mut ifupdown = false;
    for path in files(tree)? {
        if all && path.strip_prefix(PACKAGED).is_some_and(|name| name.trim_start_matches('/') == UBUNTU) {
            continue;
        }
        let Some(text) = text(tree, &path)? else { continue };
        let ini = Ini::of(&text);
        // Conditions of versions and the environment are not judged, but for a plain no.
        if is_no(ini.last(&[".config"], "enable")) {
            continue;
        }
        for setting in &ini.settings {
            let (key, value) = (setting.key.as_str(), setting.value.as_str());
            let place = cut(&format!("{path}:{}", setting.line), PATH_MAX);
            match (setting.section.as_str(), key.trim_end_matches(['+', '-'])) {
                ("main", "plugins") if !key.ends_with('-') => plugins = Some(setting.value.clone()),
                ("main", "no-auto-default") => found.no_auto.set(key, value, &place)?,
                ("keyfile", "unmanaged-devices") => found.unmanaged.set(key, value, &place)?,
                ("ifupdown", "managed") => ifupdown = matches!(value, "true" | "yes" | "1"),
                (section, of) if section.starts_with("device") => {
                    let device = found.device(section, &path)?;
                    match of {
                        "match-device" => device.of.get_or_insert_default().set(of, value, &place)?,
                        "managed" => device.managed = Some((!is_no(value), place)),
                        "stop-match" => device.stop = !is_no(value),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }
    let asked = |name: &str| plugins.as_ref().is_none_or(|list| list.contains(name));
    found.ifcfg = asked(IFCFG) && has_plugin(tree, IFCFG)?;
    found.ifupdown = (asked(IFUPDOWN) && has_plugin(tree, IFUPDOWN)?).then_some(ifupdown);
    Ok(found)
}

fn is_no(word: &str) -> bool {
    matches!(word, "false" | "no" | "0" | "off")
}

/// Its files in the order in which later ones win: the packages', the main one, the local ones. A local file stands in for a
/// packaged one of its name.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as the program compares")]
fn files(tree: &Tree) -> Result<Vec<String>> {
    let is_conf = |name: &str| name.ends_with(".conf") && !name.starts_with('.');
    let local = wanted(tree, LOCAL, is_conf)?;
    let packaged = wanted(tree, PACKAGED, |name| is_conf(name) && !local.iter().any(|own| own == name))?;
    let mut files: Vec<String> = packaged.iter().map(|name| format!("{PACKAGED}/{name}")).collect();
    files.push(MAIN.to_owned());
    files.extend(local.iter().map(|name| format!("{LOCAL}/{name}")));
    Ok(files)
}

fn has_plugin(tree: &Tree, plugin: &str) -> Result<bool> {
    let file = format!("libnm-settings-plugin-{plugin}.so");
    for dir in LIBRARIES {
        let versions = names(tree, dir)?.into_iter().filter(|name| name.starts_with(|c: char| c.is_ascii_digit()));
        for path in versions.take(8).map(|version| format!("{dir}/{version}/{file}")).chain([format!("{dir}/{file}")]) {
            if tree.exists(&path)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    const ETH0: &[&str] = &["eth0"];
    const SLOTS: &[&str] = &["ens3", "enp0s5"];

    fn settings(files: &[(&str, &str)]) -> Settings {
        read(&MemoryFs::of_texts(files).tree(), false).unwrap()
    }

    fn no_auto(files: &[(&str, &str)]) -> Told {
        settings(files).no_auto_default(ETH0)
    }

    #[test]
    fn the_server_package_turns_automatic_dhcp_off() {
        let server = ("/usr/lib/NetworkManager/conf.d/00-server.conf", "[main]\nno-auto-default=*\nignore-carrier=*\n");
        assert_eq!(no_auto(&[server]), Told::Yes(format!("{}:2", server.0)));
        let shadowed = ("/etc/NetworkManager/conf.d/00-server.conf", "");
        assert_eq!(no_auto(&[server, shadowed]), Told::No, "a file of the same name stands in for it");
        let back = ("/etc/NetworkManager/conf.d/10-x.conf", "[main]\nno-auto-default-=*\n");
        assert_eq!(no_auto(&[server, back]), Told::No);
        assert_eq!(
            no_auto(&[(MAIN, "[main]\nno-auto-default=52:54:00:aa:bb:cc\n")]),
            Told::No,
            "another machine's card"
        );
        assert_eq!(no_auto(&[(MAIN, "[main]\nno-auto-default=eth0\n")]), Told::Yes(format!("{MAIN}:2")));
        assert_eq!(no_auto(&[(MAIN, "#no-auto-default=*\n[main]\n[other]\nno-auto-default=*\n")]), Told::No);
    }

    #[test]
    fn cards_that_are_left_alone_are_seen() {
        let leaves = |text: &str, names: &[&str]| settings(&[(MAIN, text)]).leaves(names);
        let is_left = |text: &str| leaves(text, ETH0) == Told::Yes(format!("{MAIN}:{}", text.lines().count()));
        for specs in [
            "*,except:type:wifi,except:type:gsm",
            "interface-name:eth*",
            "eth0",
            "interface-name:=eth0",
            "type:ethernet",
            "driver:virtio*",
        ] {
            assert!(is_left(&format!("[keyfile]\nunmanaged-devices={specs}\n")), "{specs}");
        }
        for specs in [
            "*,except:type:wifi,except:type:ethernet",
            "*;except:interface-name:eth*",
            "interface-name:docker*",
            "interface-name:=eth*",
            "mac:52:54:00:aa:bb:cc",
        ] {
            assert_eq!(leaves(&format!("[keyfile]\nunmanaged-devices={specs}\n"), ETH0), Told::No, "{specs}");
        }
        assert!(matches!(leaves("[keyfile]\nunmanaged-devices=ens3\n", SLOTS), Told::Depends(_)));
        assert!(matches!(leaves("[keyfile]\nunmanaged-devices=interface-name:en*\n", SLOTS), Told::Yes(_)));
    }

    #[test]
    fn the_last_device_section_that_matches_decides() {
        let left = |text: &str| settings(&[(MAIN, text)]).unmanaged("eth0").is_some();
        assert!(left("[device]\nmatch-device=*\nmanaged=0\n"));
        assert!(left("[device-x]\nmanaged=false\n"));
        assert!(!left("[device]\nmatch-device=type:wifi\nmanaged=0\n"));
        assert!(!left("[device-a]\nmanaged=0\n[device-b]\nmatch-device=eth0\nmanaged=1\n"));
        assert!(left("[device-b]\nmatch-device=eth0\nmanaged=1\n[device-a]\nmanaged=0\n"));
        assert!(left("[device-a]\nmanaged=0\n[device]\nmanaged=1\n"));
        assert!(!left("[device]\nmanaged=0\n[device-a]\nmatch-device=eth0\nstop-match=1\n"));
        let later = ("/etc/NetworkManager/conf.d/a.conf", "[device-a]\nmatch-device=type:wifi\nmanaged=0\n");
        assert!(settings(&[(MAIN, "[device-a]\nmanaged=0\n"), later]).unmanaged("eth0").is_none());
        let many = (0..100).map(|n| format!("[device{n}]\nmanaged=0\n")).collect::<Vec<_>>().concat();
        assert!(read(&MemoryFs::of_texts(&[(MAIN, &many)]).tree(), false).is_err());
    }

    #[test]
    fn other_s_files_count_only_with_their_plugins() {
        let plugin = ("/usr/lib64/NetworkManager/1.40.16-9.el8/libnm-settings-plugin-ifcfg-rh.so", "");
        assert!(settings(&[plugin]).ifcfg);
        assert!(!settings(&[plugin, (MAIN, "[main]\nplugins=keyfile\n")]).ifcfg);
        assert!(settings(&[plugin, (MAIN, "[main]\n#plugins=keyfile\nplugins=ifcfg-rh,keyfile\n")]).ifcfg);
        assert!(!settings(&[]).ifcfg, "EL 10 has none");
        let debian = ("/usr/lib/x86_64-linux-gnu/NetworkManager/1.42.4/libnm-settings-plugin-ifupdown.so", "");
        let stock = (MAIN, "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n");
        assert_eq!((settings(&[debian, stock]).ifupdown, settings(&[stock]).ifupdown), (Some(false), None));
        let told = (MAIN, "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=true\n");
        assert_eq!(settings(&[debian, told]).ifupdown, Some(true));
    }
}
