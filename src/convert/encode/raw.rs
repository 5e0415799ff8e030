//! The disk's bytes one after the other: RAW, and the fixed VHD, which has a footer behind them.

use super::parts::{Parts, Written};
use super::{Disk, Plan, Sink, Totals, blocks};
use crate::disk::Result;

/// Writes all bytes, holes as zeros, and then `footer`.
///
/// # Errors
/// Those of the disk and the sink.
pub fn write(disk: &Disk, plan: &Plan, footer: Option<&[u8; 512]>, sink: &mut dyn Sink) -> Result<Totals> {
    let mut parts = Parts::new(plan, 0, sink)?;
    let whole = || Ok(|block: &mut blocks::Block| Ok(std::mem::take(&mut block.bytes)));
    let data_clusters = blocks::each(disk, plan.size, whole, |at, bytes| {
        parts.zeros(at.saturating_sub(parts.len()))?;
        parts.write(&bytes)?;
        parts.reached(parts.len())
    })?;
    parts.zeros(plan.size.saturating_sub(parts.len()))?;
    if let Some(footer) = footer {
        parts.write(footer)?;
    }
    let Written { bytes, parts, sha256 } = parts.finish(&[])?;
    Ok(Totals { bytes, parts, size: plan.size, data_clusters, sha256 })
}
