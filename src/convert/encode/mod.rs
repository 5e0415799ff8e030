//! A guest's disk, in whatever container it was read, as the bytes of a file in another format.
//!
//! One pass in the order of the disk, without a file or a network: [`disk::Disk`] says what there is to read, chunk by
//! chunk, threads read and compress them ([`pipeline`]), and one writer for each format lays the results into a stream of
//! parts ([`parts`]) that a multipart upload takes. What is a hole by the container's map is never read, what turns out
//! to be zeros is never written, and no table is held whole: a disk of terabytes costs no more memory than a small one.
//!
//! The same disk and target give the same bytes on every machine: the threads decide when, never what.

mod blocks;
mod codec;
mod disk;
pub mod grow;
mod parts;
mod pipeline;
mod plan;
mod qcow2;
mod raw;
mod vhd;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::disk::Result;

pub(super) use blocks::{PIECE, all_zero};
pub use codec::Compression;
pub use disk::{Disk, Patch};
pub use plan::{PARTS_MAX, Plan, part_size, plan};

/// First word of the errors that are this module's own.
const LAYER: &str = "convert";
/// Sizes of disks are multiples of it, in every format but RAW.
const SECTOR: u64 = 512;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The disk's bytes.
    Raw,
    /// QCOW2, version 3.
    Qcow2 {
        /// log2 of the bytes of a cluster, 9 to 21. QEMU's default is 16.
        cluster_bits: u32,
        /// How clusters are compressed. One that does not shrink is stored as it is.
        compression: Compression,
    },
    /// VHD whose blocks are there when they hold data.
    VhdDynamic {
        /// The disk's unique id. Two disks of one id confuse programs that keep a register of disks.
        id: [u8; 16],
    },
    /// VHD that is the disk's bytes and a footer.
    VhdFixed {
        /// The disk's unique id.
        id: [u8; 16],
    },
}

impl Target {
    /// QCOW2 with QEMU's size of clusters.
    pub const fn qcow2(compression: Compression) -> Self {
        Self::Qcow2 { cluster_bits: 16, compression }
    }
}

/// Takes the file.
pub trait Sink {
    /// The part `number`, from 1 on. They come in order, but that the first one of a QCOW2 or a dynamic VHD comes last: it
    /// holds the header, which is known when all is written. All are of the plan's size, but for the last of the file.
    ///
    /// # Errors
    /// Whatever ends the work: it is what [`encode`] gives back.
    fn part(&mut self, number: u32, bytes: Bytes) -> Result<()>;

    /// The disk is done up to byte `at`. Called every few MiB of data, so that a long way without a part can be shown, or
    /// ended.
    ///
    /// # Errors
    /// Whatever ends the work.
    fn reached(&mut self, at: u64) -> Result<()> {
        let _ = at;
        Ok(())
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Bytes of the file.
    pub bytes: u64,
    /// Parts of it.
    pub parts: u32,
    /// Bytes of the disk that a guest of the file sees.
    pub size: u64,
    /// Clusters of 64 KiB of the disk with a byte that is not zero: what an uncompressed QCOW2 of it would store.
    pub data_clusters: u64,
    /// SHA-256 of the file, where it was written from front to back. That of a QCOW2 or a dynamic VHD cannot be had in
    /// one pass: its first bytes are known last, and a hash begins with them.
    pub sha256: Option<[u8; 32]>,
}

/// Writes the disk as the plan says.
///
/// Ends with the first error in the order of the disk, whichever thread met it first. When it returns, its threads have
/// ended; a read that hangs holds it up, so a source should time out.
///
/// # Errors
/// Those of the disk and of the sink; `Limit` where the machine gives no threads.
pub fn encode(disk: &Disk, plan: &Plan, sink: &mut dyn Sink) -> Result<Totals> {
    match plan.target {
        Target::Raw => raw::write(disk, plan, None, sink),
        Target::VhdFixed { id } => raw::write(disk, plan, Some(&vhd::footer::fixed(plan.size, id)), sink),
        Target::VhdDynamic { id } => vhd::write(disk, plan, id, sink),
        Target::Qcow2 { cluster_bits, compression } => qcow2::write(disk, plan, cluster_bits, compression, sink),
    }
}
