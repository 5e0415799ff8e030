//! Row 4: the pod is there and cannot start. What is missing is recorded at once; when it comes, the import goes on.

use image_import::api::LocalRef;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::lost_node::{bind, keep_workers_away, unscheduled};
use super::{jobs, mended, retried, said};
use crate::harness::{Case, GOOD_IMAGE, check, triple};

/// The Secret `reader`, with keys that work.
async fn reader(case: &Case) -> Secret {
    let good = case.api::<Secret>().get("bucket-reader").await.expect("the reader's keys");
    Secret { metadata: kube::core::ObjectMeta { name: Some("reader".to_owned()), ..Default::default() }, ..good }
}

/// Applies an import that uses the Secret `reader`.
async fn with_reader(case: &Case) {
    let mut import = check("web", GOOD_IMAGE, "tencent-cvm");
    import.spec.source.secret_ref = Some(LocalRef { name: "reader".to_owned() });
    case.apply(&import).await.expect("an import");
}

async fn waits(case: &Case, reason: &str, words: &[&str]) {
    let import = case.wait_for("web", "Ready", "False").await;
    assert_eq!(triple(&import), retried(reason), "{}", said(&import));
    assert!(words.iter().all(|word| said(&import).contains(word)), "{words:?}: {}", said(&import));
    assert!(jobs(case, "web").await.len() <= 1);
}

#[tokio::test]
async fn a_missing_secret_is_named_and_used_when_it_comes() {
    let case = Case::new("outcome-secret").await;
    with_reader(&case).await;
    waits(&case, "SecretNotFound", &["\"reader\" not found"]).await;
    case.api::<Secret>().create(&PostParams::default(), &reader(&case).await).await.expect("a Secret");
    mended(&case, "web").await;
}

#[tokio::test]
async fn a_missing_key_is_named_and_used_when_it_comes() {
    let case = Case::new("outcome-key").await;
    let mut wrong = reader(&case).await;
    let keys = wrong.data.as_mut().unwrap();
    let id = keys.remove("accessKeyID").unwrap();
    keys.insert("accessKeyId".to_owned(), ByteString(id.0));
    case.api::<Secret>().create(&PostParams::default(), &wrong).await.expect("a Secret");
    with_reader(&case).await;
    waits(&case, "SecretKeyNotFound", &["accessKeyID"]).await;
    let right = Patch::Merge(json!({"data": reader(&case).await.data}));
    case.api::<Secret>().patch("reader", &PatchParams::default(), &right).await.expect("the Secret is mended");
    mended(&case, "web").await;
}

#[tokio::test]
async fn a_worker_image_that_is_not_pulled_is_named() {
    let case = Case::new("outcome-image").await;
    keep_workers_away(&case).await;
    case.apply(&check("web", GOOD_IMAGE, "tencent-cvm")).await.expect("an import");
    // Before a node takes the pod it gets another image, which no registry has.
    let pod = unscheduled(&case, "web").await;
    let patch =
        Patch::Strategic(json!({"spec": {"containers": [{"name": "inspect", "image": "localhost/no-such-image:1"}]}}));
    case.api::<Pod>().patch(&pod, &PatchParams::default(), &patch).await.expect("the pod's image changes");
    let keeper = case.api::<Pod>().get("keeper").await.expect("the keeper");
    bind(&case, &pod, &keeper.spec.and_then(|s| s.node_name).expect("its node")).await;
    case.api::<Pod>().delete("keeper", &DeleteParams::default().grace_period(0)).await.expect("the keeper goes");
    case.wait("web", "without its image", |import| triple(import) == retried("WorkerImageNotPulled")).await;
    waits(&case, "WorkerImageNotPulled", &["localhost/no-such-image:1"]).await;
    mended(&case, "web").await;
}

#[tokio::test]
async fn a_pod_that_no_node_takes_is_named() {
    let case = Case::new("outcome-node").await;
    keep_workers_away(&case).await;
    case.apply(&check("web", GOOD_IMAGE, "tencent-cvm")).await.expect("an import");
    waits(&case, "Unschedulable", &["0/", "nodes are available"]).await;
    case.api::<Pod>().delete("keeper", &DeleteParams::default().grace_period(0)).await.expect("the keeper goes");
    mended(&case, "web").await;
}
