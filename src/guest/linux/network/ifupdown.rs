//! `/etc/network/interfaces` (interfaces(5) of ifupdown; what Alpine's ifupdown-ng adds is taken, too).

mod refuse;

use std::collections::BTreeSet;

use super::files::{LAYER, text};
use super::link::{address, bind, is_loopback, learns6, named, static6};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{cut, glob, names, optional};
use crate::inspect::facts::{Interface, LinkKind, V4, V6};
use refuse::Program;

pub const PATH: &str = "/etc/network/interfaces";
/// udev's rule for what appears.
pub const RULE: &str = "/lib/udev/rules.d/80-ifupdown.rules";
/// Deepest `source` within `source`, and most files.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 256;
/// Most stanzas, and most options of one.
const MAX_STANZAS: usize = 1024;
const MAX_OPTIONS: usize = 256;
/// Most stanzas of one interface.
const MAX_OWN: usize = 16;
/// The start of a pattern of hardware addresses (interfaces(5), "INTERFACE MATCHING"), after its slash.
const BY_MAC: &str = "mac/";
/// What cloud-init writes beside it.
const CLOUD_INIT: &[&str] = &["50-cloud-init", "50-cloud-init.cfg"];

/// The interfaces that it brings up, and those that it only knows.
///
/// # Errors
/// `Limit` where it includes too much, `Unsupported` where ifup refuses the file, and what the filesystem reports.
pub fn read(tree: &Tree, without_cloud_init: bool) -> Result<Vec<Interface>> {
    let mut file = File { without_cloud_init, program: Program::of(tree)?, ..File::default() };
    file.read(tree, PATH, 0)?;
    Ok(file.interfaces())
}

/// As NetworkManager's plugin reads it, which passes over what it does not know.
///
/// # Errors
/// As [`read`], but for what ifup refuses.
pub fn by_manager(tree: &Tree, without_cloud_init: bool) -> Result<Vec<Interface>> {
    let mut file = File { without_cloud_init, program: Program::Lenient, ..File::default() };
    file.read(tree, PATH, 0)?;
    Ok(file.interfaces())
}

/// The same where `networking` does not start: udev has systemd bring up those of the class `hotplug`, as they appear
/// (ifupdown's debian/ifupdown-hotplug). `None` without its rule.
///
/// # Errors
/// As [`read`].
pub fn by_udev(tree: &Tree, without_cloud_init: bool) -> Result<Option<Vec<Interface>>> {
    let name = RULE.rsplit('/').next().unwrap_or_default();
    // A file of the same name in /etc stands in for it.
    let shadowed = optional(tree.stat_link(&format!("/etc/udev/rules.d/{name}")))?.is_some();
    let unit = "/etc/systemd/system/ifup@.service";
    let masked = optional(tree.read_link(unit))?.is_some_and(|target| target == "/dev/null");
    if shadowed || masked || !(tree.exists(RULE)? || tree.exists(&format!("/usr{RULE}"))?) {
        return Ok(None);
    }
    let mut text = None;
    for path in [unit, "/lib/systemd/system/ifup@.service", "/usr/lib/systemd/system/ifup@.service"] {
        text = text.or(self::text(tree, path)?);
    }
    let Some(text) = text else { return Ok(None) };
    let mut file = File { without_cloud_init, program: Program::of(tree)?, by_udev: true, ..File::default() };
    file.read(tree, PATH, 0)?;
    let mut found = file.interfaces();
    // Older units ask for a directory that `networking` may have to make.
    for interface in found.iter_mut().filter(|i| text.contains("ConditionPath") && !i.off && i.v4 == V4::Dhcp) {
        interface.v4 = V4::Unknown;
    }
    Ok(Some(found))
}

/// Whether what cloud-init writes beside the file is sourced by it, whatever of its two names it has.
///
/// # Errors
/// As [`read`].
pub fn sources_cloud_init(tree: &Tree) -> Result<bool> {
    let mut file = File { program: Program::of(tree)?, ..File::default() };
    file.read(tree, PATH, 0)?;
    let is_taken = |path: &str| {
        file.sourced.iter().any(|(folder, pattern)| {
            path.rsplit_once('/')
                .is_some_and(|(dir, name)| dir == folder.trim_end_matches('/') && glob::matches(pattern, name))
        })
    };
    Ok(CLOUD_INIT.iter().any(|name| is_taken(&format!("{PATH}.d/{name}"))))
}

/// One `iface`.
#[derive(Debug, Clone, Default)]
struct Stanza {
    name: String,
    family: String,
    method: String,
    /// The interface whose stanzas it takes over.
    inherits: Option<String>,
    options: Vec<(String, String)>,
    path: String,
    line: u32,
}

