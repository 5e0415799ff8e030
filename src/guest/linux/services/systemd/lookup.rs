//! From a unit's name to its file: masks, aliases, drop-ins.

use std::collections::BTreeSet;

use super::unit::Unit;
use super::{DIRS, Units};
use crate::disk::filesystem::NodeKind;
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::optional;
use crate::guest::linux::services::{LAYER, names};

/// Kinds of units that start something (systemd.unit(5)).
const KINDS: &[&str] =
    &["service", "socket", "target", "timer", "path", "mount", "automount", "device", "swap", "slice"];
/// How often an alias may lead to an alias.
const MAX_ALIASES: usize = 8;
/// Most drop-ins of one unit.
const MAX_DROP_INS: usize = 64;

/// What a name leads to.
pub(super) enum Named {
    /// A unit file.
    File(String),
    /// A link to `/dev/null`, or an empty file: the path.
    Masked(String),
    /// Nothing.
    Absent,
}

/// The unit directories that are there; one that leads to another of them counts once.
pub(super) fn directories(tree: &Tree) -> Result<Vec<(String, Vec<String>)>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for dir in DIRS {
        let Some(real) = optional(tree.resolve(dir))? else { continue };
        if seen.insert(real) {
            found.push(((*dir).to_owned(), names(tree, dir)?));
        }
    }
    Ok(found)
}

/// Links in `/etc` by which a unit has another name: name, unit, path.
pub(super) fn aliases(tree: &Tree, dirs: &[(String, Vec<String>)]) -> Result<Vec<(String, String, String)>> {
    let mut found = Vec::new();
    for (dir, names) in dirs.iter().filter(|(dir, _)| dir.starts_with("/etc/")) {
        for name in names.iter().filter(|name| is_unit(name)) {
            let path = format!("{dir}/{name}");
            let Some(target) = optional(tree.read_link(&path))? else { continue };
            if let Some(other) = base(&target).filter(|other| other != name) {
                found.push((name.clone(), other.to_owned(), path));
            }
        }
    }
    Ok(found)
}

impl Units<'_> {
    /// The unit's own name and its file.
    pub(super) fn find(&self, name: &str) -> Result<(String, Named)> {
        let mut name = name.to_owned();
        for _ in 0..MAX_ALIASES {
            match self.look(&name)? {
                Looked::Alias(other) => name = other,
                Looked::Named(found) => return Ok((name, found)),
            }
        }
        Err(Error::limit(LAYER, format!("more than {MAX_ALIASES} aliases of one unit")))
    }

    fn look(&self, name: &str) -> Result<Looked> {
        for (dir, _) in self.dirs.iter().filter(|(_, names)| names.iter().any(|n| n == name)) {
            let path = format!("{dir}/{name}");
            let Some(stat) = optional(self.tree.stat_link(&path))? else { continue };
            match stat.kind {
                NodeKind::File if stat.size == 0 => return Ok(Looked::Named(Named::Masked(path))),
                NodeKind::File => return Ok(Looked::Named(Named::File(path))),
                NodeKind::Link => {
                    let target = self.tree.read_link(&path)?;
                    if is_null(&target) {
                        return Ok(Looked::Named(Named::Masked(path)));
                    }
                    match base(&target) {
                        // A link to the same name elsewhere in the load path says nothing new.
                        Some(other) if other == name && within(dir, &target) => {}
                        Some(other) if within(dir, &target) && is_unit(other) => {
                            return Ok(Looked::Alias(other.to_owned()));
                        }
                        // A file from outside the load path, linked into it.
                        _ if self.tree.exists(&path)? => return Ok(Looked::Named(Named::File(path))),
                        _ => {}
                    }
                }
                NodeKind::Directory | NodeKind::Special => {}
            }
        }
        Ok(Looked::Named(Named::Absent))
    }

    /// All names of a unit: its own, and those by which `/etc` links to it.
    pub(super) fn names_of(&self, primary: &str) -> Vec<String> {
        let aliases = self.aliases.iter().filter(|(_, to, _)| to == primary).map(|(name, ..)| name.clone());
        std::iter::once(primary.to_owned()).chain(aliases).collect()
    }

    /// A unit's file and its drop-ins: of two drop-ins of one name the one in the directory that wins counts.
    #[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as systemd compares")]
    pub(super) fn unit(&self, primary: &str, file: &str) -> Result<Unit> {
        let mut drop_ins = std::collections::BTreeMap::new();
        let kind = primary.rsplit_once('.').map_or("", |(_, kind)| kind);
        let owners: Vec<String> = self.names_of(primary).into_iter().chain([kind.to_owned()]).collect();
        for owner in owners {
            let folder = format!("{owner}.d");
            for (dir, _) in self.dirs.iter().filter(|(_, names)| names.contains(&folder)) {
                for name in names(self.tree, &format!("{dir}/{folder}"))? {
                    if name.ends_with(".conf") {
                        let path = format!("{dir}/{folder}/{name}");
                        drop_ins.entry(name).or_insert(path);
                    }
                }
            }
        }
        if drop_ins.len() > MAX_DROP_INS {
            return Err(Error::limit(LAYER, format!("more than {MAX_DROP_INS} drop-ins of one unit")));
        }
        let files: Vec<String> = std::iter::once(file.to_owned()).chain(drop_ins.into_values()).collect();
        Unit::read(self.tree, &files)
    }

    /// Whether what is at `path` masks: a link to `/dev/null`.
    pub(super) fn is_mask(&self, path: &str) -> Result<bool> {
        Ok(optional(self.tree.read_link(path))?.is_some_and(|target| is_null(&target)))
    }
}

enum Looked {
    Alias(String),
    Named(Named),
}

/// Whether a name is a unit's.
pub(super) fn is_unit(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && KINDS.contains(&kind))
}

fn base(target: &str) -> Option<&str> {
    target.rsplit('/').next().filter(|name| !name.is_empty())
}

/// Whether a link in `dir` leads to a file directly in a unit directory.
fn within(dir: &str, target: &str) -> bool {
    let full = if target.starts_with('/') { target.to_owned() } else { format!("{dir}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.pop();
    let parent = format!("/{}", parts.join("/"));
    DIRS.contains(&parent.as_str()) || parent == "/run/systemd/system"
}

fn is_null(target: &str) -> bool {
    target == "/dev/null" || (target.ends_with("/dev/null") && target.starts_with("../"))
}
