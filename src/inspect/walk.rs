//! The walk from object to facts.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use super::Facts;
use super::facts::{
    BootModes, Container, Fact, Family, Guest, Holds, PartitionTable, Scheme, Trouble, TroubleKind, Volume,
    VolumeClass, is_written,
};
use super::password::Password;
use crate::disk::want::wanted_for;
use crate::disk::{ReadAt, Result, container, filesystem, partition, volume};
use crate::guest::Tree;
use crate::guest::boot::{self, Generation};
use crate::guest::freebsd;
use crate::guest::linux::device::Devices;
use crate::guest::linux::fstab::{self, Source};
use crate::guest::linux::{self, System, accounts, architecture, network, release};
use crate::guest::root::{self, Readable, Root};
use crate::source::Opened;

/// Finds out all there is to know of one disk image.
///
/// # Errors
/// `Io` when the transport failed: nothing is known then. Every other trouble is a fact.
pub fn inspect(source: &Opened) -> Result<Facts> {
    inspect_with(source, None)
}

/// The same, and what the password is that the user gave for the image's root.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_with(source: &Opened, given: Option<&Password>) -> Result<Facts> {
    let start = Instant::now();
    let mut facts =
        Facts { worker: env!("CARGO_PKG_VERSION").to_owned(), source: source.facts.clone(), ..Facts::default() };
    if let Some(object) = &source.bytes {
        object_facts(object, given, &mut facts)?;
    }
    facts.reads.requests = source.meter.requests();
    facts.reads.bytes = source.meter.bytes();
    facts.reads.exceeded = source.meter.refused();
    facts.reads.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(facts)
}

fn object_facts(object: &Arc<dyn ReadAt>, given: Option<&Password>, facts: &mut Facts) -> Result<()> {
    let stage = wanted_for("container");
    let opened = match Fact::settle(container::open(object.clone()))? {
        Fact::Known(opened) => opened,
        Fact::Unreadable(trouble) => {
            facts.container = Some(Container { trouble: Some(trouble), ..Container::default() });
            return Ok(());
        }
    };
    facts.container = Some(opened.facts);
    let Some(disk) = opened.guest else { return Ok(()) };
    drop(stage);
    let stage = wanted_for("partition table");
    let table = Fact::settle(partition::read(&disk))?;
    facts.table = Some(table);
    let Some(table) = facts.table.as_ref().and_then(Fact::known) else { return Ok(()) };
    drop(stage);
    let stage = wanted_for("volumes");
    let found = match Fact::settle(volume::scan(&disk, table))? {
        Fact::Known(found) => found,
        Fact::Unreadable(trouble) => {
            facts.guest = Some(Guest { trouble: Some(trouble), ..Guest::default() });
            return Ok(());
        }
    };
    drop(stage);
    plan::volumes(object, &disk, table, &found);
    let unmeasured = facts.container.as_ref().is_some_and(|c| c.qcow2_bytes.is_none_or(|size| !size.is_exact()));
    let mut readable = Vec::new();
    for (mut volume, bytes) in found {
        let _stage = wanted_for(format!("{} ({})", volume.name, volume.type_id));
        readable.extend(files(&mut volume, bytes, unmeasured)?);
        facts.volumes.push(volume);
    }
    let _stage = wanted_for("guest");
    let root = Fact::settle(root::find(&readable, &Devices::new(&facts.volumes, Some(table))))?;
    let found = root.known().and_then(Option::as_ref);
    let architecture = match found {
        Some(root) if root.family == Family::Linux => Fact::settle(architecture::read(&root.tree))?,
        _ => Fact::Known(None),
    };
    let architecture = architecture.known().cloned().flatten();
    if table.scheme != Scheme::None {
        let _stage = wanted_for("boot loader");
        let machine = architecture.as_ref().map(|found| found.value.as_str());
        facts.boot_modes = Some(boot_modes(&disk, table, &facts.volumes, &readable, found, machine)?);
    }
    if !facts.volumes.is_empty() {
        let modes = facts.boot_modes.as_ref().and_then(Fact::known);
        let guest = match &root {
            Fact::Known(Some(root)) => guest(object, root, table, modes, &mut facts.volumes, &readable, given)?,
            Fact::Known(None) => Guest::default(),
            Fact::Unreadable(trouble) => Guest { trouble: Some(trouble.clone()), ..Guest::default() },
        };
        facts.guest = Some(Guest { architecture, ..guest });
    }
    Ok(())
}

/// Which firmware finds a boot loader.
fn boot_modes(
    bytes: &Arc<dyn ReadAt>,
    table: &PartitionTable,
    volumes: &[Volume],
    readable: &[Readable],
    root: Option<&Root>,
    architecture: Option<&str>,
) -> Result<Fact<BootModes>> {
    let windows = root.filter(|root| root.family == Family::Windows);
    let root = windows.and_then(|root| readable.iter().find(|found| found.name == root.volume));
    let windows =
        match root.map(|root| Fact::settle(Generation::of_root(&Tree::new(Arc::clone(&root.fs))))).transpose()? {
            Some(Fact::Known(generation)) => Some(generation),
            Some(Fact::Unreadable(trouble)) => return Ok(Fact::Unreadable(trouble)),
            None => None,
        };
    Fact::settle(boot::read(&boot::Disk { bytes, table, volumes, readable, architecture, windows }))
}

