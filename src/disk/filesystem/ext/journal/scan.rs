//! The first pass over a log: which transactions were committed, which blocks they hold, which they revoke.

use super::super::LAYER;
use super::log::Log;
use super::superblock::Checksums;
use super::tags::{self, Commit, Kind, Tag};
use crate::disk::{Error, ErrorKind, Result};

/// Blocks that a log may hold, and that it may revoke: a journal of 4 GiB with the usual blocks.
const MAX: usize = 1 << 20;

/// A block that the log holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub tag: Tag,
    /// Its place in the journal.
    pub place: u64,
    /// The transaction, counted from the first one.
    pub transaction: u32,
}

/// What is to be replayed.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub held: Vec<Held>,
    /// Blocks that are revoked up to and with a transaction, in order of transactions.
    pub revoked: Vec<(u64, u32)>,
    /// How many transactions were committed.
    pub transactions: u32,
    /// The sequence number of the one that would follow.
    pub end_sequence: u32,
}

/// Walks the log from its beginning to the first block that does not continue it (`do_one_pass` with `PASS_SCAN`).
///
/// # Errors
/// `Corrupt` where the kernel refuses the journal, `Limit` where it holds too much.
pub(super) fn scan(log: &mut Log) -> Result<Scanned> {
    let mut found = Scanned::default();
    let mut scan = Scan { place: log.superblock.start, used: 0, transaction: 0, end: None, suspect: false, seconds: 0 };
    let mut sum = Sum::default();
    let mut bad_revocation = None;
    loop {
        let at = log.offset(scan.place)?;
        let raw = log.block(scan.place)?.to_vec();
        let Some(kind) = tags::kind(&raw, scan.sequence(log))? else { break };
        if scan.used > log.len() {
            return Err(Error::corrupt(LAYER, at, "the journal's log leads back into itself"));
        }
        scan.step(log);
        match kind {
            Kind::Descriptor => {
                scan.suspect |= !tags::tail_fits(&log.superblock, &raw)?;
                let summed = log.superblock.checksums == Checksums::V1 && scan.end.is_none();
                if summed {
                    sum.add(&raw);
                }
                for tag in tags::tags(&log.superblock, &raw)? {
                    if found.held.len() >= MAX {
                        return Err(limit());
                    }
                    if summed {
                        sum.add(log.block(scan.place)?);
                    }
                    found.held.push(Held { tag, place: scan.place, transaction: scan.transaction });
                    scan.step(log);
                }
            }
            Kind::Revoke => {
                scan.suspect |= !tags::tail_fits(&log.superblock, &raw)?;
                match tags::revoked(&log.superblock, &raw, at) {
                    Ok(blocks) if found.revoked.len().saturating_add(blocks.len()) > MAX => return Err(limit()),
                    Ok(blocks) => found.revoked.extend(blocks.into_iter().map(|block| (block, scan.transaction))),
                    Err(error) => bad_revocation = bad_revocation.or(Some((scan.transaction, error))),
                }
            }
            Kind::Commit => {
                let commit = Commit::parse(&log.superblock, &raw)?;
                if scan.commit(log, &commit, std::mem::take(&mut sum), at)?.is_end() {
                    break;
                }
            }
        }
    }
    let end = scan.end.unwrap_or(scan.transaction);
    if let Some((transaction, error)) = bad_revocation {
        // Where it was not committed only the kernels since 6.14 refuse it.
        let kind = if transaction < end { error.kind } else { ErrorKind::Unsupported };
        return Err(Error { kind, ..error });
    }
    found.held.retain(|held| held.transaction < end);
    found.revoked.retain(|(_, transaction)| *transaction < end);
    found.transactions = end;
    found.end_sequence = log.superblock.sequence.wrapping_add(end);
    Ok(found)
}

/// Where a scan is.
struct Scan {
    place: u64,
    /// Blocks that were passed.
    used: u64,
    transaction: u32,
    /// The first transaction that is not replayed, where one before the end of the log is not.
    end: Option<u32>,
    /// A checksum of this transaction did not fit: damage, or left over from an older log.
    suspect: bool,
    /// When the last transaction was committed.
    seconds: u64,
}

enum Next {
    Transaction,
    End,
}

impl Next {
    fn is_end(&self) -> bool {
        matches!(self, Self::End)
    }
}

impl Scan {
    fn sequence(&self, log: &Log) -> u32 {
        log.superblock.sequence.wrapping_add(self.transaction)
    }

    /// Passes a block.
    fn step(&mut self, log: &Log) {
        self.used = self.used.saturating_add(1);
        self.place = log.after(self.place);
    }

    /// A commit block ends a transaction, if that is as it was written. What does not fit and is older than what came
    /// before is left over from an older log, and ends this one.
    fn commit(&mut self, log: &Log, commit: &Commit, sum: Sum, at: u64) -> Result<Next> {
        let older = commit.seconds < self.seconds;
        let damaged = |what: &str| {
            let sequence = self.sequence(log);
            Err(Error::corrupt(LAYER, at, format!("transaction {sequence} of the journal does not match its {what}")))
        };
        if self.suspect {
            return if older { Ok(Next::End) } else { damaged("checksums") };
        }
        let v1 = log.superblock.checksums == Checksums::V1;
        if v1 && self.end.is_some() {
            return damaged("order");
        }
        if !commit.fits || (v1 && !commit.commits(sum.value())) {
            if older {
                return Ok(Next::End);
            }
            if !log.superblock.async_commit {
                return damaged("checksum");
            }
            // It may not have come to the disk whole, and so was never told of as done.
            self.end = Some(self.transaction);
        }
        self.seconds = commit.seconds;
        self.transaction = self.transaction.saturating_add(1);
        Ok(Next::Transaction)
    }
}

fn limit() -> Error {
    Error::limit(LAYER, format!("a journal of more than {MAX} blocks to replay"))
}

/// CRC-32 with its highest bit first and without inversion at its end (the kernel's `crc32_be` from all ones).
#[derive(Default)]
struct Sum(crc32fast::Hasher);

impl Sum {
    fn add(&mut self, raw: &[u8]) {
        let mirrored: Vec<u8> = raw.iter().map(|byte| byte.reverse_bits()).collect();
        self.0.update(&mirrored);
    }

    fn value(self) -> u32 {
        (!self.0.finalize()).reverse_bits()
    }
}
