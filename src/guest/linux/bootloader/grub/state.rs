//! What a GRUB configuration has set up so far, and how two ways through it are joined.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::parse::{Block, unsupported};
use crate::disk::{Error, Result};

const LAYER: &str = "grub.cfg";
/// Most variables and entries.
const MAX_VARIABLES: usize = 1024;
const MAX_ENTRIES: usize = 1024;

/// Text that is known, or known only up to some point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// The text, or its beginning.
    pub text: Rc<str>,
    /// False where something unknown follows.
    pub whole: bool,
}

impl Arg {
    /// Known text.
    pub fn known(text: &str) -> Self {
        Self { text: text.into(), whole: true }
    }

    /// The text, where all of it is known.
    pub fn value(&self) -> Option<&str> {
        self.whole.then_some(&self.text)
    }
}

/// A menu entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Title.
    pub title: Arg,
    /// What `--id` says, else the title.
    pub id: Arg,
    /// What it does when chosen.
    pub body: Rc<Block>,
    /// It is a menu of its own.
    pub submenu: bool,
    /// Where it is written: the configuration and its line, or the BLS file's path.
    pub place: String,
    /// Only users that give a password may start it, where any are named (`superusers`).
    pub restricted: bool,
    /// It is made of a Boot Loader Specification file: commands that are not in the configuration.
    pub loads: Option<Loads>,
}

/// What an entry loads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loads {
    /// Kernel: the device that holds it unless its path names one, and its path.
    pub kernel: Option<(String, String)>,
    /// Its arguments.
    pub command_line: String,
    /// Initial ramdisks, as the kernel.
    pub initrd: Vec<(String, String)>,
    /// A hypervisor comes before the kernel.
    pub hypervisor: bool,
    /// Something else is started: the command.
    pub other: Option<String>,
}

/// The state of the interpreter.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Variables; one that is not whole has a value that depends on what is not known here.
    pub variables: BTreeMap<Rc<str>, Arg>,
    /// Those that menus of their own see, too.
    pub exported: BTreeSet<Rc<str>>,
    /// Functions; `None` where it depends.
    pub functions: BTreeMap<Rc<str>, Option<Rc<Block>>>,
    /// The menu.
    pub entries: Vec<Rc<Entry>>,
    /// From this entry on the menu depends on what is not known here.
    pub certain: Option<usize>,
    /// Something that is not understood was met, and may matter: the line and what.
    pub doubt: Option<(u32, String)>,
    /// The first search for a UUID that no volume has: where it is written, and what.
    pub nowhere: Option<String>,
    /// What an entry's commands loaded.
    pub loads: Loads,
    /// A `configfile` or `boot` ended this configuration.
    pub ended: bool,
    /// Where the `boot` is that started what was loaded, without a menu.
    pub started: Option<String>,
}

impl State {
    /// The value of a variable; unset is empty, as GRUB has it.
    pub fn get(&self, name: &str) -> Arg {
        self.variables.get(name).cloned().unwrap_or_else(|| Arg::known(""))
    }

    /// Sets a variable.
    ///
    /// # Errors
    /// `Limit` beyond 1024 variables.
    pub fn set(&mut self, name: &str, value: Arg) -> Result<()> {
        if self.variables.len() >= MAX_VARIABLES && !self.variables.contains_key(name) {
            return Err(Error::limit(LAYER, format!("more than {MAX_VARIABLES} variables")));
        }
        self.variables.insert(name.into(), value);
        Ok(())
    }

    /// Has menus of their own see a variable (`export`).
    pub fn export(&mut self, name: &str) {
        if self.exported.len() < MAX_VARIABLES {
            self.exported.insert(name.into());
        }
    }

    /// Enters a menu of its own, that of a `configfile` or a submenu: no entry yet, and of the variables only what was
    /// exported (kern/env.c, `grub_env_context_open`).
    pub fn enter(&mut self) {
        let exported = &self.exported;
        self.variables.retain(|name, _| exported.contains(name));
        self.entries.clear();
        self.certain = None;
    }

    /// Adds to the menu.
    ///
    /// # Errors
    /// `Limit` beyond 1024 entries.
    pub fn add(&mut self, entry: Entry) -> Result<()> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err(Error::limit(LAYER, format!("more than {MAX_ENTRIES} entries")));
        }
        self.entries.push(Rc::new(entry));
        Ok(())
    }

    /// Notes something that is not understood; the first one is kept.
    pub fn doubt(&mut self, line: u32, what: &str) {
        if self.doubt.is_none() {
            self.doubt = Some((line, what.to_owned()));
        }
    }

    /// The error for the first thing that was not understood.
    ///
    /// # Errors
    /// `Unsupported` with the line.
    pub fn settled(&self) -> Result<()> {
        match &self.doubt {
            Some((line, what)) => Err(unsupported(*line, what)),
            None => Ok(()),
        }
    }

    /// Joins the other way through a condition that is not known: what differs becomes unknown.
    pub fn join(&mut self, other: Self, line: u32) {
        let names: Vec<Rc<str>> = self.variables.keys().chain(other.variables.keys()).cloned().collect();
        for name in names {
            let (mine, theirs) = (self.get(&name), other.get(&name));
            if mine != theirs {
                self.variables.insert(name, Arg { text: "".into(), whole: false });
            }
        }
        let once: Vec<Rc<str>> = self.exported.symmetric_difference(&other.exported).cloned().collect();
        for name in once {
            self.variables.insert(name.clone(), Arg { text: "".into(), whole: false });
            self.exported.insert(name);
        }
        let names: Vec<Rc<str>> = self.functions.keys().chain(other.functions.keys()).cloned().collect();
        for name in names {
            if self.functions.get(&name) != other.functions.get(&name) {
                self.functions.insert(name, None);
            }
        }
        let same = self.entries.iter().zip(&other.entries).take_while(|(a, b)| a == b).count();
        if same < self.entries.len() || same < other.entries.len() {
            self.certain = Some(self.certain.unwrap_or(same).min(same));
            if other.entries.len() > self.entries.len() {
                self.entries = other.entries;
            }
        }
        self.certain = match (self.certain, other.certain) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some((line, what)) = other.doubt {
            self.doubt(line, &what);
        }
        if self.loads != other.loads || self.ended != other.ended {
            self.doubt(line, "what is loaded depends on a condition that is not known here");
        }
    }
}
