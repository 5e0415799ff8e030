//! Asking for another reading, and waiting for what comes of it.

use image_import::api::{ImageImport, REQUESTED_AT};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::harness::{Case, condition};

/// Sets the annotation that asks for another reading, and waits until that has come to rest.
pub async fn read_again(case: &Case, name: &str, request: &str) -> ImageImport {
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: request}}});
    let imports: Api<ImageImport> = case.api();
    imports.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    case.wait(name, &format!("settled after request {request}"), |import| {
        let handled = import.status.as_ref().and_then(|s| s.last_handled_request_at.as_deref()) == Some(request);
        let ended = |kind| condition(import, kind).is_some_and(|c| c.status == "True");
        handled && (ended("Ready") || ended("Stalled"))
    })
    .await
}

/// Makes the Secret `name` of the store's owner, who may read and write every bucket, with this secret half in place of
/// the right one.
pub async fn owners_secret(case: &Case, name: &str, half: Option<&str>) {
    let owner: Secret = Api::namespaced(case.client.clone(), "image-store").get("owner").await.unwrap();
    let data = owner.data.unwrap();
    let text = |key: &str| String::from_utf8(data[key].0.clone()).unwrap();
    let half = half.map_or_else(|| text("secretAccessKey"), str::to_owned);
    let secret = json!({"metadata": {"name": name}, "stringData": {"accessKeyID": text("accessKeyID"), "secretAccessKey": half}});
    case.api::<Secret>().create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
}

/// Puts the right secret half into such a Secret.
pub async fn mend_secret(case: &Case, name: &str) {
    let owner: Secret = Api::namespaced(case.client.clone(), "image-store").get("owner").await.unwrap();
    let half = owner.data.unwrap()["secretAccessKey"].clone();
    let patch = Patch::Merge(json!({"data": {"secretAccessKey": half}}));
    case.api::<Secret>().patch(name, &PatchParams::default(), &patch).await.unwrap();
}
