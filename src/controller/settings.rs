//! What the operator was started with.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Affinity, EnvVar, LocalObjectReference, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;

use super::key::Stage;
use super::plan::Times;
use crate::api::Notification;
use crate::worker::EgressArgs;

/// A deletion is a few requests, each tried for a minute at most.
const DELETE_DEADLINE: SignedDuration = SignedDuration::from_mins(10);

/// A notice is one request, tried for little more than a minute; its receiver may be slow.
const NOTIFY_DEADLINE: SignedDuration = SignedDuration::from_mins(5);

/// Everything that flags decide.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Image of the worker pods: the operator's own, by digest.
    pub worker_image: String,
    /// The operator's own namespace, for its Lease and for events of cluster-scoped objects.
    pub namespace: String,
    /// Name of the Lease.
    pub lease_name: String,
    /// Namespaces that are watched; empty: all.
    pub watch_namespaces: Vec<String>,
    /// Workers at once.
    pub max_workers: usize,
    /// Workers at once in one namespace.
    pub max_workers_per_namespace: usize,
    /// Times that decide.
    pub times: Times,
    /// Deadline of a reading Job.
    pub inspect_deadline: SignedDuration,
    /// Deadline of a copying Job.
    pub convert_deadline: SignedDuration,
    /// Where workers may connect to.
    pub egress: EgressArgs,
    /// Whether the built-in profiles are applied and put back.
    pub builtin_profiles: bool,
    /// Whether workers' logs are read for their progress.
    pub progress: bool,
    /// Who is told of an import that names nobody.
    pub notification: Option<Notification>,
    /// The worker's pod.
    pub worker: WorkerConfig,
}

impl Settings {
    /// Deadline of a stage's Job.
    pub fn deadline(&self, stage: Stage) -> SignedDuration {
        match stage {
            Stage::Inspect => self.inspect_deadline,
            Stage::Convert => self.convert_deadline,
            Stage::Delete => DELETE_DEADLINE,
            Stage::Notify => NOTIFY_DEADLINE,
        }
    }
}

/// What a cluster's owner says of worker pods: the file of `--worker-config`. Empty values are as good as none.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the fields of a pod, by their names there")]
pub struct WorkerConfig {
    pub resources: ResourceRequirements,
    pub node_selector: BTreeMap<String, String>,
    pub tolerations: Vec<Toleration>,
    pub affinity: Option<Affinity>,
    pub priority_class_name: String,
    pub runtime_class_name: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub image_pull_secrets: Vec<LocalObjectReference>,
    pub image_pull_policy: String,
    pub env: Vec<EnvVar>,
    /// False: the pod runs in a user namespace.
    pub host_users: Option<bool>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            resources: resources(None),
            node_selector: BTreeMap::new(),
            tolerations: vec![],
            affinity: None,
            priority_class_name: String::new(),
            runtime_class_name: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            image_pull_secrets: vec![],
            image_pull_policy: String::new(),
            env: vec![],
            host_users: None,
        }
    }
}

impl WorkerConfig {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Text that is no YAML, an unknown field, a value of the wrong kind, or an environment variable taken from a Secret.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        let mut config: Self = if yaml.trim().is_empty() {
            Self::default()
        } else {
            serde_yaml::from_str(yaml).map_err(|e| e.to_string())?
        };
        let secret = |e: &EnvVar| e.value_from.as_ref().is_some_and(|v| v.secret_key_ref.is_some());
        if let Some(env) = config.env.iter().find(|e| secret(e)) {
            return Err(format!("env {}: a worker's environment takes nothing of a Secret", env.name));
        }
        config.resources = resources(Some(config.resources));
        config.affinity = config.affinity.filter(|a| *a != Affinity::default());
        Ok(config)
    }

    /// The memory limit, for messages.
    pub fn memory_limit(&self) -> String {
        let limits = self.resources.limits.as_ref();
        limits.and_then(|l| l.get("memory")).map(|q| q.0.clone()).unwrap_or_default()
    }
}

/// Requests and limits with the gaps filled: a quota on any of them refuses a pod that does not set it.
fn resources(given: Option<ResourceRequirements>) -> ResourceRequirements {
    let fill = |given: Option<BTreeMap<String, Quantity>>, default: [(&str, &str); 3]| {
        let mut all: BTreeMap<_, _> =
            default.into_iter().map(|(k, v)| (k.to_owned(), Quantity(v.to_owned()))).collect();
        all.extend(given.unwrap_or_default());
        Some(all)
    };
    let given = given.unwrap_or_default();
    ResourceRequirements {
        requests: fill(given.requests, [("cpu", "100m"), ("memory", "128Mi"), ("ephemeral-storage", "16Mi")]),
        limits: fill(given.limits, [("cpu", "2"), ("memory", "512Mi"), ("ephemeral-storage", "64Mi")]),
        claims: given.claims,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_are_as_good_as_none() {
        let config = WorkerConfig::parse(
            "nodeSelector: {}\ntolerations: []\naffinity: {}\npriorityClassName: \"\"\nhostUsers: null\nlabels: {team: a}\n",
        )
        .unwrap();
        assert_eq!((config.affinity, config.host_users), (None, None));
        assert_eq!(config.labels["team"], "a");
        assert_eq!(WorkerConfig::parse("").unwrap().memory_limit(), "512Mi");
    }

    #[test]
    fn every_limit_is_set_whatever_is_given() {
        let config = WorkerConfig::parse("resources: {limits: {memory: 1Gi}}").unwrap();
        let limits = config.resources.limits.unwrap();
        assert_eq!(limits["memory"].0, "1Gi");
        assert!(limits.contains_key("cpu") && limits.contains_key("ephemeral-storage"));
        assert!(config.resources.requests.unwrap().contains_key("ephemeral-storage"));
    }

    #[test]
    fn mistakes_are_told() {
        assert!(WorkerConfig::parse("resourcez: {}").unwrap_err().contains("resourcez"));
        let secret = "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}]";
        assert!(WorkerConfig::parse(secret).unwrap_err().contains("TOKEN"));
    }
}
