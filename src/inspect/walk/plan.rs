//! What an inspection is going to read, fetched side by side before it is read in order.

use std::sync::Arc;

use super::{boot_modes, files, guest};
use crate::disk::ahead::fetch_ahead;
use crate::disk::filesystem::{self, NodeKind};
use crate::disk::want::wanted_for;
use crate::disk::{ReadAt, Result};
use crate::guest::linux::device::Devices;
use crate::guest::linux::services::Services;
use crate::guest::linux::{
    Start, System, accounts, agents, architecture, cloud_init, firewall, network, packaged, packages, release, selinux,
    ssh,
};
use crate::guest::{Tree, root};
use crate::inspect::facts::{CloudInit, Fact, Family, Kernel, PartitionTable, Volume, VolumeClass};

/// Files and directories that are read of nearly every Linux, and only after others that do not lead to them.
const LIKELY: &[&str] = &[
    "/etc/fstab",
    "/boot",
    "/boot/grub/grub.cfg",
    "/boot/grub/grubenv",
    "/boot/grub2/grub.cfg",
    "/boot/grub2/grubenv",
    "/boot/loader/entries",
    "/var/lib/dpkg/status",
    "/etc/systemd/system",
    "/etc/systemd/system/multi-user.target.wants",
    "/etc/cloud/cloud.cfg",
];
/// Directories of which the files are read, too, and what their names begin with.
const LIKELY_IN: &[(&str, &str)] = &[("/boot", "config-"), ("/etc/cloud/cloud.cfg.d", "")];
/// Where each kernel has a directory, and what is read of it.
const MODULES: &str = "/lib/modules";
const LISTS: [&str; 2] = ["modules.builtin", "modules.dep"];
/// Most names of a directory that are looked at, most that are followed, and what is read of one file.
const MAX_NAMES: usize = 4096;
const FOLLOWED: usize = 8;
const HEAD: usize = 256 << 10;

/// Fetches what the volumes' files will be asked for.
pub(super) fn volumes(
    object: &Arc<dyn ReadAt>,
    disk: &Arc<dyn ReadAt>,
    table: &PartitionTable,
    found: &[(Volume, Arc<dyn ReadAt>)],
) {
    fetch_ahead(object.as_ref(), || {
        for (volume, bytes) in found.iter().filter(|(volume, _)| volume.class == VolumeClass::Filesystem) {
            let _stage = wanted_for(format!("{} ({})", volume.name, volume.type_id));
            let _ = one(volume, bytes.clone());
        }
        let mut readable = Vec::new();
        let mut volumes = Vec::new();
        for (volume, bytes) in found {
            let mut volume = volume.clone();
            readable.extend(files(&mut volume, bytes.clone(), true)?);
            volumes.push(volume);
        }
        let modes = boot_modes(disk, table, &volumes, &readable, None, None);
        let Some(root) = root::find(&readable, &Devices::new(&volumes, Some(table)))? else { return Ok(()) };
        let modes = modes.as_ref().ok().and_then(Fact::known);
        guest(object, &root, table, modes, &mut volumes, &readable, None).map(drop)
    });
}

/// Fetches what is read of a Linux whose start is known: by then much else was read, and there is room again.
pub(super) fn configuration(object: &Arc<dyn ReadAt>, system: &System, start: &Start) {
    fetch_ahead(object.as_ref(), || {
        configured(system.tree, start.line(), start.kernel());
        Ok(())
    });
}

/// What a Linux is configured to do. Each thing is tried for itself, whatever became of the one before.
fn configured(tree: &Tree, line: Option<&str>, kernel: Option<&Kernel>) {
    let database = &packages::read(tree);
    let packages = database.as_ref().ok().and_then(Option::as_ref);
    if let Ok(services) = &Services::open(tree, line) {
        let found = cloud_init::read(tree, services, line, database);
        let _ = network::read(tree, services, line.unwrap_or_default(), found.as_ref().ok());
        // As if cloud-init ran: what else makes host keys is much, and seldom asked.
        let runs = CloudInit { enabled_by: Some(String::new()), ..CloudInit::default() };
        let _ = ssh::read(tree, services, Some(found.as_ref().unwrap_or(&runs)), packages);
        let _ = (firewall::read(tree, services), agents::read(tree, services, database));
    }
    let _ = (selinux::read(tree, line, kernel), accounts::read(tree, Family::Linux, None));
    if packages.is_some() {
        let _ = (packages::critical::read(tree, packages), packages::issue::read(tree, packages, None));
        let _ = packaged(tree, packages, kernel);
    }
}

/// One volume, as if it were the root. Each thing is tried for itself, whatever became of the one before.
fn one(volume: &Volume, bytes: Arc<dyn ReadAt>) -> Result<()> {
    let fs = filesystem::open(&volume.type_id, bytes)?;
    let _ = (root::look(&fs), fs.signs(), fs.usage());
    let tree = Tree::new(fs);
    let _ = (release::read(&tree), architecture::read(&tree));
    configured(&tree, None, None);
    for path in LIKELY {
        let _ = touch(&tree, path);
    }
    for (dir, start) in LIKELY_IN {
        let Ok(names) = tree.list(dir, MAX_NAMES) else { continue };
        for name in names.iter().filter(|name| name.starts_with(start)).take(FOLLOWED) {
            let _ = touch(&tree, &format!("{dir}/{name}"));
        }
    }
    for release in tree.list(MODULES, MAX_NAMES)?.iter().take(FOLLOWED) {
        for list in LISTS {
            let _ = touch(&tree, &format!("{MODULES}/{release}/{list}"));
        }
    }
    Ok(())
}

/// Reads a directory's names, or what a file begins with.
fn touch(tree: &Tree, path: &str) -> Result<()> {
    match tree.stat(path)?.kind {
        NodeKind::Directory => tree.list(path, MAX_NAMES).map(drop),
        NodeKind::File => tree.read_head(path, HEAD).map(drop),
        NodeKind::Link | NodeKind::Special => Ok(()),
    }
}
