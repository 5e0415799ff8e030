//! A way to a store on which requests are counted, and some fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, Uri};

/// What becomes of the answer to a request: another body, or no answer but a status.
pub(crate) enum Change {
    Body(String),
    Status(u16),
}

type Meddle = dyn Fn(&Method, &Uri, &str) -> Option<Change> + Send + Sync;

/// Forwards requests to a store.
pub(crate) struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    to: String,
    client: reqwest::Client,
    answered: Mutex<Vec<(Method, Uri)>>,
    meddle: Box<Meddle>,
}

impl Proxy {
    /// To the store at `to`. `meddle` sees method, address and the answer's text, and may change the answer.
    pub(crate) async fn start(
        to: &str,
        meddle: impl Fn(&Method, &Uri, &str) -> Option<Change> + Send + Sync + 'static,
    ) -> Self {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let meddle = Box::new(meddle);
        let shared = Arc::new(Shared { to: to.to_owned(), client, answered: Mutex::default(), meddle });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(forward).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { endpoint, shared, task }
    }

    /// Parts that were sent and taken, so far.
    pub(crate) fn parts(&self) -> usize {
        let answered = self.shared.answered.lock().unwrap();
        answered.iter().filter(|(method, uri)| *method == Method::PUT && query(uri).contains("partNumber=")).count()
    }

    /// Waits until so many parts were taken.
    pub(crate) async fn until_parts(&self, count: usize) {
        while self.parts() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The query of a request.
pub(crate) fn query(uri: &Uri) -> &str {
    uri.query().unwrap_or_default()
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let url = format!("{}{}", shared.to, parts.uri);
    // The signature covers the host that was asked: it stays.
    let sent = shared.client.request(parts.method.clone(), url).headers(parts.headers).body(body).send().await;
    let Ok(answer) = sent else { return Response::builder().status(503).body(Body::empty()).unwrap() };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap_or_default();
    let change =
        (shared.meddle)(&parts.method, &parts.uri, &String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 16)]));
    let mut response = Response::new(match change {
        Some(Change::Status(status)) => return Response::builder().status(status).body(Body::empty()).unwrap(),
        Some(Change::Body(text)) => Body::from(text),
        None => Body::from(bytes),
    });
    if status.is_success() {
        shared.answered.lock().unwrap().push((parts.method, parts.uri));
    }
    *response.status_mut() = status;
    for (name, value) in
        headers.iter().filter(|(name, _)| !["content-length", "transfer-encoding"].contains(&name.as_str()))
    {
        response.headers_mut().insert(name, value.clone());
    }
    response
}
