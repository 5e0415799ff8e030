//! GRUB legacy: `menu.lst` (GRUB 0.97 manual, "Configuration").

use super::place::{Places, own};
use super::{COMMAND_LINE, Found, MAX_INITRDS, NO_VOLUME};
use crate::disk::{Error, Result};
use crate::guest::linux::{cut, optional};

const LAYER: &str = "menu.lst";
/// Largest configuration that is read.
const MAX_BYTES: usize = 1 << 20;
/// Most entries that `fallback` names (stage2/shared.h, `MAX_FALLBACK_ENTRIES`).
const MAX_FALLBACKS: usize = 8;

/// One `title` with its commands.
#[derive(Default)]
struct Entry<'t> {
    title: &'t str,
    line: u32,
    commands: Vec<(u32, &'t str, &'t str)>,
}

/// A menu.
struct Menu<'t> {
    default: &'t str,
    /// What `fallback` names: tried in turn where an entry fails.
    fallback: &'t str,
    timeout: Option<&'t str>,
    entries: Vec<Entry<'t>>,
}

/// What the configuration at `config` boots by default. An entry fails where its root or a file is missing; then those
/// that `fallback` names are tried. Where all fail, it is the default one.
///
/// # Errors
/// `NotFound` where the default entry's root is not on the disk, `Unsupported`, with the line, where what decides is not
/// understood, and what the filesystem reports.
pub fn read(places: Places, config: &str) -> Result<Found> {
    let text = places.system.tree.read_text(config, MAX_BYTES)?;
    let menu = parse(&text);
    let mut first = None;
    for index in order(places, config, &menu)? {
        let Some(entry) = menu.entries.get(index) else { continue };
        let found = run(places, config, entry);
        let fails = match &found {
            Ok(found) => super::lacks_files(places.system, found)?,
            Err(error) => error.is_not_found(),
        };
        let found = found.map(|found| Found { waits: waits(&menu), alone: menu.entries.len() == 1, ..found });
        if !fails {
            return found;
        }
        first = first.or(Some(found));
    }
    first.unwrap_or_else(|| Err(Error::not_found(LAYER, format!("{} has no entry", cut(config, 64)))))
}

/// The entries in the order in which they are tried. A default beyond the last is the first fallback, or else the first
/// entry (stage2/stage2.c, `cmain`).
fn order(places: Places, config: &str, menu: &Menu) -> Result<Vec<usize>> {
    let default = match menu.default {
        "saved" => saved(places, config)?,
        number => number.parse().map_err(|_| Error::unsupported(LAYER, format!("default {}", cut(number, 32))))?,
    };
    let numbers = menu.fallback.split_whitespace().take(MAX_FALLBACKS).map_while(|word| word.parse::<usize>().ok());
    let fallbacks = numbers.filter(|index| *index < menu.entries.len());
    let mut order: Vec<usize> = std::iter::once(default).chain(fallbacks).collect();
    if default >= menu.entries.len() {
        order.remove(0);
        if order.is_empty() {
            order.push(0);
        }
    }
    Ok(order)
}

