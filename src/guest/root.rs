//! What each volume holds, which one is a system's root, and the tree that the system sees.

mod coreos;
mod look;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Tree;
use super::linux::device::Devices;
use super::linux::fstab::{self, Source};
use super::linux::optional;
use crate::disk::Result;
use crate::disk::filesystem::{FileSystem, Subvolume};
use crate::inspect::facts::{Fact, Family, Holds, Role};

pub use look::{Look, look, windows_folder};
use look::{MAX_NAMES, is_boot};

/// Directories that are looked at though they are mounted on request only.
const WANTED: &[&str] = &["/boot", "/boot/efi", "/efi"];
/// Where the kernel's own filesystems are: nothing on disk is seen there.
const KERNELS: &[&str] = &["/proc", "/sys", "/dev", "/run"];

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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MountPoint {
    /// The directory: `/boot`.
    pub at: String,
    /// The volume's name.
    pub volume: String,
    /// What a boot loader writes before the paths on it: `/@` for a subvolume, nothing for a whole volume or its default
    /// subvolume.
    pub inside: String,
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
    /// Other volumes, or subvolumes, that hold a system as well, and nothing says which one starts.
    pub rivals: Vec<String>,
}

/// A system that may be the one that starts.
struct Candidate<'a> {
    on: &'a Readable,
    /// The subvolume that is its root, unless that is the default one.
    subvolume: Option<&'a str>,
    family: Family,
    fs: Arc<dyn FileSystem>,
}

impl<'a> Candidate<'a> {
    /// All on a volume.
    fn all(on: &'a Readable) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        if on.look.family != Family::Unknown {
            all.push(Self { on, subvolume: None, family: on.look.family, fs: on.fs.clone() });
        }
        for (name, family) in &on.look.systems {
            let fs = on.fs.subvolume(&Subvolume::Path(name.clone()))?;
            all.push(Self { on, subvolume: Some(name), family: *family, fs });
        }
        Ok(all)
    }

    fn tree(&self) -> Tree {
        Tree::new(self.fs.clone())
    }

    /// Its subvolume, as a boot loader calls it.
    fn called(&self) -> &str {
        self.subvolume.unwrap_or(&self.on.look.called)
    }

    fn name(&self) -> String {
        match self.subvolume {
            None => self.on.name.clone(),
            Some(subvolume) => format!("{}:{subvolume}", self.on.name),
        }
    }

    /// Whether its own fstab says that it is the root.
    fn names_itself(&self, devices: &Devices) -> Result<bool> {
        Ok(fstab::mounts(&self.tree(), devices)?.iter().any(|(source, target, _)| match source {
            Source::Volume(volume, named) if target == "/" && *volume == self.on.name => {
                match (self.subvolume, named) {
                    (_, Some(Subvolume::Path(path))) => path.trim_matches('/') == self.called(),
                    (own, named) => own.is_none() && named.is_none(),
                }
            }
            _ => false,
        }))
    }
}

/// Finds the root among the readable volumes and mounts on it what its fstab names, where that is on this disk.
///
/// Of several systems the one is taken whose subvolume the boot loader names, or that the kernel takes where none is
/// named, and whose fstab says that it is the root.
///
/// # Errors
/// What the filesystems report.
pub fn find(volumes: &[Readable], devices: &Devices) -> Result<Option<Root>> {
    if let Some(found) = coreos::find(volumes, devices)? {
        return Ok(Some(found));
    }
    let mut candidates = Vec::new();
    for volume in volumes.iter().filter(|v| v.look.holds == Holds::System) {
        candidates.extend(Candidate::all(volume)?);
    }
    if candidates.len() > 1 {
        candidates = told(candidates, volumes)?;
    }
    if candidates.len() > 1 {
        let own: Vec<bool> = candidates.iter().map(|one| one.names_itself(devices)).collect::<Result<_>>()?;
        candidates = of_which(candidates, &own);
    }
    let Some(root) = candidates.first() else { return Ok(None) };
    let volume = root.on.name.clone();
    let at_root = |inside: String| MountPoint { at: "/".to_owned(), volume: volume.clone(), inside };
    // GRUB counts paths from the topmost subvolume, SUSE's from the default one.
    let called = Some(root.called()).filter(|name| !name.is_empty());
    let mut mounts = Vec::from_iter(called.map(|name| at_root(format!("/{name}"))));
    mounts.extend(root.subvolume.is_none().then(|| at_root(String::new())));
    let mut found = Root {
        family: root.family,
        tree: root.tree(),
        mounts,
        rivals: candidates.iter().skip(1).map(Candidate::name).collect(),
        volume,
    };
    if matches!(found.family, Family::Linux | Family::FreeBSD) {
        found.mount_by_fstab(volumes, devices)?;
    }
    if found.family == Family::Linux {
        found.mount_boot(volumes)?;
        found.mount_esp(volumes, devices)?;
    }
    Ok(Some(found))
}

