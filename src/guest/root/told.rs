//! Which subvolume the boot loader tells the kernel to take for the root (`rootflags=subvol=`).

use std::collections::BTreeSet;

use crate::disk::Result;
use crate::disk::filesystem::Subvolume;
use crate::guest::Tree;
use crate::guest::linux::{fstab, optional};

/// Configurations of boot loaders, seen from the system's root or from that of its `/boot`.
const CONFIGURATIONS: &[&str] = &[
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub/grub.cfg",
    "/grub2/grub.cfg",
    "/boot/extlinux/extlinux.conf",
    "/etc/kernel/cmdline",
];
/// Folders of entries (the Boot Loader Specification).
const ENTRIES: &[&str] = &["/boot/loader/entries", "/loader/entries"];
const MAX_ENTRIES: usize = 64;
/// Largest configuration that is looked through.
const MAX_BYTES: usize = 1 << 20;

/// The subvolumes that what lies in `tree` names, each file's first.
pub(super) fn subvolumes(tree: &Tree) -> Result<BTreeSet<String>> {
    let mut paths: Vec<String> = CONFIGURATIONS.iter().map(|path| (*path).to_owned()).collect();
    for folder in ENTRIES {
        let names = optional(tree.list(folder, MAX_ENTRIES))?.unwrap_or_default();
        paths.extend(names.iter().map(|name| format!("{folder}/{name}")));
    }
    let mut told = BTreeSet::new();
    for path in paths {
        let Some(config) = optional(tree.read_head(&path, MAX_BYTES))? else { continue };
        let config = String::from_utf8_lossy(&config);
        let mut flags = config.split_whitespace().filter_map(|word| word.trim_matches('"').strip_prefix("rootflags="));
        if let Some(Subvolume::Path(name)) = flags.find_map(fstab::subvolume) {
            told.insert(name.trim_matches('/').to_owned());
        }
    }
    Ok(told)
}
