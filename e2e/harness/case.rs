//! One case: its namespace, its client, and its turn among the others.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Operator, Store, kubectl, operator_namespace};

/// Cases that disturb the operator run alone.
static TURN: LazyLock<RwLock<()>> = LazyLock::new(RwLock::default);

#[expect(dead_code, reason = "held, never read")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A case with a namespace of its own, which goes when the case ends. `KEEP=1` keeps it.
pub struct Case {
    /// Client of the cluster under test.
    pub client: Client,
    /// The namespace: Pod Security `restricted`, with the Secrets `bucket-reader` and `bucket-writer`.
    pub namespace: String,
    _turn: Turn,
}

impl Case {
    /// A case that runs beside others.
    pub async fn new(name: &str) -> Self {
        Self::with(name, Turn::Shared(TURN.read().await)).await
    }

    /// A case that stops, starts or burdens the operator: no other runs meanwhile.
    pub async fn alone(name: &str) -> Self {
        Self::with(name, Turn::Alone(TURN.write().await)).await
    }

    async fn with(name: &str, turn: Turn) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_default().await.expect("a cluster: run `make e2e`, or set KUBECONFIG");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let namespace = format!("{name}-{now:x}");
        let case = Self { client, namespace, _turn: turn };
        case.make_namespace().await;
        case
    }

    async fn make_namespace(&self) {
        let namespace: Namespace = serde_json::from_value(json!({
            "metadata": {"name": self.namespace, "labels": {
                "pod-security.kubernetes.io/enforce": "restricted", "imageimport.dev/e2e": "true"}}
        }))
        .unwrap();
        Api::all(self.client.clone()).create(&PostParams::default(), &namespace).await.expect("a namespace");
        for name in ["bucket-reader", "bucket-writer"] {
            let original: Secret =
                Api::namespaced(self.client.clone(), "image-store").get(name).await.expect("the store's Secrets");
            let copy = Secret {
                metadata: kube::core::ObjectMeta { name: Some(name.to_owned()), ..Default::default() },
                ..original
            };
            self.api().create(&PostParams::default(), &copy).await.expect("a Secret");
        }
    }

    /// Objects of a kind in the case's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Server-side apply, as `kubectl apply --server-side` does.
    pub async fn apply<K>(&self, object: &K) -> kube::Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
        K::DynamicType: Default,
    {
        let params = PatchParams::apply("e2e").force();
        self.api().patch(&object.name_any(), &params, &Patch::Apply(object)).await
    }

    /// The object store.
    pub async fn store(&self) -> Store {
        Store::open(&self.client).await
    }

    /// A client that is the operator to the API server, for what is the operator's alone.
    pub async fn as_operator(&self) -> Client {
        let mut config = Config::infer().await.expect("a cluster");
        let namespace = operator_namespace();
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{namespace}:image-import-operator"));
        Client::try_from(config).expect("a client")
    }

    /// The operator under test. Only a case that runs [`Case::alone`] may disturb it.
    pub fn operator(&self) -> Operator {
        Operator::new(self.client.clone())
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::env::var_os("KEEP").is_some() {
            eprintln!("kept: namespace {}", self.namespace);
        } else {
            kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
        }
    }
}
