//! Conditions of a unit that the image alone decides (systemd.unit(5), "Conditions and Asserts").

use super::Units;
use super::unit::{Entry, Unit};
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::linux::optional;
use crate::guest::linux::services::Start;

/// Why a unit that is wanted does not start; `None` where its conditions hold, or only the machine tells.
pub(super) fn keeps(units: &Units, unit: &Unit) -> Result<Option<Start>> {
    // With "|" one of them is enough.
    let mut triggers = None;
    let mut undecided = None;
    for entry in in_force(unit) {
        let Some((_, test)) = split(&entry.key) else { continue };
        let trigger = entry.value.starts_with('|');
        let holds = holds(units, test, entry.value.trim_start_matches('|'))?;
        match holds {
            None => undecided = Some(entry),
            Some(false) if !trigger => return Ok(Some(kept(entry))),
            Some(holds) if trigger => {
                let (any, _) = triggers.unwrap_or((false, entry));
                triggers = Some((any || holds, entry));
            }
            Some(_) => {}
        }
    }
    Ok(match (triggers, undecided) {
        (Some((false, entry)), None) => Some(kept(entry)),
        (_, Some(entry)) if undecides(&entry.key) => Some(Start::Unknown {
            why: format!("{}: {}={} depends on the machine", entry.place, entry.key, entry.value),
        }),
        _ => None,
    })
}

/// An empty assignment of any condition forgets all of its family before it.
fn in_force(unit: &Unit) -> Vec<&Entry> {
    let mut found: Vec<&Entry> = Vec::new();
    for entry in unit.entries.iter().filter(|e| e.section == "Unit") {
        let Some((what, _)) = split(&entry.key) else { continue };
        if entry.value.is_empty() {
            found.retain(|e| split(&e.key).is_some_and(|(other, _)| other != what));
        } else {
            found.push(entry);
        }
    }
    found
}

fn split(key: &str) -> Option<(&'static str, &str)> {
    ["Condition", "Assert"].into_iter().find_map(|what| Some((what, key.strip_prefix(what)?)))
}

fn kept(entry: &Entry) -> Start {
    Start::Kept { by: format!("{}: {}={}", entry.place, entry.key, entry.value) }
}

/// Conditions that nothing in an image decides, and whose answer differs from machine to machine. The others of that kind
/// (virtual machine, security module, first boot) hold where a distribution's own unit has them.
fn undecides(key: &str) -> bool {
    ["Host", "User", "Credential", "CPUFeature", "Memory", "CPUs", "ACPower", "Firmware"]
        .iter()
        .any(|test| split(key).is_some_and(|(_, name)| name == *test))
}

/// Whether one condition holds; `None` where the image does not tell.
fn holds(units: &Units, test: &str, value: &str) -> Result<Option<bool>> {
    let (negated, value) = value.strip_prefix('!').map_or((false, value), |rest| (true, rest));
    let stat = || optional(units.tree.stat(value));
    let found = match test {
        // Below these directories lies what the running kernel makes.
        _ if ["/proc/", "/sys/", "/dev/", "/run/"].iter().any(|dir| value.starts_with(dir)) => return Ok(None),
        "PathExists" => stat()?.is_some(),
        "PathIsDirectory" => stat()?.is_some_and(|s| s.kind == NodeKind::Directory),
        "PathIsSymbolicLink" => optional(units.tree.stat_link(value))?.is_some_and(|s| s.kind == NodeKind::Link),
        "FileNotEmpty" => stat()?.is_some_and(|s| s.kind == NodeKind::File && s.size > 0),
        "FileIsExecutable" => stat()?.is_some_and(|s| s.kind == NodeKind::File && s.mode & 0o111 != 0),
        "DirectoryNotEmpty" => optional(units.tree.list(value, 4096))?.is_some_and(|names| !names.is_empty()),
        "KernelCommandLine" if value.contains('=') => units.line.iter().any(|word| word == value),
        "KernelCommandLine" => units.line.iter().any(|word| word.split('=').next() == Some(value)),
        _ => return Ok(None),
    };
    Ok(Some(found != negated))
}
