//! EXTLINUX and SYSLINUX (doc/syslinux.txt of syslinux).

use super::place::Places;
use super::{COMMAND_LINE, Found};
use crate::disk::{Error, Result};
use crate::guest::linux::cut;

const LAYER: &str = "extlinux.conf";
/// Largest configuration that is read.
const MAX_BYTES: usize = 256 * 1024;

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
}

/// A configuration.
#[derive(Default)]
struct Config<'t> {
    default: &'t str,
    on_timeout: Option<&'t str>,
    /// The label that says `menu default`, which counts where a menu is shown.
    menu_default: Option<usize>,
    menu: bool,
    append: &'t str,
    labels: Vec<Label<'t>>,
}

/// What the configuration at `config` boots by default.
///
/// # Errors
/// `Unsupported`, with the line, where what decides is not understood, and what the filesystem reports.
pub fn read(places: Places, config: &str) -> Result<Found> {
    let text = places.system.tree.read_text(config, MAX_BYTES)?;
    let parsed = parse(&text)?;
    let label = choose(&parsed)?;
    if let Some(line) = label.unread {
        return Err(Error::unsupported(LAYER, format!("line {line}: the default label starts no kernel")));
    }
    let (device, file) =
        places.split(config).ok_or_else(|| Error::unsupported(LAYER, "it lies on no mounted volume"))?;
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let guest = |path: &str| {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
        let volume = places.volume(&device);
        let found = volume.and_then(|volume| places.guest(volume, &path));
        found.ok_or_else(|| Error::unsupported(LAYER, format!("{} is on no mounted volume", cut(&path, 64))))
    };
    let append = if label.append.is_empty() { parsed.append } else { label.append };
    let append = if append == "-" { "" } else { append };
    let appended = append.split_whitespace().filter_map(|word| word.strip_prefix("initrd="));
    let initrd = if label.initrd.is_empty() {
        appended.flat_map(|list| list.split(',')).take(16).map(&guest).collect::<Result<_>>()?
    } else {
        let named = label.initrd.iter().flat_map(|list| list.split(','));
        named.take(16).map(|p| guest(p.trim())).collect::<Result<_>>()?
    };
    Ok(Found {
        loader: "extlinux",
        title: if label.title.is_empty() { label.name } else { label.title }.to_owned(),
        place: format!("{config}:{}", label.line),
        kernel: guest(label.kernel)?,
        initrd,
        command_line: cut(append, COMMAND_LINE),
        hypervisor: false,
    })
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as the loader compares")]
fn choose<'c, 't>(config: &'c Config<'t>) -> Result<&'c Label<'t>> {
    let named = |name: &str| config.labels.iter().position(|label| label.name == name);
    let by_name = match config.default {
        "" => None,
        name => named(name),
    };
    let by_menu = config.menu_default.filter(|_| config.menu);
    let on_timeout = config.on_timeout.and_then(named);
    let index = match (by_menu, by_name, on_timeout) {
        (_, _, Some(timeout)) if by_menu.or(by_name).is_some_and(|other| other != timeout) => {
            return Err(Error::unsupported(LAYER, "ontimeout and default differ"));
        }
        (Some(menu), ..) => menu,
        (None, Some(name), _) => name,
        (None, None, Some(timeout)) => timeout,
        // A menu without a default starts its first label.
        (None, None, None) if config.menu && (config.default.is_empty() || config.default.ends_with(".c32")) => 0,
        _ => return Err(Error::unsupported(LAYER, format!("default {}", cut(config.default, 64)))),
    };
    config.labels.get(index).ok_or_else(|| Error::unsupported(LAYER, "it has no label"))
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as the loader compares")]
fn parse(text: &str) -> Result<Config<'_>> {
    let mut config = Config::default();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let at = config.labels.len();
        match (keyword.to_ascii_lowercase().as_str(), config.labels.last_mut()) {
            ("label", _) => config.labels.push(Label { name: rest, line: number, ..Label::default() }),
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
            ("include", _) => return Err(Error::unsupported(LAYER, format!("line {number}: include"))),
            ("menu", label) => {
                let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                match (word.to_ascii_lowercase().as_str(), label) {
                    ("default", Some(_)) => config.menu_default = at.checked_sub(1),
                    ("label", Some(label)) => label.title = rest.trim(),
                    ("include" | "begin", _) => {
                        return Err(Error::unsupported(LAYER, format!("line {number}: menu {word}")));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(config)
}
