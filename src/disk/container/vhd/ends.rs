//! The two places of a footer, and which of the two counts.
//!
//! The specification believes the one at the end, QEMU the copy in front (block/vpc.c): a disk with a footer in front is
//! dynamic to it, whatever the type, and one without is fixed. Where the two lead to different disks none is read.

use super::LAYER;
use super::footer::{CHECKSUM, COOKIE, DISK_TYPE, DYNAMIC_COOKIE, FIXED, Footer, LEN, is_sealed};
use crate::disk::bytes::to_u64;
use crate::disk::container::Probe;
use crate::disk::container::layout::{Missing, There};
use crate::disk::{Error, Result};

/// Bytes of a footer of Virtual PC before 2004: the last one, a zero, is not there.
const SHORT: u64 = 511;
/// Creators, QEMU and Windows, whose footers are whole: one of 511 bytes was cut.
const NEVER_SHORT: [&[u8; 4]; 3] = [b"qem2", b"qemu", b"win "];
/// So many bytes of the cookie at an object's end are the beginning of a footer that was cut.
const FEWEST: usize = 4;
/// The signature of a boot sector, where a footer has only zeros.
const BOOT: (usize, &[u8]) = (510, &[0x55, 0xaa]);

/// True when the object has a footer, or what is left of one.
pub fn is_vhd(probe: &Probe) -> bool {
    probe.starts_with(COOKIE) || begins_footer(last_sector(probe)) || has_lost_cookie(probe)
}

fn begins_footer(sector: &[u8]) -> bool {
    sector.starts_with(COOKIE) || (sector.len() >= FEWEST && COOKIE.starts_with(sector))
}

/// A footer whose cookie was overwritten: its checksum is right with the cookie in place. Or the header of a dynamic disk
/// where all programs write it, and no boot sector in front of it.
fn has_lost_cookie(probe: &Probe) -> bool {
    let is_one = |sector: &[u8]| {
        let rest = sector.get(COOKIE.len()..usize::try_from(LEN).unwrap_or(0));
        rest.is_some_and(|rest| is_sealed(&[COOKIE, rest].concat()))
    };
    let is_dynamic = probe.has(usize::try_from(LEN).unwrap_or(0), DYNAMIC_COOKIE) && !probe.has(BOOT.0, BOOT.1);
    is_one(last_sector(probe)) || is_one(&probe.head) || is_dynamic
}

/// The bytes of the last sector, which need not be whole. QEMU rounds an object up to sectors, and so finds a footer that
/// lacks some of its zeros.
fn last_sector(probe: &Probe) -> &[u8] {
    let from = to_u64(probe.tail.len()).saturating_sub(probe.len.saturating_sub(end_at(probe)));
    usize::try_from(from).ok().and_then(|from| probe.tail.get(from..)).unwrap_or_default()
}

/// Byte of the object where its last sector begins.
fn end_at(probe: &Probe) -> u64 {
    probe.len.next_multiple_of(LEN).saturating_sub(LEN)
}

/// The footer that counts.
pub struct Found {
    pub footer: Footer,
    /// Byte of the object where it lies.
    pub at: u64,
    /// What to say of the footer at the end.
    pub remark: &'static str,
    /// True when there is a footer at the end: nothing is cut off.
    pub at_end: bool,
    /// Why the disk cannot be read.
    pub trouble: Option<Error>,
}

/// The footer that counts, or the one of a fixed disk that is cut.
///
/// # Errors
/// `Corrupt` where there is none.
pub fn find(probe: &Probe) -> Result<There<Found>> {
    let end = end_at(probe);
    let there = probe.len.saturating_sub(end);
    let first = Footer::parse(&probe.head);
    let is_whole = |last: &Footer| there == LEN || (there == SHORT && !NEVER_SHORT.contains(&&last.creator));
    let last = Footer::parse(last_sector(probe)).filter(is_whole);
    let at_end = last.is_some();
    let remark = match &last {
        Some(last) if last.sound && there == SHORT => "a footer of 511 bytes",
        Some(last) if last.sound => "",
        _ => "the footer is damaged, its copy is used",
    };
    match (first, last) {
        (Some(first), last) => {
            let trouble = against(&first, last.filter(|last| last.sound).as_ref());
            Ok(Ok(Found { footer: first, at: 0, remark, at_end, trouble }))
        }
        (None, Some(last)) => {
            let (trouble, remark) = (alone(&last, end), if last.sound { remark } else { "" });
            Ok(Ok(Found { footer: last, at: end, remark, at_end, trouble }))
        }
        (None, None) if begins_footer(last_sector(probe)) => {
            Ok(Err(Missing { what: "footer", at: end, ends_at: end.saturating_add(LEN), named_at: end }))
        }
        (None, None) => {
            Err(Error::corrupt(LAYER, end, "neither the footer nor its copy in front begins as a footer does"))
        }
    }
}

/// What is wrong with a footer in front, `last` being the sound one at the end.
fn against(first: &Footer, last: Option<&Footer>) -> Option<Error> {
    let field = |offset: usize| to_u64(offset);
    if !first.sound {
        return Some(Error::corrupt(LAYER, field(CHECKSUM), "the checksum of the footer's copy in front is wrong"));
    }
    if first.disk_type == FIXED {
        let what = "a fixed disk has a footer in front, as only others do";
        return Some(Error::corrupt(LAYER, field(DISK_TYPE), what));
    }
    let disk = |footer: &Footer| (footer.size, footer.disk_type, footer.data_offset);
    let differs = last.is_some_and(|last| disk(last) != disk(first));
    differs.then(|| Error::unsupported(LAYER, "the footer and its copy in front tell of different disks"))
}

/// What is wrong with a footer at the end that has no copy in front.
fn alone(footer: &Footer, at: u64) -> Option<Error> {
    let field = |offset: usize| at.saturating_add(to_u64(offset));
    if !footer.sound {
        return Some(Error::corrupt(LAYER, field(CHECKSUM), "the checksum of the footer is wrong"));
    }
    match footer.disk_type {
        FIXED => None,
        3 | 4 => Some(Error::corrupt(LAYER, 0, "the copy of the footer in front, by which QEMU opens it, is damaged")),
        other => Some(Error::corrupt(LAYER, field(DISK_TYPE), format!("disk type {other}"))),
    }
}
