//! QCOW2, version 3 (QEMU, docs/interop/qcow2.rst), written from front to back.
//!
//! The first cluster is the header's, and is written last. Then follow the clusters in the order of the disk, each L2 table
//! behind the clusters that it describes, and each refcount block as soon as what it counts is settled. The L1 table, the
//! last refcount blocks and the refcount table are the end. So there is never more in memory than one L2 table, one
//! refcount block, and a word for each of those that were written.

mod counts;
mod header;
mod host;
mod tables;

use super::blocks::{self, Block};
use super::codec::Packer;
use super::parts::{Parts, Written};
use super::{Compression, Disk, LAYER, Plan, Sink, Totals};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, Result};

use header::Header;
use host::Host;
use tables::Tables;

/// Clusters that QEMU opens ("Header", cluster_bits).
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// Bytes of an L1 table and of a refcount table that QEMU opens at most (`QCOW_MAX_L1_SIZE`, `QCOW_MAX_REFTABLE_SIZE`).
const LARGEST_L1: u64 = 32 << 20;
const LARGEST_REFCOUNT_TABLE: u64 = 8 << 20;

/// Bytes of a cluster, where such a file can hold such a disk.
///
/// # Errors
/// `Unsupported` where it cannot.
pub fn check(cluster_bits: u32, size: u64) -> Result<u64> {
    if !CLUSTER_BITS.contains(&cluster_bits) {
        return Err(Error::unsupported(LAYER, format!("a QCOW2 with clusters of 2^{cluster_bits} bytes; 9 to 21")));
    }
    let cluster = 1_u64 << cluster_bits;
    let whole = most(cluster, size, size.div_ceil(cluster));
    let refcount_table = whole.div_ceil(cluster).div_ceil(cluster / 2).saturating_mul(8);
    if l1_entries(cluster, size).saturating_mul(8) > LARGEST_L1 || refcount_table > LARGEST_REFCOUNT_TABLE {
        let what = format!("a disk of {size} bytes is too large for a QCOW2 with clusters of {cluster} bytes");
        return Err(Error::unsupported(LAYER, what));
    }
    Ok(cluster)
}

/// Entries of the L1 table: one for as much as an L2 table, which is a cluster of entries of 8 bytes, describes.
fn l1_entries(cluster: u64, size: u64) -> u64 {
    size.div_ceil(cluster.saturating_mul(cluster / 8)).max(1)
}

/// Bytes of the file at most, when `units` clusters of the disk are stored. One that is packed begins at most one cluster
/// of the file.
pub fn most(cluster: u64, size: u64, units: u64) -> u64 {
    let l2 = l1_entries(cluster, size);
    let l1 = l2.saturating_mul(8).div_ceil(cluster);
    let counted = units.saturating_add(l2.min(units)).saturating_add(l1).saturating_add(1);
    // A block counts half as many clusters as it has bytes, and itself.
    let blocks = counted.div_ceil((cluster / 2).saturating_sub(2)).saturating_add(2);
    let table = blocks.saturating_mul(8).div_ceil(cluster).saturating_add(1);
    counted.saturating_add(blocks).saturating_add(table).saturating_mul(cluster)
}

/// The clusters of a block that hold data, ready to be stored.
#[derive(Default)]
struct Clusters {
    /// Number of the cluster in the block, and its bytes: fewer than a cluster has where it was packed.
    lens: Vec<(u64, usize)>,
    /// The bytes of all of them.
    bytes: Vec<u8>,
}

impl Clusters {
    fn of(block: &mut Block, cluster: usize, packer: &mut Packer) -> Self {
        // The disk's last cluster is filled up with zeros.
        block.bytes.resize(block.bytes.len().next_multiple_of(cluster), 0);
        let stored = |(number, _): &(usize, &[u8])| !block.is_zero(number.saturating_mul(cluster), cluster);
        let stored = || block.bytes.chunks(cluster).enumerate().filter(stored);
        // Room at once for all: what grows is there twice meanwhile, and many of these are in memory.
        let most = stored().count().saturating_mul(cluster);
        let mut found = Self { lens: Vec::new(), bytes: Vec::with_capacity(most) };
        for (number, bytes) in stored() {
            let from = found.bytes.len();
            found.bytes.resize(from.saturating_add(cluster), 0);
            let room = found.bytes.get_mut(from..).unwrap_or_default();
            let len = packer.pack(bytes, room).unwrap_or_else(|| {
                room.copy_from_slice(bytes);
                cluster
            });
            found.bytes.truncate(from.saturating_add(len));
            found.lens.push((to_u64(number), len));
        }
        found.bytes.shrink_to_fit();
        found
    }
}

/// Writes the disk.
///
/// # Errors
/// Those of the disk and the sink.
pub fn write(
    disk: &Disk,
    plan: &Plan,
    cluster_bits: u32,
    compression: Compression,
    sink: &mut dyn Sink,
) -> Result<Totals> {
    let bytes = check(cluster_bits, plan.size)?;
    let cluster = usize::try_from(bytes).map_err(|_| Error::limit(LAYER, "a cluster does not fit this machine"))?;
    let parts = Parts::new(plan, bytes, sink)?;
    let mut host = Host::new(cluster, parts);
    let mut tables = Tables::new(cluster_bits, l1_entries(bytes, plan.size));
    let worker = || {
        let mut packer = Packer::new(compression)?;
        Ok(move |block: &mut Block| Ok(Clusters::of(block, cluster, &mut packer)))
    };
    let data_clusters = blocks::each(disk, plan.size, worker, |at, clusters| {
        let mut rest = clusters.bytes.as_slice();
        for (number, len) in clusters.lens {
            let Some((now, later)) = rest.split_at_checked(len) else { break };
            rest = later;
            tables.store((at / bytes).saturating_add(number), now, &mut host)?;
        }
        host.reached(at)
    })?;
    let l1 = tables.finish(&mut host)?;
    let end = host.finish(&l1)?;
    let header = Header {
        cluster_bits,
        size: plan.size,
        zstd: compression == Compression::Zstd,
        l1_entries: to_u64(l1.len() / 8),
        l1_at: end.l1_at,
        refcount_table_at: end.refcount_table_at,
        refcount_table_clusters: end.refcount_table_clusters,
    };
    let Written { bytes, parts, sha256 } = end.parts.finish(&header.bytes())?;
    Ok(Totals { bytes, parts, size: plan.size, data_clusters, sha256 })
}
