//! What lies at the destination: before a copy, the very image or something else; after it, what was written.

use std::sync::Arc;

use super::checks::Found;
use super::copy::fetch;
use super::job::BUDGET;
use super::look::{Look, checksum_of};
use super::upload::{Upload, of_destination};
use crate::disk::Result;
use crate::disk::bytes::to_u64;
use crate::source::opening::{Allowance, First, Object, Store};
use crate::source::{Meter, is_source_changed};

/// What is found out of `image` when the object at the destination has the same bytes; `None` when it has others, or may not
/// be read. Compares `step` bytes at a time, and stops at the first difference. `disk` is as in [`Look::at`].
///
/// # Errors
/// What either store reports.
pub(super) async fn found_if_same(
    image: &Object,
    disk: Option<u64>,
    upload: &Upload,
    step: u64,
) -> Result<Option<Found>> {
    let Some(there) = open(upload.store(), image.size).await? else { return Ok(None) };
    let mut look = Look::at(disk);
    let mut from = 0;
    while from < image.size {
        let to = from.saturating_add(step);
        let (wanted, there) = tokio::join!(fetch(image, from, to), fetch(&there, from, to));
        let wanted = wanted?;
        match there {
            Ok(there) if there == wanted => look.see(&wanted),
            // Whoever changes it meanwhile is not this Job.
            Err(error) if is_source_changed(&error) => return Ok(None),
            Ok(_) => return Ok(None),
            Err(error) => return Err(of_destination(error)),
        }
        from = to;
    }
    upload.note_etag(there.etag.clone());
    Ok(Some(look.found()))
}

/// True when `there`, an object at the destination, has these bytes from `at` on.
///
/// # Errors
/// What the store reports.
pub(super) async fn has(there: &Object, at: u64, bytes: &[u8]) -> Result<bool> {
    match fetch(there, at, at.saturating_add(to_u64(bytes.len()))).await {
        Ok(found) => Ok(found == bytes),
        // Whoever changes it meanwhile is not this import.
        Err(error) if is_source_changed(&error) => Ok(false),
        Err(error) => Err(of_destination(error)),
    }
}

/// Checksum of the object at the destination, of `size` bytes, read once more: one whose first bytes were known last has
/// none as it is written. `None` when it may not be read, or is another one.
///
/// # Errors
/// What the store reports.
pub(super) async fn checksum(destination: &Store, size: u64) -> Result<Option<String>> {
    match open(destination, size).await? {
        Some(object) => checksum_of(&object).await.map_err(of_destination),
        None => Ok(None),
    }
}

/// The object at the destination, where it may be read.
pub(super) async fn open_any(destination: &Store) -> Result<Option<Box<Object>>> {
    let allowance = Allowance::start(&BUDGET, &Arc::new(Meter::default()));
    match Object::open(destination.clone(), allowance).await.map_err(of_destination)? {
        First::Reached { object, .. } => Ok(Some(object)),
        First::Refused { .. } => Ok(None),
    }
}

/// The same, where it has so many bytes.
async fn open(destination: &Store, size: u64) -> Result<Option<Box<Object>>> {
    Ok(open_any(destination).await?.filter(|object| object.size == size))
}
