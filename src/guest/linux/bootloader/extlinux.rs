//! EXTLINUX and SYSLINUX (doc/syslinux.txt of syslinux).

use super::place::Places;
use super::{COMMAND_LINE, Found, MAX_INITRDS};
use crate::disk::{Error, Result};
use crate::guest::linux::{cut, optional};

const LAYER: &str = "extlinux.conf";
/// Largest configuration that is read, with all that it includes, and most files of it.
const MAX_BYTES: usize = 256 * 1024;
const MAX_FILES: usize = 32;

/// One `label`.
#[derive(Default)]
struct Label<'t> {
    name: &'t str,
    title: &'t str,
    line: u32,
    kernel: &'t str,
    append: &'t str,
    initrd: Vec<&'t str>,
    unread: Option<u32>,
    /// The file it is in.
    file: usize,
}

/// A configuration.
#[derive(Default)]
struct Config<'t> {
    default: &'t str,
    on_timeout: Option<&'t str>,
    /// The label that says `menu default`, which counts where a menu is shown.
    menu_default: Option<usize>,
    menu: bool,
    /// `prompt` is not 0, and `timeout` is not: it waits, and then `ontimeout` counts.
    prompt: bool,
    timeout: bool,
    /// `totaltimeout` is not 0: it ends every waiting.
    total: bool,
    /// Something else is started where the default fails.
    on_error: bool,
    append: &'t str,
    labels: Vec<Label<'t>>,
}

impl Config<'_> {
    /// It says what to start, or has a menu that does.
    fn starts(&self) -> bool {
        !self.default.is_empty() || self.menu
    }
}

/// What the configuration at `config` boots by default.
///
/// # Errors
/// `NotFound` where it has no default; `Unsupported`, with the line, where what decides is not understood; what the
/// filesystem reports.
pub fn read(places: Places, config: &str) -> Result<Found> {
    let texts = included(places, config)?;
    let mut parsed = Config::default();
    for (file, (_, lines)) in texts.iter().enumerate() {
        parse(&mut parsed, file, lines)?;
    }
    let folder = config.rsplit_once('/').map_or("", |(folder, _)| folder);
    let label = match choose(&parsed) {
        // "No DEFAULT or UI configuration directive found!", again and again.
        Err(error) if error.is_not_found() && !places.system.tree.exists(&format!("{folder}/linux"))? => {
            let config = cut(config, 64);
            return Err(Error::not_found(
                LAYER,
                format!("{config} has no default: EXTLINUX asks for a label, for ever"),
            ));
        }
        Err(error) if error.is_not_found() => return Err(Error::unsupported(LAYER, "whether it starts `linux`")),
        found => found?,
    };
    if let Some(line) = label.unread {
        return Err(Error::unsupported(LAYER, format!("line {line}: the default label starts no kernel")));
    }
    let (device, path) =
        places.split(config).ok_or_else(|| Error::unsupported(LAYER, "it lies on no mounted volume"))?;
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let guest = |path: &str| {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
        let volume = places.volume(&device);
        let found = volume.and_then(|volume| places.guest(volume, &path));
        found.ok_or_else(|| Error::unsupported(LAYER, format!("{} is on no mounted volume", cut(&path, 64))))
    };
    let append = if label.append.is_empty() { parsed.append } else { label.append };
    let append = if append == "-" { "" } else { append };
    // The file is the first word: what follows it comes before `append` on the kernel's line.
    let (kernel, words) = label.kernel.split_once(char::is_whitespace).unwrap_or((label.kernel, ""));
    let appended =
        words.split_whitespace().chain(append.split_whitespace()).filter_map(|word| word.strip_prefix("initrd="));
    let initrd = if label.initrd.is_empty() {
        appended.flat_map(|list| list.split(',')).take(MAX_INITRDS).map(&guest).collect::<Result<_>>()?
    } else {
        let named = label.initrd.iter().flat_map(|list| list.split(','));
        named.take(MAX_INITRDS).map(|p| guest(p.trim())).collect::<Result<_>>()?
    };
    let place = texts.get(label.file).map_or(config, |(file, _)| file.as_str());
    let found = Found {
        loader: "extlinux",
        title: if label.title.is_empty() { label.name } else { label.title }.to_owned(),
        place: format!("{place}:{}", label.line),
        kernel: guest(kernel)?,
        initrd,
        command_line: cut(format!("{words} {append}").trim(), COMMAND_LINE),
        hypervisor: false,
        alone: parsed.labels.len() == 1,
        waits: ((parsed.menu || parsed.prompt) && !parsed.timeout && !parsed.total)
            .then(|| "no timeout is set".to_owned()),
    };
    if parsed.on_error && super::lacks_files(places.system, &found)? {
        return Err(Error::unsupported(LAYER, "a file of the default label is missing, and onerror starts another"));
    }
    Ok(found)
}

/// Lines of one file, with their numbers.
type Lines = Vec<(u32, String)>;

