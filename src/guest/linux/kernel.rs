//! Installed kernels, and how each has the drivers that it needs in a cloud.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::drivers;
use super::embedded::{self, Embedded};
use super::initramfs::{self, Contents};
use super::{PATH_MAX, System, cut, image, optional};
use crate::disk::{Error, ErrorKind, Result};
use crate::guest::Tree;
use crate::inspect::facts::{Boot, Driver, DriverState, Fact, Kernel};

/// Most kernels beside the default one that are looked at.
const MAX_OTHERS: usize = 3;
/// Most names in `/boot` that are looked at.
const MAX_NAMES: usize = 4096;
/// Largest configuration and module list that are read.
const MAX_CONFIG: usize = 4 << 20;
const MAX_MODULES: usize = 32 << 20;
/// Options of kernels that only run as a Xen guest (Linux before 3.0 with the Xen patches).
const XEN_ONLY: &[&str] = &["CONFIG_X86_64_XEN=y", "CONFIG_X86_XEN=y"];

/// The kernels: the default entry's first, then others that are installed. Kernels for crash dumps and rescue are not.
///
/// # Errors
/// `Io`. Every other trouble leaves a state `Unknown`, or the initramfs unreadable.
pub fn read(system: &System, boot: Option<&Boot>) -> Result<Vec<Kernel>> {
    let mut kernels = Vec::new();
    let mut seen = BTreeSet::new();
    if let Some(boot) = boot
        && let Some(real) = settle(system.tree.resolve(&boot.kernel))?
    {
        seen.insert(real);
        let root = system.mounts.first().and_then(|mount| system.devices.by_name(&mount.volume));
        let of_root = root.map(|volume| drivers::of_root(&volume.type_id, &volume.name)).unwrap_or_default();
        kernels.push(one(system.tree, &boot.kernel, Some(boot), &of_root)?);
    }
    let names = settle(optional(system.tree.list("/boot", MAX_NAMES)))?.flatten().unwrap_or_default();
    let images = names.into_iter().rev().filter(|name| is_image(name)).map(|name| format!("/boot/{name}"));
    let mut others = 0;
    for path in images {
        let Some(real) = settle(system.tree.resolve(&path))? else { continue };
        if others < MAX_OTHERS && seen.insert(real) {
            others = others.saturating_add(1);
            kernels.push(one(system.tree, &path, None, &[])?);
        }
    }
    Ok(kernels)
}

fn is_image(name: &str) -> bool {
    let starts = ["vmlinuz-", "vmlinux-"].iter().any(|start| name.starts_with(start));
    starts && !["rescue", "kdump", ".hmac", ".old", ".gz", ".dpkg"].iter().any(|part| name.contains(part))
}

