//! Package databases: which packages of a few are installed, and what they say of a few files.
//!
//! Databases are large and files of them lie apart, so that one pass answers all that is asked. Packages are asked for by
//! name and not by a file of theirs: dpkg's index by file has a file for each package, those of rpm are as large as the
//! database. Nothing is ever run.

mod apk;
pub mod critical;
pub mod digest;
mod dpkg;
mod elf;
mod file;
pub mod issue;
pub mod kernel;
mod rpm;
#[cfg(test)]
mod tests;

pub use dpkg::STATUS as DPKG_STATUS;

use super::{PATH_MAX, cut};
use crate::disk::{Error, ErrorKind, Result};
use crate::guest::Tree;
use crate::inspect::facts::Evident;
use digest::Digest;

/// What packages the files that are asked about come in, by all the names distributions gave them.
const NAMES: &[&str] = &[
    "SysVinit",
    "alpine-baselayout",
    "alpine-baselayout-data",
    "base-files",
    "bash",
    "bash-sh",
    "busybox",
    "busybox-binsh",
    "cloud-init",
    "dash",
    "dash-sh",
    "glibc",
    "libc6",
    "mount",
    "musl",
    "openssh",
    "openssh-server",
    "passwd",
    "pwdutils",
    "qemu-guest-agent",
    "shadow",
    "shadow-utils",
    "systemd",
    "systemd-sysv",
    "systemd-sysvinit",
    "sysvinit",
    "sysvinit-core",
    "upstart",
    "upstart-sysv",
    "util-linux",
    "util-linux-core",
    "util-linux-ng",
];
/// What kernels come in. Anything else of those names is left out by [`NOT_KERNELS`].
const KERNELS: &[&str] = &["kernel", "linux-", "pve-kernel-", "proxmox-kernel-"];
/// Parts of names of packages that hold no kernel, and are many or large.
const NOT_KERNELS: &[&str] = &[
    "-abi",
    "-base-files",
    "-bpf",
    "-debug",
    "-devel",
    "-doc",
    "-extra",
    "-firmware",
    "-headers",
    "-keyring",
    "-libc",
    "-macros",
    "-modules",
    "-perf",
    "-source",
    "-srpm",
    "-tools",
];
/// Names of the files that are asked about.
const FILES: &[&str] = &[
    "bash",
    "busybox",
    "chpasswd",
    "dash",
    "init",
    "issue",
    "issue.net",
    "mount",
    "passwd",
    "sh",
    "systemd",
    "upstart",
    "useradd",
];
/// How names of others begin: the dynamic loader, the C library, kernels.
const FILES_LIKE: &[&str] = &["ld-", "libc-", "libc.so", "libc.musl", "vmlinu", "bzImage", "Image-"];
/// Layers of errors that are about a database and not about the filesystem that it is on.
const LAYERS: &[&str] = &["apk", "dpkg", "packages", "rpm", "rpm bdb", "rpm ndb", "rpm sqlite"];
/// Most files of one package that are kept.
const MAX_FILES: usize = 256;
/// Most packages that are kept.
const MAX_PACKAGES: usize = 256;

/// Whether a package of that name is asked for.
type Wanted = fn(&str) -> bool;

/// The program that keeps a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Debian, Ubuntu.
    Dpkg,
    /// CentOS, RHEL, Fedora, SUSE.
    Rpm,
    /// Alpine.
    Apk,
}

impl Manager {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
        }
    }
}

/// What a database says of the packages that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packages {
    /// Who keeps it.
    pub manager: Manager,
    /// How it is kept: `status`, `bdb`, `ndb`, `sqlite`, `installed`.
    pub format: &'static str,
    /// Its path in the guest.
    pub path: String,
    /// Those of the packages that are installed.
    pub installed: Vec<Package>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version, with epoch and release where it has them.
    pub version: String,
    /// Architecture.
    pub architecture: String,
    /// rpm's `Vendor`; empty elsewhere.
    pub vendor: String,
    /// dpkg's `Maintainer`, rpm's `Packager`, apk's `m`.
    pub packager: String,
    /// Name of the source package: dpkg's `Source`, rpm's `Sourcerpm`, apk's `o`.
    pub source: String,
    /// Those of its files that are asked about.
    pub files: Vec<Owned>,
}

/// A file as the database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Absolute path.
    pub path: String,
    /// What it is.
    pub is: Is,
}

