//! Unified kernel images: kernel, initial ramdisk and command line as sections of one program (UAPI.5).

use super::{COMMAND_LINE, Found};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::boot::pe;
use crate::guest::linux::cut;

const LAYER: &str = "unified kernel";
/// Longest text section that is read.
const MAX_TEXT: u64 = 64 * 1024;

/// What the program at `path` starts; `None` where it is no unified kernel.
///
/// # Errors
/// `Limit` for a text of more than 64 KiB, and what the filesystem reports.
pub fn open(tree: &Tree, path: &str) -> Result<Option<Unified>> {
    let sections = pe::sections(tree, path)?;
    let named = |name: &str| sections.iter().find(|section| section.name == name);
    let text = |name: &str| -> Result<String> {
        let Some(section) = named(name) else { return Ok(String::new()) };
        if section.len > MAX_TEXT {
            return Err(Error::limit(LAYER, format!("its {name} has {} bytes", section.len)));
        }
        let bytes = tree.read_at(path, section.at, crate::disk::bytes::to_usize(LAYER, section.len)?)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
    };
    if named(".linux").is_none() {
        return Ok(None);
    }
    let command_line = cut(text(".cmdline")?.trim(), COMMAND_LINE);
    Ok(Some(Unified { initrd: named(".initrd").is_some(), command_line, os_release: text(".osrel")? }))
}

/// The unified kernel at `path` that the firmware starts itself.
///
/// # Errors
/// `Unsupported` where it is none, and as [`open`].
pub fn read(tree: &Tree, path: &str) -> Result<Found> {
    let unified = open(tree, path)?.ok_or_else(|| Error::unsupported(LAYER, "the program is no unified kernel"))?;
    Ok(Found {
        loader: "uki",
        title: unified.title().unwrap_or_else(|| "unified kernel".to_owned()),
        place: path.to_owned(),
        kernel: path.to_owned(),
        initrd: unified.initrds(path),
        command_line: unified.command_line,
        hypervisor: false,
    })
}

/// A unified kernel.
pub struct Unified {
    /// It has an initial ramdisk.
    initrd: bool,
    /// Its command line.
    pub command_line: String,
    os_release: String,
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
