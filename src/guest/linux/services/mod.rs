//! What starts when the machine boots: systemd, upstart, System V init, OpenRC and FreeBSD's rc.

pub mod openrc;
pub mod rcconf;
pub mod systemd;
pub mod sysv;
#[cfg(test)]
pub(super) mod tests;
mod texts;
pub mod upstart;

use super::{PATH_MAX, cut, names, optional};
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::Tree;
use crate::inspect::facts::{self, Starts, When};

/// The layer that errors name.
const LAYER: &str = "services";
/// Largest unit, job or script whose text is read.
const MAX_BYTES: usize = 256 * 1024;

/// Whether a service starts when the machine boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It does: the link, file or line that makes it so.
    Enabled {
        /// Path, with `:line` where that helps.
        by: String,
    },
    /// Only when something asks: a device that appears, a call on D-Bus.
    OnDemand {
        /// The link that says so.
        by: String,
    },
    /// It is there, and something keeps it from starting: a mask, a condition that does not hold.
    Kept {
        /// What does.
        by: String,
    },
    /// It is there, and nothing starts it.
    Disabled,
    /// It is not there.
    Absent,
    /// Not to be told from the files that are read.
    Unknown {
        /// One clause.
        why: String,
    },
}

impl Start {
    /// Of several names of one service the one that decides has the highest rank.
    fn rank(&self) -> u8 {
        match self {
            Self::Enabled { .. } => 5,
            Self::Unknown { .. } => 4,
            Self::OnDemand { .. } => 3,
            Self::Kept { .. } => 2,
            Self::Disabled => 1,
            Self::Absent => 0,
        }
    }

    /// The one of two names of a service that decides, this one where they are alike.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

/// The names a service goes by.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// Units of systemd, any one of which is it: `ssh.service`.
    pub units: &'a [&'a str],
    /// System V scripts, upstart jobs and OpenRC scripts: `sshd`.
    pub scripts: &'a [&'a str],
}

/// The services of one system.
pub struct Services<'t> {
    tree: &'t Tree,
    init: Init<'t>,
}

/// What the kernel starts first.
enum Init<'t> {
    Systemd(systemd::Units<'t>),
    Upstart(sysv::Runlevel),
    SystemV(sysv::Runlevel),
    OpenRc,
    Unknown(String),
}

impl<'t> Services<'t> {
    /// Finds out which program starts services. `command_line` is the default boot entry's, where it is known.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn open(tree: &'t Tree, command_line: Option<&str>) -> Result<Self> {
        let line = command_line.unwrap_or_default();
        Ok(Self { tree, init: init(tree, line)? })
    }

    /// Which program it is.
    pub fn kind(&self) -> facts::Init {
        match self.init {
            Init::Systemd(_) => facts::Init::Systemd,
            Init::Upstart(_) => facts::Init::Upstart,
            Init::SystemV(_) => facts::Init::SystemV,
            Init::OpenRc => facts::Init::OpenRc,
            Init::Unknown(_) => facts::Init::Unknown,
        }
    }

    /// Whether a service starts at boot. Of several names the one that starts is answered.
    ///
    /// # Errors
    /// What the filesystem reports, and `Limit` for a directory of too many names.
    pub fn start(&self, service: &Service) -> Result<Start> {
        let mut found = Start::Absent;
        match &self.init {
            Init::Systemd(units) => {
                for unit in service.units {
                    found = found.or(units.start(unit)?);
                }
                for script in service.scripts {
                    found = found.or(units.start_script(script)?);
                }
            }
            Init::Upstart(runlevel) => {
                for script in service.scripts {
                    let job = upstart::start(self.tree, script, runlevel.level())?;
                    found = found.or(job).or(runlevel.start(self.tree, script)?);
                }
            }
            Init::SystemV(runlevel) => {
                for script in service.scripts {
                    found = found.or(runlevel.start(self.tree, script)?);
                }
            }
            Init::OpenRc => {
                for script in service.scripts {
                    found = found.or(openrc::start(self.tree, script)?);
                }
            }
            Init::Unknown(why) => found = Start::Unknown { why: why.clone() },
        }
        Ok(found)
    }

    /// The script of that name, or the job of upstart that goes before it: path and text.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn script(&self, name: &str) -> Result<Option<(String, String)>> {
        if let Init::Upstart(_) = self.init
            && let Some(job) = upstart::text(self.tree, name)?
        {
            return Ok(Some(job));
        }
        let Some(path) = sysv::find(self.tree, name)? else { return Ok(None) };
        let text = optional(self.tree.read_text(&path, MAX_BYTES))?.unwrap_or_default();
        Ok(Some((path, text)))
    }

    /// The units, where systemd starts them.
    pub fn systemd(&self) -> Option<&systemd::Units<'t>> {
        match &self.init {
            Init::Systemd(units) => Some(units),
            _ => None,
        }
    }
}

/// Which init the files amount to. `init=` on the kernel line counts before `/sbin/init` (kernel parameters, "init").
fn init<'t>(tree: &'t Tree, line: &str) -> Result<Init<'t>> {
    let asked = line.split_whitespace().filter_map(|word| word.strip_prefix("init=")).next_back();
    let first = asked.unwrap_or("/sbin/init");
    let program = optional(tree.resolve(first))?.unwrap_or_default();
    let there = |path: &str| tree.exists(path);
    if program.ends_with("/systemd") {
        return Ok(Init::Systemd(systemd::Units::open(tree, line)?));
    }
    if asked.is_some() && !matches!(program.as_str(), "/sbin/init" | "/usr/sbin/init") {
        return Ok(Init::Unknown(format!("the kernel is told to start {}", cut(first, 64))));
    }
    if there("/etc/runlevels")? && (there("/sbin/openrc")? || there("/usr/sbin/openrc")? || there("/sbin/rc")?) {
        return Ok(Init::OpenRc);
    }
    if there("/etc/init/rc.conf")? || there("/etc/init/rc-sysinit.conf")? {
        return Ok(Init::Upstart(sysv::Runlevel::read(tree, line)?));
    }
    if !program.is_empty() && there("/etc/inittab")? {
        return Ok(Init::SystemV(sysv::Runlevel::read(tree, line)?));
    }
    if systemd::is_there(tree)? {
        return Ok(Init::Systemd(systemd::Units::open(tree, line)?));
    }
    if sysv::is_there(tree)? {
        return Ok(Init::SystemV(sysv::Runlevel::read(tree, line)?));
    }
    Ok(Init::Unknown("which program starts the services is not known".to_owned()))
}

/// Whether a file that can be run is at `path`.
pub(super) fn is_program(tree: &Tree, path: &str) -> Result<bool> {
    Ok(optional(tree.stat(path))?.is_some_and(|stat| stat.kind == NodeKind::File && stat.mode & 0o111 != 0))
}

/// A path as facts carry it.
fn place(path: &str) -> String {
    cut(path, PATH_MAX)
}

impl From<Start> for Starts {
    fn from(start: Start) -> Self {
        let (when, by) = match start {
            Start::Enabled { by } => (When::Boot, by),
            Start::OnDemand { by } => (When::Demand, by),
            Start::Kept { by } => (When::Kept, by),
            Start::Disabled => (When::Never, String::new()),
            Start::Absent => (When::Absent, String::new()),
            Start::Unknown { why } => (When::Unknown, why),
        };
        Self { when, by: cut(&by, PATH_MAX) }
    }
}
