//! From records to transactions (xfs_log_recover.c, `xlog_recover_process_data`). A record is a sequence of
//! operations; those of one transaction may be spread over many records, and a region of an item over many operations.

use std::collections::HashMap;

use super::super::LAYER;
use super::record::Header;
use crate::disk::bytes::{range, to_usize, u16_le, u32_be, u32_le};
use crate::disk::{Error, Result};

/// `struct xlog_op_header`.
const OPERATION: usize = 12;
/// Flags: `XLOG_START_TRANS` and so on.
const START: u8 = 0x01;
const COMMIT: u8 = 0x02;
const CONTINUED: u8 = 0x04;
const WAS_CONTINUED: u8 = 0x08;
const END: u8 = 0x10;
const UNMOUNT: u8 = 0x20;
/// `struct xfs_trans_header`, and its magic number ("TRAN").
const TRANSACTION_HEADER: usize = 16;
const MAGIC: u32 = 0x5452_414E;
/// The most that transactions which are not committed yet may hold. The kernel commits at 32 MiB.
const MAX_HELD: usize = 128 << 20;

/// What one transaction changed.
#[derive(Default)]
pub(super) struct Transaction {
    /// Where in the log the record is that it began in.
    pub lsn: u64,
    pub items: Vec<Item>,
    /// Bytes of its header that were seen.
    header: usize,
}

/// What it changed of one thing: a description, then as many regions as that says, itself counted.
pub(super) struct Item {
    pub regions: Vec<Vec<u8>>,
    count: usize,
}

/// Transactions by number that are not committed yet.
#[derive(Default)]
pub(super) struct Transactions {
    open: HashMap<u32, Transaction>,
    held: usize,
}

impl Transactions {
    /// Takes a record, and shows the transactions that it commits to `commit`.
    pub(super) fn record(
        &mut self,
        header: &Header,
        mut data: &[u8],
        commit: &mut impl FnMut(Transaction) -> Result<()>,
    ) -> Result<()> {
        for _ in 0..header.operations {
            if data.is_empty() {
                break;
            }
            let number = u32_be(LAYER, data, 0)?;
            let len = to_usize(LAYER, u32_be(LAYER, data, 4)?.into())?;
            let flags = range(LAYER, data, 9, 1)?.first().copied().unwrap_or_default();
            let region = range(LAYER, data, OPERATION, len).map_err(|_| corrupt("an operation passes its record"))?;
            self.operation(number, flags & !END, region, header.lsn, commit)?;
            data = data.get(OPERATION.saturating_add(len)..).unwrap_or_default();
        }
        Ok(())
    }

    fn operation(
        &mut self,
        number: u32,
        flags: u8,
        region: &[u8],
        lsn: u64,
        commit: &mut impl FnMut(Transaction) -> Result<()>,
    ) -> Result<()> {
        let Some(transaction) = self.open.get_mut(&number) else {
            // What began before the tail is in place already.
            if flags & START != 0 {
                self.open.insert(number, Transaction { lsn, ..Transaction::default() });
            }
            return Ok(());
        };
        let continues = flags & WAS_CONTINUED != 0;
        match flags & !(CONTINUED | WAS_CONTINUED) {
            0 => {
                self.held = self.held.saturating_add(region.len());
                if self.held > MAX_HELD {
                    return Err(Error::limit(LAYER, "transactions of the log that are too large"));
                }
                if continues { transaction.extend(region) } else { transaction.add(region) }
            }
            COMMIT => {
                let done = self.open.remove(&number).unwrap_or_default();
                self.held = self.held.saturating_sub(done.len());
                commit(done)
            }
            UNMOUNT => {
                self.open.remove(&number);
                Ok(())
            }
            _ => Err(corrupt(&format!("an operation with flags {flags:#x}"))),
        }
    }
}

impl Transaction {
    /// A new region: of the header, of the last item that is not complete, or of a new item.
    fn add(&mut self, region: &[u8]) -> Result<()> {
        if region.is_empty() {
            return Ok(());
        }
        if self.items.is_empty() && self.header < TRANSACTION_HEADER {
            if self.header > 0 || u32_le(LAYER, region, 0)? != MAGIC || region.len() > TRANSACTION_HEADER {
                return Err(corrupt("a transaction without a header"));
            }
            self.header = region.len();
            return Ok(());
        }
        match self.items.last_mut() {
            Some(item) if item.regions.len() < item.count => item.regions.push(region.to_vec()),
            _ => {
                let count = usize::from(u16_le(LAYER, region, 2)?);
                if count == 0 {
                    return Err(corrupt("an item without regions"));
                }
                self.items.push(Item { regions: vec![region.to_vec()], count });
            }
        }
        Ok(())
    }

    /// More of the last region.
    fn extend(&mut self, more: &[u8]) -> Result<()> {
        match self.items.last_mut().and_then(|item| item.regions.last_mut()) {
            Some(region) => region.extend_from_slice(more),
            None if self.header.saturating_add(more.len()) <= TRANSACTION_HEADER => {
                self.header = self.header.saturating_add(more.len());
            }
            None => return Err(corrupt("a transaction's header is too long")),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.items.iter().flat_map(|item| &item.regions).map(Vec::len).fold(0, usize::saturating_add)
    }
}

fn corrupt(what: &str) -> Error {
    Error::new(crate::disk::ErrorKind::Corrupt, LAYER, format!("the log has {what}"))
}
