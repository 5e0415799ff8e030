//! The walk from a path to a node.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{LAYER, Mounted, Tree};
use crate::disk::filesystem::{FileSystem, Node, NodeKind, Stat};
use crate::disk::{Error, Result};

/// Linux: `MAXSYMLINKS`, include/linux/namei.h.
const MAX_LINKS: usize = 40;
/// Linux: `PATH_MAX` (with the closing NUL) and `NAME_MAX`, include/uapi/linux/limits.h. Names are counted in
/// characters here: what is not UTF-8 was replaced and grew.
const PATH_MAX: usize = 4096;
const NAME_MAX: usize = 255;
/// Components one walk may take, links included. No real path comes near; it bounds the work links can cause.
const MAX_STEPS: usize = 4096;
/// Names remembered; the memory is cleared when it is full.
const MAX_DENTRIES: usize = 8192;

/// What to do with a link in the last place of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLink {
    Follow,
    Keep,
}

/// Where a walk ended.
pub(super) struct Place<'a> {
    pub fs: &'a dyn FileSystem,
    /// Which of the mounts it is in.
    pub mount: usize,
    pub node: Node,
    pub stat: Stat,
    /// The real path.
    pub path: String,
}

/// One name on the way: the mount, the node, what it is.
#[derive(Clone)]
struct Step {
    mount: usize,
    node: Node,
    stat: Stat,
}

/// Mount, directory, name.
type Key = (usize, Node, String);

/// Names already looked up, also those that are not there. The filesystems never change, so nothing expires.
#[derive(Default)]
pub(super) struct Dentries(Mutex<HashMap<Key, Result<(Node, Stat)>>>);

impl Dentries {
    fn get(&self, key: &Key) -> Option<Result<(Node, Stat)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: Key, found: Result<(Node, Stat)>) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_DENTRIES {
            names.clear();
        }
        names.insert(key, found);
    }
}

impl Clone for Dentries {
    /// Starts empty: the clone may mount other things.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Tree {
    /// The place of `path`.
    pub(super) fn walk(&self, path: &str, last: LastLink) -> Result<Place<'_>> {
        let mut names: Vec<String> = Vec::new();
        let mut steps = vec![self.mount_point("/")?.ok_or_else(|| Error::not_found(LAYER, "nothing is mounted"))?];
        let mut links = 0_usize;
        let mut ahead = components(path)?;

        for _ in 0..MAX_STEPS {
            let Some(name) = ahead.pop() else { return self.place(&names, &steps) };
            let here = steps.last().ok_or_else(|| Error::not_found(LAYER, "nothing is mounted"))?;
            if here.stat.kind != NodeKind::Directory {
                return Err(Error::not_found(LAYER, "a component of the path is not a directory"));
            }
            match name.as_str() {
                "." => continue,
                ".." => {
                    if names.pop().is_some() {
                        steps.pop();
                    }
                    continue;
                }
                _ => {}
            }
            names.push(name);
            let found = match self.mount_point(&join(&names))? {
                Some(mounted) => mounted,
                None => self.lookup(here, names.last().map_or("", String::as_str))?,
            };
            if found.stat.kind != NodeKind::Link || (ahead.is_empty() && last == LastLink::Keep) {
                steps.push(found);
                continue;
            }
            links = links.saturating_add(1);
            if links > MAX_LINKS {
                return Err(Error::not_found(LAYER, "too many levels of symbolic links"));
            }
            let target = self.fs(found.mount)?.read_link(found.node)?;
            if target.is_empty() {
                return Err(Error::not_found(LAYER, "an empty symbolic link"));
            }
            names.pop();
            if target.starts_with('/') {
                names.clear();
                steps.truncate(1);
            }
            ahead.extend(components(&target)?);
        }
        Err(Error::limit(LAYER, format!("a path of more than {MAX_STEPS} components")))
    }

    /// Names of mount points directly in the directory with the real path `dir`.
    pub(super) fn mounted_in(&self, dir: &str) -> impl Iterator<Item = String> {
        let prefix = format!("{}/", dir.trim_end_matches('/'));
        self.mounts
            .iter()
            .filter_map(move |mounted| mounted.at.strip_prefix(&prefix))
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(str::to_owned)
    }

    fn fs(&self, mount: usize) -> Result<&dyn FileSystem> {
        self.mounts.get(mount).map(|mounted| &*mounted.fs).ok_or_else(|| Error::not_found(LAYER, "nothing is mounted"))
    }

    /// The root of what is mounted at the real path `at`.
    fn mount_point(&self, at: &str) -> Result<Option<Step>> {
        let Some(mount) = self.mounts.iter().rposition(|mounted| mounted.at == at) else { return Ok(None) };
        let Some(Mounted { fs, root, .. }) = self.mounts.get(mount) else { return Ok(None) };
        Ok(Some(Step { mount, node: *root, stat: fs.stat(*root)? }))
    }

    fn lookup(&self, dir: &Step, name: &str) -> Result<Step> {
        let key = (dir.mount, dir.node, name.to_owned());
        let found = self.dentries.get(&key).unwrap_or_else(|| {
            let found = self.look(dir, name);
            // Other errors may pass: a transport that recovers.
            if found.as_ref().map_or_else(Error::is_not_found, |_| true) {
                self.dentries.put(key, found.clone());
            }
            found
        });
        let (node, stat) = found?;
        Ok(Step { mount: dir.mount, node, stat })
    }

    fn look(&self, dir: &Step, name: &str) -> Result<(Node, Stat)> {
        let fs = self.fs(dir.mount)?;
        let node = fs.lookup(dir.node, name)?;
        Ok((node, fs.stat(node)?))
    }

    fn place(&self, names: &[String], steps: &[Step]) -> Result<Place<'_>> {
        let last = steps.last().ok_or_else(|| Error::not_found(LAYER, "nothing is mounted"))?;
        Ok(Place {
            fs: self.fs(last.mount)?,
            mount: last.mount,
            node: last.node,
            stat: last.stat.clone(),
            path: join(names),
        })
    }
}

/// `path` without `.`, `..` and doubled slashes, links not followed.
pub(super) fn normal(path: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        match name {
            ".." => drop(names.pop()),
            name => names.push(name.to_owned()),
        }
    }
    join(&names)
}

fn join(names: &[String]) -> String {
    format!("/{}", names.join("/"))
}

/// The components of `path`, last one first. A slash at the end asks for a directory, as `.` does.
fn components(path: &str) -> Result<Vec<String>> {
    if path.len() >= PATH_MAX {
        return Err(Error::not_found(LAYER, "the path is too long"));
    }
    let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    if names.iter().any(|name| name.chars().count() > NAME_MAX) {
        return Err(Error::not_found(LAYER, "a name in the path is too long"));
    }
    if path.ends_with('/') {
        names.push(".");
    }
    Ok(names.into_iter().rev().map(str::to_owned).collect())
}
