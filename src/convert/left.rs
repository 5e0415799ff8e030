//! What an earlier pod of the same Job left in the store: its upload is continued, each part only when it is verified.
//!
//! The same image gives the same parts, so everything is read and encoded again, and only sent when the store does not have
//! it yet. A part is there when the store lists one of its number and size whose entity tag is the MD5 of the bytes. Where
//! entity tags are no MD5, as with keys of a key service, none is, and each part replaces the one that was there.

use std::collections::BTreeMap;
use std::time::Duration;

use md5::{Digest, Md5};
use object_store::multipart::{MultipartStore, PartId};

use crate::disk::bytes::to_u64;
use crate::source::opening::Store;
use crate::source::uploads;

/// Uploads that are looked into. A Job has a few pods.
const MOST: usize = 16;
/// An abort that takes longer is left to the bucket's own rule.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// An upload that was begun earlier.
#[derive(Debug)]
pub(super) struct Left {
    /// Its id.
    pub id: String,
    /// Its parts, by their numbers.
    pub parts: BTreeMap<u32, uploads::Part>,
}

/// A part that the store lists, where it has these bytes.
pub(super) fn verified(part: uploads::Part, bytes: &[u8]) -> Option<PartId> {
    let same = part.size == to_u64(bytes.len())
        && part.etag.trim_matches('"').eq_ignore_ascii_case(&hex::encode(Md5::digest(bytes)));
    same.then_some(PartId { content_id: part.etag })
}

/// The upload of exactly this object that has most parts; others are aborted. Only for an object that nobody else writes.
///
/// Whoever may write need not be allowed to list: then there is none, and the conversion begins anew.
pub(super) async fn find(store: &Store) -> Option<Left> {
    let ids = match uploads::begun(store).await {
        Ok(ids) => ids,
        Err(error) => {
            tracing::info!(%error, "it is not known whether an earlier attempt left an upload");
            return None;
        }
    };
    let mut best: Option<Left> = None;
    for id in ids.into_iter().take(MOST) {
        let parts = match uploads::parts(store, &id).await {
            Ok(parts) => parts,
            Err(error) => {
                tracing::info!(%error, "an earlier attempt's upload could not be read");
                BTreeMap::new()
            }
        };
        let found = Left { id, parts };
        let other = match best.take() {
            Some(known) if known.parts.len() >= found.parts.len() => {
                best = Some(known);
                Some(found)
            }
            known => {
                best = Some(found);
                known
            }
        };
        if let Some(other) = other {
            abort(store, &other.id).await;
        }
    }
    if let Some(best) = &best {
        tracing::info!(parts = best.parts.len(), "an earlier attempt's upload is continued");
    }
    best
}

/// Ends what an earlier pod left, where it is not known yet what that is; within seconds.
pub(super) async fn abort_all(store: &Store) {
    let all = async {
        for id in uploads::begun(store).await.unwrap_or_default().into_iter().take(MOST) {
            abort(store, &id).await;
        }
    };
    let _ = tokio::time::timeout(ABORT_TIMEOUT, all).await;
}

/// Ends an upload, within seconds.
pub(super) async fn abort(store: &Store, id: &str) {
    let Some(bucket) = &store.bucket else { return };
    let id = id.to_owned();
    let aborted = tokio::time::timeout(ABORT_TIMEOUT, bucket.abort_multipart(&store.path, &id)).await;
    if !matches!(aborted, Ok(Ok(()))) {
        tracing::warn!("the upload could not be aborted; a lifecycle rule of the bucket has to end it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(etag: &str, size: u64, bytes: &[u8]) -> Option<String> {
        let part = uploads::Part { number: 7, etag: etag.to_owned(), size };
        verified(part, bytes).map(|part| part.content_id)
    }

    #[test]
    fn a_part_counts_when_size_and_md5_are_those_of_the_bytes() {
        // RFC 1321, A.5.
        let md5 = "\"900150983cd24fb0d6963f7d28e17f72\"";
        assert_eq!(same(md5, 3, b"abc").as_deref(), Some(md5), "as the store spells it");
        assert!(same(&md5.trim_matches('"').to_uppercase(), 3, b"abc").is_some());
        assert_eq!(same(md5, 4, b"abc"), None, "another size");
        assert_eq!(same(md5, 3, b"abd"), None, "other bytes");
        assert_eq!(same("\"900150983cd24fb0d6963f7d28e17f72-1\"", 3, b"abc"), None, "no MD5");
    }
}
