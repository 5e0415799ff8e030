//! `sshd_config` (sshd_config(5)): of most settings the first value counts, ports and addresses add up. A line that sshd
//! does not take keeps it from starting.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::keywords;
use super::ports::{self, Service};
use super::values::{self, Wrong};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, glob, optional};

const FILE: &str = "/etc/ssh/sshd_config";
/// What is missed where there is none.
pub(super) const MISSING: &str = FILE;
/// What stands in for it: openSUSE's sshd reads the one, CoreOS' tmpfiles.d links the other at boot.
pub(super) const ELSEWHERE: &[&str] = &["/usr/etc/ssh/sshd_config", "/usr/share/ssh/sshd_config"];
/// What distributions ship instead of the former.
const VENDOR: &str = "/usr/etc/ssh/sshd_config";
/// Largest file.
const MAX_BYTES: usize = 256 * 1024;
/// OpenSSH: `SERVCONF_MAX_DEPTH`, servconf.h.
const MAX_DEPTH: usize = 16;
/// Most files one `Include` finds, and all of them together.
const MAX_FOUND: usize = 256;
const MAX_FILES: usize = 512;
/// OpenSSH: `MAX_PORTS`, servconf.h; and a bound of our own on addresses and host keys.
const MAX_PORTS: usize = 256;
/// Most keywords, and most algorithms, that the program is asked for.
const MAX_ASKED: usize = 64;
/// The global part of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The file; empty where there is none, and sshd does not start.
    pub file: String,
    /// `Port`, each with its line.
    pub ports: Vec<(u16, String)>,
    /// `ListenAddress`: address, port where one is named, line.
    pub addresses: Vec<(String, Option<u16>, String)>,
    /// `AddressFamily`: `any`, `inet`, `inet6`.
    pub family: Option<(String, String)>,
    /// `PermitRootLogin`.
    pub root_login: Option<(String, String)>,
    /// `HostKey`, where any is named, each with its line.
    pub host_keys: Vec<(String, String)>,
    /// `HostKeyAgent`: the keys are not files.
    pub agent: bool,
    /// What no release takes, and its line: sshd does not start.
    pub refused: Option<(String, String)>,
    /// Keywords that not every release knows, each with its first line.
    pub asked: Vec<(String, String)>,
    /// Algorithms that the program has to hold, each with its first line.
    pub algorithms: Vec<(String, String)>,
    /// What releases before [`keywords::OVERRIDES`] refuse, and its line.
    pub early: Option<(String, String)>,
    /// Why the whole is not known.
    pub undecided: Option<String>,
}

impl Config {
    /// Reads the file and what it includes.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn read(tree: &Tree) -> Result<Self> {
        let mut config = Self::default();
        for file in [FILE, VENDOR] {
            if tree.exists(file)? {
                file.clone_into(&mut config.file);
                let mut reader = Reader {
                    tree,
                    config: &mut config,
                    files: 0,
                    subsystems: BTreeSet::new(),
                    programs: BTreeMap::new(),
                };
                reader.file(file, 0, true)?;
                reader.users();
                break;
            }
        }
        Ok(config)
    }
}