/// The configuration in pieces, in the order in which they are read: a file up to an `include`, what is included, the
/// rest of the file. Names count from the folder of the configuration.
fn included(places: Places, config: &str) -> Result<Vec<(String, Lines)>> {
    let tree = places.system.tree;
    let folder = config.rsplit_once('/').map_or("", |(folder, _)| folder);
    let lines = |text: &str| -> Lines { text.lines().map(str::to_owned).zip(1..).map(|(line, n)| (n, line)).collect() };
    let text = tree.read_text(config, MAX_BYTES)?;
    let (mut pieces, mut files, mut bytes) = (Vec::new(), 1_usize, text.len());
    let mut waiting = vec![(config.to_owned(), lines(&text))];
    while let Some((file, mut rest)) = waiting.pop() {
        let Some(at) = rest.iter().position(|(_, line)| include(line).is_some()) else {
            pieces.push((file, rest));
            continue;
        };
        let after = rest.split_off(at.saturating_add(1));
        let name = rest.pop().and_then(|(_, line)| include(&line).map(str::to_owned)).unwrap_or_default();
        pieces.push((file.clone(), rest));
        waiting.push((file, after));
        let path = match name.strip_prefix('/') {
            Some(_) => {
                let volume = places.split(config).and_then(|(device, _)| places.volume(&device).map(str::to_owned));
                volume.and_then(|volume| places.guest(&volume, &name)).unwrap_or(name)
            }
            None => format!("{folder}/{name}"),
        };
        files = files.saturating_add(1);
        let text = optional(tree.read_text(&path, MAX_BYTES))?.unwrap_or_default();
        bytes = bytes.saturating_add(text.len());
        if files > MAX_FILES || bytes > MAX_BYTES {
            return Err(Error::limit(LAYER, "it includes too much"));
        }
        waiting.push((path, lines(&text)));
    }
    Ok(pieces)
}

/// The file that a line includes: `include FILE`, `menu include FILE`.
fn include(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let mut first = words.next()?;
    if first.eq_ignore_ascii_case("menu") {
        first = words.next()?;
    }
    first.eq_ignore_ascii_case("include").then(|| words.next())?
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as the loader compares")]
fn choose<'c, 't>(config: &'c Config<'t>) -> Result<&'c Label<'t>> {
    let named = |name: &str| config.labels.iter().position(|label| label.name == name);
    let by_name = match config.default {
        "" => None,
        name => named(name),
    };
    let by_menu = config.menu_default.filter(|_| config.menu);
    let waits = (config.menu || config.prompt || !config.starts()) && config.timeout;
    let on_timeout = match config.on_timeout.filter(|_| waits) {
        Some(name) => {
            let what = || Error::unsupported(LAYER, format!("ontimeout {}", cut(name, 64)));
            Some(named(name).ok_or_else(what)?)
        }
        None => None,
    };
    let index = match (by_menu, by_name, on_timeout) {
        (_, _, Some(timeout)) => timeout,
        (Some(menu), ..) => menu,
        (None, Some(name), _) => name,
        // A menu without a default starts its first label.
        (None, None, None) if config.menu && (config.default.is_empty() || config.default.ends_with(".c32")) => 0,
        // Before 4.00 it started `linux`.
        (None, None, None) if !config.starts() && named("linux").is_none() => {
            return Err(Error::not_found(LAYER, "no default"));
        }
        _ => return Err(Error::unsupported(LAYER, format!("default {}", cut(config.default, 64)))),
    };
    config.labels.get(index).ok_or_else(|| Error::unsupported(LAYER, "it has no label"))
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as the loader compares")]
fn parse<'t>(config: &mut Config<'t>, file: usize, lines: &'t Lines) -> Result<()> {
    for (number, line) in lines {
        let (number, line) = (*number, line.trim());
        if line.starts_with('#') {
            continue;
        }
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let at = config.labels.len();
        match (keyword.to_ascii_lowercase().as_str(), config.labels.last_mut()) {
            ("label", _) => config.labels.push(Label { name: rest, line: number, file, ..Label::default() }),
            ("kernel" | "linux", Some(label)) => label.kernel = rest,
            ("append", Some(label)) => label.append = rest,
            ("append", None) => config.append = rest,
            ("initrd", Some(label)) => label.initrd.push(rest),
            ("localboot" | "com32" | "boot" | "bss" | "pxe" | "fdimage" | "config", Some(label)) => {
                label.unread = Some(number);
            }
            ("default", _) => {
                config.default = rest;
                config.menu |= rest.ends_with(".c32");
            }
            ("ontimeout", _) => config.on_timeout = Some(rest),
            ("ui", _) => config.menu = true,
            ("prompt", _) => config.prompt = rest != "0",
            ("timeout", _) => config.timeout = rest.parse::<u32>().is_ok_and(|tenths| tenths > 0),
            ("totaltimeout", _) => config.total = rest.parse::<u32>().is_ok_and(|tenths| tenths > 0),
            ("onerror", _) => config.on_error = true,
            ("menu", label) => {
                let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                match (word.to_ascii_lowercase().as_str(), label) {
                    ("default", Some(_)) => config.menu_default = at.checked_sub(1),
                    ("label", Some(label)) => label.title = rest.trim(),
                    ("begin", _) => {
                        return Err(Error::unsupported(LAYER, format!("line {number}: menu {word}")));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(())
}
