//! GRUB legacy: `menu.lst` (GRUB 0.97 manual, "Configuration").

use super::place::{Places, own};
use super::{COMMAND_LINE, Found};
use crate::disk::{Error, Result};
use crate::guest::linux::{cut, optional};

const LAYER: &str = "menu.lst";
/// Largest configuration that is read.
const MAX_BYTES: usize = 1 << 20;

/// One `title` with its commands.
#[derive(Default)]
struct Entry<'t> {
    title: &'t str,
    line: u32,
    commands: Vec<(u32, &'t str, &'t str)>,
}

/// What the configuration at `config` boots by default.
///
/// # Errors
/// `Unsupported`, with the line, where what decides is not understood, and what the filesystem reports.
pub fn read(places: Places, config: &str) -> Result<Found> {
    let text = places.system.tree.read_text(config, MAX_BYTES)?;
    let (default, entries) = parse(&text);
    let index = match default {
        "saved" => saved(places, config)?,
        number => number.parse().map_err(|_| Error::unsupported(LAYER, format!("default {}", cut(number, 32))))?,
    };
    // GRUB shows an error where there is no such entry, and its menu.
    let entry =
        entries.get(index).ok_or_else(|| Error::unsupported(LAYER, format!("default {index}: no such entry")))?;
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
    };
    for (line, command, rest) in &entry.commands {
        let unread = |what: &str| Error::unsupported(LAYER, format!("line {line}: {what}"));
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
                root =
                    own(places.legacy_volume(device).ok_or_else(|| unread("its root is not a volume of this disk"))?);
            }
            "uuid" => {
                let volume = places.system.devices.by_uuid(rest.trim());
                root = own(&volume.ok_or_else(|| unread("its root is not a volume of this disk"))?.name);
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
            "initrd" => found.initrd = rest.split_whitespace().take(16).map(&path).collect::<Result<_>>()?,
            "chainloader" | "configfile" => return Err(unread(command)),
            _ => {}
        }
    }
    if found.kernel.is_empty() {
        return Err(Error::unsupported(LAYER, format!("line {}: the default entry has no kernel", entry.line)));
    }
    Ok(found)
}

/// The value of `default`, and the entries.
fn parse(text: &str) -> (&str, Vec<Entry<'_>>) {
    let mut default = "0";
    let mut entries: Vec<Entry> = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        // "default 0" and "default=0" are the same.
        let (command, rest) = line.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((line, ""));
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim_end();
        match (command, entries.last_mut()) {
            ("title", _) => entries.push(Entry { title: rest, line: number, commands: Vec::new() }),
            (_, Some(entry)) => entry.commands.push((number, command, rest)),
            ("default", None) => default = rest,
            (_, None) => {}
        }
    }
    (default, entries)
}

/// `default saved`: the number in the file `default` beside the configuration.
fn saved(places: Places, config: &str) -> Result<usize> {
    let directory = config.rsplit_once('/').map_or("", |(directory, _)| directory);
    let text = optional(places.system.tree.read_text(&format!("{directory}/default"), 4096))?.unwrap_or_default();
    let number = text.lines().next().unwrap_or_default().trim();
    if number.is_empty() {
        return Ok(0);
    }
    number.parse().map_err(|_| Error::unsupported(LAYER, "the saved default is not a number"))
}
