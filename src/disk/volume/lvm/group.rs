//! A volume group, as its metadata text describes it.

use std::collections::BTreeMap;

use super::text::{Section, Value};
use crate::disk::{Error, Result};

const LAYER: &str = "lvm";
const SECTOR: u64 = 512;

/// A volume group.
pub struct Group {
    pub id: String,
    pub name: String,
    pub seqno: u64,
    pub extent_bytes: u64,
    /// Physical volumes by their names in the text.
    pub physical: BTreeMap<String, Member>,
    /// Logical volumes by name, the hidden ones too.
    pub logical: BTreeMap<String, Logical>,
}

/// A physical volume of a group.
pub struct Member {
    /// Its identifier, without hyphens.
    pub id: String,
    /// First byte of its first extent.
    pub start_bytes: u64,
    /// Extents it has.
    pub extents: u64,
    /// It was away when the group was changed: what is on it is old.
    pub missing: bool,
}

/// A logical volume.
pub struct Logical {
    /// Guests see it; others are parts of one.
    pub visible: bool,
    pub segments: Vec<Segment>,
}

/// A run of extents of a logical volume.
pub struct Segment {
    pub start: u64,
    pub extents: u64,
    /// Its type, as `lvs` names it: `linear`, `striped`, `raid1`, `thin`, ...
    pub kind: String,
    pub mapping: Mapping,
}

/// Where the bytes of a segment are.
pub enum Mapping {
    /// In turn in each of the volumes, physical or logical, from an extent on.
    Striped { stripe_bytes: u64, areas: Vec<(String, u64)> },
    /// Whole in each of the volumes; the first is always up to date.
    Mirror { first: (String, u64) },
    /// Whole in each image, whose metadata volume says how good it is.
    Raid1 { legs: Vec<Leg> },
    /// Zeros.
    Zero,
    /// Nowhere: it says that the store `cow` holds what `origin` was before it changed.
    Snapshot { origin: String, cow: String, merging: bool },
    /// In a way that is not read.
    Other,
}

/// One image of a raid1 segment.
pub struct Leg {
    pub meta: String,
    pub image: String,
}

impl Logical {
    /// Pools hold volumes and are none.
    pub fn is_pool(&self) -> bool {
        self.segments.first().is_some_and(|segment| segment.kind.ends_with("-pool"))
    }
}

impl Group {
    /// Names of the volumes that are no volumes of their own though they look it, each with why: the stores of snapshots,
    /// and an origin that is being turned back.
    pub fn snapshots(&self) -> BTreeMap<&str, &'static str> {
        let mut found = BTreeMap::new();
        for segment in self.logical.values().flat_map(|volume| &volume.segments) {
            if let Mapping::Snapshot { origin, cow, merging } = &segment.mapping {
                found.insert(cow.as_str(), "snapshot");
                if *merging {
                    found.insert(origin.as_str(), "snapshot that is being merged");
                }
            }
        }
        found
    }

    /// The group in a text: its one section at the top.
    ///
    /// # Errors
    /// `Unsupported` where something that is needed is not there.
    pub fn new(text: &Section) -> Result<Self> {
        let (name, group) = text.sections().next().ok_or_else(|| missing("a volume group"))?;
        let extent =
            group.number("extent_size").filter(|sectors| *sectors > 0).ok_or_else(|| missing("extent_size"))?;
        let physical = group.section("physical_volumes").into_iter().flat_map(Section::sections);
        let logical = group.section("logical_volumes").into_iter().flat_map(Section::sections);
        Ok(Self {
            id: group.text("id").ok_or_else(|| missing("id"))?.replace('-', ""),
            name: name.to_owned(),
            seqno: group.number("seqno").ok_or_else(|| missing("seqno"))?,
            extent_bytes: extent.checked_mul(SECTOR).ok_or_else(|| missing("a usable extent_size"))?,
            physical: physical.map(|(name, pv)| Ok((name.to_owned(), member(pv)?))).collect::<Result<_>>()?,
            logical: logical.map(|(name, lv)| Ok((name.to_owned(), volume(lv)?))).collect::<Result<_>>()?,
        })
    }
}

fn missing(what: &str) -> Error {
    Error::unsupported(LAYER, format!("the metadata has no {what}"))
}

fn member(pv: &Section) -> Result<Member> {
    let number = |name| pv.number(name).ok_or_else(|| missing(name));
    Ok(Member {
        id: pv.text("id").ok_or_else(|| missing("id"))?.replace('-', ""),
        start_bytes: number("pe_start")?.saturating_mul(SECTOR),
        extents: number("pe_count")?,
        missing: pv.texts("status").chain(pv.texts("flags")).any(|flag| flag == "MISSING"),
    })
}

fn volume(lv: &Section) -> Result<Logical> {
    let named = lv.sections().filter(|(name, _)| name.starts_with("segment"));
    let mut segments: Vec<_> = named.map(|(_, section)| segment(section)).collect::<Result<_>>()?;
    segments.sort_by_key(|segment| segment.start);
    Ok(Logical { visible: lv.texts("status").any(|flag| flag == "VISIBLE"), segments })
}

fn segment(section: &Section) -> Result<Segment> {
    let number = |name| section.number(name).ok_or_else(|| missing(name));
    let kind = section.text("type").ok_or_else(|| missing("type"))?;
    let text = |name| section.text(name).map(str::to_owned);
    let mapping = match kind {
        "striped" | "linear" => {
            let stripe_bytes = section.number("stripe_size").unwrap_or(0).saturating_mul(SECTOR);
            Mapping::Striped { stripe_bytes, areas: areas(section.list("stripes"))? }
        }
        "mirror" => {
            let first = areas(section.list("mirrors"))?.into_iter().next();
            Mapping::Mirror { first: first.ok_or_else(|| missing("mirrors"))? }
        }
        "raid1" => {
            let names: Vec<_> = section.texts("raids").map(str::to_owned).collect();
            let legs = names.chunks_exact(2).filter_map(|pair| match pair {
                [meta, image] => Some(Leg { meta: meta.clone(), image: image.clone() }),
                _ => None,
            });
            Mapping::Raid1 { legs: legs.collect() }
        }
        "zero" => Mapping::Zero,
        "snapshot" => {
            let merging = text("merging_store");
            let cow = text("cow_store").or_else(|| merging.clone()).ok_or_else(|| missing("cow_store"))?;
            let origin = text("origin").ok_or_else(|| missing("origin"))?;
            Mapping::Snapshot { origin, cow, merging: merging.is_some() }
        }
        _ => Mapping::Other,
    };
    // One stripe is none.
    let kind = match &mapping {
        Mapping::Striped { areas, .. } if areas.len() == 1 => "linear",
        _ => kind,
    };
    let (start, extents) = (number("start_extent")?, number("extent_count")?);
    Ok(Segment { start, extents, kind: kind.to_owned(), mapping })
}

/// Pairs of a volume's name and the extent in it.
fn areas(list: &[Value]) -> Result<Vec<(String, u64)>> {
    let pairs = list.chunks(2).map(|pair| match pair {
        [Value::Text(name), Value::Number(extent)] => Some((name.clone(), u64::try_from(*extent).ok()?)),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| missing("list of areas that is understood"))
}
