//! Deletes objects that were written, each only while it still is the one that is meant.

use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use super::upload::{Accepted, LAYER, is_forbidden, of_destination};
use crate::api::Destination;
use crate::disk::{Error, ErrorKind, Http, Result};
use crate::inspect::wire::{Deleted, Message, Refusal};
use crate::source::answer::{Answer, to_error};
use crate::source::opening::{Store, connect_destination};
use crate::source::{CredentialSource, Egress, redacted};

/// An object as it was written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredObject {
    /// Where it is: `url` is the object's own.
    #[serde(flatten)]
    pub destination: Destination,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its entity tag, where the store gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// Deletes the objects. One that is gone already is as good; another one of its name is left, and the others go all the
/// same.
///
/// # Errors
/// `Io` when a transport failed; `Unsupported` and `NotFound` for addresses and credentials that cannot be used. What
/// trying again would not mend is [`Message::Refused`].
pub async fn remove(objects: &[StoredObject], credentials: &CredentialSource, egress: &Egress) -> Result<Message> {
    let mut done = Deleted::default();
    let mut refused = None;
    for object in objects {
        match remove_one(object, credentials, egress).await? {
            Ok(true) => done.deleted = done.deleted.saturating_add(1),
            Ok(false) => done.gone = done.gone.saturating_add(1),
            Err(refusal) => {
                refused.get_or_insert(refusal);
            }
        }
    }
    Ok(refused.map_or(Message::Deleted(done), Message::Refused))
}

/// Deletes one object; false when it was gone already.
async fn remove_one(object: &StoredObject, credentials: &CredentialSource, egress: &Egress) -> Accepted<bool> {
    let store = connect_destination(&object.destination, credentials, egress, false).map_err(of_destination)?;
    let url = redacted(&object.destination.url);
    let found = match look(&store).await {
        Ok(found) => found,
        Err(error) => return settle(&error, &url, "show"),
    };
    if let Some(difference) = difference(object, &found) {
        return Ok(Err(refusal("DestinationChanged", format!("{url} is left: {difference}"), None)));
    }
    match asked(&store, || store.inner.delete(&store.path)).await {
        Ok(()) => Ok(Ok(true)),
        Err(error) => settle(&error, &url, "delete"),
    }
}

/// What is there now.
struct Found {
    size: Option<u64>,
    etag: Option<String>,
}

/// Asks for the first byte, which also tells the size: unlike that to a HEAD, a refusal has words.
async fn look(store: &Store) -> object_store::Result<Found> {
    let options = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
    match asked(store, || store.inner.get_opts(&store.path, options.clone())).await {
        Ok(found) => Ok(Found { size: Some(found.meta.size), etag: found.meta.e_tag }),
        Err(error) => match Answer::of(&error) {
            // An empty object has no first byte.
            Some(Answer::PastEnd { size, .. }) => Ok(Found { size: *size, etag: None }),
            _ => Err(error),
        },
    }
}

/// Why what is there is not the object that is meant.
fn difference(object: &StoredObject, found: &Found) -> Option<String> {
    let size = found.size.unwrap_or_default();
    if size != object.size_bytes {
        return Some(format!("it has {size} bytes, and the object that was written has {}", object.size_bytes));
    }
    let (written, there) = (tag(object.etag.as_deref())?, tag(found.etag.as_deref())?);
    (written != there)
        .then(|| format!("its entity tag is {there:?}, and that of the object that was written {written:?}"))
}

/// The bare entity tag: answers to uploads and to requests for the object may differ in quotes and strength.
fn tag(etag: Option<&str>) -> Option<&str> {
    etag.map(|tag| tag.trim_start_matches("W/").trim_matches('"')).filter(|tag| !tag.is_empty())
}

/// Asks; once more when the store refuses the credentials and new ones are there.
async fn asked<T, F>(store: &Store, send: impl Fn() -> F) -> object_store::Result<T>
where
    F: Future<Output = object_store::Result<T>>,
{
    let answer = send().await;
    if answer.as_ref().is_err_and(is_forbidden) && store.keyring.refresh() { send().await } else { answer }
}

/// What a store's refusal means: gone already, a refusal for good, or an error.
fn settle(error: &object_store::Error, url: &str, act: &str) -> Accepted<bool> {
    let plain = of_destination(to_error(error));
    let Some(Answer::Status(http)) = Answer::of(error) else { return Err(plain) };
    match (http.status, http.code.as_str()) {
        (404, "NoSuchBucket") => {
            let what = format!("{url}: the bucket is not there");
            Ok(Err(refusal("DestinationNotFound", what, Some(http))))
        }
        (404 | 410, _) => Ok(Ok(false)),
        (401 | 403, _) => {
            let what = format!("the store refuses to {act} {url}");
            Ok(Err(refusal("DestinationForbidden", what, Some(http))))
        }
        (400..500, _) if !matches!(http.status, 408 | 409 | 429) => {
            Err(Error { kind: ErrorKind::Unsupported, layer: LAYER, ..plain })
        }
        _ => Err(plain),
    }
}

