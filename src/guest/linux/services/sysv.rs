//! System V init: start links of a runlevel (init(8), inittab(5), Linux Standard Base "System Initialization").

use super::{MAX_BYTES, Start, is_program, names, place};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::optional;

/// Where scripts lie: Debian and most; Red Hat's own place, to which the former leads there.
const SCRIPTS: &[&str] = &["/etc/init.d", "/etc/rc.d/init.d"];

/// What starts in one runlevel.
pub struct Runlevel {
    level: String,
    /// Script to start link.
    started: Vec<(String, String)>,
}

/// Whether there are start links at all.
///
/// # Errors
/// What the filesystem reports.
pub fn is_there(tree: &Tree) -> Result<bool> {
    Ok(tree.exists("/etc/rc3.d")? || tree.exists("/etc/rc.d/rc3.d")? || tree.exists("/etc/init.d/rc3.d")?)
}

impl Runlevel {
    /// The runlevel that the system boots into, and what is started on the way.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn read(tree: &Tree, command_line: &str) -> Result<Self> {
        let asked = command_line.split_whitespace().find_map(|word| match word {
            "1" | "2" | "3" | "4" | "5" => Some(word.to_owned()),
            "single" | "s" | "S" => Some("1".to_owned()),
            _ => None,
        });
        let level = match asked {
            Some(level) => level,
            None => default(tree)?,
        };
        Ok(Self { started: [links(tree, "S")?, links(tree, &level)?].concat(), level })
    }

    /// Its name: a digit.
    pub fn level(&self) -> &str {
        &self.level
    }

    /// What it starts: scripts and their links.
    pub fn started(&self) -> &[(String, String)] {
        &self.started
    }

    /// Whether a script is started. A link of that name counts as long as it leads to a program.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn start(&self, tree: &Tree, script: &str) -> Result<Start> {
        for (_, link) in self.started.iter().filter(|(name, _)| name == script) {
            if is_program(tree, link)? {
                return Ok(Start::Enabled { by: place(link) });
            }
        }
        Ok(if find(tree, script)?.is_some() { Start::Disabled } else { Start::Absent })
    }
}

/// The script of that name.
///
/// # Errors
/// What the filesystem reports.
pub fn find(tree: &Tree, script: &str) -> Result<Option<String>> {
    for dir in SCRIPTS {
        let path = format!("{dir}/{script}");
        if is_program(tree, &path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The start links of a runlevel: script and path, in the order of their numbers.
///
/// # Errors
/// What the filesystem reports.
pub fn links(tree: &Tree, level: &str) -> Result<Vec<(String, String)>> {
    // Debian and most; Red Hat; SUSE, whose boot scripts have a directory of their own.
    let suse = if level == "S" { "/etc/init.d/boot.d".to_owned() } else { format!("/etc/init.d/rc{level}.d") };
    for dir in [format!("/etc/rc{level}.d"), format!("/etc/rc.d/rc{level}.d"), suse] {
        let found = names(tree, &dir)?;
        let links = found.iter().filter_map(|name| Some((started(name)?.to_owned(), format!("{dir}/{name}"))));
        let links: Vec<(String, String)> = links.collect();
        if !found.is_empty() {
            return Ok(links);
        }
    }
    Ok(Vec::new())
}

/// `S55sshd` starts `sshd`.
fn started(link: &str) -> Option<&str> {
    let rest = link.strip_prefix('S')?;
    let name = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (!name.is_empty() && name.len() < rest.len()).then_some(name)
}

/// `id:3:initdefault:` of inittab(5), or what upstart's rc-sysinit job says; 2 where neither does, as init's.
fn default(tree: &Tree) -> Result<String> {
    let inittab = optional(tree.read_text("/etc/inittab", MAX_BYTES))?.unwrap_or_default();
    let entry = inittab.lines().map(str::trim).filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = line.split(':').skip(1);
        let (levels, action) = (fields.next()?, fields.next()?);
        (action == "initdefault").then_some(levels)
    });
    if let Some(level) = entry.and_then(|levels| levels.chars().last()).filter(char::is_ascii_digit) {
        return Ok(level.to_string());
    }
    let job = optional(tree.read_text("/etc/init/rc-sysinit.conf", MAX_BYTES))?.unwrap_or_default();
    let told = job.lines().filter_map(|line| line.trim().strip_prefix("env DEFAULT_RUNLEVEL=")).next_back();
    Ok(told.and_then(|level| level.chars().find(char::is_ascii_digit)).map_or_else(|| "2".to_owned(), String::from))
}
