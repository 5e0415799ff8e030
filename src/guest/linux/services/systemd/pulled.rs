//! What starts by the lines of units that are no targets: a service that wants another, a timer, a path, a socket.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::boot::{PULLS, wants};
use super::lookup::Named;
use super::{Start, Units, condition, place};
use crate::disk::{ErrorKind, Result};

/// Most units that are followed, and about as many names as they may want.
const MAX_UNITS: usize = 1024;
const MAX_NAMES: usize = 16_384;

/// The units that a boot starts so.
pub(super) struct Pulled {
    /// Units of the default target, and what they start.
    by: BTreeMap<String, Start>,
    wanted: BTreeSet<String>,
    /// There were more than are followed.
    cut: bool,
}

impl Pulled {
    /// Follows every unit that starts once.
    pub(super) fn read(units: &Units) -> Result<Self> {
        let mut found = Self { by: BTreeMap::new(), wanted: BTreeSet::new(), cut: false };
        let boot = units.boot()?;
        let mut ahead: VecDeque<String> = boot.all().map(str::to_owned).collect();
        while let Some(name) = ahead.pop_front() {
            // One name in a circle, one file too long, says nothing of the others.
            let Some((primary, Named::File(file))) = within_limits(units.find(&name))? else { continue };
            if boot.reached(&primary) || found.wanted.contains(&primary) {
                continue;
            }
            if found.wanted.len() >= MAX_UNITS || found.by.len() >= MAX_NAMES {
                found.cut = true;
                break;
            }
            found.wanted.insert(primary.clone());
            let Some(unit) = within_limits(units.unit(&primary, &file))? else {
                found.cut = true;
                continue;
            };
            let kind = primary.rsplit_once('.').map_or("", |(_, kind)| kind);
            let mut pulled = wants(units, &primary)?;
            for (name, place) in PULLS.iter().flat_map(|key| unit.words("Unit", key)) {
                pulled.entry(name.to_owned()).or_insert_with(|| place.to_owned());
            }
            for (name, by) in pulled {
                if units.is_mask(&by)? {
                    continue;
                }
                // What a unit wants starts whether its own conditions hold or not.
                found.add(&name, Start::Enabled { by: place(&by) });
                ahead.push_back(name);
            }
            let section = match kind {
                "timer" => "Timer",
                "path" => "Path",
                "socket" => "Socket",
                _ => continue,
            };
            if condition::keeps(units, &unit)?.is_some_and(|start| !matches!(start, Start::Unknown { .. })) {
                continue;
            }
            let key = if kind == "socket" { "Service" } else { "Unit" };
            let named = unit.list(section, key).last().map(|entry| entry.value.clone());
            let started = named.unwrap_or_else(|| format!("{}.service", primary.trim_end_matches(&format!(".{kind}"))));
            found.add(
                &started,
                match kind {
                    "socket" => Start::OnDemand { by: place(&file) },
                    _ => Start::Unknown { why: format!("{} starts it, and when is not known", place(&file)) },
                },
            );
        }
        Ok(found)
    }

    /// How a unit of that very name starts.
    pub(super) fn start(&self, name: &str) -> Start {
        match self.by.get(name) {
            Some(start) => start.clone(),
            None if self.cut => Start::Unknown { why: "a boot of more units than are followed".to_owned() },
            None => Start::Disabled,
        }
    }

    fn add(&mut self, name: &str, start: Start) {
        let before = self.by.remove(name).unwrap_or(Start::Disabled);
        self.by.insert(name.to_owned(), before.or(start));
    }

    /// The units that start, targets of the boot aside.
    pub(super) fn started(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().map(String::as_str)
    }
}

fn within_limits<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::Limit => Ok(None),
        Err(error) => Err(error),
    }
}
