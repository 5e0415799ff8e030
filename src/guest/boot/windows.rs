//! The files that Windows starts from: `bootmgr` and its BCD since Vista, NTLDR and boot.ini before.

use super::{Disk, LAYER, Outcome, at_path, end_at, name};
use crate::disk::{Error, Result};
use crate::guest::linux::{cut, optional};
use crate::guest::{Tree, root};
use crate::inspect::facts::{EndKind, Loader, Partition, Role, Scheme};

/// Largest boot.ini that is read.
const MAX_BOOT_INI: usize = 64 << 10;

/// How a Windows starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// By bootmgr: Vista, 2008 and later.
    Bootmgr,
    /// By NTLDR: up to XP and 2003.
    Ntldr,
}

impl Generation {
    /// By the file that a boot sector loads.
    pub fn of_file(file: &str) -> Self {
        if file == "NTLDR" { Self::Ntldr } else { Self::Bootmgr }
    }

    /// Of the Windows whose root this is: since Vista the kernel has a loader of its own.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn of_root(tree: &Tree) -> Result<Self> {
        let folder = root::windows_folder(tree)?.unwrap_or_else(|| "Windows".to_owned());
        for loader in ["winload.exe", "winload.efi"] {
            if optional(tree.stat_link(&format!("/{folder}/System32/{loader}")))?.is_some() {
                return Ok(Self::Bootmgr);
            }
        }
        Ok(Self::Ntldr)
    }

    /// Whether a loader was found to be this one, with its files.
    pub fn is_of(self, loader: Loader) -> bool {
        loader == if self == Self::Ntldr { Loader::Ntldr } else { Loader::Bootmgr }
    }
}

/// Whether the files are on a partition.
///
/// # Errors
/// Why its files cannot be read; `Unsupported` where boot.ini names disks in a way that is not followed.
pub fn files(disk: &Disk, partition: &Partition, generation: Generation) -> Result<Outcome> {
    let tree = disk.files(partition)?;
    let volume = name(partition);
    let (loader, wanted) = match generation {
        Generation::Bootmgr => (Loader::Bootmgr, ["/bootmgr", "/Boot/BCD"]),
        Generation::Ntldr => (Loader::Ntldr, ["/ntldr", "/boot.ini"]),
    };
    for path in wanted {
        if !tree.exists(path)? {
            return Ok(end_at(EndKind::NoFile, &volume, path));
        }
    }
    if generation == Generation::Ntldr {
        let named = default(&tree.read_text("/boot.ini", MAX_BOOT_INI)?);
        let leads = match &named {
            Some(named) => leads_to_windows(disk, named)?,
            None => false,
        };
        if !leads {
            return Ok(end_at(EndKind::BootIni, &volume, named.as_deref().unwrap_or("no entry")));
        }
    }
    let [file, _] = wanted;
    Ok(at_path(loader, &volume, file))
}

/// What boot.ini starts by default: `multi(0)disk(0)rdisk(0)partition(1)\WINDOWS`.
fn default(text: &str) -> Option<String> {
    let mut section = "";
    let mut first = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some((key, value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else { continue };
        if section.eq_ignore_ascii_case("[boot loader]") && key.eq_ignore_ascii_case("default") {
            return Some(value.to_owned());
        }
        if section.eq_ignore_ascii_case("[operating systems]") && first.is_none() {
            first = Some(key.to_owned());
        }
    }
    first
}

/// Whether there is a Windows where an ARC path leads: `rdisk(0)` is the disk that was started from, partitions count
/// from 1, primary ones first, those that are empty or extended left out.
fn leads_to_windows(disk: &Disk, path: &str) -> Result<bool> {
    let lower = path.to_ascii_lowercase();
    let unread = || Error::unsupported(LAYER, format!("boot.ini names {}, which is not followed", cut(path, 64)));
    let number = |word: &str| -> Option<u32> {
        let (_, rest) = lower.split_once(&format!("{word}("))?;
        rest.split_once(')')?.0.parse().ok()
    };
    if !lower.starts_with("multi(") || disk.table.scheme != Scheme::Mbr {
        return Err(unread());
    }
    let (Some(rdisk), Some(partition)) = (number("rdisk"), number("partition")) else { return Err(unread()) };
    let (_, folder) = path.split_once('\\').ok_or_else(unread)?;
    if rdisk != 0 {
        return Ok(false);
    }
    let mut counted: Vec<&Partition> = disk.table.partitions.iter().filter(|p| p.role != Role::Extended).collect();
    counted.sort_by_key(|p| p.number);
    let index = usize::try_from(partition).ok().and_then(|n| n.checked_sub(1));
    let Some(partition) = index.and_then(|index| counted.get(index)) else { return Ok(false) };
    let folder = folder.trim_matches('\\').replace('\\', "/");
    disk.files(partition)?.exists(&format!("/{folder}/System32/config/SYSTEM"))
}
