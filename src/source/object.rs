//! One object, pinned to what it was at the first request.

use std::ops::Range;

use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectMeta};

use super::answer::{Answer, to_error};
use super::meter::Allowance;
use super::stores::Store;
use super::url::LAYER;
use crate::disk::{Error, ErrorKind, Http, Result};
use crate::inspect::facts::{self, Access};

/// Bytes of the first request: enough for every container's header and a GPT, and one unit of the cache.
pub(crate) const HEAD: u64 = 128 << 10;
/// First word of the error that says that the object is no longer what was first read.
pub const SOURCE_CHANGED: &str = "SourceChanged";

/// True for the error that says that the object is no longer what was first read.
pub fn is_source_changed(error: &Error) -> bool {
    error.kind == ErrorKind::Io && error.what.starts_with(SOURCE_CHANGED)
}

/// What the first request found.
pub(crate) enum First {
    /// The object, and its first bytes.
    Reached { facts: facts::Source, object: Box<Object>, head: Bytes },
    /// The store refused, or there is none.
    Refused { access: Access, http: Http, signed: bool },
}

/// One object.
#[derive(Clone)]
pub(crate) struct Object {
    store: Store,
    /// A strong one.
    pub(crate) etag: Option<String>,
    meta: ObjectMeta,
    pub(crate) size: u64,
    pub(crate) allowance: Allowance,
}

impl Object {
    /// Asks for the first bytes, which also tells what the object is: a HEAD would cost a request more, and a link that
    /// is signed for GET refuses it.
    pub(crate) async fn open(store: Store, allowance: Allowance) -> Result<First> {
        let options = GetOptions { range: Some(GetRange::Bounded(0..HEAD)), ..GetOptions::default() };
        let (meta, head) = match request(&store, &allowance, HEAD, options).await {
            Ok(found) => found,
            Err(Failure::Store(error)) => match settle_first(&error)? {
                Settled::Refused { access, http } => return Ok(First::Refused { access, http, signed: store.signed }),
                Settled::Empty => (empty(&store), Bytes::new()),
            },
            Err(Failure::Ours(error)) => return Err(error),
        };
        let strong = |tag: &String| !tag.starts_with("W/");
        let facts = facts::Source {
            access: Access::Reached,
            signed: store.signed,
            etag: meta.e_tag.clone().filter(strong),
            version_id: meta.version.clone(),
            size_bytes: meta.size,
            last_modified: modified(&meta),
            ..facts::Source::default()
        };
        let object = Self { store, etag: facts.etag.clone(), size: meta.size, meta, allowance };
        check_length(&head, HEAD.min(object.size))?;
        Ok(First::Reached { facts, object: Box::new(object), head })
    }

    /// Bytes of the object, as long as it is the one that was first read.
    pub(crate) async fn get(&self, range: Range<u64>) -> Result<Bytes> {
        let want = range.end.saturating_sub(range.start);
        let mut options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        if self.etag.is_some() {
            options.if_match.clone_from(&self.etag);
        } else if modified(&self.meta).is_some() {
            options.if_unmodified_since = Some(self.meta.last_modified);
        }
        let (meta, bytes) = match request(&self.store, &self.allowance, want, options).await {
            Ok(found) => found,
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Store(error)) => return Err(settle_later(&error)),
        };
        // Servers that ignore conditions are met here.
        let other_tag = self.etag.is_some() && meta.e_tag != self.etag;
        if other_tag || meta.size != self.size || meta.last_modified != self.meta.last_modified {
            return Err(changed(Http { status: 412, ..Http::default() }));
        }
        check_length(&bytes, want)?;
        Ok(bytes)
    }
}

fn check_length(bytes: &Bytes, want: u64) -> Result<()> {
    if crate::disk::bytes::to_u64(bytes.len()) == want {
        return Ok(());
    }
    Err(Error::io(LAYER, format!("the store sent {} bytes instead of {want}", bytes.len())))
}

fn settle_later(error: &object_store::Error) -> Error {
    match Answer::of(error) {
        Some(Answer::Status(http)) if http.status == 412 => changed(http.clone()),
        Some(Answer::PastEnd { http, .. }) => changed(Http { status: 412, ..http.clone() }),
        _ => Error { kind: ErrorKind::Io, ..to_error(error) },
    }
}

fn changed(http: Http) -> Error {
    Error::io(LAYER, format!("{SOURCE_CHANGED}: the object is no longer the one that was first read")).with_http(http)
}

enum Failure {
    Store(object_store::Error),
    Ours(Error),
}

/// One ranged GET within the allowance; tried again once when the store refuses the credentials and new ones are there.
async fn request(
    store: &Store,
    allowance: &Allowance,
    want: u64,
    options: GetOptions,
) -> std::result::Result<(ObjectMeta, Bytes), Failure> {
    let first = attempt(store, allowance, want, options.clone()).await;
    match &first {
        Err(Failure::Store(error)) if is_refusal(error) && store.signed && store.keyring.refresh() => {
            attempt(store, allowance, want, options).await
        }
        _ => first,
    }
}

async fn attempt(
    store: &Store,
    allowance: &Allowance,
    want: u64,
    options: GetOptions,
) -> std::result::Result<(ObjectMeta, Bytes), Failure> {
    allowance.check_request(want).map_err(Failure::Ours)?;
    let get = async {
        let result = store.inner.get_opts(&store.path, options).await?;
        let meta = result.meta.clone();
        Ok((meta, result.bytes().await?))
    };
    match tokio::time::timeout(allowance.time_left(), get).await {
        Ok(result) => result.map_err(Failure::Store),
        Err(_) => Err(Failure::Ours(allowance.refuse("reading took longer than it may"))),
    }
}

fn is_refusal(error: &object_store::Error) -> bool {
    matches!(Answer::of(error), Some(Answer::Status(http)) if access(http) == Some(Access::Forbidden))
}

/// What a status at the first request means for the object; `None` when it is no fact about it.
fn access(http: &Http) -> Option<Access> {
    match (http.status, http.code.as_str()) {
        (404 | 410, _) => Some(Access::NotFound),
        // S3 says of temporary credentials that have run out that the request is bad.
        (401 | 403, _) | (400, "ExpiredToken" | "InvalidToken") => Some(Access::Forbidden),
        _ => None,
    }
}

enum Settled {
    Refused { access: Access, http: Http },
    Empty,
}

fn settle_first(error: &object_store::Error) -> Result<Settled> {
    match Answer::of(error) {
        // No byte lies at the start of an empty object, so no range of it can be had.
        Some(Answer::PastEnd { .. }) => Ok(Settled::Empty),
        Some(Answer::Status(http)) => match access(http) {
            Some(access) => Ok(Settled::Refused { access, http: http.clone() }),
            // Every other refusal is of the request as such: trying again will not help.
            None if (400..500).contains(&http.status) && !matches!(http.status, 408 | 429) => {
                Err(Error { kind: ErrorKind::Unsupported, ..to_error(error) })
            }
            None => Err(to_error(error)),
        },
        _ => Err(to_error(error)),
    }
}

#[expect(clippy::default_trait_access, reason = "the type is of a crate that is no dependency")]
fn empty(store: &Store) -> ObjectMeta {
    ObjectMeta { location: store.path.clone(), last_modified: Default::default(), size: 0, e_tag: None, version: None }
}

/// When the object was written, RFC 3339; `object_store` says 1970 where the store said nothing.
fn modified(meta: &ObjectMeta) -> Option<String> {
    let seconds = meta.last_modified.timestamp();
    (seconds > 0).then(|| jiff::Timestamp::from_second(seconds).map(|t| t.to_string()).ok()).flatten()
}