/// One kernel; `boot` is its entry, where it is the default one, and `of_root` drivers by which that mounts its root.
fn one(tree: &Tree, path: &str, boot: Option<&Boot>, of_root: &[&str]) -> Result<Kernel> {
    let header = settle(image::header(tree, path))?.unwrap_or_default();
    let version = header.release.or_else(|| in_name(path)).unwrap_or_default();
    let modules = Modules::read(tree, &version)?;
    let config = config(tree, path, &version, &modules)?;
    let initrds = match boot {
        Some(boot) => Fact::Known(boot.initrd.clone()),
        None => Fact::settle(usual_initrd(tree, &version))?,
    };
    let contents = match initrds {
        Fact::Known(paths) if paths.is_empty() => match boot {
            Some(boot) if boot.root_name.is_some() => {
                own(tree, path, &version, config.as_ref().map(|(text, _)| text.as_str()))?
            }
            _ => None,
        },
        Fact::Known(paths) => Some(Fact::settle(certain(initramfs::read(tree, &paths, &version), boot))?),
        Fact::Unreadable(trouble) => Some(Fact::Unreadable(trouble)),
    };
    let unused = match (boot, &contents) {
        (Some(_), None) => settle(usual_initrd(tree, &version))?.into_iter().flatten().next(),
        _ => None,
    };
    let line = boot.map_or("", |boot| boot.command_line.as_str());
    // Without the names of its functions it knows none by name.
    let nameless =
        config.as_ref().is_some_and(|(text, _)| text.lines().any(|line| line == "# CONFIG_KALLSYMS is not set"));
    let mut on_line = if nameless { Vec::new() } else { drivers::uncalled_on(line, &version) };
    on_line.extend(drivers::blocked_on(line));
    let tool = contents.as_ref().and_then(Fact::known).map_or("", |contents| contents.facts.tool.as_str());
    // The card of the network may come later than the initramfs.
    let blocks = |driver: &str, word: &str| {
        !drivers::of_dracut(word) || (matches!(tool, "" | "dracut") && driver != drivers::NETWORK)
    };
    let states = match &config {
        Some((text, _)) => drivers::from_config(text).into_iter().map(Some).collect(),
        None => vec![None; drivers::all().count()],
    };
    let known = contents.as_ref().and_then(Fact::known);
    let wanted = |name: &str| drivers::KNOWN.iter().any(|known| known.name == name) || of_root.contains(&name);
    let drivers = drivers::all()
        .zip(states)
        .filter(|(driver, _)| wanted(driver.name))
        .map(|(driver, configured)| Driver {
            name: driver.name.to_owned(),
            state: modules.state(driver.name, configured),
            in_initramfs: known.and_then(|contents| contents.drivers.get(driver.name).cloned()),
            blocked_by: on_line
                .iter()
                .find(|(name, word)| *name == driver.name && blocks(name, word))
                .map(|(_, word)| format!("kernel command line: {word}"))
                .or_else(|| known.and_then(|contents| contents.blocked.get(driver.name).cloned())),
        })
        .collect();
    let xen_only = config.as_ref().and_then(|(text, _)| text.lines().find(|line| XEN_ONLY.contains(line)));
    Ok(Kernel {
        xen_only: xen_only.map(str::to_owned),
        version,
        path: cut(path, PATH_MAX),
        default: boot.is_some(),
        long_mode: header.long_mode,
        drivers,
        initramfs: contents.map(|fact| match fact {
            Fact::Known(contents) => Fact::Known(contents.facts),
            Fact::Unreadable(trouble) => Fact::Unreadable(trouble),
        }),
        unused_initramfs: unused.map(|path| cut(&path, PATH_MAX)),
        config: config.map(|(_, place)| place).or_else(|| modules.place()),
    })
}

/// The initial ramdisk that was built into a kernel (`CONFIG_INITRAMFS_SOURCE`), where it has one that starts something.
fn own(tree: &Tree, path: &str, release: &str, config: Option<&str>) -> Result<Option<Fact<Contents>>> {
    let source = |text: &str| text.lines().find_map(|line| line.strip_prefix("CONFIG_INITRAMFS_SOURCE=").map(str::len));
    if config.is_some_and(|text| source(text).is_none_or(|quoted| quoted <= "\"\"".len())) {
        return Ok(None);
    }
    Ok(match Fact::settle(embedded::read(tree, path, release))? {
        Fact::Known(Some(Embedded { facts, drivers, init: true })) => {
            Some(Fact::Known(Contents { facts, drivers, ..Contents::default() }))
        }
        Fact::Known(_) => None,
        Fact::Unreadable(trouble) => Some(Fact::Unreadable(trouble)),
    })
}

/// `NotFound` only where the boot loader finds nothing either: it resolves links in its own way.
fn certain<T>(contents: Result<T>, boot: Option<&Boot>) -> Result<T> {
    let lacks = |boot: &Boot| boot.initrd.iter().any(|path| boot.missing.contains(path));
    contents.map_err(|error| match boot {
        Some(boot) if error.is_not_found() && !lacks(boot) => Error { kind: ErrorKind::Unsupported, ..error },
        _ => error,
    })
}

/// The release that a file name carries: `vmlinuz-6.1.0-18-amd64`.
fn in_name(path: &str) -> Option<String> {
    let (_, release) = path.rsplit('/').next()?.split_once('-')?;
    release.starts_with(|c: char| c.is_ascii_digit()).then(|| cut(release, 64))
}

