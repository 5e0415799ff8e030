//! What keeps ifup from taking a file: one line that it does not know, and it brings nothing up (config.c of ifupdown).

use super::{Open, Stanza};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{cut, optional};

/// Address families, and the methods of each.
const METHODS: &[(&str, &[&str])] = &[
    ("inet", &["loopback", "static", "manual", "dhcp", "bootp", "tunnel", "ppp", "wvdial", "ipv4ll"]),
    ("inet6", &["loopback", "static", "manual", "dhcp", "auto", "tunnel", "v4tunnel", "6to4"]),
    ("ipx", &["static", "dynamic"]),
    ("can", &["static"]),
    ("meta", &["none"]),
];
const NO_FAMILY: &str = "unknown or no address type and no inherits keyword specified";
const NO_METHOD: &str = "unknown or no method and no inherits keyword specified";
const MISPLACED: &str = "misplaced option";

/// Who reads the files.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Program {
    /// Debian's: a file that it refuses counts for nothing where it is the first one, and up to that line where it is sourced.
    #[default]
    Ifupdown,
    /// It ends at such a line, whatever file that is in.
    Busybox,
    /// One that passes over what it does not know: ifupdown-ng, ifupdown2, NetworkManager's plugin.
    Lenient,
}

impl Program {
    /// The one that the image has. Debian's is a file, the others are links.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn of(tree: &Tree) -> Result<Self> {
        for path in ["/sbin/ifup", "/usr/sbin/ifup"] {
            let Some(target) = optional(tree.read_link(path))? else { continue };
            let name = target.rsplit('/').next().unwrap_or_default();
            return Ok(match name {
                "busybox" => Self::Busybox,
                "ifupdown" => Self::Lenient,
                _ if target.contains("ifupdown2") => Self::Lenient,
                _ => Self::Ifupdown,
            });
        }
        Ok(Self::Ifupdown)
    }
}

/// Whether a word begins what is no option; `template` is known to ifupdown-ng alone.
pub fn is_keyword(word: &str, program: Program) -> bool {
    const WORDS: &[&str] =
        &["auto", "iface", "mapping", "source", "source-directory", "no-auto-down", "no-scripts", "rename"];
    WORDS.contains(&word) || word.starts_with("allow-") || (word == "template" && program == Program::Lenient)
}

/// In its words, why it refuses a line; `scripts` are those that the mapping has so far.
pub fn line(words: &[&str], open: Open, scripts: usize, earlier: &[Stanza]) -> Option<String> {
    let (first, rest) = words.split_first()?;
    match (*first, open) {
        ("iface", _) => iface(rest, earlier),
        (word, _) if is_keyword(word, Program::Ifupdown) => None,
        (_, Open::Stanza) => rest.is_empty().then(|| "option with empty value".to_owned()),
        ("script", Open::Mapping) => (scripts > 0).then(|| "duplicate script in mapping".to_owned()),
        ("map", Open::Mapping) => None,
        (_, Open::Mapping | Open::Nothing) => Some(MISPLACED.to_owned()),
    }
}

/// `NAME [FAMILY [METHOD]] [inherits OTHER]`; what follows is passed over.
fn iface(words: &[&str], earlier: &[Stanza]) -> Option<String> {
    let Some((_, words)) = words.split_first() else { return Some("too few parameters for iface line".to_owned()) };
    let (family, rest) = match words {
        [] => return Some(NO_FAMILY.to_owned()),
        ["inherits", ..] => ("*", words),
        [family, rest @ ..] => {
            let Some((_, methods)) = METHODS.iter().find(|(known, _)| known == family) else {
                return Some(NO_FAMILY.to_owned());
            };
            match rest {
                ["inherits", ..] => (*family, rest),
                [method, rest @ ..] if methods.contains(method) => (*family, rest),
                _ => return Some(NO_METHOD.to_owned()),
            }
        }
    };
    match rest {
        ["inherits"] => Some("'inherits' keyword is missing a parameter".to_owned()),
        ["inherits", from, ..] => {
            // One that has its family from another is taken to be of any.
            let fits = |stanza: &Stanza| family == "*" || stanza.family == family || stanza.family.is_empty();
            let known = earlier.iter().any(|stanza| stanza.name == *from && fits(stanza));
            (!known).then(|| format!("unknown iface to inherit from: {} ({family})", cut(from, 64)))
        }
        _ => None,
    }
}
