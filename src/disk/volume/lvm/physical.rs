//! A physical volume: its label, and the metadata text in its areas (LVM2, lib/format_text/layout.h, lib/label/label.h).

use super::group::Group;
use super::text;
use crate::disk::bytes::{self, range, to_u64, to_usize, u32_le, u64_le};
use crate::disk::{Error, ErrorKind, ReadAt, Result};

const LAYER: &str = "lvm";
const SECTOR: usize = 512;
/// The label is in one of the first four sectors.
const LABEL_SECTORS: u64 = 4;
/// What LVM starts its checksums with.
const CRC_SEED: u32 = 0xf597_a6cf;
/// The header of a metadata area, one sector, which the text wraps around to.
const AREA_HEADER: u64 = 512;
const AREA_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
/// Offset of the location of the committed text in that header.
const COMMITTED: usize = 40;
/// The area is not written any more (`pvchange --metadataignore`).
const IGNORED: u32 = 1;
/// LVM writes two areas at most.
const MOST_AREAS: usize = 4;
/// The usual area has 1 MiB for two texts.
const LONGEST_TEXT: u64 = 4 << 20;
/// The extension header says that the volume belongs to a group.
const USED: u32 = 1;

/// What a physical volume says of itself and of its group.
pub struct Physical {
    /// Its identifier, without hyphens.
    pub id: String,
    /// The newest state of its group that it holds, and what is wrong with its metadata where it holds none.
    pub group: Result<Option<Group>>,
    /// It belongs to a group, by its own word.
    pub used: bool,
}

/// An extent of bytes.
struct Place {
    at: u64,
    len: u64,
}

/// Reads label and metadata.
///
/// # Errors
/// `Corrupt` where the label is damaged; those of `volume`.
pub fn read(volume: &dyn ReadAt) -> Result<Physical> {
    let head =
        volume.read_vec_at(0, to_usize(LAYER, volume.len().min(LABEL_SECTORS.saturating_mul(to_u64(SECTOR))))?)?;
    let sectors = head.chunks_exact(SECTOR);
    let label = (0..).zip(sectors).find_map(|(number, sector)| label(number, sector));
    let label = label.ok_or_else(|| Error::corrupt(LAYER, 0, "the checksum of the label is wrong"))?;
    // Header: identifier, size; extents of data, then of metadata, each list ended by zeros; extension.
    let id = bytes::text(range(LAYER, label, 0, 32)?, 32);
    let (_, after) = places(label, 40)?;
    let (areas, after) = places(label, after)?;
    let extended = u32_le(LAYER, label, after).unwrap_or(0) > 0;
    let flags = u32_le(LAYER, label, after.saturating_add(4)).unwrap_or(0);
    let used = areas.is_empty() || (extended && flags & USED != 0);
    Ok(Physical { id, group: newest(volume, &areas)?, used })
}

/// What follows the label header in a sector that has a valid one.
fn label(number: u64, sector: &[u8]) -> Option<&[u8]> {
    let valid = sector.starts_with(b"LABELONE")
        && sector.get(24..32)? == b"LVM2 001"
        && u64_le(LAYER, sector, 8).ok()? == number
        && u32_le(LAYER, sector, 16).ok()? == crc(sector.get(20..)?);
    let header = usize::try_from(u32_le(LAYER, sector, 20).ok()?).ok()?;
    sector.get(header..).filter(|_| valid)
}

/// A list of extents, and where the next one starts.
fn places(label: &[u8], at: usize) -> Result<(Vec<Place>, usize)> {
    let mut found = Vec::new();
    let mut at = at;
    loop {
        let place = Place { at: u64_le(LAYER, label, at)?, len: u64_le(LAYER, label, at.saturating_add(8))? };
        at = at.saturating_add(16);
        if place.at == 0 {
            return Ok((found, at));
        }
        found.push(place);
    }
}

/// The newest of the valid texts; where there is none, why the last area has none.
fn newest(volume: &dyn ReadAt, areas: &[Place]) -> Result<Result<Option<Group>>> {
    let mut best: Option<Group> = None;
    let mut trouble = None;
    for area in areas.iter().take(MOST_AREAS) {
        match group(volume, area) {
            Ok(Some(group)) if best.as_ref().is_none_or(|best| best.seqno < group.seqno) => best = Some(group),
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::Io => return Err(error),
            Err(error) => trouble = Some(error),
        }
    }
    Ok(match (best, trouble) {
        (None, Some(error)) => Err(error),
        (best, _) => Ok(best),
    })
}

/// The committed text of an area; `None` where the volume has no group.
fn group(volume: &dyn ReadAt, area: &Place) -> Result<Option<Group>> {
    let header = volume.read_vec_at(area.at, SECTOR)?;
    let corrupt = |what: &str| Error::corrupt(LAYER, area.at, what);
    if u32_le(LAYER, &header, 0)? != crc(range(LAYER, &header, 4, SECTOR.saturating_sub(4))?) {
        return Err(corrupt("the checksum of a metadata area's header is wrong"));
    }
    if range(LAYER, &header, 4, 16)? != AREA_MAGIC || u32_le(LAYER, &header, 20)? != 1 {
        return Err(Error::unsupported(LAYER, "a metadata area of an unknown kind").at(area.at));
    }
    let text =
        Place { at: u64_le(LAYER, &header, COMMITTED)?, len: u64_le(LAYER, &header, COMMITTED.saturating_add(8))? };
    let stated = u32_le(LAYER, &header, COMMITTED.saturating_add(16))?;
    let flags = u32_le(LAYER, &header, COMMITTED.saturating_add(20))?;
    if text.at == 0 || text.len == 0 || flags & IGNORED != 0 {
        return Ok(None);
    }
    if text.len > LONGEST_TEXT {
        return Err(Error::limit(LAYER, format!("{} bytes of metadata", text.len)));
    }
    let room = area.len.saturating_sub(AREA_HEADER);
    if text.at < AREA_HEADER || text.at >= area.len || text.len > room {
        return Err(corrupt("the metadata text lies outside its area"));
    }
    // The text is in a ring that begins behind the header.
    let straight = text.len.min(area.len.saturating_sub(text.at));
    let mut found = volume.read_vec_at(area.at.saturating_add(text.at), to_usize(LAYER, straight)?)?;
    let wrapped = text.len.saturating_sub(straight);
    if wrapped > 0 {
        found.extend(volume.read_vec_at(area.at.saturating_add(AREA_HEADER), to_usize(LAYER, wrapped)?)?);
    }
    if crc(&found) != stated {
        return Err(corrupt("the checksum of the metadata text is wrong"));
    }
    Group::new(&text::parse(&found)?).map(Some)
}

/// LVM's checksum: the polynomial of CRC-32, another start, and no inversion at the end.
pub fn crc(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(!CRC_SEED);
    hasher.update(bytes);
    !hasher.finalize()
}
