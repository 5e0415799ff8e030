//! The content of an attribute: in the record, in clusters, with holes, compressed.

use super::LAYER;
use super::attribute::{self, Attribute};
use super::codec::lznt1;
use super::disk::Disk;
use super::runs::{self, Run};
use crate::disk::bytes::{range, to_u64, to_usize};
use crate::disk::{Error, Result, check_range};

/// The largest compression unit: Windows' is 16 clusters of 4 KiB at most, ntfs-3g reads no other number of clusters.
const MAX_UNIT: u64 = 1 << 20;
/// What is read ahead of an index.
const MOST_ANNOUNCED: u64 = 1 << 20;

/// The content of an attribute.
pub(super) struct Stream {
    /// Byte offset of the attribute in the volume.
    pub at: u64,
    /// Size in bytes; bounded by nothing.
    pub size: u64,
    flags: u16,
    body: Body,
}

enum Body {
    Resident(Vec<u8>),
    Clusters {
        /// In order, without gaps, from cluster 0 of the content on.
        runs: Vec<Run>,
        valid: u64,
        unit: u64,
    },
}

impl Stream {
    /// The content of the first part of an attribute.
    pub(super) fn new(attribute: &Attribute, disk: &Disk) -> Result<Self> {
        if let Some(value) = attribute.value()? {
            let body = Body::Resident(value.to_vec());
            return Ok(Self { at: attribute.at, size: to_u64(value.len()), flags: attribute.flags, body });
        }
        let clusters = attribute.clusters()?;
        if clusters.valid > clusters.size {
            return Err(attribute.corrupt("more was written than there is"));
        }
        let body = Body::Clusters { runs: Vec::new(), valid: clusters.valid, unit: clusters.unit };
        let mut stream = Self { at: attribute.at, size: clusters.size, flags: attribute.flags, body };
        stream.extend(attribute, disk)?;
        Ok(stream)
    }

    /// Adds the next part of the attribute.
    pub(super) fn extend(&mut self, part: &Attribute, disk: &Disk) -> Result<()> {
        let Body::Clusters { runs, .. } = &mut self.body else {
            return Err(part.corrupt("a second part of a resident attribute"));
        };
        let clusters = part.clusters()?;
        if clusters.first != runs.last().map_or(0, Run::end) {
            return Err(part.corrupt("the parts of an attribute do not follow each other"));
        }
        runs::decode(clusters.pairs, (clusters.first, clusters.end), disk.clusters, part.at, runs)
    }

