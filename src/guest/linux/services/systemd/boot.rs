//! What the default target pulls in: its wants, those of the targets it wants, and so on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::lookup::Named;
use super::{Units, Wants};
use crate::disk::{Error, Result};
use crate::guest::linux::services::{LAYER, names, place};

/// Dependencies by which a unit starts another (systemd.unit(5)), and directories that amount to them.
pub(super) const PULLS: &[&str] = &["Wants", "Requires", "BindsTo", "Upholds"];
const FOLDERS: &[&str] = &[".wants", ".requires", ".upholds"];
/// Targets that services pull in when they start, which this program does not follow.
const PULLED: &[&str] = &[
    "network-online.target",
    "network.target",
    "network-pre.target",
    "nss-lookup.target",
    "time-sync.target",
    "remote-fs-pre.target",
];
/// Most targets on the way.
const MAX_TARGETS: usize = 128;

/// The units a boot starts.
pub(super) struct Boot {
    targets: BTreeSet<String>,
    /// Unit to link or line.
    wanted: BTreeMap<String, String>,
}

impl Boot {
    pub(super) fn read(units: &Units) -> Result<Self> {
        let mut boot = Self { targets: BTreeSet::new(), wanted: BTreeMap::new() };
        let mut ahead: VecDeque<String> = VecDeque::from([first(units)]);
        ahead.extend(units.told("systemd.wants").map(str::to_owned));
        let cloud_init = units.generator("cloud-init-generator")?.is_some();
        while let Some(name) = ahead.pop_front() {
            let (target, file) = match units.find(&name)? {
                (target, Named::File(file)) => (target, file),
                // "Falling back to rescue target": there is nothing else.
                (_, Named::Absent | Named::Masked(_)) if name == "default.target" => {
                    ahead.push_back("rescue.target".to_owned());
                    continue;
                }
                _ => continue,
            };
            if !boot.targets.insert(target.clone()) {
                continue;
            }
            if boot.targets.len() > MAX_TARGETS {
                return Err(Error::limit(LAYER, format!("a boot by more than {MAX_TARGETS} targets")));
            }
            let mut pulled = wants(units, &target)?;
            let unit = units.unit(&target, &file)?;
            for (name, place) in PULLS.iter().flat_map(|key| unit.words("Unit", key)) {
                pulled.entry(name.to_owned()).or_insert_with(|| place.to_owned());
            }
            // The generator links cloud-init's target to that one only.
            if cloud_init && target == "multi-user.target" {
                ahead.push_back("cloud-init.target".to_owned());
            }
            for (name, by) in pulled {
                if name.ends_with(".target") && !units.is_mask(&by)? {
                    ahead.push_back(name.clone());
                }
                boot.wanted.entry(name).or_insert(by);
            }
        }
        Ok(boot)
    }

    /// Names of all that is wanted.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.wanted.keys().map(String::as_str)
    }

    pub(super) fn reached(&self, target: &str) -> bool {
        self.targets.contains(target)
    }

    /// Whether no target was found at all: then nothing is known of what the system starts.
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The link or line that starts a unit of that very name.
    pub(super) fn wants(&self, units: &Units, name: &str) -> Result<Option<String>> {
        match self.wanted.get(name) {
            Some(by) if !units.is_mask(by)? => Ok(Some(by.clone())),
            _ => Ok(None),
        }
    }
}

/// The target that is started first: what the kernel line says, else the default (systemd(1), "Kernel Command Line").
fn first(units: &Units) -> String {
    word(&units.line).map_or_else(|| "default.target".to_owned(), |(_, target)| target.to_owned())
}

/// The word of the kernel line that names the first target, and that target.
pub fn word(line: &[String]) -> Option<(&str, &str)> {
    let mut named = line.iter().filter_map(|word| {
        let target = match word.as_str() {
            "single" | "s" | "S" | "1" | "rescue" => "rescue.target",
            "emergency" | "-b" => "emergency.target",
            "2" | "3" | "4" => "multi-user.target",
            "5" => "graphical.target",
            word => word.strip_prefix("systemd.unit=")?,
        };
        Some((word.as_str(), target))
    });
    named.next_back()
}

/// What has the boot end before a target: a word of the kernel line, or the link of the default.
pub(super) fn ends_before(units: &Units, target: &str) -> Result<String> {
    if let Some((word, _)) = word(&units.line) {
        return Ok(format!("kernel command line: {word}"));
    }
    let name = "default.target";
    let path =
        units.dirs.iter().find(|(_, names)| names.iter().any(|n| n == name)).map(|(dir, _)| format!("{dir}/{name}"));
    let what = match (path, units.find(name)?) {
        (None, _) => format!("there is no {name}"),
        (Some(path), (found, Named::File(_))) => format!("{} leads to {found}", place(&path)),
        (Some(path), _) => format!("{} leads nowhere", place(&path)),
    };
    Ok(format!("{what}: {target} is not reached"))
}

/// What the directories of one unit name. Of two links of one name that in the directory that wins counts.
pub(super) fn wants(units: &Units, primary: &str) -> Result<Wants> {
    let mut found = Wants::new();
    for owner in units.names_of(primary) {
        for folder in FOLDERS.iter().map(|folder| format!("{owner}{folder}")) {
            for (dir, _) in units.dirs.iter().filter(|(_, names)| names.contains(&folder)) {
                for name in names(units.tree, &format!("{dir}/{folder}"))? {
                    let link = format!("{dir}/{folder}/{name}");
                    found.entry(name).or_insert(link);
                }
            }
        }
    }
    Ok(found)
}

/// What is wanted by units that are no targets, or targets that services pull in: the unit and what it wants.
pub(super) fn others(units: &Units) -> Result<Vec<(String, Wants)>> {
    let boot = units.boot()?;
    let mut owners = BTreeSet::new();
    for name in units.dirs.iter().flat_map(|(_, names)| names) {
        let Some(owner) = FOLDERS.iter().find_map(|folder| name.strip_suffix(folder)) else { continue };
        let followed = !owner.ends_with(".target") || PULLED.contains(&owner);
        if followed && !boot.reached(owner) {
            owners.insert(owner.to_owned());
        }
    }
    owners.into_iter().map(|owner| Ok((owner.clone(), wants(units, &owner)?))).collect()
}
