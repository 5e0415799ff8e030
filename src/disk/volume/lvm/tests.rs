//! Volume groups that LVM2's own tools made, groups whose text was restored by them, and groups that are written here.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

mod hostile;
mod shapes;
mod tools;
mod written;

use std::sync::Arc;

use super::super::{Found, scan};
use crate::disk::testkit;
use crate::disk::{ReadAt, partition};

const MIB: usize = 1 << 20;

fn volumes(disk: &Arc<dyn ReadAt>) -> Vec<Found> {
    scan(disk, &partition::read(disk).unwrap()).unwrap()
}

/// Name, type and what is wrong.
fn shown(found: &[Found]) -> Vec<(&str, &str, &str)> {
    found
        .iter()
        .map(|(v, _)| (v.name.as_str(), v.type_id.as_str(), v.trouble.as_ref().map_or("", |t| t.what.as_str())))
        .collect()
}

fn of<'a>(found: &'a [Found], name: &str) -> &'a Found {
    found.iter().find(|(volume, _)| volume.name == name).unwrap_or_else(|| panic!("no {name}: {:?}", shown(found)))
}

/// Bytes that tell where they are from: no two blocks of 4 KiB are the same.
fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = testkit::Dice(seed | 1);
    let block: Vec<u8> = (0..512).flat_map(|_| dice.roll().to_le_bytes()).collect();
    let mut bytes = block.repeat(len / block.len());
    for (number, block) in bytes.chunks_mut(block.len()).enumerate() {
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
        block[4088..].copy_from_slice(&(number as u64).to_le_bytes());
    }
    bytes
}