/// All that the files say.
#[derive(Default)]
struct File {
    without_cloud_init: bool,
    program: Program,
    by_udev: bool,
    stanzas: Vec<Stanza>,
    /// `auto`: names, and patterns after a `/`.
    auto: BTreeSet<String>,
    /// `allow-hotplug` and other classes.
    allowed: BTreeSet<String>,
    hotplug: BTreeSet<String>,
    /// `mapping`: patterns, and the interfaces that their lines name.
    mappings: Vec<(Vec<String>, Vec<String>)>,
    read: BTreeSet<String>,
    /// What is sourced: folders, and patterns of names in them.
    sourced: Vec<(String, String)>,
}

/// What following lines belong to.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Stanza,
    Mapping,
}

impl File {
    fn read(&mut self, tree: &Tree, path: &str, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH || self.read.len() >= MAX_FILES {
            return Err(Error::limit(LAYER, format!("{PATH} includes more than {MAX_FILES} files, or too deeply")));
        }
        if !self.read.insert(path.to_owned()) {
            return Ok(());
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        if self.without_cloud_init && CLOUD_INIT.contains(&name) {
            return Ok(());
        }
        let Some(text) = text(tree, path)? else { return Ok(()) };
        let mut open = Open::Nothing;
        let mut scripts = 0_usize;
        for (line, number) in lines(&text) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let refused = (self.program != Program::Lenient)
                .then(|| refuse::line(&words, open, scripts, &self.stanzas))
                .flatten();
            if let Some(why) = refused {
                // What a sourced file says before that line is kept by Debian's.
                if depth > 0 && self.program == Program::Ifupdown {
                    return Ok(());
                }
                let place = cut(path, 64);
                return Err(Error::unsupported(
                    LAYER,
                    format!("ifup refuses {place}:{number}, `ifquery --list` says so: {why}"),
                ));
            }
            let Some((&first, rest)) = words.split_first() else { continue };
            match first {
                "auto" | "allow-auto" => self.auto.extend(rest.iter().map(|w| (*w).to_owned())),
                _ if first.starts_with("allow-") => {
                    let names = || rest.iter().map(|w| (*w).to_owned());
                    self.allowed.extend(names());
                    if first == "allow-hotplug" {
                        self.hotplug.extend(names());
                    }
                }
                "iface" if self.stanzas.len() < MAX_STANZAS => self.stanzas.push(stanza(rest, path, number)),
                "mapping" => self.mappings.push((rest.iter().map(|w| (*w).to_owned()).collect(), Vec::new())),
                "source" | "source-directory" => self.source(tree, first, rest, path, depth)?,
                "no-auto-down" | "no-scripts" | "rename" | "iface" => {}
                "template" if self.program == Program::Lenient => {}
                option => match open {
                    Open::Stanza => self.option(option, rest),
                    Open::Mapping if option == "map" => {
                        let mapping = self.mappings.last_mut();
                        if let Some((_, names)) = mapping {
                            names.extend(rest.last().map(|w| (*w).to_owned()));
                        }
                    }
                    Open::Mapping | Open::Nothing => {}
                },
            }
            open = match first {
                "iface" => Open::Stanza,
                "mapping" => Open::Mapping,
                _ if refuse::is_keyword(first, self.program) => Open::Nothing,
                _ => open,
            };
            scripts = match first {
                "mapping" => 0,
                "script" => scripts.saturating_add(1),
                _ => scripts,
            };
        }
        Ok(())
    }

    fn option(&mut self, name: &str, value: &[&str]) {
        if let Some(stanza) = self.stanzas.last_mut()
            && stanza.options.len() < MAX_OPTIONS
        {
            stanza.options.push((name.replace('_', "-"), value.join(" ")));
        }
    }

    /// `source` takes patterns; `source-directory` the files of a folder whose names run-parts(8) would take.
    fn source(&mut self, tree: &Tree, how: &str, patterns: &[&str], from: &str, depth: usize) -> Result<()> {
        let deeper = depth.saturating_add(1);
        let here = from.rsplit_once('/').map(|(dir, _)| dir).unwrap_or_default();
        for pattern in patterns {
            let pattern = if pattern.starts_with('/') { (*pattern).to_owned() } else { format!("{here}/{pattern}") };
            if self.sourced.len() < MAX_FILES {
                let (dir, name) =
                    if how == "source" { pattern.rsplit_once('/').unwrap_or_default() } else { (&*pattern, "*") };
                self.sourced.push((dir.to_owned(), name.to_owned()));
            }
            if how == "source" && !pattern.contains(['*', '?', '[']) {
                self.read(tree, &pattern, deeper)?;
                continue;
            }
            let (dir, of) = match how {
                "source" => pattern.rsplit_once('/').unwrap_or_default(),
                _ => (pattern.trim_end_matches('/'), "*"),
            };
            if dir.contains(['*', '?', '[']) {
                return Err(Error::unsupported(LAYER, format!("{PATH} sources folders by pattern: {}", cut(dir, 64))));
            }
            let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            for name in names(tree, dir)? {
                if !name.starts_with('.') && glob::matches(of, &name) && (how == "source" || plain(&name)) {
                    self.read(tree, &format!("{dir}/{name}"), deeper)?;
                }
            }
        }
        Ok(())
    }

