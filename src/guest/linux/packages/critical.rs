//! The folders and programs without which no Linux starts, compared with what their packages brought.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::digest::Algorithm;
use super::{Is, Owned, Package, Packages, elf, real_place};
use crate::disk::filesystem::NodeKind;
use crate::disk::{Error, ErrorKind, Result, ahead};
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, optional};
use crate::inspect::facts::{Changed, Critical, Evident};

/// The folders, and the one that only a userland whose dynamic loader lies in it needs (x86_64 with glibc).
const FOLDERS: &[&str] = &["/sbin", "/bin", "/lib"];
const LIB64: &str = "/lib64";
/// Programs that tell where the dynamic loader lies; the first that does decides.
const PROGRAMS: &[&str] = &["/bin/sh", "/bin/bash", "/usr/bin/env", "/sbin/init"];
/// The files, by all the paths that distributions give them: where a package has one, it has to be there. What is a link
/// leads to the next. Few, since each is read whole.
const FILES: &[&str] = &[
    "/sbin/init",
    "/bin/sh",
    "/bin/bash",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux.so.2",
    "/lib/ld-musl-x86_64.so.1",
    "/lib64/libc.so.6",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib/i386-linux-gnu/libc.so.6",
    "/lib/i386-linux-gnu/i686/cmov/libc.so.6",
    "/lib/libc.so.6",
    "/bin/mount",
    "/usr/sbin/chpasswd",
    "/usr/bin/passwd",
    "/usr/sbin/useradd",
];
/// Most links from a path to its file.
const MAX_LINKS: usize = 8;

/// Looks at the folders, and compares the files where a database is at hand.
///
/// # Errors
/// What the filesystem reports of the folders. A file that cannot be read is one that is undecided.
pub fn read(tree: &Tree, packages: Option<&Packages>) -> Result<Critical> {
    let mut found = Critical::default();
    let lib64 = loader(tree)?.is_some_and(|loader| loader.starts_with("/lib64/"));
    for folder in FOLDERS.iter().copied().chain(lib64.then_some(LIB64)) {
        look(tree, folder, &mut found)?;
    }
    if let Some(packages) = packages {
        let mut seen = BTreeSet::new();
        for path in FILES {
            let mut compare = Compare { tree, packages, seen: &mut seen, found: &mut found };
            if let Err((path, error)) = compare.chain(path) {
                if error.kind == ErrorKind::Io && !ahead::rehearsing() {
                    return Err(error);
                }
                found.undecided.push(Evident { value: cut(&error.what, 120), place: cut(&path, PATH_MAX) });
            }
        }
    }
    Ok(found)
}

/// Where the dynamic loader lies.
fn loader(tree: &Tree) -> Result<Option<String>> {
    for program in PROGRAMS {
        match elf::interpreter(tree, program) {
            Ok(Some(path)) => return Ok(Some(path)),
            Err(error) if error.kind == ErrorKind::Io => return Err(error),
            Ok(None) | Err(_) => {}
        }
    }
    Ok(None)
}

fn look(tree: &Tree, folder: &str, found: &mut Critical) -> Result<()> {
    let Some(stat) = optional(tree.stat_link(folder))? else {
        found.missing.push(folder.to_owned());
        return Ok(());
    };
    let leads = optional(tree.stat(folder))?.map(|stat| stat.kind);
    if leads != Some(NodeKind::Directory) {
        found.missing.push(folder.to_owned());
    } else if stat.kind == NodeKind::Link {
        let target = tree.read_link(folder)?;
        if target.starts_with('/') {
            found.absolute.push(Evident { value: cut(&target, PATH_MAX), place: folder.to_owned() });
        }
    }
    Ok(())
}

/// The comparison of one file.
struct Compare<'a> {
    tree: &'a Tree,
    packages: &'a Packages,
    /// Real paths that were compared already.
    seen: &'a mut BTreeSet<String>,
    found: &'a mut Critical,
}

/// What a file turned out to be.
enum Seen<'a> {
    Link(&'a str),
    File,
    Nothing,
}