/// Opens a volume's filesystem and looks what it holds; why that cannot be done becomes the volume's trouble.
/// `unmeasured`: only the filesystem tells how much a copy of the disk would hold.
fn files(volume: &mut Volume, bytes: Arc<dyn ReadAt>, unmeasured: bool) -> Result<Option<Readable>> {
    if volume.class == VolumeClass::Encrypted && volume.trouble.is_none() {
        let what = format!("{} is encrypted", volume.type_id);
        volume.trouble = Some(Trouble { kind: TroubleKind::Encrypted, layer: "volume".to_owned(), at: None, what });
    }
    if volume.class != VolumeClass::Filesystem {
        return Ok(None);
    }
    let looked = filesystem::open(&volume.type_id, bytes).and_then(|fs| Ok((root::look(&fs)?, fs)));
    match Fact::settle(looked)? {
        Fact::Known((look, fs)) => {
            volume.holds = look.holds;
            volume.top.clone_from(&look.top);
            volume.health = Some(Fact::settle(fs.signs())?);
            if unmeasured {
                volume.usage = Some(Fact::settle(fs.usage())?);
            }
            Ok(Some(Readable { name: volume.name.clone(), fs, look }))
        }
        Fact::Unreadable(trouble) => {
            volume.holds = Holds::Unknown;
            volume.trouble.get_or_insert(trouble);
            Ok(None)
        }
    }
}

/// The operating system, and where its fstab mounts each volume.
fn guest(
    object: &Arc<dyn ReadAt>,
    root: &Root,
    table: &PartitionTable,
    modes: Option<&BootModes>,
    volumes: &mut [Volume],
    readable: &[Readable],
    given: Option<&Password>,
) -> Result<Guest> {
    let devices = Devices::new(volumes, Some(table));
    let system = System { tree: &root.tree, devices, mounts: &root.mounts, modes };
    let mut guest = Guest { root: Some(root.volume.clone()), family: root.family, ..Guest::default() };
    if root.family == Family::Linux {
        let first = volumes.iter().find(|volume| volume.partition.is_some()).map(|volume| &volume.name);
        let first = readable.iter().find(|files| Some(&files.name) == first);
        guest.custom_folder = first.map(has_custom_folder).transpose()?.flatten();
        guest.release = Some(Fact::settle(release::read(&root.tree))?);
        let start = linux::start(&system)?;
        plan::configuration(object, &system, &start);
        let (mut linux, network) = linux::rest(&system, start)?;
        if let Some(rival) = root.rivals.first() {
            let what = format!("{} and {rival} both hold a system, and what starts is not known", root.volume);
            linux.boot = Some(Fact::Unreadable(Trouble {
                kind: TroubleKind::Unsupported,
                layer: "boot loader".to_owned(),
                at: None,
                what,
            }));
        }
        guest.network = Some(network);
        guest.linux = Some(linux);
    } else if root.family == Family::FreeBSD {
        guest.release = Some(Fact::settle(freebsd::release(&root.tree))?);
        guest.linux = Some(freebsd::read(&root.tree, &system.devices)?);
        guest.network = Some(Fact::settle(network::freebsd(&root.tree))?);
    }
    if matches!(root.family, Family::Linux | Family::FreeBSD) {
        guest.accounts = Some(Fact::settle(accounts::read(&root.tree, root.family, given))?);
    }
    let mounted = mounted(root, &system)?;
    for (name, at) in mounted {
        let Some(volume) = volumes.iter_mut().find(|v| v.name == name) else { continue };
        let found = readable.iter().find(|found| found.name == name);
        if let (true, None, Some(found)) = (is_written(&at), &volume.usage, found) {
            volume.usage = Some(Fact::settle(found.fs.usage())?);
        }
        if volume.mounted_at.is_empty() {
            volume.mounted_at = at;
        }
    }
    Ok(guest)
}

/// Whether a volume has the folder of `Customized Linux`.
fn has_custom_folder(files: &Readable) -> Result<Option<bool>> {
    let there = Fact::settle(Tree::new(files.fs.clone()).exists("/aliyun_custom_image"))?;
    Ok(there.known().copied())
}

/// Volumes and where they are mounted: the root, what fstab names and does not leave to others, and what units mount.
fn mounted(root: &Root, system: &System) -> Result<Vec<(String, String)>> {
    let mut mounted = vec![(root.volume.clone(), "/".to_owned())];
    if let Fact::Known(fstab) = Fact::settle(fstab::read(system.tree, &system.devices))? {
        let entries = fstab.entries.into_iter().filter(|m| m.target.starts_with('/'));
        let entries = entries.filter(|m| !m.options.iter().any(|option| option == "noauto"));
        mounted.extend(entries.filter_map(|m| Some((m.volume?, m.target))));
    }
    if let Fact::Known(units) = Fact::settle(fstab::by_units(system.tree, &system.devices))? {
        mounted.extend(units.into_iter().filter_map(|(source, at)| match source {
            Source::Volume(volume, _) => Some((volume, at)),
            Source::Path(..) => None,
        }));
    }
    Ok(mounted)
}
