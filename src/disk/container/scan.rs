//! One pass over a disk's tables, within bounds: whether the object is whole, and how much of the disk it holds.
//!
//! An upload that was cut short loses what lies at its end, and nothing in the header shows it. The tables do: what they
//! name must begin within the object. It may end behind it, as writers do not fill up the last cluster.

use super::disk::will_read;
use super::layout::{Extent, Layout, Missing, Packed};
use super::size::{CLUSTER, qcow2_file};
use crate::disk::Result;
use crate::inspect::facts::{self, Checked, SizeRange};

/// What a pass may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Table pages that are read.
    pub pages: u64,
    /// Table pages that are read from another place than where the one before ended: each may cost a request.
    pub jumps: u64,
    /// Steps that are made: tables may be shared, and then cost nothing to read.
    pub steps: u64,
}

/// 160 MiB of tables that follow each other: those of a VMDK of 2 TiB have 128 MiB. 64 MiB of tables that do not, which map
/// 512 GiB of a QCOW2 with clusters of 64 KiB; and 256 GiB of fragments of that size.
const BOUNDS: Bounds = Bounds { pages: 2560, jumps: 1024, steps: 4 << 20 };

/// What a pass over the tables found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scan {
    /// True when all tables were read, so that the numbers are whole.
    pub all: bool,
    /// True when it is known that nothing but `missing` is missing.
    pub complete: bool,
    /// What would end last of all that passes the end of the object.
    pub missing: Option<Missing>,
    /// Bytes of the disk that are stored, as far as tables were read.
    pub allocated: u64,
    /// Size as QCOW2; what was not read counts as empty or full.
    pub qcow2: Option<SizeRange>,
    /// Byte of the object after the last thing that the tables name; that may be past its end.
    pub end: u64,
}

/// Reads the tables of a disk, unless `known` says already that they are not there.
///
/// # Errors
/// `Corrupt` where a table contradicts the format, and those of the object.
pub fn scan(layout: &dyn Layout, known: impl IntoIterator<Item = Missing>) -> Result<Scan> {
    let mut found = Scan::default();
    known.into_iter().for_each(|missing| found.miss(missing));
    if found.missing.is_some() { Ok(found) } else { scan_within(layout, BOUNDS) }
}

/// [`scan`] at another price.
pub fn scan_within(layout: &dyn Layout, bounds: Bounds) -> Result<Scan> {
    let (size, pages) = (layout.size(), layout.pages());
    let most_pages = pages.fetched().saturating_add(bounds.pages);
    let most_jumps = pages.jumps().saturating_add(bounds.jumps);
    let mut found = Scan::default();
    let mut clusters = 0_u64;
    let mut counted = 0_u64;
    let mut last: Option<Packed> = None;
    let (mut at, mut announced, mut steps) = (0_u64, 0_u64, 0_u64);
    while at < size && steps < bounds.steps && pages.fetched() < most_pages && pages.jumps() < most_jumps {
        steps = steps.saturating_add(1);
        if at >= announced {
            let (tables, until) = layout.tables(at)?;
            will_read(pages.object.as_ref(), tables)?;
            announced = until.max(at.saturating_add(1));
        }
        let (extent, run) = layout.find(at, u64::MAX)?;
        let next = at.saturating_add(run.max(1)).min(size);
        let stored = match extent {
            Extent::Hole | Extent::Zero => None,
            Extent::Raw { at } => Some(at.saturating_add(run)),
            Extent::Packed(packed) => {
                if last.is_none_or(|last| last.at < packed.at) {
                    last = Some(packed);
                }
                Some(packed.at)
            }
            Extent::Missing(missing) => {
                found.miss(missing);
                None
            }
        };
        if let Some(end) = stored {
            found.end = found.end.max(end);
            found.allocated = found.allocated.saturating_add(next.saturating_sub(at));
            // The clusters of `at .. next`, the first of which may have been counted with what came before.
            let from = (at / CLUSTER).max(counted);
            counted = next.div_ceil(CLUSTER);
            clusters = clusters.saturating_add(counted.saturating_sub(from));
        }
        at = next;
    }
    found.all = at >= size;
    found.complete = found.all;
    if let Some(packed) = last
        && let Some(ends_at) = packed.cut(pages.object.as_ref(), layout.layer())?
    {
        found.miss(Missing { what: "compressed data", at: packed.at, ends_at, named_at: packed.at });
    }
    let unread = size.saturating_sub(at).div_ceil(CLUSTER);
    let at_most = qcow2_file(size, clusters.saturating_add(unread));
    found.qcow2 = at_most.zip(qcow2_file(size, clusters)).map(|(upper, lower)| SizeRange { lower, upper });
    Ok(found)
}