/// What a file is, by the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Is {
    /// A regular file with this digest.
    File(Digest),
    /// A symbolic link to this target.
    Link(String),
    /// A regular file with this digest, or a symbolic link whose target has it (apk).
    Either(Digest),
    /// It has to be there, as a file or a link; the database does not say what it holds (dpkg of links).
    Listed,
    /// Owned, and not always there (rpm's ghosts).
    Unsaid,
}

/// Whether a package is one of those that are asked for.
fn wanted(name: &str) -> bool {
    let kernel = KERNELS.iter().any(|start| name.starts_with(start));
    NAMES.contains(&name) || is_release(name) || (kernel && !NOT_KERNELS.iter().any(|part| name.contains(part)))
}

/// Whether a package may say which distribution it is. Those of further sources of packages are called alike.
pub fn is_release(name: &str) -> bool {
    name == "base-files" || name.ends_with("-release") || name.contains("-release-")
}

/// Whether a file is one of those that are asked about, by the last component of its path.
fn wanted_file(name: &str) -> bool {
    FILES.contains(&name) || FILES_LIKE.iter().any(|start| name.starts_with(start))
}

/// Reads the database of the distribution; `None` where there is none.
///
/// A guest may have the tools of another distribution: the first database that knows a package of the base system is its
/// own.
///
/// # Errors
/// `Unsupported` where the database contradicts its own format: that is no damage of the image. Otherwise what the
/// filesystem reports.
pub fn read(tree: &Tree) -> Result<Option<Packages>> {
    those_of(tree, wanted)
}

/// The same of the packages whose names are wanted.
///
/// # Errors
/// As [`read`].
pub(crate) fn those_of(tree: &Tree, wanted: Wanted) -> Result<Option<Packages>> {
    let (mut trouble, mut empty) = (None, None);
    for reader in [dpkg::read, rpm::read, apk::read] {
        match reader(tree, wanted) {
            Ok(Some(found)) if !found.installed.is_empty() => return Ok(Some(found)),
            Ok(found) => empty = empty.or(found),
            Err(error) if error.kind == ErrorKind::Io => return Err(error),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    match (trouble, empty) {
        (Some(error), _) if error.kind == ErrorKind::Corrupt && LAYERS.contains(&error.layer) => {
            Err(Error { kind: ErrorKind::Unsupported, ..error })
        }
        (Some(error), _) => Err(error),
        (None, empty) => Ok(empty),
    }
}

/// What says that a package is installed, and its version.
pub fn evident(packages: &Result<Option<Packages>>, name: &str) -> Option<(Evident, String)> {
    let database = packages.as_ref().ok()?.as_ref()?;
    let package = database.installed(name)?;
    let evident = Evident { value: database.manager.name().to_owned(), place: database.path.clone() };
    Some((evident, package.version.clone()))
}

impl Packages {
    /// The installed package of that name.
    pub fn installed(&self, name: &str) -> Option<&Package> {
        self.installed.iter().find(|package| package.name == name)
    }

    /// What the database says of the file at the real path `path`, of each package that has it.
    ///
    /// A database may name a file by a path that leads there through a link: `/bin/bash` where `/bin` is `usr/bin`.
    ///
    /// # Errors
    /// What the filesystem reports, other than that a folder is not there.
    pub fn owners(&self, tree: &Tree, path: &str) -> Result<Vec<(&Package, &Owned)>> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut found = Vec::new();
        for package in &self.installed {
            for file in package.files.iter().filter(|file| file.path.rsplit('/').next() == Some(name)) {
                if file.path == path || real_place(tree, &file.path)?.as_deref() == Some(path) {
                    found.push((package, file));
                }
            }
        }
        Ok(found)
    }

    fn push(&mut self, package: Package) -> Result<()> {
        if self.installed.len() >= MAX_PACKAGES {
            return Err(Error::limit("packages", format!("more than {MAX_PACKAGES} packages of the base system")));
        }
        self.installed.push(package);
        Ok(())
    }
}

impl Package {
    /// Keeps the file, where it is one of those that are asked about.
    fn push(&mut self, path: &str, is: Is) {
        if self.files.len() < MAX_FILES && path.rsplit('/').next().is_some_and(wanted_file) {
            self.files.push(Owned { path: cut(path, PATH_MAX), is });
        }
    }
}

/// The path with all links but the last component resolved; `None` where its folder is not there.
pub(super) fn real_place(tree: &Tree, path: &str) -> Result<Option<String>> {
    let (dir, name) = path.rsplit_once('/').unwrap_or_default();
    let dir = if dir.is_empty() { "/" } else { dir };
    match tree.resolve(dir) {
        Ok(dir) => Ok(Some(format!("{}/{name}", dir.trim_end_matches('/')))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