    /// What each interface is set up as.
    fn interfaces(&self) -> Vec<Interface> {
        let logical: BTreeSet<&str> = self.stanzas.iter().map(|s| s.name.as_str()).collect();
        // What is brought up by name and has stanzas only by another name: eth0=home, or a mapping.
        let mut physical: Vec<(String, Vec<String>)> = Vec::new();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for entry in self.auto.iter().chain(&self.allowed) {
            let (name, as_what) = entry.split_once('=').unwrap_or((entry, ""));
            // A pattern is set up as what it matches, or as the one name after it; only those of names are judged.
            let name = match name.split_once('/') {
                Some(("", pattern)) if !as_what.is_empty() => pattern.trim_end_matches('/'),
                Some(_) => continue,
                None => name,
            };
            let by_mapping = self.mappings.iter().find(|(patterns, _)| patterns.iter().any(|p| glob::matches(p, name)));
            let names = match (as_what, by_mapping) {
                ("", Some((_, mapped))) => mapped.clone(),
                ("", None) => continue,
                (as_what, _) => vec![as_what.to_owned()],
            };
            used.extend(names.iter().cloned());
            physical.push((name.to_owned(), names));
        }
        for name in logical {
            let is_listed = listed(&self.auto, name) || listed(&self.allowed, name);
            if !used.contains(name)
                && (is_listed || !self.is_logical(name))
                && !physical.iter().any(|(known, _)| known == name)
            {
                physical.push((name.to_owned(), vec![name.to_owned()]));
            }
        }
        physical.sort();
        physical.dedup();
        let mut found: Vec<Interface> =
            physical.iter().filter_map(|(name, as_what)| self.interface(name, as_what)).collect();
        self.join_bonds(&mut found);
        found
    }

    /// Whether a name that nothing brings up is none of a card's: others inherit from it, or it has no number.
    fn is_logical(&self, name: &str) -> bool {
        let inherited = self.stanzas.iter().any(|stanza| stanza.inherits.as_deref() == Some(name));
        inherited || !name.contains(|c: char| c.is_ascii_digit() || matches!(c, '*' | '?' | '['))
    }

    fn interface(&self, name: &str, as_what: &[String]) -> Option<Interface> {
        if is_loopback(name) {
            return None;
        }
        let mut outcomes = Vec::new();
        for one in as_what {
            let stanzas = self.inherited(one);
            let first = stanzas.first()?;
            if stanzas.iter().all(|s| s.method == "loopback") {
                return None;
            }
            // An alias (eth0:1) adds to an interface that has stanzas of its own.
            let mac = name.strip_prefix(BY_MAC);
            let base = if mac.is_some() { name } else { name.split(':').next().unwrap_or(name) };
            if base != name && self.stanzas.iter().any(|s| s.name == base) {
                return None;
            }
            let mut interface = named(base, &first.path, first.line);
            if let Some(mac) = mac {
                interface.kind = LinkKind::Card;
                bind(&mut interface, mac);
            }
            for stanza in &stanzas {
                apply(&mut interface, stanza);
            }
            outcomes.push(interface);
        }
        let mut interface = outcomes.first()?.clone();
        // Which one a mapping's script picks is known only where all are alike.
        if outcomes.iter().any(|other| other.v4 != interface.v4) {
            interface.v4 = V4::Unknown;
        }
        let auto = !self.by_udev && listed(&self.auto, name);
        interface.required = auto;
        interface.off = !auto && !listed(if self.by_udev { &self.hotplug } else { &self.allowed }, name);
        Some(interface)
    }

    /// The stanzas of an interface, and after each the one before it that it inherits, and what that inherits.
    fn inherited(&self, name: &str) -> Vec<&Stanza> {
        let mut all = Vec::new();
        for (mut at, own) in self.stanzas.iter().enumerate().filter(|(_, stanza)| stanza.name == name).take(MAX_OWN) {
            let mut heir = own;
            all.push(own);
            // What is inherited stands before its heir, so this ends.
            while let Some(from) = &heir.inherits
                && let Some(earlier) = self.stanzas.get(..at)
                && let Some(found) = earlier.iter().rposition(|stanza| stanza.name == *from)
                && let Some(stanza) = earlier.get(found)
            {
                (at, heir) = (found, stanza);
                all.push(stanza);
            }
        }
        all
    }

