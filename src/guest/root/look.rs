//! What the files of a volume make it, and where on it a system has its root.

use std::sync::Arc;

use crate::disk::Result;
use crate::disk::filesystem::{FileSystem, NodeKind, Subvolume};
use crate::guest::Tree;
use crate::guest::linux::{cut, optional};
use crate::inspect::facts::{Family, Holds};

/// Names of a root directory that are kept as evidence.
const TOP: usize = 8;
/// Most names of a root directory that are looked at.
pub(super) const MAX_NAMES: usize = 10_000;
/// Folders in which a Windows is looked for.
const MAX_WINDOWS_FOLDERS: usize = 64;
/// Subvolumes of the topmost one in which a system is looked for, and what is longer than their names.
const MAX_SUBVOLUMES: usize = 64;
const MAX_NAME: usize = 64;

/// What the files of one volume make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What it is.
    pub holds: Holds,
    /// Whose root its root directory is.
    pub family: Family,
    /// The first names in its root directory.
    pub top: Vec<String>,
    /// Subvolumes that hold a system, by their names in the topmost one, and whose; without the one whose root directory
    /// is looked at.
    pub systems: Vec<(String, Family)>,
    /// The name there of the subvolume whose root directory is looked at; empty where that is the topmost one, or lies
    /// deeper.
    pub called: String,
}

/// Looks at the files of a volume.
///
/// # Errors
/// What the filesystem reports.
pub fn look(fs: &Arc<dyn FileSystem>) -> Result<Look> {
    let tree = Tree::new(fs.clone());
    let names = tree.list("/", MAX_NAMES)?;
    let top = names.iter().take(TOP).map(|name| cut(name, 64)).collect();
    let has = |name: &str| names.iter().any(|n| n == name);
    let family = if is_windows(&tree, &names)? { Family::Windows } else { family(&tree)? };
    let (systems, called) = systems(fs)?;
    let holds = if family != Family::Unknown || !systems.is_empty() {
        Holds::System
    } else if names.iter().all(|name| name == "lost+found") {
        Holds::Nothing
    } else if is_installer(&tree, &names)? {
        Holds::Installer
    } else if !has("etc") && names.iter().any(|name| is_boot(name)) {
        Holds::Boot
    } else {
        Holds::Data
    };
    Ok(Look { holds, family, top, systems, called })
}

/// The subvolumes right below the topmost one that hold a system (`@`, `root`, `@rootfs`), and the name of `fs` itself.
fn systems(fs: &Arc<dyn FileSystem>) -> Result<(Vec<(String, Family)>, String)> {
    let (mut systems, mut called) = (Vec::new(), String::new());
    let Some(topmost) = optional(fs.subvolume(&Subvolume::Id(0)))? else { return Ok((systems, called)) };
    let names = topmost.list(topmost.root(), MAX_NAMES)?.into_iter().map(|entry| entry.name);
    let mut left = MAX_SUBVOLUMES;
    for name in names.filter(|name| name.len() <= MAX_NAME) {
        let Some(below) = optional(fs.subvolume(&Subvolume::Path(name.clone())))? else { continue };
        let Some(fewer) = left.checked_sub(1) else { break };
        left = fewer;
        if below.root() == fs.root() {
            called = name;
            continue;
        }
        let found = family(&Tree::new(below))?;
        if found != Family::Unknown {
            systems.push((name, found));
        }
    }
    Ok((systems, called))
}

/// Whether a Windows has its root here. Asked only where the root directory has what Windows puts there.
fn is_windows(tree: &Tree, names: &[String]) -> Result<bool> {
    let marks = ["windows", "winnt", "users", "documents and settings", "program files", "pagefile.sys", "ntldr"];
    if !names.iter().any(|name| marks.contains(&name.to_ascii_lowercase().as_str())) {
        return Ok(false);
    }
    Ok(folder_of_windows(tree, names)?.is_some())
}

/// The folder of the Windows that has its root here: below a folder of any name lies the hive of its configuration.
///
/// # Errors
/// What the filesystem reports.
pub fn windows_folder(tree: &Tree) -> Result<Option<String>> {
    folder_of_windows(tree, &tree.list("/", MAX_NAMES)?)
}

fn folder_of_windows(tree: &Tree, names: &[String]) -> Result<Option<String>> {
    for name in names.iter().filter(|name| !name.starts_with('$')).take(MAX_WINDOWS_FOLDERS) {
        if optional(tree.stat_link(&format!("/{name}/System32/config/SYSTEM")))?.is_some() {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// Which family of systems has its root here. Links are not followed: they may lead to volumes that are mounted later.
fn family(tree: &Tree) -> Result<Family> {
    let there = |path: &str| Ok::<bool, crate::disk::Error>(optional(tree.stat_link(path))?.is_some());
    let any = |paths: &[&str]| paths.iter().try_fold(false, |found, path| Ok(found || there(path)?));
    let etc = optional(tree.stat("/etc"))?.is_some_and(|stat| stat.kind == NodeKind::Directory);
    if !etc {
        return Ok(Family::Unknown);
    }
    if any(&["/bin/freebsd-version", "/libexec/ld-elf.so.1"])? {
        return Ok(Family::FreeBSD);
    }
    let told = any(&["/etc/os-release", "/usr/lib/os-release", "/etc/issue", "/etc/inittab", "/sbin/init"])?
        || any(&["/usr/sbin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/init"])?;
    Ok(if told && any(&["/usr", "/bin"])? { Family::Linux } else { Family::Unknown })
}

/// Kernels, boot loaders and what they come with.
pub(super) fn is_boot(name: &str) -> bool {
    ["vmlinuz", "vmlinux", "bzImage", "initrd", "initramfs", "System.map"].iter().any(|start| name.starts_with(start))
        || ["grub", "grub2", "extlinux", "syslinux", "EFI", "efi", "loader"].contains(&name)
}

/// What installation media of the usual systems have at their top.
fn is_installer(tree: &Tree, names: &[String]) -> Result<bool> {
    let marks =
        [".treeinfo", ".discinfo", "isolinux", "casper", "install.amd", "LiveOS", "media.repo", "suse-isolinux"];
    if names.iter().any(|name| marks.contains(&name.as_str())) {
        return Ok(true);
    }
    Ok(tree.exists("/sources/install.wim")? || tree.exists("/.disk/info")? || tree.exists("/sources/boot.wim")?)
}
