//! A node that is lost with a worker on it: a Node object without a kubelet.

use k8s_openapi::api::core::v1::{Binding, Node, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{Borrowed, any_pod, attempts, checked, job, jobs, patch_job, pods, said, stalled, until};
use crate::harness::{Case, GOOD_IMAGE, Triple, check, triple};

/// Makes a pod beside which no node takes a worker of this namespace. It never starts itself.
pub async fn keep_workers_away(case: &Case) {
    let keeper = json!({"metadata": {"name": "keeper"}, "spec": {
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "worker"}}}]}},
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "none", "image": "localhost/none:1", "imagePullPolicy": "Never",
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}});
    let api = case.api::<Pod>();
    api.create(&PostParams::default(), &serde_json::from_value(keeper).unwrap()).await.expect("a pod");
    until(case, "keeper on its node", async || api.get("keeper").await.unwrap().spec?.node_name).await;
}

/// Name of the import's pod, once the scheduler has had its say about it and does not write again.
pub async fn unscheduled(case: &Case, import: &str) -> String {
    let pod = any_pod(case, import).await.name_any();
    until(case, "pod that no node takes", async || {
        let conditions = case.api::<Pod>().get(&pod).await.ok()?.status?.conditions?;
        conditions.iter().any(|c| c.reason.as_deref() == Some("Unschedulable")).then_some(())
    })
    .await;
    pod
}

/// Gives a pod to a node, as the scheduler does.
pub async fn bind(case: &Case, pod: &str, node: &str) {
    let target = json!({"metadata": {"name": pod}, "target": {"kind": "Node", "name": node}});
    let binding: Binding = serde_json::from_value(target).unwrap();
    case.api::<Pod>()
        .create_subresource::<Binding, serde_json::Value>("binding", pod, &PostParams::default(), &binding)
        .await
        .expect("the pod is bound");
}

/// Makes an import whose worker runs on a node that is lost. Returns the pod, and the Node for as long as it is kept.
async fn on_a_lost_node(case: &Case) -> (Pod, Borrowed) {
    keep_workers_away(case).await;
    let name = format!("lost-{}", case.namespace);
    let node = json!({"metadata": {"name": name}, "spec": {"unschedulable": true}});
    let borrowed = Borrowed("node", name.clone());
    Api::<Node>::all(case.client.clone())
        .create(&PostParams::default(), &serde_json::from_value(node).unwrap())
        .await
        .expect("a Node");
    case.apply(&check("web", GOOD_IMAGE, "tencent-cvm")).await.expect("an import");
    let (pod, api) = (any_pod(case, "web").await, case.api::<Pod>());
    unscheduled(case, "web").await;
    bind(case, &pod.name_any(), &name).await;
    // What the kubelet said last.
    let status = json!({"status": {"phase": "Running", "containerStatuses": [{
        "name": "inspect", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}});
    api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(status)).await.expect("a status");
    case.wait("web", "being read", |i| triple(i) == Triple::of("Unknown/Inspecting", Some("True/Progressing"), None))
        .await;
    // Nobody keeps the next pod from the node that is there.
    api.delete("keeper", &DeleteParams::default().grace_period(0)).await.expect("the keeper goes");
    (pod, borrowed)
}

#[tokio::test]
async fn a_pod_that_is_collected_with_its_node_is_replaced() {
    let case = Case::new("outcome-podgc").await;
    let (_, node) = on_a_lost_node(&case).await;
    drop(node);
    assert_eq!(attempts(&checked(&case, "web").await), 1, "the same Job made another pod");
}

#[tokio::test]
async fn a_lost_node_does_not_keep_an_import_and_no_second_worker_runs_beside_the_lost_one() {
    let case = Case::new("outcome-lost-node").await;
    let (pod, node) = on_a_lost_node(&case).await;
    let lost = job(&case, "web").await;
    patch_job(&case, &lost, json!({"activeDeadlineSeconds": 1})).await;
    let import = case.settled("web").await;
    assert_eq!(triple(&import), stalled("DeadlineExceeded"), "{}", said(&import));
    assert_eq!(
        pods(&case, "web").await.iter().map(ResourceExt::uid).collect::<Vec<_>>(),
        [pod.uid()],
        "it never lets go"
    );

    let again = Patch::Merge(json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "again"}}}));
    let imports = case.api::<image_import::api::ImageImport>();
    imports.patch("web", &PatchParams::default(), &again).await.expect("asked again");
    case.wait("web", "queued", |i| triple(i).ready == "Unknown/Queued").await;
    assert_eq!(
        jobs(&case, "web").await.iter().map(ResourceExt::uid).collect::<Vec<_>>(),
        [lost.uid()],
        "no second Job yet"
    );
    drop(node);
    checked(&case, "web").await;
}
