//! How the disk starts: what a BIOS and what a UEFI find on it, up to the boot loader and no further.

mod bios;
mod code;
mod grub;
pub(crate) mod pe;
mod syslinux;
#[cfg(test)]
mod tests;
mod uefi;
mod windows;

use std::sync::Arc;

use super::linux::{PATH_MAX, cut};
use super::root::Readable;
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::{
    BootMode, BootModes, DeadEnd, EndKind, Loader, Partition, PartitionTable, Trouble, Undecided, Volume, Way,
};

pub use windows::Generation;

const LAYER: &str = "boot loader";
/// A BIOS counts in sectors of this size.
const SECTOR: u64 = 512;
/// Most findings of each kind that are kept.
const MAX_FOUND: usize = 4;

/// A disk with a partition table, and what is known of it by now.
#[derive(Clone, Copy)]
pub struct Disk<'a> {
    /// Its bytes.
    pub bytes: &'a Arc<dyn ReadAt>,
    /// Its table.
    pub table: &'a PartitionTable,
    /// Its volumes.
    pub volumes: &'a [Volume],
    /// Those whose files can be read.
    pub readable: &'a [Readable],
    /// The machine of the guest's programs, where known: `x86_64`.
    pub architecture: Option<&'a str>,
    /// The Windows on it, where there is one.
    pub windows: Option<Generation>,
}

/// Where a firmware's way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// To a loader.
    Way(Way),
    /// Nowhere.
    End(DeadEnd),
}

/// Finds out which firmware finds a boot loader.
///
/// # Errors
/// `Io`. Whatever else cannot be read leaves its firmware undecided.
pub fn read(disk: &Disk) -> Result<BootModes> {
    let mut found = BootModes::default();
    found.add(BootMode::Bios, bios::read(disk).map(|outcome| vec![outcome]))?;
    uefi::read(disk, &mut found)?;
    // Where one way leads to a loader, nobody asks for the others.
    let BootModes { ways, ends, undecided, .. } = &mut found;
    ends.retain(|end| ways.iter().all(|way| way.mode != end.mode));
    undecided.retain(|other| ways.iter().all(|way| way.mode != other.mode));
    Ok(found)
}

impl BootModes {
    /// Notes what was found for a firmware.
    fn add(&mut self, mode: BootMode, found: Result<Vec<Outcome>>) -> Result<()> {
        match found {
            Ok(outcomes) => {
                for outcome in outcomes {
                    match outcome {
                        Outcome::Way(way) => push(&mut self.ways, Way { mode, ..way }),
                        Outcome::End(end) => push(&mut self.ends, DeadEnd { mode, ..end }),
                    }
                }
            }
            Err(error) => push(&mut self.undecided, Undecided { mode, trouble: Trouble::from_error(error)? }),
        }
        Ok(())
    }

    fn has(&self, mode: BootMode) -> bool {
        self.ways.iter().any(|way| way.mode == mode)
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_FOUND {
        list.push(item);
    }
}

impl<'a> Disk<'a> {
    /// The sector at `at`; `None` where the disk ends before its end.
    fn sector(&self, at: u64) -> Result<Option<[u8; 512]>> {
        if at.checked_add(SECTOR).is_none_or(|end| end > self.bytes.len()) {
            return Ok(None);
        }
        let mut sector = [0; 512];
        self.bytes.read_exact_at(&mut sector, at)?;
        Ok(Some(sector))
    }

    /// Name of the partition that a byte lies in.
    fn volume_at(&self, at: u64) -> Option<String> {
        let real = self.table.partitions.iter().filter(|partition| {
            !matches!(partition.role, crate::inspect::facts::Role::Extended | crate::inspect::facts::Role::Protective)
        });
        let mut inside = real.filter(|p| at >= p.start_bytes && at < p.start_bytes.saturating_add(p.size_bytes));
        inside.next().map(name)
    }

    /// The files of a partition.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn files(&self, partition: &Partition) -> Result<super::Tree> {
        let name = name(partition);
        if let Some(found) = self.readable.iter().find(|found| found.name == name) {
            return Ok(super::Tree::new(Arc::clone(&found.fs)));
        }
        let trouble = self.volume(partition).and_then(|volume| volume.trouble.as_ref());
        let what = trouble.map_or("its files are not read", |trouble| trouble.what.as_str());
        let what = format!("{name}: {}", cut(what, 100));
        Err(match trouble.map(|trouble| trouble.kind) {
            Some(crate::inspect::facts::TroubleKind::Encrypted) => Error::encrypted(LAYER, what),
            Some(crate::inspect::facts::TroubleKind::Limit) => Error::limit(LAYER, what),
            _ => Error::unsupported(LAYER, what),
        })
    }

    fn volume(&self, partition: &Partition) -> Option<&'a Volume> {
        self.volumes.iter().find(|volume| volume.partition == Some(partition.number))
    }
}

/// What a partition's volume is called.
fn name(partition: &Partition) -> String {
    format!("p{}", partition.number)
}

/// A loader at a byte of the disk.
fn at_byte(loader: Loader, volume: Option<String>, at: u64) -> Outcome {
    Outcome::Way(Way { loader, volume, at: Some(at), ..Way::default() })
}

/// A loader that is a file.
fn at_path(loader: Loader, volume: &str, path: &str) -> Outcome {
    let (volume, path) = (Some(volume.to_owned()), Some(cut(path, PATH_MAX)));
    Outcome::Way(Way { loader, volume, path, ..Way::default() })
}

/// An end in a volume.
fn end_in(why: EndKind, volume: &str) -> Outcome {
    Outcome::End(DeadEnd { why, volume: Some(volume.to_owned()), ..DeadEnd::default() })
}

/// An end at a file.
fn end_at(why: EndKind, volume: &str, path: &str) -> Outcome {
    let (volume, path) = (Some(volume.to_owned()), Some(cut(path, PATH_MAX)));
    Outcome::End(DeadEnd { why, volume, path, ..DeadEnd::default() })
}
