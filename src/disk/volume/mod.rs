//! Volumes: what lies between a partition and its filesystem.
//!
//! Names: `p1` is a partition and `disk` a disk without a table; `p1/a` is partition `a` of the BSD disklabel in slice 1,
//! `md0` and `md/name` are arrays, `vg/lv` is a logical volume.

mod bsd;
mod lvm;
mod md;
mod segments;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filesystem::{Content, recognise};
use super::partition::{BSD, is_foreign};
use super::{Error, ErrorKind, Memory, ReadAt, Result, Slice};
use crate::inspect::facts::{Partition, PartitionTable, Role, Scheme, Trouble, TroubleKind, Volume, VolumeClass};

const LAYER: &str = "volume";

/// A volume, and its bytes.
pub type Found = (Volume, Arc<dyn ReadAt>);

/// A volume that a layer made of others.
struct Made {
    /// Index of the last volume it is made of.
    after: usize,
    name: String,
    size_bytes: u64,
    /// What it is where its bytes cannot be had.
    type_id: String,
    /// What the layer says it is for.
    role: Role,
    bytes: Result<Arc<dyn ReadAt>>,
}

/// Every volume of a disk in disk order: its partitions, or the whole of it where there is no table, each followed by
/// those that are made of it. What is wrong with one is in its `trouble`.
///
/// # Errors
/// `Io` and `Limit` only.
pub fn scan(disk: &Arc<dyn ReadAt>, table: &PartitionTable) -> Result<Vec<Found>> {
    let mut found = frames(disk, table)?;
    for layer in [bsd::assemble, md::assemble, lvm::assemble] {
        let made = layer(&mut found, table)?;
        insert(&mut found, made)?;
    }
    Ok(found)
}

/// The partitions, or the whole disk.
fn frames(disk: &Arc<dyn ReadAt>, table: &PartitionTable) -> Result<Vec<Found>> {
    if table.scheme == Scheme::None {
        let whole = Volume { name: "disk".to_owned(), size_bytes: disk.len(), ..Volume::default() };
        let mut found = look(whole, Arc::clone(disk), Role::Plain)?;
        if let Some(label) = table.instead.as_ref().filter(|name| is_foreign(name)) {
            member(&mut found.0, label)?;
        }
        return Ok(vec![found]);
    }
    let framed = |partition: &&Partition| !matches!(partition.role, Role::Extended | Role::Protective);
    let mut partitions: Vec<_> = table.partitions.iter().filter(framed).collect();
    partitions.sort_by_key(|partition| (partition.start_bytes, partition.number));
    partitions.into_iter().map(|partition| open(disk, partition)).collect()
}

/// Looks what is on the volumes that were made, and puts each behind what it is made of.
fn insert(found: &mut Vec<Found>, made: Vec<Made>) -> Result<()> {
    let mut behind: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for made in made {
        let mut volume = Volume { name: made.name, size_bytes: made.size_bytes, ..Volume::default() };
        let opened = match made.bytes {
            Ok(bytes) => look(volume, bytes, made.role)?,
            Err(error) => {
                volume.class = VolumeClass::Member;
                volume.type_id = made.type_id;
                troubled(&mut volume, error)?;
                let none: Arc<dyn ReadAt> = Arc::new(Memory(Vec::new()));
                (volume, none)
            }
        };
        behind.entry(made.after).or_default().push(opened);
    }
    let before = std::mem::take(found);
    for (index, volume) in before.into_iter().enumerate() {
        found.push(volume);
        found.append(&mut behind.remove(&index).unwrap_or_default());
    }
    Ok(())
}

/// A member of something that was read has no trouble of its own any more, except that of its place.
fn opened(volume: &mut Volume) {
    volume.trouble.take_if(|trouble| trouble.kind == TroubleKind::Unsupported);
}

/// Says what is wrong with a volume, unless its place is.
fn troubled(volume: &mut Volume, error: Error) -> Result<()> {
    opened(volume);
    let trouble = Trouble::from_error(error)?;
    volume.trouble.get_or_insert(trouble);
    Ok(())
}

/// Makes a volume part of something that is not read.
fn member(volume: &mut Volume, type_id: &str) -> Result<()> {
    volume.class = VolumeClass::Member;
    type_id.clone_into(&mut volume.type_id);
    volume.label.clear();
    volume.uuid.clear();
    troubled(volume, not_read(type_id))
}

fn open(disk: &Arc<dyn ReadAt>, partition: &Partition) -> Result<Found> {
    let volume = Volume {
        name: format!("p{}", partition.number),
        partition: Some(partition.number),
        size_bytes: partition.size_bytes,
        trouble: misplaced(disk.len(), partition).map(Trouble::from_error).transpose()?,
        ..Volume::default()
    };
    let bytes = Arc::new(Slice::new(Arc::clone(disk), partition.start_bytes, partition.size_bytes));
    let mut found = look(volume, bytes, partition.role)?;
    match bsd::is_sliced(found.1.as_ref(), partition) {
        Ok(true) => member(&mut found.0, BSD)?,
        Err(error) if matches!(error.kind, ErrorKind::Io | ErrorKind::Limit) => return Err(error),
        // Looking at it failed for the same reason, and that is told.
        Ok(false) | Err(_) => {}
    }
    Ok(found)
}

/// What is wrong with a partition's place.
fn misplaced(disk_len: u64, partition: &Partition) -> Option<Error> {
    let end = partition.start_bytes.saturating_add(partition.size_bytes);
    if partition.size_bytes == 0 {
        return Some(Error::corrupt(LAYER, partition.start_bytes, "the partition ends before it starts"));
    }
    (end > disk_len).then(|| {
        let what = format!("the partition ends at byte {end}, the disk at {disk_len}");
        Error::corrupt(LAYER, disk_len, what)
    })
}

/// Fills in what is on a volume.
fn look(mut volume: Volume, bytes: Arc<dyn ReadAt>, role: Role) -> Result<Found> {
    let content = match recognise(bytes.as_ref()) {
        Ok(content) => content,
        Err(error) if error.kind == ErrorKind::Limit => return Err(error),
        Err(error) => {
            let trouble = Trouble::from_error(error)?;
            volume.trouble.get_or_insert(trouble);
            Content { class: VolumeClass::Unrecognised, ..Content::default() }
        }
    };
    volume.type_id = content.type_id;
    volume.class = content.class;
    volume.label = content.label;
    volume.uuid = content.uuid;
    volume.ext = content.ext;
    let unknown = volume.type_id.is_empty() && volume.class != VolumeClass::Encrypted;
    match role {
        // It need not begin where the partition does: zeros there do not say that nothing is in it.
        Role::DynamicDisk if unknown => member(&mut volume, "LDM")?,
        Role::StorageSpaces if unknown => member(&mut volume, "Storage Spaces")?,
        // The BSDs' swap space has no signature.
        Role::BsdSwap if unknown => {
            volume.class = VolumeClass::Swap;
            "swap".clone_into(&mut volume.type_id);
        }
        _ => {}
    }
    match volume.class {
        VolumeClass::Member => {
            let type_id = volume.type_id.clone();
            volume.trouble.get_or_insert(Trouble::from_error(not_read(&type_id))?);
        }
        VolumeClass::Encrypted => {
            let error = Error::encrypted(LAYER, format!("the volume is encrypted ({})", volume.type_id));
            volume.trouble.get_or_insert(Trouble::from_error(error)?);
        }
        _ => {}
    }
    Ok((volume, bytes))
}

fn not_read(type_id: &str) -> Error {
    Error::unsupported(LAYER, format!("{type_id} is not read by this version"))
}
