//! What each volume holds, which one is a system's root, and the tree that the system sees.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Tree;
use super::linux::device::Devices;
use super::linux::{cut, fstab, optional};
use crate::disk::Result;
use crate::disk::filesystem::{FileSystem, NodeKind};
use crate::inspect::facts::{Family, Holds};

/// Names of a root directory that are kept as evidence.
const TOP: usize = 8;
/// Most names of a root directory that are looked at.
const MAX_NAMES: usize = 10_000;
/// Folders in which a Windows is looked for.
const MAX_WINDOWS_FOLDERS: usize = 64;
/// Directories that may be mounts of their own and hold what is looked for.
const MOUNTS: &[&str] =
    &["/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc", "/opt", "/home", "/usr/local", "/var/lib"];

/// What the files of one volume make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What it is.
    pub holds: Holds,
    /// Whose root it is, where `holds` says `System`.
    pub family: Family,
    /// The first names in its root directory.
    pub top: Vec<String>,
}

/// A volume whose files can be read.
#[derive(Clone)]
pub struct Readable {
    /// Its name: `p1`, `vg0/root`.
    pub name: String,
    /// Its files.
    pub fs: Arc<dyn FileSystem>,
    /// What they make it.
    pub look: Look,
}

/// Where a volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// The directory: `/boot`.
    pub at: String,
    /// The volume's name.
    pub volume: String,
}

/// A system's root, and what it mounts.
pub struct Root {
    /// The volume.
    pub volume: String,
    /// Whose it is.
    pub family: Family,
    /// Its files.
    pub tree: Tree,
    /// Where which volume is mounted: `/` first.
    pub mounts: Vec<MountPoint>,
    /// Other volumes that hold a system as well, and nothing says which one starts.
    pub rivals: Vec<String>,
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
    let holds = if family != Family::Unknown {
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
    Ok(Look { holds, family, top })
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
fn is_boot(name: &str) -> bool {
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

/// Finds the root among the readable volumes and mounts on it what its fstab names, where that is on this disk.
///
/// Of several systems the one whose fstab says that it is the root is taken.
///
/// # Errors
/// What the filesystems report.
pub fn find(volumes: &[Readable], devices: &Devices) -> Result<Option<Root>> {
    let mut candidates: Vec<&Readable> = volumes.iter().filter(|v| v.look.holds == Holds::System).collect();
    if candidates.len() > 1 {
        let mut own = Vec::new();
        for candidate in &candidates {
            if names_itself_root(candidate, devices)? {
                own.push(*candidate);
            }
        }
        if !own.is_empty() {
            candidates = own;
        }
    }
    let Some(root) = candidates.first() else { return Ok(None) };
    let mut found = Root {
        volume: root.name.clone(),
        family: root.look.family,
        tree: Tree::new(root.fs.clone()),
        mounts: vec![MountPoint { at: "/".to_owned(), volume: root.name.clone() }],
        rivals: candidates.iter().skip(1).map(|v| v.name.clone()).collect(),
    };
    if root.look.family == Family::Linux {
        found.mount_by_fstab(volumes, devices)?;
        found.mount_boot(volumes)?;
    }
    Ok(Some(found))
}

fn names_itself_root(candidate: &Readable, devices: &Devices) -> Result<bool> {
    let fstab = fstab::read(&Tree::new(candidate.fs.clone()), devices)?;
    Ok(fstab.entries.iter().any(|m| m.target == "/" && m.volume.as_deref() == Some(&candidate.name)))
}

impl Root {
    fn mount_by_fstab(&mut self, volumes: &[Readable], devices: &Devices) -> Result<()> {
        let mut entries = fstab::read(&self.tree, devices)?.entries;
        entries.retain(|m| MOUNTS.contains(&m.target.trim_end_matches('/')) && !m.options.iter().any(|o| o == "bind"));
        // The outer one first, as mount -a would need them sorted anyway.
        entries.sort_by_key(|m| m.target.matches('/').count());
        for entry in entries {
            let volume = volumes.iter().find(|v| Some(&v.name) == entry.volume.as_ref());
            if let Some(volume) = volume.filter(|v| v.name != self.volume) {
                self.mount(entry.target.trim_end_matches('/'), volume);
            }
        }
        Ok(())
    }

    /// A volume of kernels that no fstab mounts can only be `/boot`, where the root's own is empty.
    fn mount_boot(&mut self, volumes: &[Readable]) -> Result<()> {
        if self.mounts.iter().any(|m| m.at == "/boot") {
            return Ok(());
        }
        let names = optional(self.tree.list("/boot", MAX_NAMES))?.unwrap_or_default();
        let is_kernels = |v: &&Readable| {
            v.look.holds == Holds::Boot
                && v.look.top.iter().any(|name| is_boot(name) && !name.eq_ignore_ascii_case("efi"))
        };
        let mut boots = volumes.iter().filter(is_kernels).filter(|v| self.mounts.iter().all(|m| m.volume != v.name));
        if let (false, Some(boot), None) = (names.iter().any(|name| is_boot(name)), boots.next(), boots.next()) {
            self.mount("/boot", boot);
        }
        Ok(())
    }

    fn mount(&mut self, at: &str, volume: &Readable) {
        self.tree.mount(at, volume.fs.clone());
        self.mounts.push(MountPoint { at: at.to_owned(), volume: volume.name.clone() });
    }
}
