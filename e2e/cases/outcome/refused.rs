//! Row 4: the cluster takes the Job and refuses its pod. Once it does not, the import goes on.

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::{LimitRange, Pod, ResourceQuota};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use super::{Borrowed, jobs, mended, pods, retried, said, until};
use crate::harness::{Case, GOOD_IMAGE, check, triple};

/// The import says why, in the cluster's words; it is tried again, and has made one Job and no pod.
async fn refused(case: &Case, reason: &str, words: &[&str]) {
    case.apply(&check("web", GOOD_IMAGE, "tencent-cvm")).await.expect("an import");
    let import = case.wait_for("web", "Ready", "False").await;
    assert_eq!(triple(&import), retried(reason), "{}", said(&import));
    assert!(words.iter().all(|word| said(&import).contains(word)), "{words:?}: {}", said(&import));
    assert!(jobs(case, "web").await.len() <= 1 && pods(case, "web").await.is_empty());
}

async fn quota(case: &Case, hard: serde_json::Value) {
    let quota = json!({"metadata": {"name": "team"}, "spec": {"hard": hard}});
    let quotas = case.api::<ResourceQuota>();
    quotas.create(&PostParams::default(), &serde_json::from_value(quota).unwrap()).await.expect("a quota");
    until(case, "quota in force", async || quotas.get("team").await.unwrap().status?.hard).await;
}

#[tokio::test]
async fn a_quota_on_pods_holds_an_import_back() {
    let case = Case::new("outcome-quota").await;
    quota(&case, json!({"pods": "0"})).await;
    refused(&case, "QuotaExceeded", &["exceeded quota: team", "pods=1"]).await;
    case.api::<ResourceQuota>().delete("team", &DeleteParams::default()).await.expect("it goes");
    mended(&case, "web").await;
}

#[tokio::test]
async fn a_quota_on_processor_limits_holds_an_import_back() {
    let case = Case::new("outcome-quota-cpu").await;
    quota(&case, json!({"limits.cpu": "10m"})).await;
    refused(&case, "QuotaExceeded", &["quota: team", "limits.cpu"]).await;
    case.api::<ResourceQuota>().delete("team", &DeleteParams::default()).await.expect("it goes");
    mended(&case, "web").await;
}

#[tokio::test]
async fn a_limit_range_holds_an_import_back() {
    let case = Case::new("outcome-limits").await;
    let limits =
        json!({"metadata": {"name": "small"}, "spec": {"limits": [{"type": "Container", "max": {"memory": "16Mi"}}]}});
    let ranges = case.api::<LimitRange>();
    ranges.create(&PostParams::default(), &serde_json::from_value(limits).unwrap()).await.expect("a LimitRange");
    refused(&case, "PodRefused", &["maximum memory usage per Container is 16Mi"]).await;
    ranges.delete("small", &DeleteParams::default()).await.expect("it goes");
    mended(&case, "web").await;
}

/// The worker keeps Pod Security's strictest level, as every case shows, so that stricter rules of a cluster's own have to
/// refuse it here: they answer as Pod Security does.
#[tokio::test]
async fn an_admission_policy_holds_an_import_back() {
    let case = Case::new("outcome-policy").await;
    let name = &case.namespace;
    let policy = json!({"metadata": {"name": name}, "spec": {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]},
        "validations": [{"expression": "false", "message": "no pods before the audit"}]}});
    let binding = json!({"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}});
    let (policies, bindings) = (
        Api::<ValidatingAdmissionPolicy>::all(case.client.clone()),
        Api::<ValidatingAdmissionPolicyBinding>::all(case.client.clone()),
    );
    let params = PostParams::default();
    let policy_goes = Borrowed("validatingadmissionpolicy", name.clone());
    policies.create(&params, &serde_json::from_value(policy).unwrap()).await.expect("a policy");
    let binding_goes = Borrowed("validatingadmissionpolicybinding", name.clone());
    bindings.create(&params, &serde_json::from_value(binding).unwrap()).await.expect("a binding");
    let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "probe"}, "spec": {
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "a", "image": "a", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}})).unwrap();
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    until(&case, "policy in force", async || case.api::<Pod>().create(&dry, &pod).await.is_err().then_some(())).await;
    refused(&case, "PodRefused", &["no pods before the audit"]).await;
    drop((binding_goes, policy_goes));
    mended(&case, "web").await;
}
