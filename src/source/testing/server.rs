//! A web server with one object.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

/// The object, and how the server treats requests for it.
#[derive(Clone, Default)]
pub(crate) struct Object {
    pub bytes: Vec<u8>,
    pub etag: Option<&'static str>,
    pub last_modified: Option<&'static str>,
    /// The whole object, whatever range is asked for.
    pub ignores_range: bool,
    /// `If-Match` and `If-Unmodified-Since` count for nothing.
    pub ignores_conditions: bool,
    /// This many requests are answered 503 first.
    pub unavailable: usize,
    /// This many answers end in the middle of their body.
    pub cut: usize,
    /// More bytes than were asked for, without end.
    pub floods: bool,
    /// A fixed answer: status, headers, body.
    #[expect(clippy::type_complexity, reason = "status, headers and body of one answer")]
    pub fixed: Option<(u16, Vec<(&'static str, String)>, &'static str)>,
    /// Time before an answer.
    pub delay: Duration,
}

pub(crate) struct Server {
    pub url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    object: Mutex<Object>,
    seen: Mutex<Vec<HeaderMap>>,
}

impl Server {
    pub(crate) async fn start(object: Object) -> Self {
        let shared = Arc::new(Shared { object: Mutex::new(object), ..Shared::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/disk.img", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared, task }
    }

    pub(crate) fn change(&self, with: impl FnOnce(&mut Object)) {
        with(&mut self.shared.object.lock().unwrap());
    }

    /// Headers of the requests so far; `uri` is the request's target.
    pub(crate) fn seen(&self) -> Vec<HeaderMap> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut headers = request.headers().clone();
    headers.insert("uri", request.uri().to_string().parse().unwrap());
    shared.seen.lock().unwrap().push(headers.clone());
    let object = {
        let mut object = shared.object.lock().unwrap();
        let now = object.clone();
        object.unavailable = object.unavailable.saturating_sub(1);
        object.cut = object.cut.saturating_sub(1);
        now
    };
    tokio::time::sleep(object.delay).await;
    let mut response = Response::builder();
    if let Some((status, fields, body)) = object.fixed {
        for (name, value) in fields {
            response = response.header(name, value);
        }
        return response.status(status).body(Body::from(body)).unwrap();
    }
    if object.unavailable > 0 {
        return response.status(503).body(Body::empty()).unwrap();
    }
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    let failed = text("if-match").is_some_and(|tag| Some(tag.as_str()) != object.etag)
        || text("if-unmodified-since").is_some_and(|time| Some(time.as_str()) != object.last_modified);
    if failed && !object.ignores_conditions {
        return response.status(412).body(Body::empty()).unwrap();
    }
    if let Some(etag) = object.etag {
        response = response.header("etag", etag);
    }
    if let Some(time) = object.last_modified {
        response = response.header("last-modified", time);
    }
    let range = text("range").filter(|_| !object.ignores_range);
    let Some(range) = range else { return response.body(Body::from(object.bytes)).unwrap() };
    let (from, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let size = object.bytes.len();
    let (from, to) = (from.parse::<usize>().unwrap(), (last.parse::<usize>().unwrap() + 1).min(size));
    if from >= size {
        return response.status(416).header("content-range", format!("bytes */{size}")).body(Body::empty()).unwrap();
    }
    let response =
        response.status(StatusCode::PARTIAL_CONTENT).header("content-range", format!("bytes {from}-{}/{size}", to - 1));
    let part = Bytes::copy_from_slice(&object.bytes[from..to]);
    let body = if object.floods {
        Body::from_stream(futures::stream::repeat_with(move || Ok::<_, std::io::Error>(part.clone())))
    } else if object.cut > 0 {
        let half = part.slice(..part.len() / 2);
        let cut = Err(std::io::Error::other("cut"));
        return response
            .header("content-length", part.len())
            .body(Body::from_stream(futures::stream::iter([Ok(half), cut])))
            .unwrap();
    } else {
        Body::from(part)
    };
    response.body(body).unwrap()
}
