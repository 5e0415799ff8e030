//! What lies at the destination: before a copy, the very image or something else; after it, what was written.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::copy::fetch;
use super::job::BUDGET;
use super::upload::{Upload, of_destination};
use crate::disk::Result;
use crate::source::opening::{Allowance, First, Object, Store};
use crate::source::{Meter, is_source_changed};

/// Checksum of `image` when the object at the destination has the same bytes; `None` when it has others, or may not be
/// read. Compares `step` bytes at a time, and stops at the first difference.
///
/// # Errors
/// What either store reports.
pub(super) async fn checksum_if_same(image: &Object, upload: &Upload, step: u64) -> Result<Option<String>> {
    let allowance = Allowance::start(&BUDGET, &Arc::new(Meter::default()));
    let First::Reached { object: found, .. } =
        Object::open(upload.store().clone(), allowance).await.map_err(of_destination)?
    else {
        return Ok(None);
    };
    if found.size != image.size {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    let mut from = 0;
    while from < image.size {
        let to = from.saturating_add(step);
        let (wanted, there) = tokio::join!(fetch(image, from, to), fetch(&found, from, to));
        let wanted = wanted?;
        match there {
            Ok(there) if there == wanted => hash.update(&wanted),
            // Whoever changes it meanwhile is not this Job.
            Err(error) if is_source_changed(&error) => return Ok(None),
            Ok(_) => return Ok(None),
            Err(error) => return Err(of_destination(error)),
        }
        from = to;
    }
    upload.note_etag(found.etag.clone());
    Ok(Some(format!("sha256:{}", hex::encode(hash.finalize()))))
}

/// Checksum of the object at the destination, of `size` bytes, read once more: one whose first bytes were known last has
/// none as it is written. `None` when it may not be read, or is another one.
///
/// # Errors
/// What the store reports.
pub(super) async fn checksum(destination: &Store, size: u64, step: u64) -> Result<Option<String>> {
    let allowance = Allowance::start(&BUDGET, &Arc::new(Meter::default()));
    let First::Reached { object, .. } = Object::open(destination.clone(), allowance).await.map_err(of_destination)?
    else {
        return Ok(None);
    };
    if object.size != size {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    let mut next = fetch(&object, 0, step).await.map_err(of_destination)?;
    let mut from = 0_u64;
    while !next.is_empty() {
        from = from.saturating_add(step);
        let (now, later) = (next, fetch(&object, from, from.saturating_add(step)));
        let ((), later) = tokio::join!(async { hash.update(&now) }, later);
        next = later.map_err(of_destination)?;
    }
    Ok(Some(format!("sha256:{}", hex::encode(hash.finalize()))))
}
