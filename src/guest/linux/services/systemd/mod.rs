//! systemd: which units a boot starts (systemd.unit(5), systemctl(1), bootup(7)).
//!
//! Every directory is listed once. Unit files are read of the targets on the way, and of the units that are asked for; a
//! service that starts only because another service's own file wants it is not seen.

mod boot;
mod condition;
mod lookup;
mod preset;
pub mod unit;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::{Start, place, sysv};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::optional;
use boot::Boot;
use lookup::Named;
use unit::Unit;

/// Unit directories, the one that wins first (systemd.unit(5), "Unit File Load Path"). `/run` starts empty.
const DIRS: &[&str] =
    &["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Directories of generators (systemd.generator(7)).
const GENERATORS: &[&str] = &[
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
];
/// How deep units that want units are followed.
const MAX_DEPTH: usize = 4;

/// Whether unit files lie in the guest.
///
/// # Errors
/// What the filesystem reports.
pub fn is_there(tree: &Tree) -> Result<bool> {
    DIRS.iter().try_fold(false, |found, dir| Ok(found || tree.exists(dir)?))
}

/// The units of one system.
pub struct Units<'t> {
    tree: &'t Tree,
    /// Those of [`DIRS`] that are there, each with its names.
    dirs: Vec<(String, Vec<String>)>,
    /// Links in `/etc` from one unit's name to another's: name, the other one, path.
    aliases: Vec<(String, String, String)>,
    /// Words of the kernel's command line.
    line: Vec<String>,
    boot: OnceCell<Boot>,
    /// Start links of System V scripts: runlevel, script, path.
    scripts: OnceCell<Vec<(&'static str, String, String)>>,
}

impl<'t> Units<'t> {
    /// Lists the unit directories.
    ///
    /// # Errors
    /// What the filesystem reports, and `Limit` for too many names.
    pub fn open(tree: &'t Tree, command_line: &str) -> Result<Self> {
        let line = command_line.split_whitespace().map(str::to_owned).collect();
        let dirs = lookup::directories(tree)?;
        let aliases = lookup::aliases(tree, &dirs)?;
        Ok(Self { tree, dirs, aliases, line, boot: OnceCell::new(), scripts: OnceCell::new() })
    }

    /// Whether a unit starts at boot.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn start(&self, name: &str) -> Result<Start> {
        self.start_within(name, MAX_DEPTH)
    }

    fn start_within(&self, name: &str, depth: usize) -> Result<Start> {
        let (primary, file) = match self.find(name)? {
            (_, Named::Absent) => return Ok(Start::Absent),
            (_, Named::Masked(by)) => return Ok(Start::Kept { by: format!("{} (masked)", place(&by)) }),
            (primary, Named::File(path)) => (primary, path),
        };
        if self.told("systemd.mask").any(|unit| unit == primary) {
            return Ok(Start::Kept { by: format!("kernel command line: systemd.mask={primary}") });
        }
        let unit = self.unit(&primary, &file)?;
        let found = self.wanted(&primary, depth)?;
        // At the first boot the presets decide about what nothing wants yet.
        let found = preset::first_boot(self, &primary, &unit, found)?;
        match found {
            Start::Enabled { .. } | Start::OnDemand { .. } => Ok(condition::keeps(self, &unit)?.unwrap_or(found)),
            other => Ok(other),
        }
    }

    /// Whether a System V script starts, by the unit that systemd-sysv-generator(8) makes of it: only where no unit of
    /// that name is there.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn start_script(&self, script: &str) -> Result<Start> {
        let unit = format!("{}.service", script.trim_end_matches(".sh"));
        let native = !matches!(self.find(&unit)?.1, Named::Absent);
        if native || self.generator("systemd-sysv-generator")?.is_none() {
            return Ok(Start::Absent);
        }
        if sysv::find(self.tree, script)?.is_none() {
            return Ok(Start::Absent);
        }
        if self.scripts.get().is_none() {
            let mut links = Vec::new();
            // src/sysv-generator: runlevels 2 to 4 are multi-user.target, 5 is graphical.target.
            for (level, target) in [
                ("2", "multi-user.target"),
                ("3", "multi-user.target"),
                ("4", "multi-user.target"),
                ("5", "graphical.target"),
            ] {
                links.extend(sysv::links(self.tree, level)?.into_iter().map(|(script, path)| (target, script, path)));
            }
            let _ = self.scripts.set(links);
        }
        let boot = self.boot()?;
        let links = self.scripts.get().map(Vec::as_slice).unwrap_or_default();
        let link = links.iter().find(|(target, name, _)| name == script && boot.reached(target));
        Ok(link.map_or(Start::Disabled, |(.., path)| Start::Enabled { by: place(path) }))
    }

    /// A unit's file and drop-ins, read; `None` where it is masked or not there.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn read(&self, name: &str) -> Result<Option<Unit>> {
        match self.find(name)? {
            (primary, Named::File(path)) => self.unit(&primary, &path).map(Some),
            _ => Ok(None),
        }
    }

    /// The generator of that name, where it is there and can run.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn generator(&self, name: &str) -> Result<Option<String>> {
        for dir in GENERATORS {
            let path = format!("{dir}/{name}");
            if optional(self.tree.read_link(&path))?.is_some_and(|target| target == "/dev/null") {
                return Ok(None);
            }
            if self.tree.exists(&path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// What wants a unit, conditions aside.
    fn wanted(&self, primary: &str, depth: usize) -> Result<Start> {
        let names = self.names_of(primary);
        let boot = self.boot()?;
        if boot.is_empty() {
            return Ok(Start::Unknown { why: "there is neither a default target nor a rescue target".to_owned() });
        }
        for name in &names {
            if let Some(by) = boot.wants(self, name)? {
                return Ok(Start::Enabled { by: place(&by) });
            }
        }
        let mut found = Start::Disabled;
        for (wanter, wants) in boot::others(self)? {
            let Some(link) = names.iter().find_map(|name| wants.get(name)).filter(|_| depth > 0) else { continue };
            if self.is_mask(link)? {
                continue;
            }
            let by = place(link);
            found = found.or(match wanter.rsplit_once('.') {
                Some((_, "device")) => Start::OnDemand { by },
                Some((_, "target")) => {
                    Start::Unknown { why: format!("{by}: whether {wanter} is reached depends on other services") }
                }
                _ => match self.start_within(&wanter, depth.saturating_sub(1))? {
                    Start::Enabled { .. } => Start::Enabled { by },
                    Start::OnDemand { .. } => Start::OnDemand { by },
                    unknown @ Start::Unknown { .. } => unknown,
                    Start::Kept { .. } | Start::Disabled | Start::Absent => Start::Disabled,
                },
            });
        }
        if found == Start::Disabled {
            let alias = self.aliases.iter().find(|(name, to, _)| to == primary && name.starts_with("dbus-"));
            found = alias.map_or(found, |(.., path)| Start::OnDemand { by: place(path) });
        }
        Ok(found)
    }

    /// The units that the default target starts, worked out once.
    fn boot(&self) -> Result<&Boot> {
        if self.boot.get().is_none() {
            let boot = Boot::read(self)?;
            let _ = self.boot.set(boot);
        }
        self.boot.get().ok_or_else(|| crate::disk::Error::not_found(super::LAYER, "no boot target"))
    }

    /// The values of an option of the kernel's command line.
    fn told<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        self.line.iter().filter_map(move |word| word.strip_prefix(option)?.strip_prefix('='))
    }
}

/// What a wants directory, or several of one unit, hold: a unit's name and the path of its link.
type Wants = BTreeMap<String, String>;
