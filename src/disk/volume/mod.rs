//! Volumes: what lies between a partition and its filesystem.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::filesystem::{Content, recognise};
use super::partition::is_windows_dynamic;
use super::{Error, ErrorKind, ReadAt, Result, Slice};
use crate::inspect::facts::{Partition, PartitionTable, Role, Scheme, Trouble, Volume, VolumeClass};

const LAYER: &str = "volume";

/// A volume, and its bytes.
pub type Found = (Volume, Arc<dyn ReadAt>);

/// Every volume of a disk in disk order: its partitions, called `p1` and so on, or the whole of it, called `disk`,
/// where there is no table. What is wrong with one is in its `trouble`.
///
/// # Errors
/// `Io` and `Limit` only.
pub fn scan(disk: &Arc<dyn ReadAt>, table: &PartitionTable) -> Result<Vec<Found>> {
    if table.scheme == Scheme::None {
        let whole = Volume { name: "disk".to_owned(), size_bytes: disk.len(), ..Volume::default() };
        return Ok(vec![look(whole, Arc::clone(disk), None)?]);
    }
    let framed = |partition: &&Partition| !matches!(partition.role, Role::Extended | Role::Protective);
    let mut partitions: Vec<_> = table.partitions.iter().filter(framed).collect();
    partitions.sort_by_key(|partition| (partition.start_bytes, partition.number));
    partitions.into_iter().map(|partition| open(disk, partition)).collect()
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
    look(volume, bytes, Some(partition))
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
fn look(mut volume: Volume, bytes: Arc<dyn ReadAt>, partition: Option<&Partition>) -> Result<Found> {
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
    let unknown = volume.type_id.is_empty() && volume.class == VolumeClass::Unrecognised;
    if unknown && partition.is_some_and(is_windows_dynamic) {
        volume.class = VolumeClass::Member;
        "LDM".clone_into(&mut volume.type_id);
    }
    let closed = match volume.class {
        VolumeClass::Member => {
            Some(Error::unsupported(LAYER, format!("{} is not read by this version", volume.type_id)))
        }
        VolumeClass::Encrypted => {
            Some(Error::encrypted(LAYER, format!("the volume is encrypted ({})", volume.type_id)))
        }
        _ => None,
    };
    if let (None, Some(error)) = (&volume.trouble, closed) {
        volume.trouble = Some(Trouble::from_error(error)?);
    }
    Ok((volume, bytes))
}
