//! Files by path: one walker for every filesystem, with symbolic links and mount points as the guest itself sees them.

#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use crate::disk::bytes::{self, to_u64, to_usize};
use crate::disk::filesystem::{FileSystem, Node, NodeKind, Stat};
use crate::disk::want::wanted_for;
use crate::disk::{Error, Result};

use walk::{Dentries, LastLink, Place};

const LAYER: &str = "tree";
/// Mounts that binding what others are mounted on may add up to.
const MAX_MOUNTS: usize = 1024;

/// What is mounted at a real path.
#[derive(Clone)]
struct Mounted {
    at: String,
    fs: Arc<dyn FileSystem>,
    /// What is seen there: the root of the filesystem, or what was bound.
    root: Node,
}

/// The guest's file tree: its root filesystem and what is mounted on it.
///
/// Paths are the guest's own: absolute, `..` above the root stays at the root, and an absolute link starts at the
/// guest's root. What a process in the guest could not reach (a link loop, a file in the place of a directory, a name
/// that is too long) is `NotFound`, as it would be told there.
#[derive(Clone, Default)]
pub struct Tree {
    /// Of two at one path the later one counts.
    mounts: Vec<Mounted>,
    dentries: Dentries,
}

impl Tree {
    /// A tree of one filesystem.
    pub fn new(root: Arc<dyn FileSystem>) -> Self {
        let mounted = Mounted { at: "/".to_owned(), root: root.root(), fs: root };
        Self { mounts: vec![mounted], dentries: Dentries::default() }
    }

    /// Mounts `fs` at the directory `at`, over whatever is there. Links in `at` are resolved now, so mount the outer
    /// filesystem first. A directory that is missing is made, as systemd makes it.
    pub fn mount(&mut self, at: &str, fs: Arc<dyn FileSystem>) {
        let at = self.resolve(at).unwrap_or_else(|_| walk::normal(at));
        self.mounts.push(Mounted { at, root: fs.root(), fs });
    }

    /// Shows at `at` what is at `from` as well (`mount --bind`); with `below`, also what is mounted below it (`--rbind`).
    ///
    /// # Errors
    /// As [`stat`](Self::stat), of `from`; `Limit` beyond 1024 mounts.
    pub fn bind(&mut self, at: &str, from: &str, below: bool) -> Result<()> {
        let place = self.walk(from, LastLink::Follow)?;
        let (from, root, fs) = (place.path, place.node, self.mounts.get(place.mount).map(|mounted| mounted.fs.clone()));
        let fs = fs.ok_or_else(|| Error::not_found(LAYER, "nothing is mounted"))?;
        let at = self.resolve(at).unwrap_or_else(|_| walk::normal(at));
        let rest = |mounted: &Mounted| mounted.at.strip_prefix(from.trim_end_matches('/')).map(str::to_owned);
        let inner = self.mounts.iter().filter_map(|mounted| Some((rest(mounted)?, mounted.clone())));
        let inner: Vec<_> = inner.filter(|(rest, _)| below && rest.len() > 1 && rest.starts_with('/')).collect();
        if self.mounts.len().saturating_add(inner.len()) >= MAX_MOUNTS {
            return Err(Error::limit(LAYER, format!("more than {MAX_MOUNTS} mounts")));
        }
        self.mounts.push(Mounted { at: at.clone(), fs, root });
        for (rest, mounted) in inner {
            self.mounts.push(Mounted { at: format!("{}{rest}", at.trim_end_matches('/')), ..mounted });
        }
        Ok(())
    }

    /// What is at `path`, links followed.
    ///
    /// # Errors
    /// `NotFound` where nothing is there, and what the filesystem reports.
    pub fn stat(&self, path: &str) -> Result<Stat> {
        let _reads = wanted_for(path);
        self.walk(path, LastLink::Follow).map(|place| place.stat)
    }