/// The kernel's configuration and where it was found.
fn config(tree: &Tree, image: &str, release: &str, modules: &Modules) -> Result<Option<(String, String)>> {
    for path in [format!("/boot/config-{release}"), format!("{}/config", modules.dir)] {
        if let Some(Some(text)) = settle(optional(tree.read_text(&path, MAX_CONFIG)))? {
            return Ok(Some((text, cut(&path, PATH_MAX))));
        }
    }
    // What a kernel carries inside costs unpacking it: only where its modules do not tell enough.
    if modules.builtin.is_some() && modules.installed.is_some() {
        return Ok(None);
    }
    let inside = settle(image::config(tree, image))?.flatten();
    Ok(inside.map(|text| (text, cut(&format!("{image} (IKCONFIG)"), PATH_MAX))))
}

/// The initial ramdisk that distributions put beside a kernel.
fn usual_initrd(tree: &Tree, release: &str) -> Result<Vec<String>> {
    let names = [
        format!("/boot/initrd.img-{release}"),
        format!("/boot/initramfs-{release}.img"),
        format!("/boot/initrd-{release}.img"),
        format!("/boot/initrd-{release}"),
    ];
    for name in names {
        if tree.exists(&name)? {
            return Ok(vec![name]);
        }
    }
    Ok(Vec::new())
}

/// What `/lib/modules/<release>` says.
struct Modules {
    dir: String,
    /// Drivers in `modules.builtin`; `None` where that is not to be had.
    builtin: Option<BTreeSet<&'static str>>,
    /// Drivers that are installed as modules; `None` where that is not to be had.
    installed: Option<BTreeSet<&'static str>>,
}

impl Modules {
    fn read(tree: &Tree, release: &str) -> Result<Self> {
        let dir = format!("/lib/modules/{release}");
        if release.is_empty() || release.contains('/') {
            return Ok(Self { dir, builtin: None, installed: None });
        }
        let listed = settle(tree.read_text(&format!("{dir}/modules.builtin"), MAX_MODULES))?;
        let builtin = listed.map(|text| text.lines().filter_map(drivers::of_file).collect());
        let installed = settle(installed(tree, &dir))?.flatten();
        Ok(Self { dir, builtin, installed })
    }

    fn place(&self) -> Option<String> {
        let file = if self.builtin.is_some() { "modules.builtin" } else { "modules.dep" };
        (self.builtin.is_some() || self.installed.is_some()).then(|| cut(&format!("{}/{file}", self.dir), PATH_MAX))
    }

    /// How the kernel has a driver, given what its configuration says.
    fn state(&self, driver: &str, configured: Option<DriverState>) -> DriverState {
        let installed = self.installed.as_ref().map(|names| names.contains(driver));
        let builtin = self.builtin.as_ref().map(|names| names.contains(driver));
        match (configured, builtin, installed) {
            (Some(DriverState::Builtin), ..) | (None, Some(true), _) => DriverState::Builtin,
            (_, _, Some(true)) => DriverState::Module,
            (Some(DriverState::Module), _, Some(false))
            | (Some(DriverState::Absent), ..)
            | (None, Some(false), Some(false)) => DriverState::Absent,
            _ => DriverState::Unknown,
        }
    }
}

/// The drivers that are there as modules: what modules.dep lists and the directory has, or what lies where the kernel's
/// own build puts it.
fn installed(tree: &Tree, dir: &str) -> Result<Option<BTreeSet<&'static str>>> {
    let mut found = BTreeSet::new();
    if let Some(text) = optional(tree.read_text(&format!("{dir}/modules.dep"), MAX_MODULES))? {
        for line in text.lines() {
            let file = line.split(':').next().unwrap_or_default();
            if let Some(driver) = drivers::of_file(file) {
                let path = if file.starts_with('/') { file.to_owned() } else { format!("{dir}/{file}") };
                if tree.exists(&path)? {
                    found.insert(driver);
                }
            }
        }
        return Ok(Some(found));
    }
    // Where not even /lib/modules is there, it may lie on a volume that was not read.
    if !tree.exists("/lib/modules")? {
        return Ok(None);
    }
    for known in drivers::all() {
        for end in ["ko", "ko.xz", "ko.zst", "ko.gz"] {
            if tree.exists(&format!("{dir}/{}.{end}", known.path))? {
                found.insert(known.name);
            }
        }
    }
    Ok(Some(found))
}

/// `None` for every trouble but a failed transport.
fn settle<T>(result: Result<T>) -> Result<Option<T>> {
    Ok(match Fact::settle(result)? {
        Fact::Known(value) => Some(value),
        Fact::Unreadable(_) => None,
    })
}
