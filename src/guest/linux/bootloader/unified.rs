//! Unified kernel images: kernel, initial ramdisk and command line as sections of one program (UAPI.5).

use super::place::Places;
use super::{COMMAND_LINE, Found, addons};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::boot::pe::{self, Section};
use crate::guest::linux::cut;

const LAYER: &str = "unified kernel";
/// Longest text section that is read.
const MAX_TEXT: u64 = 64 * 1024;

/// What the program at `path` starts; `None` where it is no unified kernel.
///
/// # Errors
/// `Limit` for a text of more than 64 KiB, and what the filesystem reports.
pub fn open(tree: &Tree, path: &str) -> Result<Option<Unified>> {
    let all = pe::sections(tree, path)?;
    let profiles = all.iter().filter(|section| section.name == ".profile").count();
    let sections = pe::of_first_profile(&all);
    let has = |name: &str| sections.iter().any(|section| section.name == name);
    if !has(".linux") {
        return Ok(None);
    }
    let command_line = cut(text(tree, path, &sections, ".cmdline")?.trim(), COMMAND_LINE);
    let os_release = text(tree, path, &sections, ".osrel")?;
    Ok(Some(Unified { initrd: has(".initrd"), command_line, os_release, profiles }))
}

/// The sections of the program at `path` that count where no profile is asked for.
///
/// # Errors
/// As [`pe::sections`].
pub fn sections(tree: &Tree, path: &str) -> Result<Vec<Section>> {
    Ok(pe::of_first_profile(&pe::sections(tree, path)?))
}

/// What the section of that name holds; nothing where there is none.
///
/// # Errors
/// `Limit` for more than 64 KiB, and what the filesystem reports.
pub fn text(tree: &Tree, path: &str, sections: &[Section], name: &str) -> Result<String> {
    let Some(section) = sections.iter().find(|section| section.name == name) else { return Ok(String::new()) };
    if section.len > MAX_TEXT {
        return Err(Error::limit(LAYER, format!("its {name} has {} bytes", section.len)));
    }
    let bytes = tree.read_at(path, section.at, crate::disk::bytes::to_usize(LAYER, section.len)?)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
}

/// The unified kernel at `path` that the firmware starts itself.
///
/// # Errors
/// `Unsupported` where it is none, and as [`open`] and [`addons::added`].
pub fn read(places: Places, path: &str) -> Result<Found> {
    let unified =
        open(places.system.tree, path)?.ok_or_else(|| Error::unsupported(LAYER, "the program is no unified kernel"))?;
    Ok(Found {
        loader: "uki",
        title: unified.title().unwrap_or_else(|| "unified kernel".to_owned()),
        place: path.to_owned(),
        kernel: path.to_owned(),
        initrd: unified.initrds(path),
        command_line: joined(&unified.command_line, &addons::added(places, path)?),
        hypervisor: false,
        alone: false,
        waits: None,
    })
}

/// A command line with what add-ons append to it.
pub fn joined(line: &str, added: &str) -> String {
    cut(format!("{line} {added}").trim(), COMMAND_LINE)
}

/// A unified kernel.
pub struct Unified {
    /// It has an initial ramdisk.
    initrd: bool,
    /// Its command line.
    pub command_line: String,
    os_release: String,
    /// How many profiles it has: a menu shows each as an entry of its own, the first one first.
    pub profiles: usize,
}

impl Unified {
    /// Its initial ramdisks: they are in the program at `path` itself.
    pub fn initrds(&self, path: &str) -> Vec<String> {
        Vec::from_iter(self.initrd.then(|| path.to_owned()))
    }

    /// The first of these fields of its os-release that is set.
    fn field(&self, names: &[&str]) -> Option<String> {
        let value = |name: &&str| {
            let mut lines =
                self.os_release.lines().filter_map(|line| line.trim().strip_prefix(*name)?.strip_prefix('='));
            let value = lines.next_back()?.trim_matches(['"', '\'']);
            (!value.is_empty()).then(|| value.to_owned())
        };
        names.iter().find_map(value)
    }

    /// What a menu shows.
    pub fn title(&self) -> Option<String> {
        self.field(&["PRETTY_NAME", "IMAGE_ID", "NAME", "ID"])
    }

    /// What it is sorted by first.
    pub fn sort_key(&self) -> Option<String> {
        self.field(&["IMAGE_ID", "ID"])
    }

    /// What it is sorted by then, the newest first.
    pub fn version(&self) -> Option<String> {
        self.field(&["IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"])
    }
}