impl Compare<'_> {
    /// Compares what is at `path`, and where it is a link what that leads to.
    fn chain(&mut self, path: &str) -> std::result::Result<(), (String, Error)> {
        let before = self.found.changed.len();
        let mut at = path.to_owned();
        for _ in 0..MAX_LINKS {
            match self.step(&at) {
                Ok(Some(next)) => at = next,
                Ok(None) => break,
                Err(error) => return Err((at, error)),
            }
        }
        if self.found.changed.iter().skip(before).any(|changed| changed.found.is_empty()) {
            return Ok(());
        }
        self.dangling(path).map_err(|error| (path.to_owned(), error))
    }

    /// A link in the place of what a package has, by which nothing is reached, is as good as nothing.
    fn dangling(&mut self, path: &str) -> Result<()> {
        let Some(real) = real_place(self.tree, path)? else { return Ok(()) };
        let is_link = optional(self.tree.stat_link(&real))?.is_some_and(|stat| stat.kind == NodeKind::Link);
        if !is_link || optional(self.tree.stat(&real))?.is_some() {
            return Ok(());
        }
        let owners = self.packages.owners(self.tree, &real)?;
        let Some((package, _)) = owners.into_iter().find(|(_, owned)| owned.is != Is::Unsaid) else { return Ok(()) };
        let dangling = Changed {
            path: cut(&real, PATH_MAX),
            package: package.name.clone(),
            leads_to: cut(&self.tree.read_link(&real)?, PATH_MAX),
            ..Changed::default()
        };
        self.found.changed.retain(|changed| changed.path != dangling.path);
        self.found.changed.push(dangling);
        Ok(())
    }

    fn step(&mut self, path: &str) -> Result<Option<String>> {
        let Some(real) = real_place(self.tree, path)?.filter(|real| self.seen.insert(real.clone())) else {
            return Ok(None);
        };
        match optional(self.tree.stat_link(&real))?.map(|stat| stat.kind) {
            Some(NodeKind::Link) => {
                let target = self.tree.read_link(&real)?;
                self.judge(&real, &Seen::Link(&target))?;
                Ok(Some(joined(&real, &target)))
            }
            Some(NodeKind::File) => self.judge(&real, &Seen::File).map(|()| None),
            Some(NodeKind::Directory | NodeKind::Special) => Ok(None),
            None => self.judge(&real, &Seen::Nothing).map(|()| None),
        }
    }

    fn judge(&mut self, real: &str, seen: &Seen) -> Result<()> {
        let owners = self.packages.owners(self.tree, real)?;
        let mut changed = None;
        for (package, owned) in owners {
            match self.differs(real, seen, package, owned)? {
                Some(None) => {
                    self.found.same = self.found.same.saturating_add(1);
                    return Ok(());
                }
                Some(Some(differs)) => changed = Some(differs),
                None => {}
            }
        }
        let Some(changed) = changed else { return Ok(()) };
        if matches!(seen, Seen::File) && elf::prelinked(self.tree, real)? {
            self.found.undecided.push(Evident { value: "prelinked".to_owned(), place: cut(real, PATH_MAX) });
        } else {
            self.found.changed.push(changed);
        }
        Ok(())
    }

    /// `None` where the database does not say what is there, else how it differs.
    #[expect(clippy::option_option, reason = "not said, the same, and how it differs are three answers")]
    fn differs(&self, real: &str, seen: &Seen, package: &Package, owned: &Owned) -> Result<Option<Option<Changed>>> {
        let as_found = |algorithm: Algorithm| -> Result<String> {
            Ok(match seen {
                Seen::File => algorithm.of_file(self.tree, real)?.hex,
                Seen::Link(target) => algorithm.of(target.as_bytes()).hex,
                Seen::Nothing => String::new(),
            })
        };
        let (wanted, found, same) = match (&owned.is, seen) {
            (Is::Unsaid, _) | (Is::Listed, Seen::File | Seen::Link(_)) => return Ok(None),
            (Is::Listed, Seen::Nothing) => (String::new(), String::new(), false),
            (Is::File(digest), Seen::Link(target)) => (digest.short(), (*target).to_owned(), false),
            (Is::File(digest) | Is::Either(digest), _) => {
                let found = as_found(digest.algorithm)?;
                let same = found == digest.hex;
                (digest.short(), found.chars().take(12).collect(), same)
            }
            (Is::Link(wanted), Seen::Link(target)) => {
                (wanted.clone(), (*target).to_owned(), wanted == target || self.alike(real, wanted, target)?)
            }
            (Is::Link(wanted), Seen::File) => (wanted.clone(), "a file".to_owned(), false),
            (Is::Link(wanted), Seen::Nothing) => (wanted.clone(), String::new(), false),
        };
        let changed = Changed {
            path: cut(real, PATH_MAX),
            package: package.name.clone(),
            wanted: cut(&wanted, 64),
            found: cut(&found, 64),
            leads_to: String::new(),
        };
        Ok(Some((!same).then_some(changed)))
    }

    /// Whether two targets of a link at `real` lead to the same place.
    fn alike(&self, real: &str, one: &str, other: &str) -> Result<bool> {
        let place = |target| optional(self.tree.resolve(&joined(real, target)));
        Ok(place(one)?.is_some_and(|one| place(other).is_ok_and(|other| other.as_ref() == Some(&one))))
    }
}

/// Where a link at `path` leads, in the guest.
fn joined(path: &str, target: &str) -> String {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    if target.starts_with('/') { target.to_owned() } else { format!("{dir}/{target}") }
}