    /// What is at `path`; the last component is not followed when it is a link.
    ///
    /// # Errors
    /// As [`stat`](Self::stat).
    pub fn stat_link(&self, path: &str) -> Result<Stat> {
        let _reads = wanted_for(path);
        self.walk(path, LastLink::Keep).map(|place| place.stat)
    }

    /// Whether something is at `path`, links followed: a dangling link is not there.
    ///
    /// # Errors
    /// What the filesystem reports, other than `NotFound`.
    pub fn exists(&self, path: &str) -> Result<bool> {
        match self.walk(path, LastLink::Follow) {
            Ok(_) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The whole regular file at `path`.
    ///
    /// # Errors
    /// `Limit` where it is longer than `max` bytes, `NotFound` where no regular file is there, and what the filesystem
    /// reports.
    pub fn read(&self, path: &str, max: usize) -> Result<Vec<u8>> {
        let _reads = wanted_for(path);
        let file = self.file(path)?;
        if file.stat.size > to_u64(max) {
            let what = format!("{} has {} bytes, {max} are read", named(path), file.stat.size);
            return Err(Error::limit(LAYER, what));
        }
        file.fs.read_at(file.node, 0, to_usize(LAYER, file.stat.size)?)
    }

    /// The first `max` bytes of the regular file at `path`, or all of a shorter one.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    pub fn read_head(&self, path: &str, max: usize) -> Result<Vec<u8>> {
        self.read_at(path, 0, max)
    }

    /// Up to `len` bytes of the regular file at `path` from byte `at` on, fewer only at its end.
    ///
    /// # Errors
    /// `NotFound` where no regular file is there, and what the filesystem reports.
    pub fn read_at(&self, path: &str, at: u64, len: usize) -> Result<Vec<u8>> {
        let _reads = wanted_for(path);
        let file = self.file(path)?;
        file.fs.read_at(file.node, at, len)
    }

    /// The whole regular file at `path` as text, whatever is not UTF-8 replaced.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_text(&self, path: &str, max: usize) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.read(path, max)?).into_owned())
    }

    /// The target of the symbolic link at `path`, as it is written there.
    ///
    /// # Errors
    /// `NotFound` where no link is there, and what the filesystem reports.
    pub fn read_link(&self, path: &str) -> Result<String> {
        let _reads = wanted_for(path);
        let link = self.walk(path, LastLink::Keep)?;
        match link.stat.kind {
            NodeKind::Link => link.fs.read_link(link.node),
            _ => Err(Error::not_found(LAYER, "not a symbolic link")),
        }
    }

    /// The names in the directory at `path`, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// `Limit` beyond `max` names, `NotFound` where no directory is there, and what the filesystem reports.
    pub fn list(&self, path: &str, max: usize) -> Result<Vec<String>> {
        let _reads = wanted_for(path);
        let dir = self.walk(path, LastLink::Follow)?;
        if dir.stat.kind != NodeKind::Directory {
            return Err(Error::not_found(LAYER, "not a directory"));
        }
        let mut names: Vec<String> = dir.fs.list(dir.node, max)?.into_iter().map(|entry| entry.name).collect();
        names.extend(self.mounted_in(&dir.path));
        names.sort_unstable();
        names.dedup();
        if names.len() > max {
            return Err(Error::limit(LAYER, format!("{} has more than {max} names", named(path))));
        }
        Ok(names)
    }

    /// The real path of what is at `path`, all links resolved.
    ///
    /// # Errors
    /// As [`stat`](Self::stat).
    pub fn resolve(&self, path: &str) -> Result<String> {
        let _reads = wanted_for(path);
        self.walk(path, LastLink::Follow).map(|place| place.path)
    }

    fn file(&self, path: &str) -> Result<Place<'_>> {
        let place = self.walk(path, LastLink::Follow)?;
        match place.stat.kind {
            NodeKind::File => Ok(place),
            _ => Err(Error::not_found(LAYER, "not a regular file")),
        }
    }
}

/// A path as an error may name it: it may be the guest's own.
fn named(path: &str) -> String {
    bytes::text(path.as_bytes(), 64)
}
