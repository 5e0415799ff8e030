//! systemd-boot: `loader.conf`, the entries of the Boot Loader Specification (UAPI.1) and unified kernels beside them.
//!
//! What is kept in variables of the firmware (the saved entry, the one chosen once) does not travel with an image.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use super::place::Places;
use super::{COMMAND_LINE, Found, MAX_INITRDS, addons, unified, version};
use crate::disk::{Error, Result};
use crate::guest::linux::{cut, glob, optional};
use crate::inspect::facts::Role;

const LAYER: &str = "systemd-boot";
/// Most files of one kind that are looked at, and the largest.
const MAX_FILES: usize = 512;
const MAX_BYTES: usize = 64 * 1024;
/// Where the configuration lies on the EFI system partition.
pub const CONFIG: &str = "/loader/loader.conf";

/// A menu entry.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Entry {
    /// The file's name, without what counts its tries.
    id: String,
    /// The file's name.
    file: String,
    /// How often it may still be tried; `None` where that is not counted.
    left: Option<u32>,
    done: u32,
    title: Option<String>,
    sort_key: Option<String>,
    machine: String,
    version: String,
    /// The file, as the guest calls it.
    place: String,
    kernel: String,
    initrd: Vec<String>,
    options: String,
    /// It starts something that is no kernel.
    other: bool,
    /// Profiles of a unified kernel.
    profiles: usize,
}

/// What is booted by default from the EFI system partition whose `loader.conf` the guest calls `config`. `machine`: what
/// the loader is for, as entries call it (`x64`); empty where that is not known.
///
/// # Errors
/// `NotFound` where there is no entry, `Unsupported` where the default one starts no kernel, what the filesystem reports.
pub fn read(places: Places, config: &str, machine: &str) -> Result<Found> {
    let tree = places.system.tree;
    let text = optional(tree.read_text(config, MAX_BYTES))?.unwrap_or_default();
    let entries = entries(places, config, machine)?;
    let pattern = last(&text, "default");
    // An entry's name ends in the profile, unless that is the first: `name.efi@rescue`.
    let profile = pattern.as_deref().is_some_and(|pattern| pattern.find('@').is_some_and(|at| at > 0));
    if profile && entries.iter().any(|entry| entry.profiles > 1) {
        return Err(Error::unsupported(LAYER, "the default is a profile of a unified kernel, which is not read"));
    }
    let entry =
        choose(&entries, pattern.as_deref()).ok_or_else(|| Error::not_found(LAYER, "systemd-boot finds no entry"))?;
    if entry.other {
        let what = format!("the default entry ({}) starts no kernel", cut(&entry.place, 128));
        return Err(Error::unsupported(LAYER, what));
    }
    Ok(Found {
        loader: "systemd-boot",
        title: entry.title.clone().unwrap_or_else(|| entry.id.clone()),
        place: entry.place.clone(),
        kernel: entry.kernel.clone(),
        initrd: entry.initrd.clone(),
        command_line: unified::joined(
            &entry.options,
            &optional(addons::added(places, &entry.kernel))?.unwrap_or_default(),
        ),
        hypervisor: false,
        alone: false,
        waits: last(&text, "timeout").filter(|word| word == "menu-force").map(|word| format!("timeout {word}")),
    })
}

/// The entry that starts by itself: the first that the pattern fits, or else the first.
fn choose<'e>(entries: &'e [Entry], pattern: Option<&str>) -> Option<&'e Entry> {
    // @saved is a variable of the firmware; no other name begins so.
    let pattern = pattern.filter(|pattern| !pattern.starts_with('@')).map(str::to_ascii_lowercase);
    let fits = |entry: &&Entry| {
        let is =
            |name: &str| pattern.as_ref().is_some_and(|pattern| glob::matches(pattern, &name.to_ascii_lowercase()));
        is(&entry.id) || is(&entry.file)
    };
    entries.iter().find(fits).or_else(|| entries.first())
}

/// The menu in its order. Entries whose kernel is not there are left out, as the loader does, unless none is left then.
fn entries(places: Places, config: &str, machine: &str) -> Result<Vec<Entry>> {
    let tree = places.system.tree;
    let esp = config.strip_suffix(CONFIG).unwrap_or_default().to_owned();
    let partitions = places.system.devices.partitions.iter().filter(|p| p.role == Role::Xbootldr);
    let boots = partitions.filter_map(|p| places.guest(&format!("p{}", p.number), "/"));
    let mut found = Vec::new();
    for base in std::iter::once(esp).chain(boots.map(|at| at.trim_end_matches('/').to_owned())) {
        let folder = format!("{base}/loader/entries");
        for file in optional(tree.list(&folder, MAX_FILES))?.unwrap_or_default() {
            let named = file.to_ascii_lowercase();
            if named.strip_suffix(".conf").is_none_or(|stem| stem.starts_with("auto-")) {
                continue;
            }
            let place = format!("{folder}/{file}");
            let Some(text) = optional(tree.read_text(&place, MAX_BYTES))? else { continue };
            found.extend(of_text(places, &base, &file, place, &text, machine)?);
        }
        let folder = format!("{base}/EFI/Linux");
        for file in optional(tree.list(&folder, MAX_FILES))?.unwrap_or_default() {
            if file.to_ascii_lowercase().strip_suffix(".efi").is_some() {
                found.extend(of_unified(places, &file, format!("{folder}/{file}"))?);
            }
        }
    }
    found.sort_by(order);
    let mut there = Vec::new();
    for entry in &found {
        if tree.exists(&entry.kernel)? {
            there.push(entry.clone());
        }
    }
    Ok(if there.is_empty() { found } else { there })
}

