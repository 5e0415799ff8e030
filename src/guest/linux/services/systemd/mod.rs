//! systemd: which units a boot starts (systemd.unit(5), systemctl(1), bootup(7)).
//!
//! Every directory is listed once. Unit files are read of the targets on the way, and of the units that are asked for; those
//! of all that starts where nothing else starts one of the latter.

pub mod boot;
pub mod condition;
mod demand;
mod lookup;
pub mod mount;
mod preset;
mod pulled;
pub mod unit;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::{Start, place, sysv};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::optional;
use boot::Boot;
use lookup::Named;
use pulled::Pulled;
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
/// The target of a machine that is up.
const MULTI_USER: &str = "multi-user.target";
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
    pulled: OnceCell<Pulled>,
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
        Ok(Self { tree, dirs, aliases, line, boot: OnceCell::new(), pulled: OnceCell::new(), scripts: OnceCell::new() })
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
            Start::Enabled { .. } | Start::OnDemand { .. } => {
                let by_condition = condition::keeps(self, &unit)?;
                let kept = by_condition.map_or_else(|| demand::keeps(self, &unit, depth), |start| Ok(Some(start)))?;
                Ok(kept.unwrap_or(found))
            }
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
        let boot = self.boot()?;
        let link = self.script_links()?.iter().find(|(target, name, _)| name == script && boot.reached(target));
        Ok(link.map_or(Start::Disabled, |(.., path)| Start::Enabled { by: place(path) }))
    }

    /// Start links of all scripts: the target that starts them, script, path.
    fn script_links(&self) -> Result<&[(&'static str, String, String)]> {
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
        Ok(self.scripts.get().map(Vec::as_slice).unwrap_or_default())
    }

    /// The scripts that start because no unit has their name: their links.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn started_scripts(&self) -> Result<Vec<String>> {
        if self.generator("systemd-sysv-generator")?.is_none() {
            return Ok(Vec::new());
        }
        let boot = self.boot()?;
        let links = self.script_links()?.iter().filter(|(target, ..)| boot.reached(target));
        let scripts: BTreeMap<&str, &str> = links.map(|(_, script, path)| (script.as_str(), path.as_str())).collect();
        let mut found = Vec::new();
        for (script, path) in scripts {
            if matches!(self.find(&format!("{}.service", script.trim_end_matches(".sh")))?.1, Named::Absent) {
                found.push(path.to_owned());
            }
        }
        Ok(found)
    }

    /// The services that the boot wants, each with its file. `own`: only those whose file somebody put into `/etc`.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn started(&self, own: bool) -> Result<Vec<(String, Unit)>> {
        let mut found = BTreeMap::new();
        let in_etc =
            |name: &str| self.dirs.iter().any(|(dir, all)| dir.starts_with("/etc/") && all.iter().any(|n| n == name));
        let names: Vec<&str> = if own {
            self.boot()?.all().filter(|name| in_etc(name)).collect()
        } else {
            self.pulled()?.started().collect()
        };
        for name in names.into_iter().filter(|name| name.ends_with(".service")) {
            let (primary, Named::File(file)) = self.find(name)? else { continue };
            if own && !file.starts_with("/etc/") {
                continue;
            }
            let unit = self.unit(&primary, &file)?;
            if condition::keeps(self, &unit)?.is_none_or(|start| matches!(start, Start::Unknown { .. })) {
                found.insert(primary, (file, unit));
            }
        }
        Ok(found.into_values().collect())
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

    /// The mask of a generator: a link to `/dev/null` that hides what other directories have.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn masked_generator(&self, name: &str) -> Result<Option<String>> {
        for path in GENERATORS.iter().map(|dir| format!("{dir}/{name}")) {
            if self.is_mask(&path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Whether the boot comes to a target; yes where what says so is not there, nor the target itself.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn reaches(&self, target: &str) -> Result<bool> {
        let boot = self.boot()?;
        Ok(boot.is_empty() || boot.reached(target) || matches!(self.find(target)?, (_, Named::Absent)))
    }

    /// What has the boot end before a target, in the words of [`Start::Kept`].
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn ends_before(&self, target: &str) -> Result<String> {
        boot::ends_before(self, target)
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
        if matches!(found, Start::Disabled | Start::Unknown { .. }) {
            for name in &names {
                found = found.or(self.pulled()?.start(name));
            }
        }
        if found == Start::Disabled && !boot.reached(MULTI_USER) {
            // Its link is of no use to a boot that ends before.
            let links = boot::wants(self, MULTI_USER)?;
            if names.iter().any(|name| links.contains_key(name)) {
                found = Start::Kept { by: boot::ends_before(self, MULTI_USER)? };
            }
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

    /// What those start in turn, worked out once, where it is asked for.
    fn pulled(&self) -> Result<&Pulled> {
        if self.pulled.get().is_none() {
            let pulled = Pulled::read(self)?;
            let _ = self.pulled.set(pulled);
        }
        self.pulled.get().ok_or_else(|| crate::disk::Error::not_found(super::LAYER, "no boot target"))
    }

    /// The values of an option of the kernel's command line.
    fn told<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        self.line.iter().filter_map(move |word| word.strip_prefix(option)?.strip_prefix('='))
    }
}

/// What a wants directory, or several of one unit, hold: a unit's name and the path of its link.
type Wants = BTreeMap<String, String>;
