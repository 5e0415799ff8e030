//! The one way out: an HTTP client that dials what [`Egress`] allows, follows nothing and reads no more than was asked for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RANGE, SERVER};
use http::{HeaderMap, Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::Meter;
use super::answer::{Answer, parse_error_document, word};
use super::cloud::Cloud;
use super::egress::Egress;
use super::meter::Told;
use crate::disk::{Error, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for this long, a connection is dead.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A whole request, body included: at most a few MiB are asked for at once, and a part of an upload has 16.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(180);
/// Of an error document nothing but two words is used.
const ERROR_BODY_MAX: usize = 16 << 10;
/// Answers to uploads are small XML documents.
const REPLY_MAX: usize = 256 << 10;

/// The most that is set aside before a byte has arrived.
const ROOM_MAX: usize = 16 << 20;

/// Makes the HTTP clients of `object_store`.
#[derive(Debug, Clone)]
pub(crate) struct Dialler {
    http: reqwest::Client,
    egress: Arc<Egress>,
    meter: Arc<Meter>,
    create_only: bool,
}

impl Dialler {
    pub(crate) fn new(egress: &Egress, meter: &Arc<Meter>) -> Result<Self> {
        // reqwest takes the process's provider; the first one that is installed stays, so this does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let egress = Arc::new(egress.clone());
        let roots =
            webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| reqwest::Certificate::from_der(der).ok());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Checked(Arc::clone(&egress)))
            .tls_certs_only(roots)
            .https_only(!egress.allows_insecure())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STALL_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("image-import-operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::unsupported("source", format!("no HTTP client: {e}")))?;
        Ok(Self { http, egress, meter: Arc::clone(meter), create_only: false })
    }

    /// The same, but an upload is completed only when no object of its name is there.
    pub(crate) fn create_only(self) -> Self {
        Self { create_only: true, ..self }
    }

    /// Checks what a resolver never sees: scheme, and hosts that are addresses already.
    fn check(&self, url: &Url) -> std::result::Result<(), Answer> {
        if url.scheme() != "https" && !self.egress.allows_insecure() {
            return Err(Answer::Insecure);
        }
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
            _ => return Ok(()),
        };
        self.egress.check(url.host_str().unwrap_or_default(), ip).map_err(Answer::Denied)
    }

    /// `object_store` completes an upload whatever is there, so the condition is added here. It is no signed header,
    /// which S3 permits for all but `host` and `x-amz-*`.
    fn completes_upload(&self, method: &Method, url: &Url) -> bool {
        self.create_only && *method == Method::POST && url.query_pairs().any(|(name, _)| name == "uploadId")
    }
}

impl HttpConnector for Dialler {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Dialler {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|e| HttpError::new(HttpErrorKind::Unknown, e))?;
        self.check(&url).map_err(fatal)?;
        let asked = asked_range(&parts.headers);
        self.meter.note(asked.map_or(0, |(from, to)| to.saturating_sub(from)));

        let mut headers = parts.headers;
        if self.completes_upload(&parts.method, &url) {
            headers.insert(IF_NONE_MATCH, http::HeaderValue::from_static("*"));
        }
        let reading = parts.method == Method::GET;
        let mut request = self.http.request(parts.method, url).headers(headers);
        if body.content_length() > 0 {
            request = request.body(reqwest::Body::wrap(body));
        }
        let response = request.send().await.map_err(transport)?;
        self.meter.hear(told(response.headers()));
        match response.status() {
            status if status.is_success() => {}
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(fatal(past_end(response).await)),
            status if status.is_redirection() => return Err(fatal(redirect(response).await)),
            _ => return Err(refused(response).await),
        }
        if reading && asked.is_some() && response.status() != StatusCode::PARTIAL_CONTENT {
            let empty = response.content_length() == Some(0);
            let http = crate::disk::Http { status: response.status().as_u16(), ..crate::disk::Http::default() };
            return Err(fatal(if empty { Answer::PastEnd { size: Some(0), http } } else { Answer::RangeIgnored }));
        }
        let max = match asked {
            Some((from, to)) if reading => usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX),
            _ => REPLY_MAX,
        };
        collect(response, max).await
    }
}

