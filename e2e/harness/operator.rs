//! The operator's Deployment: killed, stopped and started as a cluster does it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use super::operator_namespace;

const NAME: &str = "image-import-operator";

/// The operator under test.
pub struct Operator {
    deployments: Api<Deployment>,
    pods: Api<Pod>,
}

impl Operator {
    pub(super) fn new(client: Client) -> Self {
        let namespace = operator_namespace();
        Self { deployments: Api::namespaced(client.clone(), &namespace), pods: Api::namespaced(client, &namespace) }
    }

    /// Kills its pods without a word; the Deployment starts new ones. Returns when they are ready.
    pub async fn kill(&self) {
        let selector = ListParams::default().labels(&format!("app.kubernetes.io/name={NAME}"));
        let pods = self.pods.list(&selector).await.expect("the operator's pods");
        assert!(!pods.items.is_empty(), "the operator has no pod to kill");
        for pod in pods {
            self.pods.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await.expect("a pod goes");
        }
        let replicas = self.get().await.spec.and_then(|s| s.replicas).unwrap_or(1);
        self.wait(replicas).await;
    }

    /// Sets the number of pods, and returns when so many are ready and no other is left.
    pub async fn scale(&self, replicas: i32) {
        let patch = json!({"spec": {"replicas": replicas}});
        self.deployments.patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await.expect("the operator scales");
        self.wait(replicas).await;
    }

    /// The value of a flag such as `--grace=300s`, in seconds.
    pub async fn flag_seconds(&self, name: &str) -> u64 {
        let pod = self.get().await.spec.and_then(|s| s.template.spec).expect("a pod's template");
        let args = pod.containers.into_iter().next().and_then(|c| c.args).unwrap_or_default();
        let value = args.iter().find_map(|a| a.strip_prefix(&format!("--{name}="))?.strip_suffix('s')?.parse().ok());
        value.unwrap_or_else(|| panic!("--{name} is not among {args:?}"))
    }

    async fn get(&self) -> Deployment {
        self.deployments.get(NAME).await.expect("the operator is installed: `make e2e` does it")
    }

    async fn wait(&self, replicas: i32) {
        for _ in 0..240 {
            let deployment = self.get().await;
            let status = deployment.status.unwrap_or_default();
            let current = status.observed_generation >= deployment.metadata.generation;
            let ready = status.ready_replicas.unwrap_or(0) == replicas && status.replicas.unwrap_or(0) == replicas;
            if current && ready {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("the operator did not reach {replicas} ready pods within a minute");
    }
}
