//! VHD (Virtual Hard Disk Image Format Specification 1.0): fixed and dynamic disks; differencing ones are refused.
//!
//! The footer at the end has a copy in front of a dynamic disk; `ends` tells which of the two counts.

mod ends;
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

use ends::Found;
use footer::{DISK_TYPE, Dynamic, FIXED, Footer, LEN};
use map::Map;

const LAYER: &str = "vhd";
const CONVERT: &str = "qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2";

/// The descriptor. A fixed disk has only the footer; the others repeat it in front.
pub const FORMAT: Format = Format {
    name: "VHD",
    class: Class::Image,
    advice: "Import it as it is, or convert it: qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2",
    probe: ends::is_vhd,
    open,
};

fn open(object: Arc<dyn ReadAt>, probe: &Probe) -> Result<Container> {
    let Found { footer, at, remark, at_end, trouble } = match ends::find(probe)? {
        Ok(found) => found,
        Err(missing) => return read(facts::Container::default(), |_| plain(LAYER, object, 0, [missing])),
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
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        footer.check_size()?;
        match footer.disk_type {
            FIXED => {
                // A geometry may cover more than the disk has: QEMU reads on, into the footer, and then zeros.
                let missing =
                    Missing::unless_within(at.saturating_add(LEN), "footer", at, footer.size.min(footer.stated), LEN);
                plain(LAYER, object, footer.size, missing)
            }
            3 => dynamic(object, &footer, at, facts, at_end),
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
    if found.missing.is_none() {
        let (missing, all) = map.spare()?;
        found.complete &= all;
        if let Some(missing) = missing {
            found.miss(missing);
        }
    }
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