/// Whose store answers, and where its bucket is, by the headers that only these stores send.
fn told(headers: &HeaderMap) -> Told {
    let has = |name: &str| headers.contains_key(name);
    let server = headers.get(SERVER).map(http::HeaderValue::as_bytes);
    let cloud = match () {
        () if has("x-cos-request-id") || server == Some(b"tencent-cos") => Some(Cloud::Cos),
        () if has("x-oss-request-id") || server == Some(b"AliyunOSS") => Some(Cloud::Oss),
        () => None,
    };
    let region = ["x-cos-bucket-region", "x-amz-bucket-region"].into_iter().find_map(|name| headers.get(name));
    let region =
        region.and_then(|value| value.to_str().ok()).map(|text| word(text, 64)).filter(|text| !text.is_empty());
    Told { cloud, region }
}

/// The whole answer in memory: no more than was asked for, and only the headers that are of use.
async fn collect(mut response: reqwest::Response, max: usize) -> std::result::Result<HttpResponse, HttpError> {
    let announced = response.content_length();
    // As much as was announced and asked for, so that nothing is moved while it grows.
    let room = announced.and_then(|n| usize::try_from(n).ok()).unwrap_or_default().min(max).min(ROOM_MAX);
    let mut body = bytes::BytesMut::with_capacity(room);
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len().saturating_add(chunk.len()) > max {
            return Err(fatal(Answer::TooLong));
        }
        body.extend_from_slice(&chunk);
    }
    let (mut answer, _) = HttpResponse::new(Vec::new().into()).into_parts();
    answer.status = response.status();
    for name in [CONTENT_RANGE, ETAG, LAST_MODIFIED] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers.insert(name, value.clone());
        }
    }
    if let Some(version) = response.headers().get("x-amz-version-id") {
        answer.headers.insert("x-amz-version-id", version.clone());
    }
    let length = announced.unwrap_or_else(|| crate::disk::bytes::to_u64(body.len()));
    answer.headers.insert(CONTENT_LENGTH, length.into());
    Ok(HttpResponse::from_parts(answer, HttpResponseBody::from(body.freeze())))
}

async fn refused(response: reqwest::Response) -> HttpError {
    let status = response.status();
    // The kinds decide whether `object_store` tries again, and it does not for a request that may have had effect.
    let again =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let kind = if again { HttpErrorKind::Interrupted } else { HttpErrorKind::Unknown };
    HttpError::new(kind, Answer::Status(describe(response).await))
}

async fn past_end(response: reqwest::Response) -> Answer {
    // RFC 9110, section 14.4: `bytes */size` in an answer of 416.
    let total =
        response.headers().get(CONTENT_RANGE).and_then(|v| v.to_str().ok()?.strip_prefix("bytes */")?.parse().ok());
    Answer::PastEnd { size: total, http: describe(response).await }
}

async fn redirect(response: reqwest::Response) -> Answer {
    let to = response.headers().get(LOCATION).and_then(|v| response.url().join(v.to_str().ok()?).ok());
    let host = to.as_ref().and_then(Url::host_str).map_or("another address".to_owned(), |h| word(h, 128));
    Answer::Redirect { host, http: describe(response).await }
}

/// Status, code and request id of an answer that is no success; of its body at most 16 KiB are looked at, and none kept.
async fn describe(mut response: reqwest::Response) -> crate::disk::Http {
    const REQUEST_IDS: &[&str] = &["x-amz-request-id", "x-oss-request-id", "x-cos-request-id"];
    let id = REQUEST_IDS.iter().find_map(|name| response.headers().get(*name)?.to_str().ok()).map(ToOwned::to_owned);
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_BODY_MAX.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
        if body.len() >= ERROR_BODY_MAX {
            break;
        }
    }
    parse_error_document(response.status().as_u16(), id.as_deref(), &body)
}

fn fatal(answer: Answer) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, answer)
}

/// A failed transport. Trying again is left to `object_store`, except where our own resolver refused.
fn transport(error: reqwest::Error) -> HttpError {
    if let Some(answer) = Answer::of(&error) {
        return fatal(answer.clone());
    }
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind, error.without_url())
}

/// First byte and end of a request's `Range`, as `object_store` writes it.
fn asked_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (from, last) = headers.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?))
}

/// Resolves names and drops every address that may not be dialled. What is returned is what is dialled.
struct Checked(Arc<Egress>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (mut good, mut denied) = (Vec::new(), None);
            for address in found {
                match egress.check(name.as_str(), address.ip()) {
                    Ok(()) => good.push(address),
                    Err(why) => denied = Some(why),
                }
            }
            match denied {
                Some(why) if good.is_empty() => Err(Answer::Denied(why).into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}
