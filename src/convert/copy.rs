//! The copy of one object, unchanged.

use bytes::Bytes;

use super::checks::Checks;
use super::encode::part_size;
use super::halt::Halt;
use super::job::Done;
use super::look::Look;
use super::upload::Upload;
use crate::disk::Result;
use crate::source::opening::Object;

/// Bytes of a part: twice this is in memory at a time.
pub(super) const PART: u64 = 8 << 20;

/// Moves the bytes: while one part is sent, the next is fetched. Of a plain disk, the first `disk` bytes of the object are
/// its own.
pub(super) async fn copy(
    object: &Object,
    disk: Option<u64>,
    upload: &Upload,
    checks: &Checks,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> std::result::Result<Done, Halt> {
    let size = object.size;
    let mut look = Look::at(disk);
    progress(0, size);
    let found = if size <= PART {
        let bytes = fetch(object, 0, size).await?;
        look.see(&bytes);
        let found = look.found();
        checks.pass(&found)?;
        upload.put(bytes).await??;
        found
    } else {
        let step = part_size(size, PART);
        upload.begin().await??;
        let mut part = fetch(object, 0, step).await?;
        let (mut from, mut number) = (0u64, 1u32);
        while !part.is_empty() {
            look.see(&part);
            let next = from.saturating_add(step).min(size);
            let (sent, fetched) =
                tokio::join!(upload.part(number, part), fetch(object, next, next.saturating_add(step)));
            sent??;
            (part, from, number) = (fetched?, next, number.saturating_add(1));
            if from < size {
                progress(from, size);
            }
        }
        let found = look.found();
        checks.pass(&found)?;
        upload.complete().await??;
        found
    };
    progress(size, size);
    Ok(Done::copied(size, found))
}

/// The bytes `from .. to` of an object, as far as it has so many.
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