/// The entry of a file; `None` where it is for another machine or starts nothing.
fn of_text(places: Places, base: &str, file: &str, place: String, text: &str, machine: &str) -> Result<Option<Entry>> {
    let is_own = |asked: &str| machine.is_empty() || asked.eq_ignore_ascii_case(machine);
    if last(text, "architecture").is_some_and(|asked| !is_own(&asked)) {
        return Ok(None);
    }
    let path = |path: &str| format!("{base}/{}", path.replace('\\', "/").trim_start_matches('/'));
    let (linux, program) = (last(text, "linux"), last(text, "efi").or_else(|| last(text, "uki")));
    let Some(kernel) = linux.clone().or(program).map(|kernel| path(&kernel)) else { return Ok(None) };
    let options = all(text, "options").join(" ");
    let (id, left, done) = tries(file);
    let mut entry = Entry {
        id,
        file: file.to_owned(),
        left,
        done,
        title: last(text, "title"),
        sort_key: last(text, "sort-key"),
        machine: last(text, "machine-id").unwrap_or_default(),
        version: last(text, "version").unwrap_or_default(),
        place,
        initrd: all(text, "initrd").iter().take(MAX_INITRDS).map(|initrd| path(initrd)).collect(),
        options: cut(&options, COMMAND_LINE),
        kernel,
        other: false,
        profiles: 0,
    };
    if linux.is_none() || entry.initrd.is_empty() {
        match optional(unified::open(places.system.tree, &entry.kernel))?.flatten() {
            Some(unified) => {
                entry.initrd = unified.initrds(&entry.kernel);
                if entry.options.is_empty() {
                    entry.options = unified.command_line;
                }
            }
            None => entry.other = linux.is_none(),
        }
    }
    Ok(Some(entry))
}

/// The entry of a unified kernel; `None` where it is none.
fn of_unified(places: Places, file: &str, place: String) -> Result<Option<Entry>> {
    let Some(unified) = unified::open(places.system.tree, &place)? else { return Ok(None) };
    let (id, left, done) = tries(file);
    Ok(Some(Entry {
        id,
        file: file.to_owned(),
        left,
        done,
        title: unified.title(),
        sort_key: unified.sort_key(),
        machine: String::new(),
        version: unified.version().unwrap_or_default(),
        kernel: place.clone(),
        initrd: unified.initrds(&place),
        options: unified.command_line,
        place,
        other: false,
        profiles: unified.profiles,
    }))
}

/// What sorts a menu: entries that were tried in vain last; those with a sort key before others, by key, machine and
/// version, the newest first; then by name, the newest first ("Sorting" of the specification).
fn order(a: &Entry, b: &Entry) -> Ordering {
    let failed = |entry: &Entry| entry.left == Some(0);
    let by_key = match (&a.sort_key, &b.sort_key) {
        (Some(x), Some(y)) => {
            x.cmp(y).then_with(|| a.machine.cmp(&b.machine)).then_with(|| version::compare(&b.version, &a.version))
        }
        (x, y) => x.is_none().cmp(&y.is_none()),
    };
    let by_tries = match (a.left, b.left) {
        (Some(x), Some(y)) => y.cmp(&x).then(a.done.cmp(&b.done)),
        _ => Ordering::Equal,
    };
    failed(a).cmp(&failed(b)).then(by_key).then_with(|| version::compare(&b.id, &a.id)).then(by_tries)
}

/// `name+LEFT-DONE.conf`: the name without what counts, how many tries are left, and how many failed.
pub(super) fn tries(file: &str) -> (String, Option<u32>, u32) {
    let counted = || {
        let (stem, end) = file.rsplit_once('.')?;
        let (name, counters) = stem.rsplit_once('+')?;
        let (left, done) = counters.split_once('-').unwrap_or((counters, "0"));
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
        Some((format!("{name}.{end}"), Some(number(left)?), number(done)?))
    };
    counted().unwrap_or_else(|| (file.to_owned(), None, 0))
}

/// The values of a key, in order: `key value`, comments begin with `#`.
fn all(text: &str, key: &str) -> Vec<String> {
    let line = |line: &str| {
        let rest = line.trim().strip_prefix(key)?;
        let value = rest.starts_with([' ', '\t']).then(|| rest.trim())?;
        Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).to_owned())
    };
    text.lines().filter_map(line).filter(|value| !value.is_empty()).collect()
}

fn last(text: &str, key: &str) -> Option<String> {
    all(text, key).pop()
}
