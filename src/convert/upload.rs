//! One object on its way into a bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::{GetOptions, GetRange, MultipartId, ObjectStore, PutMode, PutOptions, PutPayload};
use tokio::task::JoinHandle;

use super::left;
use crate::api::Destination;
use crate::disk::{Error, ErrorKind, Result};
use crate::inspect::wire::Refusal;
use crate::source::answer::{Answer, to_error};
use crate::source::opening::{Store, connect_destination};
use crate::source::{CredentialSource, Egress, credentials, uploads};

/// How long an answer is waited for that names what is to be aborted.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// First word of the layer of every error of the destination: by it the controller tells which store failed.
pub(super) const LAYER: &str = "destination";
/// Reason of the refusal that something is there already.
pub(super) const EXISTS: &str = "DestinationExists";

/// An error as the destination's, not the source's.
pub(super) fn of_destination(error: Error) -> Error {
    let layer = if error.layer == credentials::LAYER { "destination credentials" } else { LAYER };
    Error { layer, ..error }
}

/// What becomes of an object that is at the destination already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the upload is refused: the name is anybody's.
    Refused,
    /// It is replaced: nobody but one Job writes an object of that name.
    Replaced,
    /// It stays, and is the result where it has the bytes that would be written: the name is made of the content.
    Kept,
}

/// A result that the store may refuse for good.
pub(super) type Accepted<T> = Result<std::result::Result<T, Refusal>>;

/// An upload: begun, made of parts, completed or aborted.
pub(super) struct Upload {
    store: Store,
    bucket: Arc<AmazonS3>,
    existing: Existing,
    state: Mutex<State>,
    /// The request that begins it, while it is under way: whoever is stopped meanwhile still learns what it has to abort.
    beginning: tokio::sync::Mutex<Option<JoinHandle<object_store::Result<MultipartId>>>>,
}

#[derive(Default)]
struct State {
    /// What an earlier pod left is being looked for.
    looking: bool,
    id: Option<MultipartId>,
    /// By their numbers: they may be sent in any order.
    parts: BTreeMap<u32, PartId>,
    /// Those that an earlier pod sent, as far as they were not asked for.
    left: BTreeMap<u32, uploads::Part>,
    /// What the store calls the object that was made.
    etag: Option<String>,
    /// The store said that nothing of the name is there.
    free: bool,
    /// The object was made by this upload, and nothing of its name was there before.
    made: bool,
}

impl Upload {
    pub(super) fn to(
        destination: &Destination,
        credentials: &CredentialSource,
        egress: &Egress,
        existing: Existing,
    ) -> Result<Self> {
        // Not every store knows the condition, and a name made of the content can do without.
        let create_only = existing == Existing::Refused;
        let store = connect_destination(destination, credentials, egress, create_only).map_err(of_destination)?;
        let bucket = store.bucket.clone().ok_or_else(|| Error::unsupported(LAYER, "the destination is no bucket"))?;
        Ok(Self { store, bucket, existing, state: Mutex::default(), beginning: tokio::sync::Mutex::default() })
    }

    /// Store and path of the object, to read it.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Refuses early what would be refused after hours; the last word is the store's, or of who asks once more, when the
    /// upload is completed.
    pub(super) async fn refuse_existing(&self) -> Result<Option<Refusal>> {
        self.state().free = false;
        if self.existing == Existing::Replaced {
            return Ok(None);
        }
        let options = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
        match self.bucket.get_opts(&self.store.path, options).await {
            Ok(_) => Ok(Some(exists())),
            Err(error) => match Answer::of(&error) {
                // An empty object has no first byte.
                Some(Answer::PastEnd { .. }) => Ok(Some(exists())),
                // Whoever may write need not be allowed to read: then writing tells.
                Some(Answer::Status(http)) if matches!(http.status, 401 | 403) => Ok(None),
                Some(Answer::Status(http)) if http.status == 404 && http.code != "NoSuchBucket" => {
                    self.state().free = true;
                    Ok(None)
                }
                _ => settle(&error).map(Some),
            },
        }
    }

    /// The whole object at once.
    pub(super) async fn put(&self, bytes: Bytes) -> Accepted<()> {
        if let Some(refusal) = self.refuse_late().await? {
            return Ok(Err(refusal));
        }
        let send = || async {
            let mode = if self.existing == Existing::Refused { PutMode::Create } else { PutMode::Overwrite };
            let options = PutOptions { mode, ..PutOptions::default() };
            self.bucket.put_opts(&self.store.path, PutPayload::from(bytes.clone()), options).await
        };
        // Whoever asks for an empty object is not told its tag.
        Ok(self.settled(send).await?.map(|made| self.note_made(made.e_tag.filter(|_| !bytes.is_empty()))))
    }

