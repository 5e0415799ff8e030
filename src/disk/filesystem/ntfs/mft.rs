//! The file table: `$MFT`, and what of it is in `$MFTMirr`.

use std::sync::Arc;

use super::LAYER;
use super::attribute::DATA;
use super::boot::Boot;
use super::disk::Disk;
use super::file::File;
use super::record::{self, Record};
use super::stream::Stream;
use crate::disk::bytes::to_u64;
use crate::disk::filesystem::recent::Recent;
use crate::disk::{Error, ErrorKind, Result};

/// Records kept at hand: at most 4 MiB with the largest records, 64 KiB with usual ones.
const RECENT: usize = 64;
/// `$MFT`'s own record.
const MFT: u64 = 0;

/// The file table.
pub(super) struct Mft {
    pub disk: Disk,
    boot: Boot,
    table: Stream,
    recent: Recent<Record>,
}

impl Mft {
    /// Finds the table, by its copy's first record where its own is damaged, as Windows does.
    pub(super) fn open(disk: Disk, boot: Boot) -> Result<Self> {
        let is_corrupt = |error: &Error| error.kind == ErrorKind::Corrupt;
        let table = match table(&disk, &boot, boot.mft) {
            Err(error) if is_corrupt(&error) => match table(&disk, &boot, boot.mirror) {
                Err(other) if is_corrupt(&other) => return Err(error),
                found => found?,
            },
            found => found?,
        };
        Ok(Self { disk, boot, table, recent: Recent::new(RECENT) })
    }

    /// The record a reference leads to.
    pub(super) fn record(&self, reference: u64) -> Result<Arc<Record>> {
        self.recent.get(reference, || read(&self.disk, &self.table, self.boot.record, reference))
    }

    /// The file a reference leads to.
    pub(super) fn file(&self, reference: u64) -> Result<File> {
        File::new(self.record(reference)?, &self.disk)
    }

    /// One of the first records, as the boot sector finds it: in the table, and in its copy.
    pub(super) fn copies(&self, number: u64) -> [Result<Record>; 2] {
        [self.boot.mft, self.boot.mirror].map(|first| first_record(&self.disk, &self.boot, first, number))
    }
}

/// All of the table: its first record, at cluster `first`, says where the next ones are, which may say where the rest
/// is.
fn table(disk: &Disk, boot: &Boot, first: u64) -> Result<Stream> {
    let file = File::new(Arc::new(first_record(disk, boot, first, MFT)?), disk)?;
    let corrupt = |what: &str| Error::corrupt(LAYER, file.record.at, what);
    let table = file.stream_by(disk, DATA, "", |so_far, reference| match so_far {
        Some(table) => read(disk, table, boot.record, reference).map(Arc::new),
        None => Err(corrupt("the file table is not where it begins")),
    })?;
    table.ok_or_else(|| corrupt("the file table has no content"))
}

/// Record `number` of a table that begins at cluster `first`, without gaps so far.
fn first_record(disk: &Disk, boot: &Boot, first: u64, number: u64) -> Result<Record> {
    let at = disk.at(first).saturating_add(number.saturating_mul(to_u64(boot.record)));
    Record::parse(disk.bytes.read_vec_at(at, boot.record)?, number, at)?.check(0)
}

fn read(disk: &Disk, table: &Stream, size: usize, reference: u64) -> Result<Record> {
    let number = record::number(reference);
    let at = number.saturating_mul(to_u64(size));
    if at.saturating_add(to_u64(size)) > table.size {
        return Err(Error::corrupt(LAYER, table.at, format!("there is no file record {number}")));
    }
    let mut raw = vec![0; size];
    table.read(disk, at, &mut raw)?;
    Record::parse(raw, number, table.place(disk, at).unwrap_or(table.at))?.check(reference)
}