/// Those whose subvolume a boot loader names, of this system or on a volume of its own; where none does, those in the
/// subvolume that is mounted by default.
fn told<'a>(candidates: Vec<Candidate<'a>>, volumes: &[Readable]) -> Result<Vec<Candidate<'a>>> {
    if candidates.iter().all(|one| one.subvolume.is_none()) {
        return Ok(candidates);
    }
    let mut told = BTreeSet::new();
    for one in &candidates {
        told.extend(told::subvolumes(&one.tree())?);
    }
    for boot in volumes.iter().filter(|v| v.look.holds == Holds::Boot) {
        told.extend(told::subvolumes(&Tree::new(boot.fs.clone()))?);
    }
    let wanted: Vec<bool> = match told.first() {
        Some(only) if told.len() == 1 => candidates.iter().map(|one| one.called() == only).collect(),
        Some(_) => Vec::new(),
        None => candidates.iter().map(|one| one.subvolume.is_none()).collect(),
    };
    Ok(of_which(candidates, &wanted))
}

/// Those that are `wanted`, or all where none is.
fn of_which<'a>(candidates: Vec<Candidate<'a>>, wanted: &[bool]) -> Vec<Candidate<'a>> {
    if !wanted.contains(&true) {
        return candidates;
    }
    candidates.into_iter().zip(wanted).filter_map(|(one, wanted)| wanted.then_some(one)).collect()
}

impl Root {
    /// Mounts what fstab names, then what units of systemd do, which may lie on a `/usr` of its own.
    fn mount_by_fstab(&mut self, volumes: &[Readable], devices: &Devices) -> Result<()> {
        let mounts = fstab::mounts(&self.tree, devices)?;
        self.mount_all(mounts, volumes)?;
        // Where the units cannot be read, nothing is lost that fstab tells.
        let units = Fact::settle(fstab::by_units(&self.tree, devices))?;
        let units = units.known().cloned().unwrap_or_default();
        self.mount_all(units.into_iter().map(|(source, at)| (source, at, false)).collect(), volumes)
    }

    fn mount_all(&mut self, mut mounts: Vec<(Source, String, bool)>, volumes: &[Readable]) -> Result<()> {
        for (_, target, _) in &mut mounts {
            target.truncate(target.trim_end_matches('/').len());
        }
        mounts.retain(|(_, target, on_request)| {
            let is_kernels =
                KERNELS.iter().any(|at| target.strip_prefix(at).is_some_and(|r| r.is_empty() || r.starts_with('/')));
            !target.is_empty() && !is_kernels && (!on_request || WANTED.contains(&target.as_str()))
        });
        // The outer one first, as mount -a would need them sorted anyway; what is bound shows what was mounted.
        mounts.sort_by_key(|(source, target, _)| (matches!(source, Source::Path(..)), target.matches('/').count()));
        for (source, at, _) in mounts {
            match source {
                Source::Path(from, below) => drop(optional(self.tree.bind(&at, &from, below))?),
                Source::Volume(name, subvolume) => {
                    let volume = volumes.iter().find(|v| v.name == name);
                    // The root once more shows nothing new.
                    let volume = volume.filter(|v| subvolume.is_some() || v.name != self.volume);
                    if let Some(volume) = volume {
                        self.mount(&at, volume, subvolume)?;
                    }
                }
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
            self.mount("/boot", boot, None)?;
        }
        Ok(())
    }

    /// Mounts the EFI system partition, and the one with kernels beside it, where no fstab does, as systemd would
    /// (systemd-gpt-auto-generator(8)): what starts by UEFI reads its configuration there.
    fn mount_esp(&mut self, volumes: &[Readable], devices: &Devices) -> Result<()> {
        for (role, at) in [(Role::Esp, "/efi"), (Role::Xbootldr, "/boot")] {
            let Some(partition) = devices.partitions.iter().find(|partition| partition.role == role) else { continue };
            let name = format!("p{}", partition.number);
            let used = self.mounts.iter().any(|mount| mount.volume == name || mount.at == at);
            let empty = || -> Result<bool> {
                Ok(optional(self.tree.list(at, MAX_NAMES))?.is_none_or(|names| names.is_empty()))
            };
            if let (false, Some(volume)) = (used, volumes.iter().find(|volume| volume.name == name))
                && empty()?
            {
                self.mount(at, volume, None)?;
            }
        }
        Ok(())
    }

    /// Mounts a volume, or one of its subvolumes where that is there: the kernel mounts nothing else in its place.
    fn mount(&mut self, at: &str, volume: &Readable, subvolume: Option<Subvolume>) -> Result<()> {
        let Some(subvolume) = subvolume else {
            self.tree.mount(at, volume.fs.clone());
            self.mounts.push(MountPoint { at: at.to_owned(), volume: volume.name.clone(), inside: String::new() });
            return Ok(());
        };
        let Some(fs) = optional(volume.fs.subvolume(&subvolume))? else { return Ok(()) };
        self.tree.mount(at, fs);
        // A boot loader has no numbers: what is on a subvolume known by its number only is not found by its path.
        if let Subvolume::Path(path) = subvolume {
            let inside = format!("/{}", path.trim_matches('/'));
            let inside = inside.trim_end_matches('/').to_owned();
            self.mounts.push(MountPoint { at: at.to_owned(), volume: volume.name.clone(), inside });
        }
        Ok(())
    }
}
