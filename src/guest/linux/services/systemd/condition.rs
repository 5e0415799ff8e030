//! Conditions of a unit that the image alone decides (systemd.unit(5), "Conditions and Asserts").

use super::Units;
use super::preset::{MACHINE_ID, is_first_boot};
use super::unit::{Entry, Unit};
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::linux::services::Start;
use crate::guest::linux::{architecture, optional};

/// Why a unit that is wanted does not start; `None` where its conditions hold, or only the machine tells.
pub(super) fn keeps(units: &Units, unit: &Unit) -> Result<Option<Start>> {
    // With "|" one of them is enough.
    let mut triggers = None;
    let mut undecided = None;
    let mut open = false;
    for entry in in_force(unit) {
        let Some((_, test)) = split(&entry.key) else { continue };
        let trigger = entry.value.starts_with('|');
        let holds = holds(units, test, entry.value.trim_start_matches('|'))?;
        match holds {
            None if undecides(entry) => undecided = Some(entry),
            None => open = true,
            Some(false) if !trigger => return Ok(Some(kept(entry))),
            Some(holds) if trigger => {
                let (any, _) = triggers.unwrap_or((false, entry));
                triggers = Some((any || holds, entry));
            }
            Some(_) => {}
        }
    }
    Ok(match (triggers, undecided) {
        (Some((false, entry)), None) if !open => Some(kept(entry)),
        // One that holds is enough, whatever this one says.
        (Some((true, _)), Some(entry)) if entry.value.starts_with('|') => None,
        (_, Some(entry)) => Some(Start::Unknown {
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

/// Whether a condition that nothing in an image decides leaves it open: the answers of these differ from machine to machine.
/// The others of that kind (security module, what the kernel makes) hold where a distribution's own unit has them, and
/// nobody knows where somebody added them.
fn undecides(entry: &Entry) -> bool {
    let added = entry.place.starts_with("/etc/") && entry.place.contains(".d/");
    added
        || ["Host", "User", "Credential", "CPUFeature", "Memory", "CPUs", "ACPower", "Firmware"]
            .iter()
            .any(|test| split(&entry.key).is_some_and(|(_, name)| name == *test))
}

/// Whether the kernel of a system for that machine is of an architecture (systemd.unit(5), `ConditionArchitecture=`). That of
/// a system for i386 may be one for 64 bits.
fn is_architecture(units: &Units, name: &str) -> Result<Option<bool>> {
    let machine = architecture::read(units.tree)?.map(|machine| machine.value);
    Ok(match (machine.as_deref(), name) {
        (_, "native") | (None, _) => None,
        (Some("x86_64"), name) => Some(name == "x86-64"),
        (Some("aarch64"), name) => Some(name == "arm64"),
        (Some("i386"), name) => (!name.starts_with("x86")).then_some(false),
        _ => None,
    })
}

/// Whether a condition on the kind of machine holds on an instance, which is a virtual machine on KVM
/// (systemd-detect-virt(1)). The 2018 documents' instances may be Xen's.
fn is_virtual(name: &str) -> Option<bool> {
    const OTHERS: &[&str] = &[
        "container",
        "vmware",
        "oracle",
        "microsoft",
        "bochs",
        "uml",
        "parallels",
        "bhyve",
        "qnx",
        "acrn",
        "zvm",
        "powervm",
        "openvz",
        "lxc",
        "lxc-libvirt",
        "systemd-nspawn",
        "docker",
        "podman",
        "rkt",
        "wsl",
        "proot",
        "pouch",
        "private-users",
        "apple",
        "sre",
    ];
    match name {
        "vm" | "kvm" => Some(true),
        other => boolean(other).or_else(|| OTHERS.contains(&other).then_some(false)),
    }
}

/// A boolean as systemd reads it (`parse_boolean`), in small letters; `None` for any other word.
pub fn boolean(word: &str) -> Option<bool> {
    match word {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

fn is_true(word: &str) -> bool {
    boolean(word) == Some(true)
}

/// Whether one condition holds; `None` where the image does not tell.
fn holds(units: &Units, test: &str, value: &str) -> Result<Option<bool>> {
    let (negated, value) = value.strip_prefix('!').map_or((false, value), |rest| (true, rest));
    let stat = || optional(units.tree.stat(value));
    let found = match test {
        "Architecture" => match is_architecture(units, value)? {
            Some(found) => found,
            None => return Ok(None),
        },
        "Virtualization" => match is_virtual(value) {
            Some(found) => found,
            None => return Ok(None),
        },
        // Of an empty id, or none, that is known only where it is the first boot.
        "FirstBoot" => match is_first_boot(units)? {
            true => is_true(value),
            false if optional(units.tree.stat(MACHINE_ID))?.is_some_and(|stat| stat.size > 0) => !is_true(value),
            false => return Ok(None),
        },
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