    /// Begins, or continues what an earlier pod of this Job began. Only an object that nobody else writes is continued: an
    /// upload of another one may be somebody else's, and what a killed pod left of it is for the bucket's lifecycle rule.
    pub(super) async fn begin(&self) -> Accepted<()> {
        if self.existing != Existing::Refused {
            self.state().looking = true;
            let left = left::find(&self.store).await;
            let mut state = self.state();
            state.looking = false;
            if let Some(left) = left {
                (state.id, state.left) = (Some(left.id), left.parts);
                return Ok(Ok(()));
            }
        }
        let id = match self.settled(|| self.begin_anew()).await? {
            Ok(id) => id,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.state().id = Some(id);
        Ok(Ok(()))
    }

    async fn begin_anew(&self) -> object_store::Result<MultipartId> {
        let (bucket, path) = (Arc::clone(&self.bucket), self.store.path.clone());
        let mut beginning = self.beginning.lock().await;
        let begun = beginning.insert(tokio::spawn(async move { bucket.create_multipart(&path).await })).await;
        *beginning = None;
        begun.unwrap_or_else(|error| Err(error.into()))
    }

    /// Part `number`, from 1 on; sent where the store does not have it.
    pub(super) async fn part(&self, number: u32, bytes: Bytes) -> Accepted<()> {
        let id = self.id()?;
        let left = self.state().left.remove(&number);
        if let Some(part) = left.and_then(|part| left::verified(part, &bytes)) {
            self.state().parts.insert(number, part);
            return Ok(Ok(()));
        }
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let send = || self.bucket.put_part(&self.store.path, &id, index, PutPayload::from(bytes.clone()));
        Ok(self.settled(send).await?.map(|part| drop(self.state().parts.insert(number, part))))
    }

    /// Makes the object of all parts, which have the numbers from 1 on.
    pub(super) async fn complete(&self) -> Accepted<()> {
        let id = self.id()?;
        if let Some(refusal) = self.refuse_late().await? {
            return Ok(Err(refusal));
        }
        let parts: Vec<PartId> = self.state().parts.values().cloned().collect();
        let done = self.settled(|| self.bucket.complete_multipart(&self.store.path, &id, parts.clone())).await?;
        if done.is_ok() {
            self.state().id = None;
        }
        Ok(done.map(|made| self.note_made(made.e_tag)))
    }

    /// Refuses what came while the parts were sent, where the store is given no condition.
    async fn refuse_late(&self) -> Result<Option<Refusal>> {
        if self.existing == Existing::Kept { self.refuse_existing().await } else { Ok(None) }
    }

    fn note_made(&self, etag: Option<String>) {
        self.note_etag(etag);
        let mut state = self.state();
        state.made = self.existing == Existing::Refused || state.free;
    }

    /// True when this upload made the object, and it is known that it replaced none: who may not ask what is there does not
    /// know.
    pub(super) fn made(&self) -> bool {
        self.state().made
    }

    /// The object is there, and the store calls it so.
    pub(super) fn note_etag(&self, etag: Option<String>) {
        self.state().etag = etag;
    }

    /// Entity tag of the object that is there now, where the store gave one.
    pub(super) fn etag(&self) -> Option<String> {
        self.state().etag.clone()
    }

    /// Takes back what was sent, if anything was; within seconds.
    pub(super) async fn abort(&self) {
        let beginning = self.beginning.lock().await.take();
        let begun = match beginning {
            Some(request) => tokio::time::timeout(BEGIN_TIMEOUT, request).await.ok().and_then(|r| r.ok()?.ok()),
            None => self.state().id.take(),
        };
        let looking = self.state().looking;
        match begun {
            Some(id) => left::abort(&self.store, &id).await,
            None if looking => left::abort_all(&self.store).await,
            None => {}
        }
    }

    fn id(&self) -> Result<MultipartId> {
        self.state().id.clone().ok_or_else(|| Error::corrupt(LAYER, 0, "no upload was begun"))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends; once more when the store refuses the credentials and new ones are there.
    async fn settled<T, F>(&self, send: impl Fn() -> F) -> Accepted<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut answer = send().await;
        if answer.as_ref().is_err_and(is_forbidden) && self.store.keyring.refresh() {
            answer = send().await;
        }
        match answer {
            Ok(done) => Ok(Ok(done)),
            Err(error) => settle(&error).map(Err),
        }
    }
}

pub(super) fn is_forbidden(error: &object_store::Error) -> bool {
    matches!(Answer::of(error), Some(Answer::Status(http)) if matches!(http.status, 401 | 403))
}

/// What a store's refusal means for the copy: a refusal for good, or an error.
fn settle(error: &object_store::Error) -> Result<Refusal> {
    let plain = of_destination(to_error(error));
    let Some(Answer::Status(http)) = Answer::of(error) else { return Err(plain) };
    let (reason, message) = match (http.status, http.code.as_str()) {
        (401 | 403, _) => ("DestinationForbidden", "the store refuses to take the object"),
        // An upload that was ended or changed from outside is begun again, like one that met a store in trouble.
        (404, "NoSuchUpload") | (400, "InvalidPart") | (408 | 429, _) => return Err(plain),
        (404, _) => ("DestinationNotFound", "the destination's bucket is not there"),
        (409 | 412, _) => return Ok(Refusal { http: Some(http.clone()), ..exists() }),
        (400..500, _) => return Err(Error { kind: ErrorKind::Unsupported, ..plain }),
        _ => return Err(plain),
    };
    Ok(Refusal { reason: reason.to_owned(), message: message.to_owned(), http: Some(http.clone()) })
}

pub(super) fn exists() -> Refusal {
    let message = "an object of this name is there already, and it is not overwritten";
    Refusal { reason: EXISTS.to_owned(), message: message.to_owned(), http: None }
}
