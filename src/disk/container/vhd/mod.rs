//! VHD (Virtual Hard Disk Image Format Specification 1.0): fixed and dynamic disks; differencing ones are refused.
//!
//! The footer at the end has a copy in front of a dynamic disk. The one at the end is believed first, as the specification
//! has it; where it is damaged the copy is used, and said so.

mod footer;
mod map;
mod used;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::layout::{Layout, Missing};
use super::raw::plain;
use super::scan::{Scan, scan};
use super::size::qcow2_file;
use super::{Class, Container, Format, Probe, read};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts;

use footer::{COOKIE, DISK_TYPE, Dynamic, Footer, LEN};
use map::Map;

const LAYER: &str = "vhd";
const CONVERT: &str = "qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2";

/// The descriptor. A fixed disk has only the footer; the others repeat it in front. A footer of 511 bytes is one of
/// Virtual PC before 2004.
pub const FORMAT: Format = Format {
    name: "VHD",
    class: Class::Image,
    advice: "Import it as it is, or convert it: qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2",
    probe: |probe| probe.tail_starts_with(COOKIE) || is_short(probe) || probe.starts_with(COOKIE),
    open,
};

/// True when the last 511 bytes are a footer.
fn is_short(probe: &Probe) -> bool {
    probe.tail.get(1..).is_some_and(|tail| tail.starts_with(COOKIE)) && probe.len >= LEN
}

fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let last = Footer::parse(&probe.tail);
    let first = Footer::parse(&probe.head);
    let sound = |footer: &Option<Footer>| footer.as_ref().is_some_and(|footer| footer.sound);
    let (use_last, remark) = match (sound(&last), sound(&first)) {
        (true, false) if last.as_ref().is_some_and(|footer| footer.disk_type != 2) => {
            (true, "the footer's copy in front is damaged")
        }
        (true, _) => (true, ""),
        (false, true) if is_short(probe) => (false, "a footer of 511 bytes, its copy is used"),
        (false, true) => (false, "the footer is damaged, its copy is used"),
        (false, false) => (last.is_some() || first.is_none(), ""),
    };
    let (footer, at) = if use_last { (last, probe.len.saturating_sub(LEN)) } else { (first, 0) };
    let Some(footer) = footer else {
        let what = format!("a fixed disk with a footer of 511 bytes, which QEMU does not read: {CONVERT}");
        return Err(Error::unsupported(LAYER, what).at(probe.len.saturating_sub(LEN.saturating_sub(1))));
    };
    let mut facts =
        facts::Container { detail: footer.detail(), virtual_size_bytes: Some(footer.size), ..Default::default() };
    if footer.disk_type == 4 {
        facts.unsafe_references.push(facts::UnsafeReference {
            what: "parent disk".to_owned(),
            at: at.saturating_add(to_u64(DISK_TYPE)),
            value: "disk type 4 (differencing)".to_owned(),
        });
    }
    if !remark.is_empty() {
        note(&mut facts, remark);
    }
    read(facts, |facts| {
        if !footer.sound {
            return Err(Error::corrupt(LAYER, at.saturating_add(64), "the checksum of the footer is wrong"));
        }
        footer.check_size()?;
        match footer.disk_type {
            2 if use_last => {
                // A geometry may cover more than the disk has: QEMU reads on, into the footer, and then zeros.
                let missing = Missing::unless_within(probe.len, "footer", at, footer.size.min(footer.stated), LEN);
                plain(LAYER, object, footer.size, missing)
            }
            2 => Err(Error::corrupt(LAYER, at, "a fixed disk with a footer in front and none at its end")),
            3 => dynamic(object, &footer, at, facts, use_last || is_short(probe)),
            4 => Err(Error::unsupported(LAYER, format!("a differencing disk; merge it with its parent: {CONVERT}"))),
            other => Err(Error::unsupported(LAYER, format!("disk type {other}"))),
        }
    })
}

/// A dynamic disk. One without a footer at its end was cut short, unless something else lies where that should be.
fn dynamic(
    object: Arc<dyn ReadAt>,
    footer: &Footer,
    footer_at: u64,
    facts: &mut facts::Container,
    ends_with_footer: bool,
) -> Result<(Arc<dyn Layout>, Scan)> {
    let len = object.len();
    let header = match Dynamic::read(object.as_ref(), footer, footer_at)? {
        Ok(header) => header,
        Err(missing) => return plain(LAYER, object, footer.size, [missing]),
    };
    if !header.sound {
        note(facts, "the checksum of the dynamic disk header is wrong");
    }
    let map = Arc::new(Map::new(object, footer.size, header));
    let mut found = scan(map.as_ref(), map.missing())?;
    if found.missing.is_none() && !ends_with_footer {
        let end = found.end.max(map.table_end());
        if let Some(missing) = Missing::unless_within(len, "footer", 0, end, LEN) {
            found.miss(missing);
        }
    }
    if let Some(sizes) = found.qcow2.as_mut().filter(|_| found.missing.is_none()) {
        let least = if found.all { used::clusters(&map, found.allocated)? } else { None };
        sizes.lower = qcow2_file(footer.size, least.unwrap_or(0)).unwrap_or(sizes.lower).min(sizes.upper);
    }
    Ok((map, found))
}

fn note(facts: &mut facts::Container, what: &str) {
    facts.detail.push_str(", ");
    facts.detail.push_str(what);
}