    /// The value, where it is in the record.
    pub(super) fn resident(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Resident(value) => Some(value),
            Body::Clusters { .. } => None,
        }
    }

    /// Byte offset in the volume of byte `at` of the content, where it is there as it is.
    pub(super) fn place(&self, disk: &Disk, at: u64) -> Option<u64> {
        let Body::Clusters { runs, .. } = &self.body else { return Some(self.at) };
        let run = runs_from(runs, at.checked_div(disk.cluster)?).first()?;
        Some(disk.at(run.lcn?).saturating_add(at.saturating_sub(disk.at(run.vcn))))
    }

    /// All of the content, which may be `most` bytes at most.
    pub(super) fn bytes(&self, disk: &Disk, most: u64) -> Result<Vec<u8>> {
        if self.size > most {
            return Err(Error::limit(LAYER, format!("an attribute of {} bytes, at most {most}", self.size)).at(self.at));
        }
        let mut buf = vec![0; to_usize(LAYER, self.size)?];
        self.read(disk, 0, &mut buf)?;
        Ok(buf)
    }

    /// Fills `buf` with the content from `at` on.
    pub(super) fn read(&self, disk: &Disk, at: u64, buf: &mut [u8]) -> Result<()> {
        check_range(LAYER, self.size, at, buf.len()).map_err(|error| error.at(self.at))?;
        if self.flags & attribute::ENCRYPTED != 0 {
            return Err(Error::encrypted(LAYER, "the file is encrypted (EFS)").at(self.at));
        }
        let (runs, valid, unit) = match &self.body {
            Body::Resident(value) => {
                buf.copy_from_slice(range(LAYER, value, to_usize(LAYER, at)?, buf.len())?);
                return Ok(());
            }
            Body::Clusters { runs, valid, unit } => (runs, *valid, *unit),
        };
        let written = to_usize(LAYER, valid.saturating_sub(at).min(to_u64(buf.len())))?;
        let (written, never) = buf.split_at_mut_checked(written).unwrap_or_default();
        never.fill(0);
        match self.flags & attribute::COMPRESSION {
            0 => self.raw(disk, runs, at, written),
            attribute::LZNT1 => self.unpack(disk, runs, disk.at(unit), at, written),
            _ => Err(Error::unsupported(LAYER, "an unknown compression method").at(self.at)),
        }
    }

    /// Says that the beginning of the content will be read, in pieces.
    pub(super) fn announce(&self, disk: &Disk) -> Result<()> {
        match &self.body {
            Body::Clusters { runs, .. } => announce(disk, runs, 0, self.size.min(MOST_ANNOUNCED)),
            Body::Resident(_) => Ok(()),
        }
    }

    /// Fills `buf` with the clusters as they are, zeros for holes.
    fn raw(&self, disk: &Disk, runs: &[Run], at: u64, mut buf: &mut [u8]) -> Result<()> {
        let mut at = at;
        for run in runs_from(runs, at.checked_div(disk.cluster).unwrap_or_default()) {
            if buf.is_empty() {
                break;
            }
            let len = disk.at(run.end()).saturating_sub(at).min(to_u64(buf.len()));
            let (part, rest) = buf.split_at_mut_checked(to_usize(LAYER, len)?).unwrap_or_default();
            match run.lcn {
                Some(lcn) => {
                    let place = disk.at(lcn).saturating_add(at.saturating_sub(disk.at(run.vcn)));
                    disk.bytes.read_exact_at(part, place)?;
                }
                None => part.fill(0),
            }
            at = at.saturating_add(len);
            buf = rest;
        }
        if buf.is_empty() { Ok(()) } else { Err(Error::corrupt(LAYER, self.at, "content without clusters")) }
    }

    /// Fills `buf` out of the compression units of `unit` bytes it touches.
    fn unpack(&self, disk: &Disk, runs: &[Run], unit: u64, at: u64, mut buf: &mut [u8]) -> Result<()> {
        if unit > MAX_UNIT {
            return Err(Error::unsupported(LAYER, format!("a compression unit of {unit} bytes")).at(self.at));
        }
        let lead = at.checked_rem(unit).unwrap_or_default();
        announce(disk, runs, at.saturating_sub(lead), lead.saturating_add(to_u64(buf.len())))?;
        let mut at = at;
        while !buf.is_empty() {
            let within = at.checked_rem(unit).unwrap_or_default();
            let len = unit.saturating_sub(within).min(to_u64(buf.len()));
            let (part, rest) = buf.split_at_mut_checked(to_usize(LAYER, len)?).unwrap_or_default();
            let whole = self.unit(disk, runs, at.saturating_sub(within), unit)?;
            match whole {
                Some(whole) => part.copy_from_slice(range(LAYER, &whole, to_usize(LAYER, within)?, part.len())?),
                None => part.fill(0),
            }
            at = at.saturating_add(len);
            buf = rest;
        }
        Ok(())
    }

    /// The content of one compression unit; `None` for a hole. It has clusters for all of it, and is as it is, or for
    /// the first ones, and is compressed.
    fn unit(&self, disk: &Disk, runs: &[Run], at: u64, size: u64) -> Result<Option<Vec<u8>>> {
        let first = at.checked_div(disk.cluster).unwrap_or_default();
        let end = first.saturating_add(size.checked_div(disk.cluster).unwrap_or_default());
        let mut held = 0_u64;
        let mut covered = first;
        for run in runs_from(runs, first).iter().take_while(|run| run.vcn < end) {
            let len = run.end().min(end).saturating_sub(covered);
            if run.lcn.is_some() {
                if first.saturating_add(held) != covered {
                    return Err(Error::corrupt(LAYER, self.at, "a hole within compressed clusters"));
                }
                held = held.saturating_add(len);
            }
            covered = covered.saturating_add(len);
        }
        if covered != end && held > 0 {
            return Err(Error::unsupported(LAYER, "a compression unit that ends early").at(self.at));
        }
        if held == 0 {
            return Ok(None);
        }
        let mut packed = vec![0; to_usize(LAYER, held.saturating_mul(disk.cluster))?];
        self.raw(disk, runs, at, &mut packed)?;
        if covered == first.saturating_add(held) {
            return Ok(Some(packed));
        }
        let unpacked = lznt1::decompress(&packed, to_usize(LAYER, size)?);
        unpacked.map(Some).ok_or_else(|| Error::corrupt(LAYER, self.at, "a compression unit does not decompress"))
    }
}

/// The runs from the one that holds cluster `vcn` of the content on.
fn runs_from(runs: &[Run], vcn: u64) -> &[Run] {
    runs.get(runs.partition_point(|run| run.end() <= vcn)..).unwrap_or_default()
}

/// Says what of the volume a read of compressed content will touch.
fn announce(disk: &Disk, runs: &[Run], at: u64, len: u64) -> Result<()> {
    let end = at.saturating_add(len).div_ceil(disk.cluster);
    let first = at.checked_div(disk.cluster).unwrap_or_default();
    for run in runs_from(runs, first).iter().take_while(|run| run.vcn < end) {
        let from = first.max(run.vcn);
        if let Some(lcn) = run.lcn {
            let len = run.end().min(end).saturating_sub(from);
            disk.bytes.will_read(disk.at(lcn.saturating_add(from.saturating_sub(run.vcn))), disk.at(len))?;
        }
    }
    Ok(())
}
