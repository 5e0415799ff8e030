//! LVM2: physical volumes to logical ones. Read are linear and striped volumes, and mirrors by one image; of a
//! volume of another type there is its name, and why it is not read.

mod group;
mod map;
mod physical;
mod raid;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Found, Made, opened, troubled};
use crate::disk::{Error, ErrorKind, ReadAt, Result};
use crate::inspect::facts::{PartitionTable, Role};
use group::{Group, Logical};
use map::Map;
use physical::Physical;

const LAYER: &str = "lvm";
const TYPE: &str = "LVM2_member";
/// Logical volumes of all groups of a disk.
const MOST_VOLUMES: usize = 256;

/// A group, and what of it is on this disk.
struct Assembled {
    group: Group,
    /// Index of its last physical volume among those found.
    last: usize,
    /// Why none of its volumes can be told apart from another.
    ambiguous: Option<&'static str>,
}

/// The logical volumes of the physical ones in `found`, whose trouble is taken away, or told.
///
/// # Errors
/// `Io`, and `Limit` beyond 256 logical volumes.
pub fn assemble(found: &mut [Found], _: &PartitionTable) -> Result<Vec<Made>> {
    let mut physical = Vec::new();
    for (index, (volume, bytes)) in found.iter_mut().enumerate().filter(|(_, (volume, _))| volume.type_id == TYPE) {
        match physical::read(bytes.as_ref()) {
            Ok(read) => physical.push((index, read, Arc::clone(bytes))),
            Err(error) => troubled(volume, error)?,
        }
    }
    let groups = groups(&mut physical);
    for (index, read, _) in &physical {
        let Some((volume, _)) = found.get_mut(*index) else { continue };
        match &read.group {
            _ if groups.iter().any(|group| owns(&group.group, &read.id)) => opened(volume),
            Err(error) => troubled(volume, error.clone())?,
            Ok(_) if read.used => {
                troubled(volume, Error::unsupported(LAYER, "the metadata of its volume group is not on this disk"))?;
            }
            Ok(_) => opened(volume),
        }
    }
    let bytes: BTreeMap<_, _> = physical.into_iter().map(|(_, read, bytes)| (read.id, bytes)).collect();
    let mut made = Vec::new();
    for assembled in &groups {
        volumes(assembled, &bytes, &mut made)?;
    }
    Ok(made)
}

fn owns(group: &Group, physical: &str) -> bool {
    group.physical.values().any(|member| member.id == physical)
}

/// The newest state of every group, in the order in which their physical volumes end.
fn groups(physical: &mut [(usize, Physical, Arc<dyn ReadAt>)]) -> Vec<Assembled> {
    let mut newest: BTreeMap<String, Group> = BTreeMap::new();
    for (_, read, _) in physical.iter_mut() {
        let Ok(Some(group)) = std::mem::replace(&mut read.group, Ok(None)).map_err(|error| read.group = Err(error))
        else {
            continue;
        };
        // It had a group: if that no longer knows it, it is free.
        read.used = false;
        if newest.get(&group.id).is_none_or(|known| known.seqno < group.seqno) {
            newest.insert(group.id.clone(), group);
        }
    }
    let names: Vec<_> = newest.values().map(|group| group.name.clone()).collect();
    let place = |group: Group| {
        let members: Vec<_> = physical.iter().filter(|(_, read, _)| owns(&group, &read.id)).collect();
        let last = members.iter().map(|(index, ..)| *index).max()?;
        let ids: std::collections::BTreeSet<_> = members.iter().map(|(_, read, _)| &read.id).collect();
        let ambiguous = if names.iter().filter(|name| **name == group.name).count() > 1 {
            Some("several volume groups have this name")
        } else {
            (ids.len() < members.len()).then_some("several physical volumes have the same identifier")
        };
        Some(Assembled { group, last, ambiguous })
    };
    let mut groups: Vec<_> = newest.into_values().filter_map(place).collect();
    groups.sort_by_key(|group| group.last);
    groups
}

/// The volumes of a group that a guest sees.
fn volumes(assembled: &Assembled, physical: &BTreeMap<String, Arc<dyn ReadAt>>, made: &mut Vec<Made>) -> Result<()> {
    let group = &assembled.group;
    let mut map = Map::new(group, physical);
    // LVM shows a snapshot by the name of its store, and does not mark that as visible.
    let snapshots = group.snapshots();
    let shown = |name: &str, volume: &Logical| volume.visible || snapshots.contains_key(name);
    for (name, volume) in group.logical.iter().filter(|(name, volume)| shown(name, volume) && !volume.is_pool()) {
        if made.len() == MOST_VOLUMES {
            return Err(Error::limit(LAYER, format!("more than {MOST_VOLUMES} logical volumes")));
        }
        let extents = volume.segments.iter().fold(0_u64, |sum, segment| sum.saturating_add(segment.extents));
        let bytes = match assembled.ambiguous {
            Some(why) => Err(Error::unsupported(LAYER, why)),
            None => map.open(name),
        };
        made.push(Made {
            after: assembled.last,
            name: format!("{}/{name}", group.name),
            size_bytes: extents.saturating_mul(group.extent_bytes),
            type_id: volume.segments.first().map(|segment| segment.kind.clone()).unwrap_or_default(),
            role: Role::Plain,
            bytes: match bytes {
                Err(error) if error.kind == ErrorKind::Io => return Err(error),
                other => other,
            },
        });
    }
    Ok(())
}