struct Reader<'a> {
    tree: &'a Tree,
    config: &'a mut Config,
    files: usize,
    subsystems: BTreeSet<String>,
    /// Keywords of programs, and of the users they run as, each with the line that counts; empty for `none`.
    programs: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// One file. `active`: outside of `Match` blocks that may not apply. A block ends with its file.
    fn file(&mut self, path: &str, depth: usize, active: bool) -> Result<()> {
        self.files = self.files.saturating_add(1);
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            self.give_up(format!("{}: too many files include each other", cut(path, PATH_MAX)));
            return Ok(());
        }
        let text = match self.tree.read_text(path, MAX_BYTES) {
            Err(error) if error.is_not_found() => return Ok(()),
            text => text?,
        };
        let mut applies = active;
        for (line, number) in text.lines().zip(1_u32..) {
            let Some((keyword, arguments)) = split(line) else { continue };
            let place = format!("{}:{number}", cut(path, PATH_MAX));
            if keyword.is_empty() {
                self.give_up(format!("{place}: no keyword"));
                continue;
            }
            if !applies && keywords::global(&keyword) {
                self.refuse(format!("{} in a Match block", cut(&keyword, 64)), &place);
            }
            self.values(&keyword, &arguments, applies, &place);
            self.program(line, &keyword, &arguments, applies, &place);
            self.subsystem(&keyword, &arguments, applies, &place);
            match keyword.as_str() {
                "match" => {
                    let all = arguments.len() == 1 && arguments.iter().all(|a| a.eq_ignore_ascii_case("all"));
                    applies = active && all;
                }
                "include" => {
                    for pattern in &arguments {
                        self.include(pattern, depth, applies, &place)?;
                    }
                }
                "port" if applies => self.port(&arguments, place)?,
                _ if applies => self.set(&keyword, &arguments, place),
                _ => {}
            }
        }
        Ok(())
    }

    /// `Include`: relative to `/etc/ssh`, the files in the order of glob(3).
    fn include(&mut self, pattern: &str, depth: usize, applies: bool, place: &str) -> Result<()> {
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
        if pattern.contains('~') || pattern.contains('{') {
            self.give_up(format!("{place}: the files that it includes are not known"));
            return Ok(());
        }
        match glob::expand(self.tree, &pattern, MAX_FOUND) {
            Ok(files) => files.iter().try_for_each(|file| self.file(file, depth.saturating_add(1), applies)),
            Err(error) if error.kind == crate::disk::ErrorKind::Limit => {
                self.give_up(format!("{place}: it includes too many files"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What sshd looks at in every line, whether it applies or not.
    fn values(&mut self, keyword: &str, arguments: &[String], applies: bool, place: &str) {
        if !keywords::known(keyword) {
            ask(&mut self.config.asked, keyword, place);
        }
        for name in values::algorithms(keyword, arguments) {
            ask(&mut self.config.algorithms, name, place);
        }
        let shown = || match arguments {
            [] => format!("{keyword} without a value"),
            some => cut(&format!("{keyword} {}", some.join(" ")), 64),
        };
        let counts = !values::COMMANDS.contains(&keyword) || (applies && !self.programs.contains_key(keyword));
        match values::wrong(keyword, arguments) {
            None => {}
            Some(Wrong::Always) if counts => self.refuse(shown(), place),
            Some(Wrong::Always | Wrong::ByRelease) => {
                self.give_up(format!("{place}: whether it takes {} depends on its release", shown()));
            }
        }
    }

    /// A program, or the user that it runs as: the first line counts. Its value is taken as it stands, quotes with it.
    fn program(&mut self, line: &str, keyword: &str, arguments: &[String], applies: bool, place: &str) {
        let command = keyword.trim_end_matches("user");
        let (true, Some(first)) = (values::COMMANDS.contains(&command), arguments.first()) else { return };
        let value = line.trim_start().get(keyword.len()..).unwrap_or_default();
        if command == keyword && value.trim_start_matches([' ', '\t', '=']).starts_with(['"', '\'']) {
            self.give_up(format!("{place}: whether it takes {command} in quotes depends on its release"));
        }
        if applies {
            let place = if first.eq_ignore_ascii_case("none") { String::new() } else { place.to_owned() };
            self.programs.entry(keyword.to_owned()).or_insert(place);
        }
    }

    /// A program without a user to run as keeps all but old releases from starting.
    fn users(&mut self) {
        for command in values::COMMANDS {
            let Some(place) = self.programs.get(*command).filter(|place| !place.is_empty()) else { continue };
            if !self.programs.contains_key(&format!("{command}user")) {
                let why = format!(
                    "{place}: whether it starts with {command} and without {command}user depends on its release"
                );
                self.give_up(why);
            }
        }
    }

    /// `Subsystem`: once for each name, and in no `Match` block; later releases take the first one, and any in a block.
    fn subsystem(&mut self, keyword: &str, arguments: &[String], applies: bool, place: &str) {
        let Some(name) = arguments.first().filter(|_| keyword == "subsystem") else { return };
        let again = self.subsystems.len() < MAX_ASKED && applies && !self.subsystems.insert(name.clone());
        let name = cut(name, 64);
        if again {
            let what = format!("Subsystem {name} a second time");
            self.config.early.get_or_insert((what, place.to_owned()));
        } else if !applies {
            self.config.early.get_or_insert((format!("Subsystem {name} in a Match block"), place.to_owned()));
        }
    }

    fn port(&mut self, arguments: &[String], place: String) -> Result<()> {
        let Some(first) = arguments.first() else { return Ok(()) };
        let number = first.bytes().all(|b| b.is_ascii_digit());
        let port = match if number { None } else { Some(ports::of(self.tree, first)?) } {
            None => port(first),
            Some(Service::Port(port)) => Some(port),
            Some(Service::Not) if is_name(first) => {
                self.refuse(format!("Port {}, which /etc/services has not", cut(first, 64)), &place);
                return Ok(());
            }
            Some(_) => None,
        };
        match port {
            Some(port) if self.config.ports.len() < MAX_PORTS => self.config.ports.push((port, place)),
            // Refused by its value.
            None if number => {}
            _ => self.give_up(format!("{place}: not a port, or too many")),
        }
        Ok(())
    }

    fn set(&mut self, keyword: &str, arguments: &[String], place: String) {
        let Some(first) = arguments.first() else { return };
        let config = &mut *self.config;
        match keyword {
            "listenaddress" => match address(first) {
                Some((host, _)) if !is_numeric(&host) => {
                    self.give_up(format!("{place}: which address {} is shows when it starts", cut(&host, 64)));
                }
                Some((address, port)) if config.addresses.len() < MAX_PORTS => {
                    config.addresses.push((cut(&address, 64), port, place));
                }
                _ => self.give_up(format!("{place}: not an address, or too many")),
            },
            "hostkey" | "hostdsakey" if first != "none" && config.host_keys.len() < MAX_PORTS => {
                config.host_keys.push((first.clone(), place));
            }
            "hostkeyagent" => config.agent = first != "none",
            "addressfamily" => {
                config.family.get_or_insert((first.to_ascii_lowercase(), place));
            }
            "permitrootlogin" => {
                config.root_login.get_or_insert((cut(&first.to_ascii_lowercase(), 32), place));
            }
            _ => {}
        }
    }

    fn refuse(&mut self, what: String, place: &str) {
        self.config.refused.get_or_insert((what, place.to_owned()));
    }

    fn give_up(&mut self, why: String) {
        self.config.undecided.get_or_insert(why);
    }
}

/// Keyword in lower case and arguments of a line; `None` for blank lines and comments. Between the two stands white space
/// or one equals sign; a quoted argument may hold both (misc.c, `strdelim` and `argv_split`).
fn split(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim_matches([' ', '\t', '\r', '\u{c}']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
    let (keyword, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let keyword = keyword.trim_matches('"').to_ascii_lowercase();
    let mut arguments = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in rest.chars() {
        match (quote, c) {
            (None, ' ' | '\t') => arguments.extend(word.take()),
            // A comment begins where a word would.
            (None, '#') if word.is_none() => break,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    arguments.extend(word);
    Some((keyword, arguments))
}

/// Whether it may be the name of a service, and no number in any release's eyes.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A port number, or the service that is one; sshd asks /etc/services for names (misc.c, `a2port`).
pub(super) fn port(text: &str) -> Option<u16> {
    match text {
        "ssh" => Some(22),
        number => number.parse().ok().filter(|port| *port > 0),
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, a bare v6.
pub(super) fn address(text: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(named) => Some((host.to_owned(), Some(port(named)?))),
            None => rest.is_empty().then(|| (host.to_owned(), None)),
        };
    }
    match text.split_once(':') {
        Some((host, named)) if !named.contains(':') => Some((host.to_owned(), Some(port(named)?))),
        _ => Some((text.to_owned(), None)),
    }
}

/// Whether nobody has to be asked which address it is; every other name, `*` with them, goes to the resolver.
pub(super) fn is_numeric(host: &str) -> bool {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Notes what the program is to be asked, once.
fn ask(asked: &mut Vec<(String, String)>, word: &str, place: &str) {
    if asked.len() < MAX_ASKED && asked.iter().all(|(other, _)| other != word) {
        asked.push((word.to_owned(), place.to_owned()));
    }
}

/// A file of options; empty where there is none.
pub(super) fn text_of(tree: &Tree, path: &str) -> Result<String> {
    Ok(optional(tree.read_text(path, MAX_BYTES))?.unwrap_or_default())
}
