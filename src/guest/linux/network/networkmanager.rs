//! NetworkManager's own configuration: which profiles it reads, and what it does with a card that has none
//! (NetworkManager.conf(5)).

use std::collections::BTreeMap;

use super::files::{text, wanted};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::ini::Ini;
use crate::guest::linux::{PATH_MAX, cut, names};

const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
const PACKAGED: &str = "/usr/lib/NetworkManager/conf.d";
const LOCAL: &str = "/etc/NetworkManager/conf.d";
/// Where the plugin for ifcfg files is installed, below a folder of the version since 1.8.
const LIBRARIES: &[&str] =
    &["/usr/lib64/NetworkManager", "/usr/lib/NetworkManager", "/usr/lib/x86_64-linux-gnu/NetworkManager"];
const PLUGIN: &str = "libnm-settings-plugin-ifcfg-rh.so";

/// What it is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// It reads ifcfg files, too.
    pub ifcfg: bool,
    /// Where it is told to leave cards without a profile alone.
    pub no_auto_default: Option<String>,
    /// Where it is told to leave all cards alone.
    pub unmanaged: Option<String>,
}

/// Reads it.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree) -> Result<Settings> {
    let mut plugins = None;
    let mut no_auto: List = List::default();
    let mut unmanaged = List::default();
    for path in files(tree)? {
        let Some(text) = text(tree, &path)? else { continue };
        let ini = Ini::of(&text);
        // Conditions of versions and the environment are not judged, but for a plain no.
        if matches!(ini.last(&[".config"], "enable"), "false" | "no" | "0") {
            continue;
        }
        for setting in &ini.settings {
            let place = || cut(&format!("{path}:{}", setting.line), PATH_MAX);
            match (setting.section.as_str(), setting.key.trim_end_matches(['+', '-'])) {
                ("main", "plugins") if !setting.key.ends_with('-') => plugins = Some(setting.value.clone()),
                ("main", "no-auto-default") => no_auto.set(&setting.key, &setting.value, &place()),
                ("keyfile", "unmanaged-devices") => unmanaged.set(&setting.key, &setting.value, &place()),
                _ => {}
            }
        }
    }
    Ok(Settings {
        ifcfg: plugins.is_none_or(|list| list.contains("ifcfg-rh")) && has_plugin(tree)?,
        no_auto_default: no_auto.place_of(|item| item == "*" || item == "type:ethernet"),
        unmanaged: unmanaged.place_of(|item| matches!(item, "*" | "type:ethernet" | "interface-name:*")).filter(|_| {
            let excepts = |item: &str| {
                item.starts_with("except:type:ethernet")
                    || item.starts_with("except:interface-name:")
                    || item.starts_with("except:mac:")
            };
            !unmanaged.items.keys().any(|item| excepts(item))
        }),
    })
}

/// A list that files add to and take from, each item with the place that put it in.
#[derive(Default)]
struct List {
    items: BTreeMap<String, String>,
}

impl List {
    fn set(&mut self, key: &str, value: &str, place: &str) {
        let words = value.split([',', ';']).map(str::trim).filter(|word| !word.is_empty());
        if key.ends_with('-') {
            words.for_each(|word| drop(self.items.remove(word)));
            return;
        }
        if !key.ends_with('+') {
            self.items.clear();
        }
        self.items.extend(words.map(|word| (word.to_owned(), place.to_owned())));
    }

    fn place_of(&self, is: impl Fn(&str) -> bool) -> Option<String> {
        self.items.iter().find(|(item, _)| is(item)).map(|(_, place)| place.clone())
    }
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

fn has_plugin(tree: &Tree) -> Result<bool> {
    for dir in LIBRARIES {
        let versions = names(tree, dir)?.into_iter().filter(|name| name.starts_with(|c: char| c.is_ascii_digit()));
        for path in
            versions.take(8).map(|version| format!("{dir}/{version}/{PLUGIN}")).chain([format!("{dir}/{PLUGIN}")])
        {
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

    fn settings(files: &[(&str, &str)]) -> Settings {
        read(&MemoryFs::of_texts(files).tree()).unwrap()
    }

    #[test]
    fn the_server_package_turns_automatic_dhcp_off() {
        let server = ("/usr/lib/NetworkManager/conf.d/00-server.conf", "[main]\nno-auto-default=*\nignore-carrier=*\n");
        assert_eq!(settings(&[server]).no_auto_default.unwrap(), format!("{}:2", server.0));
        let shadowed = ("/etc/NetworkManager/conf.d/00-server.conf", "");
        assert_eq!(settings(&[server, shadowed]).no_auto_default, None, "a file of the same name stands in for it");
        let back = ("/etc/NetworkManager/conf.d/10-x.conf", "[main]\nno-auto-default-=*\n");
        assert_eq!(settings(&[server, back]).no_auto_default, None);
        let card = (MAIN, "[main]\nno-auto-default=52:54:00:aa:bb:cc\n");
        assert_eq!(settings(&[card]).no_auto_default, None, "another machine's card");
        assert_eq!(
            settings(&[(MAIN, "#no-auto-default=*\n[main]\n[other]\nno-auto-default=*\n")]).no_auto_default,
            None
        );
    }

    #[test]
    fn cards_that_are_left_alone_are_seen() {
        let path = "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf";
        let ubuntu = "[keyfile]\nunmanaged-devices=*,except:type:wifi,except:type:gsm,except:type:cdma\n";
        assert!(settings(&[(path, ubuntu)]).unmanaged.is_some());
        let desktop = "[keyfile]\nunmanaged-devices=*,except:type:wifi,except:type:ethernet\n";
        assert_eq!(settings(&[(path, desktop)]).unmanaged, None);
        assert_eq!(settings(&[(path, "[keyfile]\nunmanaged-devices=interface-name:docker*\n")]).unmanaged, None);
    }

    #[test]
    fn ifcfg_files_count_only_with_their_plugin() {
        let plugin = ("/usr/lib64/NetworkManager/1.40.16-9.el8/libnm-settings-plugin-ifcfg-rh.so", "");
        assert!(settings(&[plugin]).ifcfg);
        assert!(!settings(&[plugin, (MAIN, "[main]\nplugins=keyfile\n")]).ifcfg);
        assert!(settings(&[plugin, (MAIN, "[main]\n#plugins=keyfile\nplugins=ifcfg-rh,keyfile\n")]).ifcfg);
        assert!(!settings(&[]).ifcfg, "EL 10 has none");
    }
}