impl Scan {
    /// Writes down what was found.
    pub fn tell(&self, facts: &mut facts::Container) {
        facts.checked = if self.complete { Checked::Whole } else { Checked::Part };
        facts.missing = self.missing.map(|missing| missing.fact());
        if self.missing.is_none() {
            facts.qcow2_bytes = self.qcow2;
            facts.allocated_bytes = self.all.then_some(self.allocated);
        }
    }

    /// Remembers what would end last.
    pub fn miss(&mut self, missing: Missing) {
        self.end = self.end.max(missing.ends_at);
        if self.missing.is_none_or(|known| known.ends_at < missing.ends_at) {
            self.missing = Some(missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::container::pages::{PAGE, Pages};
    use crate::disk::testkit::memory;

    /// A disk without end whose every cluster is a fragment, and whose tables are a page for each of `per_page` clusters.
    struct Fragments {
        pages: Pages,
        per_page: u64,
        /// Pages from one that is read to the next.
        apart: u64,
    }

    impl Layout for Fragments {
        fn layer(&self) -> &'static str {
            "fragments"
        }
        fn pages(&self) -> &Pages {
            &self.pages
        }
        fn size(&self) -> u64 {
            1 << 50
        }
        fn find(&self, at: u64, _want: u64) -> Result<(Extent, u64)> {
            self.pages.page(at / CLUSTER / self.per_page * self.apart % 512 * PAGE)?;
            Ok((
                if (at / CLUSTER).is_multiple_of(2) { Extent::Raw { at: 0 } } else { Extent::Hole },
                CLUSTER - at % CLUSTER,
            ))
        }
        fn tables(&self, _at: u64) -> Result<(Vec<(u64, u64)>, u64)> {
            Ok((Vec::new(), u64::MAX))
        }
    }

    #[test]
    fn what_was_not_read_counts_as_empty_and_as_full() {
        let bounds = |pages, jumps| Bounds { pages, jumps, steps: 10_000 };
        for (bounds, per_page, apart, stops_after) in [
            (bounds(100, 1000), 64, 1, 99 * 64 + 1),
            (bounds(1000, 100), 64, 2, 99 * 64 + 1),
            (bounds(1000, 100), 64, 1, 10_000),
            (bounds(100, 100), 1 << 40, 1, 10_000_u64),
        ] {
            let pages = Pages::new("fragments", memory(vec![0; 32 << 20]));
            let layout = Fragments { pages, per_page, apart };
            let found = scan_within(&layout, bounds).unwrap();
            assert!(!found.all && !found.complete);
            let data = stops_after.div_ceil(2);
            assert_eq!(found.allocated, data * CLUSTER);
            let sizes = found.qcow2.unwrap();
            assert_eq!(sizes.lower, qcow2_file(1 << 50, data).unwrap());
            assert_eq!(sizes.upper, qcow2_file(1 << 50, data + (1 << 34) - stops_after).unwrap());
            let mut facts = facts::Container::default();
            found.tell(&mut facts);
            assert_eq!((facts.checked, facts.allocated_bytes), (Checked::Part, None));
        }
    }
}
