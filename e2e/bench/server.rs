//! A web server for one file: ranges, an entity tag, and a pause before each answer.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;

/// A running server. Stops with the runtime.
pub struct Server {
    /// Address of the file.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    file: File,
    size: u64,
    pause: Duration,
    gets: AtomicU64,
    bytes: AtomicU64,
}

impl Server {
    /// Serves `path` on loopback; each answer begins `pause` later than it could.
    pub async fn start(path: &Path, pause: Duration) -> Self {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let size = file.metadata().unwrap().len();
        let shared = Arc::new(Shared { file, size, pause, gets: AtomicU64::new(0), bytes: AtomicU64::new(0) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/disk", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// GETs answered and bytes of bodies sent since the last call.
    pub fn take(&self) -> (u64, u64) {
        (self.shared.gets.swap(0, Ordering::Relaxed), self.shared.bytes.swap(0, Ordering::Relaxed))
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    tokio::time::sleep(shared.pause).await;
    // What nbdkit asks first.
    if request.method() == Method::HEAD {
        let about = Response::builder().header("content-length", shared.size).header("accept-ranges", "bytes");
        return about.body(Body::empty()).unwrap();
    }
    let range = request.headers().get("range").and_then(|value| parse(value.to_str().ok()?));
    let Some((from, last)) = range.filter(|(from, last)| from <= last && *from < shared.size) else {
        return Response::builder().status(416).body(Body::empty()).unwrap();
    };
    let last = last.min(shared.size - 1);
    shared.gets.fetch_add(1, Ordering::Relaxed);
    shared.bytes.fetch_add(last - from + 1, Ordering::Relaxed);
    let size = shared.size;
    let body = tokio::task::spawn_blocking(move || {
        let mut body = vec![0; usize::try_from(last - from + 1).unwrap()];
        shared.file.read_exact_at(&mut body, from).map(|()| body)
    });
    Response::builder()
        .status(206)
        .header("content-range", format!("bytes {from}-{last}/{size}"))
        .header("etag", "\"1\"")
        .header("last-modified", "Sun, 01 Jun 2025 00:00:00 GMT")
        .body(Body::from(body.await.unwrap().unwrap()))
        .unwrap()
}

/// `bytes=FIRST-LAST`.
fn parse(range: &str) -> Option<(u64, u64)> {
    let (from, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, last.parse().ok()?))
}
