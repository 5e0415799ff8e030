//! What systemd's stub adds to the command line of a unified kernel: add-ons beside it and those of its volume
//! (systemd-stub(7)).

use super::place::Places;
use super::unified::{self, text};
use super::{LAYER, root_name, systemd_boot};
use crate::disk::{Error, Result};
use crate::guest::boot::pe;
use crate::guest::linux::{cut, optional};

/// The first version of the stub that takes them (systemd's NEWS).
const SINCE: u32 = 254;
/// Most files of one folder.
const MAX_FILES: usize = 512;
/// How the name of one ends.
const SUFFIX: &str = ".addon.efi";
/// Where those for every kernel lie on its volume.
const FOLDER: &str = "/loader/addons";

/// What is added to the command line of the unified kernel at `path`; nothing where that is none.
///
/// # Errors
/// `Unsupported` where it is not known what is added, and what the filesystem reports.
pub fn added(places: Places, path: &str) -> Result<String> {
    let tree = places.system.tree;
    let sections = unified::sections(tree, path)?;
    if sections.iter().all(|section| section.name != ".linux") {
        return Ok(String::new());
    }
    let uname = text(tree, path, &sections, ".uname")?;
    let own = of_folder(places, &format!("{path}.extra.d"), &uname)?;
    let volume = places.split(path).and_then(|(device, _)| places.volume(&device));
    let common = volume.and_then(|volume| places.guest(volume, FOLDER));
    let common = common.map_or(Ok(Vec::new()), |folder| of_folder(places, &folder, &uname))?;
    // The stub of some versions leaves out what counts the tries of `name+3-1.efi`.
    let (folder, file) = path.rsplit_once('/').unwrap_or_default();
    let (plain, ..) = systemd_boot::tries(file);
    let counted = plain != file && !of_folder(places, &format!("{folder}/{plain}.extra.d"), &uname)?.is_empty();
    if own.is_empty() && common.is_empty() && !counted {
        return Ok(String::new());
    }
    let unknown = |what: &str| Error::unsupported(LAYER, format!("{}: {what}", cut(path, 64)));
    match version(&text(tree, path, &sections, ".sdmagic")?) {
        Some(version) if version < SINCE => return Ok(String::new()),
        Some(_) if !counted => {}
        _ => return Err(unknown("whether its stub takes the add-ons for it is not known")),
    }
    // The one order was that of 254, the other came later.
    let (one, other) = ([&own[..], &common].concat().join(" "), [&common[..], &own].concat().join(" "));
    if root_name(&one) != root_name(&other) {
        return Err(unknown("two of its add-ons have a root=, and which comes last is not known"));
    }
    Ok(one)
}

/// The version of the stub that a kernel begins with: `#### LoaderInfo: systemd-stub 255.4-1ubuntu8 ####`.
fn version(magic: &str) -> Option<u32> {
    let version = magic.split_once("systemd-stub ")?.1;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The command lines of the add-ons in a folder that fit the kernel, in the order of their names.
fn of_folder(places: Places, folder: &str, uname: &str) -> Result<Vec<String>> {
    let tree = places.system.tree;
    let mut files = optional(tree.list(folder, MAX_FILES))?.unwrap_or_default();
    files.retain(|file| !file.starts_with('.') && file.to_ascii_lowercase().ends_with(SUFFIX));
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let path = format!("{folder}/{file}");
        let sections = optional(pe::sections(tree, &path))?.unwrap_or_default();
        let has = |name: &str| sections.iter().any(|section| section.name == name);
        let other = has(".uname") && !uname.is_empty() && text(tree, &path, &sections, ".uname")? != uname;
        if has(".linux") || other {
            continue;
        }
        if has(".initrd") {
            let what = format!("what the add-on {} has for an initramfs is not read", cut(&path, 128));
            return Err(Error::unsupported(LAYER, what));
        }
        lines.push(text(tree, &path, &sections, ".cmdline")?.trim().to_owned());
    }
    lines.retain(|line| !line.is_empty());
    Ok(lines)
}
