//! A web server on this machine that takes notices.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use http::{HeaderMap, StatusCode};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;

use super::Case;

/// What follows the host: nobody may show it.
pub const TOKEN: &str = "t0ken-0f-the-receiver";

/// What it got.
type Got = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// The server, at an address of the node's that pods reach. It ends with the case.
pub struct Receiver {
    /// Where it is.
    pub url: String,
    /// Scheme and host of that.
    pub host: String,
    got: Got,
}

impl Receiver {
    /// Starts it with one answer for all. `None` where no node's address is this machine's.
    pub async fn start(case: &Case, answer: StatusCode) -> Option<Self> {
        let nodes = Api::<Node>::all(case.client.clone()).list(&ListParams::default()).await.expect("nodes").items;
        let addresses = nodes.into_iter().filter_map(|node| node.status?.addresses).flatten();
        let internal = addresses.filter(|a| a.type_ == "InternalIP").filter_map(|a| a.address.parse().ok());
        let mut listener = None;
        for address in internal {
            listener = listener.or(tokio::net::TcpListener::bind(SocketAddr::new(address, 0)).await.ok());
        }
        let Some(listener) = listener else {
            println!("skipped: the cluster's nodes are not this machine");
            return None;
        };
        let got = Got::default();
        let kept = Arc::clone(&got);
        let app = axum::Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
            kept.lock().unwrap().push((headers, body));
            answer
        });
        let host = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Some(Self { url: format!("{host}/hook/{TOKEN}?key={TOKEN}"), host, got })
    }

    /// Headers and bodies of all that was sent to it.
    pub fn got(&self) -> Vec<(HeaderMap, Bytes)> {
        self.got.lock().unwrap().clone()
    }
}
