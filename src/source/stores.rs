//! From an address to an open object: one arm a kind of store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::cache::Cached;
use super::credentials::{CredentialSource, Keyring};
use super::dial::Dialler;
use super::egress::Egress;
use super::meter::{Allowance, Read};
use super::object::{First, Object};
use super::url::{Address, Author, LAYER, Location};
use super::{Meter, Opened, open_file};
use crate::api::{Destination, Source};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::{Budget, facts};

/// Opens the object of a `spec.source`: one request, for its first bytes.
///
/// With the policy of a user's own machine the url may also be a file's path or a presigned link.
/// The bytes are read by blocking on this runtime, a multi-threaded one, and only from a thread that may block, as
/// `spawn_blocking` gives.
///
/// # Errors
/// `Io` when the store cannot be reached; `Unsupported` for an address that cannot be used or dialled; `NotFound`, layer
/// `credentials`, for credentials that are not there; `Limit`. A missing or forbidden object is no error but a fact.
pub async fn open(source: &Source, credentials: &CredentialSource, egress: &Egress, budget: &Budget) -> Result<Opened> {
    if egress.is_own_machine()
        && let Location::File(path) = Location::parse(&source.url, Author::Terminal)?
    {
        return open_file(&path, budget);
    }
    let meter = Arc::new(Meter::default());
    let start = Instant::now();
    let first = open_object(source, credentials, egress, budget, &meter).await?;
    let took = start.elapsed();
    let (mut facts, bytes) = match first {
        First::Reached { facts, object, head } => {
            meter.remember(Read { at: 0, len: to_u64(head.len()), wanted_for: "first request".to_owned(), took });
            (facts, Some(blocking(object, head, &meter)))
        }
        First::Refused { access, http, signed } => {
            (facts::Source { access, http: Some(http), signed, ..facts::Source::default() }, None)
        }
    };
    let told = meter.told();
    (facts.cloud, facts.region) = (told.cloud.map(|cloud| cloud.scheme().to_owned()), told.region);
    Ok(Opened { facts, bytes, meter })
}

/// An object for who reads by blocking, as [`open`] says, through the cache. `head` are its first bytes.
pub(crate) fn blocking(object: Box<Object>, head: bytes::Bytes, meter: &Arc<Meter>) -> Arc<dyn ReadAt> {
    let handle = tokio::runtime::Handle::current();
    Arc::new(Cached::new(Remote { object, handle }, head, Arc::clone(meter)))
}

/// Connects to the store of an image and makes the first request.
pub(crate) async fn open_object(
    source: &Source,
    credentials: &CredentialSource,
    egress: &Egress,
    budget: &Budget,
    meter: &Arc<Meter>,
) -> Result<First> {
    let author = if egress.is_own_machine() { Author::Terminal } else { Author::Api };
    let address = Address::of_source(source, author)?;
    let keyring = Keyring::new(credentials)?;
    // At a terminal the keys come with the environment, and mean no address in particular.
    if author == Author::Api && matches!(address.location, Location::Http(_)) && keyring.signs() {
        return Err(Error::unsupported(
            super::credentials::LAYER,
            "an http(s):// address is read without credentials, and some are given; leave out secretRef, or write s3://bucket/key with the store's endpoint",
        ));
    }
    let store = Store::connect(&address, &keyring, Dialler::new(egress, meter)?)?;
    Object::open(store, Allowance::start(budget, meter)).await
}

/// Connects to the store that an image is written to. With `create_only` no upload replaces an object.
pub(crate) fn connect_destination(
    destination: &Destination,
    credentials: &CredentialSource,
    egress: &Egress,
    create_only: bool,
) -> Result<Store> {
    let address = Address::of_destination(destination)?;
    let dialler = Dialler::new(egress, &Arc::default())?;
    let dialler = if create_only { dialler.create_only() } else { dialler };
    Store::connect(&address, &Keyring::new(credentials)?, dialler)
}

/// Requests on their way at once.
const SIDE_BY_SIDE: usize = 8;

/// An object that is read by blocking.
struct Remote {
    object: Box<Object>,
    handle: tokio::runtime::Handle,
}

impl super::cache::Fetch for Remote {
    fn len(&self) -> u64 {
        self.object.size
    }
    fn fetch(&self, from: u64, to: u64) -> Result<bytes::Bytes> {
        self.handle.block_on(self.object.get(from..to))
    }
    fn fetch_all(&self, ranges: &[(u64, u64)]) -> Result<Vec<bytes::Bytes>> {
        let each = futures::stream::iter(ranges.iter().map(|(from, to)| self.object.get(*from..*to)));
        self.handle.block_on(each.buffered(SIDE_BY_SIDE).try_collect())
    }
    fn check(&self) -> Result<()> {
        self.object.allowance.check()
    }
}

/// A connected store and the path of one object in it.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) inner: Arc<dyn ObjectStore>,
    /// The same, where it is a bucket: uploads need its own interface.
    pub(crate) bucket: Option<Arc<AmazonS3>>,
    pub(crate) path: Path,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) signed: bool,
    /// For requests that the store's own interface has not.
    pub(crate) dialler: Dialler,
}

impl Store {
    pub(crate) fn connect(address: &Address, keyring: &Arc<Keyring>, dialler: Dialler) -> Result<Self> {
        let unusable = |e: object_store::Error| super::answer::to_error(&e);
        match &address.location {
            Location::File(_) => Err(Error::unsupported(LAYER, "a file is not in a store")),
            Location::Http(url) => {
                let store =
                    HttpBuilder::new().with_url(url.as_str()).with_http_connector(dialler.clone()).with_retry(retry());
                Ok(Self {
                    inner: Arc::new(store.build().map_err(unusable)?),
                    bucket: None,
                    path: Path::ROOT,
                    keyring: Arc::clone(keyring),
                    signed: url.query().is_some(),
                    dialler,
                })
            }
            Location::S3 { bucket, key } => {
                let signed = keyring.signs();
                let mut store = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_region(address.region.as_deref().unwrap_or("us-east-1"))
                    .with_virtual_hosted_style_request(address.virtual_hosted)
                    // Given always: a builder without credentials asks the cloud's metadata address for some.
                    .with_credentials(Arc::clone(keyring) as _)
                    .with_skip_signature(!signed)
                    .with_conditional_put(S3ConditionalPut::ETagMatch)
                    .with_allow_http(true)
                    // A bulk request has to carry an MD5 for Alibaba's and Tencent's stores.
                    .with_disable_bulk_delete(true)
                    .with_http_connector(dialler.clone())
                    .with_retry(retry());
                if let Some(endpoint) = &address.endpoint {
                    store = store.with_endpoint(endpoint.as_str().trim_end_matches('/'));
                }
                let store = Arc::new(store.build().map_err(unusable)?);
                let path = Path::parse(key).map_err(|e| Error::unsupported(LAYER, e.to_string()))?;
                Ok(Self {
                    inner: Arc::clone(&store) as _,
                    bucket: Some(store),
                    path,
                    keyring: Arc::clone(keyring),
                    signed,
                    dialler,
                })
            }
        }
    }
}

/// A few times within a minute; a Job begins again after that.
fn retry() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(5), base: 2.0 };
    RetryConfig { backoff, max_retries: 4, retry_timeout: Duration::from_secs(60) }
}

#[cfg(test)]
mod tests;
