//! Which of systemd-networkd's files a link gets: the first one, by name over all folders, whose `[Match]` fits; later ones
//! are ignored (systemd.network(5)).

use std::collections::BTreeSet;

use super::files::LAYER;
use super::link::{is_cloud_driver, is_loopback};
use crate::disk::{Error, Result};
use crate::guest::linux::glob;
use crate::guest::linux::ini::Ini;
use crate::inspect::facts::{By, Interface, LinkKind, V4};

/// Most words of one `Name=` or `MACAddress=` that are taken, and the longest one.
const MAX_WORDS: usize = 32;
const MAX_WORD: usize = 64;
/// Most patterns and most links of all files.
const MAX_PATTERNS: usize = 64;
const MAX_LINKS: usize = 1024;
/// What is judged in `[Match]`; all else is not known of an instance.
const JUDGED: &[&str] =
    &["Name", "MACAddress", "PermanentMACAddress", "Driver", "Type", "Kind", "Virtualization", "KernelCommandLine"];
/// What only wireless links have.
const WIRELESS: &[&str] = &["WLANInterfaceType", "SSID", "BSSID"];

/// One `.network` file.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// Its name, by which files are sorted.
    pub name: String,
    /// It lies in `/etc`.
    pub local: bool,
    /// What it is for; `None` where that is no network card of a virtual machine.
    pub matches: Option<Match>,
    /// What it sets up.
    pub interfaces: Vec<Interface>,
}

/// The `[Match]` section of a file.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// Names and patterns, any one of which fits; empty where any name does.
    pub names: Vec<String>,
    /// Names and patterns that do not fit.
    excepts: Vec<String>,
    /// Hardware addresses, in place of a name.
    pub macs: Vec<String>,
    /// The links that it may be for.
    pub kinds: Vec<LinkKind>,
    /// It asks for what is not known of an instance, too.
    narrowed: bool,
}

impl Match {
    /// Reads it; `None` where the file is for no network card of a virtual machine.
    pub fn of(ini: &Ini, command_line: &str) -> Option<Self> {
        let all = |key: &str| ini.all(&["Match"], key);
        let (types, kinds, drivers) =
            (Patterns::of(&all("Type")), Patterns::of(&all("Kind")), Patterns::of(&all("Driver")));
        // What `ip -details link` shows of each: a card has no kind.
        let links = [
            (LinkKind::Card, "ether", None),
            (LinkKind::Bond, "bond", Some("bond")),
            (LinkKind::Bridge, "bridge", Some("bridge")),
        ];
        let links = links.into_iter().filter(|(_, a_type, kind)| types.fit(Some(a_type)) && kinds.fit(*kind));
        let kinds: Vec<LinkKind> = links.map(|(kind, ..)| kind).collect();
        let sections = || ini.settings.iter().filter(|s| s.section == "Match" && !s.value.is_empty());
        let applies = all("Virtualization").iter().all(|v| is_here(v))
            && all("KernelCommandLine").iter().all(|word| on_line(word, command_line))
            && !kinds.is_empty()
            && (drivers.are_none() || is_cloud_driver(|name| drivers.fit(Some(name))))
            && !sections().any(|s| WIRELESS.contains(&s.key.as_str()));
        // A file that matches by nothing is not used (since version 244).
        if !applies || sections().next().is_none() {
            return None;
        }
        let Patterns { wanted: names, not: excepts } = Patterns::of(&all("Name"));
        if !names.is_empty() && names.iter().all(|name| is_loopback(name)) {
            return None;
        }
        let macs = [all("MACAddress"), all("PermanentMACAddress")].concat();
        let macs = macs.iter().flat_map(|list| list.split_whitespace()).take(MAX_WORDS).map(str::to_owned).collect();
        let narrowed = sections().any(|s| !JUDGED.contains(&s.key.as_str()));
        Some(Self { names, excepts, macs, kinds, narrowed })
    }

    /// That of a file which a generator writes for one interface.
    pub fn generated(interface: &Interface) -> Self {
        let mac = (interface.by == By::Mac).then(|| interface.name.clone());
        let name = (interface.by != By::Mac).then(|| interface.name.clone());
        let kinds = vec![LinkKind::Card, LinkKind::Bond, LinkKind::Bridge];
        Self { names: name.into_iter().collect(), macs: mac.into_iter().collect(), kinds, ..Self::default() }
    }

    /// Whether it names its links one by one.
    pub fn is_exact(&self) -> bool {
        !self.names.is_empty() && self.excepts.is_empty() && !self.names.iter().any(|name| is_pattern(name))
    }

    /// As a sentence shows it.
    pub fn shown(&self) -> String {
        let excepts = self.excepts.iter().map(|name| format!("!{name}"));
        let all: Vec<String> = self.names.iter().cloned().chain(excepts).collect();
        if all.is_empty() { "*".to_owned() } else { all.join(" ") }
    }
}

/// Words of a list in `[Match]`.
struct Patterns {
    wanted: Vec<String>,
    not: Vec<String>,
}

impl Patterns {
    /// A list that begins with `!` is one of what does not fit, and so is a word.
    fn of(lists: &[&str]) -> Self {
        let mut found = Self { wanted: Vec::new(), not: Vec::new() };
        for list in lists {
            let (list, inverted) = list.strip_prefix('!').map_or((*list, false), |rest| (rest, true));
            for word in list.split_whitespace().filter(|word| word.len() <= MAX_WORD).take(MAX_WORDS) {
                let (word, not) = word.strip_prefix('!').map_or((word, inverted), |word| (word, true));
                let words = if not { &mut found.not } else { &mut found.wanted };
                if words.len() < MAX_WORDS {
                    words.push(word.to_owned());
                }
            }
        }
        found
    }

