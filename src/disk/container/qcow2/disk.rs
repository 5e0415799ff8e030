//! The guest's view of the disk.

use std::sync::Arc;

use super::LAYER;
use super::header::Header;
use super::map::{Extent, Map};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::container::cache::Cache;
use crate::disk::slice::check_range;
use crate::disk::{Error, ReadAt, Result};

const CACHED_CLUSTERS: usize = 8 << 20;
/// A cluster of at least this size that is wanted as a whole is part of a stream: nobody will want it again.
const STREAMED: usize = 64 << 10;
/// Clusters that lie next to each other are fetched together: at most so many bytes at once, and over gaps that cost
/// less than another request.
const TOGETHER: u64 = 4 << 20;
const GAP: u64 = 64 << 10;

/// The disk. A hole costs no request, and neighbouring clusters are read together.
pub struct Disk {
    pub map: Map,
    /// Decompressed clusters, by the offset of the table entry that describes them.
    clusters: Cache,
}

impl Disk {
    pub fn new(object: Arc<dyn ReadAt>, header: Header) -> Self {
        Self { map: Map::new(object, header), clusters: Cache::new(CACHED_CLUSTERS) }
    }

    /// Plain bytes of the object. Its last cluster need not be whole: what is missing there reads as zeros.
    fn read_raw(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let there = self.map.object.len().saturating_sub(at).min(to_u64(buf.len()));
        let (stored, missing) = split(buf, there)?;
        missing.fill(0);
        self.map.object.read_exact_at(stored, at)
    }

    /// Part of a compressed cluster, from byte `within` of it on.
    fn read_compressed(&self, buf: &mut [u8], extent: (u64, u64, u64), within: u64) -> Result<()> {
        let (at, len, entry) = extent;
        let header = &self.map.header;
        let size = to_usize(LAYER, header.cluster_size())?;
        let inflate = || {
            let input = self.map.object.read_vec_at(at, to_usize(LAYER, len)?)?;
            let cluster = header.codec.decompress(&input, size);
            cluster.ok_or_else(|| Error::corrupt(LAYER, at, format!("a cluster is not {} data", header.codec.name())))
        };
        if buf.len() == size && size >= STREAMED {
            buf.copy_from_slice(&inflate()?);
            return Ok(());
        }
        let cluster = self.clusters.get_or(entry, inflate)?;
        let start = to_usize(LAYER, within)?;
        let found = cluster.get(start..start.saturating_add(buf.len()));
        buf.copy_from_slice(found.ok_or_else(|| Error::corrupt(LAYER, at, "a cluster is cut short"))?);
        Ok(())
    }

    /// Announces what `at .. end` is stored in, so that what lies together comes with one request. Writers that compress
    /// several clusters at once do not keep the guest's order, and store plain what does not shrink. Returns how far that
    /// was done.
    fn announce(&self, at: u64, end: u64) -> Result<u64> {
        let mut next = at;
        let mut total = 0_u64;
        let mut places = Vec::new();
        while next < end && total < TOGETHER {
            let (extent, run) = self.map.find(next)?;
            let run = run.min(end.saturating_sub(next)).min(TOGETHER);
            let place = match extent {
                Extent::Zero => None,
                Extent::Raw { at } => Some((at, run)),
                Extent::Compressed { at, len, .. } => Some((at, len)),
            };
            if let Some((from, len)) = place {
                places.push((from, from.saturating_add(len)));
                total = total.saturating_add(len);
            }
            next = next.saturating_add(run);
        }
        places.sort_unstable();
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (from, to) in places {
            match spans.last_mut() {
                Some(last) if from <= last.1.saturating_add(GAP) => last.1 = last.1.max(to),
                _ => spans.push((from, to)),
            }
        }
        for (from, to) in spans {
            self.map.object.will_read(from, to.saturating_sub(from))?;
        }
        Ok(next)
    }

    /// How far from `at` on, `run` bytes known, the object's bytes from `host` on are the guest's: at most `want`.
    fn contiguous(&self, at: u64, host: u64, mut run: u64, want: u64) -> Result<u64> {
        while run < want {
            match self.map.find(at.saturating_add(run))? {
                (Extent::Raw { at: next }, more) if next == host.saturating_add(run) => run = run.saturating_add(more),
                _ => break,
            }
        }
        Ok(run.min(want))
    }
}

impl ReadAt for Disk {
    fn len(&self) -> u64 {
        self.map.header.size
    }

    fn read_exact_at(&self, mut buf: &mut [u8], mut at: u64) -> Result<()> {
        check_range(LAYER, self.len(), at, buf.len())?;
        let mut announced = at;
        while !buf.is_empty() {
            let want = to_u64(buf.len());
            let (extent, run) = self.map.find(at)?;
            if run < want && at >= announced {
                announced = self.announce(at, at.saturating_add(want))?;
            }
            let run = match extent {
                Extent::Raw { at: host } => self.contiguous(at, host, run, want)?,
                Extent::Zero | Extent::Compressed { .. } => run.min(want),
            };
            let (now, later) = split(buf, run)?;
            match extent {
                Extent::Zero => now.fill(0),
                Extent::Raw { at: host } => self.read_raw(now, host)?,
                Extent::Compressed { at: host, len, entry } => {
                    let within = at & self.map.header.cluster_size().saturating_sub(1);
                    self.read_compressed(now, (host, len, entry), within)?;
                }
            }
            buf = later;
            at = at.saturating_add(run);
        }
        Ok(())
    }
}

/// `buf` in two, the first part of `len` bytes.
fn split(buf: &mut [u8], len: u64) -> Result<(&mut [u8], &mut [u8])> {
    let len = to_usize(LAYER, len)?;
    buf.split_at_mut_checked(len).ok_or_else(|| Error::corrupt(LAYER, 0, "a read past its own end"))
}