fn refusal(reason: &str, message: String, http: Option<&Http>) -> Refusal {
    Refusal { reason: reason.to_owned(), message, http: http.cloned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::{Minio, pattern};
    use crate::worker::EgressArgs;

    fn egress() -> Egress {
        let allow = vec!["127.0.0.0/8".into()];
        Egress::new(&EgressArgs { allow, deny: vec![], allow_insecure_endpoints: true }).unwrap()
    }

    fn object(store: &Minio, key: &str, size_bytes: u64, etag: Option<&str>) -> StoredObject {
        StoredObject { destination: store.destination(key), size_bytes, etag: etag.map(str::to_owned) }
    }

    async fn etag(store: &Minio, key: &str) -> String {
        let destination = store.destination(key);
        let store = connect_destination(&destination, &store.credentials(), &egress(), false).unwrap();
        look(&store).await.unwrap().etag.unwrap()
    }

    fn reason(message: &Message) -> &str {
        match message {
            Message::Refused(refusal) => &refusal.reason,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_was_written_goes_and_what_is_gone_already_is_as_good() {
        let Some(store) = Minio::start().await else { return };
        let mut objects = vec![];
        for (key, size) in [("a.img", 0), ("b.img", 1), ("c.img", 100_000)] {
            store.put(key, pattern(size)).await;
            let etag = if size > 0 { Some(etag(&store, key).await) } else { None };
            objects.push(object(&store, key, u64::try_from(size).unwrap(), etag.as_deref()));
        }
        store.put("other.img", pattern(9)).await;
        let gone = remove(&objects, &store.credentials(), &egress()).await.unwrap();
        assert_eq!(gone, Message::Deleted(Deleted { deleted: 3, gone: 0 }));
        for key in ["a.img", "b.img", "c.img"] {
            assert_eq!(store.get(key).await, None, "{key}");
        }
        let again = remove(&objects, &store.credentials(), &egress()).await.unwrap();
        assert_eq!(again, Message::Deleted(Deleted { deleted: 0, gone: 3 }));
        assert_eq!(store.get("other.img").await.unwrap(), pattern(9), "nothing else is touched");
    }

    #[tokio::test]
    async fn another_object_of_the_name_stays_and_the_others_go_all_the_same() {
        let Some(store) = Minio::start().await else { return };
        store.put("replaced.img", pattern(50)).await;
        let first = etag(&store, "replaced.img").await;
        store.put("replaced.img", vec![7; 50]).await;
        store.put("last.img", pattern(5)).await;
        for other in [object(&store, "replaced.img", 49, None), object(&store, "replaced.img", 50, Some(&first))] {
            store.put("last.img", pattern(5)).await;
            let objects = [other, object(&store, "last.img", 5, None)];
            let told = remove(&objects, &store.credentials(), &egress()).await.unwrap();
            assert_eq!(reason(&told), "DestinationChanged");
            let Message::Refused(refusal) = told else { unreachable!() };
            assert!(refusal.message.starts_with("s3://images/replaced.img is left: "), "{}", refusal.message);
            assert_eq!(store.get("replaced.img").await.unwrap(), vec![7; 50]);
            assert_eq!(store.get("last.img").await, None);
        }
        let same = etag(&store, "replaced.img").await;
        let bare = object(&store, "replaced.img", 50, Some(same.trim_matches('"')));
        let gone = remove(&[bare], &store.credentials(), &egress()).await.unwrap();
        assert_eq!(gone, Message::Deleted(Deleted { deleted: 1, gone: 0 }), "quotes make no other object");
    }

    #[tokio::test]
    async fn what_the_store_refuses_is_no_error_and_a_lost_store_is() {
        let Some(store) = Minio::start().await else { return };
        store.put("a.img", pattern(5)).await;
        let ours = [object(&store, "a.img", 5, None)];
        let wrong = store.credentials_with("another secret of that length");
        assert_eq!(reason(&remove(&ours, &wrong, &egress()).await.unwrap()), "DestinationForbidden");
        let elsewhere = StoredObject {
            destination: Destination { url: "s3://no-such-bucket/a.img".into(), ..store.destination("a.img") },
            size_bytes: 5,
            etag: None,
        };
        assert_eq!(
            reason(&remove(&[elsewhere], &store.credentials(), &egress()).await.unwrap()),
            "DestinationNotFound"
        );
        assert_eq!(store.get("a.img").await.unwrap(), pattern(5));
        let lost = StoredObject {
            destination: Destination { endpoint: Some("http://127.0.0.1:9".into()), ..store.destination("a.img") },
            ..StoredObject::default()
        };
        let error = remove(&[lost], &store.credentials(), &egress()).await.unwrap_err();
        assert_eq!((error.kind, error.layer), (ErrorKind::Io, "destination"));
    }
}
