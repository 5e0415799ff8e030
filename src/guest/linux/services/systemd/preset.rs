//! The first boot, when systemd applies the presets (machine-id(5), "First Boot Semantics"; systemd.preset(5)).

use std::collections::BTreeMap;

use super::Units;
use super::unit::Unit;
use crate::disk::{Error, Result};
use crate::guest::linux::services::{LAYER, MAX_BYTES, Start, names, place};
use crate::guest::linux::{glob, optional};

pub(super) const MACHINE_ID: &str = "/etc/machine-id";
/// The one that wins first.
const DIRS: &[&str] = &[
    "/etc/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
];
/// Most preset files.
const MAX_FILES: usize = 128;

/// What the first boot makes of a unit; `found` where the boot is not the first one.
pub(super) fn first_boot(units: &Units, primary: &str, unit: &Unit, found: Start) -> Result<Start> {
    let to: Vec<(&str, &str)> =
        ["WantedBy", "RequiredBy", "UpheldBy"].iter().flat_map(|key| unit.words("Install", key)).collect();
    if to.is_empty() || !is_first_boot(units)? {
        return Ok(found);
    }
    let preset = preset(units, primary)?;
    let rule = preset.as_ref().map_or_else(|| "no preset, which enables it".to_owned(), |(_, place)| place.clone());
    let enables = preset.is_none_or(|(enable, _)| enable);
    Ok(match found {
        Start::Disabled | Start::OnDemand { .. } if enables => {
            let boot = units.boot()?;
            let reached = to.iter().any(|(target, _)| boot.reached(&units.find(target).map_or(String::new(), |f| f.0)));
            if reached { Start::Enabled { by: format!("first boot, {rule}") } } else { found }
        }
        // Most systems only enable at the first boot; some are built to disable, too.
        Start::Enabled { by } if !enables => {
            Start::Unknown { why: format!("{by} enables it, and at the first boot {rule} may disable it") }
        }
        found => found,
    })
}

/// No machine id, or the word for one that is to be made. An empty file is no first boot.
pub(super) fn is_first_boot(units: &Units) -> Result<bool> {
    if let Some(told) =
        units.told("systemd.condition-first-boot").chain(units.told("systemd.condition_first_boot")).next()
    {
        return Ok(matches!(told, "1" | "yes" | "true" | "on"));
    }
    // A system whose files show nothing of systemd's own is a test's or a broken one.
    match optional(units.tree.read_text(MACHINE_ID, 256))? {
        Some(id) => Ok(id.trim() == "uninitialized"),
        None => {
            Ok(optional(units.tree.stat_link(MACHINE_ID))?.is_none()
                && units.tree.exists("/usr/lib/systemd/systemd")?)
        }
    }
}

/// The first line that names the unit: whether it enables, and where it is.
fn preset(units: &Units, primary: &str) -> Result<Option<(bool, String)>> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for dir in DIRS {
        for name in names(units.tree, dir)?.into_iter().filter(|name| name.ends_with(".preset")) {
            let path = format!("{dir}/{name}");
            files.entry(name).or_insert(path);
        }
    }
    if files.len() > MAX_FILES {
        return Err(Error::limit(LAYER, format!("more than {MAX_FILES} preset files")));
    }
    for path in files.values() {
        let text = optional(units.tree.read_text(path, MAX_BYTES))?.unwrap_or_default();
        for (line, number) in text.lines().zip(1_u32..) {
            let mut words = line.split_whitespace();
            let enable = match words.next() {
                Some("enable") => true,
                Some("disable") => false,
                _ => continue,
            };
            if words.next().is_some_and(|pattern| glob::matches(pattern, primary)) {
                return Ok(Some((enable, place(&format!("{path}:{number}")))));
            }
        }
    }
    Ok(None)
}