    /// Bonds name their parts, or parts their bond.
    fn join_bonds(&self, found: &mut [Interface]) {
        for stanza in &self.stanzas {
            for (option, value) in &stanza.options {
                if matches!(option.as_str(), "bond-slaves" | "slaves") && value != "none" {
                    for part in value.split_whitespace() {
                        for link in found.iter_mut().filter(|link| link.name == part) {
                            link.bond = cut(&stanza.name, 64);
                        }
                    }
                }
            }
        }
    }
}

/// Whether a list of names and patterns holds an interface.
fn listed(list: &BTreeSet<String>, name: &str) -> bool {
    list.iter().any(|entry| {
        let physical = entry.split('=').next().unwrap_or_default();
        match physical.split_once('/') {
            // "/pattern", "variable/pattern/": only patterns of names are judged.
            Some(("", pattern)) => glob::matches(pattern.trim_end_matches('/'), name),
            Some(_) => false,
            None => physical == name,
        }
    })
}

/// `iface NAME [FAMILY METHOD] [inherits OTHER]`.
fn stanza(words: &[&str], path: &str, line: u32) -> Stanza {
    let (name, rest) = words.split_first().map_or(("", words), |(name, rest)| (*name, rest));
    let at = rest.iter().position(|word| *word == "inherits");
    let inherits = at.and_then(|at| rest.get(at.saturating_add(1))).map(|word| (*word).to_owned());
    let own = at.and_then(|at| rest.get(..at)).unwrap_or(rest);
    let word = |n: usize| own.get(n).map(|word| (*word).to_owned()).unwrap_or_default();
    Stanza {
        name: name.to_owned(),
        family: word(0),
        method: word(1),
        inherits,
        options: Vec::new(),
        path: path.to_owned(),
        line,
    }
}

fn apply(interface: &mut Interface, stanza: &Stanza) {
    let option = |name: &str| stanza.options.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    for (name, value) in &stanza.options {
        match name.as_str() {
            "bond-slaves" | "slaves" | "bond-mode" => interface.kind = LinkKind::Bond,
            "bridge-ports" => interface.kind = LinkKind::Bridge,
            "vlan-raw-device" => interface.kind = LinkKind::Other,
            "bond-master" => interface.bond = cut(value, 64),
            "pre-up" | "up" | "post-up" => {
                if let Some(one) = added6(value) {
                    address(interface, one);
                }
            }
            _ => {}
        }
    }
    let addresses = stanza.options.iter().filter(|(name, _)| name == "address").map(|(_, value)| value.as_str());
    match (stanza.family.as_str(), stanza.method.as_str()) {
        ("inet", "dhcp") => interface.v4 = V4::Dhcp,
        ("inet6", "dhcp") => learns6(interface, V6::Dhcp),
        ("inet6", "auto") => learns6(interface, V6::Auto),
        ("inet", "static" | "v4tunnel" | "ppp") => addresses.for_each(|one| address(interface, one)),
        ("inet6", "static" | "v4tunnel" | "6to4") => {
            let Some(one) = addresses.into_iter().next().or_else(|| option("gateway")) else { return };
            if !one.to_lowercase().starts_with("fe80:") {
                static6(interface, one);
            }
        }
        // ifupdown-ng: no family, and "use dhcp" among the options.
        ("", _) => {
            if stanza.options.iter().any(|(name, value)| name == "use" && value == "dhcp") {
                interface.v4 = V4::Dhcp;
            }
            addresses.for_each(|one| address(interface, one));
        }
        _ => {}
    }
}

/// The IPv6 address that a command gives: `ip -6 addr add 2001:db8::2/64 dev eth0`, `ifconfig eth0 inet6 add 2001:db8::2/64`.
fn added6(command: &str) -> Option<&str> {
    const BEFORE: &[&str] = &["addr", "address", "a", "inet6"];
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_tool = |word: &&str| matches!(word.rsplit('/').next(), Some("ip" | "ifconfig"));
    if !words.iter().any(is_tool) {
        return None;
    }
    let given = words.windows(3).find_map(|three| match three {
        [before, "add" | "replace", value] if BEFORE.contains(before) => Some(*value),
        _ => None,
    })?;
    given.split('/').next()?.parse::<std::net::Ipv6Addr>().is_ok().then_some(given)
}

/// The lines that are no comments, those that end in a backslash joined with the next, each with its number.
fn lines(text: &str) -> Vec<(String, u32)> {
    let mut out: Vec<(String, u32)> = Vec::new();
    let mut open = false;
    for (line, number) in text.lines().zip(1_u32..) {
        if !open && line.trim_start().starts_with('#') {
            continue;
        }
        let (part, goes_on) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match out.last_mut().filter(|_| open) {
            Some((joined, _)) => joined.push_str(part),
            None => out.push((part.to_owned(), number)),
        }
        open = goes_on;
    }
    out
}

#[cfg(test)]
mod tests;
