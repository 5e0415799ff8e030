//! The bytes of logical volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::group::{Group, Leg, Logical, Mapping, Member, Segment};
use super::raid;
use crate::disk::bytes::{text, to_u64};
use crate::disk::filesystem::lvm_id;
use crate::disk::volume::segments::{self, Area, Segments};
use crate::disk::{Error, ReadAt, Result};

const LAYER: &str = "lvm";
/// Logical volumes within logical volumes.
const DEEPEST: u32 = 6;
/// LVM makes no stripes smaller than a page of memory.
const SMALLEST_STRIPE: u64 = 4096;
/// Characters of a name in a message.
const SHOWN: usize = 64;

/// Opens the logical volumes of one group.
pub struct Map<'a> {
    group: &'a Group,
    /// The physical volumes at hand, by identifier.
    physical: &'a BTreeMap<String, Arc<dyn ReadAt>>,
    snapshots: BTreeMap<&'a str, &'static str>,
    /// What was opened; `None` while it is being opened.
    opened: BTreeMap<String, Option<Result<Arc<dyn ReadAt>>>>,
}

impl<'a> Map<'a> {
    pub fn new(group: &'a Group, physical: &'a BTreeMap<String, Arc<dyn ReadAt>>) -> Self {
        Self { group, physical, snapshots: group.snapshots(), opened: BTreeMap::new() }
    }

    /// The bytes of a logical volume.
    ///
    /// # Errors
    /// `Unsupported` for a type that is not read, and where part of it is on a physical volume that is not at hand;
    /// `Corrupt` where its segments leave gaps or lie past the end of what they are on; `Io`.
    pub fn open(&mut self, name: &str) -> Result<Arc<dyn ReadAt>> {
        self.logical(name, 0)
    }

    fn logical(&mut self, name: &str, depth: u32) -> Result<Arc<dyn ReadAt>> {
        if let Some(known) = self.opened.get(name) {
            return known.clone().unwrap_or_else(|| Err(contradiction(&format!("{} is part of itself", shown(name)))));
        }
        let group = self.group;
        let found = group.logical.get(name);
        let volume = found.ok_or_else(|| contradiction(&format!("there is no volume {}", shown(name))))?;
        if depth > DEEPEST {
            return Err(Error::unsupported(LAYER, format!("volumes in more than {DEEPEST} layers")));
        }
        self.opened.insert(name.to_owned(), None);
        let bytes = self.assemble(name, volume, depth);
        self.opened.insert(name.to_owned(), Some(bytes.clone()));
        bytes
    }

    fn assemble(&mut self, name: &str, volume: &Logical, depth: u32) -> Result<Arc<dyn ReadAt>> {
        if let Some(why) = self.snapshots.get(name) {
            return Err(not_read(why));
        }
        let mut parts = Vec::new();
        let mut next = 0_u64;
        for segment in &volume.segments {
            if segment.start != next || segment.extents == 0 {
                return Err(contradiction(&format!("the segments of {} do not follow each other", shown(name))));
            }
            next = next.checked_add(segment.extents).ok_or_else(|| contradiction("a volume without end"))?;
            parts.push(self.segment(segment, depth)?);
        }
        Ok(Arc::new(Segments::new(parts)))
    }

    fn segment(&mut self, segment: &Segment, depth: u32) -> Result<segments::Segment> {
        let start = self.bytes(segment.start)?;
        let len = self.bytes(segment.extents)?;
        let (stripe, areas) = match &segment.mapping {
            Mapping::Striped { stripe_bytes, areas } => self.striped(*stripe_bytes, len, areas, depth)?,
            Mapping::Mirror { first: (name, extent) } => (len, vec![self.area(name, *extent, len, depth)?]),
            Mapping::Raid1 { legs } => (len, vec![Area { bytes: self.leg(legs, len, depth)?, at: start }]),
            Mapping::Zero => (len, Vec::new()),
            Mapping::Snapshot { .. } | Mapping::Other => return Err(not_read(&segment.kind)),
        };
        Ok(segments::Segment { start, len, stripe, areas })
    }

