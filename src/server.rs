//! The operator's own HTTP: `/healthz`, `/readyz`, `/metrics`, and on the loopback address alone `PUT /log-level`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, put};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::telemetry::LogLevel;

/// Content type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the process is ready: its resources exist and, where it leads, its caches are filled.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says so.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }
    /// What was said last.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Serves `/healthz`, `/readyz` and `/log-level` until the token is cancelled.
///
/// # Errors
/// The address cannot be listened on.
pub async fn health(at: SocketAddr, ready: Readiness, level: LogLevel, stop: CancellationToken) -> std::io::Result<()> {
    let app = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(readyz).with_state(ready))
        .route("/log-level", put(set_level).with_state(level));
    serve(at, app, stop).await
}

/// Serves `/metrics` until the token is cancelled.
///
/// # Errors
/// The address cannot be listened on.
pub async fn metrics(at: SocketAddr, metrics: Arc<Metrics>, stop: CancellationToken) -> std::io::Result<()> {
    let text = |State(m): State<Arc<Metrics>>| async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], m.text()) };
    serve(at, Router::new().route("/metrics", get(text).with_state(metrics)), stop).await
}

async fn serve(at: SocketAddr, app: Router, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(at).await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
}

async fn readyz(State(ready): State<Readiness>) -> impl IntoResponse {
    if ready.get() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}

async fn set_level(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    State(level): State<LogLevel>,
    filter: String,
) -> impl IntoResponse {
    if !peer.ip().is_loopback() {
        return (StatusCode::FORBIDDEN, "only from the loopback address".to_owned());
    }
    match level.set(filter.trim()) {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::BAD_REQUEST, error),
    }
}
