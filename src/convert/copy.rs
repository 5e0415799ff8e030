//! The copy of one object, unchanged.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::encode::part_size;
use super::upload::{Accepted, Upload};
use crate::disk::Result;
use crate::source::opening::Object;

/// Bytes of a part: twice this is in memory at a time.
pub(super) const PART: u64 = 8 << 20;

/// Moves the bytes: while one part is sent, the next is fetched. Gives the bytes written and their checksum.
pub(super) async fn copy(
    object: &Object,
    upload: &Upload,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Accepted<(u64, String)> {
    let size = object.size;
    let mut hash = Sha256::new();
    progress(0, size);
    if size <= PART {
        let bytes = fetch(object, 0, size).await?;
        hash.update(&bytes);
        if let Err(refusal) = upload.put(bytes).await? {
            return Ok(Err(refusal));
        }
    } else {
        let step = part_size(size, PART);
        if let Err(refusal) = upload.begin().await? {
            return Ok(Err(refusal));
        }
        let mut part = fetch(object, 0, step).await?;
        let (mut from, mut number) = (0u64, 1u32);
        while !part.is_empty() {
            hash.update(&part);
            let next = from.saturating_add(step).min(size);
            let (sent, fetched) =
                tokio::join!(upload.part(number, part), fetch(object, next, next.saturating_add(step)));
            if let Err(refusal) = sent? {
                return Ok(Err(refusal));
            }
            (part, from, number) = (fetched?, next, number.saturating_add(1));
            if from < size {
                progress(from, size);
            }
        }
        if let Err(refusal) = upload.complete().await? {
            return Ok(Err(refusal));
        }
    }
    progress(size, size);
    Ok(Ok((size, format!("sha256:{}", hex::encode(hash.finalize())))))
}

pub(super) async fn fetch(object: &Object, from: u64, to: u64) -> Result<Bytes> {
    let to = to.min(object.size);
    if from >= to { Ok(Bytes::new()) } else { object.get(from..to).await }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::encode::PARTS_MAX;

    #[test]
    fn parts_fit_the_stores_limits() {
        assert_eq!(part_size(1, PART), PART);
        assert_eq!(part_size(80 << 30, PART), 9 << 20);
        for size in [PART, 100 << 30, 5 << 40] {
            let part = part_size(size, PART);
            assert!(size.div_ceil(part) <= PARTS_MAX && part.is_multiple_of(1 << 20));
        }
    }
}