    fn striped(
        &mut self,
        stripe_bytes: u64,
        len: u64,
        areas: &[(String, u64)],
        depth: u32,
    ) -> Result<(u64, Vec<Area>)> {
        let columns = to_u64(areas.len());
        let stripe = if columns == 1 { len } else { stripe_bytes };
        let each = len.checked_div(columns).filter(|each| each.saturating_mul(columns) == len);
        let fits = columns == 1 || (stripe >= SMALLEST_STRIPE && stripe.is_power_of_two());
        let each = each.filter(|_| fits).ok_or_else(|| Error::unsupported(LAYER, "stripes of an odd size"))?;
        let areas = areas.iter().map(|(name, extent)| self.area(name, *extent, each, depth));
        Ok((stripe, areas.collect::<Result<_>>()?))
    }

    /// `len` bytes of a volume, physical or logical, from an extent on.
    fn area(&mut self, name: &str, extent: u64, len: u64, depth: u32) -> Result<Area> {
        let offset = self.bytes(extent)?;
        let (bytes, start, end) = if let Some(member) = self.group.physical.get(name) {
            let bytes = self.member(name, member)?;
            let end = self.bytes(member.extents)?.saturating_add(member.start_bytes).min(bytes.len());
            (bytes, member.start_bytes, end)
        } else {
            let bytes = self.logical(name, depth.saturating_add(1))?;
            let end = bytes.len();
            (bytes, 0, end)
        };
        let area = Area { bytes, at: offset.saturating_add(start) };
        if area.at.checked_add(len).is_none_or(|last| last > end) {
            return Err(Error::corrupt(LAYER, end, format!("a segment lies past the end of {}", shown(name))));
        }
        Ok(area)
    }

    fn member(&self, name: &str, member: &Member) -> Result<Arc<dyn ReadAt>> {
        let away = |why: &str| {
            let what = format!("the physical volume {} ({}) {why}", shown(name), shown(&lvm_id(&member.id)));
            Error::unsupported(LAYER, what)
        };
        if member.missing {
            return Err(away("is marked as missing"));
        }
        self.physical.get(&member.id).cloned().ok_or_else(|| away("is not on this disk"))
    }

    /// The image of a raid1 volume that is up to date.
    fn leg(&mut self, legs: &[Leg], len: u64, depth: u32) -> Result<Arc<dyn ReadAt>> {
        let depth = depth.saturating_add(1);
        let mut states = Vec::new();
        for leg in legs {
            states.push(match self.logical(&leg.meta, depth) {
                Ok(meta) => raid::State::read(meta.as_ref())?,
                Err(error) if error.kind == crate::disk::ErrorKind::Io => return Err(error),
                Err(_) => None,
            });
        }
        let mut refused = Error::unsupported(LAYER, "no image of a raid1 volume is known to be up to date");
        for number in raid::current(&states) {
            let Some(leg) = legs.get(number) else { continue };
            match self.logical(&leg.image, depth) {
                Ok(image) if image.len() >= len => return Ok(image),
                Ok(image) => refused = Error::corrupt(LAYER, image.len(), "an image ends before its raid1 volume"),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn bytes(&self, extents: u64) -> Result<u64> {
        let bytes = extents.checked_mul(self.group.extent_bytes);
        bytes.ok_or_else(|| contradiction("an extent lies beyond what can be counted"))
    }
}

fn not_read(kind: &str) -> Error {
    Error::unsupported(LAYER, format!("a logical volume of type {} is not read by this version", shown(kind)))
}

fn contradiction(what: &str) -> Error {
    Error::corrupt(LAYER, 0, what)
}

/// A name that is fit for a message.
fn shown(name: &str) -> String {
    text(name.as_bytes(), SHOWN)
}
