//! Entries of the Boot Loader Specification, as the `blscfg` command of Fedora's GRUB makes them menu entries.

use std::cmp::Ordering;
use std::rc::Rc;

use super::run::Status;
use super::state::{Arg, Entry, Loads, State};
use crate::disk::Result;
use crate::guest::linux::bootloader::COMMAND_LINE;
use crate::guest::linux::bootloader::place::Places;
use crate::guest::linux::{cut, optional};

/// Most files that are looked at, and the largest.
const MAX_FILES: usize = 512;
const MAX_BYTES: usize = 64 * 1024;

/// `blscfg [path]`: adds the entries, the newest first.
///
/// # Errors
/// What reading the guest's files reports.
pub fn add(places: Places, line: u32, args: &[Arg], state: &mut State) -> Result<Status> {
    let (device, root) = (state.get("boot"), state.get("root"));
    if !args.is_empty() || !device.whole || !root.whole {
        state.doubt(line, "blscfg of what is not known here");
        return Ok(None);
    }
    let tree = places.system.tree;
    let directory = state.get("blsdir");
    let directory = if directory.text.is_empty() { Arg::known("/loader/entries") } else { directory };
    let Some(directory) = directory.value() else {
        state.doubt(line, "blscfg of what is not known here");
        return Ok(None);
    };
    let own = if device.text.is_empty() { &root.text } else { &device.text };
    let mut candidates: Vec<String> = places.file(directory, own).into_iter().collect();
    candidates.push("/boot/loader/entries".to_owned());
    for directory in candidates {
        let names = optional(tree.list(&directory, MAX_FILES))?.unwrap_or_default();
        let mut names: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".conf")).collect();
        if names.is_empty() {
            continue;
        }
        names.sort_by(|a, b| compare_names(b, a));
        for name in names {
            let path = format!("{directory}/{name}.conf");
            let text = optional(tree.read_text(&path, MAX_BYTES))?.unwrap_or_default();
            if let Some(entry) = entry(&text, name, path, &root.text, state) {
                state.add(entry)?;
            }
        }
        return Ok(Some(true));
    }
    Ok(Some(false))
}

/// The menu entry of one file; `None` where it starts no kernel.
fn entry(text: &str, name: &str, place: String, root: &str, state: &State) -> Option<Entry> {
    let values = |key: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix(key));
        let values = lines.filter(|rest| rest.starts_with([' ', '\t'])).map(|rest| expand(rest.trim(), state));
        values.filter(|value| !value.is_empty()).collect()
    };
    let kernel = values("linux").into_iter().next()?;
    let mut options = values("options");
    if options.is_empty() {
        options.push(state.get("default_kernelopts").text.to_string());
    }
    let initrd = values("initrd").join(" ");
    let title = values("title").into_iter().next().unwrap_or_else(|| name.to_owned());
    Some(Entry {
        title: Arg::known(&title),
        id: Arg::known(name),
        body: Rc::default(),
        submenu: false,
        place,
        restricted: false,
        loads: Some(Loads {
            kernel: Some((root.to_owned(), kernel)),
            command_line: cut(&options.join(" "), COMMAND_LINE),
            initrd: initrd.split_whitespace().take(16).map(|path| (root.to_owned(), path.to_owned())).collect(),
            ..Loads::default()
        }),
    })
}

/// Replaces `$name` by what the configuration and grubenv have set.
fn expand(value: &str, state: &State) -> String {
    let mut parts = value.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let part = part.strip_prefix('{').map_or(part.to_owned(), |rest| rest.replacen('}', "", 1));
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        out.push_str(&state.get(name).text);
        out.push_str(rest);
    }
    cut(out.trim(), 4096)
}

/// Orders file names as packages: name, version and release, each as rpm compares them.
fn compare_names(a: &str, b: &str) -> Ordering {
    let split = |name: &str| -> [String; 3] {
        let (rest, release) = name.rsplit_once('-').unwrap_or((name, ""));
        let (rest, version) = rest.rsplit_once('-').unwrap_or((rest, ""));
        [rest.to_owned(), version.to_owned(), release.to_owned()]
    };
    let (a, b) = (split(a), split(b));
    let parts = a.iter().zip(&b).map(|(a, b)| compare_versions(a, b));
    parts.fold(Ordering::Equal, Ordering::then)
}

/// rpm's order of versions: runs of digits and of letters, digits before letters, `~` before everything.
pub fn compare_versions(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let noise = |c: char| !c.is_ascii_alphanumeric() && c != '~';
        (a, b) = (a.trim_start_matches(noise), b.trim_start_matches(noise));
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(x), Some(y)) => {
                (a, b) = (x, y);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let digits = a.starts_with(|c: char| c.is_ascii_digit());
        let run = |text: &str| {
            let other = |c: char| !c.is_ascii_alphanumeric() || c.is_ascii_digit() != digits;
            text.find(other).unwrap_or(text.len())
        };
        let ((x, rest_a), (y, rest_b)) = (a.split_at(run(a)), b.split_at(run(b)));
        if y.is_empty() {
            return if digits { Ordering::Greater } else { Ordering::Less };
        }
        let order = if digits {
            let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            x.len().cmp(&y.len()).then(x.cmp(y))
        } else {
            x.cmp(y)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}