/// What an entry loads.
fn run(places: Places, config: &str, entry: &Entry) -> Result<Found> {
    let (device, _) = places.split(config).ok_or_else(|| Error::unsupported(LAYER, "it lies on no mounted volume"))?;
    let mut root = device;
    let mut found = Found {
        loader: "grub-legacy",
        title: entry.title.to_owned(),
        place: format!("{config}:{}", entry.line),
        kernel: String::new(),
        initrd: Vec::new(),
        command_line: String::new(),
        hypervisor: false,
        alone: false,
        waits: None,
    };
    for (line, command, rest) in &entry.commands {
        let unread = |what: &str| Error::unsupported(LAYER, format!("line {line}: {what}"));
        let nowhere = |what: &str| Error::not_found(LAYER, format!("line {line} of {}: {what}", cut(config, 64)));
        let path = |rest: &str| -> Result<String> {
            let file = rest.split_whitespace().find(|word| !word.starts_with("--")).unwrap_or_default();
            let (root, path) = match file.strip_prefix('(').and_then(|file| file.split_once(')')) {
                Some((device, path)) => (places.legacy_volume(device).map(own), path),
                None => (Some(root.clone()), file),
            };
            let volume = root.as_deref().and_then(|root| places.volume(root));
            let guest = volume.and_then(|volume| places.guest(volume, path));
            guest.ok_or_else(|| unread("its file is not on a volume that the guest mounts"))
        };
        let arguments = |rest: &str| {
            let words = rest.split_whitespace().skip_while(|word| word.starts_with("--")).skip(1);
            cut(&words.collect::<Vec<_>>().join(" "), COMMAND_LINE)
        };
        match *command {
            "root" | "rootnoverify" => {
                let device = rest.split_whitespace().next().unwrap_or_default();
                let first = device.starts_with("(hd0,");
                let gone = || nowhere(&format!("{} is no partition of this disk", cut(device, 32)));
                let other = || unread("its root is not on this disk");
                root = own(places.legacy_volume(device).ok_or_else(|| if first { gone() } else { other() })?);
            }
            "uuid" => {
                let volume = places.system.devices.by_uuid(rest.trim());
                let what = || nowhere(&format!("{NO_VOLUME} {}", cut(rest.trim(), 64)));
                root = own(&volume.ok_or_else(what)?.name);
            }
            "kernel" => {
                found.kernel = path(rest)?;
                found.command_line = arguments(rest);
                let file = found.kernel.rsplit('/').next().unwrap_or_default();
                found.hypervisor = file.starts_with("xen") && !file.starts_with("xen-kernel");
            }
            // Under a hypervisor the first module is the kernel, the second its initial ramdisk.
            "module" | "modulenounzip" if found.hypervisor && found.initrd.is_empty() => {
                if found.kernel.rsplit('/').next().is_some_and(|file| file.starts_with("xen")) {
                    found.kernel = path(rest)?;
                    found.command_line = arguments(rest);
                } else {
                    found.initrd.push(path(rest)?);
                }
            }
            "initrd" => found.initrd = rest.split_whitespace().take(MAX_INITRDS).map(&path).collect::<Result<_>>()?,
            "chainloader" | "configfile" => return Err(unread(command)),
            _ => {}
        }
    }
    if found.kernel.is_empty() {
        return Err(Error::unsupported(LAYER, format!("line {}: the default entry has no kernel", entry.line)));
    }
    Ok(found)
}

/// Without a timeout the menu is shown until a key is pressed, hidden or not (stage2/stage2.c, `run_menu`).
fn waits(menu: &Menu) -> Option<String> {
    let set = menu.timeout.is_some_and(|seconds| seconds.starts_with(|c: char| c.is_ascii_digit()));
    (!set).then(|| menu.timeout.map_or_else(|| "no timeout is set".to_owned(), |t| format!("timeout {}", cut(t, 32))))
}

fn parse(text: &str) -> Menu<'_> {
    let mut menu = Menu { default: "0", fallback: "", timeout: None, entries: Vec::new() };
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        // "default 0" and "default=0" are the same.
        let (command, rest) = line.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((line, ""));
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim_end();
        match (command, menu.entries.last_mut()) {
            ("title", _) => menu.entries.push(Entry { title: rest, line: number, commands: Vec::new() }),
            (_, Some(entry)) => entry.commands.push((number, command, rest)),
            ("default", None) => menu.default = rest,
            ("fallback", None) => menu.fallback = rest,
            ("timeout", None) => menu.timeout = Some(rest),
            (_, None) => {}
        }
    }
    menu
}

/// `default saved`: the number in the file `default` beside the configuration, which `savedefault` writes.
fn saved(places: Places, config: &str) -> Result<usize> {
    let directory = config.rsplit_once('/').map_or("", |(directory, _)| directory);
    let text = optional(places.system.tree.read_text(&format!("{directory}/default"), 4096))?.unwrap_or_default();
    let number = text.lines().next().unwrap_or_default().trim();
    if number.is_empty() {
        return Ok(0);
    }
    number.parse().map_err(|_| Error::unsupported(LAYER, "the saved default is not a number"))
}
