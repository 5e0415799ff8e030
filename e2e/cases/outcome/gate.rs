//! A way to the store that can be shut.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::harness::Case;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Connections are taken, and nothing comes.
    Holding,
    /// Connections are reset.
    Refusing,
    /// All goes through.
    Open,
}

/// A Service of the case's namespace that ends in this process, and from there at the store.
pub struct Gate {
    /// The endpoint of the store behind it.
    pub endpoint: String,
    state: watch::Sender<State>,
    arrivals: watch::Receiver<usize>,
    listener: JoinHandle<()>,
}

impl Gate {
    /// A gate that holds whoever comes.
    pub async fn holding(case: &Case) -> Self {
        Self::new(case, State::Holding).await
    }

    /// A gate that turns away whoever comes.
    pub async fn refusing(case: &Case) -> Self {
        Self::new(case, State::Refusing).await
    }

    async fn new(case: &Case, state: State) -> Self {
        let store: Service = Api::namespaced(case.client.clone(), "image-store").get("minio").await.expect("the store");
        let store = store.spec.unwrap().cluster_ip.unwrap();
        let store = SocketAddr::new(store.parse().expect("an address"), 9000);
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        make_service(case, listener.local_addr().unwrap().port()).await;
        let (state, seen) = watch::channel(state);
        let (arrived, arrivals) = watch::channel(0);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                arrived.send_modify(|n| *n += 1);
                tokio::spawn(pass(stream, store, seen.clone()));
            }
        });
        Self { endpoint: format!("http://gate.{}.svc:9000", case.namespace), state, arrivals, listener }
    }

    /// Waits until somebody came.
    pub async fn reached(&self) {
        let mut arrivals = self.arrivals.clone();
        let wait = arrivals.wait_for(|n| *n > 0);
        tokio::time::timeout(Duration::from_secs(120), wait).await.expect("a worker comes to the gate").unwrap();
    }

    /// Lets all pass, also those that are held.
    pub fn open(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn pass(mut from: TcpStream, store: SocketAddr, mut state: watch::Receiver<State>) {
    if *state.borrow() == State::Refusing {
        return;
    }
    if state.wait_for(|s| *s == State::Open).await.is_err() {
        return;
    }
    if let Ok(mut to) = TcpStream::connect(store).await {
        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
    }
}

async fn make_service(case: &Case, port: u16) {
    let nodes = Api::<Node>::all(case.client.clone()).list(&ListParams::default()).await.expect("nodes");
    let addresses = nodes.items.into_iter().filter_map(|n| n.status?.addresses).flatten();
    let address = addresses.filter(|a| a.type_ == "InternalIP").map(|a| a.address).next().expect("the node's address");
    let service = json!({"metadata": {"name": "gate"}, "spec": {"ports": [{"port": 9000}]}});
    let slice = json!({
        "metadata": {"name": "gate", "labels": {"kubernetes.io/service-name": "gate"}},
        "addressType": "IPv4", "endpoints": [{"addresses": [address]}], "ports": [{"name": "", "port": port, "protocol": "TCP"}]
    });
    let params = PostParams::default();
    case.api::<Service>().create(&params, &serde_json::from_value(service).unwrap()).await.expect("a Service");
    case.api::<EndpointSlice>()
        .create(&params, &serde_json::from_value(slice).unwrap())
        .await
        .expect("an EndpointSlice");
}