    fn are_none(&self) -> bool {
        self.wanted.is_empty() && self.not.is_empty()
    }

    /// As net_condition_test_strv() of systemd's src/shared/net-condition.c.
    fn fit(&self, value: Option<&str>) -> bool {
        let any = |words: &[String]| value.is_some_and(|value| words.iter().any(|word| glob::matches(word, value)));
        !any(&self.not) && (self.wanted.is_empty() || any(&self.wanted))
    }
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

/// What the files set up, in their order, each link by the first one that is for it. `cards` are the names that the card of
/// an instance has, where these are known: a pattern that fits them, and comes after a file for them, sets up no card.
///
/// # Errors
/// `Limit` where they match by too many patterns.
pub fn used(files: impl Iterator<Item = File>, cards: &[&str]) -> Result<Vec<Interface>> {
    let mut earlier = Taken::default();
    let mut found = Vec::new();
    let mut links = 0_usize;
    for file in files {
        let Some(matches) = file.matches else { continue };
        links = links.saturating_add(file.interfaces.len());
        if links > MAX_LINKS {
            return Err(Error::limit(LAYER, format!("systemd-networkd's files name more than {MAX_LINKS} links")));
        }
        for mut interface in file.interfaces {
            let cards = matches.cards(&interface, cards);
            let words = match interface.by {
                By::Name => std::slice::from_ref(&interface.name),
                By::Pattern if !cards.is_empty() => cards.as_slice(),
                By::Mac | By::Pattern => matches.names.as_slice(),
            };
            match earlier.holds(words, interface.kind) {
                Some(true) => continue,
                Some(false) if interface.v4 == V4::Dhcp => interface.v4 = V4::Unknown,
                // Whether this one matches is not known.
                None if matches.narrowed && interface.v4 == V4::Dhcp => interface.v4 = V4::Unknown,
                _ => {}
            }
            found.push(interface);
        }
        earlier.add(matches)?;
    }
    Ok(found)
}

/// What the files before are for.
#[derive(Default)]
struct Taken {
    /// Names of links that surely have a file.
    names: BTreeSet<String>,
    /// All else.
    patterns: Vec<Match>,
    count: usize,
}

impl Taken {
    fn add(&mut self, matches: Match) -> Result<()> {
        // Those of one hardware address say nothing of an instance's card.
        if !matches.macs.is_empty() {
            return Ok(());
        }
        if matches.is_exact() && !matches.narrowed && matches.kinds.contains(&LinkKind::Card) {
            self.names.extend(matches.names);
            return Ok(());
        }
        self.count = self.count.saturating_add(matches.names.len().max(1));
        if self.count > MAX_PATTERNS {
            return Err(Error::limit(
                LAYER,
                format!("systemd-networkd's files match by more than {MAX_PATTERNS} patterns"),
            ));
        }
        self.patterns.push(matches);
        Ok(())
    }

    /// Whether all that `words` stand for is taken: surely, perhaps (`false`) or not.
    fn holds(&self, words: &[String], kind: LinkKind) -> Option<bool> {
        let any = ["*".to_owned()];
        let words = if words.is_empty() { any.as_slice() } else { words };
        let held = |word: &String, perhaps: bool| {
            self.names.contains(word)
                || self.patterns.iter().any(|p| (perhaps || !p.narrowed) && p.kinds.contains(&kind) && p.holds(word))
        };
        if words.iter().all(|word| held(word, false)) {
            return Some(true);
        }
        words.iter().all(|word| held(word, true)).then_some(false)
    }
}

impl Match {
    /// Those of the cards' names that it fits, for an interface that may be a card.
    fn cards(&self, interface: &Interface, cards: &[&str]) -> Vec<String> {
        let fits = |name: &String| interface.kind == LinkKind::Card && self.holds(name);
        cards.iter().map(|name| (*name).to_owned()).filter(fits).collect()
    }

    /// Whether its names hold all that a name or pattern stands for.
    fn holds(&self, word: &str) -> bool {
        let kept = |except: &String| is_pattern(word) || glob::matches(except, word);
        !self.excepts.iter().any(kept) && (self.names.is_empty() || self.names.iter().any(|name| covers(name, word)))
    }
}

/// Whether a pattern fits all that another one does. Of two patterns that is told only where the wider one is a start and `*`.
fn covers(wide: &str, narrow: &str) -> bool {
    if !is_pattern(narrow) {
        return glob::matches(wide, narrow);
    }
    let start = narrow.split(['*', '?', '[']).next().unwrap_or_default();
    wide == narrow || wide.strip_suffix('*').is_some_and(|wide| !is_pattern(wide) && start.starts_with(wide))
}

/// A boolean of systemd.syntax(7).
pub fn truth(word: &str) -> bool {
    ["1", "yes", "y", "true", "t", "on"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
}

/// Whether a condition on the kind of machine holds in a virtual machine on KVM.
fn is_here(condition: &str) -> bool {
    let (word, not) = condition.strip_prefix('!').map_or((condition, false), |word| (word.trim(), true));
    (matches!(word, "vm" | "kvm" | "qemu") || truth(word)) != not
}

/// Whether a condition on the kernel command line holds: a word of it, or the start of one before `=`.
fn on_line(condition: &str, command_line: &str) -> bool {
    let (word, not) = condition.strip_prefix('!').map_or((condition, false), |word| (word.trim(), true));
    let has = |part: &str| part == word || (!word.contains('=') && part.split('=').next() == Some(word));
    command_line.split_whitespace().any(has) != not
}
